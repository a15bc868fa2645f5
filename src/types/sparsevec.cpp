#include "types/sparsevec.hpp"

namespace vecstore::types {

void check_sparse_dims(int64 dims) {
    if (unlikely(dims < 1 || dims > SparseVector::max_dims))
        raise_dims_out_of_range(SparseVector::name, dims, SparseVector::max_dims);
}

void check_sparse_count(int64 count, int dims) {
    if (unlikely(count < 0)) {
        ereport(ERROR,
                (errcode(ERRCODE_DATA_EXCEPTION), errmsg("sparsevec cannot have negative number of elements"),
                 errdetail("The value has %lld elements.", static_cast<long long>(count))));
    }
    if (unlikely(count > SparseVector::max_elements)) {
        ereport(ERROR,
                (errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
                 errmsg("sparsevec cannot have more than %d non-zero elements", SparseVector::max_elements),
                 errdetail("The value has %lld elements.", static_cast<long long>(count))));
    }
    if (unlikely(count > dims)) {
        ereport(ERROR, (errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
                        errmsg("sparsevec cannot have more elements than dimensions"),
                        errdetail("The value has %lld elements and %d dimensions.",
                                  static_cast<long long>(count), dims)));
    }
}

void check_sparse_index(const int32* indices, int position, int dims) {
    const int32 index = indices[position];
    if (unlikely(index < 0 || index >= dims)) {
        ereport(ERROR, (errcode(ERRCODE_DATA_EXCEPTION), errmsg("sparsevec index out of bounds"),
                        errdetail("Index %lld is not between 1 and %d, the number of dimensions.",
                                  static_cast<long long>(index) + 1, dims),
                        errhint("Indices count from 1 in text and from 0 in the binary format.")));
    }
    if (position == 0) return;
    if (unlikely(index < indices[position - 1])) {
        ereport(ERROR,
                (errcode(ERRCODE_DATA_EXCEPTION), errmsg("sparsevec indices must be in ascending order"),
                 errdetail("Index %d follows index %d.", index + 1, indices[position - 1] + 1)));
    }
    if (unlikely(index == indices[position - 1])) {
        ereport(ERROR,
                (errcode(ERRCODE_DATA_EXCEPTION), errmsg("sparsevec indices must not contain duplicates"),
                 errdetail("Index %d is there twice.", index + 1)));
    }
}

SparseVector* new_sparse(int dims, int count) {
    const size_t size = SparseVector::size_of(count);
    auto* result = static_cast<SparseVector*>(palloc(size));
    SET_VARSIZE(result, size);
    result->dim = dims;
    result->nnz = count;
    result->unused = 0;
    return result;
}

}  // namespace vecstore::types
