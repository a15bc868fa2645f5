// numpy's .npy files, versions 1 to 3: every numeric type, both byte orders, C and Fortran order.
// A 2-D array is a row for each vector, a 1-D array one vector; arrays of more dimensions are refused, or
// flattened on request. Object arrays (pickles), strings, structured types and complex numbers are refused.
#pragma once

#include "core/io/formats/matrix_reader.hpp"

namespace vecstore::core::io {

// An array's header, checked against the bytes that are there.
struct NpyArray {
    VectorFileInfo info;
    MatrixLayout layout;
    size_t shape_length = 0;
};

// flatten: arrays of 3 and more dimensions have a row for each first index; otherwise they are refused.
NpyArray parse_npy(ByteSource& source, bool flatten);

}  // namespace vecstore::core::io
