// The metapage of an index of ours, and whether it is this index's.
#pragma once

#include "pg/guard.hpp"

#include "core/storage/features.hpp"
#include "core/storage/layout.hpp"

extern "C" {
#include "utils/rel.h"
}

namespace vecstore::am {

// Throws core::Error (newer_format) where a library of a later version wrote the index, which this one is not
// to touch that way.
void expect_known_format(Relation index, const core::MetaData& meta, core::Access access);

// Tells whether a metapage that is sound in itself is of another index than the definition says: files may
// have been swapped. Empty: nothing.
std::string definition_problem(Relation index, const core::MetaData& meta);

// Throws core::Error where there is anything wrong with the metapage of an index of so many pages
// (corrupted_index), or it is a later version's (newer_format).
void expect_sound_meta(Relation index, const core::MetaData& meta, uint32_t pages);

// The metapage's content, whatever it is; all zeros where there is no page.
template <class Store>
core::MetaData read_first_meta(Store& store) {
    if (store.page_count() == 0) return core::MetaData{};
    auto page = store.read(core::meta_block);
    return core::meta_of(page.payload());
}

// The metapage's content, which may be believed. Throws core::Error (corrupted_index, newer_format).
template <class Store>
core::MetaData read_index_meta(Relation index, Store& store) {
    const core::MetaData meta = read_first_meta(store);
    // (The number of pages is asked for afterwards: what the metapage names is there before it is named.)
    expect_sound_meta(index, meta, store.page_count());
    return meta;
}

}  // namespace vecstore::am
