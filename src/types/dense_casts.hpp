// Casts of the dense types. Every one takes (value, typmod, is_explicit).
#pragma once

#include "types/arrays.hpp"
#include "types/dense.hpp"

namespace vecstore::types::dense {

// To the same type with another type modifier: only a check, the value stays where it is.
template <class Format>
Datum coerce(FunctionCallInfo fcinfo) {
    const DenseVector<Format>* const v = dense_arg<Format>(fcinfo, 0);
    check_expected_dims(PG_GETARG_INT32(1), v->dims());
    PG_RETURN_POINTER(v);
}

// Fills `to` with numbers, all of which must be finite and in range: one pass without branches, and a second
// one only to name the culprit.
template <class Format>
void fill_from_floats(const float* from, DenseVector<Format>* to) {
    auto* const elements = to->data();
    const int n = to->dims();
    Format::narrow_all(from, elements, n);
    uint32 bad = 0;
    for (int i = 0; i < n; i++) bad |= is_not_finite(elements[i]);
    if (likely(bad == 0)) return;
    for (int i = 0; i < n; i++) check_narrowed<Format>(from[i], elements[i]);
    check_elements<Format>(elements, n);
}

// From integer[], real[], double precision[] or numeric[].
template <class Format>
Datum from_array(FunctionCallInfo fcinfo) {
    ArrayType* const array = PG_GETARG_ARRAYTYPE_P(0);
    const int dims = plain_array_length(array);
    check_dims<Format>(dims);
    check_expected_dims(PG_GETARG_INT32(1), dims);
    DenseVector<Format>* const result = new_dense<Format>(dims);
    fill_from_floats(array_floats(array, Format::name), result);
    PG_RETURN_POINTER(result);
}

template <class Format>
Datum to_float4(FunctionCallInfo fcinfo) {
    const DenseVector<Format>* const v = dense_arg<Format>(fcinfo, 0);
    ArrayType* const result = new_array(FLOAT4OID, sizeof(float4), v->dims());
    Format::widen_all(v->data(), array_data<float4>(result), v->dims());
    PG_RETURN_ARRAYTYPE_P(result);
}

// From one dense type to another, of which one must be vector.
template <class To, class From>
Datum convert(FunctionCallInfo fcinfo) {
    const DenseVector<From>* const v = dense_arg<From>(fcinfo, 0);
    const int dims = v->dims();
    check_dims<To>(dims);
    check_expected_dims(PG_GETARG_INT32(1), dims);
    DenseVector<To>* const result = new_dense<To>(dims);
    if constexpr (From::holds_every_float) {
        fill_from_floats(v->data(), result);
    } else {
        From::widen_all(v->data(), result->data(), dims);
    }
    PG_RETURN_POINTER(result);
}

}  // namespace vecstore::types::dense
