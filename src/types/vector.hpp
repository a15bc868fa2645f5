// The SQL type vector: float4 elements, 1 to 16,000 dimensions.
#pragma once

#include "core/distance/metric.hpp"
#include "types/dense.hpp"

namespace vecstore::types {

struct VectorFormat {
    using Element = float;
    static constexpr const char* name = "vector";
    static constexpr int max_dims = 16000;

    static float widen(float x) { return x; }
    static float narrow(float x) { return x; }
    static constexpr bool holds_every_float = true;
    static void widen_all(const float* from, float* to, size_t n) { memcpy(to, from, n * sizeof(float)); }
    static void narrow_all(const float* from, float* to, size_t n) { memcpy(to, from, n * sizeof(float)); }

    // The result of the formula's kernel.
    static float apply(const core::DistanceFormula& formula, const float* a, const float* b, size_t n) {
        return (core::kernels().*formula.f32)(a, b, n);
    }
    // out[0] = <a,b>, out[1] = |a|^2, out[2] = |b|^2
    static void cosine_sums(const float* a, const float* b, size_t n, float out[3]) {
        core::kernels().cosine_sums(a, b, n, out);
    }
};

using Vector = DenseVector<VectorFormat>;

// Raises 22000 below 1 dimension, 54000 above 16,000.
inline void check_vector_dims(int64 dims) { check_dims<VectorFormat>(dims); }

// A new vector in the current memory context, its elements not set. Raises as check_vector_dims does.
inline Vector* new_vector(int dims) {
    check_vector_dims(dims);
    return new_dense<VectorFormat>(dims);
}

inline const Vector* datum_get_vector(Datum datum) { return datum_get_dense<VectorFormat>(datum); }

// A vector datum in the current memory context from dims floats, with the checks of the type's input:
// dimensions in range, no NaN, no infinity.
inline Datum make_vector_datum(const float* values, int dims) {
    Vector* const result = new_vector(dims);
    check_elements<VectorFormat>(values, dims);
    memcpy(result->data(), values, sizeof(float) * static_cast<size_t>(dims));
    return PointerGetDatum(result);
}

}  // namespace vecstore::types
