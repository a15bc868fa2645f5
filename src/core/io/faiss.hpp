// Index files written by FAISS (write_index), of which these kinds can be read: flat (IxF2, IxFI, IxFl),
// alone or under an id map (IxMp, IxM2). Other kinds are named in the error that refuses them.
#pragma once

#include "core/io/vector_reader.hpp"

namespace vecstore::core::io {

extern const VectorFormat faiss_format;

}  // namespace vecstore::core::io
