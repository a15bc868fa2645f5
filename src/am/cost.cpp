// What a scan costs, for the planner.
#include "am/access_method.hpp"
#include "am/hnsw.hpp"

#include <limits>

extern "C" {
#include "optimizer/cost.h"
#include "optimizer/optimizer.h"
#include "utils/selfuncs.h"
#include "utils/spccache.h"
}

namespace vecstore::am {

namespace {

// Visiting one node reads a page, computes one distance and ranks some 25 neighbors from their codes:
// 1 to 2 us when cached. The pages of an index that is searched often are.
constexpr double uncached_share = 0.05;
constexpr double operators_per_visit = 20;
// Reading every page from the first to the last, some 0.3 us for each node on it.
constexpr double operators_per_node_in_order = 4;

struct ScanCosts {
    double first_row;
    double all_rows;
};

ScanCosts walk_costs(double rows, size_t ef_search, double random_page) {
    const double visit = random_page * uncached_share + operators_per_visit * cpu_operator_cost;
    const double levels = std::log(rows + 1) / std::log(16.0);
    // The first rows need the whole beam, every further one about one more visit.
    const double first = Min(rows, static_cast<double>(ef_search) * 1.25 + 4 * levels);
    return {first * visit, Max(rows, first) * (visit + cpu_index_tuple_cost)};
}

// Of a scan under conditions on the index's own columns. All rows that pass are `share` of all.
ScanCosts filtered_costs(const IndexOptInfo* info, double rows, double share, size_t ef_search, double random_page) {
    const double visit = random_page * uncached_share + operators_per_visit * cpu_operator_cost;
    core::FilteredSearch search{};
    search.slots = rows;
    // Eight bytes for each column and row; a search looks at the pages of some columns of all rows.
    search.groups = Max(1.0, rows * sizeof(core::FilterKey) * (info->nkeycolumns - 1) / BLCKSZ);
    search.share = Max(share, 1e-9);
    search.ef_search = ef_search;
    search.sketches = true;
    const double visits = Min(core::cost_of_enumerating(search), core::cost_of_traversing(search, search.share));
    const double levels = 4 * std::log(rows + 1) / std::log(16.0);
    const double first = (Min(visits, rows) + levels) * visit;
    return {first, first + Max(1.0, rows * share) * (visit + cpu_index_tuple_cost)};
}

// Of a scan that looks at everything first. Its pages count in full, like those of the sequential scan it is
// compared with.
ScanCosts read_all_costs(double rows, double pages, double sequential_page) {
    const double reading = pages * sequential_page + rows * operators_per_node_in_order * cpu_operator_cost;
    return {reading, reading + rows * cpu_index_tuple_cost};
}

// The index may not exist: one of hypopg's.
core::ScanOptions planned_scan(const IndexOptInfo* info, double rows) {
    if (info->hypothetical) return {};
    const Relation index = index_open(info->indexoid, NoLock);   // the planner holds the lock
    const core::ScanOptions options = method_of(index).scan_options(index, [=] { return static_cast<uint64_t>(rows); });
    index_close(index, NoLock);
    return options;
}

bool has_filter(const IndexPath* path) {
    ListCell* cell;
    foreach (cell, path->indexclauses)
        if (lfirst_node(IndexClause, cell)->indexcol > 0) return true;
    return false;
}

}  // namespace

void cost_estimate(PlannerInfo* root, IndexPath* path, double loop_count, Cost* startup, Cost* total,
                   Selectivity* selectivity, double* correlation, double* pages) {
    if (path->indexorderbys == NIL) {
        // Without a query vector there is nothing to scan for.
        pg::reject_path(path);
        *startup = *total = std::numeric_limits<double>::infinity();
        *selectivity = 0;
        *correlation = 0;
        *pages = 0;
        return;
    }
    GenericCosts costs;
    MemSet(&costs, 0, sizeof(costs));
    genericcostestimate(root, path, loop_count, &costs);

    double random_page, sequential_page;
    get_tablespace_page_costs(path->indexinfo->reltablespace, &random_page, &sequential_page);
    const double rows = Max(path->indexinfo->tuples, 1.0);
    const core::ScanOptions options = planned_scan(path->indexinfo, rows);
    ScanCosts scan;
    if (options.exhaustive)
        scan = read_all_costs(rows, path->indexinfo->pages, sequential_page);
    else if (has_filter(path))
        scan = filtered_costs(path->indexinfo, rows, costs.indexSelectivity, options.ef_search, random_page);
    else
        scan = walk_costs(rows, options.ef_search, random_page);
    *startup = scan.first_row;
    *total = scan.all_rows;
    *selectivity = costs.indexSelectivity;
    *correlation = 0;
    *pages = costs.numIndexPages;
}

}  // namespace vecstore::am
