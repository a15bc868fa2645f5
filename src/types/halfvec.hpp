// The SQL type halfvec: half precision (IEEE binary16) elements, 1 to 16,000 dimensions.
#pragma once

#include "core/base/half.hpp"
#include "core/distance/metric.hpp"
#include "types/dense.hpp"

namespace vecstore::types {

struct HalfFormat {
    using Element = uint16;
    static constexpr const char* name = "halfvec";
    static constexpr int max_dims = 16000;

    static float widen(uint16 x) { return core::f16_to_float(x); }
    static uint16 narrow(float x) { return core::f16_from_float(x); }
    static constexpr bool holds_every_float = false;
    static void widen_all(const uint16* from, float* to, size_t n) {
        core::kernels().f16_to_f32(from, to, n);
    }
    static void narrow_all(const float* from, uint16* to, size_t n) {
        core::kernels().f32_to_f16(from, to, n);
    }

    // The result of the formula's kernel.
    static float apply(const core::DistanceFormula& formula, const uint16* a, const uint16* b, size_t n) {
        return (core::kernels().*formula.halves)(a, b, n);
    }
    // out[0] = <a,b>, out[1] = |a|^2, out[2] = |b|^2
    static void cosine_sums(const uint16* a, const uint16* b, size_t n, float out[3]) {
        core::kernels().cosine_sums_halves(a, b, n, out);
    }
};

using HalfVector = DenseVector<HalfFormat>;

}  // namespace vecstore::types
