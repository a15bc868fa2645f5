// The SQL type sparsevec: up to 16,000 float4 elements other than zero, of 1 to 1e9 dimensions. Text form
// '{1:1.5,3:2}/5' (index from 1, value, dimensions); everywhere else indices count from 0.
#pragma once

#include "core/distance/sparse.hpp"
#include "types/dense.hpp"

namespace vecstore::types {

// On-disk layout: varlena header, int32 dimensions, int32 number of elements, int32 zero, the indices, the
// values. Indices are ascending, each once; values are finite and not zero: input and casts see to it.
struct SparseVector {
    static constexpr const char* name = "sparsevec";
    static constexpr int max_dims = 1000000000;
    static constexpr int max_elements = 16000;

    int32 vl_len_;  // varlena header: SET_VARSIZE, VARSIZE
    int32 dim;
    int32 nnz;
    int32 unused;  // always 0
    int32 indices[FLEXIBLE_ARRAY_MEMBER];

    int dims() const { return dim; }
    int count() const { return nnz; }
    float* values() { return reinterpret_cast<float*>(indices + nnz); }
    const float* values() const { return reinterpret_cast<const float*>(indices + nnz); }
    core::SparseView view() const { return {indices, values(), static_cast<size_t>(nnz)}; }

    // Bytes of a value with this many elements.
    static constexpr size_t size_of(int count) {
        return offsetof(SparseVector, indices) + (sizeof(int32) + sizeof(float)) * static_cast<size_t>(count);
    }
};

// 22000 below 1, 54000 above 1e9.
void check_sparse_dims(int64 dims);
// 22000 below 0, 54000 above 16,000 and above dims.
void check_sparse_count(int64 count, int dims);
// The index at this position (from 0) against its predecessor and the dimensions: 22000 when out of bounds,
// not ascending or there twice.
void check_sparse_index(const int32* indices, int position, int dims);

// A new value in the current memory context; its indices and values are for the caller to fill. dims and
// count must be checked.
SparseVector* new_sparse(int dims, int count);

inline const SparseVector* datum_get_sparse(Datum datum) {
    return reinterpret_cast<const SparseVector*>(PG_DETOAST_DATUM(datum));
}

inline const SparseVector* sparse_arg(FunctionCallInfo fcinfo, int n) {
    return datum_get_sparse(PG_GETARG_DATUM(n));
}

}  // namespace vecstore::types
