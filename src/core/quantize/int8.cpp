#include "core/quantize/int8.hpp"

#include <cmath>
#include <cstring>

#include "core/distance/kernels.hpp"

namespace vecstore::core {

ScaledVector encode_int8(const float* x, size_t n, int8_t* out) {
    const float largest = kernels().max_abs(x, n);
    if (largest < 1e-36f) {
        std::memset(out, 0, n);
        return {1.0f, largest * std::sqrt(static_cast<float>(n))};
    }
    const float scale = largest / 127;
    const float inverse = 1 / scale;
    constexpr float kRound = 0x1.8p23f;  // adding and subtracting it rounds to the nearest integer
    float error_squared[4] = {};         // in units of the scale: cannot overflow
    for (size_t i = 0; i < n; ++i) {
        const float exact = x[i] * inverse;
        const float rounded = (exact + kRound) - kRound;
        out[i] = static_cast<int8_t>(rounded);
        error_squared[i % 4] += (exact - rounded) * (exact - rounded);
    }
    const float sum = (error_squared[0] + error_squared[1]) + (error_squared[2] + error_squared[3]);
    return {scale, scale * std::sqrt(sum)};
}

}  // namespace vecstore::core
