// Is the graph in an index file one of these rows? Reads the file's vectors and compares them with the rows'.
#pragma once

#include <functional>
#include <string>

#include "core/hnsw/builder.hpp"
#include "core/hnsw/row_graph.hpp"
#include "core/io/graph_reader.hpp"

namespace vecstore::core {

// By what a row of the table is recognised as one of the file's.
struct RowKeys {
    const char* name;            // of them, for people: "ids", "the order of the rows"
    std::vector<int64_t> keys;   // by row
    bool by_position;            // the file's keys are numbers from 0 on, else its ids
};

struct MatchRequest {
    io::VectorReader& vectors;   // at its first row
    io::GraphReader& graph;      // of the same file
    const RowBuffer& rows;
    const VectorEncoder& encoder;
    std::vector<RowKeys> keys;   // alternatives, of which the one that fits best is taken
    std::vector<uint64_t> content;   // by row: io::hash_row(0, ...) of its vector, which spares comparing
    std::function<void()> progress;   // called now and then, may throw
};

struct GraphMatch {
    FileGraph graph;
    std::string misfit;        // why the graph is of no use for these rows; empty: it is
    std::string hint;
    size_t matched = 0;        // rows of the table that the file has
    size_t without_row = 0;    // nodes of the file that the table does not have
};

// Throws what reading the file throws.
GraphMatch match_graph(const MatchRequest& request);

}  // namespace vecstore::core
