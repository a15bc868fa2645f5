// The product of sparse vectors. Compiled once per target, see kernels_simd.cpp; the guard is toggled so that each
// round sees the contents anew.
#if defined(VECSTORE_SPARSE_INL) == defined(HWY_TARGET_TOGGLE)
#ifdef VECSTORE_SPARSE_INL
#undef VECSTORE_SPARSE_INL
#else
#define VECSTORE_SPARSE_INL
#endif

#include "core/distance/floats-inl.hpp"
#include "core/distance/sparse_view.hpp"
#include "hwy/highway.h"

HWY_BEFORE_NAMESPACE();
namespace vecstore::core {
namespace HWY_NAMESPACE {

using IndexTag = hn::RebindToSigned<FloatTag>;

// Blocks of kFloats elements of both lists, every element of the one with every element of the other: that is more
// comparisons than merging needs, but none of them waits for another. Dimensions in common are few, so whether a
// block has one is foreseen mostly; which list is behind is not, so the steps are no branches.
float sparse_product(const SparseView& a, const SparseView& b) {
    const FloatTag d;
    const IndexTag di;
    auto sums = hn::Zero(d);
    size_t i = 0, j = 0;
    while (i + kFloats <= a.count && j + kFloats <= b.count) {
        const auto at = hn::LoadU(di, a.indices + i);
        auto common = hn::Eq(at, hn::Set(di, b.indices[j]));
        for (size_t k = 1; k < kFloats; ++k) common = hn::Or(common, hn::Eq(at, hn::Set(di, b.indices[j + k])));
        if (!hn::AllFalse(di, common)) {
            const auto values = hn::LoadU(d, a.values + i);
            for (size_t k = 0; k < kFloats; ++k) {
                const auto same = hn::RebindMask(d, hn::Eq(at, hn::Set(di, b.indices[j + k])));
                sums = hn::MulAdd(hn::IfThenElseZero(same, values), hn::Set(d, b.values[j + k]), sums);
            }
        }
        const int32_t last_a = a.indices[i + kFloats - 1];
        const int32_t last_b = b.indices[j + kFloats - 1];
        i += kFloats * (last_a <= last_b);
        j += kFloats * (last_b <= last_a);
    }
    // Pairs with an element before i or j have been met.
    float sum = SumLanes(sums);
    while (i < a.count && j < b.count) {
        const int32_t at_a = a.indices[i];
        const int32_t at_b = b.indices[j];
        if (at_a == at_b) sum += a.values[i] * b.values[j];
        i += at_a <= at_b;
        j += at_b <= at_a;
    }
    return sum;
}

}  // namespace HWY_NAMESPACE
}  // namespace vecstore::core
HWY_AFTER_NAMESPACE();

#endif  // VECSTORE_SPARSE_INL
