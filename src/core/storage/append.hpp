// New pages at the end of an index.
#pragma once

#include "core/base/error.hpp"
#include "core/storage/layout.hpp"

namespace vecstore::core {

// Appends a page of this kind; where one of a group of filter keys is due, that one first.
template <class Store>
auto append_page(Store& store, const NodeLayout& layout, PageKind kind) {
    // Every group has room for more than its entries (meta_problem() sees to that). Others append meanwhile,
    // and may take it.
    for (uint32_t left = 16 * layout.filters().first_node_block() + 1024; left > 0; --left) {
        store.check_interrupts();
        auto page = store.append(kind);
        const PageKind due = layout.filters().kind_of(page.block());
        if (due == PageKind::unused) return page;
        page_head(page.modify()).kind = due;
        page.commit(page_payload_size);
    }
    throw Error(ErrorCode::corrupted_index, "the metapage is broken: filter columns leave no room for nodes",
                {}, "REINDEX the index.");
}

// The first block of an index that may be for anything.
inline uint32_t first_free_block(const NodeLayout& layout) {
    return layout.filters().columns() > 0 ? meta_block + 1 + layout.filters().first_node_block()
                                          : meta_block + 1;
}

}  // namespace vecstore::core
