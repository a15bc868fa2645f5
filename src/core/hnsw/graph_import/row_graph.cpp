#include "core/hnsw/graph_import/row_graph.hpp"

#include <algorithm>
#include <unordered_map>

#include "core/base/disjoint_sets.hpp"
#include "core/hnsw/build/builder.hpp"
#include "core/io/source/content_hash.hpp"

namespace vecstore::core {

namespace {

constexpr size_t progress_step = 4096;

}  // namespace

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
    keep_largest_component(progress);
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
        const auto found = std::find_if(begin, end,
                                        [&](const auto& other) { return rows.equal(other.second, i); });
        first_[i] = found == end ? i : found->second;
        if (found == end) by_hash.emplace(hash, i);
    }
}

// Visits the file's links between rows, and those that bridge nodes without a row.
template <class Visit>
void RowGraph::for_each_link(const FileGraph& file, const std::function<void()>& progress,
                             Visit&& visit) const {
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
    std::vector<uint32_t> met_by(size(), FileGraph::no_row);  // the last row whose neighbor it was
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

void RowGraph::keep_largest_component(const std::function<void()>& progress) {
    DisjointSets component;
    component.reset(size());
    for (uint32_t i = 0; i < size(); ++i) {
        if (i % progress_step == 0) progress();
        for (size_t k = 0; k < candidate_count(i); ++k) component.unite(i, candidates(i)[k]);
    }
    std::vector<uint32_t> rows(size());
    for (uint32_t i = 0; i < size(); ++i)
        if (has(i)) ++rows[component.find(i)];
    const auto largest = static_cast<uint32_t>(std::max_element(rows.begin(), rows.end()) - rows.begin());
    for (uint32_t i = 0; i < size(); ++i) {
        if (!has(i) || component.find(i) == largest) continue;
        known_[i] = 0;
        ++cut_off_;
    }
}

}  // namespace vecstore::core
