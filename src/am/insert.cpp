// aminsert: one row into the graph.
#include "am/hnsw.hpp"

#include "am/column_type.hpp"
#include "am/filter_type.hpp"
#include "am/index_state.hpp"
#include "am/level.hpp"
#include "core/hnsw/after_insert.hpp"
#include "core/hnsw/builder.hpp"
#include "core/hnsw/unplaced.hpp"

namespace vecstore::am {

namespace {

// The keys of one of perhaps many rows of a statement, whose memory is not to grow with them. May raise.
void row_keys(Relation index, const Datum* values, const bool* isnull, core::FilterKey* keys) {
    if (filter_columns(index) == 0) return;
    const MemoryContext row = AllocSetContextCreate(CurrentMemoryContext, "vecstore insert row", ALLOCSET_DEFAULT_SIZES);
    const MemoryContext old = MemoryContextSwitchTo(row);
    filter_keys(index, values, isnull, keys);
    MemoryContextSwitchTo(old);
    MemoryContextDelete(row);
}

}  // namespace

bool insert(Relation index, Datum* values, bool* isnull, ItemPointer tid, Relation) {
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
    core::Inserter<pg::BufmgrStore> inserter(store, encoder, state->ef_construction, *memory);
    const uint8_t level = random_level(encoder.geometry().m);
    inserter.insert({row->internal.data(), row->own_bytes.data(), own, heap_tid, level, keys});
    core::after_insert(store, encoder, *memory, level, inserter.last_placed());
    return false;
}

}  // namespace vecstore::am
