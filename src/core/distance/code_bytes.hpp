// The bytes of codes.
#pragma once

#include <cstddef>
#include <cstdint>

namespace vecstore::core {

// Of so many components, each of 1, 2, 4 or 7 bits. (Seven bits take a byte.)
inline size_t code_bytes_of(uint32_t code_dims, uint32_t bits) {
    return bits == 7 ? code_dims : size_t{code_dims} * bits / 8;
}

}  // namespace vecstore::core
