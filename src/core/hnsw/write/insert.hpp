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
// The spanning tree. Pruning drops links, and with bad luck the last one that leads to a node. So one edge
// of every node, to the nearest neighbor that has room for it (its parent), is marked in both nodes as a
// tree edge and never pruned: level 0 stays strongly connected, whatever else is dropped. Only vacuum
// removes nodes, and it joins the components again (vacuum.hpp).
#pragma once

#include <functional>

#include "core/base/error.hpp"
#include "core/hnsw/filter/clusters.hpp"
#include "core/hnsw/filter/filter_pages.hpp"
#include "core/hnsw/node/node_edit.hpp"
#include "core/hnsw/node/tid_list.hpp"
#include "core/hnsw/search/entry_table.hpp"
#include "core/hnsw/search/search.hpp"

namespace vecstore::core {

struct NewRow {
    const float* internal;     // see vector_space.hpp
    const uint8_t* own_bytes;  // the same, encoded
    OwnVector own;
    HeapTid tid;
    uint8_t level;
    const FilterKey* filter_keys = nullptr;  // one for each filter column
};

// A node met during the search.
struct FoundNode {
    float distance;
    float nearby;  // the same, or where inner products are distances: VectorSpace::nearby
    Link link;
    Link down;
    bool dead;
    bool full;       // has as many neighbors as it can
    uint32_t index;  // of its code and sums, or vector, in InsertMemory
};

// The neighbors chosen on one level, nearest first, in memory that outlives the search.
struct ChosenNeighbors {
    std::vector<Link> links;
    std::vector<uint8_t> codes;  // code_bytes each, and 64 more at the end
    std::vector<uint8_t> factors;
    std::vector<uint8_t> reverse_codes;  // what each of them will note of the new node
    std::vector<uint8_t> reverse_factors;
    std::vector<uint8_t> wanted;  // a link back is worth while
    Wanted kept;                  // which of the links passed the heuristic

    void clear() {
        links.clear();
        kept = {};
    }
};

struct InsertMemory {
    SearchMemory search;
    EditMemory edit;
    Query query;
    MetNodes met;
    std::vector<FoundNode> found;
    // Of every node in `found`, by FoundNode::index. Coded mode:
    std::vector<uint8_t> codes;  // as seen from the query
    std::vector<ResidualSums> sums;
    // Plain mode:
    std::vector<float> vectors;
    std::vector<float> squared, roots;
    std::vector<uint16_t> order;
    std::vector<uint8_t> is_kept;
    ProductOrder product;
    std::vector<float> norm2;
    std::vector<LinkEntry> entries;
    std::vector<ChosenNeighbors> chosen;  // by level
    std::vector<Link> alike, other_keys;  // nodes that store the row's vector
    OriginCode origin_code;
    std::vector<EntryCandidate> entry_candidates;
};

// What else there is has an end in ef_construction.
inline size_t memory_of(const InsertMemory& memory) { return memory_of(memory.search); }

// As long as it lives searches without codes take distances from memory.met, and leave them there.
class WithMetNodes {
  public:
    WithMetNodes(InsertMemory& memory, const NodeLayout& layout) : search_(memory.search) {
        if (layout.coded()) return;
        memory.met.keep_only(memory.query.serial());
        search_.met = &memory.met;
    }
    ~WithMetNodes() { search_.met = nullptr; }
    WithMetNodes(const WithMetNodes&) = delete;
    WithMetNodes& operator=(const WithMetNodes&) = delete;

  private:
    SearchMemory& search_;
};

template <class Store>
class Inserter {
  public:
    Inserter(Store& store, const VectorEncoder& encoder, size_t ef_construction, InsertMemory& memory,
             NeedMap* needs = nullptr)
        : store_(store),
          encoder_(encoder),
          layout_(encoder.layout()),
          memory_(memory),
          editor_(store, encoder, memory.edit, needs),
          beam_(store, encoder.layout(), memory.query, memory.search),
          ef_construction_(std::clamp<size_t>(ef_construction, 20, max_candidates - 64)) {}

    // is_gone(tid): is that row gone for all transactions that are and will be, here and on standbys? Called
    // without locks. Nodes that have the vector of a row, and only rows that are gone, are then given to it
    // (take_over()).
    void use_nodes_of_gone_rows(std::function<bool(const HeapTid&)> is_gone) {
        is_gone_ = std::move(is_gone);
    }

    // near: where to start from, if that is known, and the row has no other level than 0.
    void insert(const NewRow& row, const NearCandidates& near = {}) {
        memory_.query.prepare_internal(encoder_, row.internal, row.own.norm2);
        slots_.clear();
        auto& chosen = memory_.chosen;
        if (chosen.size() <= row.level) chosen.resize(row.level + 1);
        for (size_t l = 0; l <= row.level; ++l) chosen[l].clear();
        const EntryPoint entry = read_entry_point(store_);
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

    // Notes a node as found, under its page's lock. Returns its distance from memory_.query.
    float meet(const ConstNode& node, const Link& link) {
        const float distance = measure(node);
        note(node, link);
        return distance;
    }

    // The same of a live node of level 0 whose list may be changing meanwhile: only its vector is looked at,
    // and the lock is not needed.
    void meet_vector(const ConstNode& node, const Link& link) {
        measure(node);
        memory_.found.push_back(
            {distance_, nearby_, link, Link{}, false, false, static_cast<uint32_t>(memory_.found.size())});
    }

    // Chooses up to `limit` neighbors for memory_.query among memory_.found, which is sorted (sort_found).
    void choose(size_t limit, const Link& self, ChosenNeighbors& chosen);

    // The nearest first. (Where those nearby are others than the nearest, these.)
    void sort_found() {
        std::sort(memory_.found.begin(), memory_.found.end(),
                  [](const FoundNode& a, const FoundNode& b) { return nearer(a.nearby, b.nearby); });
    }

    // Writes what searches under conditions know of the row's node, where there are filter columns.
    void write_entry(const Link& node, const NewRow& row) {
        if (layout_.filters().columns() == 0) return;
        if (layout_.filters().has_origin_codes()) {
            memory_.origin_code.encode(layout_, row.internal);
            note_unclustered(store_, layout_, node);
        }
        write_filter_entry(store_, layout_, node,
                           {row.filter_keys, memory_.origin_code.code(), memory_.origin_code.factor()});
    }

    // Marks the edge to `parent` in the list of `node` as a tree edge.
    // `instead_of`: the link that was marked as such before (or none).
    // False: the node has no room for it.
    bool mark_parent(const Link& node, const Link& parent, const Link& instead_of);

  private:
    static constexpr int max_retries = 8;

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
            if (l == 0 && join_equal(row)) return true;
            if (l > 0) take_candidates_down(entry_candidates);
            choose(l == 0 ? layout_.max_neighbors() : upper_limit(), Link{}, memory_.chosen[l]);
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
            // Both those nearby and the nearest, as neighbors are chosen from both.
            memory_.query.look_nearby(false);
            search_once(level, entry_candidates, width);
            memory_.query.look_nearby(true);
        }
        search_once(level, entry_candidates, width);
        if (encoder_.space().is_product()) drop_repeated();
        sort_found();
    }

    void search_once(uint8_t level, const std::vector<EntryCandidate>& entry_candidates, size_t width) {
        const WithMetNodes with(memory_, layout_);
        beam_.start(level, width);
        for (const EntryCandidate& candidate : entry_candidates) beam_.seed(candidate);
        beam_.run([this](const ConstNode& node, const Link& link, float) { note(node, link); },
                  [this](const ConstNode& node) { return measure(node); });
    }

    // Of nodes that were found twice, one.
    void drop_repeated() {
        auto& found = memory_.found;
        std::sort(found.begin(), found.end(), [this](const FoundNode& a, const FoundNode& b) {
            return layout_.node_id(a.link) < layout_.node_id(b.link);
        });
        found.erase(std::unique(found.begin(), found.end(),
                                [](const FoundNode& a, const FoundNode& b) { return a.link == b.link; }),
                    found.end());
    }

    // The distance of a node. On the same way over its vector, the code that a link to it will have, or in
    // plain mode a copy of the vector, goes to where the next found node has them.
    float measure(const ConstNode& node) {
        const size_t i = memory_.found.size();
        if (layout_.coded()) {
            // Each by itself: the memory may come from an index whose codes are shorter.
            if (memory_.sums.size() <= i) memory_.sums.resize(2 * i + 128);
            const size_t needed = (i + 1) * layout_.code_bytes() + 64;
            if (memory_.codes.size() < needed)
                memory_.codes.resize(needed + (i + 128) * layout_.code_bytes());
            memory_.sums[i] = encoder_.encode_stored(node, memory_.query.internal(), code(i));
            return nearby_ = distance_ = memory_.sums[i].norm_squared;
        }
        const size_t n = encoder_.geometry().stored_dims;
        if (memory_.vectors.size() < (i + 1) * n) memory_.vectors.resize((2 * i + 128) * n);
        encoder_.decode(node, &memory_.vectors[i * n]);
        nearby_ = distance_ = memory_.query.order_distance(node);
        if (!encoder_.space().is_product()) return distance_;
        nearby_ = VectorSpace::nearby(distance_, memory_.query.norm2(), node.head().norm2);
        return memory_.query.looks_nearby() ? nearby_ : distance_;
    }

    // The node measured last.
    void note(const ConstNode& node, const Link& link) {
        const NodeHead& head = node.head();
        memory_.found.push_back({distance_, nearby_, link, head.level > 0 ? head.down : Link{}, node.dead(),
                                 head.degree >= layout_.max_neighbors(),
                                 static_cast<uint32_t>(memory_.found.size())});
    }

    // A row whose stored vector equals an existing node's becomes one more TID of that node: rather of one
    // whose rows have its very vector, else of one whose rows may differ in what is lost in storing them.
    bool join_equal(const NewRow& row) {
        // What is stored of two vectors can be equal only if both are as near to it as its error allows.
        const float reach = encoder_.space().is_norm() ? 2 * row.own.error
                                                       : 4 * row.own.error * row.own.error;
        const bool product = encoder_.space().is_product();
        const TidOfRow as_tid{row.tid, row.own.error, row.own.fingerprint,
                              layout_.filters().columns() > 0 ? row.filter_keys : nullptr};
        const auto add = [&](const Link& node) {
            return add_tid(store_, layout_, node, as_tid) == TidAdded::yes;
        };
        constexpr size_t most_others = 4, most_alike = 8;
        size_t others = 0;
        memory_.alike.clear();
        memory_.other_keys.clear();
        for (const FoundNode& f : memory_.found) {
            if ((!product && f.distance > reach) || others == most_others) break;
            if (f.dead) continue;
            const Likeness likeness = compare(f, row);
            others += likeness == Likeness::other;
            if (likeness == Likeness::same && add(f.link)) return true;
            if (likeness == Likeness::alike && memory_.alike.size() < most_alike)
                memory_.alike.push_back(f.link);
            if (likeness == Likeness::other_keys && memory_.other_keys.size() < most_alike)
                memory_.other_keys.push_back(f.link);
        }
        if (std::any_of(memory_.alike.begin(), memory_.alike.end(), add)) return true;
        return is_gone_ &&
               std::any_of(memory_.other_keys.begin(), memory_.other_keys.end(), [&](const Link& node) {
                   return take_over(store_, layout_, node, as_tid, row.own.norm2, is_gone_);
               });
    }

    enum class Likeness {
        other,       // another vector is stored
        other_keys,  // the vector that the row's would be stored as, and other filter keys
        alike,       // the same keys as well
        same,        // and the vector is the same even before it is stored
    };

    Likeness compare(const FoundNode& f, const NewRow& row) {
        bool same;
        {
            auto page = store_.read(f.link.block);
            const ConstNode node = find_node(layout_, page.payload(), f.link);
            if (!node || node.head().scale != row.own.scale ||
                std::memcmp(node.own(), row.own_bytes, layout_.own_bytes()) != 0)
                return Likeness::other;
            same = node.head().all_rows.known() && node.head().all_rows == row.own.fingerprint;
        }
        if (!has_filter_keys(store_, layout_, f.link, row.filter_keys)) return Likeness::other_keys;
        return same ? Likeness::same : Likeness::alike;
    }

    uint8_t* code(size_t i) const { return memory_.codes.data() + i * layout_.code_bytes(); }

    // Writes the node's slots bottom-up (each knows the one below); fills slots_. The first chosen neighbor
    // on level 0 is expected to become the parent.
    Link place_levels(const NewRow& row) {
        slots_.clear();
        for (uint8_t l = 0; l <= row.level; ++l) {
            const ChosenNeighbors& c = memory_.chosen[l];
            memory_.entries.clear();
            for (size_t i = 0; i < c.links.size(); ++i)
                memory_.entries.push_back(
                    {c.links[i], &c.codes[i * layout_.code_bytes()], &c.factors[i * factor_bytes]});
            typename NodeEditor<Store>::NewNode node{};
            node.level = l;
            node.down = l == 0 ? Link{} : slots_[l - 1];
            node.tid = row.tid;
            node.own = row.own;
            node.own_bytes = row.own_bytes;
            node.neighbors = &memory_.entries;
            node.wanted = c.kept;
            node.tree_edges = l == 0 && !c.links.empty() ? 1 : 0;
            slots_.push_back(editor_.place(node));
        }
        write_entry(slots_[0], row);
        return slots_[0];
    }

    // Adds the new node to the list of its i-th neighbor.
    LinkResult link_back(const ChosenNeighbors& chosen, size_t i, uint8_t level, const Link& self,
                         const float* internal, size_t tree_cap) {
        return editor_.add_neighbor(
            chosen.links[i], level,
            {self, internal, &chosen.reverse_codes[i * layout_.code_bytes()],
             &chosen.reverse_factors[i * factor_bytes], layout_.coded() ? nullptr : &memory_.met},
            tree_cap);
    }

    void link_back_above(const NewRow& row) {
        for (uint8_t l = 1; l <= row.level; ++l) {
            const ChosenNeighbors& chosen = memory_.chosen[l];
            for (size_t i = 0; i < chosen.links.size(); ++i)
                if (chosen.wanted[i]) link_back(chosen, i, l, slots_[l], row.internal, 0);
        }
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
        choose(layout_.max_neighbors(), node, chosen);
        return attach(internal, node, chosen, expected);
    }

    // Steps 3 and 4 on level 0, or the first node of an empty graph.
    void connect(const float* internal, const Link& bottom, const ChosenNeighbors& chosen) {
        met_gone_ = false;
        const Link expected = chosen.links.empty() ? Link{} : chosen.links[0];
        if (attach(internal, bottom, chosen, expected)) return;
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
        if (met_gone_ || is_vacuum_pending())
            throw Error(ErrorCode::not_now, "could not connect a new row to the graph",
                        "Every neighbor found was deleted before it could be linked, or has no room before "
                        "vacuum is done.",
                        "Try again; if no vacuum is running, VACUUM the table first.");
        throw_damaged(from.link.block, "from the entry point in slot " + std::to_string(int(from.link.slot)) +
                                           " searches come to " + std::to_string(memory_.found.size()) +
                                           " nodes, none of which a new row can be linked to");
    }

    // expected: the node was written with that neighbor marked as its parent.
    bool attach(const float* internal, const Link& bottom, const ChosenNeighbors& chosen,
                const Link& expected) {
        const Link parent = find_parent(internal, bottom, chosen, expected);
        if (!parent.valid()) return false;
        for (size_t i = 0; i < chosen.links.size(); ++i)
            if (chosen.wanted[i] && chosen.links[i] != parent) link_back(chosen, i, 0, bottom, internal, 0);
        return true;
    }

    // The nearest of the chosen neighbors that has room for a tree edge, rather one that has few; if there is
    // none, of all that were found.
    Link find_parent(const float* internal, const Link& bottom, const ChosenNeighbors& chosen,
                     const Link& expected) {
        const size_t soft_cap = std::max<size_t>(1, layout_.max_neighbors() / 2);
        const size_t hard_cap = layout_.max_neighbors() - 1;
        const auto taken_by = [&](const Link& parent, LinkResult result) {
            met_gone_ |= result == LinkResult::gone;
            if (result != LinkResult::added) return false;
            // A vacuum that found the edge from one end only may have given it up, or told the other end.
            if (parent == expected && editor_.has_tree_edge(bottom, expected)) return true;
            if (mark_parent(bottom, parent, parent == expected ? Link{} : expected)) {
                if (expected.valid() && parent != expected) {
                    editor_.clear_tree_edge(expected, bottom);
                    if (!editor_.has_tree_edge(expected, bottom)) editor_.clear_tree_edge(bottom, expected);
                }
                return true;
            }
            editor_.clear_tree_edge(parent, bottom);
            return false;
        };
        for (const size_t cap : {soft_cap, hard_cap})
            for (size_t i = 0; i < chosen.links.size(); ++i)
                if (taken_by(chosen.links[i], link_back(chosen, i, 0, bottom, internal, cap)))
                    return chosen.links[i];
        for (const FoundNode& f : memory_.found)
            if (f.link != bottom &&
                taken_by(f.link, editor_.add_neighbor(f.link, 0, bottom, internal, hard_cap)))
                return f.link;
        return {};
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
    NodeEditor<Store> editor_;
    Beam<Store> beam_;
    size_t ef_construction_;
    std::function<bool(const HeapTid&)> is_gone_;
    float distance_ = 0, nearby_ = 0;  // of the node measured last
    std::vector<Link> slots_;          // of the row being inserted, by level
    bool met_gone_ = false;            // nodes that were to be linked to it, and are not there any more

    static constexpr uint8_t kept_as_nearest = 1, kept_as_nearby = 2;
    // What choose() goes by: into memory_.order what to take, in turn, and into memory_.is_kept which of it
    // is needed.
    void order_found(size_t limit);
    void order_by_products(size_t limit);
};

template <class Store>
void Inserter<Store>::choose(size_t limit, const Link& self, ChosenNeighbors& chosen) {
    const size_t code_bytes = layout_.code_bytes();
    auto& found = memory_.found;
    found.erase(std::remove_if(found.begin(), found.end(),
                               [&](const FoundNode& f) { return f.dead || f.link == self; }),
                found.end());
    chosen.clear();
    if (encoder_.space().is_product())
        order_by_products(limit);
    else
        order_found(limit);
    const size_t taken = std::min(limit, memory_.order.size());
    // Nearest first: the first one that can take a tree edge should be the nearest.
    std::sort(memory_.order.begin(), memory_.order.begin() + static_cast<std::ptrdiff_t>(taken));
    chosen.codes.resize(taken * code_bytes + 64);
    chosen.reverse_codes.resize(taken * code_bytes + 64);
    chosen.factors.resize(taken * factor_bytes);
    chosen.reverse_factors.resize(taken * factor_bytes);
    chosen.wanted.resize(taken);
    for (size_t i = 0; i < taken; ++i) {
        const FoundNode& f = found[memory_.order[i]];
        chosen.links.push_back(f.link);
        // A node that is not needed here, because a kept one is nearer to it, would not need us either: for
        // the same reason. Its list takes us if there is room.
        const uint8_t kept = memory_.is_kept[memory_.order[i]];
        chosen.kept.nearest |= static_cast<uint64_t>((kept & kept_as_nearest) != 0) << i;
        chosen.kept.nearby |= static_cast<uint64_t>((kept & kept_as_nearby) != 0) << i;
        chosen.wanted[i] = kept != 0 || !f.full;
        uint8_t* factor = &chosen.factors[i * factor_bytes];
        uint8_t* reverse_factor = &chosen.reverse_factors[i * factor_bytes];
        if (layout_.coded()) {
            const ResidualSums& sums = memory_.sums[f.index];
            const uint8_t* from = code(f.index);
            std::memcpy(&chosen.codes[i * code_bytes], from, code_bytes);
            for (size_t b = 0; b < code_bytes; ++b) chosen.reverse_codes[i * code_bytes + b] = ~from[b];
            store_link_factors(layout_, sums, factor);
            store_link_factors(layout_, reversed(sums), reverse_factor);
        } else {
            std::memcpy(factor, &f.distance, factor_bytes);
            std::memcpy(reverse_factor, &f.distance, factor_bytes);
        }
    }
}

template <class Store>
void Inserter<Store>::order_found(size_t limit) {
    const size_t n = encoder_.geometry().stored_dims;
    const auto& found = memory_.found;
    const size_t count = std::min({found.size(), max_candidates, ef_construction_ + limit});
    memory_.squared.resize(count);
    memory_.roots.resize(count);
    for (size_t i = 0; i < count; ++i) {
        memory_.squared[i] = found[i].distance;
        memory_.roots[i] = std::sqrt(std::max(0.0f, found[i].distance));
    }
    const Kernels& k = memory_.query.kernel_table();
    auto pair = [&](size_t i, size_t j) {
        const size_t a = found[i].index, b = found[j].index;
        if (layout_.coded())
            return encoder_.angles().squared(k, memory_.roots[i], memory_.roots[j], code(a), code(b));
        return encoder_.distance(&memory_.vectors[a * n], &memory_.vectors[b * n]);
    };
    const size_t kept = std::min(limit, order_by_need(memory_.squared, limit, pair, memory_.order));
    memory_.is_kept.assign(count, 0);
    for (size_t i = 0; i < kept; ++i) memory_.is_kept[memory_.order[i]] = kept_as_nearest;
}

// Neighbors of both kinds (ProductOrder).
template <class Store>
void Inserter<Store>::order_by_products(size_t limit) {
    const size_t n = encoder_.geometry().stored_dims, most = ef_construction_ + limit;
    const auto& found = memory_.found;
    const size_t count = std::min<size_t>(found.size(), UINT16_MAX);
    const auto vector = [&](size_t i) { return &memory_.vectors[found[i].index * n]; };
    auto& norm2 = memory_.norm2;
    norm2.resize(count);
    for (size_t i = 0; i < count; ++i) norm2[i] = -encoder_.distance(vector(i), vector(i));
    ProductOrder& product = memory_.product;
    product.pairs.clear(count);
    const auto compute = [&](size_t a, size_t b) { return encoder_.distance(vector(a), vector(b)); };
    const auto pair = [&](size_t a, size_t b) { return product.pairs.get(a, b, compute); };
    product.distance.resize(count);
    for (size_t i = 0; i < count; ++i) product.distance[i] = found[i].distance;
    const size_t nearest_kept = product.find(count, most, limit, pair, product.nearest);
    for (size_t i = 0; i < count; ++i) product.distance[i] = found[i].nearby;
    const size_t nearby_kept = product.find(
        count, most, limit,
        [&](size_t a, size_t b) { return VectorSpace::nearby(pair(a, b), norm2[a], norm2[b]); },
        product.nearby);
    take_in_turn(product.nearby, product.nearest, limit, product.taken, memory_.order);
    memory_.is_kept.assign(count, 0);
    for (size_t i = 0; i < nearest_kept; ++i) memory_.is_kept[product.nearest[i]] |= kept_as_nearest;
    for (size_t i = 0; i < nearby_kept; ++i) memory_.is_kept[product.nearby[i]] |= kept_as_nearby;
}

template <class Store>
bool Inserter<Store>::mark_parent(const Link& bottom, const Link& parent, const Link& instead_of) {
    std::vector<float> vector(encoder_.geometry().stored_dims);
    {
        auto page = store_.read(parent.block);
        const ConstNode node = find_node(layout_, page.payload(), parent);
        if (!node) return true;
        encoder_.decode(node, vector.data());
    }
    return editor_.set_tree_edge(bottom, parent, vector.data(), instead_of);
}

}  // namespace vecstore::core
