// The planner learns of our indexes in three ways: by the access methods' cost estimate (cost.cpp), and by
// hooks that add paths (index_paths.cpp, join_filters.cpp) and correct plans (planner.cpp).
#pragma once

#include "pg/guard.hpp"

extern "C" {
#include "nodes/pathnodes.h"
#include "nodes/primnodes.h"
}

namespace vecstore::am {

// Called when the library is loaded.
void install_planner_hook();
void install_path_hook();
void define_join_filters();  // the setting that forbids them

// Adds paths with conditions that follow from joins.
void add_join_filters(PlannerInfo* root, RelOptInfo* rel);
// Is this InitPlan one of those that such conditions ask?
bool asks_for_joined_keys(const SubPlan* plan);

// Is this, of the planner's, an index of ours?
bool is_our_index(const IndexOptInfo* index);

// The order in which the planner has a path's IndexClauses.
int by_index_column(const ListCell* a, const ListCell* b);

// Can a scan do what the path says? It needs one distance, and one only, to be ordered by. Of conditions on
// the vector it knows those of VectorStrategy, IS NOT NULL and, where the index keeps such rows, IS NULL. May
// raise.
bool can_scan(const IndexPath* path);

// Do they say that only rows without a vector are asked for?
bool wants_nulls_only(List* clauses);

// Do index clauses say that the scan has to find all rows? Then it looks at all of them first.
bool finds_all(const IndexOptInfo* index, List* clauses);

// PostgreSQL calls the first, which is guarded; the second may raise.
void cost_estimate_callback(PlannerInfo* root, IndexPath* path, double loop_count, Cost* startup, Cost* total,
                            Selectivity* selectivity, double* correlation, double* pages);
void cost_estimate(PlannerInfo* root, IndexPath* path, double loop_count, Cost* startup, Cost* total,
                   Selectivity* selectivity, double* correlation, double* pages);

}  // namespace vecstore::am
