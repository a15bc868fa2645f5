// ambulkdelete and amvacuumcleanup.
#include "am/callbacks.hpp"

#include "am/index_state.hpp"
#include "core/hnsw/beside/unplaced.hpp"
#include "core/hnsw/write/vacuum.hpp"
#include "pg/scratch_memory.hpp"

extern "C" {
#include "commands/vacuum.h"
#include "storage/indexfsm.h"
}

namespace vecstore::am {

namespace {

// Runs the whole of core's vacuum. callback may be null: nothing died, only an interrupted vacuum's work is
// to be finished.
void run_vacuum(const IndexVacuumInfo* info, IndexBulkDeleteResult* stats, IndexBulkDeleteCallback callback,
                void* callback_state) {
    const Relation index = info->index;
    const std::shared_ptr<IndexState> state = index_state(index);
    pg::BufmgrStore store(index, RelationUsesLocalBuffers(index) ? nullptr : &state->recent);
    store.set_strategy(info->strategy);
    Pooled<core::InsertMemory> memory;
    pg::ScratchMemory scratch(pg::vacuum_memory());
    core::Vacuum<pg::BufmgrStore> vacuum(store, state->encoder, state->ef_construction, *memory,
                                         core::Scratch([&](size_t bytes) { return scratch.take(bytes); }));
    const auto is_dead = [&](const core::HeapTid& tid) {
        if (callback == nullptr) return false;
        ItemPointerData pointer;
        ItemPointerSet(&pointer, tid.block, tid.offset);
        // Vacuum's callback only looks the TID up; that of CREATE INDEX CONCURRENTLY collects TIDs and may
        // raise.
        return pg::pg_call([&] { return callback(&pointer, callback_state); });
    };
    vacuum.run(is_dead);
    const core::UnplacedCounts unplaced = core::vacuum_unplaced(store, state->encoder.layout(), is_dead);
    const core::VacuumCounts& counts = vacuum.counts();
    stats->num_pages = store.page_count();
    stats->num_index_tuples = static_cast<double>(counts.rows_left + unplaced.rows_left);
    stats->estimated_count = false;
    stats->tuples_removed += static_cast<double>(counts.rows_removed + unplaced.rows_removed);
}

IndexBulkDeleteResult* new_stats() {
    return static_cast<IndexBulkDeleteResult*>(palloc0(sizeof(IndexBulkDeleteResult)));
}

bool is_pending(Relation index) {
    pg::BufmgrStore store(index, nullptr);
    auto page = store.read(core::meta_block);
    return core::meta_of(page.payload()).vacuum_pending != 0;
}

// Work that inserts have left undone (core::keep_calibration).
void measure_again(Relation index) {
    const std::shared_ptr<IndexState> state = index_state(index);
    pg::BufmgrStore store(index, RelationUsesLocalBuffers(index) ? nullptr : &state->recent);
    if (!core::is_calibration_old(store)) return;
    Pooled<core::SearchMemory> memory;
    core::note_calibration(store, state->encoder, *memory);
}

// Its searches are slow until somebody does something about it (core::CalibrationMeter::misfits).
void report_misfits(Relation index) {
    bool misfits;
    {
        pg::BufmgrStore store(index, nullptr);
        misfits = core::read_entry_point(store).misfits;
    }
    if (!misfits) return;
    pg::pg_call([&] {
        ereport(WARNING, (errmsg("index \"%s\" no longer fits its rows", RelationGetRelationName(index)),
                          errdetail("It was made of rows that lie far from the others, which it stores so "
                                    "roughly that its scans have to look at all of them."),
                          errhint("REINDEX it.")));
    });
}

}  // namespace

IndexBulkDeleteResult* bulk_delete(IndexVacuumInfo* info, IndexBulkDeleteResult* stats,
                                   IndexBulkDeleteCallback callback, void* callback_state) {
    if (stats == nullptr) stats = new_stats();
    run_vacuum(info, stats, callback, callback_state);
    return stats;
}

IndexBulkDeleteResult* vacuum_cleanup(IndexVacuumInfo* info, IndexBulkDeleteResult* stats) {
    if (info->analyze_only) return stats;
    if (stats == nullptr) {
        stats = new_stats();
        if (is_pending(info->index)) {
            run_vacuum(info, stats, nullptr, nullptr);
        } else {
            measure_again(info->index);
            stats->num_pages = RelationGetNumberOfBlocks(info->index);
            stats->num_index_tuples = info->num_heap_tuples;
            stats->estimated_count = true;
        }
    }
    report_misfits(info->index);
    IndexFreeSpaceMapVacuum(info->index);
    return stats;
}

}  // namespace vecstore::am
