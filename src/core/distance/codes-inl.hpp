// 1-bit codes: encoding, query planes, scores, Hamming distance. Compiled once per target, see
// kernels_simd.cpp; the guard is toggled so that each round sees the contents anew.
#if defined(VECSTORE_CODES_INL) == defined(HWY_TARGET_TOGGLE)
#ifdef VECSTORE_CODES_INL
#undef VECSTORE_CODES_INL
#else
#define VECSTORE_CODES_INL
#endif

#include <cstddef>
#include <cstdint>
#include <cstring>

#include "core/distance/code_bytes.hpp"
#include "core/distance/floats-inl.hpp"
#include "core/distance/kernels.hpp"
#include "hwy/highway.h"

HWY_BEFORE_NAMESPACE();
namespace vecstore::core {
namespace HWY_NAMESPACE {

using ByteTag = hn::ScalableTag<uint8_t>;
using ByteVec = hn::Vec<ByteTag>;
constexpr size_t kBytes = HWY_LANES(uint8_t);

// --- score_codes: population count by table look-up on nibbles (for CPUs without a vector instruction)
// ------

// The planes of kBytes bytes of the code, cut into nibbles once for all codes.
struct PlaneBlock {
    HWY_ALIGN uint8_t low[4][kBytes];
    HWY_ALIGN uint8_t high[4][kBytes];
};

// Codes are scored in chunks of this many bytes, so that the cut planes fit the stack whatever the
// dimensions.
constexpr size_t kChunkBytes = 256;
constexpr size_t kChunkBlocks = kChunkBytes / kBytes;

HWY_INLINE void CutPlanes(const uint8_t* planes, size_t plane_bytes, size_t blocks, PlaneBlock* out) {
    const ByteTag d;
    const hn::Repartition<uint16_t, ByteTag> d16;
    const auto nibble = hn::Set(d, 0x0f);
    for (size_t block = 0; block < blocks; ++block) {
        for (size_t p = 0; p < 4; ++p) {
            const auto plane = hn::LoadU(d, planes + p * plane_bytes + block * kBytes);
            hn::Store(hn::And(plane, nibble), d, out[block].low[p]);
            const auto shifted = hn::BitCast(d, hn::ShiftRight<4>(hn::BitCast(d16, plane)));
            hn::Store(hn::And(shifted, nibble), d, out[block].high[p]);
        }
    }
}

// Bits of a nibble times the weight of a plane (1, 2, 4, -8), as bytes.
struct WeightedCounts {
    ByteVec table[4];
};

HWY_INLINE WeightedCounts LoadWeightedCounts() {
    alignas(16) static constexpr uint8_t kCounts[16] = {0, 1, 1, 2, 1, 2, 2, 3, 1, 2, 2, 3, 2, 3, 3, 4};
    const ByteTag d;
    const auto one = hn::LoadDup128(d, kCounts);
    const auto two = hn::Add(one, one);
    const auto four = hn::Add(two, two);
    return {{one, two, four, hn::Sub(hn::Zero(d), hn::Add(four, four))}};
}

// Each byte's part of the sum over one block, in [-64, 56], added to `sum` (wrapping bytes).
HWY_INLINE ByteVec AddBlock(ByteVec sum, const uint8_t* code, const PlaneBlock& planes,
                            const WeightedCounts& counts) {
    const ByteTag d;
    const hn::Repartition<uint16_t, ByteTag> d16;
    const auto nibble = hn::Set(d, 0x0f);
    const auto bits = hn::LoadU(d, code);
    const auto low = hn::And(bits, nibble);
    const auto high = hn::And(hn::BitCast(d, hn::ShiftRight<4>(hn::BitCast(d16, bits))), nibble);
    auto other = hn::Zero(d);
    for (size_t p = 0; p < 4; ++p) {
        const auto plane_low = hn::Load(d, planes.low[p]);
        const auto plane_high = hn::Load(d, planes.high[p]);
        sum = hn::Add(sum, hn::TableLookupBytes(counts.table[p], hn::And(low, plane_low)));
        other = hn::Add(other, hn::TableLookupBytes(counts.table[p], hn::And(high, plane_high)));
    }
    return hn::Add(sum, other);
}

// The sum of one code over a chunk of `blocks` blocks. Bytes hold two blocks' parts, made positive by a bias,
// before they are added up in wider lanes.
HWY_INLINE int32_t ScoreChunk(const uint8_t* code, const PlaneBlock* planes, size_t blocks,
                              const WeightedCounts& counts) {
    const ByteTag d;
    const hn::Repartition<uint64_t, ByteTag> d64;
    const auto bias = hn::Set(d, 128);
    auto total = hn::Zero(d64);
    size_t block = 0;
    for (; block + 2 <= blocks; block += 2) {
        const auto first = AddBlock(bias, code + block * kBytes, planes[block], counts);
        const auto both = AddBlock(first, code + (block + 1) * kBytes, planes[block + 1], counts);
        total = hn::Add(total, hn::SumsOf8(both));
    }
    if (block < blocks)
        total = hn::Add(total, hn::SumsOf8(AddBlock(bias, code + block * kBytes, planes[block], counts)));
    const int32_t biased = static_cast<int32_t>(hn::GetLane(hn::SumOfLanes(d64, total)));
    return biased - static_cast<int32_t>(128 * kBytes * ((blocks + 1) / 2));
}

void score_codes(const uint8_t* planes, const uint8_t* codes, size_t code_bytes, size_t count,
                 int32_t* sums) {
    const size_t plane_bytes = padded_code_bytes(code_bytes);
    const WeightedCounts counts = LoadWeightedCounts();
    PlaneBlock cut[kChunkBlocks];
    std::memset(sums, 0, count * sizeof *sums);
    for (size_t start = 0; start < code_bytes; start += kChunkBytes) {
        const size_t bytes = HWY_MIN(kChunkBytes, code_bytes - start);
        const size_t blocks = (bytes + kBytes - 1) / kBytes;
        CutPlanes(planes + start, plane_bytes, blocks, cut);
        const uint8_t* code = codes + start;
        for (size_t k = 0; k < count; ++k, code += code_bytes)
            sums[k] += ScoreChunk(code, cut, blocks, counts);
    }
}

// The scalar instruction, which all these targets have, is as fast as vectors for codes of this size.
HWY_INLINE uint32_t CountDifferences(const uint8_t* a, const uint8_t* b, size_t bytes) {
    uint64_t words[2] = {0, 0};
    std::memcpy(&words[0], a, bytes);
    std::memcpy(&words[1], b, bytes);
    return static_cast<uint32_t>(__builtin_popcountll(words[0] ^ words[1]));
}

uint32_t hamming(const uint8_t* a, const uint8_t* b, size_t code_bytes) {
    uint32_t even = 0, odd = 0;
    size_t i = 0;
    for (; i + 16 <= code_bytes; i += 16) {
        even += CountDifferences(a + i, b + i, 8);
        odd += CountDifferences(a + i + 8, b + i + 8, 8);
    }
    if (i + 8 <= code_bytes) {
        even += CountDifferences(a + i, b + i, 8);
        i += 8;
    }
    if (i < code_bytes) odd += CountDifferences(a + i, b + i, code_bytes - i);
    return even + odd;
}

void hamming_each(const uint8_t* code, const uint8_t* codes, size_t code_bytes, size_t count, uint32_t* out) {
    for (size_t k = 0; k < count; ++k) out[k] = hamming(code, codes + k * code_bytes, code_bytes);
}

HWY_INLINE void CountOverlap(const uint8_t* a, const uint8_t* b, size_t bytes, BitOverlap& sum) {
    uint64_t words[2] = {0, 0};
    std::memcpy(&words[0], a, bytes);
    std::memcpy(&words[1], b, bytes);
    sum.both += static_cast<uint32_t>(__builtin_popcountll(words[0] & words[1]));
    sum.either += static_cast<uint32_t>(__builtin_popcountll(words[0] | words[1]));
}

BitOverlap bit_overlap(const uint8_t* a, const uint8_t* b, size_t bytes) {
    BitOverlap even{0, 0}, odd{0, 0};
    size_t i = 0;
    for (; i + 16 <= bytes; i += 16) {
        CountOverlap(a + i, b + i, 8, even);
        CountOverlap(a + i + 8, b + i + 8, 8, odd);
    }
    if (i + 8 <= bytes) {
        CountOverlap(a + i, b + i, 8, even);
        i += 8;
    }
    if (i < bytes) CountOverlap(a + i, b + i, bytes - i, odd);
    return {even.both + odd.both, even.either + odd.either};
}

float hamming_distance(const uint8_t* a, const uint8_t* b, size_t bytes) {
    return static_cast<float>(hamming(a, b, bytes));
}

float jaccard_distance(const uint8_t* a, const uint8_t* b, size_t bytes) {
    return jaccard_of(bit_overlap(a, b, bytes));
}

// --- Masks of floats to bits of a code
// -----------------------------------------------------------------------

// Components handled at a time: a whole number of bytes of the code.
constexpr size_t kGroup = kFloats < 8 ? 8 : kFloats;
constexpr size_t kVectors = kGroup / kFloats;
static_assert(kFloats == 4 || kFloats == 8 || kFloats == 16,
              "a group is 1 byte in 2 vectors, or 1 or 2 bytes in one");

using FloatMask = hn::Mask<FloatTag>;

// The group's mask bits as the first `bytes` bytes at out (1 or 2, no more than the group has).
HWY_INLINE void StoreGroupBits(const FloatMask (&masks)[kVectors], uint8_t* out, size_t bytes) {
    const FloatTag d;
    if (kVectors == 2) {  // half a byte each
        uint8_t low[8], high[8];
        hn::StoreMaskBits(d, masks[0], low);
        hn::StoreMaskBits(d, masks[kVectors - 1], high);
        *out = static_cast<uint8_t>(low[0] | (high[0] << 4));
    } else if (bytes == kGroup / 8) {
        hn::StoreMaskBits(d, masks[0], out);
    } else {
        uint8_t bits[8];
        hn::StoreMaskBits(d, masks[0], bits);
        *out = bits[0];
    }
}

struct ResidualPartials {
    FloatVec norm, abs, dot;
};

// Adds one vector of components and returns where the residual is >= 0.
HWY_INLINE FloatMask AddResidual(ResidualPartials& s, FloatVec r, FloatVec c) {
    const FloatTag d;
    const auto positive = hn::Ge(r, hn::Zero(d));
    s.norm = hn::MulAdd(r, r, s.norm);
    s.abs = hn::Add(s.abs, hn::Abs(r));
    s.dot = hn::Add(s.dot, hn::IfThenElse(positive, c, hn::Neg(c)));
    return positive;
}

// Where the residual comes from: x - c, or scale * x - c of a stored vector. The scale of fp16 is a power of
// two, so that it does not matter whether the product is rounded.
struct FloatResidual {
    FloatSource x;
    HWY_INLINE FloatVec Load(size_t i, FloatVec c) const { return hn::Sub(x.Load(i), c); }
    HWY_INLINE FloatVec Tail(size_t i, size_t n, FloatVec c) const { return hn::Sub(x.Tail(i, n), c); }
};

template <class Source>
struct ScaledResidual {
    Source x;
    FloatVec scale;
    HWY_INLINE FloatVec Load(size_t i, FloatVec c) const { return hn::MulSub(scale, x.Load(i), c); }
    HWY_INLINE FloatVec Tail(size_t i, size_t n, FloatVec c) const {
        return hn::MulSub(scale, x.Tail(i, n), c);
    }
};

template <class Residual>
HWY_INLINE void EncodeGroup(ResidualPartials* s, const Residual& x, const float* c, size_t i, uint8_t* code) {
    const FloatTag d;
    FloatMask masks[kVectors];
    for (size_t v = 0; v < kVectors; ++v) {
        const auto center = hn::LoadU(d, c + i + v * kFloats);
        masks[v] = AddResidual(s[v], x.Load(i + v * kFloats, center), center);
    }
    StoreGroupBits(masks, code + i / 8, kGroup / 8);
}

template <class Residual>
HWY_INLINE ResidualSums EncodeResidual(const Residual& x, const float* c, size_t n, uint8_t* code) {
    const FloatTag d;
    const auto zero = hn::Zero(d);
    const ResidualPartials none{zero, zero, zero};
    ResidualPartials s[2] = {none, none};  // two, to hide the latency of the additions
    size_t i = 0;
    if (kVectors == 2) {
        for (; i + kGroup <= n; i += kGroup) EncodeGroup(s, x, c, i, code);
    } else {
        for (; i + 2 * kGroup <= n; i += 2 * kGroup) {
            EncodeGroup(s, x, c, i, code);
            EncodeGroup(s + 1, x, c, i + kGroup, code);
        }
        for (; i + kGroup <= n; i += kGroup) EncodeGroup(s, x, c, i, code);
        if (i < n) {  // 8 components left of a group of 16
            const auto center = LoadTail(d, c + i, n - i);
            FloatMask masks[kVectors] = {AddResidual(s[0], x.Tail(i, n - i, center), center)};
            StoreGroupBits(masks, code + i / 8, (n - i) / 8);
        }
    }
    ResidualSums sums;
    sums.norm_squared = SumLanes(hn::Add(s[0].norm, s[1].norm));
    sums.abs_sum = SumLanes(hn::Add(s[0].abs, s[1].abs));
    sums.center_dot = SumLanes(hn::Add(s[0].dot, s[1].dot));
    return sums;
}

ResidualSums encode_residual(const float* x, const float* c, size_t n, uint8_t* code) {
    return EncodeResidual(FloatResidual{{x}}, c, n, code);
}

ResidualSums encode_residual_f16(const uint16_t* x, float scale, const float* c, size_t n, uint8_t* code) {
    return EncodeResidual(ScaledResidual<HalfSource>{{x}, hn::Set(FloatTag(), scale)}, c, n, code);
}

ResidualSums encode_residual_i8(const int8_t* x, float scale, const float* c, size_t n, uint8_t* code) {
    return EncodeResidual(ScaledResidual<Int8Source>{{x}, hn::Set(FloatTag(), scale)}, c, n, code);
}

struct EncodeFromPlanes {
    float scale;
    const float* c;
    size_t n;
    uint8_t* code;
    template <class Source>
    HWY_INLINE ResidualSums operator()(Source x) const {
        return EncodeResidual(ScaledResidual<Source>{x, hn::Set(FloatTag(), scale)}, c, n, code);
    }
};

ResidualSums encode_residual_planes(BitPlanes x, float scale, const float* c, size_t n, uint8_t* code) {
    return WithPlanes(x, EncodeFromPlanes{scale, c, n, code});
}

float signed_sum(const float* c, const uint8_t* code, size_t n) {
    const FloatTag d;
    auto s0 = hn::Zero(d), s1 = s0;
    size_t i = 0;
    for (; i + 2 * kFloats <= n; i += 2 * kFloats) {
        const auto c0 = hn::LoadU(d, c + i), c1 = hn::LoadU(d, c + i + kFloats);
        s0 = hn::Add(s0, hn::IfThenElse(BitsAsMask(code, i), c0, hn::Neg(c0)));
        s1 = hn::Add(s1, hn::IfThenElse(BitsAsMask(code, i + kFloats), c1, hn::Neg(c1)));
    }
    if (i + kFloats <= n) {
        const auto c0 = hn::LoadU(d, c + i);
        s0 = hn::Add(s0, hn::IfThenElse(BitsAsMask(code, i), c0, hn::Neg(c0)));
        i += kFloats;
    }
    if (i < n) {  // 8 components left, of a vector of 16
        const uint8_t last[2] = {code[i / 8], 0};
        const auto c0 = LoadTail(d, c + i, n - i);
        s1 = hn::Add(s1, hn::IfThenElse(BitsAsMask(last, 0), c0, hn::Neg(c0)));
    }
    return SumLanes(hn::Add(s0, s1));
}

// --- The query's planes
// --------------------------------------------------------------------------------------

int32_t make_planes(const float* q, size_t n, float step, uint8_t* planes, size_t plane_bytes) {
    const FloatTag d;
    const hn::RebindToSigned<FloatTag> di;
    const auto inverse = hn::Set(d, 1 / step);
    const auto lowest = hn::Set(d, -8.0f), highest = hn::Set(d, 7.0f);
    std::memset(planes, 0, 4 * plane_bytes);
    auto sum = hn::Zero(di);
    for (size_t i = 0; i < n; i += kGroup) {
        FloatMask masks[4][kVectors];
        for (size_t v = 0; v < kVectors; ++v) {
            const float* p = q + i + v * kFloats;
            const auto x = n - i >= kGroup ? hn::LoadU(d, p) : LoadTail(d, p, n - i);
            // (In this order NaN, of a damaged page, becomes the lowest.)
            const auto clamped = hn::Min(highest, hn::Max(hn::Mul(x, inverse), lowest));
            const auto value = hn::NearestInt(clamped);
            sum = hn::Add(sum, value);
            for (int bit = 0; bit < 4; ++bit) {
                masks[bit][v] = hn::RebindMask(d, hn::TestBit(value, hn::Set(di, 1 << bit)));
            }
        }
        const size_t bytes = HWY_MIN(kGroup, n - i) / 8;
        for (size_t bit = 0; bit < 4; ++bit)
            StoreGroupBits(masks[bit], planes + bit * plane_bytes + i / 8, bytes);
    }
    return hn::GetLane(hn::SumOfLanes(di, sum));
}

// --- Estimates
// -----------------------------------------------------------------------------------------------

struct EstimateTerms {
    FloatVec base, scale;
    hn::Vec<hn::RebindToSigned<FloatTag>> v_sum;

    HWY_INLINE FloatVec operator()(hn::Vec<hn::RebindToSigned<FloatTag>> sums,
                                   hn::Vec<hn::RebindToUnsigned<FloatTag>> factors) const {
        const FloatTag d;
        const hn::RebindToUnsigned<FloatTag> du;
        const auto add = hn::BitCast(d, hn::ShiftLeft<16>(factors));
        const auto rescale = hn::BitCast(d, hn::And(factors, hn::Set(du, 0xffff0000u)));
        const auto dot = hn::Mul(scale, hn::ConvertTo(d, hn::Sub(hn::Add(sums, sums), v_sum)));
        return hn::MulAdd(rescale, dot, hn::Add(base, add));
    }
};

void finish_estimates(const int32_t* sums, const uint8_t* factors, size_t count, float base, float scale,
                      int32_t v_sum, float* out) {
    const FloatTag d;
    const hn::RebindToSigned<FloatTag> di;
    const hn::RebindToUnsigned<FloatTag> du;
    const ByteTag db;
    const EstimateTerms estimate{hn::Set(d, base), hn::Set(d, scale), hn::Set(di, v_sum)};
    size_t k = 0;
    for (; k + kFloats <= count; k += kFloats) {
        const auto pairs = hn::BitCast(du, hn::LoadU(db, factors + 4 * k));
        hn::StoreU(estimate(hn::LoadU(di, sums + k), pairs), d, out + k);
    }
    if (k < count) {
        const auto pairs = hn::BitCast(du, LoadTail(db, factors + 4 * k, 4 * (count - k)));
        StoreTail(d, estimate(LoadTail(di, sums + k, count - k), pairs), out + k, count - k);
    }
}

}  // namespace HWY_NAMESPACE
}  // namespace vecstore::core
HWY_AFTER_NAMESPACE();

#endif  // VECSTORE_CODES_INL
