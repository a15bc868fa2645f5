// Half precision without hardware: IEEE binary16 and bfloat16, bit for bit what the CPU's instructions give.
#pragma once

#include <cstdint>
#include <cstring>

namespace vecstore::core {

inline uint32_t float_bits(float value) {
    uint32_t bits;
    std::memcpy(&bits, &value, sizeof bits);
    return bits;
}

inline float float_from_bits(uint32_t bits) {
    float value;
    std::memcpy(&value, &bits, sizeof value);
    return value;
}

// binary16, rounded to nearest even. A number beyond 65519.99 becomes infinity, a NaN stays a (quiet) NaN.
inline uint16_t f16_from_float(float value) {
    const uint32_t bits = float_bits(value);
    const uint16_t sign = static_cast<uint16_t>((bits >> 16) & 0x8000);
    const uint32_t magnitude = bits & 0x7fffffff;
    if (magnitude > 0x7f800000) return static_cast<uint16_t>(sign | 0x7e00 | ((magnitude >> 13) & 0x3ff));
    if (magnitude >= 0x477ff000) return static_cast<uint16_t>(sign | 0x7c00);
    if (magnitude < 0x38800000) {
        // Subnormal in binary16: adding 0.5 leaves the rounded multiple of 2^-24 in the low mantissa bits.
        const float shifted = float_from_bits(magnitude) + 0.5f;
        return static_cast<uint16_t>(sign | (float_bits(shifted) - 0x3f000000));
    }
    const uint32_t tie_to_even = 0xfff + ((magnitude >> 13) & 1);
    return static_cast<uint16_t>(sign | ((magnitude - 0x38000000 + tie_to_even) >> 13));
}

inline float f16_to_float(uint16_t half) {
    const uint32_t sign = static_cast<uint32_t>(half & 0x8000) << 16;
    const uint32_t magnitude = half & 0x7fff;
    // Read as a float the exponent is 112 too small; the multiplication also normalizes subnormals. Without
    // branches, so that compilers can make vector instructions of loops: what is not finite gets its exponent
    // afterwards.
    const float value = float_from_bits(magnitude << 13) * 0x1p112f;
    const uint32_t exponent = magnitude >= 0x7c00 ? 0x7f800000 : 0;
    const uint32_t quiet = magnitude > 0x7c00 ? 0x400000 : 0;
    return float_from_bits(sign | exponent | quiet | float_bits(value));
}

// bfloat16 (the upper half of a float), rounded to nearest even; a NaN stays a (quiet) NaN.
inline uint16_t bf16_from_float(float value) {
    const uint32_t bits = float_bits(value);
    if ((bits & 0x7fffffff) > 0x7f800000) return static_cast<uint16_t>((bits >> 16) | 0x40);
    return static_cast<uint16_t>((bits + 0x7fff + ((bits >> 16) & 1)) >> 16);
}

inline float bf16_to_float(uint16_t bf16) { return float_from_bits(static_cast<uint32_t>(bf16) << 16); }

}  // namespace vecstore::core
