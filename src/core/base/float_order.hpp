// An order of floats that may be NaN. Those that come from pages may be, where a page is damaged; and what is
// sorted by `<` then is sorted by nothing, which takes std::sort out of its range.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <limits>
#include <vector>

namespace vecstore::core {

// NaN comes after everything else.
struct Nearer {
    bool operator()(float a, float b) const { return a < b || (std::isnan(b) && !std::isnan(a)); }
};
constexpr Nearer nearer{};

// An integer in the same order; all NaN are one. 0 and -0 are two.
inline uint32_t order_bits(float x) {
    if (std::isnan(x)) return UINT32_MAX;
    uint32_t bits;
    std::memcpy(&bits, &x, sizeof bits);
    return (bits >> 31) != 0 ? ~bits : bits | 0x80000000u;
}

// The numbers 0..n-1 in the order of value(i), those of equal ones in their own: as keys, of which
// number_of() gives them. (A sort of integers takes half the time of one that compares what they stand for.)
template <class Value>
void sort_numbers(size_t n, Value&& value, std::vector<uint64_t>& keys) {
    keys.resize(n);
    for (size_t i = 0; i < n; ++i) keys[i] = uint64_t{order_bits(value(i))} << 32 | i;
    std::sort(keys.begin(), keys.end());
}
inline uint32_t number_of(uint64_t key) { return static_cast<uint32_t>(key); }

// A distance that is none is that of the farthest.
inline float or_farthest(float distance) {
    return std::isnan(distance) ? std::numeric_limits<float>::infinity() : distance;
}

}  // namespace vecstore::core
