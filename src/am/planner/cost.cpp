// The cost of a scan, for the planner.
#include "am/access_method.hpp"
#include "am/filter_type.hpp"
#include "am/index_state.hpp"
#include "am/planner/planner.hpp"
#include "core/hnsw/build/clustering.hpp"
#include "core/storage/unplaced_layout.hpp"

extern "C" {
#include "optimizer/clauses.h"
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

// The scan is ahead of the rows it returns: a beam that is wide enough for so many is half as wide again,
// gets there in steps, and goes far where rows are about equally far. The hundredth row of 20,000 x 384 and
// of 200,000 x 768 came after 1.2 ms.
constexpr double visits_per_further_row = 8;
// More than any plan costs that PostgreSQL's settings disable, and little enough to be multiplied and
// compared. (Infinity times no rows is not a number, which is neither less nor more than anything.)
constexpr Cost highest_cost = 1e16;

struct ScanCosts {
    double first_row;
    double all_rows;
};

Cost comparable(double cost) { return std::isnan(cost) ? highest_cost : Min(Max(cost, 0.0), highest_cost); }

ScanCosts walk_costs(double rows, size_t ef_search, double random_page) {
    const double visit = random_page * uncached_share + operators_per_visit * cpu_operator_cost;
    const double levels = std::log(rows + 1) / std::log(16.0);
    // The first rows need the whole beam.
    const double first = Min(rows, static_cast<double>(ef_search) * 1.25 + 4 * levels);
    return {first * visit, first * visit + rows * (visits_per_further_row * visit + cpu_index_tuple_cost)};
}

// The helpers of a search under conditions that does not go through the graph.
struct Helpers {
    bool origin_codes;
    double clusters;
    double loose;  // rows in none
};

Helpers helpers_of(const IndexOptInfo* info) {
    const double rows = Max(info->tuples, 1.0);
    Helpers helpers{true, static_cast<double>(core::Clustering::clusters_for(static_cast<size_t>(rows))), 0};
    if (info->hypothetical) return helpers;
    const Relation index = pg::pg_call(
        [&] { return index_open(info->indexoid, NoLock); });  // the planner holds the lock
    try {
        const std::shared_ptr<IndexState> state = index_state(index);
        helpers.origin_codes = state->encoder.layout().residual_codes();
        if (!helpers.origin_codes || state->clustered_blocks == 0) helpers.clusters = 0;
        const double blocks = Max(info->pages, 1.0);
        helpers.loose = rows * (1 - Min(1.0, state->clustered_blocks / blocks));
    } catch (const core::Error&) {
        // An index that cannot be read is for a scan to complain of.
    }
    pg::pg_call([&] { index_close(index, NoLock); });
    return helpers;
}

// Eight bytes for each column and row; a search looks at the pages of some columns of all rows.
double key_pages(const IndexOptInfo* info, double rows) {
    return Max(1.0, rows * sizeof(core::FilterKey) * (info->nkeycolumns - 1) / BLCKSZ);
}

// Of a scan under conditions on the index's own columns. All rows that pass are `share` of all.
ScanCosts filtered_costs(const IndexOptInfo* info, double rows, double share, size_t ef_search,
                         double random_page) {
    const double visit = random_page * uncached_share + operators_per_visit * cpu_operator_cost;
    core::FilteredSearch search{};
    search.slots = rows;
    search.groups = key_pages(info, rows);
    search.share = Max(share, 1e-9);
    search.ef_search = ef_search;
    const Helpers helpers = helpers_of(info);
    search.origin_codes = helpers.origin_codes;
    search.clusters = helpers.clusters;
    search.loose = helpers.loose;
    const double visits = Min(core::cost_of_ranking(search), core::cost_of_traversing(search, search.share));
    const double levels = 4 * std::log(rows + 1) / std::log(16.0);
    const double first = (Min(visits, rows) + levels) * visit + search.groups * random_page * uncached_share;
    return {first, first + Max(1.0, rows * share) * (visit + cpu_index_tuple_cost)};
}

// Of a scan that looks at everything first. Its pages count in full, like those of the sequential scan it is
// compared with.
ScanCosts read_all_costs(double rows, double pages, double sequential_page) {
    const double reading = pages * sequential_page + rows * operators_per_node_in_order * cpu_operator_cost;
    return {reading, reading + rows * cpu_index_tuple_cost};
}

// Of a scan under conditions that looks at all rows that pass before it returns the first.
ScanCosts read_matching_costs(const IndexOptInfo* info, double rows, double share, double random_page) {
    const double visit = random_page * uncached_share + operators_per_visit * cpu_operator_cost;
    const double groups = key_pages(info, rows);
    const double reading = (groups * core::cost_of_group + rows * share * core::cost_of_row_read) * visit +
                           groups * random_page * uncached_share;
    return {reading, reading + rows * share * cpu_index_tuple_cost};
}

// Of a scan for rows without a vector, which are on pages of their own.
ScanCosts read_unplaced_costs(const IndexOptInfo* info, double rows, double share, double sequential_page) {
    const double reading = (1 + rows * share * static_cast<double>(sizeof(core::UnplacedRow)) / BLCKSZ +
                            key_pages(info, rows * share)) *
                           sequential_page;
    return {reading, reading + rows * share * cpu_index_tuple_cost};
}

// A condition that the index cannot test, under some collations, costs as much as if it were tested above the
// index.
List* tested_quals(const IndexOptInfo* info, const IndexClause* clause) {
    List* tested = NIL;
    ListCell* cell;
    foreach (cell, clause->indexquals) {
        auto* const qual = lfirst_node(RestrictInfo, cell);
        const Oid op = IsA(qual->clause, OpExpr) ? reinterpret_cast<const OpExpr*>(qual->clause)->opno
                       : IsA(qual->clause, ScalarArrayOpExpr)
                           ? reinterpret_cast<const ScalarArrayOpExpr*>(qual->clause)->opno
                           : InvalidOid;
        if (!OidIsValid(op) || tests_in_index(info, clause->indexcol, op)) tested = lappend(tested, qual);
    }
    return tested;
}

struct Conditions {
    bool any;              // on the index's own columns
    Selectivity matching;  // share of the rows that pass those
    Selectivity fetched;   // and are within the distance asked for
};

Conditions conditions_of(PlannerInfo* root, const IndexPath* path) {
    List* columns = NIL;
    List* limits = NIL;
    ListCell* cell;
    foreach (cell, path->indexclauses) {
        const auto* const clause = lfirst_node(IndexClause, cell);
        if (clause->indexcol > 0)
            columns = list_concat(columns, tested_quals(path->indexinfo, clause));
        else if (clause->lossy ||
                 IsA(clause->rinfo->clause, NullTest))  // else it only says that all rows are wanted
            limits = lappend(limits, linitial(clause->indexquals));
    }
    const auto share = [&](List* quals) {
        return clauselist_selectivity(root, quals, static_cast<int>(path->indexinfo->rel->relid), JOIN_INNER,
                                      nullptr);
    };
    const Selectivity matching = share(columns);
    return {columns != NIL, matching, matching * share(limits)};
}

// PostgreSQL takes an index path for safe in a parallel worker where the relation is, and does not look at
// what the path is ordered by. A query vector that comes from outside of the sub-select (LATERAL) is a
// parameter that workers do not get: they would read a vector where there is none.
void forbid_parallel_order(PlannerInfo* root, IndexPath* path) {
    if (path->path.parallel_safe && !is_parallel_safe(root, reinterpret_cast<Node*>(path->indexorderbys)))
        path->path.parallel_safe = false;
}

}  // namespace

core::ScanOptions planned_scan(const IndexOptInfo* info) {
    if (info->hypothetical) return {};                          // the index may not exist: one of hypopg's
    const Relation index = index_open(info->indexoid, NoLock);  // the planner holds the lock
    const double rows = info->tuples;
    core::ScanOptions options = method_of(index).scan_options(index,
                                                              [=] { return static_cast<uint64_t>(rows); });
    index_close(index, NoLock);
    return options;
}

void cost_estimate(PlannerInfo* root, IndexPath* path, double loop_count, Cost* startup, Cost* total,
                   Selectivity* selectivity, double* correlation, double* pages) {
    forbid_parallel_order(root, path);
    if (!can_scan(path)) {
        // Without a query vector, say, there is nothing to scan for. (The path is taken away before the
        // planner chooses.)
        pg::reject_path(path);
        *startup = *total = highest_cost;
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
    const core::ScanOptions options = planned_scan(path->indexinfo);
    const Conditions conditions = conditions_of(root, path);
    const bool all = options.exhaustive || finds_all(path->indexinfo, path->indexclauses);
    ScanCosts scan;
    if (wants_nulls_only(path->indexclauses))
        scan = read_unplaced_costs(path->indexinfo, rows, conditions.fetched, sequential_page);
    else if (all && conditions.any)
        scan = read_matching_costs(path->indexinfo, rows, conditions.matching, random_page);
    else if (all)
        scan = read_all_costs(rows, path->indexinfo->pages, sequential_page);
    else if (conditions.any)
        scan = filtered_costs(path->indexinfo, rows, conditions.matching, options.ef_search, random_page);
    else
        scan = walk_costs(rows, options.ef_search, random_page);
    *startup = comparable(scan.first_row);
    *total = Max(*startup, comparable(scan.all_rows));
    *selectivity = conditions.fetched;
    *correlation = 0;
    *pages = costs.numIndexPages;
}

}  // namespace vecstore::am
