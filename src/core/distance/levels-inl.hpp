// Codes of several bits a component (kernels.hpp, "codes of several bits"): encoding, the query's form,
// scores, products. Compiled once per target, see kernels_simd.cpp; the guard is toggled so that each round
// sees the contents anew.
#if defined(VECSTORE_LEVELS_INL) == defined(HWY_TARGET_TOGGLE)
#ifdef VECSTORE_LEVELS_INL
#undef VECSTORE_LEVELS_INL
#else
#define VECSTORE_LEVELS_INL
#endif

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>

#include "core/distance/code_bytes.hpp"
#include "core/distance/codes-inl.hpp"
#include "core/distance/floats-inl.hpp"
#include "core/distance/kernels.hpp"
#include "hwy/highway.h"

HWY_BEFORE_NAMESPACE();
namespace vecstore::core {
namespace HWY_NAMESPACE {

// --- Encoding
// ------------------------------------------------------------------------------------------------

struct LevelTerms {
    FloatVec inverse, half, highest, two, most;
};

struct LevelPartials {
    FloatVec dot, center;
};

// The levels of one vector of components, as integers.
HWY_INLINE hn::Vec<hn::RebindToSigned<FloatTag>> LevelsOf(LevelPartials& s, FloatVec r, FloatVec c,
                                                          const LevelTerms& t) {
    const FloatTag d;
    const hn::RebindToSigned<FloatTag> di;
    // (In this order NaN, of a damaged page, becomes the lowest.)
    const auto shifted = hn::MulAdd(r, t.inverse, t.half);
    const auto level = hn::ConvertTo(di, hn::Min(t.highest, hn::Max(shifted, hn::Zero(d))));
    const auto number = hn::MulSub(t.two, hn::ConvertTo(d, level), t.most);
    s.dot = hn::MulAdd(r, number, s.dot);
    s.center = hn::MulAdd(c, number, s.center);
    return level;
}

template <int kBits, class Residual>
HWY_INLINE ResidualSums EncodeLevels(const Residual& x, const float* c, size_t n, float relative_step,
                                     uint8_t* code) {
    const FloatTag d;
    const hn::RebindToSigned<FloatTag> di;
    const hn::Rebind<uint8_t, FloatTag> du8;
    constexpr size_t kSegments = LevelShape<kBits>::segments;
    constexpr float kMost = LevelShape<kBits>::most;
    const size_t bytes = n / kSegments;
    auto squares = hn::Zero(d);
    size_t i = 0;
    for (; i + kFloats <= n; i += kFloats) {
        const auto r = x.Load(i, hn::LoadU(d, c + i));
        squares = hn::MulAdd(r, r, squares);
    }
    if (i < n) {
        const auto r = x.Tail(i, n - i, LoadTail(d, c + i, n - i));
        squares = hn::MulAdd(r, r, squares);
    }
    ResidualSums sums;
    sums.norm_squared = SumLanes(squares);
    const LevelTerms terms{hn::Set(d, inverse_level_step(sums.norm_squared, n, relative_step)),
                           hn::Set(d, (kMost + 1) / 2), hn::Set(d, kMost + 0.5f), hn::Set(d, 2.0f),
                           hn::Set(d, kMost)};
    LevelPartials s{hn::Zero(d), hn::Zero(d)};
    for (size_t j = 0; j < bytes; j += kFloats) {
        const size_t count = HWY_MIN(kFloats, bytes - j);
        auto packed = hn::Zero(di);
        for (size_t segment = 0; segment < kSegments; ++segment) {
            const size_t at = segment * bytes + j;
            const auto center = count == kFloats ? hn::LoadU(d, c + at) : LoadTail(d, c + at, count);
            const auto r = count == kFloats ? x.Load(at, center) : x.Tail(at, count, center);
            const auto level = LevelsOf(s, r, center, terms);
            packed = hn::Or(packed, hn::ShiftLeftSame(level, static_cast<int>(segment * kBits)));
        }
        const auto stored = hn::DemoteTo(du8, packed);
        if (count == kFloats)
            hn::StoreU(stored, du8, code + j);
        else
            StoreTail(du8, stored, code + j, count);
    }
    sums.abs_sum = SumLanes(s.dot);
    sums.center_dot = SumLanes(s.center);
    return sums;
}

template <class Residual>
HWY_INLINE ResidualSums EncodeLevelsOf(const Residual& x, const float* c, size_t n, LevelStep step,
                                       uint8_t* code) {
    switch (step.bits) {
        case 2: return EncodeLevels<2>(x, c, n, step.relative, code);
        case 4: return EncodeLevels<4>(x, c, n, step.relative, code);
        default: return EncodeLevels<7>(x, c, n, step.relative, code);
    }
}

ResidualSums encode_levels(const float* x, const float* c, size_t n, LevelStep step, uint8_t* code) {
    return EncodeLevelsOf(FloatResidual{{x}}, c, n, step, code);
}

ResidualSums encode_levels_f16(const uint16_t* x, float scale, const float* c, size_t n, LevelStep step,
                               uint8_t* code) {
    return EncodeLevelsOf(ScaledResidual<HalfSource>{{x}, hn::Set(FloatTag(), scale)}, c, n, step, code);
}

ResidualSums encode_levels_i8(const int8_t* x, float scale, const float* c, size_t n, LevelStep step,
                              uint8_t* code) {
    return EncodeLevelsOf(ScaledResidual<Int8Source>{{x}, hn::Set(FloatTag(), scale)}, c, n, step, code);
}

// --- The query
// -----------------------------------------------------------------------------------------------

int32_t make_i8(const float* q, size_t n, float step, int8_t* out) {
    const FloatTag d;
    const hn::RebindToSigned<FloatTag> di;
    const hn::Rebind<int8_t, FloatTag> d8;
    const auto inverse = hn::Set(d, 1 / step);
    const auto lowest = hn::Set(d, -127.0f), highest = hn::Set(d, 127.0f);
    auto sum = hn::Zero(di);
    for (size_t i = 0; i < n; i += kFloats) {
        const size_t count = HWY_MIN(kFloats, n - i);
        const auto x = count == kFloats ? hn::LoadU(d, q + i) : LoadTail(d, q + i, count);
        // (In this order NaN, of a damaged page, becomes the lowest; beyond the last component there are
        // zeros.)
        const auto value = hn::NearestInt(hn::Min(highest, hn::Max(hn::Mul(x, inverse), lowest)));
        sum = hn::Add(sum, value);
        const auto narrow = hn::DemoteTo(d8, value);
        if (count == kFloats)
            hn::StoreU(narrow, d8, out + i);
        else
            StoreTail(d8, narrow, out + i, count);
    }
    return hn::GetLane(hn::SumOfLanes(di, sum));
}

// Of one segment. (Bytes are shifted as parts of wider numbers: what comes from the next one is masked.)
template <int kBits, int kSegment>
HWY_INLINE int32_t LevelNumbersOf(const uint8_t* code, size_t code_bytes, size_t stride, int8_t* out) {
    const hn::ScalableTag<uint8_t> du8;
    const hn::RepartitionToWide<decltype(du8)> du16;
    const hn::ScalableTag<int8_t> d8;
    const hn::RepartitionToWide<hn::RepartitionToWide<hn::RepartitionToWide<decltype(du8)>>> du64;
    constexpr size_t kBytes = HWY_LANES(uint8_t);
    constexpr uint8_t kMost = LevelShape<kBits>::mask;
    const auto most = hn::Set(du8, kMost);
    auto sum = hn::Zero(du64);
    for (size_t j = 0; j < stride; j += kBytes) {
        const size_t count = j < code_bytes ? HWY_MIN(kBytes, code_bytes - j) : 0;
        const auto bytes = count == kBytes ? hn::LoadU(du8, code + j) : LoadTail(du8, code + j, count);
        const auto shifted = hn::BitCast(du8, hn::ShiftRight<kSegment * kBits>(hn::BitCast(du16, bytes)));
        const auto levels = hn::And(kSegment == 0 ? bytes : shifted, most);
        sum = hn::Add(sum, hn::SumsOf8(levels));
        const auto numbers = hn::BitCast(d8, hn::Sub(hn::Add(levels, levels), most));
        hn::StoreU(count == kBytes ? numbers : hn::IfThenElseZero(hn::FirstN(d8, count), numbers), d8,
                   out + j);
    }
    const auto levels = static_cast<int32_t>(hn::GetLane(hn::SumOfLanes(du64, sum)));
    return 2 * levels - static_cast<int32_t>(code_bytes) * kMost;
}

template <int kBits>
HWY_INLINE int32_t LevelNumbers(const uint8_t* code, size_t code_bytes, int8_t* out) {
    const size_t stride = padded_code_bytes(code_bytes);
    int32_t sum = LevelNumbersOf<kBits, 0>(code, code_bytes, stride, out);
    if constexpr (kBits <= 4) sum += LevelNumbersOf<kBits, 1>(code, code_bytes, stride, out + stride);
    if constexpr (kBits == 2) {
        sum += LevelNumbersOf<kBits, 2>(code, code_bytes, stride, out + 2 * stride);
        sum += LevelNumbersOf<kBits, 3>(code, code_bytes, stride, out + 3 * stride);
    }
    return sum;
}

int32_t level_numbers(const uint8_t* code, size_t code_bytes, uint32_t bits, int8_t* out) {
    switch (bits) {
        case 2: return LevelNumbers<2>(code, code_bytes, out);
        case 4: return LevelNumbers<4>(code, code_bytes, out);
        default: return LevelNumbers<7>(code, code_bytes, out);
    }
}

// --- Scores
// --------------------------------------------------------------------------------------------------

// Numbers of 16 bits, of which there are twice as many as floats in a vector: levels and the query's
// components are widened to them.
using WideTag = hn::ScalableTag<int16_t>;
constexpr size_t kWide = HWY_LANES(int16_t);

// The part of a score that `bytes` bytes of a code have, of which `kWide` are readable at the last one.
// query: of the first of these bytes.
template <int kBits>
HWY_INLINE int32_t ScoreLevels(const int8_t* query, size_t stride, const uint8_t* code, size_t bytes) {
    const WideTag d16;
    const hn::RepartitionToWide<WideTag> d32;
    const hn::Rebind<uint8_t, WideTag> du8;
    const hn::Rebind<int8_t, WideTag> d8;
    constexpr size_t kSegments = LevelShape<kBits>::segments;
    const auto mask = hn::Set(d16, static_cast<int16_t>(LevelShape<kBits>::mask));
    auto sum = hn::Zero(d32), other = hn::Zero(d32);
    for (size_t i = 0; i < bytes; i += kWide) {
        auto levels = hn::PromoteTo(d16, hn::LoadU(du8, code + i));
        for (size_t segment = 0; segment < kSegments; ++segment) {
            const auto q = hn::PromoteTo(d16, hn::LoadU(d8, query + segment * stride + i));
            sum = hn::ReorderWidenMulAccumulate(d32, hn::And(levels, mask), q, sum, other);
            levels = hn::ShiftRight<kBits>(levels);
        }
    }
    return hn::GetLane(hn::SumOfLanes(d32, hn::Add(sum, other)));
}

template <int kBits>
HWY_INLINE void ScoreAllLevels(const int8_t* query, const uint8_t* codes, size_t code_bytes, size_t count,
                               int32_t* sums) {
    const size_t stride = padded_code_bytes(code_bytes);
    for (size_t k = 0; k < count; ++k)
        sums[k] = ScoreLevels<kBits>(query, stride, codes + k * code_bytes, code_bytes);
}

void score_levels(const int8_t* query, const uint8_t* codes, size_t code_bytes, uint32_t bits, size_t count,
                  int32_t* sums) {
    switch (bits) {
        case 2: return ScoreAllLevels<2>(query, codes, code_bytes, count, sums);
        case 4: return ScoreAllLevels<4>(query, codes, code_bytes, count, sums);
        default: return ScoreAllLevels<7>(query, codes, code_bytes, count, sums);
    }
}

}  // namespace HWY_NAMESPACE
}  // namespace vecstore::core
HWY_AFTER_NAMESPACE();

#endif  // VECSTORE_LEVELS_INL
