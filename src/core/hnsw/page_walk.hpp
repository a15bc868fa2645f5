// Looking at nodes in the order of the pages, without the graph.
#pragma once

#include "core/storage/layout.hpp"

namespace vecstore::core {

// Does the page still hold the node that the link was made for?
inline bool holds_node(const NodeLayout& layout, const uint8_t* payload, const Link& link) {
    return page_head(payload).kind == PageKind::nodes && link.slot < layout.slots_per_page() &&
           ConstNode(layout, layout.slot(payload, link.slot)).is(link);
}

// Visits the live nodes of level 0 on one page: visit(link, node), under the page's shared lock.
template <class Store, class Visit>
void for_each_live_node(Store& store, const NodeLayout& layout, uint32_t block, Visit&& visit) {
    auto page = store.read(block);
    if (page_head(page.payload()).kind != PageKind::nodes) return;
    for (size_t s = 0; s < layout.slots_per_page(); ++s) {
        const ConstNode node(layout, layout.slot(page.payload(), s));
        if (node.live() && node.head().level == 0)
            visit(Link{block, static_cast<uint8_t>(s), node.head().generation}, node);
    }
}

}  // namespace vecstore::core
