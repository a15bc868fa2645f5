// Distances of sparse vectors: merges of two ascending lists of indices.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>

namespace vecstore::core {

// A sparse vector as it lies somewhere, aligned or not: indices ascending, their values.
class SparseView {
  public:
    SparseView(const void* indices, const void* values, size_t count)
        : indices_(static_cast<const uint8_t*>(indices)), values_(static_cast<const uint8_t*>(values)), count_(count) {}

    // One run of words of four bytes: the count, the indices, the values. No more than `most` elements are
    // believed in.
    static SparseView of_words(const void* words, size_t most) {
        uint32_t count;
        std::memcpy(&count, words, sizeof(count));
        const size_t n = std::min<size_t>(count, most);
        const auto* const indices = static_cast<const uint8_t*>(words) + sizeof(count);
        return {indices, indices + n * sizeof(int32_t), n};
    }
    static size_t words_of(size_t count) { return 1 + 2 * count; }
    static size_t elements_of(size_t words) { return (words - 1) / 2; }

    size_t count() const { return count_; }
    int32_t index(size_t i) const {
        int32_t index;
        std::memcpy(&index, indices_ + i * sizeof(index), sizeof(index));
        return index;
    }
    float value(size_t i) const {
        float value;
        std::memcpy(&value, values_ + i * sizeof(value), sizeof(value));
        return value;
    }
    const uint8_t* indices() const { return indices_; }
    const uint8_t* values() const { return values_; }

  private:
    const uint8_t* indices_;
    const uint8_t* values_;
    size_t count_;
};

float sparse_l2_squared(const SparseView& a, const SparseView& b);
float sparse_inner_product(const SparseView& a, const SparseView& b);
float sparse_l1(const SparseView& a, const SparseView& b);

}  // namespace vecstore::core
