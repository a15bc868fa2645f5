// Is the graph in an index file one of these rows? Reads the file's vectors and compares them with the rows'.
#pragma once

#include <functional>
#include <limits>
#include <string>

#include "core/hnsw/build/builder.hpp"
#include "core/hnsw/graph_import/fingerprint.hpp"
#include "core/hnsw/graph_import/row_graph.hpp"
#include "core/io/formats/graph_reader.hpp"

namespace vecstore::core {

// By what a row of the table is recognized as one of the file's.
struct RowIds {
    const char* name;          // of them, for people: "ids", "the order of the rows"
    std::vector<int64_t> ids;  // by row
    bool by_position;          // the file's ids are numbers from 0 on, else its ids
};

// The facts of a file that tell which rows its nodes are, and level 0 of its graph. They need no table.
struct FileNodes {
    struct Node {
        uint64_t number;
        int64_t id;
        uint64_t content;  // io::hash_row(0, ...) of its vector
        VectorFingerprint fingerprint;
    };
    // And what ordering takes meanwhile.
    static size_t bytes_per_node(size_t neighbors) {
        return sizeof(Node) + 40 + neighbors * sizeof(uint32_t);
    }

    std::vector<Node> nodes;  // in the order of the file, without those whose vectors are left out
    float least_norm2 = std::numeric_limits<float>::infinity();  // of the vectors
    float most_norm2 = 0;
    std::vector<uint64_t> begin{0};  // of each node's neighbors, as FileGraph has them
    std::vector<uint32_t> neighbors;
    std::vector<uint32_t> order;  // of its nodes, likewise
};

// vectors: at its first row; graph: of the same file. progress() is called now and then, and may throw.
// Throws what reading the file throws.
FileNodes read_nodes(io::VectorReader& vectors, io::GraphReader& graph,
                     const std::function<void()>& progress);

struct MatchRequest {
    io::VectorReader& vectors;         // read only where they are approximations of the rows'
    const io::GraphInfo& graph;        // of the same file
    std::function<FileNodes()> nodes;  // what read_nodes() finds in it; asked for when its kind fits
    const RowBuffer& rows;
    const VectorEncoder& encoder;
    std::vector<RowIds> ids;               // alternatives, of which the one that fits best is taken
    const std::vector<uint64_t>& content;  // by row: io::hash_row(0, ...) of its vector
    const std::vector<VectorFingerprint>& fingerprints;  // by row, of its vector
    std::function<void()> progress;                      // called now and then, may throw
};

struct GraphMatch {
    FileGraph graph;
    std::string misfit;  // why the graph is of no use for these rows; empty: it is
    std::string hint;
    size_t matched = 0;      // rows of the table that the file has
    size_t without_row = 0;  // nodes of the file that the table does not have
};

// Throws what reading the file throws.
GraphMatch match_graph(const MatchRequest& request);

}  // namespace vecstore::core
