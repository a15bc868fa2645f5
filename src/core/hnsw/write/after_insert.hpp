// After an insert: keeps the entry-point table and the beam calibration of a growing index up to date.
#pragma once

#include "core/hnsw/search/beam_calibration.hpp"
#include "core/hnsw/search/entry_table.hpp"
#include "core/hnsw/write/insert.hpp"

namespace vecstore::core {

// A row of this level has been inserted (with `memory`); placed: where its node is, if it has one of its own.
template <class Store>
void set_entry(Store& store, const VectorEncoder& encoder, InsertMemory& memory, uint8_t level,
               const Link& placed) {
    if (level > 0 && placed.valid())
        EntryTable<Store>(store, encoder.layout(), memory.query, memory.search).add(placed);
}
template <class Store>
void after_insert(Store& store, const VectorEncoder& encoder, InsertMemory& memory, uint8_t level,
                  const Link& placed, CalibrationSamples& samples) {
    set_entry(store, encoder, memory, level, placed);
    if (placed.valid()) keep_calibration(store, encoder, memory.search, placed, samples);
}

}  // namespace vecstore::core
