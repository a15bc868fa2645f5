// Float, half-precision and int8 distances, and conversions. Compiled once per target, see kernels_simd.cpp;
// the guard is toggled so that each round sees the contents anew.
#if defined(VECSTORE_FLOATS_INL) == defined(HWY_TARGET_TOGGLE)
#ifdef VECSTORE_FLOATS_INL
#undef VECSTORE_FLOATS_INL
#else
#define VECSTORE_FLOATS_INL
#endif

#include <cstddef>
#include <cstdint>
#include <cstring>

#include "core/base/half.hpp"
#include "core/distance/kernels.hpp"
#include "hwy/highway.h"

HWY_BEFORE_NAMESPACE();
namespace vecstore::core {
namespace HWY_NAMESPACE {

namespace hn = hwy::HWY_NAMESPACE;

using FloatTag = hn::ScalableTag<float>;
using FloatVec = hn::Vec<FloatTag>;
constexpr size_t kFloats = HWY_LANES(float);
static_assert(!HWY_HAVE_SCALABLE, "the kernels assume vectors of fixed length");

// The first `count` < Lanes(d) elements at p, then zeros. Never reads beyond them.
template <class D, class T>
HWY_INLINE hn::Vec<D> LoadTail(D d, const T* p, size_t count) {
    // AVX2 has masked loads that do not fault for 4 byte lanes; AVX-512 for all.
#if !HWY_MEM_OPS_MIGHT_FAULT
    return hn::MaskedLoad(hn::FirstN(d, count), d, p);
#else
    if (HWY_TARGET == HWY_AVX2 && sizeof(T) == 4 && !HWY_IS_ASAN && !HWY_IS_MSAN) {
        return hn::MaskedLoad(hn::FirstN(d, count), d, p);
    }
    HWY_ALIGN T buffer[HWY_LANES(T)] = {};
    std::memcpy(buffer, p, count * sizeof(T));
    return hn::Load(d, buffer);
#endif
}

template <class D, class T>
HWY_INLINE void StoreTail(D d, hn::Vec<D> v, T* p, size_t count) {
    HWY_ALIGN T buffer[HWY_LANES(T)];
    hn::Store(v, d, buffer);
    std::memcpy(p, buffer, count * sizeof(T));
}

// Lane j tells whether bit i + j of `bits` is set; i a multiple of kFloats, i + kFloats bits readable.
HWY_INLINE hn::Mask<FloatTag> BitsAsMask(const uint8_t* bits, size_t i) {
    const hn::RebindToUnsigned<FloatTag> du;
    uint32_t word = bits[i / 8];
    if (kFloats == 16) word |= static_cast<uint32_t>(bits[i / 8 + 1]) << 8;
    if (kFloats == 4) word >>= i % 8;
    const auto lane_bit = hn::Shl(hn::Set(du, 1u), hn::Iota(du, 0));
    return hn::RebindMask(FloatTag(), hn::TestBit(hn::Set(du, word), lane_bit));
}

// --- Sources of operands: a full vector of floats at element i, or the last `count` elements ---

struct FloatSource {
    const float* p;
    HWY_INLINE FloatVec Load(size_t i) const { return hn::LoadU(FloatTag(), p + i); }
    HWY_INLINE FloatVec Tail(size_t i, size_t count) const { return LoadTail(FloatTag(), p + i, count); }
};

struct HalfSource {
    const uint16_t* p;
    using Tag = hn::Rebind<uint16_t, FloatTag>;

    static HWY_INLINE FloatVec Promote(hn::Vec<Tag> bits) {
        const FloatTag df;
#if HWY_TARGET == HWY_SSE4
        // No F16C. Read as a float the exponent is 112 too small: a multiplication mends that and normalizes
        // subnormals; infinity and NaN need their exponent set.
        const hn::RebindToUnsigned<FloatTag> du;
        const auto wide = hn::PromoteTo(du, bits);
        const auto magnitude = hn::And(wide, hn::Set(du, 0x7fffu));
        const auto sign = hn::ShiftLeft<16>(hn::Xor(wide, magnitude));
        const auto small = hn::BitCast(df, hn::ShiftLeft<13>(magnitude));
        const auto value = hn::BitCast(du, hn::Mul(small, hn::Set(df, 0x1p112f)));
        const auto special = hn::Gt(magnitude, hn::Set(du, 0x7bffu));
        const auto exponent = hn::IfThenElseZero(special, hn::Set(du, 0x7f800000u));
        return hn::BitCast(df, hn::Or(hn::Or(value, exponent), sign));
#else
        const hn::Rebind<hwy::float16_t, FloatTag> dh;
        return hn::PromoteTo(df, hn::BitCast(dh, bits));
#endif
    }
    HWY_INLINE FloatVec Load(size_t i) const { return Promote(hn::LoadU(Tag(), p + i)); }
    HWY_INLINE FloatVec Tail(size_t i, size_t count) const { return Promote(LoadTail(Tag(), p + i, count)); }
};

struct Int8Source {
    const int8_t* p;
    using Tag = hn::Rebind<int8_t, FloatTag>;

    static HWY_INLINE FloatVec Promote(hn::Vec<Tag> v) {
        return hn::ConvertTo(FloatTag(), hn::PromoteTo(hn::RebindToSigned<FloatTag>(), v));
    }
    HWY_INLINE FloatVec Load(size_t i) const { return Promote(hn::LoadU(Tag(), p + i)); }
    HWY_INLINE FloatVec Tail(size_t i, size_t count) const { return Promote(LoadTail(Tag(), p + i, count)); }
};

// Bit planes. They have whole vectors only, so that Tail is there for the compiler alone.
template <int kBits>
struct PlaneSource {
    BitPlanes x;

    HWY_INLINE FloatVec Load(size_t i) const {
        const FloatTag d;
        auto value = hn::Set(d, -0.5f * ((1 << kBits) - 1));
        for (int p = 0; p < kBits; ++p) {
            const auto mask = BitsAsMask(x.planes + p * x.plane_bytes, i);
            value = hn::Add(value, hn::IfThenElseZero(mask, hn::Set(d, static_cast<float>(1 << p))));
        }
        return value;
    }
    HWY_INLINE FloatVec Tail(size_t i, size_t) const { return Load(i); }
};

// f(PlaneSource<bits>): the number of bits is known to the compiler in there.
template <class Function>
HWY_INLINE auto WithPlanes(BitPlanes x, Function f) {
    switch (x.bits) {
        case 2: return f(PlaneSource<2>{x});
        case 3: return f(PlaneSource<3>{x});
        case 4: return f(PlaneSource<4>{x});
        case 5: return f(PlaneSource<5>{x});
        default: return f(PlaneSource<6>{x});
    }
}

// --- Operations: add the terms of q and x to a vector of partial sums; (0, 0) adds nothing
// ------------------

struct AddSquaredDifference {
    HWY_INLINE FloatVec operator()(FloatVec sum, FloatVec q, FloatVec x) const {
        const auto difference = hn::Sub(q, x);
        return hn::MulAdd(difference, difference, sum);
    }
};

struct AddProduct {
    HWY_INLINE FloatVec operator()(FloatVec sum, FloatVec q, FloatVec x) const {
        return hn::MulAdd(q, x, sum);
    }
};

struct AddAbsoluteDifference {
    HWY_INLINE FloatVec operator()(FloatVec sum, FloatVec q, FloatVec x) const {
        return hn::Add(sum, hn::Abs(hn::Sub(q, x)));
    }
};

struct AddSquaredScaledDifference {
    FloatVec scale;
    HWY_INLINE FloatVec operator()(FloatVec sum, FloatVec q, FloatVec x) const {
        const auto difference = hn::NegMulAdd(scale, x, q);
        return hn::MulAdd(difference, difference, sum);
    }
};

struct AddAbsoluteScaledDifference {
    FloatVec scale;
    HWY_INLINE FloatVec operator()(FloatVec sum, FloatVec q, FloatVec x) const {
        return hn::Add(sum, hn::Abs(hn::NegMulAdd(scale, x, q)));
    }
};

struct MaxAbsolute {
    HWY_INLINE FloatVec operator()(FloatVec max, FloatVec q, FloatVec) const {
        return hn::Max(max, hn::Abs(q));
    }
};

HWY_INLINE float SumLanes(FloatVec v) { return hn::GetLane(hn::SumOfLanes(FloatTag(), v)); }

// Four independent partial sums hide the latency of the additions.
struct Partials {
    FloatVec v0, v1, v2, v3;
};

template <class Operation, class Query, class Source>
HWY_INLINE Partials Accumulate(Operation add, Query q, Source x, size_t n) {
    const auto zero = hn::Zero(FloatTag());
    Partials s{zero, zero, zero, zero};
    size_t i = 0;
    for (; i + 4 * kFloats <= n; i += 4 * kFloats) {
        s.v0 = add(s.v0, q.Load(i), x.Load(i));
        s.v1 = add(s.v1, q.Load(i + kFloats), x.Load(i + kFloats));
        s.v2 = add(s.v2, q.Load(i + 2 * kFloats), x.Load(i + 2 * kFloats));
        s.v3 = add(s.v3, q.Load(i + 3 * kFloats), x.Load(i + 3 * kFloats));
    }
    for (; i + kFloats <= n; i += kFloats) s.v0 = add(s.v0, q.Load(i), x.Load(i));
    if (i < n) s.v1 = add(s.v1, q.Tail(i, n - i), x.Tail(i, n - i));
    return s;
}

template <class Operation, class Query, class Source>
HWY_INLINE float Sum(Operation add, Query q, Source x, size_t n) {
    const Partials s = Accumulate(add, q, x, n);
    return SumLanes(hn::Add(hn::Add(s.v0, s.v1), hn::Add(s.v2, s.v3)));
}

float l2_squared(const float* a, const float* b, size_t n) {
    return Sum(AddSquaredDifference(), FloatSource{a}, FloatSource{b}, n);
}

float inner_product(const float* a, const float* b, size_t n) {
    return Sum(AddProduct(), FloatSource{a}, FloatSource{b}, n);
}

float l1(const float* a, const float* b, size_t n) {
    return Sum(AddAbsoluteDifference(), FloatSource{a}, FloatSource{b}, n);
}

float l2_squared_f16(const float* q, const uint16_t* x, float scale, size_t n) {
    return Sum(AddSquaredScaledDifference{hn::Set(FloatTag(), scale)}, FloatSource{q}, HalfSource{x}, n);
}

float inner_product_f16(const float* q, const uint16_t* x, float scale, size_t n) {
    return scale * Sum(AddProduct(), FloatSource{q}, HalfSource{x}, n);
}

float l1_f16(const float* q, const uint16_t* x, float scale, size_t n) {
    return Sum(AddAbsoluteScaledDifference{hn::Set(FloatTag(), scale)}, FloatSource{q}, HalfSource{x}, n);
}

float l2_squared_halves(const uint16_t* a, const uint16_t* b, size_t n) {
    return Sum(AddSquaredDifference(), HalfSource{a}, HalfSource{b}, n);
}

float inner_product_halves(const uint16_t* a, const uint16_t* b, size_t n) {
    return Sum(AddProduct(), HalfSource{a}, HalfSource{b}, n);
}

float l1_halves(const uint16_t* a, const uint16_t* b, size_t n) {
    return Sum(AddAbsoluteDifference(), HalfSource{a}, HalfSource{b}, n);
}

float l2_squared_i8(const float* q, const int8_t* x, float scale, size_t n) {
    return Sum(AddSquaredScaledDifference{hn::Set(FloatTag(), scale)}, FloatSource{q}, Int8Source{x}, n);
}

float inner_product_i8(const float* q, const int8_t* x, float scale, size_t n) {
    return scale * Sum(AddProduct(), FloatSource{q}, Int8Source{x}, n);
}

float l1_i8(const float* q, const int8_t* x, float scale, size_t n) {
    return Sum(AddAbsoluteScaledDifference{hn::Set(FloatTag(), scale)}, FloatSource{q}, Int8Source{x}, n);
}

// Functors, because a lambda would not be compiled for the target's instructions.
struct SquaredFromPlanes {
    const float* q;
    float scale;
    size_t n;
    template <class Source>
    HWY_INLINE float operator()(Source x) const {
        return Sum(AddSquaredScaledDifference{hn::Set(FloatTag(), scale)}, FloatSource{q}, x, n);
    }
};

struct ProductWithPlanes {
    const float* q;
    size_t n;
    template <class Source>
    HWY_INLINE float operator()(Source x) const {
        return Sum(AddProduct(), FloatSource{q}, x, n);
    }
};

struct AbsoluteFromPlanes {
    const float* q;
    float scale;
    size_t n;
    template <class Source>
    HWY_INLINE float operator()(Source x) const {
        return Sum(AddAbsoluteScaledDifference{hn::Set(FloatTag(), scale)}, FloatSource{q}, x, n);
    }
};

struct PlanesToFloats {
    float* out;
    size_t n;
    template <class Source>
    HWY_INLINE int operator()(Source x) const {
        for (size_t i = 0; i < n; i += kFloats) hn::StoreU(x.Load(i), FloatTag(), out + i);
        return 0;
    }
};

float l2_squared_planes(const float* q, BitPlanes x, float scale, size_t n) {
    return WithPlanes(x, SquaredFromPlanes{q, scale, n});
}

float inner_product_planes(const float* q, BitPlanes x, float scale, size_t n) {
    return scale * WithPlanes(x, ProductWithPlanes{q, n});
}

float l1_planes(const float* q, BitPlanes x, float scale, size_t n) {
    return WithPlanes(x, AbsoluteFromPlanes{q, scale, n});
}

void planes_to_f32(BitPlanes x, float* out, size_t n) { WithPlanes(x, PlanesToFloats{out, n}); }

float max_abs(const float* q, size_t n) {
    const Partials m = Accumulate(MaxAbsolute(), FloatSource{q}, FloatSource{q}, n);
    return hn::GetLane(hn::MaxOfLanes(FloatTag(), hn::Max(hn::Max(m.v0, m.v1), hn::Max(m.v2, m.v3))));
}

size_t smallest(const float* x, size_t n) {
    const FloatTag d;
    if (n < kFloats) {
        size_t best = 0;
        for (size_t i = 1; i < n; ++i) best = x[i] < x[best] ? i : best;
        return best;
    }
    // The last vector overlaps the one before it.
    auto least = hn::LoadU(d, x + n - kFloats);
    for (size_t i = 0; i + kFloats <= n; i += kFloats) least = hn::Min(least, hn::LoadU(d, x + i));
    least = hn::MinOfLanes(d, least);
    for (size_t i = 0; i + kFloats <= n; i += kFloats) {
        const intptr_t lane = hn::FindFirstTrue(d, hn::Eq(hn::LoadU(d, x + i), least));
        if (lane >= 0) return i + static_cast<size_t>(lane);
    }
    const intptr_t lane = hn::FindFirstTrue(d, hn::Eq(hn::LoadU(d, x + n - kFloats), least));
    return n - kFloats + static_cast<size_t>(HWY_MAX(lane, 0));
}

template <class Source>
HWY_INLINE void CosineSums(Source a, Source b, size_t n, float out[3]) {
    const FloatTag d;
    auto ab0 = hn::Zero(d), ab1 = ab0, aa0 = ab0, aa1 = ab0, bb0 = ab0, bb1 = ab0;
    size_t i = 0;
    for (; i + 2 * kFloats <= n; i += 2 * kFloats) {
        const auto a0 = a.Load(i), a1 = a.Load(i + kFloats);
        const auto b0 = b.Load(i), b1 = b.Load(i + kFloats);
        ab0 = hn::MulAdd(a0, b0, ab0);
        ab1 = hn::MulAdd(a1, b1, ab1);
        aa0 = hn::MulAdd(a0, a0, aa0);
        aa1 = hn::MulAdd(a1, a1, aa1);
        bb0 = hn::MulAdd(b0, b0, bb0);
        bb1 = hn::MulAdd(b1, b1, bb1);
    }
    while (i < n) {
        const size_t count = HWY_MIN(n - i, kFloats);
        const auto va = count == kFloats ? a.Load(i) : a.Tail(i, count);
        const auto vb = count == kFloats ? b.Load(i) : b.Tail(i, count);
        ab0 = hn::MulAdd(va, vb, ab0);
        aa0 = hn::MulAdd(va, va, aa0);
        bb0 = hn::MulAdd(vb, vb, bb0);
        i += count;
    }
    out[0] = SumLanes(hn::Add(ab0, ab1));
    out[1] = SumLanes(hn::Add(aa0, aa1));
    out[2] = SumLanes(hn::Add(bb0, bb1));
}

void cosine_sums(const float* a, const float* b, size_t n, float out[3]) {
    CosineSums(FloatSource{a}, FloatSource{b}, n, out);
}

void cosine_sums_halves(const uint16_t* a, const uint16_t* b, size_t n, float out[3]) {
    CosineSums(HalfSource{a}, HalfSource{b}, n, out);
}

void f32_to_f16(const float* in, uint16_t* out, size_t n) {
    size_t i = 0;
#if HWY_TARGET != HWY_SSE4
    const FloatTag d;
    const hn::Rebind<hwy::float16_t, FloatTag> dh;
    const HalfSource::Tag du;
    for (; i + kFloats <= n; i += kFloats) {
        hn::StoreU(hn::BitCast(du, hn::DemoteTo(dh, hn::LoadU(d, in + i))), du, out + i);
    }
#endif
    for (; i < n; ++i) out[i] = f16_from_float(in[i]);
}

void f16_to_f32(const uint16_t* in, float* out, size_t n) {
    const FloatTag d;
    const HalfSource source{in};
    size_t i = 0;
    for (; i + kFloats <= n; i += kFloats) hn::StoreU(source.Load(i), d, out + i);
    for (; i < n; ++i) out[i] = f16_to_float(in[i]);
}

}  // namespace HWY_NAMESPACE
}  // namespace vecstore::core
HWY_AFTER_NAMESPACE();

#endif  // VECSTORE_FLOATS_INL
