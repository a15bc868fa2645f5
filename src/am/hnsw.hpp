// The graph index behind hnsw and ivfflat: what its files share. The callbacks are thin adapters around core/hnsw;
// what differs between the two is in access_method.hpp.
#pragma once

#include "pg/guard.hpp"

#include "core/storage/format.hpp"

extern "C" {
#include "access/amapi.h"
#include "access/genam.h"
#include "access/reloptions.h"
#include "access/stratnum.h"
#include "nodes/execnodes.h"
#include "nodes/parsenodes.h"
#include "nodes/pathnodes.h"
#include "utils/rel.h"
}

namespace vecstore::am {

// Support functions of an operator class, as in pgvector: 1 the distance, 2 the norm (cosine only). Type information
// is 3 in hnsw and 5 in ivfflat, whose 3 and 4 are distance and norm of a k-means that there is no need for.
constexpr int distance_proc = 1;
constexpr int norm_proc = 2;

constexpr int default_m = 16;
constexpr int min_m = 2;
constexpr int max_m = 100;
constexpr int default_ef_construction = 64;
constexpr int min_ef_construction = 4;
constexpr int max_ef_construction = 1000;
constexpr int default_ef_search = 40;
constexpr int max_ef_search = 1000000;

enum IterativeScan { iterative_off, iterative_relaxed, iterative_strict };

void install_planner_hook();
void install_path_hook();

// Adds paths with conditions that follow from joins (join_filters.cpp). And defines the setting that forbids it.
void add_join_filters(PlannerInfo* root, RelOptInfo* rel);
// Is this InitPlan one of those that such conditions ask?
bool asks_for_joined_keys(const SubPlan* plan);
void define_join_filters();

// Is this, of the planner's, an index of ours?
bool is_our_index(const IndexOptInfo* index);

// The order in which the planner has a path's IndexClauses.
int by_index_column(const ListCell* a, const ListCell* b);

// Strategies of a vector's operator classes beside the distance, which is 1: vector and limit, made by the planner
// from conditions on the distance (index_paths.cpp).
enum VectorStrategy : StrategyNumber {
    strategy_within = 2,       // the scan may end beyond the limit
    strategy_all_within = 3,   // and must find all rows before that
};

// Can a scan do what the path says? It needs one distance, and one only, to be ordered by. Of conditions on the vector it
// knows those of VectorStrategy, IS NOT NULL and, where the index keeps such rows, IS NULL. May raise.
bool can_scan(const IndexPath* path);

// Do they say that only rows without a vector are asked for?
bool wants_nulls_only(List* clauses);

// Do index clauses say that the scan has to find all rows? Then it looks at all of them first.
bool finds_all(const IndexOptInfo* index, List* clauses);

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
void cost_estimate_callback(PlannerInfo* root, IndexPath* path, double loop_count, Cost* startup, Cost* total,
                            Selectivity* selectivity, double* correlation, double* pages);
void cost_estimate(PlannerInfo* root, IndexPath* path, double loop_count, Cost* startup, Cost* total,
                   Selectivity* selectivity, double* correlation, double* pages);
IndexScanDesc begin_scan(Relation index, int nkeys, int norderbys);
void rescan(IndexScanDesc scan, ScanKey keys, int nkeys, ScanKey orderbys, int norderbys);
bool get_tuple(IndexScanDesc scan, ScanDirection direction);
void end_scan(IndexScanDesc scan);

}  // namespace vecstore::am
