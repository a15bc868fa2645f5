// How FAISS packs single vectors: plain floats, scalar quantizers, product quantizers, bits. decode() gives
// what the library's own reconstruct() does.
#pragma once

#include "core/io/formats/element.hpp"
#include "core/io/formats/row_source.hpp"

#include <string>

namespace vecstore::core::io {

// Codebooks, transforms and lists are kept in memory while a file is read; more than this is refused.
constexpr uint64_t max_resident_bytes = uint64_t{64} << 20;

struct CodecInfo {
    std::shared_ptr<const Codec> codec;
    std::string name;  // "SQ fp16", "PQ 8x8"
    ElementType element = ElementType::float32;
};

CodecInfo float_codec(uint64_t dims);
// dims is a multiple of 8.
CodecInfo bit_codec(uint64_t dims);
// The fields of a quantizer, as they stand in the file. Throw bad_file where they contradict each other or
// dims, file_not_supported for kinds that are not known, limit_exceeded for codebooks that are too large.
CodecInfo read_scalar_quantizer(Cursor& cursor, uint64_t dims);
CodecInfo read_product_quantizer(Cursor& cursor, uint64_t dims);

// A vector in the file: u64 count, then the elements. Returns its place; the cursor is behind it.
struct Extent {
    uint64_t offset;
    uint64_t count;
};
Extent read_extent(Cursor& cursor, size_t element_size, const char* what);
// The same, of floats that are kept in memory.
std::vector<float> read_floats(Cursor& cursor, const char* what);

}  // namespace vecstore::core::io
