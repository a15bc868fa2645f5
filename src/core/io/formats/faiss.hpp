// Index files written by FAISS (write_index, write_index_binary), as src/core/io/formats/faiss_kinds.cpp
// lists them: flat, HNSW, inverted files, scalar and product quantizers, alone or under id maps, transforms
// and refinements. What the index keeps only approximately is reconstructed as FAISS's reconstruct() does,
// and said to be lossy. Rows of inverted files come list by list. Kinds that cannot be read are named in the
// error that refuses them.
#pragma once

#include "core/io/formats/graph_reader.hpp"
#include "core/io/formats/vector_reader.hpp"

namespace vecstore::core::io {

extern const VectorFormat faiss_format;

// Null where the index has no HNSW graph.
std::unique_ptr<GraphReader> open_faiss_graph(ByteSource& source, const ReadOptions& options);

}  // namespace vecstore::core::io
