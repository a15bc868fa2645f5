// Sets of numbers that grow together (union-find, with path halving).
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

namespace vecstore::core {

class DisjointSets {
  public:
    // Each number below `count` is a set of its own.
    void reset(size_t count) {
        parent_.resize(count);
        for (size_t i = 0; i < count; ++i) parent_[i] = static_cast<uint32_t>(i);
    }
    // The number that stands for the set.
    uint32_t find(uint64_t i) {
        while (parent_[i] != i) i = parent_[i] = parent_[parent_[i]];
        return static_cast<uint32_t>(i);
    }
    // False when both were in one set already.
    bool unite(uint64_t a, uint64_t b) {
        const uint32_t from = find(a), to = find(b);
        parent_[from] = to;
        return from != to;
    }

  private:
    std::vector<uint32_t> parent_;
};

}  // namespace vecstore::core
