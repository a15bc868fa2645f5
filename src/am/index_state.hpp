// What a backend knows about one hnsw index: its metapage's constants, the encoder made from them and the
// guesses about its buffers. Made when the index is first used, kept until its storage is replaced.
#pragma once

#include <memory>

#include "core/hnsw/encoder.hpp"
#include "core/hnsw/insert.hpp"
#include "core/hnsw/search.hpp"
#include "pg/bufmgr_store.hpp"

namespace vecstore::am {

struct IndexState {
    IndexState(Oid storage_number, const core::MetaData& meta, std::vector<float> mean, BlockNumber blocks)
        : storage(storage_number),
          ef_construction(meta.ef_construction),
          encoder(meta.geometry, meta.seed, std::move(mean)),
          recent(blocks) {}

    Oid storage;
    uint16_t ef_construction;
    core::VectorEncoder encoder;
    pg::RecentBuffers recent;
};

// Throws core::Error (corrupted_index) when the metapage is none of ours.
std::shared_ptr<IndexState> index_state(Relation index);

// To be called when the index is built anew: that may happen in the same storage (a table created or
// truncated in this transaction, ON COMMIT DELETE ROWS).
void forget_index_state(Relation index);

// Memory of searches and inserts, kept between statements. Several may be in use at once (joins).
template <class Memory>
class Pooled {
  public:
    Pooled() {
        auto& pool = free_list();
        if (pool.empty()) {
            memory_ = std::make_unique<Memory>();
        } else {
            memory_ = std::move(pool.back());
            pool.pop_back();
        }
    }
    ~Pooled() {
        if (memory_ && free_list().size() < 4) free_list().push_back(std::move(memory_));
    }
    Pooled(const Pooled&) = delete;
    Pooled& operator=(const Pooled&) = delete;
    Memory& operator*() { return *memory_; }
    Memory* operator->() { return memory_.get(); }

  private:
    static std::vector<std::unique_ptr<Memory>>& free_list() {
        static std::vector<std::unique_ptr<Memory>> list;
        return list;
    }
    std::unique_ptr<Memory> memory_;
};

}  // namespace vecstore::am
