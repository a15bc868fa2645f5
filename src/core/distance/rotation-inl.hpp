// The parts of the random rotation. Compiled once per target, see kernels_simd.cpp; the guard is toggled so
// that each round sees the contents anew.
#if defined(VECSTORE_ROTATION_INL) == defined(HWY_TARGET_TOGGLE)
#ifdef VECSTORE_ROTATION_INL
#undef VECSTORE_ROTATION_INL
#else
#define VECSTORE_ROTATION_INL
#endif

#include <cmath>
#include <cstddef>
#include <cstdint>

#include "core/distance/floats-inl.hpp"
#include "core/distance/tables.hpp"
#include "hwy/highway.h"

HWY_BEFORE_NAMESPACE();
namespace vecstore::core {
namespace HWY_NAMESPACE {

HWY_INLINE void Butterfly(float& a, float& b) {
    const float sum = a + b;
    b = a - b;
    a = sum;
}

HWY_INLINE void Butterfly(FloatVec& a, FloatVec& b) {
    const FloatVec sum = hn::Add(a, b);
    b = hn::Sub(a, b);
    a = sum;
}

// One stage inside a vector: `partner` holds for each lane the lane `half` away; lanes with that bit of their
// number set take partner - own, the others own + partner.
HWY_INLINE FloatVec ButterflyLanes(FloatVec own, FloatVec partner, int half) {
    const FloatTag d;
    const hn::RebindToSigned<FloatTag> di;
    const auto upper = hn::RebindMask(d, hn::TestBit(hn::Iota(di, 0), hn::Set(di, half)));
    return hn::Add(partner, hn::Xor(own, hn::IfThenElseZero(upper, hn::SignBit(d))));
}

HWY_INLINE FloatVec HadamardInVector(FloatVec v) {
    v = ButterflyLanes(v, hn::Shuffle2301(v), 1);
    v = ButterflyLanes(v, hn::Shuffle1032(v), 2);
#if HWY_CAP_GE256
    v = ButterflyLanes(v, hn::SwapAdjacentBlocks(v), 4);
#endif
#if HWY_CAP_GE512
    v = ButterflyLanes(v, hn::ConcatLowerUpper(FloatTag(), v, v), 8);
#endif
    return v;
}

// Stages `half` and 2 * `half` in one pass over memory; half a multiple of the vector length.
HWY_INLINE void TwoStages(float* x, size_t n, size_t half) {
    const FloatTag d;
    for (size_t block = 0; block < n; block += 4 * half) {
        for (size_t i = block; i < block + half; i += kFloats) {
            auto v0 = hn::LoadU(d, x + i), v1 = hn::LoadU(d, x + i + half);
            auto v2 = hn::LoadU(d, x + i + 2 * half), v3 = hn::LoadU(d, x + i + 3 * half);
            Butterfly(v0, v1);
            Butterfly(v2, v3);
            Butterfly(v0, v2);
            Butterfly(v1, v3);
            hn::StoreU(v0, d, x + i);
            hn::StoreU(v1, d, x + i + half);
            hn::StoreU(v2, d, x + i + 2 * half);
            hn::StoreU(v3, d, x + i + 3 * half);
        }
    }
}

HWY_INLINE void OneStage(float* x, size_t n, size_t half) {
    const FloatTag d;
    for (size_t block = 0; block < n; block += 2 * half) {
        for (size_t i = block; i < block + half; i += kFloats) {
            auto v0 = hn::LoadU(d, x + i), v1 = hn::LoadU(d, x + i + half);
            Butterfly(v0, v1);
            hn::StoreU(v0, d, x + i);
            hn::StoreU(v1, d, x + i + half);
        }
    }
}

HWY_INLINE void HadamardSmall(float* x, size_t n, float scale) {
    for (size_t half = 1; half < n; half *= 2) {
        for (size_t block = 0; block < n; block += 2 * half) {
            for (size_t i = block; i < block + half; ++i) Butterfly(x[i], x[i + half]);
        }
    }
    for (size_t i = 0; i < n; ++i) x[i] *= scale;
}

// The order of the additions is that of the plain version, so that every table gives the same bits.
void hadamard(float* x, size_t n) {
    const FloatTag d;
    const float scale = 1 / std::sqrt(static_cast<float>(n));
    if (n < kFloats) return HadamardSmall(x, n, scale);
    for (size_t i = 0; i < n; i += kFloats) hn::StoreU(HadamardInVector(hn::LoadU(d, x + i)), d, x + i);
    size_t half = kFloats;
    for (; 4 * half <= n; half *= 4) TwoStages(x, n, half);
    if (half < n) OneStage(x, n, half);
    const auto scales = hn::Set(d, scale);
    for (size_t i = 0; i < n; i += kFloats) hn::StoreU(hn::Mul(hn::LoadU(d, x + i), scales), d, x + i);
}

void flip_signs(float* x, const uint8_t* signs, size_t n) {
    const FloatTag d;
    size_t i = 0;
    for (; i + kFloats <= n; i += kFloats) {
        const auto flip = hn::IfThenElseZero(BitsAsMask(signs, i), hn::SignBit(d));
        hn::StoreU(hn::Xor(hn::LoadU(d, x + i), flip), d, x + i);
    }
    for (; i < n; ++i) {
        if ((signs[i / 8] >> (i % 8)) & 1) x[i] = -x[i];
    }
}

void kac_step(float* a, float* b, size_t n) {
    const FloatTag d;
    const auto scale = hn::Set(d, kInverseRootOfTwo);
    size_t i = 0;
    for (; i + kFloats <= n; i += kFloats) {
        auto va = hn::LoadU(d, a + i), vb = hn::LoadU(d, b + i);
        Butterfly(va, vb);
        hn::StoreU(hn::Mul(va, scale), d, a + i);
        hn::StoreU(hn::Mul(vb, scale), d, b + i);
    }
    for (; i < n; ++i) {
        Butterfly(a[i], b[i]);
        a[i] *= kInverseRootOfTwo;
        b[i] *= kInverseRootOfTwo;
    }
}

}  // namespace HWY_NAMESPACE
}  // namespace vecstore::core
HWY_AFTER_NAMESPACE();

#endif  // VECSTORE_ROTATION_INL
