// Heap TIDs of one node: the first few lie in the node, further ones (rows with equal vectors) in a chain of
// TidChunks on pages of their own, which nodes share.
//
// Changes:
//   insert   puts a TID into the node or into the first chunk, or a new chunk in front of it: under the
//            exclusive lock of the node's page, then that of the chunk's. It never walks the chain.
//   vacuum   takes TIDs out of chunks and chunks out of the chain (tid_vacuum.hpp), under the lock of the
//            chunk's page alone; that of the node's page where the node's own link to the first chunk
//            changes.
//   readers  hold the lock of one chunk's page at a time (tid_chain.hpp).
// Chains are walked with ChainWalk (chain_walk.hpp).
// A TID stays in the chunk it was put into. A chunk without TIDs takes none any more once it is marked as
// leaving; only then is it taken out of the chain, and only vacuum changes where a chunk leads on to. A
// node's page is never locked while a chunk's page is; the metapage may be locked while a node's page is.
//
// Free chunks: the metapage knows a page that has some, that one another (PageHead::reserved2), and so on.
// Inserts take them from the first one and let the metapage forget it when it has none left. Vacuum finds
// again all that a crash has lost from this list: it makes a new list of all pages it sees.
#pragma once

#include <algorithm>

#include "core/hnsw/filter/filter_pages.hpp"
#include "core/hnsw/node/chain_walk.hpp"
#include "core/storage/append.hpp"
#include "core/storage/node_page.hpp"
#include "core/storage/second_page.hpp"

namespace vecstore::core {

inline int free_chunk(const uint8_t* payload) {
    if (page_head(payload).kind != PageKind::tids) return -1;
    for (size_t i = 0; i < chunks_per_page; ++i)
        if (chunk_at(payload, i).used == chunk_free) return static_cast<int>(i);
    return -1;
}

// Takes a free chunk for `owner`, holding `tid`, before `next` in the chain. The caller holds owner's page.
template <class Store>
Link take_chunk(Store& store, const NodeLayout& layout, const Link& owner, const Link& next,
                const HeapTid& tid) {
    auto put = [&](auto page, size_t slot, uint32_t next_free) {
        page_head(page.modify()).reserved2 = next_free;
        TidChunk& chunk = chunk_at(page.modify(), slot);
        chunk = TidChunk{};
        chunk.next = next;
        chunk.used = chunk_used;
        chunk.count = 1;
        chunk.owner = owner;
        chunk.tids[0] = tid;
        const Link link{page.block(), static_cast<uint8_t>(slot), 0};
        page.commit(sizeof(PageHead) + (slot + 1) * sizeof(TidChunk));
        return link;
    };
    uint32_t first;
    {
        auto meta = store.read(meta_block);
        first = meta_of(meta.payload()).tid_page;
    }
    const auto remember = [&](uint32_t block) {
        auto meta = store.write(meta_block);
        if (meta_of(meta.peek()).tid_page != first) return;  // another insert has done it
        meta_of(meta.modify()).tid_page = block;
        meta.commit();
    };
    // Other inserts may take the last chunks of the first pages meanwhile.
    constexpr int most_looked_at = 8;
    const auto may_be = [](uint32_t block) { return block != invalid_block && block != meta_block; };
    uint32_t at = first;
    for (int i = 0; i < most_looked_at && may_be(at); ++i) {
        auto page = write_second(store, at, PageKind::tids);
        const int slot = free_chunk(page.peek());
        const uint32_t after = page_head(page.peek()).reserved2;
        if (slot >= 0) {
            const Link link = put(std::move(page), static_cast<size_t>(slot), after);
            if (at != first) remember(at);
            return link;
        }
        at = after;
    }
    const Link link = put(append_page(store, layout, PageKind::tids), 0, may_be(at) ? at : 0);
    remember(link.block);
    return link;
}

enum class TidAdded {
    yes,
    gone,     // the node is freed or dead, or has other keys
    no_room,  // the node's rows may differ, and it has as many as such a node takes
};

// A row that is to be one of a node's.
struct TidOfRow {
    HeapTid tid;
    float error;                      // NodeHead::error must be no less
    Fingerprint fingerprint;          // of its vector
    const FilterKey* keys = nullptr;  // where the index has columns to filter by: the node must have these
};

// Adds a row to the node at `at`, which stores the row's vector. A node whose rows all have one vector takes
// any number of them. One whose rows may differ takes few, because a scan in strict order has to look at all
// of them before it knows which is nearest.
template <class Store>
TidAdded add_tid(Store& store, const NodeLayout& layout, const Link& at, const TidOfRow& row) {
    auto page = store.write(at.block);
    const ConstNode node = find_node(layout, page.peek(), at);
    if (!node || !node.live()) return TidAdded::gone;
    // They may be others by now (take_over()).
    if (row.keys != nullptr && !has_filter_keys(store, layout, at, row.keys)) return TidAdded::gone;
    const NodeHead& head = node.head();
    auto editable = [&]() -> NodeHead& { return same_node(layout, page.modify(), at).head(); };
    const bool was_alike = head.all_rows.known(), alike = was_alike && head.all_rows == row.fingerprint;
    const Link first = head.overflow;
    if (was_alike && !alike && first.valid()) return TidAdded::no_room;

    bool changed = false;
    const auto note = [&] {
        if (row.error > head.error) {
            editable().error = row.error;
            changed = true;
        }
        if (was_alike && !alike) {
            editable().all_rows = Fingerprint{};
            changed = true;
        }
    };
    if (head.tid_count < inline_tids) {
        note();
        NodeHead& h = editable();
        h.tids[h.tid_count++] = row.tid;
        page.commit();
        return TidAdded::yes;
    }
    if (first.valid()) {
        auto chunk_page = write_second(store, first.block, PageKind::tids);
        const ChunkFault fault = chunk_fault(chunk_page.peek(), first, at);
        if (fault != ChunkFault::none) throw_bad_chunk(first, at, fault);
        const TidChunk& chunk = chunk_at(chunk_page.peek(), first.slot);
        if (chunk.used == chunk_used && chunk.count < chunk_tids) {
            note();
            TidChunk& c = chunk_at(chunk_page.modify(), first.slot);
            c.tids[c.count++] = row.tid;
            chunk_page.commit();
            if (changed) page.commit();
            return TidAdded::yes;
        }
        if (!alike && chunk.used == chunk_used) return TidAdded::no_room;
    }
    note();
    const Link chunk = take_chunk(store, layout, at, first, row.tid);
    editable().overflow = chunk;
    page.commit();
    return TidAdded::yes;
}

// Gives the node at `at`, which stores the row's vector, to a row with other keys: so that a row whose keys
// are changed again and again does not leave a node behind each time. All rows of the node must be gone, so
// that no transaction will ever look for them, here or on a standby: is_gone(tid) -> bool. norm2: the row's.
template <class Store, class IsGone>
bool take_over(Store& store, const NodeLayout& layout, const Link& at, const TidOfRow& row, float norm2,
               IsGone&& is_gone) {
    const auto rows_of = [&](const uint8_t* payload, HeapTid* tids) -> size_t {
        const ConstNode node = find_node(layout, payload, at);
        if (!node || !node.live()) return 0;
        const NodeHead& head = node.head();
        if (head.level > 0 || head.overflow.valid()) return 0;
        std::copy_n(head.tids, node.tid_count(), tids);
        return node.tid_count();
    };
    HeapTid tids[inline_tids], now[inline_tids];
    size_t count;
    {
        auto page = store.read(at.block);
        count = rows_of(page.payload(), tids);
    }
    if (count == 0 || !std::all_of(tids, tids + count, is_gone)) return false;
    expect_kind(store, layout.filters().page_of_keys(layout.filters().group_of(at.block)), PageKind::filters);
    // Only vacuum takes rows out of a node, and one that has none left is dead: so these are the same.
    auto page = store.write(at.block);
    if (rows_of(page.peek(), now) != count || !std::equal(tids, tids + count, now)) return false;
    // An insert that adds a row to a node looks at its keys under this lock. Searches may see either keys:
    // none is to find the rows that are gone, or this one yet.
    write_filter_keys(store, layout, at, row.keys);
    NodeHead& head = same_node(layout, page.modify(), at).head();
    head.tid_count = 1;
    head.tids[0] = row.tid;
    head.error = row.error;
    head.norm2 = norm2;
    head.all_rows = row.fingerprint;
    page.commit();
    return true;
}

}  // namespace vecstore::core
