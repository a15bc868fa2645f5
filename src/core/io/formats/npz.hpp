// numpy's .npz: a zip archive of .npy members, stored or deflated, with or without zip64. One member is read:
// the one that is named, or the only one that holds vectors.
#pragma once

#include "core/io/formats/vector_reader.hpp"

namespace vecstore::core::io {

extern const VectorFormat npz_format;

}  // namespace vecstore::core::io
