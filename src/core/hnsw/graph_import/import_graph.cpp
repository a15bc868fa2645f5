// Building a graph from one that is there already (row_graph.hpp): the work of a build is to find each row's
// neighbors, and that is done.
//
//   1. the rows of upper levels, one in m, are inserted as in any build: every index has its upper levels by
//      its own m, whatever the file has (graphs built by CAGRA have one level and no entry point)
//   2. the other rows get their slots on level 0, neighbors together
//   3. each row chooses its neighbors among its candidates, as an insertion does among those it finds
//   4. links that both ends know of become the spanning tree of level 0; the components that remain are
//      joined as after a vacuum
//   5. rows that the file does not have are inserted
//
// Distances and codes are those of the table's vectors, never those of the file.
#include "core/hnsw/build/builder.hpp"

#include <unordered_map>

#include "core/hnsw/graph_import/row_graph.hpp"
#include "core/hnsw/write/tree_joiner.hpp"

namespace vecstore::core {

struct GraphBuilder::GraphImport {
    const RowBuffer& rows;
    const RowGraph& graph;
    MemStore& store;
    std::vector<Link> placed;  // by row: its node on level 0

    const std::vector<uint32_t>& order() const { return graph.order(); }

    NewRow row(uint32_t i, const float* internal) const {
        return {internal, rows.own_bytes(i), rows.own(i), rows.tid(i), rows.level(i), rows.filter_keys(i)};
    }
};

namespace {

constexpr size_t progress_step = 1024;

// Counts how often rows are met. Of so many that they do not fit, some are not counted.
class Tally {
  public:
    void clear() {
        std::fill(slots_.begin(), slots_.end(), Slot{});
        met_.clear();
        used_ = 0;
    }
    // The row will not be among those that are taken.
    void exclude(uint32_t row) {
        if (Slot* const slot = slot_of(row)) slot->excluded = true;
    }
    void count(uint32_t row) {
        Slot* const slot = slot_of(row);
        if (slot == nullptr || slot->excluded) return;
        if (slot->count++ == 0) met_.push_back(static_cast<uint16_t>(slot - slots_.data()));
    }
    // Those met most often, up to `most` of them.
    void take_most(size_t most, std::vector<uint32_t>& out) {
        const auto end = met_.begin() + static_cast<std::ptrdiff_t>(std::min(most, met_.size()));
        std::partial_sort(met_.begin(), end, met_.end(),
                          [&](uint16_t a, uint16_t b) { return slots_[a].count > slots_[b].count; });
        for (auto it = met_.begin(); it != end; ++it) out.push_back(slots_[*it].row);
    }

  private:
    static constexpr size_t slot_bits = 10;
    static constexpr size_t most_used = size_t{3} << (slot_bits - 2);
    struct Slot {
        uint32_t row = UINT32_MAX;
        uint16_t count = 0;
        bool excluded = false;
    };

    Slot* slot_of(uint32_t row) {
        size_t i = (row * 0x9E3779B1u) >> (32 - slot_bits);
        while (slots_[i].row != row && slots_[i].row != UINT32_MAX) i = (i + 1) % slots_.size();
        if (slots_[i].row == row) return &slots_[i];
        if (used_ == most_used) return nullptr;
        ++used_;
        slots_[i].row = row;
        return &slots_[i];
    }

    std::vector<Slot> slots_ = std::vector<Slot>(size_t{1} << slot_bits);
    std::vector<uint16_t> met_;
    size_t used_ = 0;
};

// Chooses the neighbors of rows among their candidates.
class Linker {
  public:
    Linker(MemStore& store, const VectorEncoder& encoder, size_t ef_construction)
        : store_(store),
          layout_(encoder.layout()),
          inserter_(store, encoder, ef_construction, memory_),
          internal_(encoder.geometry().stored_dims),
          encoder_(encoder) {}

    // Where the row's own vector is to be put.
    float* internal() { return internal_.data(); }

    // Chooses the row's neighbors and writes them into its node. Returns which of them the heuristic kept
    // (NeedMap).
    Wanted link(const RowGraph& graph, const std::vector<Link>& placed, const NewRow& row, uint32_t number) {
        encoder_.decode(row.own_bytes, row.own.scale, internal_.data());
        memory_.query.prepare_internal(encoder_, internal_.data(), row.own.norm2);
        memory_.found.clear();
        candidates_.assign(graph.candidates(number),
                           graph.candidates(number) + graph.candidate_count(number));
        meet_all(placed, 0);
        const size_t wanted = layout_.max_neighbors();
        if (candidates_.size() < wanted) {
            add_second_neighbors(graph, number, wanted - candidates_.size());
            meet_all(placed, graph.candidate_count(number));
        }
        choice().choose(layout_.max_neighbors(), placed[number], chosen_);
        write(placed[number]);
        return chosen_.kept;
    }

    void write_entry(const Link& node, const NewRow& row) { inserter_.write_entry(node, row); }

  private:
    NeighborChoice& choice() { return inserter_.choice(); }

    // Measures the candidates from number `first` on. memory_.found: nearest first.
    void meet_all(const std::vector<Link>& placed, size_t first) {
        constexpr size_t ahead = 3;
        for (size_t i = first; i < candidates_.size(); ++i) {
            if (i + ahead < candidates_.size()) fetch(placed[candidates_[i + ahead]]);
            const Link& link = placed[candidates_[i]];
            choice().meet_vector(node_at(store_, layout_, link), link);
        }
        choice().sort_found();
    }

    void fetch(const Link& link) {
        store_.prefetch(link.block, layout_.slot_offset(link.slot),
                        layout_.own_offset() + layout_.own_bytes());
    }

    // Adds to candidates_ the neighbors that most of the nearest candidates share.
    void add_second_neighbors(const RowGraph& graph, uint32_t row, size_t most) {
        constexpr size_t asked = 4;
        tally_.clear();
        tally_.exclude(row);
        for (const uint32_t known : candidates_) tally_.exclude(known);
        for (size_t i = 0; i < memory_.found.size() && i < asked; ++i) {
            const uint32_t near = candidates_[memory_.found[i].index];
            for (size_t k = 0; k < graph.candidate_count(near); ++k) tally_.count(graph.candidates(near)[k]);
        }
        tally_.take_most(most, candidates_);
    }

    void write(const Link& self) {
        auto page = store_.write(self.block);
        const Node node = same_node(layout_, page.modify(), self);
        node.clear_neighbors();
        for (size_t i = 0; i < chosen_.links.size(); ++i) chosen_.write(i, layout_.code_bytes(), node, i);
        page.commit();
    }

    MemStore& store_;
    const NodeLayout& layout_;
    InsertMemory memory_;
    Inserter<MemStore> inserter_;
    std::vector<float> internal_;
    const VectorEncoder& encoder_;
    ChosenNeighbors chosen_;
    std::vector<uint32_t> candidates_;
    Tally tally_;
};

// The spanning tree of level 0 in the making.
class SpanningForest {
  public:
    SpanningForest(MemStore& store, const NodeLayout& layout, size_t nodes)
        : store_(store),
          layout_(layout),
          components_(nodes),
          most_edges_(std::max<size_t>(1, layout.max_neighbors() / 2)) {
        component_.reset(store.page_count() * layout.slots_per_page());
    }

    // Makes tree edges of the node's links to other components that both ends have, the nearest first. No
    // other thread may be at work.
    void mark_mutual(const Link& link) {
        const ConstNode node = node_at(store_, layout_, link);
        for (size_t i = 0; i < node.degree() && has_room(node); ++i) {
            const Link& other = node.links()[i];
            if (connected(link, other)) continue;
            const ConstNode neighbor = node_at(store_, layout_, other);
            const int back = neighbor.index_of(link);
            if (back < 0 || !has_room(neighbor)) continue;
            mark(link, i);
            mark(other, static_cast<size_t>(back));
            unite(link, other);
        }
    }

    bool connected(const Link& a, const Link& b) { return component_of(a) == component_of(b); }
    void unite(const Link& a, const Link& b) {
        if (component_.unite(layout_.slot_id(a), layout_.slot_id(b))) --components_;
    }
    size_t components() const { return components_; }

    // Those of the rows whose nodes are in another component than most are.
    std::vector<uint32_t> outside_largest(const std::vector<uint32_t>& rows,
                                          const std::vector<Link>& placed) {
        std::unordered_map<uint64_t, size_t> sizes;
        for (const uint32_t row : rows) ++sizes[component_of(placed[row])];
        std::pair<size_t, uint64_t> largest{};
        for (const auto& [component, size] : sizes) largest = std::max(largest, {size, component});
        std::vector<uint32_t> outside;
        for (const uint32_t row : rows)
            if (component_of(placed[row]) != largest.second) outside.push_back(row);
        return outside;
    }

  private:
    void mark(const Link& link, size_t i) {
        auto page = store_.write(link.block);
        same_node(layout_, page.modify(), link).set_tree_edge(i, true);
        page.commit();
    }
    bool has_room(const ConstNode& node) const { return node.tree_edge_count() < most_edges_; }
    uint64_t component_of(const Link& link) { return component_.find(layout_.slot_id(link)); }

    MemStore& store_;
    const NodeLayout& layout_;
    size_t components_;
    size_t most_edges_;  // of a node
    DisjointSets component_;
};

}  // namespace

// Writes the nodes of level 0, still without neighbors.
void GraphBuilder::place_bottom(GraphImport& work) {
    const std::vector<LinkEntry> nobody;
    in_parallel(work.order().size(), [&] {
        return [&, placer = NodePlacer<MemStore>(work.store, encoder_.layout())](size_t i) mutable {
            const uint32_t row = work.order()[i];
            if (work.rows.level(row) > 0) return;  // it was inserted
            NewNode node{};
            node.tid = work.rows.tid(row);
            node.own = work.rows.own(row);
            node.own_bytes = work.rows.own_bytes(row);
            node.neighbors = &nobody;
            work.placed[row] = placer.place(node);
        };
    });
    if (read_entry_point(work.store).link.valid()) return;
    auto page = work.store.write(meta_block);
    meta_of(page.modify()).entry_point = work.placed[work.order().front()];
    page.commit();
}

void GraphBuilder::link_bottom(GraphImport& work) {
    in_parallel(work.order().size(), [&] {
        auto linker = std::make_unique<Linker>(work.store, encoder_, options_.ef_construction);
        return [&, linker = std::move(linker)](size_t i) {
            const uint32_t row = work.order()[i];
            const Link& self = work.placed[row];
            const NewRow as_row = work.row(row, linker->internal());
            needs_.set(needs_.find(encoder_.layout().slot_id(self)),
                       linker->link(work.graph, work.placed, as_row, row));
            if (work.rows.level(row) == 0) linker->write_entry(self, as_row);
            done_.fetch_add(1, std::memory_order_relaxed);
        };
    });
}

bool GraphBuilder::join_tree(GraphImport& work) {
    MemStore& store = work.store;
    const NodeLayout& layout = encoder_.layout();
    InsertMemory memory;
    NodeEditor<MemStore> editor(store, encoder_, memory.edit, &needs_);
    Inserter<MemStore> inserter(store, encoder_, options_.ef_construction, memory, &needs_);
    SpanningForest forest(store, layout, work.order().size());
    SlotMap nodes;
    nodes.reset(store.page_count() * layout.slots_per_page());
    for (size_t i = 0; i < work.order().size(); ++i) {
        if (i % progress_step == 0) store.pause_point();
        const Link& link = work.placed[work.order()[i]];
        forest.mark_mutual(link);
        nodes.set(layout.slot_id(link), SlotMap::live, link.generation);
    }
    bool doubtful = false;
    std::vector<float> vector(encoder_.geometry().stored_dims);
    const auto join = [&](uint32_t row, uint32_t near) {
        const Link &link = work.placed[row], &other = work.placed[near];
        encoder_.decode(work.rows.own_bytes(row), work.rows.own(row).scale, vector.data());
        if (editor.add_neighbor(other, 0, link, vector.data(), layout.max_neighbors() - 1) !=
            LinkResult::added)
            return;
        // (Where it finds no room for the other end of the edge, that is mended below.)
        doubtful |= !inserter.mark_parent(link, other, Link{});
        forest.unite(link, other);
    };
    // Adds links that were not chosen, where they connect components: of all components but the largest,
    // which the others then join.
    const std::vector<uint32_t> outside = forest.outside_largest(work.order(), work.placed);
    for (size_t i = 0; i < outside.size(); ++i) {
        if (i % progress_step == 0) store.pause_point();
        const uint32_t row = outside[i];
        for (size_t k = 0; k < work.graph.candidate_count(row); ++k) {
            const uint32_t near = work.graph.candidates(row)[k];
            if (!forest.connected(work.placed[row], work.placed[near])) join(row, near);
            if (!forest.connected(work.placed[row], work.placed[near])) join(near, row);
        }
    }
    // Mends edges that one side alone knows of, and joins the components that remain.
    if (forest.components() == 1 && !doubtful) return true;
    TreeJoiner<MemStore> joiner(store, encoder_, editor, inserter, nodes, store.page_count());
    joiner.run();
    return joiner.components() <= 1;
}

// Inserts the rows that the file does not have, and those that share another's node.
void GraphBuilder::insert_rest(GraphImport& work) {
    std::vector<OrderedRow> unknown;
    for (uint32_t row = 0; row < work.rows.size(); ++row)
        if (work.graph.first_equal(row) == row && !work.graph.has(row)) unknown.push_back({0, row});
    const auto insert = [&](Inserter<MemStore>& inserter, const NewRow& row, const OrderedRow& ordered) {
        inserter.insert(row);
        work.placed[ordered.row] = inserter.last_placed();
    };
    insert_all(work.rows, work.store, unknown, insert);
    unknown.clear();
    for (uint32_t row = 0; row < work.rows.size(); ++row) {
        if (row % progress_step == 0) progress_(done_.load());
        const uint32_t first = work.graph.first_equal(row);
        if (first == row) continue;
        const OwnVector& own = work.rows.own(row);
        const Link& node = work.placed[first];
        if (add_tid(work.store, encoder_.layout(), node, {work.rows.tid(row), own.error, own.fingerprint}) ==
            TidAdded::yes)
            ++done_;
        else
            unknown.push_back({0, row});  // rounded alike, and there are many of them
    }
    insert_all(work.rows, work.store, unknown, insert);
}

bool GraphBuilder::import_graph(const RowBuffer& rows, const RowGraph& graph, MemStore& store,
                                const std::function<void(size_t)>& progress) {
    begin(store, progress);
    store.on_pause([this] { progress_(done_.load()); });
    GraphImport work{rows, graph, store, std::vector<Link>(rows.size())};
    std::vector<OrderedRow> upper;
    for (uint32_t row = 0; row < rows.size(); ++row)
        if (graph.has(row) && rows.level(row) > 0) upper.push_back({0, row});
    // These levels lead to a neighborhood and no further, which half of the candidates serve as well.
    const size_t width = std::max<size_t>(options_.ef_construction / 2, size_t{2} * encoder_.geometry().m);
    insert_all(rows, store, upper,
               [&](Inserter<MemStore>& inserter, const NewRow& row, const OrderedRow& ordered) {
                   inserter.insert_upper(row, width);
                   work.placed[ordered.row] = inserter.last_placed();
               });
    done_ = 0;
    bool connected = true;
    if (!work.order().empty()) {
        place_bottom(work);
        link_bottom(work);
        connected = join_tree(work);
    }
    if (connected) insert_rest(work);
    if (connected) {
        if (encoder_.layout().residual_codes()) set_entries(store);
        finish(store);
    }
    store.on_pause({});
    return connected;
}

}  // namespace vecstore::core
