// An hnsw index whose graph comes from an index file of FAISS or hnswlib.
#pragma once

#include "core/io/formats/vector_reader.hpp"
#include "pg/postgres.hpp"

#include <string>

namespace vecstore::import {

struct GraphImportRequest {
    Oid function;  // of this extension
    Oid relation;  // an index, which is built anew, or a table, which gets one
    std::string path;
    core::io::ReadOptions read;
    std::string id_column;  // empty: the primary key, where that is one column of integers
    bool graph_required;    // else a file without a graph is no error: the index is built
    // Of a new index:
    std::string vector_column;  // empty: the table's only one
    std::string index_name;     // empty: as CREATE INDEX chooses
    std::string opclass;        // empty: that of the file's metric
};

// The index. In the current transaction, in an SPI connection, and with the privileges that REINDEX or CREATE
// INDEX need, and those for files of the server.
Oid import_graph(const GraphImportRequest& request);

// Raises the errors that import_graph would raise about the relation, its columns and the operator class. An
// import asks before it spends hours on rows whose index cannot be.
void check_can_import_graph(const GraphImportRequest& request, const core::io::FileMetric& metric);

// Has this column of a table an index of ours? May raise.
bool has_graph_index(Oid table, const char* column);

}  // namespace vecstore::import
