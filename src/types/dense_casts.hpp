// Casts of the dense types. Every one takes (value, typmod, is_explicit).
#pragma once

#include "types/arrays.hpp"
#include "types/dense.hpp"

extern "C" {
#include "utils/fmgrprotos.h"
}

namespace vecstore::types::dense {

// To the same type with another type modifier: only a check, the value stays where it is.
template <class Format>
Datum coerce(FunctionCallInfo fcinfo) {
    const DenseVector<Format>* const v = dense_arg<Format>(fcinfo, 0);
    check_expected_dims(PG_GETARG_INT32(1), v->dims());
    PG_RETURN_POINTER(v);
}

// What the elements of `to` were rounded from, n numbers, all of which must be finite and in range: one pass
// without branches, and a second one only to name the culprit.
template <class Format, class Source>
void check_converted(const Source* from, const DenseVector<Format>* to) {
    const auto* const elements = to->data();
    const int n = to->dims();
    uint32 bad = 0;
    for (int i = 0; i < n; i++) bad |= is_not_finite(elements[i]);
    if (likely(bad == 0)) return;
    for (int i = 0; i < n; i++) check_narrowed<Format>(static_cast<float>(from[i]), elements[i]);
    check_elements<Format>(elements, n);
}

// Elements that lie next to each other in the array.
template <class Format, class Source>
void convert_elements(ArrayType* array, DenseVector<Format>* to) {
    const Source* const from = array_data<const Source>(array);
    const int n = to->dims();
    auto* const elements = to->data();
    if constexpr (std::is_same_v<Source, float4>) {
        Format::narrow_all(from, elements, n);
    } else {
        for (int i = 0; i < n; i++) elements[i] = Format::narrow(static_cast<float>(from[i]));
    }
    check_converted(from, to);
}

template <class Format>
void convert_numerics(ArrayType* array, DenseVector<Format>* to) {
    Datum* elements;
    int count;
    deconstruct_array(array, NUMERICOID, -1, false, TYPALIGN_INT, &elements, nullptr, &count);
    for (int i = 0; i < count; i++) {
        const float value = DatumGetFloat4(DirectFunctionCall1(numeric_float4, elements[i]));
        to->data()[i] = narrow_checked<Format>(value);
    }
    pfree(elements);
    check_elements<Format>(to->data(), count);
}

// From integer[], real[], double precision[] or numeric[].
template <class Format>
Datum from_array(FunctionCallInfo fcinfo) {
    ArrayType* const array = PG_GETARG_ARRAYTYPE_P(0);
    const int dims = plain_array_length(array);
    check_dims<Format>(dims);
    check_expected_dims(PG_GETARG_INT32(1), dims);

    DenseVector<Format>* const result = new_dense<Format>(dims);
    switch (ARR_ELEMTYPE(array)) {
        case INT4OID:
            convert_elements<Format, int32>(array, result);
            break;
        case FLOAT4OID:
            convert_elements<Format, float4>(array, result);
            break;
        case FLOAT8OID:
            convert_elements<Format, float8>(array, result);
            break;
        case NUMERICOID:
            convert_numerics(array, result);
            break;
        default:
            raise_unsupported_array(Format::name, ARR_ELEMTYPE(array));
    }
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
        To::narrow_all(v->data(), result->data(), dims);
        check_converted(v->data(), result);
    } else {
        From::widen_all(v->data(), result->data(), dims);
    }
    PG_RETURN_POINTER(result);
}

}  // namespace vecstore::types::dense
