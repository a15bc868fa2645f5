// The handler functions: which callbacks and properties the access methods have.
#include "am/access_method.hpp"
#include "am/callbacks.hpp"
#include "am/planner/planner.hpp"

extern "C" {
#include "access/relscan.h"
#include "catalog/index.h"
#include "commands/progress.h"
#include "commands/vacuum.h"
}

namespace vecstore::am {

// Planner code tells our indexes by it.
void cost_estimate_callback(PlannerInfo* root, IndexPath* path, double loop_count, Cost* startup, Cost* total,
                            Selectivity* selectivity, double* correlation, double* pages) {
    pg::guarded(
        [&] { cost_estimate(root, path, loop_count, startup, total, selectivity, correlation, pages); });
}

namespace {

IndexBuildResult* build_callback(Relation heap, Relation index, IndexInfo* info) {
    return pg::guarded([&] { return build(heap, index, info); }, index);
}

void build_empty_callback(Relation index) {
    pg::guarded([&] { build_empty(index); });
}

bool insert_callback(Relation index, Datum* values, bool* isnull, ItemPointer tid, Relation heap,
                     IndexUniqueCheck, bool, IndexInfo*) {
    return pg::guarded([&] { return insert(index, values, isnull, tid, heap); }, index);
}

IndexBulkDeleteResult* bulk_delete_callback(IndexVacuumInfo* info, IndexBulkDeleteResult* stats,
                                            IndexBulkDeleteCallback callback, void* state) {
    return pg::guarded([&] { return bulk_delete(info, stats, callback, state); }, info->index);
}

IndexBulkDeleteResult* vacuum_cleanup_callback(IndexVacuumInfo* info, IndexBulkDeleteResult* stats) {
    return pg::guarded([&] { return vacuum_cleanup(info, stats); }, info->index);
}

char* phase_name(int64 phase) {
    switch (phase) {
        case PROGRESS_CREATEIDX_SUBPHASE_INITIALIZE: return pstrdup("initializing");
        case PROGRESS_CREATEIDX_SUBPHASE_INITIALIZE + 1: return pstrdup("reading rows");
        case PROGRESS_CREATEIDX_SUBPHASE_INITIALIZE + 2: return pstrdup("building graph");
        case PROGRESS_CREATEIDX_SUBPHASE_INITIALIZE + 3: return pstrdup("writing pages");
        case PROGRESS_CREATEIDX_SUBPHASE_INITIALIZE + 4: return pstrdup("inserting rows");
        case PROGRESS_CREATEIDX_SUBPHASE_INITIALIZE + 5: return pstrdup("importing graph");
        default: return nullptr;
    }
}

bool validate_callback(Oid) { return true; }

IndexScanDesc begin_scan_callback(Relation index, int nkeys, int norderbys) {
    return pg::guarded([&] { return begin_scan(index, nkeys, norderbys); }, index);
}
void rescan_callback(IndexScanDesc scan, ScanKey keys, int nkeys, ScanKey orderbys, int norderbys) {
    pg::guarded([&] { rescan(scan, keys, nkeys, orderbys, norderbys); }, scan->indexRelation);
}
bool get_tuple_callback(IndexScanDesc scan, ScanDirection direction) {
    return pg::guarded([&] { return get_tuple(scan, direction); }, scan->indexRelation);
}
void end_scan_callback(IndexScanDesc scan) {
    pg::guarded([&] { end_scan(scan); });
}

IndexAmRoutine* make_routine(const AccessMethod& method) {
    IndexAmRoutine* am = makeNode(IndexAmRoutine);
    am->amstrategies = 0;
    am->amsupport = static_cast<uint16>(method.support_procs);
    am->amoptsprocnum = 0;
    am->amcanorder = false;
    am->amcanorderbyop = true;
    am->amcanbackward = false;
    am->amcanunique = false;
    am->amcanmulticol = method.filters;
    am->amoptionalkey = true;
    am->amsearcharray = method.filters;
    am->amsearchnulls = method.filters;
    am->amstorage = false;
    am->amclusterable = false;
    am->ampredlocks = false;
    am->amcanparallel = false;
    am->amcaninclude = false;
    am->amusemaintenanceworkmem = false;
    am->amparallelvacuumoptions = VACUUM_OPTION_PARALLEL_BULKDEL;
    am->amkeytype = InvalidOid;

    am->ambuild = build_callback;
    am->ambuildempty = build_empty_callback;
    am->aminsert = insert_callback;
    am->ambulkdelete = bulk_delete_callback;
    am->amvacuumcleanup = vacuum_cleanup_callback;
    am->amcanreturn = nullptr;
    am->amcostestimate = cost_estimate_callback;
    am->amoptions = method.parse_options;
    am->amproperty = nullptr;
    am->ambuildphasename = phase_name;
    am->amvalidate = validate_callback;
    am->amadjustmembers = nullptr;
    am->ambeginscan = begin_scan_callback;
    am->amrescan = rescan_callback;
    am->amgettuple = get_tuple_callback;
    am->amgetbitmap = nullptr;
    am->amendscan = end_scan_callback;
    am->ammarkpos = nullptr;
    am->amrestrpos = nullptr;
    am->amestimateparallelscan = nullptr;
    am->aminitparallelscan = nullptr;
    am->amparallelrescan = nullptr;
    return am;
}

}  // namespace

// The routine of an open index is a copy in the relation cache, of which only the callbacks tell where it is
// from.
const AccessMethod* find_method(const IndexAmRoutine* routine) {
    for (const AccessMethod* method : {&hnsw_method, &ivfflat_method})
        if (routine->amoptions == method->parse_options) return method;
    return nullptr;
}

const AccessMethod& method_of(Relation index) {
    const AccessMethod* const found = find_method(index->rd_indam);
    if (found == nullptr)
        elog(ERROR, "index \"%s\" is not of an access method of ours", RelationGetRelationName(index));
    return *found;
}

}  // namespace vecstore::am

using namespace vecstore;

VECSTORE_FUNCTION(hnswhandler) { PG_RETURN_POINTER(am::make_routine(am::hnsw_method)); }
VECSTORE_FUNCTION(ivfflathandler) { PG_RETURN_POINTER(am::make_routine(am::ivfflat_method)); }
