#include "core/quantize/bit_planes.hpp"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>

#include "core/distance/kernels.hpp"

namespace vecstore::core {

namespace {

// Of a uniform quantizer of so many bits for the standard normal distribution.
float best_normal_step(uint32_t bits) {
    constexpr float steps[] = {0.9957f, 0.5860f, 0.3352f, 0.1881f, 0.1041f};  // of 2 to 6 bits
    return steps[bits - 2];
}

// Which of the 2^bits levels stands for the component, whose unit is the step.
float level_of(float x, float highest) {
    return std::min(std::max(std::floor(x + 0.5f * (highest + 1)), 0.0f), highest);
}

float squared_error(const float* x, size_t n, float inverse, float highest) {
    constexpr size_t lanes = 8;
    float sums[lanes] = {};
    for (size_t i = 0; i < n; ++i) {
        const float exact = x[i] * inverse;
        const float difference = exact - (level_of(exact, highest) - 0.5f * highest);
        sums[i % lanes] += difference * difference;
    }
    float sum = 0;
    for (const float s : sums) sum += s;
    return sum;
}

}  // namespace

ScaledVector encode_bit_planes(const float* x, size_t n, uint32_t bits, bool unbiased, uint8_t* out) {
    const size_t plane_bytes = n / 8;
    const auto highest = static_cast<float>((1 << bits) - 1);
    const float largest = kernels().max_abs(x, n);
    std::memset(out, 0, bits * plane_bytes);
    if (largest < 1e-36f) {
        // Every level is wrong: the lowest ones, of a step that is next to nothing.
        constexpr float tiny = 1e-36f;
        return {tiny, (largest + highest * tiny) * std::sqrt(static_cast<float>(n))};
    }
    double sum = 0;
    for (size_t i = 0; i < n; ++i) sum += static_cast<double>(x[i]) * x[i];
    const float widest = 2 * largest / highest;  // nothing is clipped
    float best_step = widest, best_error = std::numeric_limits<float>::infinity();
    float step = best_normal_step(bits) * static_cast<float>(std::sqrt(sum / static_cast<double>(n)));
    for (int attempt = 0; attempt < 8; ++attempt) {
        const float tried = std::max(std::min(step, widest), 1e-37f);
        const float error = tried * std::sqrt(squared_error(x, n, 1 / tried, highest));
        if (error >= best_error) break;
        best_error = error;
        best_step = tried;
        if (step >= widest) break;
        step *= 1.5f;
    }
    double product = 0, square = 0;  // <x, u>, |u|^2 of the levels u
    for (size_t i = 0; i < n; ++i) {
        const float level = level_of(x[i] / best_step, highest);
        const double u = level - 0.5f * highest;
        product += u * x[i];
        square += u * u;
        const auto number = static_cast<uint32_t>(level);
        for (uint32_t p = 0; p < bits; ++p)
            out[p * plane_bytes + i / 8] |= static_cast<uint8_t>(((number >> p) & 1) << (i % 8));
    }
    const auto scale = unbiased && product > 0 ? static_cast<float>(sum / product) : best_step;
    const double error2 = sum - 2 * scale * product + scale * static_cast<double>(scale) * square;
    return {scale, static_cast<float>(std::sqrt(std::max(error2, 0.0)) * (1 + 1e-5))};
}

}  // namespace vecstore::core
