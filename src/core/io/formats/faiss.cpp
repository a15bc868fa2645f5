// Index files written by FAISS (write_index, write_index_binary), as src/core/io/formats/faiss_kinds.cpp
// lists them: flat, HNSW, inverted files, scalar and product quantizers, alone or under id maps, transforms
// and refinements. A vector that the index keeps only approximately is reconstructed as FAISS's reconstruct()
// does, and said to be lossy. Rows of inverted files come list by list. Kinds that cannot be read are named
// in the error that refuses them.
#include "core/io/formats/faiss_index.hpp"
#include "core/io/formats/faiss_kinds.hpp"
#include "core/io/formats/formats.hpp"

#include <algorithm>

namespace vecstore::core::io {

namespace {

class FaissReader : public VectorReader {
  public:
    FaissReader(ByteSource& source, VectorFileInfo info, FaissIndex index)
        : VectorReader(source, std::move(info)), index_(std::move(index)) {}

  protected:
    void read_rows(VectorBatch& batch, std::vector<uint8_t>&) override {
        index_.rows->read(batch.first, batch.rows, batch.values.data());
        if (index_.ids != nullptr) index_.ids->read(batch.first, batch.rows, batch.ids.data());
    }

  private:
    FaissIndex index_;
};

std::unique_ptr<VectorReader> open_faiss(ByteSource& source, const ReadOptions& options) {
    FaissIndex index = parse_faiss(source, options);
    const FaissMetric metric = faiss_metric(index.metric);
    VectorFileInfo info;
    info.format = "faiss";
    info.element = index.element;
    info.rows = index.rows->rows();
    info.dims = index.rows->dims();
    info.has_ids = index.ids != nullptr;
    info.by_id = index.by_list;
    info.metric = index.binary ? FileMetric::other() : metric.metric;
    info.lossy = index.lossy;
    info.warnings = index.warnings;
    info.details = {{"index", index.code, false},
                    {"metric", index.binary ? metric_info(Metric::hamming).title : metric.name, false},
                    {"metric_code", std::to_string(index.metric), true}};
    if (index.data_offset > 0)
        info.details.push_back({"data_offset", std::to_string(index.data_offset), true});
    info.details.insert(info.details.end(), index.details.begin(), index.details.end());
    return std::make_unique<FaissReader>(source, std::move(info), std::move(index));
}

bool recognises_faiss(ByteSource&, const ReadOptions&, const uint8_t* head, size_t length) {
    if (length < 4) return false;
    return faiss_code(std::string(reinterpret_cast<const char*>(head), 4)).kind != FaissKind::unknown;
}

class FaissHnswGraph : public GraphReader {
  public:
    FaissHnswGraph(ByteSource& source, const GraphInfo& info, FaissGraph graph)
        : GraphReader(info),
          levels_(source),
          offsets_(source),
          neighbors_(source),
          graph_(std::move(graph)) {}

    int level(uint64_t node) override {
        if (node >= graph_.nodes) return -1;
        Cursor cursor(levels_, graph_.levels_offset + node * sizeof(int32_t));
        const auto levels = cursor.read<int32_t>("a node's level");
        if (levels < 1 || static_cast<size_t>(levels) >= graph_.cumulative_neighbors.size()) {
            cursor.fail("a node on " + std::to_string(levels) + " levels", 4);
        }
        return std::min(levels - 1, info().max_level);
    }

    void neighbors(uint64_t node, int level, std::vector<uint32_t>& out) override {
        out.clear();
        if (level < 0 || level > this->level(node)) return;
        Cursor place(offsets_, graph_.offsets_offset + node * sizeof(uint64_t));
        const auto start = place.read<uint64_t>("the place of a node's neighbors");
        const auto begin = static_cast<uint64_t>(graph_.cumulative_neighbors[static_cast<size_t>(level)]);
        const auto end = static_cast<uint64_t>(graph_.cumulative_neighbors[static_cast<size_t>(level) + 1]);
        if (start > graph_.neighbors || end > graph_.neighbors - start) {
            place.fail("a node's neighbors lie beyond the last one", 8);
        }
        Cursor cursor(neighbors_, graph_.neighbors_offset + (start + begin) * sizeof(int32_t));
        for (uint64_t i = begin; i < end; i++) {
            const auto link = cursor.read<int32_t>("a node's neighbors");
            if (link == -1) break;
            if (link < 0 || static_cast<uint64_t>(link) >= graph_.nodes) {
                cursor.fail("a link to node " + std::to_string(link) + ", which does not exist", 4);
            }
            out.push_back(static_cast<uint32_t>(link));
        }
    }

  private:
    // One for each array, so that they do not drive out each other's blocks.
    CachedSource levels_;
    CachedSource offsets_;
    CachedSource neighbors_;
    const FaissGraph graph_;
};

std::unique_ptr<GraphReader> open_faiss_graph(ByteSource& source, const ReadOptions& options) {
    FaissIndex index = parse_faiss(source, options);
    if (!index.graph) return nullptr;
    const FaissGraph& graph = *index.graph;
    GraphInfo info;
    info.nodes = graph.nodes;
    const bool has_entry = graph.entry_point >= 0 && static_cast<uint64_t>(graph.entry_point) < graph.nodes;
    // Graphs built by CAGRA have one level, and no entry point.
    info.max_level = graph.nodes == 0 ? -1 : has_entry ? std::max(graph.max_level, 0) : 0;
    info.has_entry_point = has_entry;
    info.entry_point = has_entry ? static_cast<uint64_t>(graph.entry_point) : 0;
    const auto& cumulative = graph.cumulative_neighbors;
    if (cumulative.size() > 1) info.max_neighbors0 = static_cast<uint32_t>(cumulative[1] - cumulative[0]);
    if (cumulative.size() > 2) info.max_neighbors = static_cast<uint32_t>(cumulative[2] - cumulative[1]);
    info.ef_construction = graph.ef_construction;
    return std::make_unique<FaissHnswGraph>(source, info, std::move(*index.graph));
}

}  // namespace

const VectorFormat faiss_format = {"faiss", recognises_faiss, open_faiss, open_faiss_graph,
                                   "FAISS's HNSW indexes"};

}  // namespace vecstore::core::io
