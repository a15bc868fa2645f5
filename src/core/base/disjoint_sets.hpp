// Sets of numbers that grow together (union-find, with path halving).
#pragma once

#include <cstddef>
#include <cstdint>
#include <limits>

#include "core/base/scratch.hpp"

namespace vecstore::core {

// A number takes a Low, and where there are more than that can tell apart, a High besides.
template <class Low, class High>
class BasicDisjointSets {
  public:
    // Each number below `count` is a set of its own.
    void reset(size_t count, const Scratch& scratch = {}) {
        low_.reset(count, scratch);
        high_.reset(count > 0 && (count - 1) >> low_bits != 0 ? count : 0, scratch);
        for (size_t i = 0; i < count; ++i) set_parent(i, i);
    }
    // The number that stands for the set.
    uint64_t find(uint64_t i) {
        for (uint64_t parent = parent_of(i); parent != i; parent = parent_of(i)) {
            const uint64_t next = parent_of(parent);
            set_parent(i, next);
            i = next;
        }
        return i;
    }
    // False when both were in one set already.
    bool unite(uint64_t a, uint64_t b) {
        const uint64_t from = find(a), to = find(b);
        set_parent(from, to);
        return from != to;
    }

  private:
    static constexpr int low_bits = std::numeric_limits<Low>::digits;

    uint64_t parent_of(uint64_t i) const {
        const uint64_t low = low_[i];
        return high_.size() == 0 ? low : low | static_cast<uint64_t>(high_[i]) << low_bits;
    }
    void set_parent(uint64_t i, uint64_t parent) {
        low_[i] = static_cast<Low>(parent);
        if (high_.size() > 0) high_[i] = static_cast<High>(parent >> low_bits);
    }

    ScratchArray<Low> low_;
    ScratchArray<High> high_;
};

// As many as slots of an index: 2^32 blocks of at most 256.
using DisjointSets = BasicDisjointSets<uint32_t, uint8_t>;

}  // namespace vecstore::core
