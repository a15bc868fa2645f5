// The bytes of codes, and of queries that are laid out like them.
#pragma once

#include <cstddef>
#include <cstdint>

namespace vecstore::core {

// Of so many components, each of 1, 2, 4 or 7 bits. (Seven bits take a byte.)
inline size_t code_bytes_of(uint32_t code_dims, uint32_t bits) {
    return bits == 7 ? code_dims : size_t{code_dims} * bits / 8;
}

// Of codes of several bits: how many components share a byte.
constexpr size_t levels_per_byte(uint32_t bits) { return bits == 7 ? 1 : 8 / bits; }

// A part of a query (a bit plane, or the components of one level of each byte) takes so many bytes, zeros
// included.
constexpr size_t padded_code_bytes(size_t code_bytes) { return (code_bytes + 63) / 64 * 64; }

}  // namespace vecstore::core
