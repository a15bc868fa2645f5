// The header of an .npy file: a Python dict literal, of which exactly three keys are understood.
#pragma once

#include "core/io/source/byte_source.hpp"

#include <string>
#include <vector>

namespace vecstore::core::io {

struct NpyHeader {
    int major = 0;
    int minor = 0;
    std::string descr;  // as in the file: "<f4"
    bool fortran_order = false;
    std::vector<uint64_t> shape;  // each at most INT64_MAX
    uint64_t data_offset = 0;
};

// Throws bad_file where the header is cut off or is not such a dict, file_not_supported for structured
// element types and unknown versions.
NpyHeader read_npy_header(ByteSource& source);

}  // namespace vecstore::core::io
