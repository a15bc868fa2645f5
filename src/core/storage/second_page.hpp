// Locking a page while another is locked.
//
// The second page is of another kind than the first: chunks of TIDs, filter keys and the metapage after
// nodes, groups of entry points after their map. So nobody waits for himself, nor two for each other. But the
// first page says which page is the second, and may be damaged; and nothing interrupts a wait for a page's
// lock. So the kind of the second page is looked at before it is locked.
#pragma once

#include "core/storage/damage.hpp"
#include "core/storage/layout.hpp"

namespace vecstore::core {

template <class Store>
void expect_kind(Store& store, uint32_t block, PageKind kind) {
    const PageKind found = store.kind_of(block);
    if (found == kind) return;
    throw_damaged(block, "the page is of kind " + std::to_string(int(found)) +
                             ", where another page expects one of kind " + std::to_string(int(kind)));
}

template <class Store>
auto write_second(Store& store, uint32_t block, PageKind kind) {
    expect_kind(store, block, kind);
    return store.write(block);
}

}  // namespace vecstore::core
