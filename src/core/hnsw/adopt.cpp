// Building a graph from one that is there already (row_graph.hpp): the work of a build is to find each row's
// neighbors, and that is done.
//
//   1. the rows of upper levels, one in m, are inserted as in any build: every index has its upper levels by its own m,
//      whatever the file has (graphs built by CAGRA have one level and no entry point)
//   2. the other rows get their slots on level 0, neighbors together
//   3. each row chooses its neighbors among its candidates, as an insertion does among those it finds
//   4. links that both ends know of become the spanning tree of level 0; what they leave in pieces is joined as after
//      a vacuum
//   5. rows that the file does not have are inserted
//
// Whatever the file says, distances and codes are those of the table's vectors.
#include "core/hnsw/builder.hpp"
#include "core/hnsw/row_graph.hpp"
#include "core/hnsw/tree_joiner.hpp"

namespace vecstore::core {

struct GraphBuilder::Adoption {
    const RowBuffer& rows;
    const RowGraph& graph;
    MemStore& store;
    std::vector<uint32_t> order;   // of the rows that the graph has
    size_t upper = 0;              // so many of them, the first, are inserted
    std::vector<Link> placed;      // by row: its node on level 0

    NewRow row(uint32_t i, const float* internal) const {
        return {internal, rows.own_bytes(i), rows.own(i), rows.tid(i), rows.level(i), rows.filter_keys(i)};
    }
};

namespace {

constexpr size_t progress_step = 1024;

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

    // candidates: nodes of level 0. Returns which of the neighbors were kept by the heuristic (NeedMap).
    template <class NodeOf>
    uint64_t link(const NewRow& row, const Link& self, const uint32_t* candidates, size_t count, NodeOf&& node_of) {
        encoder_.decode(row.own_bytes, row.own.scale, internal_.data());
        memory_.query.prepare_internal(encoder_, internal_.data(), row.own.norm2);
        memory_.found.clear();
        for (size_t i = 0; i < count; ++i) {
            if (i + 2 < count) fetch(node_of(candidates[i + 2]));
            const Link& link = node_of(candidates[i]);
            auto page = store_.read(link.block);
            inserter_.meet(ConstNode(layout_, layout_.slot(page.payload(), link.slot)), link);
        }
        std::sort(memory_.found.begin(), memory_.found.end(),
                  [](const FoundNode& a, const FoundNode& b) { return a.distance < b.distance; });
        inserter_.choose(layout_.max_neighbors(), self, chosen_);
        write(self);
        return chosen_.kept;
    }

    void write_entry(const Link& node, const NewRow& row) { inserter_.write_entry(node, row); }

  private:
    void fetch(const Link& link) {
        store_.prefetch(link.block, layout_.slot_offset(link.slot) + layout_.own_offset(), layout_.own_bytes());
    }

    void write(const Link& self) {
        auto page = store_.write(self.block);
        const Node node(layout_, layout_.slot(page.modify(), self.slot));
        const size_t degree = chosen_.links.size();
        node.head().degree = static_cast<uint8_t>(degree);
        node.head().tree_edges_or_epoch = 0;
        std::copy(chosen_.links.begin(), chosen_.links.end(), node.links());
        if (layout_.coded()) std::memcpy(node.codes(), chosen_.codes.data(), degree * layout_.code_bytes());
        std::memcpy(node.factors(), chosen_.factors.data(), degree * factor_bytes);
        page.commit();
    }

    MemStore& store_;
    const NodeLayout& layout_;
    InsertMemory memory_;
    Inserter<MemStore> inserter_;
    std::vector<float> internal_;
    const VectorEncoder& encoder_;
    ChosenNeighbors chosen_;
};

// Makes a spanning forest of level 0 out of links that both ends have, the nearest neighbors first.
class MutualEdges {
  public:
    MutualEdges(MemStore& store, const NodeLayout& layout)
        : store_(store),
          layout_(layout),
          most_edges_(std::max<int>(1, static_cast<int>(layout.max_neighbors() / 2))),
          piece_(store.page_count() * layout.slots_per_page()) {
        for (size_t i = 0; i < piece_.size(); ++i) piece_[i] = static_cast<uint32_t>(i);
    }

    // No other thread may be at work.
    void mark(const Link& link) {
        const Node node = node_at(link);
        for (size_t i = 0; i < node.head().degree && has_room(node); ++i) {
            const Link& other = node.links()[i];
            const uint32_t a = piece_of(link), b = piece_of(other);
            if (a == b) continue;
            const Node neighbor = node_at(other);
            const Link* const links = neighbor.links();
            const Link* const end = links + neighbor.head().degree;
            const Link* const back = std::find(links, end, link);
            if (back == end || !has_room(neighbor)) continue;
            node.head().tree_edges_or_epoch |= uint64_t{1} << i;
            neighbor.head().tree_edges_or_epoch |= uint64_t{1} << (back - links);
            piece_[a] = b;
        }
    }

  private:
    Node node_at(const Link& link) {
        auto page = store_.write(link.block);
        return Node(layout_, layout_.slot(page.modify(), link.slot));
    }
    bool has_room(const Node& node) const {
        return __builtin_popcountll(node.head().tree_edges_or_epoch) < most_edges_;
    }
    uint32_t piece_of(const Link& link) {
        auto i = static_cast<uint32_t>(layout_.slot_id(link));
        while (piece_[i] != i) i = piece_[i] = piece_[piece_[i]];
        return i;
    }

    MemStore& store_;
    const NodeLayout& layout_;
    int most_edges_;   // of a node
    std::vector<uint32_t> piece_;
};

}  // namespace

// Writes the nodes of level 0, still without neighbors.
void GraphBuilder::place_bottom(Adoption& work) {
    EditMemory memory;
    NodeEditor<MemStore> editor(work.store, encoder_, memory);
    const std::vector<LinkEntry> nobody;
    for (size_t i = work.upper; i < work.order.size(); ++i) {
        if (i % progress_step == 0) progress_(0);
        const uint32_t row = work.order[i];
        NodeEditor<MemStore>::NewNode node{};
        node.tid = work.rows.tid(row);
        node.own = work.rows.own(row);
        node.own_bytes = work.rows.own_bytes(row);
        node.neighbors = &nobody;
        work.placed[row] = editor.place(node);
    }
    if (read_entry_point(work.store).link.valid()) return;
    auto page = work.store.write(meta_block);
    meta_of(page.modify()).entry_point = work.placed[work.order.front()];
    page.commit();
}

void GraphBuilder::link_bottom(Adoption& work) {
    in_parallel(work.order.size(), [&] {
        auto linker = std::make_unique<Linker>(work.store, encoder_, options_.ef_construction);
        return [&, linker = std::move(linker)](size_t i) {
            const uint32_t row = work.order[i];
            const Link& self = work.placed[row];
            const NewRow as_row = work.row(row, linker->internal());
            needs_[encoder_.layout().slot_id(self)] =
                linker->link(as_row, self, work.graph.candidates(row), work.graph.candidate_count(row),
                             [&](uint32_t other) -> const Link& { return work.placed[other]; });
            if (i >= work.upper) linker->write_entry(self, as_row);
            done_.fetch_add(1, std::memory_order_relaxed);
        };
    });
}

bool GraphBuilder::join_tree(Adoption& work) {
    MemStore& store = work.store;
    const NodeLayout& layout = encoder_.layout();
    MutualEdges edges(store, layout);
    SlotMap nodes;
    nodes.resize(store.page_count() * layout.slots_per_page());
    for (size_t i = 0; i < work.order.size(); ++i) {
        if (i % progress_step == 0) store.pause_point();
        const Link& link = work.placed[work.order[i]];
        edges.mark(link);
        nodes.set(layout.slot_id(link), SlotMap::live, link.generation);
    }
    InsertMemory memory;
    NodeEditor<MemStore> editor(store, encoder_, memory.edit, &needs_);
    Inserter<MemStore> inserter(store, encoder_, options_.ef_construction, memory, &needs_);
    TreeJoiner<MemStore> joiner(store, encoder_, editor, inserter, nodes, store.page_count());
    joiner.run();
    return joiner.pieces() <= 1;
}

// What the file does not have, and the rows that share another's node.
void GraphBuilder::insert_rest(Adoption& work) {
    std::vector<OrderedRow> unknown;
    for (uint32_t row = 0; row < work.rows.size(); ++row)
        if (work.graph.first_equal(row) == row && !work.graph.has(row)) unknown.push_back({row, Link{}});
    insert_all(work.rows, work.store, unknown, &work.placed);
    for (uint32_t row = 0; row < work.rows.size(); ++row) {
        if (row % progress_step == 0) progress_(done_.load());
        const uint32_t first = work.graph.first_equal(row);
        if (first == row) continue;
        add_tid(work.store, encoder_.layout(), work.placed[first], work.rows.tid(row), work.rows.own(row).error);
        ++done_;
    }
}

bool GraphBuilder::adopt(const RowBuffer& rows, const RowGraph& graph, MemStore& store,
                         const std::function<void(size_t)>& progress) {
    begin(store, progress);
    store.on_pause([this] { progress_(done_.load()); });
    Adoption work{rows, graph, store, {}, 0, std::vector<Link>(rows.size())};
    std::vector<OrderedRow> upper;
    for (uint32_t row = 0; row < rows.size(); ++row) {
        if (!graph.has(row) || rows.level(row) == 0) continue;
        upper.push_back({row, Link{}});
        work.order.push_back(row);
    }
    work.upper = upper.size();
    work.order = graph.order(work.order);
    insert_all(rows, store, upper, &work.placed);
    done_ = 0;
    bool connected = true;
    if (!work.order.empty()) {
        place_bottom(work);
        link_bottom(work);
        connected = join_tree(work);
    }
    if (connected) insert_rest(work);
    store.on_pause({});
    return connected;
}

}  // namespace vecstore::core
