#include "core/quantize/f16.hpp"

#include <algorithm>
#include <cmath>

#include "core/distance/kernels.hpp"

namespace vecstore::core {

ScaledVector encode_f16(const float* x, size_t n, uint16_t* out) {
    const Kernels& k = kernels();
    const float largest = k.max_abs(x, n);
    // A float's exponent reaches lower than that of any inverse: -126 is as far as both are normal numbers.
    const int exponent = largest > 0 ? std::max(std::ilogb(largest), -126) : 0;
    const float scale = std::ldexp(1.0f, exponent);
    const float inverse = std::ldexp(1.0f, -exponent);

    constexpr size_t kChunk = 256;
    float scaled[kChunk];
    float error_squared = 0;  // in units of the scale: cannot overflow
    for (size_t start = 0; start < n; start += kChunk) {
        const size_t count = std::min(kChunk, n - start);
        for (size_t i = 0; i < count; ++i) scaled[i] = x[start + i] * inverse;  // exact
        k.f32_to_f16(scaled, out + start, count);
        error_squared += k.l2_squared_f16(scaled, out + start, 1.0f, count);
    }
    return {scale, scale * std::sqrt(error_squared)};
}

}  // namespace vecstore::core
