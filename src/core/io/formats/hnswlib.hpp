// Indexes of float vectors saved by hnswlib (saveIndex). Their ids are the labels; elements that are marked
// as deleted are left out. The files have no magic and do not say their metric.
#pragma once

#include "core/io/formats/graph_reader.hpp"
#include "core/io/formats/vector_reader.hpp"

namespace vecstore::core::io {

// The header, checked against itself and against the bytes that are there.
struct HnswlibHeader {
    uint64_t max_elements;
    uint64_t elements;
    uint64_t element_bytes;
    uint64_t label_offset;   // in an element
    uint64_t vector_offset;  // in an element
    int32_t max_level;
    uint32_t entry_point;
    uint64_t max_m;   // links on upper levels
    uint64_t max_m0;  // links on level 0
    uint64_t ef_construction;
    uint64_t data_offset;  // of the first element, in the file

    uint64_t dims() const { return (label_offset - vector_offset) / sizeof(float); }
    uint64_t upper_level_bytes() const { return max_m * sizeof(uint32_t) + sizeof(uint32_t); }
    uint64_t links_offset() const { return data_offset + elements * element_bytes; }  // of the upper levels
};

// Throws bad_file where the bytes from `offset` on cannot be such a header.
HnswlibHeader read_hnswlib_header(ByteSource& source, uint64_t offset = 0);

}  // namespace vecstore::core::io
