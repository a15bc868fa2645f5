// The first rows of a table, kept until there are enough of them to judge the data by.
#pragma once

#include <vector>

#include "core/hnsw/space/vector_space.hpp"

namespace vecstore::core {

// The profile of the data that a sample gives.
struct DataProfile {
    size_t rows = 0;
    std::vector<float>
        mean;  // of most dense vectors, as the index will hold them; empty: none is worth subtracting
    bool equal_norms =
        false;  // inner products follow from L2 distances, but for a few rows that are much longer
    float high_length = 0;         // see lengths.hpp
    size_t long_rows = 0;          // that many are so much longer
    uint32_t sparse_elements = 0;  // all but a hundredth of sparse vectors have no more
};

class RowSample {
  public:
    RowSample(VectorKind kind, uint32_t dims) : kind_(kind), dims_(dims) {}

    void add(const RawVector& raw, const HeapTid& tid);
    size_t size() const { return rows_.size(); }
    bool enough() const {
        return size() >= most_rows || (size() >= least_rows && words_.size() >= most_words);
    }

    // As long as nothing is added.
    RawVector raw(size_t i) const;
    const HeapTid& tid(size_t i) const { return rows_[i].tid; }

    DataProfile profile(Metric metric) const;

  private:
    static constexpr size_t least_rows = 256;
    static constexpr size_t most_rows = 10000;
    static constexpr size_t most_words = size_t{8} << 20;

    struct Row {
        HeapTid tid;
        size_t begin;    // of its words
        uint32_t count;  // elements of a sparse vector
    };
    void append(const void* words, size_t bytes);

    VectorKind kind_;
    uint32_t dims_;
    std::vector<float> words_;
    std::vector<Row> rows_;
};

}  // namespace vecstore::core
