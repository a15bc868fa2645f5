// An hnsw index's own graph as FAISS's HNSW index: the rows that the statement sees, their ids, and the links
// that the index has between them.
#pragma once

#include "import/export/export_source.hpp"
#include "import/export/output_file.hpp"

namespace vecstore::import {

struct GraphRequest {
    ExportRequest rows;  // source: the index's table; id_column is needed
    Oid index;
};

struct GraphReport {
    uint64_t rows = 0;
    uint64_t made_unit = 0;
};

GraphReport export_graph(OutputFile& file, const GraphRequest& request);

}  // namespace vecstore::import
