// The formats of files that vectors can be read from, all of them. To add one:
//   1. Its reader, one file: a VectorReader, and a GraphReader if its files have a graph; a VectorFormat at
//      its end.
//   2. Its name in VECSTORE_VECTOR_FORMATS, here.
//   3. If it is to have a function of its own in SQL, vecstore_read_NAME: VECSTORE_READ_FORMAT(NAME) in
//      import/read_functions.cpp and the two functions in src/sql. Without, vecstore_inspect, vecstore_import
//      and vecstore_import_graph read it all the same.
#pragma once

#include "core/io/formats/graph_reader.hpp"
#include "core/io/formats/vector_reader.hpp"

#include <memory>
#include <string>
#include <vector>

namespace vecstore::core::io {

struct VectorFormat {
    const char* name;
    // Looks at the first bytes only (fewer than asked for where the source is shorter) and, for formats
    // without a magic, at what else tells them apart, such as the extension of the file's name.
    bool (*recognizes)(ByteSource& source, const ReadOptions& options, const uint8_t* head, size_t length);
    // The source must outlive the reader.
    std::unique_ptr<VectorReader> (*open)(ByteSource& source, const ReadOptions& options);
    // Of files with an HNSW graph; null: it has none, or this file has none.
    std::unique_ptr<GraphReader> (*open_graph)(ByteSource& source, const ReadOptions& options) = nullptr;
    // The name of the library that has these graphs, for people; null where there is no open_graph.
    const char* graphs = nullptr;
};

// In the order in which they are tried: those with a magic come before those that are guessed.
#define VECSTORE_VECTOR_FORMATS(format) \
    format(npy) format(npz) format(faiss) format(hnswlib) format(fvecs) format(bvecs) format(ivecs)

#define VECSTORE_DECLARE_FORMAT(name) extern const VectorFormat name##_format;
VECSTORE_VECTOR_FORMATS(VECSTORE_DECLARE_FORMAT)
#undef VECSTORE_DECLARE_FORMAT

const std::vector<const VectorFormat*>& vector_formats();

// "npy, npz, ..."
std::string names_of_formats();

// Of files that graphs are read from: "FAISS's HNSW indexes and from ...".
std::string names_of_graphs();

}  // namespace vecstore::core::io
