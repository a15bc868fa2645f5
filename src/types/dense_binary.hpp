// Wire form of the dense types: int16 dimensions, int16 zero, the elements; all big-endian.
#pragma once

#include "types/dense.hpp"
#include "types/wire.hpp"

namespace vecstore::types::dense {

// internal (StringInfo), oid (ignored), typmod. The caller refuses bytes after the last element.
template <class Format>
Datum recv(FunctionCallInfo fcinfo) {
    using Element = typename Format::Element;
    const StringInfo message = reinterpret_cast<StringInfo>(PG_GETARG_POINTER(0));
    const int32 typmod = PG_GETARG_INT32(2);
    const int dims = static_cast<int16>(pq_getmsgint(message, sizeof(int16)));
    const int unused = static_cast<int16>(pq_getmsgint(message, sizeof(int16)));

    check_dims<Format>(dims);
    check_expected_dims(typmod, dims);
    if (unused != 0) raise_reserved_bytes(unused, "third and fourth", Format::name);
    const int size = dims * static_cast<int>(sizeof(Element));
    check_bytes_left(message, size, dims, "dimensions", Format::name);
    DenseVector<Format>* const result = new_dense<Format>(dims);
    copy_big_endian<Element>(result->data(), pq_getmsgbytes(message, size), dims);
    check_elements<Format>(result->data(), dims);
    PG_RETURN_POINTER(result);
}

template <class Format>
Datum send(FunctionCallInfo fcinfo) {
    using Element = typename Format::Element;
    const DenseVector<Format>* const v = dense_arg<Format>(fcinfo, 0);
    const int size = v->dims() * static_cast<int>(sizeof(Element));
    StringInfoData message;
    pq_begintypsend(&message);
    pq_sendint16(&message, static_cast<uint16>(v->dim));
    pq_sendint16(&message, static_cast<uint16>(v->unused));
    enlargeStringInfo(&message, size);
    copy_big_endian<Element>(message.data + message.len, v->data(), v->dims());
    message.len += size;
    PG_RETURN_BYTEA_P(pq_endtypsend(&message));
}

}  // namespace vecstore::types::dense
