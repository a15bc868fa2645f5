// aminsert: one row into the graph.
#include "am/hnsw.hpp"

#include "am/index_state.hpp"
#include "am/level.hpp"
#include "core/hnsw/builder.hpp"
#include "types/vector.hpp"

namespace vecstore::am {

bool insert(Relation index, Datum* values, bool* isnull, ItemPointer tid, Relation) {
    if (isnull[0]) return false;
    const types::Vector* value = types::datum_get_vector(values[0]);
    const std::shared_ptr<IndexState> state = index_state(index);
    const core::VectorEncoder& encoder = state->encoder;
    if (value->dims() != static_cast<int>(encoder.geometry().dims))
        throw core::Error(core::ErrorCode::data_exception,
                          "expected " + std::to_string(encoder.geometry().dims) + " dimensions, not " +
                              std::to_string(value->dims()));
    if (!encoder.indexable(value->data())) return false;

    pg::BufmgrStore store(index, RelationUsesLocalBuffers(index) ? nullptr : &state->recent);
    Pooled<core::InsertMemory> memory;
    std::vector<float> internal(encoder.geometry().stored_dims), work(encoder.geometry().dims);
    std::vector<uint8_t> own_bytes(encoder.layout().own_bytes());
    const float norm2 = encoder.transform(value->data(), internal.data(), work.data());
    const core::OwnVector own = encoder.encode(internal.data(), norm2, own_bytes.data());
    core::Inserter<pg::BufmgrStore> inserter(store, encoder, state->ef_construction, *memory);
    inserter.insert({internal.data(), own_bytes.data(), own,
                     core::HeapTid{ItemPointerGetBlockNumber(tid), ItemPointerGetOffsetNumber(tid)},
                     random_level(encoder.geometry().m)});
    return false;
}

}  // namespace vecstore::am
