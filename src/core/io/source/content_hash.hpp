// A checksum of rows that does not depend on their order: the sum, modulo 2^64, of a 64-bit hash of each
// row. An import sums the rows it reads and compares that with the rows the table has.
#pragma once

#include "core/io/source/byte_source.hpp"

#include <cstddef>
#include <cstdint>

namespace vecstore::core::io {

// Hash of a vector and its id. The same on every machine and in every release: sums are kept in tables.
uint64_t hash_row(int64_t id, const float* values, size_t dims);

// The hash of a row with one field more: its bytes, or null for none. Fields are added in a fixed order.
uint64_t hash_field(uint64_t row_hash, const void* bytes, size_t length);

// Tells files apart by their size and by samples spread over them (a small file is hashed whole).
uint64_t fingerprint(ByteSource& source);

}  // namespace vecstore::core::io
