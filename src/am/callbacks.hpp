// The callbacks of the access methods hnsw and ivfflat, which handler.cpp hands to PostgreSQL: thin adapters
// around core/hnsw. The cost estimate is in planner/planner.hpp. All but cost_estimate_callback() throw C++
// exceptions and raise PostgreSQL's as pg/guard.hpp says; handler.cpp guards them.
#pragma once

#include "pg/guard.hpp"

extern "C" {
#include "access/amapi.h"
#include "access/genam.h"
#include "utils/rel.h"
}

namespace vecstore::am {

IndexBuildResult* build(Relation heap, Relation index, IndexInfo* info);
void build_empty(Relation index);
bool insert(Relation index, Datum* values, bool* isnull, ItemPointer tid, Relation heap);
IndexBulkDeleteResult* bulk_delete(IndexVacuumInfo* info, IndexBulkDeleteResult* stats,
                                   IndexBulkDeleteCallback callback, void* callback_state);
IndexBulkDeleteResult* vacuum_cleanup(IndexVacuumInfo* info, IndexBulkDeleteResult* stats);
IndexScanDesc begin_scan(Relation index, int nkeys, int norderbys);
void rescan(IndexScanDesc scan, ScanKey keys, int nkeys, ScanKey orderbys, int norderbys);
bool get_tuple(IndexScanDesc scan, ScanDirection direction);
void end_scan(IndexScanDesc scan);

}  // namespace vecstore::am
