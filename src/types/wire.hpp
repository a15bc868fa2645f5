// Numbers in network order, for the binary forms of the types.
#pragma once

#include "pg/guard.hpp"

extern "C" {
#include "libpq/pqformat.h"
#include "port/pg_bswap.h"
}

namespace vecstore::types {

inline uint16 swap_big_endian(uint16 bits) { return pg_hton16(bits); }
inline uint32 swap_big_endian(uint32 bits) { return pg_hton32(bits); }

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

// 08P01 when fewer bytes are left in the message than the value that was announced takes.
inline void check_bytes_left(StringInfo message, int size, int count, const char* what, const char* type) {
    const int left = message->len - message->cursor;
    if (unlikely(left < size)) {
        ereport(ERROR,
                (errcode(ERRCODE_PROTOCOL_VIOLATION), errmsg("insufficient data left in message"),
                 errdetail("%d %s of type %s take %d bytes, %d are left.", count, what, type, size, left)));
    }
}

// 22000: the bytes that are reserved for later versions hold something.
[[noreturn]] inline void raise_reserved_bytes(int value, const char* which, const char* type) {
    ereport(ERROR, (errcode(ERRCODE_DATA_EXCEPTION), errmsg("expected unused to be 0, not %d", value),
                    errdetail("The %s byte of a binary %s are reserved.", which, type)));
    pg_unreachable();
}

}  // namespace vecstore::types
