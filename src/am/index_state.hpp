// A backend's knowledge of one hnsw index: its metapage's constants, the encoder made from them and the
// guesses about its buffers. Made when the index is first used, kept until its storage is replaced.
#pragma once

#include <memory>

#include "core/base/pooled.hpp"
#include "core/hnsw/search/beam_calibration.hpp"
#include "core/hnsw/search/search.hpp"
#include "core/hnsw/space/encoder.hpp"
#include "core/hnsw/write/insert.hpp"
#include "pg/bufmgr_store.hpp"

namespace vecstore::am {

struct IndexState {
    IndexState(Oid storage_number, const core::MetaData& meta, std::vector<float> mean, BlockNumber blocks)
        : storage(storage_number),
          ef_construction(meta.ef_construction),
          keeps_unplaced(meta.keeps_unplaced != 0),
          clustered_blocks(meta.cluster_map == 0 ? 0 : meta.clustered_blocks),
          encoder(meta.geometry, meta.seed, std::move(mean)),
          recent(blocks) {}

    Oid storage;
    uint16_t ef_construction;
    bool keeps_unplaced;        // MetaData's
    uint32_t clustered_blocks;  // those whose rows are in clusters: 0 of an index that has none
    core::VectorEncoder encoder;
    pg::RecentBuffers recent;
    core::CalibrationSamples samples;  // while an insert measures
};

// Throws core::Error when the metapage is none of ours (corrupted_index), or of a later version
// (newer_format).
std::shared_ptr<IndexState> index_state(Relation index);

// To be called when the index is built anew: that may happen in the same storage (a table created or
// truncated in this transaction, ON COMMIT DELETE ROWS).
void forget_index_state(Relation index);

// Of searches and inserts, between statements.
using core::Pooled;

}  // namespace vecstore::am
