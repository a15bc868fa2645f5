// Vacuum of chains of TidChunks, beside inserts and readers (tid_list.hpp has the rules that they rely on).
//
// No lock is held from one chunk to the next, however long the chain. A chunk that has no row left is marked
// as leaving in the same change; chunks that leave are then taken out of the chain, a run of them at a time,
// and still lead on to what came after them, for readers that stand there. At the end, when all chains were
// walked, all that are leaving are free, and with them those that are in no chain: of inserts and vacuums
// that were interrupted.
#pragma once

#include <algorithm>
#include <bitset>
#include <unordered_map>
#include <vector>

#include "core/hnsw/node/tid_list.hpp"

namespace vecstore::core {

template <class Store>
class ChunkVacuum {
  public:
    ChunkVacuum(Store& store, const NodeLayout& layout) : store_(store), layout_(layout) {}

    struct Rows {
        uint64_t left = 0, removed = 0;
    };

    // Takes dead rows out of the node's chain. before_change(): called before anything is written.
    template <class IsDead, class BeforeChange>
    Rows clean(const Link& node, IsDead& is_dead, BeforeChange&& before_change) {
        Rows rows;
        Link kept{}, run{};
        for (ChainWalk<Store> walk(store_, node, first_chunk(node)); walk;) {
            store_.pause_point();
            const Link here = walk.at();
            // (Of this node it was no other's before: none is freed before all chains are cleaned.)
            if (was_seen(here)) throw_bad_chunk(here, node, "is in its chain twice");
            const bool stays = clean_chunk(walk, is_dead, before_change, rows);
            seen_[here.block].set(here.slot);
            if (!stays) {
                if (!run.valid()) run = here;
                continue;
            }
            if (run.valid()) take_out(node, kept, run, here);
            kept = here;
            run = Link{};
        }
        if (run.valid()) take_out(node, kept, run, Link{});
        return rows;
    }

    // A page of chunks, met in ascending order.
    void note_page(uint32_t block) { pages_.push_back(block); }

    // When all chains were cleaned: frees the chunks that are in none, and makes the list of pages with free
    // chunks anew. pages: how many the index had before.
    void free_chunks(uint32_t pages) {
        uint32_t list = meta_block;
        for (const uint32_t block : pages_) {
            const Unused unused = find_unused(block);
            if (unused.free.none() && unused.to_free.none()) continue;
            store_.pause_point();
            free_on(block, unused.to_free, list);
            list = block;
        }
        const uint32_t first = list == meta_block ? invalid_block : list;
        auto meta = store_.write(meta_block);
        const uint32_t now = meta_of(meta.peek()).tid_page;
        // One that was added meanwhile goes on to be used; it leads nowhere else.
        if (now == first || (now != invalid_block && now >= pages)) return;
        meta_of(meta.modify()).tid_page = first;
        meta.commit();
    }

  private:
    Link first_chunk(const Link& node) {
        auto page = store_.read(node.block);
        const ConstNode found = find_node(layout_, page.payload(), node);
        return found ? found.head().overflow : Link{};
    }

    // Of the chunk that the walk stands at. False: it leaves.
    template <class IsDead, class BeforeChange>
    bool clean_chunk(ChainWalk<Store>& walk, IsDead& is_dead, BeforeChange& before_change, Rows& rows) {
        const Link at = walk.at();
        bool is_leaving = false, all_live = false;
        walk.visit([&](const TidChunk& chunk) {
            is_leaving = chunk.used == chunk_leaving;
            if (is_leaving) return;
            all_live = chunk.count > 0 && std::none_of(chunk.tids, chunk.tids + chunk.count, is_dead);
            if (all_live) rows.left += chunk.count;
        });
        if (is_leaving || all_live) return all_live;
        before_change();
        auto page = store_.write(at.block);
        const ChunkFault fault = chunk_fault(page.peek(), at, walk.node());
        if (fault != ChunkFault::none) throw_bad_chunk(at, walk.node(), fault);
        TidChunk& chunk = chunk_at(page.modify(), at.slot);
        HeapTid* const end = std::remove_if(chunk.tids, chunk.tids + chunk.count, is_dead);
        const auto left = static_cast<uint8_t>(end - chunk.tids);
        rows.removed += chunk.count - left;
        rows.left += left;
        chunk.count = left;
        if (left == 0) chunk.used = chunk_leaving;
        page.commit();
        return left > 0;
    }

    // Takes out those from `run` to before `next`. kept: the one before them; none if they were the first
    // when their chain was read.
    void take_out(const Link& node, Link kept, const Link& run, const Link& next) {
        if (!kept.valid()) {
            auto page = store_.write(node.block);
            const ConstNode found = find_node(layout_, page.peek(), node);
            if (!found) return;
            const Link first = found.head().overflow;
            if (first == run) {
                same_node(layout_, page.modify(), node).head().overflow = next;
                page.commit();
                return;
            }
            kept = first;  // inserts put it there, and perhaps others behind it
        }
        bool leads_to_run = false;
        for (ChainWalk<Store> walk(store_, node, kept); walk && !leads_to_run;) {
            kept = walk.at();
            walk.visit([&](const TidChunk& chunk) { leads_to_run = chunk.next == run; });
        }
        if (!leads_to_run) throw_bad_chunk(run, node, "has left its chain");
        auto page = store_.write(kept.block);
        chunk_at(page.modify(), kept.slot).next = next;
        page.commit();
    }

    using Chunks = std::bitset<chunks_per_page>;  // of one page
    struct Unused {
        Chunks free;     // may be in use by now
        Chunks to_free;  // nobody but vacuum has anything to do with them
    };

    Unused find_unused(uint32_t block) {
        Unused unused;
        Chunks unknown;  // may be lost
        Link owners[chunks_per_page];
        {
            auto page = store_.read(block);
            if (page_head(page.payload()).kind != PageKind::tids) return unused;
            for (size_t i = 0; i < chunks_per_page; ++i) {
                const TidChunk& chunk = chunk_at(page.payload(), i);
                unused.free[i] = chunk.used == chunk_free;
                unused.to_free[i] = chunk.used == chunk_leaving;
                unknown[i] = chunk.used == chunk_used && !was_seen({block, static_cast<uint8_t>(i), 0});
                owners[i] = chunk.owner;
            }
        }
        for (size_t i = 0; i < chunks_per_page; ++i)
            if (unknown[i] && is_lost({block, static_cast<uint8_t>(i), 0}, owners[i])) unused.to_free.set(i);
        return unused;
    }

    // Is a chunk that was in no chain when vacuum walked them in none now? An insert that took it since held
    // its node's page until it was in the chain, before all that had been met there.
    bool is_lost(const Link& chunk, const Link& owner) {
        if (owner.block >= store_.page_count()) return true;
        for (ChainWalk<Store> walk(store_, owner, first_chunk(owner)); walk && !was_seen(walk.at());) {
            const Link at = walk.at();
            walk.visit([](const TidChunk&) {});
            seen_[at.block].set(at.slot);
        }
        return !was_seen(chunk);
    }

    bool was_seen(const Link& chunk) const {
        const auto seen = seen_.find(uint32_t{chunk.block});
        return seen != seen_.end() && chunk.slot < chunks_per_page && seen->second[chunk.slot];
    }

    void free_on(uint32_t block, const Chunks& to_free, uint32_t next_in_list) {
        // From now on an insert may take them for another chain, where is_lost() may meet them: they count as
        // not seen.
        const auto seen = seen_.find(block);
        if (seen != seen_.end()) seen->second &= ~to_free;
        auto page = store_.write(block);
        if (page_head(page.peek()).reserved2 != next_in_list)
            page_head(page.modify()).reserved2 = next_in_list;
        for (size_t i = 0; i < chunks_per_page; ++i)
            if (to_free[i]) chunk_at(page.modify(), i) = TidChunk{};
        page.commit();
    }

    Store& store_;
    const NodeLayout& layout_;
    std::vector<uint32_t> pages_;
    // The chunks that were in chains, by page.
    std::unordered_map<uint32_t, Chunks> seen_;
};

}  // namespace vecstore::core
