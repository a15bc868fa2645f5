// Insertion of one row into the graph (HNSW, algorithm 1), by backends into pages under WAL and by the
// builder's threads into pages in memory alike.
//
// Order of changes, each under the lock of one page:
//   1. search every level for neighbors
//   2. write the new node's slots with their out-links, and its filter keys: unreachable yet, garbage for
//      vacuum if we stop here
//   3. attach it to level 0's spanning tree: from then on it can be found
//   4. add the other reverse links
//   5. a node higher than the entry point becomes the entry point, under the metapage's lock
//
// Where to look: neighbor_choice.hpp chooses neighbors among those that a search met, equal_rows.hpp gives a
// row to a node that has its vector already, link_back.hpp does steps 3 and 4 and explains the spanning
// tree.
#pragma once

#include <cmath>
#include <functional>

#include "core/base/error.hpp"
#include "core/hnsw/filter/clusters.hpp"
#include "core/hnsw/filter/filter_pages.hpp"
#include "core/hnsw/node/place_node.hpp"
#include "core/hnsw/search/entry_table.hpp"
#include "core/hnsw/search/search.hpp"
#include "core/hnsw/write/equal_rows.hpp"
#include "core/hnsw/write/link_back.hpp"
#include "core/hnsw/write/neighbor_choice.hpp"
#include "core/storage/features.hpp"

namespace vecstore::core {

template <class Store>
class Inserter {
  public:
    Inserter(Store& store, const VectorEncoder& encoder, size_t ef_construction, InsertMemory& memory,
             NeedMap* needs = nullptr)
        : store_(store),
          encoder_(encoder),
          layout_(encoder.layout()),
          memory_(memory),
          ef_construction_(std::clamp<size_t>(ef_construction, 20, max_candidates - 64)),
          beam_(store, encoder.layout(), memory.query, memory.search),
          choice_(encoder, memory, ef_construction_),
          equal_rows_(store, encoder, memory),
          placer_(store, encoder.layout(), needs),
          back_linker_(store, encoder, memory, needs) {}

    // is_gone(tid): see EqualRowJoiner.
    void use_nodes_of_gone_rows(std::function<bool(const HeapTid&)> is_gone) {
        equal_rows_.use_nodes_of_gone_rows(std::move(is_gone));
    }

    // near: where to start from, if that is known, and the row has no other level than 0.
    void insert(const NewRow& row, const NearCandidates& near = {}) {
        memory_.query.prepare_internal(encoder_, row.internal, row.own.norm2);
        slots_.clear();
        auto& chosen = memory_.chosen;
        if (chosen.size() <= row.level) chosen.resize(row.level + 1);
        for (size_t l = 0; l <= row.level; ++l) chosen[l].clear();
        const EntryPoint entry = read_entry_point(store_, Access::change);
        announce_fingerprints(store_, entry.write_features);
        if (near.count > 0 && row.level == 0)
            memory_.entry_candidates.assign(near.entry_candidates, near.entry_candidates + near.count);
        else
            find_candidates_for(row.level, entry);
        if (search_levels(entry, row, 0, ef_construction_)) return;  // joined a node with the same vector
        const Link bottom = place_levels(row);
        connect(row.internal, bottom, chosen[0]);
        link_back_above(row);
        raise_entry_point(row.level);
        note_length(entry, row.own.norm2);
    }
    // Only on the levels above 0, of which the row has some: on level 0 its node gets no neighbors, which are
    // to be had elsewhere (import_graph.cpp). width: of the searches.
    void insert_upper(const NewRow& row, size_t width) {
        auto& chosen = memory_.chosen;
        memory_.query.prepare_internal(encoder_, row.internal, row.own.norm2);
        if (chosen.size() <= row.level) chosen.resize(row.level + 1);
        for (size_t l = 0; l <= row.level; ++l) chosen[l].clear();
        const EntryPoint entry = read_entry_point(store_);
        find_candidates_for(row.level, entry);
        search_levels(entry, row, 1, width);
        place_levels(row);
        link_back_above(row);
        raise_entry_point(row.level);
        note_length(entry, row.own.norm2);
    }
    // Where the last row's node went, on level 0; no link of a row that joined another's node.
    Link last_placed() const { return slots_.empty() ? Link{} : slots_[0]; }

    // Finds neighbors anew for a node on level 0 that lost its place in the tree, among those that
    // accepts(link) allows: links back to it, and an edge of the tree. The node's vector is `internal`.
    // False: there is none to be found.
    template <class Accepts>
    bool attach_anew(const Link& node, const float* internal, float norm2, Accepts&& accepts) {
        memory_.query.prepare_internal(encoder_, internal, norm2);
        for (int attempt = 0; attempt < max_retries; ++attempt) {
            const size_t width = ef_construction_ << attempt;
            size_t met = 0;
            const auto filter = [&] {
                auto& found = memory_.found;
                met = found.size();
                found.erase(std::remove_if(found.begin(), found.end(),
                                           [&](const FoundNode& f) { return !accepts(f.link); }),
                            found.end());
            };
            if (attach_from(read_entry_point(store_), node, internal, width, Link{}, filter)) return true;
            if (met < width) return false;  // those are all there are
        }
        return false;
    }

    // Searches `level` for memory_.query from the entry point; fills memory_.found, nearest first.
    void find_neighbors(uint8_t level) {
        const EntryPoint entry = read_entry_point(store_);
        memory_.found.clear();
        if (!entry.link.valid() || entry.level < level) return;
        memory_.query.look_nearby(true);
        search_level(level, descend(beam_, entry, level), ef_construction_);
    }

    // Of memory.found: for vacuum and imports, which choose neighbors for nodes that are there.
    NeighborChoice& choice() { return choice_; }
    // See BackLinker.
    bool mark_parent(const Link& node, const Link& parent, const Link& instead_of) {
        return back_linker_.mark_parent(node, parent, instead_of);
    }

    // Writes filter keys and the code from the origin of the row's node, where there are filter columns.
    void write_entry(const Link& node, const NewRow& row) {
        if (layout_.filters().columns() == 0) return;
        if (layout_.filters().has_origin_codes()) {
            memory_.origin_code.encode(layout_, row.internal);
            note_unclustered(store_, layout_, node);
        }
        write_filter_entry(store_, layout_, node,
                           {row.filter_keys, memory_.origin_code.code(), memory_.origin_code.factor()});
    }

  private:
    static constexpr int max_retries = 8;
    // Inner products: the search for those nearby is so much narrower than that for the nearest. Measured on
    // word vectors x 100, embeddings x 128 and x 768, .3 to 3 long, and directions x 64 whose lengths have a
    // heavy tail: recall is the same at 1 and 2, lower at 4 for the first, and a build at 2 takes a sixth
    // less time. Half of the width for the nearest costs recall everywhere.
    static constexpr size_t nearby_share = 2;

    // memory_.entry_candidates: into the uppermost level that both the row and the graph have.
    void find_candidates_for(uint8_t level, const EntryPoint& entry) {
        if (!entry.link.valid()) return;
        memory_.query.look_nearby(true);
        const uint8_t top = std::min(level, entry.level);
        memory_.entry_candidates = top > 0 ? descend(beam_, entry, top)
                                           : find_candidates(store_, layout_, memory_.query, beam_, entry);
    }

    // Searches all levels that exist, from memory_.entry_candidates down to the lowest. True: a node has the
    // same stored vector and took the row in.
    bool search_levels(const EntryPoint& entry, const NewRow& row, int lowest, size_t width) {
        memory_.found.clear();
        if (!entry.link.valid()) return false;
        auto& entry_candidates = memory_.entry_candidates;
        for (int l = std::min(row.level, entry.level); l >= lowest; --l) {
            search_level(static_cast<uint8_t>(l), entry_candidates, width);
            if (l == 0 && equal_rows_.join(row)) return true;
            if (l > 0) take_candidates_down(entry_candidates);
            choice_.choose(l == 0 ? layout_.max_neighbors() : upper_limit(), Link{}, memory_.chosen[l]);
        }
        return false;
    }

    // memory_.found, to go on from.
    void take_candidates_down(std::vector<EntryCandidate>& entry_candidates) const {
        entry_candidates.clear();
        for (const FoundNode& f : memory_.found) entry_candidates.push_back({f.distance, f.down});
    }

    size_t upper_limit() const {
        return std::min<size_t>(layout_.max_neighbors(), std::max<size_t>(encoder_.geometry().m, 2));
    }

    // Fills memory_.found, nearest first.
    void search_level(uint8_t level, const std::vector<EntryCandidate>& entry_candidates, size_t width) {
        memory_.found.clear();
        if (encoder_.space().is_product()) {
            // Both the nearest and those nearby, as neighbors are chosen from both.
            choice_.clear_noted();
            memory_.query.look_nearby(false);
            search_once(level, entry_candidates, width);
            memory_.query.look_nearby(true);
            search_once(level, entry_candidates, width / nearby_share);
        } else {
            search_once(level, entry_candidates, width);
        }
        choice_.sort_found();
    }

    void search_once(uint8_t level, const std::vector<EntryCandidate>& entry_candidates, size_t width) {
        const WithMetNodes with(memory_, layout_);
        beam_.start(level, width);
        for (const EntryCandidate& candidate : entry_candidates) beam_.seed(candidate);
        const auto measure = [this](const ConstNode& node) { return choice_.measure(node); };
        if (encoder_.space().is_product())
            beam_.run(
                [this](const ConstNode& node, const Link& link, float) { choice_.note_once(node, link); },
                measure);
        else
            beam_.run([this](const ConstNode& node, const Link& link, float) { choice_.note(node, link); },
                      measure);
    }

    // Writes the node's slots bottom-up (each knows the one below); fills slots_. The first chosen neighbor
    // on level 0 is expected to become the parent.
    Link place_levels(const NewRow& row) {
        slots_.clear();
        for (uint8_t l = 0; l <= row.level; ++l) {
            const ChosenNeighbors& c = memory_.chosen[l];
            memory_.entries.clear();
            for (size_t i = 0; i < c.links.size(); ++i)
                memory_.entries.push_back(c.entry(i, layout_.code_bytes()));
            NewNode node{};
            node.level = l;
            node.down = l == 0 ? Link{} : slots_[l - 1];
            node.tid = row.tid;
            node.own = row.own;
            node.own_bytes = row.own_bytes;
            node.neighbors = &memory_.entries;
            node.wanted = c.kept;
            node.has_parent = l == 0 && !c.links.empty();
            slots_.push_back(placer_.place(node));
        }
        write_entry(slots_[0], row);
        return slots_[0];
    }

    void link_back_above(const NewRow& row) {
        for (uint8_t l = 1; l <= row.level; ++l)
            back_linker_.link_back_above(row.internal, l, slots_[l], memory_.chosen[l]);
    }

    template <class Filter>
    bool attach_from(const EntryPoint& entry, const Link& node, const float* internal, size_t width,
                     const Link& expected, Filter&& filter) {
        memory_.found.clear();
        if (!entry.link.valid()) return false;
        memory_.query.look_nearby(true);
        search_level(0, descend(beam_, entry, 0), width);
        filter();
        if (memory_.chosen.empty()) memory_.chosen.resize(1);
        ChosenNeighbors& chosen = memory_.chosen[0];
        choice_.choose(layout_.max_neighbors(), node, chosen);
        return back_linker_.attach(internal, node, chosen, expected);
    }

    // Steps 3 and 4 on level 0, or the first node of an empty graph.
    void connect(const float* internal, const Link& bottom, const ChosenNeighbors& chosen) {
        back_linker_.clear_met_gone();
        const Link expected = chosen.links.empty() ? Link{} : chosen.links[0];
        if (back_linker_.attach(internal, bottom, chosen, expected)) return;
        EntryPoint from;
        for (int attempt = 0; attempt < max_retries; ++attempt) {
            // Nothing to attach to, perhaps only because vacuum freed what the search was on its way through.
            // So it is made anew, and the graph counts as empty, and the node as its first, only if that
            // search leads to no live node from an entry point that was dead before it began: what links lead
            // to is not freed before the entry point has moved.
            from = read_entry_point(store_);
            const bool was_live = is_live(from.link);
            // Wider each time: those nearby may have as many tree edges as they can hold.
            if (attach_from(from, bottom, internal, ef_construction_ << attempt, expected, [] {})) return;
            if (!was_live && become_entry_point(from)) return;
        }
        // (While vacuum has dead nodes to free, those that live may be full of edges to them.)
        if (back_linker_.met_gone() || is_vacuum_pending())
            throw Error(ErrorCode::not_now, "could not connect a new row to the graph",
                        "Every neighbor found was deleted before it could be linked, or has no room before "
                        "vacuum is done.",
                        "Try again; if no vacuum is running, VACUUM the table first.");
        throw_damaged(from.link.block, "from the entry point in slot " + std::to_string(int(from.link.slot)) +
                                           " searches come to " + std::to_string(memory_.found.size()) +
                                           " nodes, none of which a new row can be linked to");
    }

    // Where it matters whether all rows are equally long.
    void note_length(const EntryPoint& before, float norm2) {
        if (!encoder_.length_matters()) return;
        const float length = std::sqrt(norm2);
        if (length_with(before.calibration.length, length) == before.calibration.length) return;
        auto page = store_.write(meta_block);
        const float known = meta_of(page.peek()).calibration.length, now = length_with(known, length);
        if (now == known) return;
        meta_of(page.modify()).calibration.length = now;
        page.commit();
    }

    bool is_vacuum_pending() {
        auto page = store_.read(meta_block);
        return meta_of(page.payload()).vacuum_pending != 0;
    }

    // If there is still no other entry point than that, from which memory_.found was searched.
    bool become_entry_point(const EntryPoint& searched_from) {
        auto page = store_.write(meta_block);
        const MetaData& now = meta_of(page.peek());
        if (now.entry_point != searched_from.link) return false;
        if (now.entry_point.valid() && !memory_.found.empty()) return false;
        MetaData& meta = meta_of(page.modify());
        meta.entry_point = slots_.back();
        meta.entry_level = static_cast<uint8_t>(slots_.size() - 1);
        page.commit();
        return true;
    }

    // Of a node above level 0: is the one on level 0? (Death moves up.)
    bool is_live(Link link) {
        for (size_t levels = 0; link.valid() && levels <= highest_level; ++levels) {
            auto page = store_.read(link.block);
            const ConstNode node = find_node(layout_, page.payload(), link);
            if (!node) return false;
            if (node.head().level == 0 || node.dead()) return node.live();
            link = node.head().down;
        }
        return false;
    }

    void raise_entry_point(uint8_t level) {
        if (level == 0) return;
        if (read_entry_point(store_).level >= level) return;
        auto page = store_.write(meta_block);
        const MetaData& now = meta_of(page.peek());
        if (now.entry_level >= level && now.entry_point.valid()) return;
        MetaData& meta = meta_of(page.modify());
        meta.entry_point = slots_[level];
        meta.entry_level = level;
        page.commit();
    }

    Store& store_;
    const VectorEncoder& encoder_;
    const NodeLayout& layout_;
    InsertMemory& memory_;
    size_t ef_construction_;
    Beam<Store> beam_;
    NeighborChoice choice_;
    EqualRowJoiner<Store> equal_rows_;
    NodePlacer<Store> placer_;
    BackLinker<Store> back_linker_;
    std::vector<Link> slots_;  // of the row being inserted, by level
};

}  // namespace vecstore::core
