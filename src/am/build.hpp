// ambuild: collect rows, choose the index's storage from them, build the graph, write it out.
#pragma once

#include "am/hnsw.hpp"

#include <memory>

#include "core/hnsw/builder.hpp"
#include "pg/bufmgr_store.hpp"
#include "types/vector.hpp"

namespace vecstore::am {

// Phases shown in pg_stat_progress_create_index (handler.cpp has their names).
enum class BuildPhase { initializing = 1, reading, graph, writing, inserting };

// What the first rows of a table say about the data.
struct DataProfile {
    size_t rows = 0;
    std::vector<float> mean;   // of the vectors as the index will hold them
    bool equal_norms = false;  // all norms within a few per cent
};

DataProfile profile_rows(const std::vector<float>& raw, size_t rows, uint32_t dims, core::Metric metric);

// Storage of a new index: from its option, or the best for dimensions, metric and data.
core::Geometry geometry_for(const HnswOptions& options, uint32_t dims, core::Metric metric,
                            const DataProfile& profile);

class IndexBuild {
  public:
    IndexBuild(Relation heap, Relation index, IndexInfo* info);

    void run();
    double heap_tuples() const { return heap_tuples_; }
    double index_tuples() const { return static_cast<double>(index_tuples_); }

    // One row from the table scan. values as in IndexBuildCallback.
    void add(const types::Vector* value, const core::HeapTid& tid);

  private:
    void begin_encoding();
    void encode(const float* raw, const core::HeapTid& tid);
    bool exceeds_memory(size_t rows) const;
    void build_in_memory();
    void write_pages(core::MemStore& store);
    void report(BuildPhase phase, size_t total = 0);
    void log_pages();

    Relation heap_;
    Relation index_;
    IndexInfo* info_;
    HnswOptions options_;
    uint32_t dims_;
    core::Metric metric_;
    uint64_t seed_;
    double heap_tuples_ = 0;
    size_t index_tuples_ = 0;

    // First, rows are kept as they are until there are enough to judge the data by.
    size_t sample_size_;
    std::vector<float> sample_;
    std::vector<core::HeapTid> sample_tids_;

    // Then they are encoded, and collected as long as the whole graph will fit into memory.
    std::unique_ptr<core::VectorEncoder> encoder_;
    std::unique_ptr<core::RowBuffer> rows_;
    MemoryContext row_context_ = nullptr;
    std::vector<float> internal_, work_;
    std::vector<uint8_t> own_bytes_;

    // After that they are inserted into the pages one by one.
    std::unique_ptr<pg::RecentBuffers> recent_;
    std::unique_ptr<pg::BufmgrStore> store_;
    std::unique_ptr<core::InsertMemory> insert_memory_;
};

}  // namespace vecstore::am
