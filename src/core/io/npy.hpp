// numpy's .npy files, versions 1 to 3: every numeric type, both byte orders, C and Fortran order.
// A 2-D array is a row for each vector, a 1-D array one vector. Object arrays (pickles), strings,
// structured types, complex numbers and other shapes are refused.
#pragma once

#include "core/io/vector_reader.hpp"

namespace vecstore::core::io {

extern const VectorFormat npy_format;

}  // namespace vecstore::core::io
