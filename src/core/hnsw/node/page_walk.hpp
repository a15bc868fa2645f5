// Looking at nodes in the order of the pages, without the graph.
#pragma once

#include "core/storage/node_page.hpp"

namespace vecstore::core {

// Visits the live nodes of level 0 on one page: visit(link, node), under the page's shared lock.
template <class Store, class Visit>
void for_each_live_node(Store& store, const NodeLayout& layout, uint32_t block, Visit&& visit) {
    auto page = store.read_once(block);
    const NodePage nodes(layout, page.payload(), block);
    for (size_t s = 0; s < nodes.size(); ++s) {
        const ConstNode node = nodes[s];
        if (node.live() && node.head().level == 0) visit(nodes.link(s), node);
    }
}

// Rows of an index of a few pages; 0: it has more, or so many equal rows that they are not all in their node.
// (How many a large one has follows from its size well enough.)
template <class Store>
uint64_t count_few_rows(Store& store, const NodeLayout& layout) {
    constexpr uint32_t few_pages = 8;
    const uint32_t pages = store.page_count();
    if (pages > few_pages) return 0;
    uint64_t rows = 0;
    bool more = false;
    for (uint32_t block = meta_block + 1; block < pages; ++block)
        for_each_live_node(store, layout, block, [&](const Link&, const ConstNode& node) {
            rows += node.tid_count();
            more |= node.head().overflow.valid();
        });
    return more ? 0 : rows;
}

}  // namespace vecstore::core
