#include "core/hnsw/row_graph.hpp"

#include <algorithm>
#include <unordered_map>

#include "core/base/disjoint_sets.hpp"
#include "core/hnsw/builder.hpp"
#include "core/io/content_hash.hpp"

namespace vecstore::core {

namespace {

constexpr size_t progress_step = 4096;

class NearbyOrder {
  public:
    NearbyOrder(const std::vector<uint64_t>& begin, const std::vector<uint32_t>& neighbors)
        : begin_(begin), neighbors_(neighbors), placed_(nodes()), near_(nodes()) {
        order_.reserve(nodes());
    }

    std::vector<uint32_t> run(const std::function<void()>& progress) {
        for (uint32_t node = 0; node < nodes(); ++node) {
            if (placed_[node]) continue;
            for (uint32_t next = node; next != none; next = best_of_last()) {
                if (order_.size() % 256 == 0) progress();
                place(next);
            }
        }
        return std::move(order_);
    }

  private:
    static constexpr uint32_t none = UINT32_MAX;
    // Nodes whose vectors a CPU's cache holds, and how many of them are asked for their neighbors. Measured on a graph of
    // 200,000 rows of 1.5 kB: of the vectors that linking reads, a cache of 8 MB has two thirds; where all neighbors of a
    // node come after it, and then theirs, half.
    static constexpr size_t window = 400, asked = 12;

    struct Unfinished {
        uint32_t node;
        uint64_t next;   // those of its neighbors before this one have come
    };

    size_t nodes() const { return begin_.size() - 1; }

    void place(uint32_t node) {
        placed_[node] = 1;
        order_.push_back(node);
        unfinished_.push_back({node, begin_[node]});
        count_neighbors(node, 1);
        if (order_.size() > window) count_neighbors(order_[order_.size() - 1 - window], -1);
    }

    void count_neighbors(uint32_t node, int by) {
        for (uint64_t i = begin_[node]; i < begin_[node + 1]; ++i) near_[neighbors_[i]] += by;
    }

    // none: all that can be reached have come.
    uint32_t best_of_last() {
        uint32_t best = none;
        const size_t first = order_.size() - std::min(order_.size(), asked);
        for (size_t i = order_.size(); i-- > first;) best = better_of(order_[i], best);
        return best != none ? best : any_left();
    }

    // Where nobody is left nearby: a neighbor of the last node that has one.
    uint32_t any_left() {
        for (; !unfinished_.empty(); unfinished_.pop_back()) {
            Unfinished& last = unfinished_.back();
            for (; last.next < begin_[last.node + 1]; ++last.next)
                if (!placed_[neighbors_[last.next]]) return neighbors_[last.next];
        }
        return none;
    }

    uint32_t better_of(uint32_t node, uint32_t best) const {
        for (uint64_t i = begin_[node]; i < begin_[node + 1]; ++i) {
            const uint32_t near = neighbors_[i];
            if (!placed_[near] && (best == none || near_[near] > near_[best])) best = near;
        }
        return best;
    }

    const std::vector<uint64_t>& begin_;
    const std::vector<uint32_t>& neighbors_;
    std::vector<uint8_t> placed_;
    std::vector<int32_t> near_;   // by node: how many links to it are those of nodes in the window
    std::vector<uint32_t> order_;
    std::vector<Unfinished> unfinished_;   // nodes that came and may have neighbors that did not
};

}  // namespace

std::vector<uint32_t> nearby_order(const std::vector<uint64_t>& begin, const std::vector<uint32_t>& neighbors,
                                   const std::function<void()>& progress) {
    return NearbyOrder(begin, neighbors).run(progress);
}

RowGraph::RowGraph(const FileGraph& file, const RowBuffer& rows, const std::vector<uint64_t>& content,
                   const std::function<void()>& progress)
    : first_(rows.size()), known_(rows.size()), begin_(rows.size() + 1), end_(rows.size()) {
    find_equal(rows, content, progress);
    for (const uint32_t row : file.row_of)
        if (row != FileGraph::no_row) known_[first_[row]] = 1;
    for_each_link(file, progress, [&](uint32_t a, uint32_t b) {
        ++begin_[a + 1];
        ++begin_[b + 1];
    });
    for (size_t i = 0; i < rows.size(); ++i) begin_[i + 1] += begin_[i];
    neighbors_.resize(begin_.back());
    std::copy(begin_.begin(), begin_.end() - 1, end_.begin());
    for_each_link(file, progress, [&](uint32_t a, uint32_t b) {
        neighbors_[end_[a]++] = b;
        neighbors_[end_[b]++] = a;
    });
    keep_each_once(progress);
    keep_largest_piece(progress);
    find_order(file);
}

void RowGraph::find_order(const FileGraph& file) {
    std::vector<uint8_t> placed(size());
    const auto place = [&](uint32_t row) {
        if (has(row) && !placed[row]) order_.push_back(row);
        placed[row] = 1;
    };
    order_.reserve(size());
    for (const uint32_t node : file.order)
        if (file.row_of[node] != FileGraph::no_row) place(first_[file.row_of[node]]);
    for (uint32_t row = 0; row < size(); ++row) place(row);
}

void RowGraph::find_equal(const RowBuffer& rows, const std::vector<uint64_t>& content,
                          const std::function<void()>& progress) {
    std::unordered_multimap<uint64_t, uint32_t> by_hash;
    by_hash.reserve(rows.size());
    for (uint32_t i = 0; i < rows.size(); ++i) {
        if (i % progress_step == 0) progress();
        const uint64_t hash = io::hash_field(content[i], rows.filter_keys(i), rows.key_bytes());
        const auto [begin, end] = by_hash.equal_range(hash);
        const auto found = std::find_if(begin, end, [&](const auto& other) { return rows.equal(other.second, i); });
        first_[i] = found == end ? i : found->second;
        if (found == end) by_hash.emplace(hash, i);
    }
}

// Visits the file's links between rows, and those that bridge nodes without a row.
template <class Visit>
void RowGraph::for_each_link(const FileGraph& file, const std::function<void()>& progress, Visit&& visit) const {
    const auto row_of = [&](uint32_t node) {
        const uint32_t row = file.row_of[node];
        return row == FileGraph::no_row ? row : first_[row];
    };
    const auto add = [&](uint32_t from, uint32_t to) {
        if (to != FileGraph::no_row && to != from) visit(from, to);
    };
    for (size_t node = 0; node < file.nodes(); ++node) {
        if (node % progress_step == 0) progress();
        const uint32_t row = row_of(static_cast<uint32_t>(node));
        if (row == FileGraph::no_row) continue;
        for (uint64_t i = file.begin[node]; i < file.begin[node + 1]; ++i) {
            const uint32_t neighbor = file.neighbors[i];
            const uint32_t other = row_of(neighbor);
            add(row, other);
            if (other != FileGraph::no_row) continue;
            for (uint64_t k = file.begin[neighbor]; k < file.begin[neighbor + 1]; ++k)
                add(row, row_of(file.neighbors[k]));
        }
    }
}

void RowGraph::keep_each_once(const std::function<void()>& progress) {
    std::vector<uint32_t> met_by(size(), FileGraph::no_row);   // the last row whose neighbor it was
    for (uint32_t i = 0; i < size(); ++i) {
        if (i % progress_step == 0) progress();
        uint64_t kept = begin_[i];
        for (uint64_t k = begin_[i]; k < end_[i]; ++k) {
            const uint32_t neighbor = neighbors_[k];
            if (met_by[neighbor] != i) neighbors_[kept++] = neighbor;
            met_by[neighbor] = i;
        }
        end_[i] = kept;
    }
}

void RowGraph::keep_largest_piece(const std::function<void()>& progress) {
    DisjointSets piece;
    piece.reset(size());
    for (uint32_t i = 0; i < size(); ++i) {
        if (i % progress_step == 0) progress();
        for (size_t k = 0; k < candidate_count(i); ++k) piece.unite(i, candidates(i)[k]);
    }
    std::vector<uint32_t> rows(size());
    for (uint32_t i = 0; i < size(); ++i)
        if (has(i)) ++rows[piece.find(i)];
    const auto largest = static_cast<uint32_t>(std::max_element(rows.begin(), rows.end()) - rows.begin());
    for (uint32_t i = 0; i < size(); ++i) {
        if (!has(i) || piece.find(i) == largest) continue;
        known_[i] = 0;
        ++cut_off_;
    }
}

}  // namespace vecstore::core
