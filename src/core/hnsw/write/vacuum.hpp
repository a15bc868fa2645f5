// Removing rows: what ambulkdelete does, over a page store.
//
//   1. remove_rows: in physical order, drop the TIDs of dead rows. A node left without any is marked dead:
//      searches still pass through it, but it is no result and nobody links to it any more.
//   2. repair: every live node with links to dead ones gets new neighbors in their place, chosen among the
//      dead nodes' own neighbors (no search of the graph: pgvector's repair, which searches anew for each
//      node, is what makes its vacuum slow). Then the entry point is moved if it died, the spanning tree of
//      level 0 joined again, and every node linked from nearby.
//   3. free_dead: dead slots become free, with the next generation, and chunks of TIDs that no node has.
//      Links to them that remain anywhere dangle from then on, which readers recognise.
//
// Newcomers: rows that are inserted during step 1 may have found nobody to link to but nodes that died
// afterwards. So step 2 is for them too: it looks at pages when all deaths are known, and takes the nodes
// that it meets there for live. What is inserted still later links to live nodes.
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

#include <unordered_set>

#include "core/hnsw/node/slot_map.hpp"
#include "core/hnsw/search/beam_calibration.hpp"
#include "core/hnsw/search/entry_table.hpp"
#include "core/hnsw/write/in_degree.hpp"
#include "core/hnsw/write/insert.hpp"
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
          chunks_(store, encoder.layout()) {}

    // is_dead(HeapTid) -> bool; called under page locks.
    template <class IsDead>
    void run(IsDead&& is_dead) {
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
            lost_.reset((slot_count() + 7) / 8, scratch_);
            for (uint32_t block = meta_block + 1; block < pages_; ++block) {
                store_.pause_point();
                repair_page(block);
            }
            move_entry_point();
            join_tree();
            is_much_removed_ = count_removed();
            repair_in_degrees();
            drop_entries(store_, layout_, [this](const Link& link) { return unwanted(link); });
        }
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
    struct Replacement {
        float estimate;
        Link link;
    };

    size_t slot_count() const { return static_cast<size_t>(pages_) * layout_.slots_per_page(); }
    uint64_t id(const Link& link) const { return layout_.slot_id(link); }
    bool dead(const Link& link) const { return slots_.is_dead(id(link), link); }
    bool unwanted(const Link& link) const { return dead(link) || slots_.is_stale(id(link), link); }

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
                const Link link = record(block, s, node);
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

    Link record(uint32_t block, size_t s, const ConstNode& node) {
        const NodeHead& head = node.head();
        const Link link{block, static_cast<uint8_t>(s), head.generation};
        if (!node.used()) {
            slots_.set(id(link), SlotMap::free, head.generation);
            return link;
        }
        slots_.set(id(link), node.dead() ? SlotMap::dead : SlotMap::live, head.generation);
        live_nodes_ += node.live() && head.level == 0;
        any_dead_ |= node.dead();  // left by a vacuum that was interrupted
        if (head.level > 0) upper_.push_back({link, head.down, head.level});
        return link;
    }

    // Of those in the node. A node that has no rows at all is to be changed as well.
    template <class IsDead>
    bool has_dead_rows(const ConstNode& node, IsDead& is_dead, uint64_t& rows) {
        const NodeHead& head = node.head();
        bool found = head.tid_count == 0 && !head.overflow.valid();
        for (size_t i = 0; i < head.tid_count; ++i, ++rows) found |= is_dead(head.tids[i]);
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

    void repair_page(uint32_t block) {
        std::vector<uint8_t> copy;
        {
            auto page = store_.read_once(block);
            if (page_head(page.payload()).kind != PageKind::nodes) return;
            copy.assign(page.payload(), page.payload() + page_payload_size);
        }
        copy.resize(page_payload_size + 64);
        const NodePage nodes(layout_, copy.data(), block);
        for (size_t s = 0; s < nodes.size(); ++s) {
            const ConstNode node = nodes[s];
            if (node.used() && node.dead()) note_lost(node);
            if (!node.live()) continue;
            const Link link = nodes.link(s);
            if (!slots_.is_live(id(link), link)) record(block, s, node);  // a newcomer
            bool has_unwanted = false;
            for (size_t i = 0; i < node.head().degree; ++i) has_unwanted |= unwanted(node.links()[i]);
            if (has_unwanted) repair_node(link);
        }
    }

    // Whom a dead node links to is led to by one less.
    void note_lost(const ConstNode& node) {
        if (node.head().level > 0) return;
        for (size_t i = 0; i < node.head().degree; ++i) {
            const uint64_t slot = id(node.links()[i]);
            if (slot < slot_count()) lost_[slot / 8] |= static_cast<uint8_t>(1u << slot % 8);
        }
    }

    void repair_node(const Link& link) {
        std::vector<uint8_t> copy(layout_.slot_size() + 64);
        for (int attempt = 0; attempt < 3; ++attempt) {
            {
                auto page = store_.read(link.block);
                const ConstNode found = find_node(layout_, page.payload(), link);
                if (!found) return;
                std::memcpy(copy.data(), found.data(), layout_.slot_size());
            }
            const ConstNode node(layout_, static_cast<const uint8_t*>(copy.data()));
            if (!node.live()) return;
            choose_replacements(node, link);
            if (write_repaired(node, link)) {
                ++counts_.nodes_repaired;
                // The dead nodes' links to this one are gone too: without new ones it would be hard to find.
                for (size_t i = 0; i < chosen_.links.size(); ++i)
                    if (chosen_.wanted[i])
                        editor_.add_neighbor(chosen_.links[i], node.head().level, link, base_.data(), 0);
                return;
            }
        }
        // Inserts keep changing the list: drop what must go and let them fill it.
        chosen_.clear();
        auto page = store_.write(link.block);
        if (!find_node(layout_, page.peek(), link)) return;
        replace_links(same_node(layout_, page.modify(), link));
        page.commit();
    }

    // Fills chosen_ with new neighbors for the node, at most as many as links are lost.
    void choose_replacements(const ConstNode& node, const Link& self) {
        base_.resize(encoder_.geometry().stored_dims);
        encoder_.decode(node, base_.data());
        memory_.query.prepare_internal(encoder_, base_.data(), node.head().norm2);
        gather(node, self);
        const size_t wanted = layout_.max_neighbors() - kept_.size();
        // By inner products those that are near to the dead node need not be nearby.
        const size_t most = encoder_.space().is_product() ? max_candidates : 4 * wanted + 32;
        load_found(node.head().level, std::min(candidates_.size(), most));
        if (memory_.found.size() + kept_.size() < std::min<size_t>(layout_.max_neighbors(), 6))
            inserter_.find_neighbors(node.head().level);
        auto& found = memory_.found;
        found.erase(std::remove_if(found.begin(), found.end(),
                                   [&](const FoundNode& f) {
                                       return f.dead || f.link == self || kept_.count(id(f.link)) ||
                                              dead(f.link);
                                   }),
                    found.end());
        if (layout_.coded())
            choose_beside_kept(node, wanted);
        else
            inserter_.choose(wanted, self, chosen_);
    }

    // Selects among memory_.found those that the node needs beside the neighbors it keeps: the heuristic
    // runs over both together.
    void choose_beside_kept(const ConstNode& node, size_t wanted) {
        struct Entry {
            float squared;
            const uint8_t* code;
            int found;  // index into memory_.found; -1: a neighbor that is kept
        };
        const auto& found = memory_.found;
        const size_t code_bytes = layout_.code_bytes();
        std::vector<Entry> pool;
        for (size_t i = 0; i < found.size(); ++i)
            pool.push_back(
                {found[i].distance, &memory_.codes[found[i].index * code_bytes], static_cast<int>(i)});
        SearchMemory& search = memory_.search;
        const size_t degree = node.head().degree;
        // The node is the query, at distance 0 from itself: the estimates are its neighbors' distances.
        memory_.query.estimate(node, degree, 0, search.sums.data(), search.estimates.data());
        for (size_t i = 0; i < degree; ++i)
            if (!unwanted(node.links()[i])) pool.push_back({search.estimates[i], node.code(i), -1});
        std::sort(pool.begin(), pool.end(),
                  [](const Entry& a, const Entry& b) { return nearer(a.squared, b.squared); });
        std::vector<float> squared, roots;
        for (const Entry& e : pool) {
            squared.push_back(e.squared);
            roots.push_back(std::sqrt(std::max(0.0f, e.squared)));
        }
        const Kernels& k = memory_.query.kernel_table();
        chosen_.clear();
        const size_t kept = order_by_need(
            squared, pool.size(),
            [&](size_t a, size_t b) {
                return encoder_.angles().squared(k, roots[a], roots[b], pool[a].code, pool[b].code);
            },
            memory_.order);
        chosen_.codes.resize(wanted * code_bytes + 64);
        chosen_.factors.resize(wanted * factor_bytes);
        chosen_.wanted.clear();
        for (size_t i = 0; i < memory_.order.size(); ++i) {
            const Entry& e = pool[memory_.order[i]];
            const size_t n = chosen_.links.size();
            if (e.found < 0 || n == wanted) continue;
            chosen_.links.push_back(found[e.found].link);
            chosen_.wanted.push_back(i < kept);
            chosen_.kept.nearest |= uint64_t{i < kept} << n;
            std::memcpy(&chosen_.codes[n * code_bytes], e.code, code_bytes);
            store_link_factors(layout_, memory_.sums[found[e.found].index],
                               &chosen_.factors[n * factor_bytes]);
        }
    }

    // Candidates: the neighbors of the dead neighbors, ranked from the codes there without reading them.
    void gather(const ConstNode& node, const Link& self) {
        kept_.clear();
        candidates_.clear();
        std::unordered_set<uint64_t> seen;
        for (size_t i = 0; i < node.head().degree; ++i)
            if (!unwanted(node.links()[i])) kept_.insert(id(node.links()[i]));
        for (size_t i = 0; i < node.head().degree; ++i) {
            const Link& gone = node.links()[i];
            if (!dead(gone)) continue;
            auto page = store_.read(gone.block);
            const ConstNode dead_node = find_node(layout_, page.payload(), gone);
            if (!dead_node || dead_node.head().level != node.head().level) continue;
            const size_t degree = dead_node.head().degree;
            SearchMemory& search = memory_.search;
            if (layout_.coded()) {
                memory_.query.estimate(dead_node, degree, memory_.query.distance(dead_node),
                                       search.sums.data(), search.estimates.data());
            } else {
                for (size_t k = 0; k < degree; ++k)
                    std::memcpy(&search.estimates[k], dead_node.factor(k), sizeof(float));
            }
            for (size_t k = 0; k < degree; ++k) {
                const Link& link = dead_node.links()[k];
                if (link == self || unwanted(link) || kept_.count(id(link)) || !seen.insert(id(link)).second)
                    continue;
                candidates_.push_back({search.estimates[k], link});
            }
        }
        std::sort(candidates_.begin(), candidates_.end(),
                  [](const Replacement& a, const Replacement& b) { return nearer(a.estimate, b.estimate); });
    }

    // Reads the best candidates into memory_.found.
    void load_found(uint8_t level, size_t count) {
        memory_.found.clear();
        for (size_t i = 0; i < count; ++i) {
            const Link& link = candidates_[i].link;
            auto page = store_.read(link.block);
            const ConstNode node = find_node(layout_, page.payload(), link);
            if (!node || !node.live() || node.head().level != level) continue;
            inserter_.meet(node, link);
        }
        inserter_.sort_found();
    }

    // False when the node's links are no longer those of the copy.
    bool write_repaired(const ConstNode& copy, const Link& link) {
        auto page = store_.write(link.block);
        const ConstNode node = find_node(layout_, page.peek(), link);
        if (!node || !node.live()) return true;
        const size_t degree = node.head().degree;
        if (degree != copy.head().degree || !std::equal(node.links(), node.links() + degree, copy.links()))
            return false;
        replace_links(same_node(layout_, page.modify(), link));
        page.commit();
        return true;
    }

    // Unwanted links are overwritten by chosen_ ones; what remains of them is closed up from the end.
    void replace_links(const Node& node) {
        NodeHead& head = node.head();
        size_t next = 0;
        for (size_t i = 0; i < head.degree;) {
            if (!unwanted(node.links()[i])) {
                ++i;
            } else if (next < chosen_.links.size()) {
                put_chosen(node, i++, next++);
            } else {
                move_link(node, head.degree - 1, i);
                --head.degree;
            }
        }
        while (next < chosen_.links.size() && head.degree < layout_.max_neighbors())
            put_chosen(node, head.degree++, next++);
    }

    void put_chosen(const Node& node, size_t at, size_t from) {
        node.links()[at] = chosen_.links[from];
        if (layout_.coded())
            std::memcpy(node.code(at), &chosen_.codes[from * layout_.code_bytes()], layout_.code_bytes());
        std::memcpy(node.factor(at), &chosen_.factors[from * factor_bytes], factor_bytes);
        node.head().tree_edges_or_epoch &= ~(uint64_t{1} << at);
    }

    void move_link(const Node& node, size_t from, size_t to) {
        uint64_t tree = node.head().tree_edges_or_epoch;
        const uint64_t bit = (tree >> from) & 1;
        if (from != to) {
            node.links()[to] = node.links()[from];
            if (layout_.coded()) std::memcpy(node.code(to), node.code(from), layout_.code_bytes());
            std::memcpy(node.factor(to), node.factor(from), factor_bytes);
            tree = (tree & ~(uint64_t{1} << to)) | (bit << to);
        }
        node.head().tree_edges_or_epoch = tree & ~(uint64_t{1} << from);
    }

    // What these two remember of every slot goes before the next begins.
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
                                   scratch_);
        // What inserts take from others' lists is mended with the next many.
        if (!is_much_removed_)
            near.only([this](uint64_t slot) {
                return slot < slot_count() && (lost_[slot / 8] >> slot % 8 & 1) != 0;
            });
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
            NodeHead& head = same_node(layout_, page.modify(), nodes.link(s)).head();
            const auto generation = static_cast<uint8_t>(head.generation + 1);
            head = NodeHead{};
            head.generation = generation;
            head.tree_edges_or_epoch = epoch;
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
    VacuumCounts counts_;
    uint32_t pages_ = 0;
    SlotMap slots_;
    std::vector<UpperNode> upper_;
    uint64_t live_nodes_ = 0;     // of level 0, before any died
    ScratchArray<uint8_t> lost_;  // a bit for each slot: a dead node linked to its node
    bool is_much_removed_ = false;
    bool any_dead_ = false;
    ChunkVacuum<Store> chunks_;

    std::vector<float> base_;
    std::unordered_set<uint64_t> kept_;
    std::vector<Replacement> candidates_;
    ChosenNeighbors chosen_;
};

}  // namespace vecstore::core
