// New pages at the end of an index.
#pragma once

#include "core/storage/layout.hpp"

namespace vecstore::core {

// Appends a page of this kind; where one of a group of filter keys is due, that one first.
template <class Store>
auto append_page(Store& store, const NodeLayout& layout, PageKind kind) {
    for (;;) {
        auto page = store.append(kind);
        const PageKind due = layout.filters().kind_of(page.block());
        if (due == PageKind::unused) return page;
        page_head(page.modify()).kind = due;
        page.commit(page_payload_size);
    }
}

// The first block of an index that may be for anything.
inline uint32_t first_free_block(const NodeLayout& layout) {
    return layout.filters().columns() > 0 ? meta_block + 1 + layout.filters().first_node_block() : meta_block + 1;
}

}  // namespace vecstore::core
