// What an index that grows needs to know, kept up to date.
#pragma once

#include "core/hnsw/insert.hpp"
#include "core/hnsw/signposts.hpp"
#include "core/hnsw/spread.hpp"

namespace vecstore::core {

// A row of this level has been inserted (with `memory`); placed: where its node is, if it has one of its own.
template <class Store>
void set_signpost(Store& store, const VectorEncoder& encoder, InsertMemory& memory, uint8_t level, const Link& placed) {
    if (level > 0 && placed.valid()) Signposts<Store>(store, encoder.layout(), memory.query, memory.search).add(placed);
}
template <class Store>
void after_insert(Store& store, const VectorEncoder& encoder, InsertMemory& memory, uint8_t level, const Link& placed,
                  SpreadSamples& samples) {
    set_signpost(store, encoder, memory, level, placed);
    if (placed.valid()) keep_spread(store, encoder, memory.search, placed, samples);
}

}  // namespace vecstore::core
