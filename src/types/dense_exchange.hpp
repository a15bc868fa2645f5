// Casts between the dense types and the forms in which vectors lie in other stores: bytes as they are in the
// memory of little-endian machines (Redis, SQLite, tobytes() of NumPy: float32 for vector, float16 for
// halfvec), and JSON arrays.
#pragma once

#include "core/base/byte_order.hpp"
#include "types/dense_casts.hpp"
#include "types/dense_text.hpp"
#include "types/json_numbers.hpp"

namespace vecstore::types::dense {

template <class Format>
Datum from_bytea(FunctionCallInfo fcinfo) {
    using Element = typename Format::Element;
    constexpr int size = sizeof(Element);
    const bytea* const bytes = PG_GETARG_BYTEA_PP(0);
    const int length = static_cast<int>(VARSIZE_ANY_EXHDR(bytes));
    if (length % size != 0) {
        ereport(ERROR,
                (errcode(ERRCODE_INVALID_BINARY_REPRESENTATION),
                 errmsg("bytea of %d bytes cannot be cast to type %s", length, Format::name),
                 errdetail("The elements are little-endian floating-point numbers of %d bytes each.", size)));
    }
    const int dims = length / size;
    check_dims<Format>(dims);
    check_expected_dims(PG_GETARG_INT32(1), dims);
    DenseVector<Format>* const result = new_dense<Format>(dims);
    const char* const from = VARDATA_ANY(bytes);
    Element* const to = result->data();
    for (int i = 0; i < dims; i++) to[i] = core::load_little_endian<Element>(from + size * i);
    check_elements<Format>(to, dims);
    PG_RETURN_POINTER(result);
}

template <class Format>
Datum to_bytea(FunctionCallInfo fcinfo) {
    using Element = typename Format::Element;
    const DenseVector<Format>* const v = dense_arg<Format>(fcinfo, 0);
    const int dims = v->dims();
    const size_t length = sizeof(Element) * static_cast<size_t>(dims);
    bytea* const result = static_cast<bytea*>(palloc(VARHDRSZ + length));
    SET_VARSIZE(result, VARHDRSZ + length);
    char* const to = VARDATA(result);
    for (int i = 0; i < dims; i++) core::store_little_endian(to + sizeof(Element) * i, v->data()[i]);
    PG_RETURN_BYTEA_P(result);
}

// JSON's null becomes NULL: documents of stores that know no NULL have it where there is no vector.
template <class Format>
Datum from_jsonb(FunctionCallInfo fcinfo) {
    Jsonb* const json = PG_GETARG_JSONB_P(0);
    if (is_json_null(json)) PG_RETURN_NULL();
    const int64 length = json_array_length(json, Format::name);
    check_dims<Format>(length);
    const int dims = static_cast<int>(length);
    check_expected_dims(PG_GETARG_INT32(1), dims);
    float* const numbers = static_cast<float*>(palloc(sizeof(float) * length));
    read_json_numbers(json, Format::name, numbers);
    DenseVector<Format>* const result = new_dense<Format>(dims);
    fill_from_floats(numbers, result);
    PG_RETURN_POINTER(result);
}

// The text form is a JSON array as it is.
template <class Format>
Datum to_jsonb(FunctionCallInfo fcinfo) {
    return DirectFunctionCall1(jsonb_in, out<Format>(fcinfo));
}

}  // namespace vecstore::types::dense
