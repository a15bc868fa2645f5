// Wire form of sparsevec: int32 dimensions, int32 number of elements, int32 zero, the indices from 0, the
// values; all big-endian.
#include "types/sparsevec.hpp"
#include "types/wire.hpp"

using namespace vecstore::types;

// internal (StringInfo), oid (ignored), typmod. The caller refuses bytes after the last value.
VECSTORE_FUNCTION(sparsevec_recv) {
    const StringInfo message = reinterpret_cast<StringInfo>(PG_GETARG_POINTER(0));
    const int32 typmod = PG_GETARG_INT32(2);
    const int dims = static_cast<int32>(pq_getmsgint(message, sizeof(int32)));
    const int count = static_cast<int32>(pq_getmsgint(message, sizeof(int32)));
    const int unused = static_cast<int32>(pq_getmsgint(message, sizeof(int32)));

    check_sparse_dims(dims);
    check_sparse_count(count, dims);
    check_expected_dims(typmod, dims);
    if (unused != 0) raise_reserved_bytes(unused, "ninth to twelfth", SparseVector::name);
    const int half = count * static_cast<int>(sizeof(int32));
    check_bytes_left(message, 2 * half, count, "elements", SparseVector::name);

    SparseVector* const result = new_sparse(dims, count);
    copy_big_endian<int32>(result->indices, pq_getmsgbytes(message, half), count);
    for (int i = 0; i < count; i++) check_sparse_index(result->indices, i, dims);

    float* const values = result->values();
    copy_big_endian<float>(values, pq_getmsgbytes(message, half), count);
    for (int i = 0; i < count; i++) {
        if (unlikely(!std::isfinite(values[i]))) raise_not_finite(SparseVector::name, values[i], i + 1);
        if (unlikely(values[i] == 0)) {
            ereport(ERROR, (errcode(ERRCODE_DATA_EXCEPTION),
                            errmsg("binary representation of sparsevec cannot contain zero values"),
                            errdetail("Element %d is zero.", i + 1)));
        }
    }
    PG_RETURN_POINTER(result);
}

VECSTORE_FUNCTION(sparsevec_send) {
    const SparseVector* const v = sparse_arg(fcinfo, 0);
    const int size = v->count() * static_cast<int>(sizeof(int32));
    StringInfoData message;
    pq_begintypsend(&message);
    pq_sendint32(&message, static_cast<uint32>(v->dim));
    pq_sendint32(&message, static_cast<uint32>(v->nnz));
    pq_sendint32(&message, static_cast<uint32>(v->unused));
    enlargeStringInfo(&message, 2 * size);
    copy_big_endian<int32>(message.data + message.len, v->indices, v->count());
    copy_big_endian<float>(message.data + message.len + size, v->values(), v->count());
    message.len += 2 * size;
    PG_RETURN_BYTEA_P(pq_endtypsend(&message));
}
