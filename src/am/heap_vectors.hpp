// The table's own vectors, for the few rows whose order the index cannot tell.
#pragma once

#include "pg/guard.hpp"

#include "core/hnsw/ordered_scan.hpp"
#include "core/storage/format.hpp"

extern "C" {
#include "access/relscan.h"
#include "access/genam.h"
#include "executor/tuptable.h"
#include "nodes/execnodes.h"
}

namespace vecstore::am {

class HeapVectors {
  public:
    HeapVectors(IndexScanDesc scan, core::Metric metric, uint32_t dims)
        : scan_(scan), metric_(metric), dims_(dims) {}
    ~HeapVectors();
    HeapVectors(const HeapVectors&) = delete;
    HeapVectors& operator=(const HeapVectors&) = delete;

    // Is the row visible to the scan's snapshot, and if so, at what key (core::RowKey) does its vector lie
    // from the query (dims floats)? May throw PgError.
    core::Settled settle(const core::HeapTid& tid, const float* query);

  private:
    void open();
    const float* fetch(const core::HeapTid& tid);

    IndexScanDesc scan_;
    core::Metric metric_;
    uint32_t dims_;
    MemoryContext context_ = nullptr;       // of everything below
    MemoryContext row_context_ = nullptr;   // of one row
    struct IndexFetchTableData* fetch_ = nullptr;
    TupleTableSlot* slot_ = nullptr;
    IndexInfo* info_ = nullptr;
    EState* estate_ = nullptr;
};

}  // namespace vecstore::am
