// The tables behind kernels(): for kernels.cpp and the kernel sources only.
#pragma once

#include <cmath>
#include <vector>

#include "core/distance/code_bytes.hpp"
#include "core/distance/kernels.hpp"

namespace vecstore::core {

constexpr float kInverseRootOfTwo = 0.70710678118654752f;

// From the bits that two strings have in common: two without bits are equal.
inline float jaccard_of(const BitOverlap& overlap) {
    if (overlap.either == 0) return 0;
    return static_cast<float>(1.0 - overlap.both / static_cast<double>(overlap.either));
}

// Codes of several bits: levels in a byte, the highest level, and the bits that one has.
template <int bits>
struct LevelShape {
    static constexpr size_t segments = levels_per_byte(bits);
    static constexpr int most = (1 << bits) - 1;
    static constexpr int mask = most;
};

// 1 / step for n components with this sum of squares; 0 where there is none, and all levels are then those
// next to 0.
inline float inverse_level_step(float norm_squared, size_t n, float relative_step) {
    const float step = relative_step * std::sqrt(norm_squared / static_cast<float>(n));
    const float inverse = 1 / step;
    return std::isnormal(inverse) ? inverse : 0;
}

// Plain C++: what the others are tested against, and the fallback of CPUs without a table of their own.
const Kernels& scalar_kernels();

// Appends the Highway tables that this CPU can run, the best last.
void append_simd_kernels(std::vector<const Kernels*>& tables);

// Appends the table of x86 CPUs with AVX-512 VNNI, BITALG and VPOPCNTDQ (Ice Lake, Zen 4 and later), when
// `tables` ends with "avx512" and the CPU has them.
void append_vpopcnt_kernels(std::vector<const Kernels*>& tables);

}  // namespace vecstore::core
