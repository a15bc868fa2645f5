// What a scan costs, for the planner.
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

}  // namespace

void cost_estimate(PlannerInfo* root, IndexPath* path, double loop_count, Cost* startup, Cost* total,
                   Selectivity* selectivity, double* correlation, double* pages) {
    if (path->indexorderbys == NIL) {
        // Without a query vector there is nothing to scan for.
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
    const double visit = random_page * uncached_share + operators_per_visit * cpu_operator_cost;
    const double levels = std::log(rows + 1) / std::log(16.0);
    const double first = Min(rows, ef_search * 1.25 + 4 * levels);
    // The first rows need the whole beam, every further one about one more visit.
    *startup = first * visit;
    *total = Max(rows, first) * (visit + cpu_index_tuple_cost);
    *selectivity = costs.indexSelectivity;
    *correlation = 0;
    *pages = costs.numIndexPages;
}

}  // namespace vecstore::am
