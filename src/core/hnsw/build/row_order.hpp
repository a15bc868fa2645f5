// Rows that wait to be inserted, and the order in which that is done: those near each other one after the
// other. Most of what the search of one insert reads is then in the CPU's cache for the next, and pages laid
// out in that order are read together later.
#pragma once

#include <algorithm>
#include <memory>
#include <vector>

#include "core/hnsw/write/insert.hpp"

namespace vecstore::core {

// Encoded rows waiting to be inserted. Memory is taken in blocks, so that growing copies nothing.
class RowBuffer {
  public:
    explicit RowBuffer(const NodeLayout& layout)
        : own_bytes_(layout.own_bytes()),
          filter_columns_(layout.filters().columns()),
          row_bytes_((own_bytes_ + filter_columns_ * sizeof(FilterKey) + 7) / 8 * 8) {}

    // row: its `internal` is not looked at.
    void add(const NewRow& row);
    // Forgets all rows, and keeps the memory for others.
    void clear() { rows_.clear(); }

    size_t size() const { return rows_.size(); }
    size_t memory() const { return blocks_.size() * block_bytes() + rows_.capacity() * sizeof(Row); }
    const uint8_t* own_bytes(size_t i) const {
        return blocks_[i / rows_per_block].get() + (i % rows_per_block) * row_bytes_ + key_bytes();
    }
    const FilterKey* filter_keys(size_t i) const {
        return reinterpret_cast<const FilterKey*>(own_bytes(i)) - filter_columns_;
    }
    // Of the keys alone, and with the own vector that follows them (and what fills them up to 8 bytes).
    size_t key_bytes() const { return filter_columns_ * sizeof(FilterKey); }
    size_t row_bytes() const { return key_bytes() + own_bytes_; }
    // All bytes of a row.
    size_t bytes_per_row() const { return row_bytes_ + sizeof(Row); }
    // Are both stored alike?
    bool equal(size_t a, size_t b) const {
        return rows_[a].own.scale == rows_[b].own.scale &&
               std::memcmp(filter_keys(a), filter_keys(b), row_bytes()) == 0;
    }
    const OwnVector& own(size_t i) const { return rows_[i].own; }
    const HeapTid& tid(size_t i) const { return rows_[i].tid; }
    uint8_t level(size_t i) const { return rows_[i].level; }
    // internal: its vector (decoded).
    NewRow row(size_t i, const float* internal) const {
        return {internal, own_bytes(i), own(i), tid(i), level(i), filter_keys(i)};
    }

  private:
    static constexpr size_t rows_per_block = 1024;
    struct Row {
        OwnVector own;
        HeapTid tid;
        uint8_t level;
    };
    size_t block_bytes() const { return rows_per_block * row_bytes_; }

    size_t own_bytes_;
    size_t filter_columns_;
    size_t row_bytes_;  // of the keys, then the own vector
    std::vector<std::unique_ptr<uint8_t[]>> blocks_;
    std::vector<Row> rows_;
};

// A row, by its number in a RowBuffer.
struct OrderedRow {
    uint64_t place = 0;  // to be inserted in this order
    uint32_t row = 0;
    NearCandidates near{};  // into level 0; none: from the entry point
};

inline void sort_by_place(std::vector<OrderedRow>& order) {
    std::sort(order.begin(), order.end(), [](const OrderedRow& a, const OrderedRow& b) {
        return a.place != b.place ? a.place < b.place : a.row < b.row;
    });
}

// Finds the entry candidates that rows are inserted from, in the graph as it was when this was made.
template <class Store>
class CandidateFinder {
  public:
    CandidateFinder(Store& store, const VectorEncoder& encoder)
        : store_(store),
          encoder_(encoder),
          entry_(read_entry_point(store)),
          beam_(store, encoder.layout(), query_, memory_),
          internal_(encoder.geometry().stored_dims) {}

    // False: the graph is empty.
    bool find(const RowBuffer& rows, OrderedRow& ordered) {
        if (!entry_.link.valid()) return false;
        const size_t row = ordered.row;
        encoder_.decode(rows.own_bytes(row), rows.own(row).scale, internal_.data());
        query_.prepare_internal(encoder_, internal_.data(), rows.own(row).norm2);
        query_.look_nearby(true);
        ordered.near.take(find_candidates(store_, encoder_.layout(), query_, beam_, entry_));
        return ordered.near.count > 0;
    }

  private:
    Store& store_;
    const VectorEncoder& encoder_;
    const EntryPoint entry_;
    SearchMemory memory_;
    Query query_;
    Beam<Store> beam_;
    std::vector<float> internal_;
};

}  // namespace vecstore::core
