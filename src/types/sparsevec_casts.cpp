// Casts of sparsevec to and from the dense types and arrays. Every one takes (value, typmod, is_explicit).
#include "types/arrays.hpp"
#include "types/halfvec.hpp"
#include "types/sparsevec.hpp"
#include "types/vector.hpp"

namespace vecstore::types {
namespace {

// The elements other than zero of `dims` numbers.
template <class Format>
SparseVector* sparse_from(const typename Format::Element* from, int dims) {
    int64 count = 0;
    for (int i = 0; i < dims; i++) count += Format::widen(from[i]) != 0;
    check_sparse_count(count, dims);
    SparseVector* const result = new_sparse(dims, static_cast<int>(count));
    float* const values = result->values();
    for (int i = 0, at = 0; i < dims; i++) {
        const float value = Format::widen(from[i]);
        if (value == 0) continue;
        result->indices[at] = i;
        values[at++] = value;
    }
    return result;
}

template <class Format>
Datum from_dense(FunctionCallInfo fcinfo) {
    const DenseVector<Format>* const v = dense_arg<Format>(fcinfo, 0);
    check_sparse_dims(v->dims());
    check_expected_dims(PG_GETARG_INT32(1), v->dims());
    PG_RETURN_POINTER(sparse_from<Format>(v->data(), v->dims()));
}

template <class Format>
Datum to_dense(FunctionCallInfo fcinfo) {
    const SparseVector* const v = sparse_arg(fcinfo, 0);
    const int dims = v->dims();
    check_dims<Format>(dims);
    check_expected_dims(PG_GETARG_INT32(1), dims);
    DenseVector<Format>* const result = new_dense<Format>(dims);
    auto* const to = result->data();
    memset(to, 0, sizeof(*to) * static_cast<size_t>(dims));
    const float* const values = v->values();
    for (int i = 0; i < v->count(); i++) {
        // A damaged page must not make us write elsewhere.
        const int32 index = v->indices[i];
        if (unlikely(index < 0 || index >= dims))
            elog(ERROR, "sparsevec of %d dimensions holds index %d", dims, index);
        to[index] = narrow_checked<Format>(values[i]);
    }
    PG_RETURN_POINTER(result);
}

}  // namespace
}  // namespace vecstore::types

using namespace vecstore::types;

VECSTORE_FUNCTION(sparsevec_coerce) {
    const SparseVector* const v = sparse_arg(fcinfo, 0);
    check_expected_dims(PG_GETARG_INT32(1), v->dims());
    PG_RETURN_POINTER(v);
}

VECSTORE_FUNCTION(vector_to_sparsevec) { return from_dense<VectorFormat>(fcinfo); }

VECSTORE_FUNCTION(halfvec_to_sparsevec) { return from_dense<HalfFormat>(fcinfo); }

VECSTORE_FUNCTION(sparsevec_to_vector) { return to_dense<VectorFormat>(fcinfo); }

VECSTORE_FUNCTION(sparsevec_to_halfvec) { return to_dense<HalfFormat>(fcinfo); }

// From integer[], real[], double precision[] or numeric[].
VECSTORE_FUNCTION(sparsevec_from_array) {
    ArrayType* const array = PG_GETARG_ARRAYTYPE_P(0);
    const int dims = plain_array_length(array);
    check_sparse_dims(dims);
    check_expected_dims(PG_GETARG_INT32(1), dims);
    SparseVector* const result = sparse_from<VectorFormat>(array_floats(array, SparseVector::name), dims);
    const float* const values = result->values();
    for (int i = 0; i < result->count(); i++) {
        if (unlikely(!std::isfinite(values[i])))
            raise_not_finite(SparseVector::name, values[i], result->indices[i] + 1);
    }
    PG_RETURN_POINTER(result);
}
