// The parts of a FAISS index file: the parser behind the readers of its vectors and of its graph.
#pragma once

#include "core/io/formats/row_source.hpp"
#include "core/io/formats/vector_reader.hpp"

namespace vecstore::core::io {

// The places of an HNSW graph's five arrays, all inside the file.
struct FaissGraph {
    uint64_t nodes = 0;
    std::vector<int32_t> cumulative_neighbors;  // places for links of one node below each level
    uint64_t levels_offset = 0;                 // int32 for each node: how many levels it is on
    uint64_t offsets_offset = 0;                // uint64 for each node and one more: where its links begin
    uint64_t neighbors_offset = 0;              // int32 for each link, -1 where there is none
    uint64_t neighbors = 0;
    int32_t entry_point = -1;
    int32_t max_level = -1;
    int32_t ef_construction = 0;
    int32_t ef_search = 0;
};

struct FaissIndex {
    std::string code;    // with those of the parts that hold the vectors: "IxMp(IHNf(IxF2))"
    int32_t metric = 0;  // of the part that holds the vectors
    bool binary = false;
    bool lossy = false;
    bool by_list = false;  // rows come list by list
    ElementType element = ElementType::float32;
    uint64_t data_offset = 0;  // of the vectors, where they are stored as they are
    std::unique_ptr<RowSource> rows;
    std::unique_ptr<IdSource> ids;  // null: rows have positions only
    std::optional<FaissGraph> graph;
    std::vector<std::string> warnings;
    std::vector<FileDetail> details;
};

// Parses the whole file but for the vectors. Throws bad_file, file_not_supported, limit_exceeded.
FaissIndex parse_faiss(ByteSource& source, const ReadOptions& options);

// A MetricType of FAISS.
struct FaissMetric {
    FileMetric metric;
    const char* name;
};
FaissMetric faiss_metric(int32_t code);

}  // namespace vecstore::core::io
