// Wire form of the dense types: int16 dimensions, int16 zero, the elements; all big-endian.
#pragma once

extern "C" {
#include "libpq/pqformat.h"
#include "port/pg_bswap.h"
}

#include "types/dense.hpp"

namespace vecstore::types::dense {

inline uint16 swap_big_endian(uint16 bits) {
    return pg_hton16(bits);
}
inline uint32 swap_big_endian(uint32 bits) {
    return pg_hton32(bits);
}

// Between host and network order; either side may be unaligned, which is why bytes are copied.
template <class Element>
void copy_big_endian(void* to, const void* from, int count) {
    using Bits = std::conditional_t<sizeof(Element) == 2, uint16, uint32>;
    static_assert(sizeof(Bits) == sizeof(Element));
    for (int i = 0; i < count; i++) {
        Bits bits;
        memcpy(&bits, static_cast<const char*>(from) + sizeof(bits) * i, sizeof(bits));
        bits = swap_big_endian(bits);
        memcpy(static_cast<char*>(to) + sizeof(bits) * i, &bits, sizeof(bits));
    }
}

// internal (StringInfo), oid (ignored), typmod. What follows the last element is refused by the caller.
template <class Format>
Datum recv(FunctionCallInfo fcinfo) {
    using Element = typename Format::Element;
    const StringInfo message = reinterpret_cast<StringInfo>(PG_GETARG_POINTER(0));
    const int32 typmod = PG_GETARG_INT32(2);
    const int dims = static_cast<int16>(pq_getmsgint(message, sizeof(int16)));
    const int unused = static_cast<int16>(pq_getmsgint(message, sizeof(int16)));

    check_dims<Format>(dims);
    check_expected_dims(typmod, dims);
    if (unused != 0) {
        ereport(ERROR, (errcode(ERRCODE_DATA_EXCEPTION), errmsg("expected unused to be 0, not %d", unused),
                        errdetail("The third and fourth byte of a binary %s are reserved.", Format::name)));
    }
    const int size = dims * static_cast<int>(sizeof(Element));
    const int left = message->len - message->cursor;
    if (left < size) {
        ereport(ERROR, (errcode(ERRCODE_PROTOCOL_VIOLATION), errmsg("insufficient data left in message"),
                        errdetail("%d dimensions of type %s take %d bytes, %d are left.", dims, Format::name,
                                  size, left)));
    }
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
