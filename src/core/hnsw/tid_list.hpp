// Heap TIDs of one node: the first few lie in the node, further ones (rows with equal vectors) in a chain of
// TidChunks on pages of their own, which nodes share.
//
// Locks: a chunk is changed or read only under the lock of its node's page (exclusive or shared), then the
// lock of the chunk's page. A node's page is never locked while a chunk's page is.
#pragma once

#include "core/hnsw/page_walk.hpp"
#include "core/storage/append.hpp"

namespace vecstore::core {

// Takes a free chunk for `owner`, holding `tid`, before `next` in the chain. The caller holds owner's page.
template <class Store>
Link take_chunk(Store& store, const NodeLayout& layout, const Link& owner, const Link& next, const HeapTid& tid) {
    auto put = [&](auto page, size_t slot) {
        TidChunk& chunk = chunk_at(page.modify(), slot);
        chunk = TidChunk{};
        chunk.next = next;
        chunk.used = 1;
        chunk.count = 1;
        chunk.owner = owner;
        chunk.tids[0] = tid;
        const Link link{page.block(), static_cast<uint8_t>(slot), 0};
        page.commit(sizeof(PageHead) + (slot + 1) * sizeof(TidChunk));
        return link;
    };
    uint32_t hint;
    {
        auto meta = store.read(meta_block);
        hint = meta_of(meta.payload()).tid_page;
    }
    if (hint != invalid_block) {
        auto page = store.write(hint);
        if (page_head(page.peek()).kind == PageKind::tids)
            for (size_t i = 0; i < chunks_per_page; ++i)
                if (!chunk_at(page.peek(), i).used) return put(std::move(page), i);
    }
    const Link link = put(append_page(store, layout, PageKind::tids), 0);
    auto meta = store.write(meta_block);
    meta_of(meta.modify()).tid_page = link.block;
    meta.commit();
    return link;
}

// Adds a row to the node at `at`. False when the node is gone or dead.
template <class Store>
bool add_tid(Store& store, const NodeLayout& layout, const Link& at, const HeapTid& tid, float error) {
    auto page = store.write(at.block);
    if (!holds_node(layout, page.peek(), at)) return false;
    const ConstNode node(layout, layout.slot(page.peek(), at.slot));
    if (!node.live()) return false;
    const NodeHead& head = node.head();
    auto editable = [&]() -> NodeHead& { return Node(layout, layout.slot(page.modify(), at.slot)).head(); };

    bool changed = false;
    if (error > head.error) {
        editable().error = error;
        changed = true;
    }
    if (head.tid_count < inline_tids) {
        NodeHead& h = editable();
        h.tids[h.tid_count++] = tid;
        page.commit();
        return true;
    }
    const Link first = head.overflow;
    if (first.valid()) {
        auto chunk_page = store.write(first.block);
        const TidChunk& chunk = chunk_at(chunk_page.peek(), first.slot);
        if (chunk.used && chunk.count < chunk_tids) {
            TidChunk& c = chunk_at(chunk_page.modify(), first.slot);
            c.tids[c.count++] = tid;
            chunk_page.commit();
            if (changed) page.commit();
            return true;
        }
    }
    const Link chunk = take_chunk(store, layout, at, first, tid);
    editable().overflow = chunk;
    page.commit();
    return true;
}

}  // namespace vecstore::core
