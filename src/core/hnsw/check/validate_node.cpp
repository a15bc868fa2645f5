#include "core/hnsw/check/validate_node.hpp"

#include <algorithm>
#include <cmath>
#include <cstring>

#include "core/base/half.hpp"
#include "core/hnsw/space/lengths.hpp"
#include "core/quantize/code.hpp"
#include "core/storage/features.hpp"
#include "core/storage/node_page.hpp"
#include "core/storage/unplaced_layout.hpp"

namespace vecstore::core {

namespace {

std::string number(double value) {
    char text[32];
    std::snprintf(text, sizeof(text), "%g", value);
    return text;
}

// Could choose_geometry() have given these?
std::string dims_problem(const Geometry& g) {
    const bool coded = g.coded(), planes = g.own_format == OwnFormat::planes;
    std::string dims = "impossible dimensions " + std::to_string(g.dims) + " and " +
                       std::to_string(g.stored_dims);
    if (g.dims < 1 || g.stored_dims < 1) return dims;
    switch (g.own_format) {
        case OwnFormat::bits:
            return g.stored_dims > (uint64_t{g.dims} + 31) / 32 || g.stored_dims > page_room ? dims : "";
        case OwnFormat::sparse: return g.stored_dims % 2 != 1 || g.stored_dims > page_room ? dims : "";
        default: break;
    }
    if ((g.form & ~0xfu) != 0 || (coded && !g.rotated()))
        return "impossible rotation " + std::to_string(g.form);
    if (planes && (g.own_bits < 2 || g.own_bits > 6))
        return "impossible number of bits " + std::to_string(g.own_bits);
    if (g.dims > 65535 || g.stored_dims != (g.rotated() || planes ? (g.dims + 15) / 16 * 16 : g.dims))
        return dims;
    return {};
}

std::string kind_problem(const Geometry& g) {
    const std::string problem = "unknown vector format " + std::to_string(int(g.own_format));
    switch (g.kind) {
        case VectorKind::vector:
        case VectorKind::halfvec:
            return g.own_format < OwnFormat::f32 || g.own_format > OwnFormat::planes ? problem : "";
        case VectorKind::bit: return g.own_format != OwnFormat::bits ? problem : "";
        case VectorKind::sparsevec: return g.own_format != OwnFormat::sparse ? problem : "";
    }
    return "unknown type " + std::to_string(int(g.kind));
}

std::string metric_problem(const Geometry& g) {
    const MetricInfo& metric = metric_info(g.metric);
    if (!is_known(g.metric) || metric.of_bits() != (g.kind == VectorKind::bit))
        return "unknown metric " + std::to_string(int(g.metric));
    const bool plain_only = metric.codes == CodesServe::never || g.kind == VectorKind::sparsevec;
    const bool codes = g.mode == StorageMode::coded ||
                       (g.mode == StorageMode::coded_products && metric.is_product());
    const bool bit_codes = g.mode == StorageMode::coded_bits && metric.of_bits();
    if (g.mode != StorageMode::plain && !bit_codes && (!codes || plain_only))
        return "unknown storage mode " + std::to_string(int(g.mode));
    return {};
}

std::string geometry_problem(const Geometry& g) {
    const bool coded = g.coded();
    for (const auto& check : {kind_problem, metric_problem, dims_problem}) {
        std::string problem = check(g);
        if (!problem.empty()) return problem;
    }
    const uint32_t bits = g.code_bits();
    if ((bits != 1 && bits != 2 && bits != 4 && bits != 7) || (bits > 1 && !coded))
        return "impossible number of bits in a code " + std::to_string(bits);
    const bool of_bits = g.mode == StorageMode::coded_bits;
    const uint64_t most_code_dims = g.stored_dims * uint64_t{of_bits ? 32u : 1u};
    const uint32_t unit = of_bits ? 32 : bits == 1 ? 8 : 16;
    if (g.code_dims % unit != 0 || g.code_dims > most_code_dims || (g.code_dims > 0) != coded ||
        (of_bits && bits != 1))
        return "impossible code length " + std::to_string(g.code_dims);
    if (g.max_neighbors < 2 || g.max_neighbors > max_degree || g.m < 2)
        return "impossible number of neighbors " + std::to_string(g.max_neighbors);
    if (g.slots_per_page < 1 || static_cast<size_t>(g.slots_per_page) * g.slot_size > page_room)
        return "impossible number of slots " + std::to_string(g.slots_per_page);
    const NodeLayout layout(g);
    if (layout.own_offset() + layout.own_bytes() > layout.slot_size())
        return "a node does not fit into " + std::to_string(g.slot_size) + " bytes";
    if (g.filter_columns > 0 && layout.filters().blocks_per_group() <= layout.filters().first_node_block())
        return "impossible number of filter columns " + std::to_string(g.filter_columns);
    return {};
}

}  // namespace

std::string to_text(const Link& link) {
    return "(" + std::to_string(link.block) + "," + std::to_string(link.slot) + ")";
}

std::string to_text(const HeapTid& tid) {
    return "(" + std::to_string(tid.block) + "," + std::to_string(tid.offset) + ")";
}

std::string meta_problem(const MetaData& meta) {
    if (meta.magic != format_magic) return "the metapage is not that of an hnsw index";
    if (std::string newer = newer_format(meta, Access::read); !newer.empty()) return newer;
    if (meta.version < oldest_format_version)
        return "the metapage is broken: impossible format version " + std::to_string(meta.version);
    if (meta.version == oldest_format_version && (meta.read_features != 0 || meta.write_features != 0))
        return "the metapage is broken: an index of format version 1 has features";
    const std::string problem = geometry_problem(meta.geometry);
    if (!problem.empty()) return "the metapage is broken: " + problem;
    if ((read_features_of(meta.geometry) & ~meta.read_features) != 0)
        return "the metapage is broken: codes of " + std::to_string(meta.geometry.code_bits()) +
               " bits in storage mode " + std::to_string(int(meta.geometry.mode)) +
               ", which its features do not tell of";
    if (meta.entry_level > highest_level)
        return "the metapage is broken: impossible entry level " + std::to_string(meta.entry_level);
    if (meta.mean_block != invalid_block &&
        meta.mean_pages != (meta.geometry.dims + floats_per_mean_page - 1) / floats_per_mean_page)
        return "the metapage is broken: the mean has " + std::to_string(meta.mean_pages) + " pages";
    if (!meta.keeps_unplaced && (meta.unplaced != 0 || meta.unplaced_room != 0))
        return "the metapage is broken: it knows of rows without a place in the graph, which it does not "
               "keep";
    if (meta.misfits > 1) return "the metapage is broken: impossible state " + std::to_string(meta.misfits);
    if (!(meta.long_from >= 0) || !std::isfinite(meta.long_from) ||
        meta.long_pages > LongLayout::most_pages ||
        ((meta.long_rows != 0 || meta.long_room != 0) &&
         (meta.long_pages == 0 || !keeps_long_rows(meta.geometry))))
        return "the metapage is broken: impossible list of long rows";
    for (size_t i = 0; i < calibration_points; ++i) {
        const float factor = meta.calibration.log_factor[i];  // (packed: there are no references to it)
        if (!(factor >= 0 && factor <= highest_log_factor))
            return "the metapage is broken: impossible calibration of beams " + number(factor);
    }
    return {};
}

std::string meta_problem(const MetaData& meta, uint32_t pages) {
    std::string problem = meta_problem(meta);
    if (!problem.empty()) return problem;
    const auto expect = [&](uint32_t block, uint32_t none, const char* what) {
        if (problem.empty() && block != none && (block == meta_block || block >= pages))
            problem = "the metapage is broken: block " + std::to_string(block) + " cannot be that of " + what;
    };
    expect(meta.mean_block, invalid_block, "the mean");
    if (meta.mean_block != invalid_block)
        expect(meta.mean_block + meta.mean_pages - 1, invalid_block, "the mean");
    expect(meta.entry_point.block, invalid_block, "the entry point");
    if (problem.empty() && meta.entry_point.valid() && meta.entry_point.slot >= meta.geometry.slots_per_page)
        problem = "the metapage is broken: there is no slot " + std::to_string(int(meta.entry_point.slot)) +
                  " for the entry point";
    expect(meta.tid_page, invalid_block, "rows of equal vectors");
    expect(meta.cluster_map, 0, "the map of clusters");
    expect(meta.entry_map, 0, "the map of entry points");
    expect(meta.unplaced, 0, "rows without a place in the graph");
    expect(meta.unplaced_room, 0, "rows without a place in the graph");
    expect(meta.long_rows, 0, "long rows");
    expect(meta.long_room, 0, "long rows");
    return problem;
}

void count_page(const uint8_t* payload, const NodeLayout& layout, PageCounts& counts) {
    switch (page_head(payload).kind) {
        case PageKind::unused: ++counts.unused_pages; break;
        case PageKind::meta: break;
        case PageKind::mean: ++counts.mean_pages; break;
        case PageKind::filters:
        case PageKind::origin_codes:
        case PageKind::cluster_map:
        case PageKind::clusters:
        case PageKind::unclustered: ++counts.filter_pages; break;
        case PageKind::entry_map:
        case PageKind::entry_groups:
        case PageKind::entries: ++counts.entry_pages; break;
        case PageKind::nodes:
            ++counts.node_pages;
            for (size_t s = 0; s < layout.slots_per_page(); ++s) {
                const ConstNode node = raw_node(layout, payload, s);
                const NodeHead& head = node.head();
                counts.free_slots += !node.used();
                counts.dead_nodes += node.used() && node.dead();
                if (!node.live()) continue;
                (head.level == 0 ? counts.nodes : counts.upper_nodes) += 1;
                if (head.level > 0) continue;
                counts.inline_rows += node.tid_count();
                counts.links += node.degree();
            }
            break;
        case PageKind::unplaced: ++counts.tid_pages; break;
        case PageKind::long_rows:
            ++counts.tid_pages;
            counts.long_rows += std::min<size_t>(LongLayout::head(payload).count,
                                                 LongLayout(layout).capacity());
            break;
        case PageKind::tids:
            ++counts.tid_pages;
            for (size_t i = 0; i < chunks_per_page; ++i) {
                counts.chunks += chunk_at(payload, i).used != 0;
                counts.chunk_rows += chunk_at(payload, i).used != 0 ? chunk_at(payload, i).count : 0;
            }
            break;
    }
}

NodeInspector::NodeInspector(const VectorEncoder& encoder, bool deep)
    : encoder_(encoder), layout_(encoder.layout()), deep_(deep), center_(layout_, nullptr) {
    const size_t n = encoder.geometry().stored_dims;
    center_vector_.resize(n);
    neighbor_vector_.resize(n);
    mean_internal_.assign(encoder.space().dense() ? n : 0, 0.0f);
    if (encoder.mean().empty() || encoder.metric().of_units) return;
    // A raw vector of zeros lies at minus the mean.
    std::vector<float> zero(encoder.geometry().dims, 0.0f), work(encoder.geometry().dims);
    encoder.transform(zero.data(), mean_internal_.data(), work.data());
    for (float& x : mean_internal_) x = -x;
}

std::vector<std::string> NodeInspector::inspect(const ConstNode& node, const Link& self) {
    std::vector<std::string> problems;
    inspect_head(node.head(), problems);
    inspect_links(node, self, problems);
    if (deep_) inspect_vector(node, problems);
    return problems;
}

void NodeInspector::inspect_head(const NodeHead& head, std::vector<std::string>& problems) const {
    if ((head.flags & ~(node_used | node_dead)) != 0)
        problems.push_back("unknown flags " + std::to_string(head.flags));
    if (head.level > highest_level) problems.push_back("impossible level " + std::to_string(head.level));
    if (head.degree > layout_.max_neighbors())
        problems.push_back("has " + std::to_string(head.degree) + " neighbors, and room for " +
                           std::to_string(layout_.max_neighbors()));
    if (head.tid_count > inline_tids)
        problems.push_back("impossible number of rows " + std::to_string(head.tid_count));
    const bool has_rows = head.tid_count > 0 || head.overflow.valid();
    if (has_rows && head.level > 0) problems.push_back("has rows, on level " + std::to_string(head.level));
    if (has_rows && (head.flags & node_dead) != 0) problems.push_back("has rows, and is marked dead");
    if (head.level > 0 && !head.down.valid()) problems.push_back("has no link to the level below");
    if (!std::isfinite(head.scale) || !(head.scale > 0))
        problems.push_back("impossible scale " + number(head.scale));
    if (!(head.error >= 0)) problems.push_back("impossible error bound " + number(head.error));
    if (!(head.norm2 >= 0)) problems.push_back("impossible squared norm " + number(head.norm2));
    const uint64_t tree = head.tree_edges_or_epoch;
    const uint64_t possible = head.degree >= 64 ? ~uint64_t{0} : (uint64_t{1} << head.degree) - 1;
    if ((tree & ~possible) != 0) problems.push_back("tree edges beyond its neighbors");
    if (tree != 0 && head.level > 0) problems.push_back("tree edges on level " + std::to_string(head.level));
}

void NodeInspector::inspect_links(const ConstNode& node, const Link& self,
                                  std::vector<std::string>& problems) const {
    const size_t degree = node.degree();
    for (size_t i = 0; i < degree; ++i) {
        const Link& link = node.links()[i];
        const std::string name = "neighbor " + std::to_string(i) + " " + to_text(link);
        if (link == self) problems.push_back(name + " is the node itself");
        for (size_t j = 0; j < i; ++j)
            if (link == node.links()[j])
                problems.push_back(name + " is neighbor " + std::to_string(j) + " as well");
    }
}

double NodeInspector::stored_norm2(const float* internal, double& mean2) const {
    double norm2 = 0;
    mean2 = 0;
    const VectorSpace& space = encoder_.space();
    if (encoder_.geometry().own_format == OwnFormat::bits) {
        const auto* const bits = reinterpret_cast<const uint8_t*>(internal);
        return kernels().bit_overlap(bits, bits, space.bit_bytes()).both;
    }
    if (!space.dense()) {
        const SparseView view = VectorSpace::view(internal);
        for (size_t i = 0; i < view.count; ++i) norm2 += static_cast<double>(view.values[i]) * view.values[i];
        return norm2;
    }
    for (size_t i = 0; i < mean_internal_.size(); ++i) {
        const double x = internal[i], m = mean_internal_[i];
        norm2 += (x + m) * (x + m);
        mean2 += m * m;
    }
    return norm2;
}

// The list itself: in order, within the dimensions.
std::string NodeInspector::sparse_problem(const ConstNode& node) const {
    if (encoder_.geometry().own_format != OwnFormat::sparse) return {};
    uint32_t count;
    std::memcpy(&count, node.own(), sizeof(count));
    const SparseView view = encoder_.space().stored_view(node.own());
    if (count != view.count)
        return "its vector has " + std::to_string(count) + " elements, and room for " +
               std::to_string(view.count);
    for (size_t i = 0; i < view.count; ++i) {
        const int64_t index = view.indices[i];
        if (index < (i > 0 ? static_cast<int64_t>(view.indices[i - 1]) + 1 : 0) ||
            index >= encoder_.geometry().dims)
            return "element " + std::to_string(i) + " of its vector has an impossible index " +
                   std::to_string(index);
    }
    return {};
}

void NodeInspector::inspect_vector(const ConstNode& node, std::vector<std::string>& problems) {
    const NodeHead& head = node.head();
    const std::string problem = sparse_problem(node);
    if (!problem.empty()) {
        problems.push_back(problem);
        return;
    }
    encoder_.decode(node, neighbor_vector_.data());
    double mean2;
    double norm2 = stored_norm2(neighbor_vector_.data(), mean2);
    if (!std::isfinite(norm2)) {
        problems.push_back("its vector is not finite");
        return;
    }
    if (!std::isfinite(head.norm2)) return;  // of very large values
    if (encoder_.metric().of_units && encoder_.space().dense()) norm2 = 1;
    // (Of bits those are counted that are stored.)
    const double error = encoder_.geometry().own_format == OwnFormat::bits
                             ? 0
                             : head.error * encoder_.space().error_norm().to_l2(encoder_.geometry().dims);
    const double allowed = 2 * std::sqrt(norm2) * error + error * error + 1e-5 * (norm2 + mean2) + 1e-36;
    if (std::fabs(norm2 - head.norm2) > allowed)
        problems.push_back("its squared norm is " + number(norm2) + ", not " + number(head.norm2));
}

std::string NodeInspector::vector_problem(const ConstNode& node, const float* internal) {
    double distance = 0, norm = 0;
    const VectorSpace& space = encoder_.space();
    if (space.dense()) {
        encoder_.decode(node, neighbor_vector_.data());
        double norm2 = 0;
        for (size_t i = 0; i < neighbor_vector_.size(); ++i) {
            const double d = static_cast<double>(internal[i]) - neighbor_vector_[i];
            distance = space.error_norm().add(distance, d);
            norm2 += static_cast<double>(internal[i]) * internal[i];
        }
        distance = space.error_norm().of_sum(distance);
        norm = std::sqrt(norm2);
    } else if (encoder_.geometry().own_format == OwnFormat::bits) {
        // Those that are stored must be the same; the others are not known.
        if (std::memcmp(node.own(), internal, space.bit_bytes()) == 0) return {};
        return "its bits are not those of its row";
    } else {
        const SparseView whole = VectorSpace::view(internal), stored = space.stored_view(node.own());
        distance = space.error_norm().of_sum(space.error_norm().sparse(whole, stored));
        norm = std::sqrt(node.head().norm2);
    }
    if (distance <= node.head().error * 1.001 + 1e-7 * norm) return {};
    return "its vector is " + number(distance) + " from its row's, at most " + number(node.head().error) +
           " is allowed";
}

bool NodeInspector::is_rough(const ConstNode& node) {
    const Geometry& g = encoder_.geometry();
    constexpr size_t neighbors_looked_at = 8;
    constexpr double share_of_distance = 0.5;
    // (Of planes little is stored at best.)
    if (!encoder_.space().dense() || encoder_.space().is_product() || g.own_format == OwnFormat::planes)
        return false;
    const size_t degree = std::min(node.degree(), neighbors_looked_at);
    if (degree == 0) return false;
    if (layout_.coded()) encoder_.decode(node, neighbor_vector_.data());
    double farthest = 0;
    for (size_t i = 0; i < degree; ++i) {
        float distance;
        if (layout_.coded())
            distance = residual_norm_squared(
                load_factors(node.factor(i)),
                code_dot(neighbor_vector_.data(), node.code(i), g.code_dims, g.code_bits()), g.code_dims);
        else
            distance = node.distance(i);
        farthest = std::max(farthest, encoder_.space().is_norm()
                                          ? double{distance}
                                          : std::sqrt(std::max(0.0, double{distance})));
    }
    return node.head().error > share_of_distance * farthest;
}

void NodeInspector::set_center(const ConstNode& node) {
    center_ = node;
    center_scale_ = node.head().scale;
    encoder_.decode(node, center_vector_.data());
}

// By how much a component may have differed from what is stored of it.
float NodeInspector::rounding_of(float component, float scale) const {
    constexpr float slack = 1.01f;
    switch (encoder_.geometry().own_format) {
        case OwnFormat::f32: return 0;
        case OwnFormat::f16: return slack * std::max(std::fabs(component) * 0x1p-11f, scale * 0x1p-25f);
        case OwnFormat::i8: return slack * 0.5f * scale;
        default: return 0;  // links_stored_vectors()
    }
}

std::string NodeInspector::link_problem(size_t i, const ConstNode& neighbor) {
    encoder_.decode(neighbor, neighbor_vector_.data());
    neighbor_scale_ = neighbor.head().scale;
    double error = static_cast<double>(center_.head().error) + neighbor.head().error;
    if (encoder_.links_stored_vectors()) error = 0;
    if (!std::isfinite(error)) return {};  // values so large that nothing is known
    if (!layout_.residual_codes()) {
        if (layout_.coded()) {
            std::vector<uint8_t> code(layout_.code_bytes());
            encoder_.space().sample_bits(neighbor_vector_.data(), code.data());
            if (std::memcmp(center_.code(i), code.data(), code.size()) != 0)
                return "its code is not of its bits";
        }
        return plain_problem(i, error);
    }
    const std::string problem = code_problem(i, error);
    return problem.empty() ? factor_problem(i, error) : problem;
}

// A code was made from one stored vector and one that had not been rounded yet, so bits of components that
// are nearly equal may be either.
std::string NodeInspector::code_problem(size_t i, double error) const {
    const Geometry& g = encoder_.geometry();
    const uint8_t* code = center_.code(i);
    const float norm2 = kernels().l2_squared(neighbor_vector_.data(), center_vector_.data(), g.code_dims);
    const float step = code_constants(g.code_bits()).step *
                       std::sqrt(norm2 / static_cast<float>(g.code_dims));
    const int highest = (1 << g.code_bits()) - 1;
    // The step of codes of several bits is made from the length of the residual, which rounding changes, too.
    const auto step_error = static_cast<float>(1e-4 + (norm2 > 0 ? error / std::sqrt(norm2) : 1));
    size_t wrong = 0;
    for (size_t j = 0; j < g.code_dims; ++j) {
        const float r = neighbor_vector_[j] - center_vector_[j];
        const int number = code_number(code, j, g.code_dims, g.code_bits());
        // Where the residual is that has this number. Beyond the outermost two there is no end.
        const float low = 0.5f * static_cast<float>(number - 1) * step, high = low + step;
        const float below = number > -highest ? low - r : 0, above = number < highest ? r - high : 0;
        if (below <= 0 && above <= 0) continue;
        float unsure = rounding_of(neighbor_vector_[j], neighbor_scale_) +
                       rounding_of(center_vector_[j], center_scale_) +
                       1e-6f * (std::fabs(neighbor_vector_[j]) + std::fabs(center_vector_[j]));
        if (g.code_bits() > 1)
            unsure += step_error * std::fabs(r) + 2e-7f * static_cast<float>(highest) * step;
        wrong += std::max(below, above) > unsure;
    }
    if (wrong == 0) return {};
    return std::to_string(wrong) + " of " + std::to_string(g.code_dims) + " components of its code are wrong";
}

std::string NodeInspector::factor_problem(size_t i, double error) const {
    const uint32_t dims = encoder_.geometry().code_dims, bits = encoder_.geometry().code_bits();
    const uint8_t* code = center_.code(i);
    const double root = std::sqrt(static_cast<double>(dims));
    double norm2 = 0, abs_sum = 0, dot = 0, center2 = 0, neighbor2 = 0;
    for (size_t j = 0; j < neighbor_vector_.size(); ++j) {
        const double c = center_vector_[j];
        const double r = neighbor_vector_[j] - c;
        norm2 += r * r;
        center2 += c * c;
        neighbor2 += (r + c) * (r + c);
        if (j >= dims) continue;
        const int number = code_number(code, j, dims, bits);
        abs_sum += r * number;
        dot += c * number;
    }
    const Factors stored = load_factors(center_.factor(i));
    if (!std::isfinite(stored.f_add) || !std::isfinite(stored.f_rescale))
        return norm2 < 1e36 && center2 < 1e36 ? "its factors are not finite" : "";
    const double norm = std::sqrt(norm2);
    const bool product = encoder_.space().is_product();
    if (product && neighbor2 > 1e-34 && neighbor2 < 1e36) {
        const double allowed = 0x1p-8 * neighbor2 + 1.1 * (2 * std::sqrt(neighbor2) * error + error * error);
        if (std::fabs(stored.f_add - neighbor2) > allowed)
            return "its squared length is " + number(stored.f_add) + ", not " + number(neighbor2);
    }
    // Of neighbors within the rounding of each other, or of a float's range, nothing can be said.
    if (error > 0.25 * norm || abs_sum < 4 * root * error || norm2 < 1e-34 || norm2 > 1e36) return {};
    const double rescale = (product ? -1 : -2) * norm2 / abs_sum * root;
    const double relative = 0x1p-8 +
                            1.1 * (2 * error / norm + error * error / norm2 + root * error / abs_sum);
    if (std::fabs(stored.f_rescale - rescale) > relative * std::fabs(rescale))
        return "its factor f_rescale is " + number(stored.f_rescale) + ", not " + number(rescale);
    if (product) return {};
    const double add = norm2 - stored.f_rescale * dot / root;
    const double allowed = 0x1p-8 * std::fabs(add) + 1.1 * (2 * norm * error + error * error) +
                           std::fabs(stored.f_rescale) * (1.1 * error + 1e-5 * std::sqrt(center2)) +
                           1e-5 * norm2;
    if (std::fabs(stored.f_add - add) > allowed)
        return "its factor f_add is " + number(stored.f_add) + ", not " + number(add);
    return {};
}

std::string NodeInspector::plain_problem(size_t i, double error) const {
    const double distance = encoder_.distance(center_vector_.data(), neighbor_vector_.data());
    const float stored = center_.distance(i);
    double mean2;
    const double center2 = stored_norm2(center_vector_.data(), mean2);
    const double neighbor2 = stored_norm2(neighbor_vector_.data(), mean2);
    if (!std::isfinite(stored))
        return std::fabs(distance) < 1e37 && center2 < 1e37 && neighbor2 < 1e37 ? "its distance is not finite"
                                                                                : "";
    if (!std::isfinite(distance)) return {};
    double allowed = 1e-36;
    if (encoder_.space().is_product()) {
        allowed += error * (2 * (std::sqrt(center2) + std::sqrt(neighbor2)) + error) +
                   2e-5 * std::sqrt(center2 * neighbor2);
    } else {
        allowed += distance_tolerance(distance, error);
    }
    if (std::fabs(stored - distance) <= allowed) return {};
    return "its distance is " + number(stored) + ", not " + number(distance);
}

double NodeInspector::distance_tolerance(double distance, double error) const {
    switch (encoder_.metric().result) {
        case OperatorResult::count: return 0;
        case OperatorResult::share: return 1e-6;
        case OperatorResult::norm: return error + 2e-5 * distance;
        default: return error * (2 * std::sqrt(distance) + error) + 2e-5 * distance;
    }
}

}  // namespace vecstore::core
