// aminsert: one row into the graph.
#include "am/callbacks.hpp"

#include "am/column_type.hpp"
#include "am/filter_type.hpp"
#include "am/index_state.hpp"
#include "am/level.hpp"
#include "core/hnsw/beside/long_rows.hpp"
#include "core/hnsw/beside/unplaced.hpp"
#include "core/hnsw/build/builder.hpp"
#include "core/hnsw/write/after_insert.hpp"

extern "C" {
#include "access/heapam.h"
#include "storage/bufmgr.h"
}

namespace vecstore::am {

namespace {

// The keys of one of perhaps many rows of a statement, whose memory is not to grow with them. May raise.
void row_keys(Relation index, const Datum* values, const bool* isnull, core::FilterKey* keys) {
    if (filter_columns(index) == 0) return;
    const MemoryContext row = AllocSetContextCreate(CurrentMemoryContext, "vecstore insert row",
                                                    ALLOCSET_DEFAULT_SIZES);
    const MemoryContext old = MemoryContextSwitchTo(row);
    filter_keys(index, values, isnull, keys);
    MemoryContextSwitchTo(old);
    MemoryContextDelete(row);
}

// Is the row gone for everybody? What pruning has left of it is a line pointer that says so. On standbys
// pruning has ended the queries that may have seen the row before its change was replayed; nothing else tells
// that, so that rows which are merely dead do not count. (Where pruning is due it is done here, as by any
// scan that comes by.)
bool is_gone(Relation heap, const core::HeapTid& tid) {
    if (heap->rd_tableam != GetHeapamTableAmRoutine() || tid.block >= RelationGetNumberOfBlocks(heap))
        return false;
    const Buffer buffer = ReadBuffer(heap, tid.block);
    heap_page_prune_opt(heap, buffer);
    LockBuffer(buffer, BUFFER_LOCK_SHARE);
    const Page page = BufferGetPage(buffer);
    const bool gone = !PageIsNew(page) && tid.offset >= FirstOffsetNumber &&
                      tid.offset <= PageGetMaxOffsetNumber(page) &&
                      ItemIdIsDead(PageGetItemId(page, tid.offset));
    UnlockReleaseBuffer(buffer);
    return gone;
}

}  // namespace

bool insert(Relation index, Datum* values, bool* isnull, ItemPointer tid, Relation heap) {
    const std::shared_ptr<IndexState> state = index_state(index);
    const core::VectorEncoder& encoder = state->encoder;
    const ColumnType& type = column_type(encoder.geometry().kind);
    core::FilterKey keys[INDEX_MAX_KEYS];
    const ColumnValue value = pg::pg_call([&] {
        row_keys(index, values, isnull, keys);
        return isnull[0] ? ColumnValue{nullptr, 0} : type.read(values[0]);
    });
    if (!isnull[0]) check_dims(encoder.geometry().dims, value.dims);
    pg::BufmgrStore store(index, RelationUsesLocalBuffers(index) ? nullptr : &state->recent);
    const core::HeapTid heap_tid{ItemPointerGetBlockNumber(tid), ItemPointerGetOffsetNumber(tid)};
    if (isnull[0] || !encoder.indexable(value.raw)) {
        const auto kind = isnull[0] ? core::UnplacedKind::no_vector : core::UnplacedKind::no_direction;
        if (state->keeps_unplaced) core::add_unplaced(store, encoder.layout(), {heap_tid, kind, 0}, keys);
        return false;
    }

    Pooled<core::InsertMemory> memory;
    Pooled<core::RowMemory> row;
    const core::OwnVector own = encoder.encode_row(value.raw, *row);
    const uint8_t level = random_level(encoder.geometry().m);
    const core::NewRow new_row{row->internal.data(), row->own_bytes.data(), own, heap_tid, level, keys};
    if (core::keep_long(store, encoder, new_row)) return false;
    core::Inserter<pg::BufmgrStore> inserter(store, encoder, state->ef_construction, *memory);
    if (encoder.layout().filters().columns() > 0)
        inserter.use_nodes_of_gone_rows(
            [heap](const core::HeapTid& t) { return pg::pg_call([&] { return is_gone(heap, t); }); });
    inserter.insert(new_row);
    core::after_insert(store, encoder, *memory, level, inserter.last_placed(), state->samples);
    return false;
}

}  // namespace vecstore::am
