// A graph that was made elsewhere, as far as it is one of the rows of an index that is being built.
#pragma once

#include <cstdint>
#include <functional>
#include <vector>

namespace vecstore::core {

class RowBuffer;

// Level 0 of a graph as its file has it, and which row each node is.
struct FileGraph {
    static constexpr uint32_t no_row = UINT32_MAX;

    std::vector<uint64_t> begin{0};   // where each node's neighbors are, and one more: where they end
    std::vector<uint32_t> neighbors;  // nodes
    std::vector<uint32_t> row_of;     // by node; no_row where the table has none
    std::vector<uint32_t> order;      // all nodes, as nearby_order() puts them; or none

    size_t nodes() const { return begin.size() - 1; }
};

// For every row, those that may become its neighbors: its neighbors in the file and the rows whose neighbor
// it is there. A node without a row is bridged over: its neighbors stand in for it. Rows whose stored vectors
// and filter keys are equal are one row here, the first of them. Of a graph in components only the largest is
// kept.
class RowGraph {
  public:
    // content: by row, a hash of its vector; rows of different ones are taken for different. progress():
    // called now and then, may throw.
    RowGraph(const FileGraph& file, const RowBuffer& rows, const std::vector<uint64_t>& content,
             const std::function<void()>& progress);

    size_t size() const { return first_.size(); }
    uint32_t first_equal(uint32_t row) const { return first_[row]; }
    // Is the row a node of its own, that the file knows?
    bool has(uint32_t row) const { return known_[row] != 0; }
    const uint32_t* candidates(uint32_t row) const { return neighbors_.data() + begin_[row]; }
    size_t candidate_count(uint32_t row) const { return end_[row] - begin_[row]; }

    // Rows that the file has, but not in the largest component.
    size_t cut_off() const { return cut_off_; }

    // The rows that it has, in the order of the file's nodes.
    const std::vector<uint32_t>& order() const { return order_; }

    // The memory of one row, with so many neighbors in the file: of the file's graph and of this.
    static size_t bytes_per_row(size_t neighbors) { return neighbors * 3 * sizeof(uint32_t) + 56; }

  private:
    void find_equal(const RowBuffer& rows, const std::vector<uint64_t>& content,
                    const std::function<void()>& progress);
    void find_order(const FileGraph& file);
    void keep_each_once(const std::function<void()>& progress);
    void keep_largest_component(const std::function<void()>& progress);
    template <class Visit>
    void for_each_link(const FileGraph& file, const std::function<void()>& progress, Visit&& visit) const;

    std::vector<uint32_t> first_;
    std::vector<uint8_t> known_;
    std::vector<uint64_t> begin_, end_;
    std::vector<uint32_t> neighbors_;
    std::vector<uint32_t> order_;
    size_t cut_off_ = 0;
};

}  // namespace vecstore::core
