// Removing rows (ambulkdelete), over a page store.
//
//   1. remove_rows: in physical order, drop the TIDs of dead rows. A node left without any is marked dead:
//      searches still pass through it, but it is no result and nobody links to it any more.
//   2. repair: every live node with links to dead ones gets new neighbors in their place (repair.hpp), chosen
//      among the dead nodes' own neighbors (no search of the graph: pgvector's repair, which searches anew
//      for each node, is what makes its vacuum slow). Then the entry point is moved if it died, the spanning
//      tree of level 0 joined again (tree_joiner.hpp), and every node linked from nearby (in_degree.hpp).
//   3. free_dead: dead slots become free, with the next generation, and chunks of TIDs that no node has
//      (tid_vacuum.hpp). Links to them that remain anywhere dangle from then on, which readers recognize.
//
// Newcomers: rows that are inserted during step 1 may have found nobody to link to but nodes that died
// afterwards. So step 2 is for them too: it looks at pages when all deaths are known, and takes the nodes
// that it meets there for live. Rows that are inserted still later link to live nodes.
//
// Inserts and scans go on meanwhile. Only one vacuum works on an index at a time, and only vacuum marks
// nodes dead or frees them: what it learned in step 1 about a dead node stays true until it frees it.
// Between steps 1 and 3 the metapage says vacuum_pending, so that an interrupted vacuum is finished by the
// next one.
//
// All pages are passed over some eight times, whatever died; what takes longer, many links from nearby and
// measuring the calibration, waits until the nodes that vacuums removed are a fiftieth of all.
//
// Memory: at most nine bytes for each slot of the index, where `scratch` has them: two of what was learned in
// step 1, and seven while step 2 is at links from nearby (five while it is at the tree).
#pragma once

#include <algorithm>
#include <vector>

#include "core/hnsw/node/page_walk.hpp"
#include "core/hnsw/node/slot_map.hpp"
#include "core/hnsw/search/beam_calibration.hpp"
#include "core/hnsw/search/entry_table.hpp"
#include "core/hnsw/write/in_degree.hpp"
#include "core/hnsw/write/insert.hpp"
#include "core/hnsw/write/repair.hpp"
#include "core/hnsw/write/tid_vacuum.hpp"
#include "core/hnsw/write/tree_joiner.hpp"

namespace vecstore::core {

struct VacuumCounts {
    uint64_t rows_left = 0;
    uint64_t rows_removed = 0;
    uint64_t nodes_died = 0;
    uint64_t nodes_repaired = 0;
    uint64_t tree_edges_made = 0;
    uint64_t in_degree_links = 0;
    uint64_t free_slots = 0;
};

template <class Store>
class Vacuum {
  public:
    Vacuum(Store& store, const VectorEncoder& encoder, size_t ef_construction, InsertMemory& memory,
           Scratch scratch = {})
        : store_(store),
          encoder_(encoder),
          layout_(encoder.layout()),
          memory_(memory),
          scratch_(std::move(scratch)),
          editor_(store, encoder, memory.edit),
          inserter_(store, encoder, ef_construction, memory),
          repair_(store, encoder, editor_, inserter_, memory, slots_),
          chunks_(store, encoder.layout()) {}

    // is_dead(HeapTid) -> bool; called under page locks.
    template <class IsDead>
    void run(IsDead&& is_dead) {
        read_entry_point(store_, Access::change);
        const uint32_t pages_before = pages_ = store_.page_count();
        slots_.reset(slot_count(), scratch_);
        for (uint32_t block = meta_block + 1; block < pages_; ++block) {
            store_.pause_point();
            remove_rows(block, is_dead);
        }
        mark_upper_dead();
        if (any_dead_) {
            pages_ = store_.page_count();
            if (pages_ > pages_before) slots_.grow(slot_count(), scratch_);
            repair_.begin(scratch_);
            for (uint32_t block = meta_block + 1; block < pages_; ++block) {
                store_.pause_point();
                repair_.repair_page(block,
                                    [this](const Link& link, const ConstNode& node) { record(link, node); });
            }
            counts_.nodes_repaired = repair_.nodes_repaired();
            move_entry_point();
            join_tree();
            is_much_removed_ = count_removed();
            repair_in_degrees();
            drop_entries(store_, layout_, [this](const Link& link) { return unwanted(link); });
        }
        if (is_any_above_entry_point()) raise_entry_point();
        free_dead();
        chunks_.free_chunks(pages_before);
        set_pending(false);
        if (any_dead_ && is_much_removed_) note_calibration(store_, encoder_, memory_.search);
    }

    const VacuumCounts& counts() const { return counts_; }

  private:
    struct UpperNode {
        Link link;
        Link down;
        uint8_t level;
    };
    size_t slot_count() const { return static_cast<size_t>(pages_) * layout_.slots_per_page(); }
    uint64_t id(const Link& link) const { return layout_.slot_id(link); }
    bool dead(const Link& link) const { return slots_.is_dead(id(link), link); }
    bool unwanted(const Link& link) const { return slots_.is_unwanted(id(link), link); }

    // ------------------------------------------------------------------------------------ 1. rows

    template <class IsDead>
    void remove_rows(uint32_t block, IsDead& is_dead) {
        bool changes = false;
        uint64_t rows = 0;
        std::vector<Link> chained;
        {
            auto page = store_.read_once(block);
            if (page_head(page.payload()).kind == PageKind::tids) chunks_.note_page(block);
            const NodePage nodes(layout_, page.payload(), block);
            if (nodes.size() == 0) return;
            for (size_t s = 0; s < nodes.size(); ++s) {
                const ConstNode node = nodes[s];
                const Link link = nodes.link(s);
                record(link, node);
                if (!node.live() || node.head().level > 0) continue;
                changes |= has_dead_rows(node, is_dead, rows);
                if (node.head().overflow.valid()) chained.push_back(link);
            }
        }
        // Chains first: a node whose rows are all gone by then dies with the change of its page.
        for (const Link& link : chained) {
            const typename ChunkVacuum<Store>::Rows in_chain = chunks_.clean(link, is_dead,
                                                                             [this] { begin_changes(); });
            counts_.rows_left += in_chain.left;
            counts_.rows_removed += in_chain.removed;
            changes |= in_chain.left == 0;
        }
        if (!changes) {
            counts_.rows_left += rows;
            return;
        }
        begin_changes();
        auto page = store_.write(block);
        for (size_t s = 0; s < layout_.slots_per_page(); ++s) {
            const ConstNode node = NodePage(layout_, page.peek(), block)[s];
            if (node.live() && node.head().level == 0) filter_rows(page, node, s, is_dead);
        }
        page.commit();
    }

    void begin_changes() {
        if (!any_dead_) set_pending(true);
        any_dead_ = true;
    }

    void record(const Link& link, const ConstNode& node) {
        const NodeHead& head = node.head();
        if (!node.used()) {
            slots_.set(id(link), SlotMap::free, head.generation);
            return;
        }
        slots_.set(id(link), node.dead() ? SlotMap::dead : SlotMap::live, head.generation);
        live_nodes_ += node.live() && head.level == 0;
        any_dead_ |= node.dead();  // left by a vacuum that was interrupted
        if (head.level > 0) upper_.push_back({link, head.down, head.level});
    }

    // Of those in the node. A node that has no rows at all is to be changed as well.
    template <class IsDead>
    bool has_dead_rows(const ConstNode& node, IsDead& is_dead, uint64_t& rows) {
        bool found = !node.has_rows();
        for (size_t i = 0; i < node.tid_count(); ++i, ++rows) found |= is_dead(node.head().tids[i]);
        return found;
    }

    // Drops dead rows of one node, whose page is locked exclusively. Every page keeps only what it had, less
    // the dead: nothing moves between pages, so a crash between two of these changes loses nothing.
    template <class IsDead, class WritePage>
    void filter_rows(WritePage& page, const ConstNode& node, size_t s, IsDead& is_dead) {
        uint64_t rows = 0;
        if (!has_dead_rows(node, is_dead, rows)) {
            counts_.rows_left += rows;
            return;
        }
        const Link link{page.block(), static_cast<uint8_t>(s), node.head().generation};
        NodeHead& head = same_node(layout_, page.modify(), link).head();
        const uint8_t before = head.tid_count;
        head.tid_count = 0;
        for (size_t i = 0; i < before; ++i)
            if (!is_dead(head.tids[i])) head.tids[head.tid_count++] = head.tids[i];
        counts_.rows_removed += before - head.tid_count;
        counts_.rows_left += head.tid_count;
        if (head.tid_count > 0 || head.overflow.valid()) return;
        head.flags |= node_dead;
        ++counts_.nodes_died;
        slots_.set(id(link), SlotMap::dead, link.generation);
    }

    // A node above level 0 dies with the one below it. Lower levels first: death moves up.
    void mark_upper_dead() {
        std::sort(upper_.begin(), upper_.end(),
                  [](const UpperNode& a, const UpperNode& b) { return a.level < b.level; });
        for (const UpperNode& upper : upper_) {
            if (dead(upper.link) || slots_.is_live(id(upper.down), upper.down)) continue;
            store_.pause_point();
            // The map is from before: an insert may have written the node below since.
            if (!dead(upper.down) && exists(upper.down)) continue;
            auto page = store_.write(upper.link.block);
            const ConstNode node = find_node(layout_, page.peek(), upper.link);
            if (!node || node.dead()) continue;
            if (!any_dead_) continue;  // repaired when a vacuum has to write anyway
            same_node(layout_, page.modify(), upper.link).head().flags |= node_dead;
            page.commit();
            slots_.set(id(upper.link), SlotMap::dead, upper.link.generation);
        }
    }

    bool exists(const Link& link) {
        if (!link.valid()) return false;
        auto page = store_.read(link.block);
        return static_cast<bool>(find_node(layout_, page.payload(), link));
    }

    // ---------------------------------------------------------------------------------- 2. repair

    // Each of these two frees its arrays of slots before the next begins.
    void join_tree() {
        TreeJoiner<Store> tree(store_, encoder_, editor_, inserter_, slots_, pages_, scratch_);
        tree.run();
        counts_.tree_edges_made = tree.edges_made();
    }
    void repair_in_degrees() {
        // As many as a build gives. (Of rows not found by their own vector a sixth of what a node has room
        // for leaves no more, on clustered data, a third of the rows replaced fifty times over; of the ten
        // nearest it does: where half of 200,000 x 768 were deleted, .9800 were found where an index built
        // anew finds .9904.)
        InDegreeRepair<Store> near(store_, encoder_, store_.page_count(), layout_.max_neighbors() / 3,
                                   nullptr, scratch_);
        // Links that inserts take from others' lists are mended when many nodes were removed.
        if (!is_much_removed_) near.only([this](uint64_t slot) { return repair_.has_lost_link(slot); });
        near.run([this](size_t pages, auto&& make_worker) {
            auto work = make_worker();
            for (size_t i = 0; i < pages; ++i) {
                store_.pause_point();
                work(i);
            }
        });
        counts_.in_degree_links = near.links_made();
    }

    // Are the nodes that were removed since all were last linked from nearby a fiftieth of what is left?
    bool count_removed() {
        constexpr uint64_t share = 50;
        auto page = store_.write(meta_block);
        const uint64_t before = meta_of(page.peek()).removed_nodes,
                       removed = before + std::max<uint64_t>(counts_.nodes_died, 1);
        const bool is_much = removed * share >= live_nodes_;
        const uint64_t now = is_much ? 0 : std::min<uint64_t>(removed, UINT32_MAX);
        if (now == before) return is_much;
        meta_of(page.modify()).removed_nodes = static_cast<uint32_t>(now);
        page.commit();
        return is_much;
    }

    // ------------------------------------------------------------------------------- entry point

    void move_entry_point() {
        const EntryPoint now = read_entry_point(store_);
        if (!now.link.valid() || !unwanted(now.link)) return;
        EntryPoint next;
        for (const UpperNode& upper : upper_)
            if (!dead(upper.link) && upper.level > next.level) next = {upper.link, upper.level};
        for (uint32_t block = meta_block + 1; block < pages_ && !next.link.valid(); ++block)
            next = live_node_on(block);
        auto page = store_.write(meta_block);
        // An insert may have put a node of its own there.
        if (meta_of(page.peek()).entry_point != now.link) return;
        MetaData& meta = meta_of(page.modify());
        meta.entry_point = next.link;
        meta.entry_level = next.level;
        page.commit();
        raise_entry_point();
    }

    // An insert that ended before it raised the entry point has left a node above, which another insert has
    // given a row of the same vector.
    bool is_any_above_entry_point() {
        const EntryPoint now = read_entry_point(store_);
        return now.link.valid() && std::any_of(upper_.begin(), upper_.end(), [&](const UpperNode& upper) {
                   return upper.level > now.level && !dead(upper.link);
               });
    }

    // Inserts that saw the old entry point took it for high enough: nodes they wrote since step 1 may be
    // above the new one. (From now on they raise it themselves.)
    void raise_entry_point() {
        EntryPoint highest;
        const uint32_t pages = store_.page_count();
        for (uint32_t block = meta_block + 1; block < pages; ++block) {
            store_.pause_point();
            auto page = store_.read_once(block);
            const NodePage nodes(layout_, page.payload(), block);
            for (size_t s = 0; s < nodes.size(); ++s)
                if (nodes[s].live() && nodes[s].head().level > highest.level)
                    highest = {nodes.link(s), nodes[s].head().level};
        }
        if (!highest.link.valid()) return;
        auto page = store_.write(meta_block);
        if (meta_of(page.peek()).entry_level >= highest.level) return;
        MetaData& meta = meta_of(page.modify());
        meta.entry_point = highest.link;
        meta.entry_level = highest.level;
        page.commit();
    }

    EntryPoint live_node_on(uint32_t block) {
        EntryPoint first;
        for_each_live_node(store_, layout_, block, [&](const Link& link, const ConstNode&) {
            if (!first.link.valid() && slots_.is_live(id(link), link)) first.link = link;
        });
        return first;
    }

    // ------------------------------------------------------------------------------------ 3. free

    void free_dead() {
        for (uint32_t block = meta_block + 1; block < pages_; ++block) {
            bool has_dead = false, has_free = false;
            for (size_t s = 0; s < layout_.slots_per_page(); ++s) {
                const uint64_t slot = static_cast<uint64_t>(block) * layout_.slots_per_page() + s;
                has_dead |= slots_.state(slot) == SlotMap::dead;
                has_free |= slots_.state(slot) == SlotMap::free;
            }
            if (has_dead) free_slots(block);
            if (has_dead || has_free) note_if_room(block);
        }
    }

    void free_slots(uint32_t block) {
        store_.pause_point();
        auto page = store_.write(block);
        const uint64_t epoch = store_.free_epoch();
        for (size_t s = 0; s < layout_.slots_per_page(); ++s) {
            const NodePage nodes(layout_, page.peek(), block);
            if (!nodes[s].used() || !nodes[s].dead()) continue;
            same_node(layout_, page.modify(), nodes.link(s)).free(epoch);
        }
        page.commit();
    }

    void note_if_room(uint32_t block) {
        size_t room = 0;
        {
            auto page = store_.read_once(block);
            const NodePage nodes(layout_, page.payload(), block);
            for (size_t s = 0; s < nodes.size(); ++s) room += !nodes[s].used();
        }
        counts_.free_slots += room;
        if (room > 0) store_.put_back_free_page(block);
    }

    void set_pending(bool pending) {
        auto page = store_.write(meta_block);
        if ((meta_of(page.peek()).vacuum_pending != 0) == pending) return;
        meta_of(page.modify()).vacuum_pending = pending;
        page.commit();
    }

    Store& store_;
    const VectorEncoder& encoder_;
    const NodeLayout& layout_;
    InsertMemory& memory_;
    const Scratch scratch_;
    NodeEditor<Store> editor_;
    Inserter<Store> inserter_;
    SlotMap slots_;
    NeighborRepair<Store> repair_;
    VacuumCounts counts_;
    uint32_t pages_ = 0;
    std::vector<UpperNode> upper_;
    uint64_t live_nodes_ = 0;  // of level 0, before any died
    bool is_much_removed_ = false;
    bool any_dead_ = false;
    ChunkVacuum<Store> chunks_;
};

}  // namespace vecstore::core
