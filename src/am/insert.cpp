// aminsert: one row into the graph.
#include "am/hnsw.hpp"

#include "am/column_type.hpp"
#include "am/filter_type.hpp"
#include "am/index_state.hpp"
#include "am/level.hpp"
#include "core/hnsw/after_insert.hpp"
#include "core/hnsw/builder.hpp"

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
    if (isnull[0]) return false;
    const std::shared_ptr<IndexState> state = index_state(index);
    const core::VectorEncoder& encoder = state->encoder;
    const ColumnType& type = column_type(encoder.geometry().kind);
    core::FilterKey keys[INDEX_MAX_KEYS];
    const ColumnValue value = pg::pg_call([&] {
        row_keys(index, values, isnull, keys);
        return type.read(values[0]);
    });
    check_dims(encoder.geometry().dims, value.dims);
    if (!encoder.indexable(value.raw)) return false;

    pg::BufmgrStore store(index, RelationUsesLocalBuffers(index) ? nullptr : &state->recent);
    Pooled<core::InsertMemory> memory;
    Pooled<core::RowMemory> row;
    const core::OwnVector own = encoder.encode_row(value.raw, *row);
    core::Inserter<pg::BufmgrStore> inserter(store, encoder, state->ef_construction, *memory);
    const uint8_t level = random_level(encoder.geometry().m);
    inserter.insert({row->internal.data(), row->own_bytes.data(), own,
                     core::HeapTid{ItemPointerGetBlockNumber(tid), ItemPointerGetOffsetNumber(tid)},
                     level, keys});
    core::after_insert(store, encoder, *memory, level, inserter.last_placed());
    return false;
}

}  // namespace vecstore::am
