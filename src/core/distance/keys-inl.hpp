// Tests of filter keys. Compiled once per target, see kernels_simd.cpp; the guard is toggled so that each round sees
// the contents anew.
#if defined(VECSTORE_KEYS_INL) == defined(HWY_TARGET_TOGGLE)
#ifdef VECSTORE_KEYS_INL
#undef VECSTORE_KEYS_INL
#else
#define VECSTORE_KEYS_INL
#endif

#include <cstddef>
#include <cstdint>

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

}  // namespace HWY_NAMESPACE
}  // namespace vecstore::core
HWY_AFTER_NAMESPACE();

#endif  // VECSTORE_KEYS_INL
