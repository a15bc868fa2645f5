// The formats of the TEXMEX sets: rows one after the other, each an int32 with its number of dimensions and
// then its components: float32 (fvecs), uint8 (bvecs) or int32 (ivecs). They have no magic.
#pragma once

#include "core/io/formats/vector_reader.hpp"

namespace vecstore::core::io {

// Which of the three a file is, by its name's extension or its content; "fvecs" where it is none.
const char* guess_xvecs(ByteSource& source, const std::string& file_name);

}  // namespace vecstore::core::io
