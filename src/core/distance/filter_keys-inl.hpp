// Tests of filter keys. Compiled once per target, see kernels_simd.cpp; the guard is toggled so that each
// round sees the contents anew.
#if defined(VECSTORE_KEYS_INL) == defined(HWY_TARGET_TOGGLE)
#ifdef VECSTORE_KEYS_INL
#undef VECSTORE_KEYS_INL
#else
#define VECSTORE_KEYS_INL
#endif

#include <cstddef>
#include <cstdint>

#include "core/distance/kernels.hpp"
#include "hwy/highway.h"

HWY_BEFORE_NAMESPACE();
namespace vecstore::core {
namespace HWY_NAMESPACE {

void keep_in_range(const uint64_t* keys, size_t count, uint64_t low, uint64_t span, uint64_t* bits) {
    namespace hn = hwy::HWY_NAMESPACE;
    const hn::ScalableTag<uint64_t> d;
    const hn::RebindToSigned<decltype(d)> di;
    constexpr size_t lanes = HWY_LANES(uint64_t);
    // CPUs compare signed numbers only: the sign bit turns the order of unsigned ones into theirs.
    const auto sign = hn::Set(d, uint64_t{1} << 63);
    const auto least = hn::Set(d, low);
    const auto limit = hn::BitCast(di, hn::Xor(hn::Set(d, span), sign));
    for (size_t begin = 0; begin < count; begin += 64, ++bits) {
        const size_t n = count - begin < 64 ? count - begin : 64;
        uint64_t word = 0;
        size_t i = 0;
        for (; i + lanes <= n; i += lanes) {
            const auto offset = hn::Sub(hn::LoadU(d, keys + begin + i), least);
            const auto beyond = hn::Gt(hn::BitCast(di, hn::Xor(offset, sign)), limit);
            uint8_t mask[8] = {};
            hn::StoreMaskBits(di, beyond, mask);
            word |= static_cast<uint64_t>(mask[0]) << i;
        }
        for (; i < n; ++i) word |= static_cast<uint64_t>(keys[begin + i] - low > span) << i;
        *bits &= ~word;
    }
}

void keep_sifted(const uint64_t* keys, size_t count, const uint64_t* sieve, int shift, uint64_t* bits) {
    namespace hn = hwy::HWY_NAMESPACE;
    const hn::ScalableTag<uint64_t> d;
    const hn::RebindToSigned<decltype(d)> di;
    constexpr size_t lanes = HWY_LANES(uint64_t);
    const auto multiplier = hn::Set(d, key_multiplier);
    const auto within_word = hn::Set(d, 63);
    const auto one = hn::Set(d, 1);
    for (size_t begin = 0; begin < count; begin += 64, ++bits) {
        const size_t n = count - begin < 64 ? count - begin : 64;
        uint64_t word = 0;
        size_t i = 0;
        for (; i + lanes <= n; i += lanes) {
            const auto place = hn::ShiftRightSame(hn::Mul(hn::LoadU(d, keys + begin + i), multiplier), shift);
            const auto words = hn::GatherIndex(d, sieve, hn::BitCast(di, hn::ShiftRight<6>(place)));
            const auto bit = hn::Shr(words, hn::And(place, within_word));
            uint8_t mask[8] = {};
            hn::StoreMaskBits(d, hn::TestBit(bit, one), mask);
            word |= static_cast<uint64_t>(mask[0]) << i;
        }
        for (; i < n; ++i) {
            const uint64_t place = keys[begin + i] * key_multiplier >> shift;
            word |= (sieve[place / 64] >> (place % 64) & 1) << i;
        }
        *bits &= word;
    }
}

}  // namespace HWY_NAMESPACE
}  // namespace vecstore::core
HWY_AFTER_NAMESPACE();

#endif  // VECSTORE_KEYS_INL
