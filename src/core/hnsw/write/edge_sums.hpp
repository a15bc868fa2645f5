// One-sided edges of the spanning tree, found without remembering edges.
#pragma once

#include <vector>

#include "core/storage/format.hpp"

namespace vecstore::core {

// Finds edges that only one of their ends knows of, in memory that does not grow with the index: each edge
// is added from both ends and cancels out. Where a sum is left over, one of the edges that fell on it is
// one-sided, or more.
class EdgeSums {
  public:
    EdgeSums() : sums_(size_t{1} << bits) {}
    void add(const Link& a, const Link& b) { sum_of(a, b) ^= mix(a, b); }
    bool doubtful(const Link& a, const Link& b) { return sum_of(a, b) != 0; }

  private:
    static constexpr int bits = 16;
    static uint64_t scramble(uint64_t x) {
        x = (x ^ (x >> 31)) * 0x9E3779B97F4A7C15ull;
        x = (x ^ (x >> 29)) * 0xBF58476D1CE4E5B9ull;
        return x ^ (x >> 32);
    }
    static uint64_t number(const Link& l) {
        return scramble(
            (static_cast<uint64_t>(l.block) << 16 | static_cast<uint64_t>(l.slot) << 8 | l.generation) + 1);
    }
    static uint64_t mix(const Link& a, const Link& b) { return scramble(number(a) + number(b)) | 1; }
    uint64_t& sum_of(const Link& a, const Link& b) { return sums_[mix(a, b) >> (64 - bits)]; }

    std::vector<uint64_t> sums_;
};

}  // namespace vecstore::core
