// Sparse vectors. Compiled once per target, see kernels_simd.cpp; the guard is toggled so that each round
// sees the contents anew.
#if defined(VECSTORE_SPARSE_INL) == defined(HWY_TARGET_TOGGLE)
#ifdef VECSTORE_SPARSE_INL
#undef VECSTORE_SPARSE_INL
#else
#define VECSTORE_SPARSE_INL
#endif

#include <algorithm>

#include "core/distance/floats-inl.hpp"
#include "core/distance/sparse_view.hpp"
#include "hwy/highway.h"

HWY_BEFORE_NAMESPACE();
namespace vecstore::core {
namespace HWY_NAMESPACE {

using IndexTag = hn::RebindToSigned<FloatTag>;

HWY_INLINE hn::Mask<IndexTag> SameIndex(hn::Vec<IndexTag> at, const int32_t* index) {
    return hn::Eq(at, hn::Set(IndexTag(), *index));
}

// Finds the dimensions that a and b have in common. Blocks of kFloats elements of both lists meet, every
// element of the one with every element of the other: more comparisons than merging needs, but none waits for
// another. Calls
//     block(i, j)  where the blocks at i and j have some dimension in common
//     pair(i, j)   where the elements i and j have, near the end of a list
// Dimensions in common are few, so that those branches are foreseen mostly; which list is behind is not, so
// the steps are no branches.
template <class Block, class Pair>
HWY_INLINE void ForCommon(const SparseView& a, const SparseView& b, Block block, Pair pair) {
    const IndexTag di;
    size_t i = 0, j = 0;
    while (i + kFloats <= a.count && j + kFloats <= b.count) {
        const auto at = hn::LoadU(di, a.indices + i);
        auto common = SameIndex(at, b.indices + j);
        for (size_t k = 1; k < kFloats; ++k) common = hn::Or(common, SameIndex(at, b.indices + j + k));
        if (!hn::AllFalse(di, common)) block(i, j);
        const int32_t last_a = a.indices[i + kFloats - 1];
        const int32_t last_b = b.indices[j + kFloats - 1];
        i += kFloats * (last_a <= last_b);
        j += kFloats * (last_b <= last_a);
    }
    // Pairs with an element before i or j have met.
    while (i < a.count && j < b.count) {
        const int32_t at_a = a.indices[i];
        const int32_t at_b = b.indices[j];
        if (at_a == at_b) pair(i, j);
        i += at_a <= at_b;
        j += at_b <= at_a;
    }
}

float sparse_product(const SparseView& a, const SparseView& b) {
    const FloatTag d;
    const IndexTag di;
    auto sums = hn::Zero(d);
    float rest = 0;
    ForCommon(
        a, b,
        [&](size_t i, size_t j) HWY_ATTR {
            const auto at = hn::LoadU(di, a.indices + i);
            const auto values = hn::LoadU(d, a.values + i);
            for (size_t k = j; k < j + kFloats; ++k) {
                const auto same = hn::RebindMask(d, SameIndex(at, b.indices + k));
                sums = hn::MulAdd(hn::IfThenElseZero(same, values), hn::Set(d, b.values[k]), sums);
            }
        },
        [&](size_t i, size_t j) HWY_ATTR { rest += a.values[i] * b.values[j]; });
    return SumLanes(sums) + rest;
}

void sparse_align(const SparseView& a, const SparseView& b, float* partners, float* rest) {
    const FloatTag d;
    const IndexTag di;
    std::fill_n(partners, a.count, 0.0f);
    std::copy_n(b.values, b.count, rest);
    ForCommon(
        a, b,
        [&](size_t i, size_t j) HWY_ATTR {
            const auto at = hn::LoadU(di, a.indices + i);
            auto found = hn::LoadU(d, partners + i);
            for (size_t k = j; k < j + kFloats; ++k) {
                const auto same = SameIndex(at, b.indices + k);
                found = hn::IfThenElse(hn::RebindMask(d, same), hn::Set(d, b.values[k]), found);
                if (!hn::AllFalse(di, same)) rest[k] = 0;
            }
            hn::StoreU(found, d, partners + i);
        },
        [&](size_t i, size_t j) HWY_ATTR {
            partners[i] = b.values[j];
            rest[j] = 0;
        });
}

}  // namespace HWY_NAMESPACE
}  // namespace vecstore::core
HWY_AFTER_NAMESPACE();

#endif  // VECSTORE_SPARSE_INL
