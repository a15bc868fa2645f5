// Shared by the tests of the kernels: every table that this CPU can run, against the plain one and known
// values.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>
#include <memory>
#include <numeric>
#include <random>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "core/base/half.hpp"
#include "core/distance/kernels.hpp"

namespace vecstore::core {

inline const std::vector<size_t> kLengths = {0,  1,  2,   3,   4,   5,   7,   8,   9,    15,
                                             16, 17, 24,  31,  32,  33,  47,  63,  64,   65,
                                             96, 97, 100, 127, 128, 129, 300, 768, 1001, 2000};
inline const std::vector<float> kMagnitudes = {1e-6f, 1.0f, 1e3f, 1e6f};

// A copy of `values` that starts one element (and so not a multiple of the vector length) into its room, and
// ends where the room ends, so that a sanitizer sees a read beyond it.
template <class T>
class Unaligned {
  public:
    explicit Unaligned(const std::vector<T>& values) : room_(values.size() + 1) {
        std::copy(values.begin(), values.end(), room_.begin() + 1);
    }
    T* data() { return room_.data() + 1; }

  private:
    std::vector<T> room_;
};

class KernelsTest : public testing::TestWithParam<const Kernels*> {
  protected:
    std::vector<float> floats(size_t n, float magnitude) {
        std::normal_distribution<float> normal(0, magnitude);
        std::vector<float> values(n);
        for (float& x : values) x = normal(random_);
        return values;
    }

    std::vector<uint8_t> bytes(size_t n) {
        std::vector<uint8_t> values(n);
        for (uint8_t& x : values) x = static_cast<uint8_t>(random_());
        return values;
    }

    const Kernels& simd = *GetParam();
    const Kernels& plain = *available_kernels().front();
    std::mt19937 random_{42};
};

// Sums of n terms whose absolute values add up to `total` differ by rounding only.
inline void expect_close(double expected, float actual, double total) {
    EXPECT_NEAR(actual, expected, 2e-6 * total + 1e-37);
}

}  // namespace vecstore::core
