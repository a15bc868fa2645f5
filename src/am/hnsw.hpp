// The access method hnsw: what its files share. The callbacks are thin adapters around core/hnsw.
#pragma once

#include "pg/guard.hpp"

#include "core/storage/format.hpp"

extern "C" {
#include "access/amapi.h"
#include "access/genam.h"
#include "access/reloptions.h"
#include "nodes/execnodes.h"
#include "nodes/pathnodes.h"
#include "utils/rel.h"
}

namespace vecstore::am {

// Support functions of an operator class, as in pgvector: 1 the distance, 2 the norm (cosine only),
// 3 type information (column_type.hpp).
constexpr int distance_proc = 1;
constexpr int norm_proc = 2;
constexpr int type_proc = 3;
constexpr int support_procs = 3;

constexpr int default_m = 16;
constexpr int min_m = 2;
constexpr int max_m = 100;
constexpr int default_ef_construction = 64;
constexpr int min_ef_construction = 4;
constexpr int max_ef_construction = 1000;
constexpr int default_ef_search = 40;
constexpr int max_ef_search = 1000000;

struct HnswOptions {
    int32 vl_len_;
    int m;
    int ef_construction;
    int storage;   // StorageOption
};

enum StorageOption { storage_auto, storage_default, storage_compact, storage_plain };

enum IterativeScan { iterative_off, iterative_relaxed, iterative_strict };

// Settings (hnsw.*).
extern int ef_search;
extern int iterative_scan;
extern int max_scan_tuples;
extern double scan_mem_multiplier;

void define_settings();
void install_planner_hook();
// Does this access method routine come from our handler?
bool is_our_routine(const IndexAmRoutine* routine);
void define_options();
bytea* options_of(Datum reloptions, bool validate);
const HnswOptions& options_of(Relation index);

// From the operator class: which metric this index is for.
core::Metric metric_of(Relation index);

// The indexed column's declared dimensions. Raises when it has none, or more than can be indexed.
int dims_of(Relation index);

IndexBuildResult* build(Relation heap, Relation index, IndexInfo* info);
void build_empty(Relation index);
bool insert(Relation index, Datum* values, bool* isnull, ItemPointer tid, Relation heap);
IndexBulkDeleteResult* bulk_delete(IndexVacuumInfo* info, IndexBulkDeleteResult* stats,
                                   IndexBulkDeleteCallback callback, void* callback_state);
IndexBulkDeleteResult* vacuum_cleanup(IndexVacuumInfo* info, IndexBulkDeleteResult* stats);
void cost_estimate(PlannerInfo* root, IndexPath* path, double loop_count, Cost* startup, Cost* total,
                   Selectivity* selectivity, double* correlation, double* pages);
IndexScanDesc begin_scan(Relation index, int nkeys, int norderbys);
void rescan(IndexScanDesc scan, ScanKey keys, int nkeys, ScanKey orderbys, int norderbys);
bool get_tuple(IndexScanDesc scan, ScanDirection direction);
void end_scan(IndexScanDesc scan);

}  // namespace vecstore::am
