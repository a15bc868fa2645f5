// The table's own vectors, for the few rows whose order the index cannot tell.
#pragma once

#include "pg/guard.hpp"

#include "core/hnsw/scan/ordered_scan.hpp"

extern "C" {
#include "access/genam.h"
#include "access/relscan.h"
#include "executor/tuptable.h"
#include "nodes/execnodes.h"
}

namespace vecstore::am {

class HeapVectors {
  public:
    // query: of the column's type, not toasted; must live as long as this.
    HeapVectors(IndexScanDesc scan, Datum query) : scan_(scan), query_(query) {}
    ~HeapVectors();
    HeapVectors(const HeapVectors&) = delete;
    HeapVectors& operator=(const HeapVectors&) = delete;

    // Is the row visible to the scan's snapshot, and if so, at what distance (core::DistanceBounds) does its
    // vector lie from the query? To the last bit what the operator returns, because the operator is asked:
    // distances that differ must not tie here. May throw PgError.
    core::Reranked rerank(const core::HeapTid& tid);

  private:
    void open();
    bool fetch(const core::HeapTid& tid, Datum& value);

    IndexScanDesc scan_;
    Datum query_;
    MemoryContext context_ = nullptr;      // of everything below
    MemoryContext row_context_ = nullptr;  // of one row
    struct IndexFetchTableData* fetch_ = nullptr;
    TupleTableSlot* slot_ = nullptr;
    IndexInfo* info_ = nullptr;
    EState* estate_ = nullptr;
};

}  // namespace vecstore::am
