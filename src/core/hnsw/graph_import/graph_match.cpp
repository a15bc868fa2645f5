#include "core/hnsw/graph_import/graph_match.hpp"

#include <random>
#include <unordered_map>

#include "core/hnsw/build/nearby_order.hpp"
#include "core/io/source/content_hash.hpp"

namespace vecstore::core {

namespace {

constexpr size_t progress_step = 1024;

// Rows that the file may lack, of those of the table: each is inserted, which takes as long as in any build.
constexpr double most_missing = 0.2;
// Nodes that the table may lack, of those of the file: they are bridged over.
constexpr double most_without_row = 0.5;
// Exact copies differ by float rounding, those in half precision by 2^-11 of each component.
constexpr float exact_tolerance = 2e-3f;
// Of pairs of a neighbor and a random row, so many have the neighbor nearer. Measured: .98 and more in graphs
// of hnswlib and FAISS; .5 where the links have nothing to do with the vectors.
constexpr double least_nearer = 0.8;

std::string share_text(size_t part, size_t whole) {
    return std::to_string(part) + " of " + std::to_string(whole);
}

// One way to tell which row a node is.
class Mapping {
  public:
    Mapping(const RowIds& ids, size_t nodes, const std::function<void()>& progress)
        : ids_(ids), row_of_(nodes, FileGraph::no_row), is_matched_(ids.ids.size()) {
        rows_.reserve(ids.ids.size());
        for (uint32_t i = 0; i < ids.ids.size(); ++i) {
            if (i % progress_step == 0) progress();
            rows_.emplace(ids.ids[i], i);
        }
    }

    // The row with this id.
    uint32_t find(int64_t id, int64_t position) const {
        const auto found = rows_.find(ids_.by_position ? position : id);
        return found == rows_.end() ? FileGraph::no_row : found->second;
    }
    void set(uint64_t node, uint32_t row) {
        matched_ += !is_matched_[row];
        is_matched_[row] = true;
        row_of_[node] = row;
    }
    void note_different() { ++different_; }

    const RowIds& ids() const { return ids_; }
    size_t matched() const { return matched_; }
    size_t different() const { return different_; }
    std::vector<uint32_t>& row_of() { return row_of_; }

  private:
    const RowIds& ids_;
    std::unordered_map<int64_t, uint32_t> rows_;
    std::vector<uint32_t> row_of_;
    std::vector<bool> is_matched_;
    size_t matched_ = 0;    // rows
    size_t different_ = 0;  // found by their ids, with other vectors
};

class Matcher {
  public:
    explicit Matcher(const MatchRequest& request)
        : request_(request),
          encoder_(request.encoder),
          own_(encoder_.geometry().stored_dims),
          other_(encoder_.geometry().stored_dims),
          work_(encoder_.geometry().dims),
          internal_(encoder_.geometry().stored_dims) {}

    GraphMatch run() {
        if (refuse_kind()) return std::move(result_);
        file_ = request_.nodes();
        match_rows();
        if (!accept_mapping() || !accept_metric()) return std::move(result_);
        result_.graph.begin = std::move(file_.begin);
        result_.graph.neighbors = std::move(file_.neighbors);
        result_.graph.order = std::move(file_.order);
        accept_links();
        return std::move(result_);
    }

  private:
    const io::VectorFileInfo& info() const { return request_.vectors.info(); }
    size_t nodes() const { return static_cast<size_t>(request_.graph.nodes); }

    bool misfit(std::string reason, std::string hint = {}) {
        result_.misfit = std::move(reason);
        result_.hint = std::move(hint);
        return false;
    }

    bool refuse_kind() {
        const Geometry& g = encoder_.geometry();
        if (!encoder_.space().dense()) return !misfit("its graph is of dense vectors, the column's are not");
        const MetricInfo& metric = encoder_.metric();
        if (!metric.rotation_safe && !info().metric.is(g.metric))
            return !misfit(std::string("its graph is not by ") + metric.title + " distance");
        if (info().dims != g.dims)
            return !misfit("its vectors have " + std::to_string(info().dims) +
                           " dimensions, those of the column " + std::to_string(g.dims));
        if (nodes() == 0 || nodes() != info().rows)
            return !misfit("its graph has " + std::to_string(nodes()) + " nodes for " +
                           std::to_string(info().rows) + " vectors");
        return false;
    }

    void match_rows() {
        for (const RowIds& ids : request_.ids) mappings_.emplace_back(ids, nodes(), request_.progress);
        for (size_t i = 0; i < file_.nodes.size(); ++i) {
            if (i % progress_step == 0) request_.progress();
            for (Mapping& mapping : mappings_) {
                const uint32_t row = row_at(mapping, i);
                if (row == FileGraph::no_row) continue;
                if (has_content_of(row, i) || (!info().lossy && has_fingerprint_of(row, i)))
                    mapping.set(file_.nodes[i].number, row);
                else if (!info().lossy)
                    mapping.note_different();
            }
        }
        const size_t rows = request_.rows.size();
        const size_t matched = best_mapping().matched();
        if (info().lossy && matched < std::min(rows, nodes()))
            compare_vectors(matched > rows / 2 ? &best_mapping() : nullptr);
    }

    uint32_t row_at(const Mapping& mapping, size_t position) const {
        return mapping.find(file_.nodes[position].id, static_cast<int64_t>(position));
    }
    bool has_content_of(uint32_t row, size_t position) const {
        return request_.content[row] == file_.nodes[position].content;
    }
    bool has_fingerprint_of(uint32_t row, size_t position) const {
        return alike(request_.fingerprints[row], file_.nodes[position].fingerprint, exact_tolerance,
                     encoder_.metric().of_units);
    }
    Mapping& best_mapping() {
        return *std::max_element(mappings_.begin(), mappings_.end(), [](const Mapping& a, const Mapping& b) {
            return a.matched() < b.matched();
        });
    }

    // Vectors of nodes and rows whose contents differ, where those of the file are approximations. By one of
    // the mappings, or all.
    void compare_vectors(const Mapping* only) {
        io::VectorBatch batch;
        for (size_t i = 0; i < file_.nodes.size(); ++i) {
            if (i % progress_step == 0) request_.progress();
            bool is_read = false;
            is_transformed_ = false;
            uint32_t compared = FileGraph::no_row;
            bool same = false;
            for (Mapping& mapping : mappings_) {
                if (only != nullptr && &mapping != only) continue;
                const uint32_t row = row_at(mapping, i);
                if (row == FileGraph::no_row || has_content_of(row, i)) continue;
                if (!is_read) request_.vectors.seek(file_.nodes[i].number);
                if (!is_read && !request_.vectors.read(batch, 1)) return;  // a file that became shorter
                is_read = true;
                if (row != compared) same = is_approximated(row, batch.values.data());
                compared = row;
                if (same)
                    mapping.set(file_.nodes[i].number, row);
                else
                    mapping.note_different();
            }
        }
    }

    bool usable(const RawVector& raw) const {
        try {
            return encoder_.indexable(raw);
        } catch (const Error&) {
            return false;  // too long: none that is in the index
        }
    }

    float squared_distance(const float* internal, uint32_t row, std::vector<float>& buffer) {
        encoder_.decode(request_.rows.own_bytes(row), request_.rows.own(row).scale, buffer.data());
        return kernels().l2_squared(internal, buffer.data(), buffer.size());
    }

    // An approximation is nearer to its own row than to others.
    bool is_approximated(uint32_t row, const float* values) {
        if (!usable(values)) return false;
        if (!is_transformed_) encoder_.transform(values, internal_.data(), work_.data());
        is_transformed_ = true;
        const size_t n = request_.rows.size();
        const auto another = static_cast<uint32_t>((row + 1 + random_() % std::max<size_t>(1, n - 1)) % n);
        return squared_distance(internal_.data(), row, own_) <=
               squared_distance(internal_.data(), another, other_);
    }

    bool accept_mapping() {
        Mapping& best = best_mapping();
        const size_t rows = request_.rows.size(), matched = best.matched();
        const std::string by = std::string("by ") + best.ids().name;
        if (static_cast<double>(rows - matched) > most_missing * static_cast<double>(rows)) {
            std::string reason = by + " only " + share_text(matched, rows) + " rows are found in it";
            if (best.different() > 0)
                reason += ", and " + std::to_string(best.different()) + " have another vector there";
            return misfit(std::move(reason), "Does id_column name the column of its ids?");
        }
        if (static_cast<double>(nodes() - matched) > most_without_row * static_cast<double>(nodes()))
            return misfit("only " + share_text(matched, nodes()) + " of its vectors are rows of the table " +
                          by);
        result_.matched = matched;
        result_.without_row = nodes() - matched;
        result_.graph.row_of = std::move(best.row_of());
        return true;
    }

    // Of vectors of one length, all metrics of lengths and angles have the same neighbors.
    bool accept_metric() {
        const io::FileMetric metric = info().metric;
        const bool same = metric.is_unknown() || metric.is(encoder_.geometry().metric);
        const bool exchangeable = encoder_.metric().rotation_safe && metric.info() != nullptr &&
                                  metric.info()->rotation_safe;
        const bool equal_norms = file_.most_norm2 <= 1.05f * file_.least_norm2 + 1e-30f;
        if (same || (exchangeable && equal_norms)) return true;
        return misfit(std::string("its graph is by another distance (") + metric.name() +
                      "), and its vectors are not all of one length");
    }

    // Are neighbors nearer than other rows are? Asked of a sample. (Of few rows all are neighbors.)
    bool accept_links() {
        constexpr size_t sampled = 1000, least_rows = 256;
        const FileGraph& graph = result_.graph;
        if (request_.rows.size() < least_rows) return true;
        size_t pairs = 0, nearer = 0;
        for (size_t i = 0; i < sampled; ++i) {
            if (i % 64 == 0) request_.progress();
            const size_t node = random_() % nodes();
            const uint32_t row = graph.row_of[node];
            if (row == FileGraph::no_row) continue;
            encoder_.decode(request_.rows.own_bytes(row), request_.rows.own(row).scale, internal_.data());
            for (uint64_t k = graph.begin[node]; k < graph.begin[node + 1]; ++k) {
                const uint32_t neighbor = graph.row_of[graph.neighbors[k]];
                if (neighbor == FileGraph::no_row) continue;
                const auto other = static_cast<uint32_t>(random_() % request_.rows.size());
                ++pairs;
                nearer += distance(neighbor) <= distance(other);
            }
        }
        if (pairs > 0 && static_cast<double>(nearer) >= least_nearer * static_cast<double>(pairs))
            return true;
        return misfit("its graph does not link vectors that are near each other by the index's distance");
    }

    float distance(uint32_t row) {
        encoder_.decode(request_.rows.own_bytes(row), request_.rows.own(row).scale, own_.data());
        return encoder_.distance(internal_.data(), own_.data());
    }

    const MatchRequest& request_;
    const VectorEncoder& encoder_;
    FileNodes file_;
    GraphMatch result_;
    std::vector<Mapping> mappings_;
    std::vector<float> own_, other_, work_, internal_;
    bool is_transformed_ = false;  // internal_ is the file's vector
    std::mt19937_64 random_{20261121};
};

}  // namespace

FileNodes read_nodes(io::VectorReader& vectors, io::GraphReader& graph,
                     const std::function<void()>& progress) {
    const auto dims = static_cast<size_t>(vectors.info().dims);
    const VectorFingerprinter fingerprint_of(dims);
    FileNodes file;
    io::VectorBatch batch;
    while (vectors.read(batch, progress_step)) {
        progress();
        for (size_t i = 0; i < batch.rows; ++i) {
            const float* const values = &batch.values[i * dims];
            const VectorFingerprint fingerprint = fingerprint_of(values);
            file.least_norm2 = std::min(file.least_norm2, fingerprint.norm2);
            file.most_norm2 = std::max(file.most_norm2, fingerprint.norm2);
            file.nodes.push_back(
                {batch.positions[i], batch.ids[i], io::hash_row(0, values, dims), fingerprint});
        }
    }
    const auto nodes = static_cast<size_t>(graph.info().nodes);
    std::vector<uint32_t> links;
    for (size_t node = 0; node < nodes; ++node) {
        if (node % progress_step == 0) progress();
        graph.neighbors(node, 0, links);
        file.neighbors.insert(file.neighbors.end(), links.begin(), links.end());
        file.begin.push_back(file.neighbors.size());
    }
    file.order = nearby_order(file.begin, file.neighbors, progress);
    return file;
}

GraphMatch match_graph(const MatchRequest& request) { return Matcher(request).run(); }

}  // namespace vecstore::core
