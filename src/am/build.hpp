// ambuild: collect rows, choose the index's storage from them, build the graph, write it out.
#pragma once

#include "am/access_method.hpp"
#include "am/column_type.hpp"
#include "am/filter_type.hpp"
#include "am/graph_source.hpp"

#include <memory>

#include "core/hnsw/beside/long_rows.hpp"
#include "core/hnsw/build/builder.hpp"
#include "core/hnsw/graph_import/preload.hpp"
#include "core/hnsw/space/row_sample.hpp"
#include "core/storage/unplaced_layout.hpp"
#include "pg/bufmgr_store.hpp"
#include "pg/stopped_at_exit.hpp"

extern "C" {
#include "storage/buffile.h"
}

namespace vecstore::am {

// Phases shown in pg_stat_progress_create_index (handler.cpp has their names).
enum class BuildPhase { initializing = 1, reading, graph, writing, inserting, importing };

// The facts that an index is made by: metric and type of its operator class, dimensions of its column, and
// how many columns there are to filter by.
struct Indexed {
    core::Metric metric;
    core::VectorKind kind;
    uint32_t dims;
    uint16_t filter_columns;
};

// Storage of a new index: from its option, or the best for dimensions, metric and data.
core::Geometry geometry_for(const GraphOptions& options, const Indexed& indexed,
                            const core::DataProfile& profile);

// The build's second thread while the table is scanned.
class ScanPreload final : public core::Preload, private pg::StoppedAtExit {
  public:
    ScanPreload(GraphSource* source, bool threaded);

  private:
    void stop_threads() override { stop(); }
};

class IndexBuild {
  public:
    IndexBuild(Relation heap, Relation index, IndexInfo* info);

    void run();
    double heap_tuples() const { return heap_tuples_; }
    double index_tuples() const { return static_cast<double>(index_tuples_); }

    // One row from the table scan. id: where there is a graph to import, by which its file may know the row.
    void add(const ColumnValue& value, const core::HeapTid& tid, const core::FilterKey* keys, int64_t id);

  private:
    struct RowIdentity {
        int64_t id;
        int64_t number;    // in the order of the table
        uint64_t content;  // hash of its vector
        core::VectorFingerprint fingerprint;
    };

    void scan();
    void begin_encoding();
    void encode(const core::RawVector& raw, const core::HeapTid& tid, const core::FilterKey* keys,
                const RowIdentity& identity);
    void collect(const RowIdentity& identity);
    void begin_inserting();
    void insert_batch();
    bool exceeds_memory(size_t rows) const;
    void build_in_memory(bool is_all);
    size_t threads() const;
    void start_preload();
    std::unique_ptr<core::MemStore> new_store();
    template <class F>
    void with_builder(core::MemStore& store, F&& f);
    bool import_graph(core::MemStore& store);
    core::GraphMatch match_graph(const std::vector<uint64_t>& content);
    void refuse_graph_for_memory();
    void refuse_graph(const std::string& reason, const std::string& hint = {});
    void extend_index(core::MemStore& store);
    void write_pages(core::MemStore& store, core::NeedMap& needs, bool is_all);
    void keep_unplaced(const core::UnplacedRow& row, const core::FilterKey* keys);
    void write_unplaced();
    void write_long();
    size_t expected_rows() const;
    void report(BuildPhase phase, size_t total = 0);
    void log_pages(BlockNumber end);

    Relation heap_;
    Relation index_;
    IndexInfo* info_;
    GraphOptions options_;
    const ColumnType* type_;
    Indexed indexed_;
    uint64_t seed_;
    double heap_tuples_ = 0;
    size_t index_tuples_ = 0;
    const MemoryContext context_ = CurrentMemoryContext;

    // Rows without a place in the graph.
    BufFile* unplaced_ = nullptr;
    uint64_t unplaced_rows_ = 0;
    std::unique_ptr<core::LongBuffer> long_;  // those that are much longer than the others
    size_t reported_total_ = 0;               // rows that the phase shown is about

    // First, rows are kept as they are until there are enough to judge the data by.
    std::unique_ptr<core::RowSample> sample_;
    std::vector<core::FilterKey> sample_keys_;
    std::vector<RowIdentity> sample_identities_;

    // Then they are encoded, and collected as long as the whole graph will fit into memory.
    std::unique_ptr<core::VectorEncoder> encoder_;
    std::unique_ptr<core::RowBuffer> rows_;
    MemoryContext row_context_ = nullptr;
    core::RowMemory row_;

    // Where there is a graph to import: who the rows are.
    GraphSource* source_;
    core::VectorFingerprinter fingerprint_of_{0};
    std::vector<RowIdentity> identities_;  // by row
    int64_t rows_seen_ = 0;

    std::unique_ptr<ScanPreload> preload_;
    BlockNumber extended_to_ = 0;  // so many pages were appended while threads were building
    BlockNumber logged_to_ = 0;

    // After that they are inserted into the pages, a batch of rows_ at a time.
    size_t batch_rows_ = 0;
    std::unique_ptr<pg::RecentBuffers> recent_;
    std::unique_ptr<pg::BufmgrStore> store_;
    std::unique_ptr<core::InsertMemory> insert_memory_;
    std::unique_ptr<core::NeedMap> needs_;
};

}  // namespace vecstore::am
