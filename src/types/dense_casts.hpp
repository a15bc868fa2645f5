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

// Elements that lie next to each other in the array.
template <class Format, class Source>
void convert_elements(ArrayType* array, DenseVector<Format>* to) {
    const Source* const from = array_data<const Source>(array);
    const int n = to->dims();
    auto* const elements = to->data();
    for (int i = 0; i < n; i++) elements[i] = Format::narrow(static_cast<float>(from[i]));
}

template <class Format>
void convert_numerics(ArrayType* array, DenseVector<Format>* to) {
    Datum* elements;
    int count;
    deconstruct_array(array, NUMERICOID, -1, false, TYPALIGN_INT, &elements, nullptr, &count);
    for (int i = 0; i < count; i++) {
        const float value = DatumGetFloat4(DirectFunctionCall1(numeric_float4, elements[i]));
        to->data()[i] = Format::narrow(value);
    }
    pfree(elements);
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
            ereport(ERROR, (errcode(ERRCODE_DATA_EXCEPTION), errmsg("unsupported array type"),
                            errdetail("Arrays of type %s cannot be cast to %s.",
                                      format_type_be(ARR_ELEMTYPE(array)), Format::name)));
    }
    check_elements<Format>(result->data(), dims);
    PG_RETURN_POINTER(result);
}

template <class Format>
Datum to_float4(FunctionCallInfo fcinfo) {
    const DenseVector<Format>* const v = dense_arg<Format>(fcinfo, 0);
    ArrayType* const result = new_array(FLOAT4OID, sizeof(float4), v->dims());
    const int n = v->dims();
    float4* const to = array_data<float4>(result);
    for (int i = 0; i < n; i++) to[i] = Format::widen(v->data()[i]);
    PG_RETURN_ARRAYTYPE_P(result);
}

}  // namespace vecstore::types::dense
