// The HNSW graph in an index file of FAISS or hnswlib, read by node. Nodes are numbered as the rows of the
// VectorReader of the same file are (their positions), levels from 0 up.
#pragma once

#include "core/io/formats/vector_reader.hpp"

#include <cstdint>
#include <memory>
#include <vector>

namespace vecstore::core::io {

struct GraphInfo {
    uint64_t nodes = 0;
    int max_level = -1;            // -1: there are no nodes
    bool has_entry_point = false;  // graphs built by CAGRA have none: begin anywhere
    uint64_t entry_point = 0;      // a node, where there is one
    uint32_t max_neighbors0 = 0;   // on level 0
    uint32_t max_neighbors = 0;    // on the levels above
    int ef_construction = 0;
};

class GraphReader {
  public:
    virtual ~GraphReader() = default;

    const GraphInfo& info() const { return info_; }
    // The highest level of a node. Going through nodes in ascending order is fastest, for neighbors() as
    // well.
    virtual int level(uint64_t node) = 0;
    // The node's neighbors on one of its levels, nearest first or in no order: as the file has them. Replaces
    // what is in `out`. All are nodes of the graph; throws bad_file where one is not.
    virtual void neighbors(uint64_t node, int level, std::vector<uint32_t>& out) = 0;

  protected:
    explicit GraphReader(GraphInfo info) : info_(info) {}

  private:
    GraphInfo info_;
};

// The graph of an index file, or null where the file is of a kind without one. Throws as open_vectors() does.
// The source must outlive the reader.
std::unique_ptr<GraphReader> open_graph(ByteSource& source, const ReadOptions& options = {});

}  // namespace vecstore::core::io
