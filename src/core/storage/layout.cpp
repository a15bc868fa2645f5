#include "core/storage/layout.hpp"

#include <algorithm>
#include <string>
#include <vector>

#include "core/base/error.hpp"

namespace vecstore::core {

namespace {

// Codes shorter than this lead searches astray more than fewer bits of own vectors do.
constexpr uint32_t least_code_dims = 512;
constexpr uint32_t most_dims_of_four_bits = 32, most_dims_of_floats = 16;
// A small index is content with fewer bits.
constexpr uint32_t most_dims_of_two_bits_compact = 64;
constexpr uint32_t most_plane_bits = 6;  // at 7 int8 is as small
constexpr uint32_t least_plane_bits = 2;

size_t own_bytes_of(const Geometry& g) {
    switch (g.own_format) {
        case OwnFormat::f32: return g.stored_dims * sizeof(float);
        case OwnFormat::f16: return g.stored_dims * sizeof(uint16_t);
        case OwnFormat::i8: return g.stored_dims;
        case OwnFormat::planes: return size_t{g.own_bits} * (g.stored_dims / 8);
        case OwnFormat::bits:
        case OwnFormat::sparse: return g.stored_dims * sizeof(uint32_t);
    }
    return 0;
}

uint32_t round_up(uint32_t value, uint32_t to) { return (value + to - 1) / to * to; }

size_t neighbor_bytes(const Geometry& g) {
    return sizeof(Link) + factor_bytes + code_bytes_of(g.code_dims, g.code_bits());
}

// Of a page with so many. Own vectors, which come after sections of even size, are not to lie at odd
// addresses.
size_t slot_bytes(size_t slots) { return page_room / slots / sizeof(uint32_t) * sizeof(uint32_t); }

// Room for neighbors in a slot when `slots` of them share a page.
size_t neighbors_that_fit(const Geometry& g, size_t slots) {
    const size_t fixed = sizeof(NodeHead) + own_bytes_of(g);
    const size_t slot = slot_bytes(slots);
    if (slot <= fixed) return 0;
    return std::min((slot - fixed) / neighbor_bytes(g), max_degree);
}

// The most slots a page can hold so that each has room for at least `wanted` neighbors; 0 if none.
size_t slots_with(const Geometry& g, size_t wanted) {
    size_t slots = 0;
    while (slots < 255 && neighbors_that_fit(g, slots + 1) >= wanted) ++slots;
    return slots;
}

void fit(Geometry& g, size_t slots, size_t target) {
    // A bit more than 2m is taken where the page has room for it anyway; much more would only make every
    // hop and every WAL record longer.
    const size_t fits = neighbors_that_fit(g, slots);
    g.max_neighbors = static_cast<uint16_t>(std::min(fits, target + target / 4));
    g.slots_per_page = static_cast<uint8_t>(slots);
    g.slot_size = static_cast<uint16_t>(slot_bytes(slots));
    // Kernels read beyond the codes of the last slot, but not beyond the page.
    const size_t codes_end = (slots - 1) * g.slot_size + sizeof(NodeHead) +
                             g.max_neighbors * code_bytes_of(g.code_dims, g.code_bits());
    if (g.code_dims > 0 && slots > 1 && codes_end + FilterLayout::read_beyond > page_room)
        fit(g, slots - 1, target);
}

// The bytes that a slot of a page with so many has left for its own vector beside `neighbors` neighbors.
size_t own_room(const Geometry& g, size_t slots, size_t neighbors) {
    const size_t other = sizeof(NodeHead) + neighbors * neighbor_bytes(g);
    const size_t slot = slot_bytes(slots);
    return slot > other ? slot - other : 0;
}

void use_format(Geometry& g, OwnFormat format, uint32_t bits = 0) {
    g.own_format = format;
    g.own_bits = static_cast<uint8_t>(bits);
    // Where distances survive a rotation, it makes the components alike, as coarse formats
    // need.
    const bool coarse = format == OwnFormat::i8 || format == OwnFormat::planes;
    g.set_rotated(g.coded() || (coarse && metric_info(g.metric).rotation_safe));
    g.stored_dims = g.rotated() || format == OwnFormat::planes ? round_up(g.dims, 16) : g.dims;
}

// The formats from the finest on that a dense own vector may have.
struct DenseFormat {
    OwnFormat format;
    uint32_t bits;
};
std::vector<DenseFormat> coarser_formats(OwnFormat finest) {
    std::vector<DenseFormat> formats;
    for (const OwnFormat format : {OwnFormat::f32, OwnFormat::f16, OwnFormat::i8})
        if (format >= finest) formats.push_back({format, 0});
    for (uint32_t bits = most_plane_bits; bits >= least_plane_bits; --bits)
        formats.push_back({OwnFormat::planes, bits});
    return formats;
}

// Level 0 aims at 2m links; of long vectors two thirds of that lose nothing measurable
// (docs/architecture.md), and an index of half the size is read twice as fast. Who asks for a small index
// gets half of 2m, and up to 64 dimensions five eighths: two bits find the same with 20 links as one bit with
// 24, at three times the speed. Short vectors need more links, which cost little: of 100,000 word vectors x
// 100 with 23, 28 and 35 of them searches find .829, .861 and .896 at ef_search 40, at the same speed for the
// same recall.
size_t enough_neighbors(uint32_t dims, bool compact, size_t target) {
    if (compact && dims <= most_dims_of_two_bits_compact) return target * 5 / 8;
    if (dims <= most_dims_of_wide_codes) return compact ? target * 3 / 4 : target * 7 / 8;
    return compact ? target / 2 : (target * 2 + 2) / 3;
}

bool fit_coded(Geometry& g, bool compact, size_t target) {
    const size_t enough = std::max<size_t>(4, enough_neighbors(g.dims, compact, target));
    // Rows of few dimensions may lie far from the origin and near each other, where half precision tells them
    // no longer apart (20,000 points on a line); whole floats cost next to nothing there.
    const OwnFormat precise = g.dims <= most_dims_of_floats ? OwnFormat::f32 : OwnFormat::f16;
    const OwnFormat finest = compact ? OwnFormat::i8 : precise;
    use_format(g, finest);
    g.code_dims = g.stored_dims;
    if (const size_t slots = slots_with(g, enough)) {
        fit(g, slots, target);
        return true;
    }
    // One node does not fit a page: cut the codes to no less than half, then give the own vector fewer bits
    // and the codes the room. (What own vectors lose, rows' order gets back from the table; what codes lose,
    // recall does not.)
    for (const DenseFormat& format : coarser_formats(finest)) {
        use_format(g, format.format, format.bits);
        const uint32_t half = round_up(g.stored_dims / 2, 16);
        const uint32_t least = format.format == OwnFormat::f16 ? std::max(least_code_dims, half)
                                                               : std::min(least_code_dims, half);
        for (g.code_dims = g.stored_dims; g.code_dims >= least; g.code_dims -= 16) {
            if (neighbors_that_fit(g, 1) < enough) continue;
            fit(g, 1, target);
            return true;
        }
    }
    return false;
}

// (In plain mode a link costs ten bytes: there is nothing to save.)
bool fit_plain(Geometry& g, bool compact, size_t target) {
    // A halfvec's components are exact in half precision.
    const OwnFormat exact = g.kind == VectorKind::halfvec ? OwnFormat::f16 : OwnFormat::f32;
    for (const DenseFormat& format : coarser_formats(compact ? OwnFormat::i8 : exact)) {
        use_format(g, format.format, format.bits);
        if (const size_t slots = slots_with(g, target)) {
            fit(g, slots, target);
            return true;
        }
    }
    return false;
}

// Of up to 512 bits a neighbor has all in its code; of longer strings half of them, as far as a page has room
// for, and no less than 512 (VectorSpace::sample_bits()). Of 50,000 x 768 (bits of gen.py's) searches at 40
// find .989 with all bits, in 52 pages of an index of 2,912 bytes a row; .993 with 512, in 63 pages of 2,184;
// .988 with 384, in 75 of 1,747; and .980 with 256, in 110 of 1,248. Without codes: .994 in 818 pages of 514
// bytes.
bool fit_coded_bits(Geometry& g, size_t target) {
    constexpr uint32_t word = 32;
    const size_t enough = std::max<size_t>(4, (target * 2 + 2) / 3);
    const uint32_t all = round_up(g.dims, word), least = std::min(least_code_dims, all);
    g.own_format = OwnFormat::bits;
    g.stored_dims = all / word;
    for (g.code_dims = std::max(least, round_up(all / 2, word)); g.code_dims >= least; g.code_dims -= word) {
        const size_t slots = slots_with(g, enough);
        if (slots == 0) continue;
        fit(g, slots, target);
        return true;
    }
    // The string itself does not fit.
    g.code_dims = least;
    g.stored_dims = std::min(g.stored_dims, static_cast<uint32_t>(own_room(g, 1, enough) / sizeof(uint32_t)));
    fit(g, 1, target);
    return true;
}

bool fit_bits(Geometry& g, size_t target) {
    if (g.mode == StorageMode::coded_bits) return fit_coded_bits(g, target);
    g.own_format = OwnFormat::bits;
    g.stored_dims = round_up(g.dims, 32) / 32;
    const auto most = static_cast<uint32_t>(own_room(g, 1, target) / sizeof(uint32_t));
    g.stored_dims = std::min(g.stored_dims, most);
    fit(g, slots_with(g, target), target);
    return true;
}

// Their words are aligned.
constexpr size_t sparse_alignment = sizeof(uint32_t);
static_assert(sizeof(PageHead) % sparse_alignment == 0 && sizeof(NodeHead) % sparse_alignment == 0);

bool fit_sparse(Geometry& g, uint32_t elements, size_t target) {
    const auto words = [](size_t n) { return static_cast<uint32_t>(1 + 2 * n); };
    // Bytes that the vector's beginning may lose to its alignment are not counted on.
    const auto elements_in = [&](size_t slots) {
        return ((own_room(g, slots, target) - sparse_alignment) / sizeof(uint32_t) - 1) / 2;
    };
    g.own_format = OwnFormat::sparse;
    const size_t wanted = std::min<size_t>(std::max(elements, 1u), elements_in(1));
    size_t slots = 1;
    while (slots < 255 && own_room(g, slots + 1, target) > 64 && elements_in(slots + 1) >= wanted) ++slots;
    g.stored_dims = words(elements_in(slots));  // all the room there is
    fit(g, slots, target);
    g.max_neighbors = static_cast<uint16_t>(target);
    return true;
}

// The pages that every index starts with must not reach as far as the second group.
bool filter_columns_fit(const Geometry& g) {
    const FilterLayout filters(g);
    const size_t mean_pages = (g.dims + floats_per_mean_page - 1) / floats_per_mean_page;
    return g.filter_columns == 0 || filters.blocks_per_group() > filters.first_node_block() + mean_pages;
}

void check_filter_columns(const Geometry& g) {
    Geometry most = g;
    while (!filter_columns_fit(most)) --most.filter_columns;
    if (most.filter_columns == g.filter_columns) return;
    throw Error(ErrorCode::limit_exceeded,
                "an index on vectors of " + std::to_string(g.dims) + " dimensions cannot have " +
                    std::to_string(g.filter_columns) + " further columns",
                "With m = " + std::to_string(g.m) + " and " + std::to_string(g.slots_per_page) +
                    " nodes on a page it has room for " + std::to_string(most.filter_columns) + ".",
                "Leave out the columns that queries filter by least.");
}

}  // namespace

uint32_t code_bits_for(StorageMode mode, uint32_t dims, bool compact) {
    if (dims > (compact ? most_dims_of_two_bits_compact : most_dims_of_wide_codes)) return 1;
    // (Errors that hide long vectors from inner products are those of few bits: optimism_of_products().)
    if (compact && mode != StorageMode::coded_products) return 2;
    return dims > most_dims_of_four_bits ? 2 : 4;
}

Geometry choose_geometry(const GeometryRequest& request) {
    Geometry g{};
    g.dims = request.dims;
    g.metric = request.metric;
    g.mode = request.mode;
    g.kind = request.kind;
    g.m = request.m;
    if (g.residual_codes()) {
        g.set_code_bits(request.code_bits > 0 ? request.code_bits
                                              : code_bits_for(g.mode, g.dims, request.compact));
    }
    const size_t target = std::min(size_t{2} * request.m, max_degree);
    bool fits = false;
    switch (request.kind) {
        case VectorKind::vector:
        case VectorKind::halfvec:
            fits = g.coded() ? fit_coded(g, request.compact, target) : fit_plain(g, request.compact, target);
            break;
        case VectorKind::bit: fits = fit_bits(g, target); break;
        case VectorKind::sparsevec: fits = fit_sparse(g, request.sparse_elements, target); break;
    }
    g.filter_columns = request.filter_columns;
    check_filter_columns(g);
    if (fits) return g;
    throw Error(ErrorCode::limit_exceeded,
                "vectors of " + std::to_string(request.dims) +
                    " dimensions with m = " + std::to_string(request.m) + " are too large for an index",
                "A node with its neighbors must fit an index page of 8 kB.",
                "Use a smaller m, or index fewer dimensions with subvector().");
}

NodeLayout::NodeLayout(const Geometry& geometry) : geometry_(geometry), filters_(geometry) {
    code_bytes_ = code_bytes_of(geometry.code_dims, geometry.code_bits());
    own_bytes_ = own_bytes_of(geometry);
    links_offset_ = sizeof(NodeHead) + geometry.max_neighbors * code_bytes_;
    factors_offset_ = links_offset_ + geometry.max_neighbors * sizeof(Link);
    own_offset_ = factors_offset_ + geometry.max_neighbors * factor_bytes;
    if (geometry.own_format == OwnFormat::sparse)
        own_offset_ = (own_offset_ + sparse_alignment - 1) / sparse_alignment * sparse_alignment;
}

}  // namespace vecstore::core
