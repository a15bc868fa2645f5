// An order of floats that may be NaN. Those that come from pages may be, where a page is damaged; and what is
// sorted by `<` then is sorted by nothing, which takes std::sort out of its range.
#pragma once

#include <cmath>
#include <limits>

namespace vecstore::core {

// NaN comes after everything else.
struct Nearer {
    bool operator()(float a, float b) const { return a < b || (std::isnan(b) && !std::isnan(a)); }
};
constexpr Nearer nearer{};

// A distance that is none is that of the farthest.
inline float or_farthest(float distance) {
    return std::isnan(distance) ? std::numeric_limits<float>::infinity() : distance;
}

}  // namespace vecstore::core
