#include "core/hnsw/page_order.hpp"

#include "core/hnsw/filter_pages.hpp"

namespace vecstore::core {

namespace {

constexpr uint32_t progress_step = 1024;

bool holds_nodes(MemStore& store, uint32_t block) { return page_head(store.payload(block)).kind == PageKind::nodes; }

ConstNode node_at(MemStore& store, const NodeLayout& layout, uint32_t slot_id) {
    const auto slots = static_cast<uint32_t>(layout.slots_per_page());
    return ConstNode(layout, layout.slot(store.payload(slot_id / slots), slot_id % slots));
}

}  // namespace

// Puts nodes together, those first that are nearest to each other: two free nodes neither of which has a nearer free
// neighbor, then again and again the free neighbor that is nearest to any of those that are together, until there are as
// many as share a page.
class PageOrder::Grouping {
  public:
    Grouping(MemStore& store, const NodeLayout& layout)
        : store_(store), layout_(layout), free_(store.page_count() * layout.slots_per_page()) {}

    // Slots of all nodes as they are to follow each other.
    std::vector<uint32_t> run(const std::function<void()>& progress) {
        const auto slots = static_cast<uint32_t>(layout_.slots_per_page());
        for_each_node(progress, [&](uint32_t node) { free_[node] = 1; });
        if (slots > 1) for_each_node(progress, [&](uint32_t node) {
            while (free_[node] && gather(node)) {
            }
        });
        for_each_node([] {}, [&](uint32_t node) {
            if (free_[node]) left_[level(node) > 0].push_back(node);
        });
        for (std::vector<uint32_t>* more : {&whole_[1], &left_[0], &left_[1]})
            whole_[0].insert(whole_[0].end(), more->begin(), more->end());
        return std::move(whole_[0]);
    }

  private:
    struct Near {
        float reach = std::numeric_limits<float>::infinity();
        uint32_t node = nobody;
    };

    template <class Visit>
    void for_each_node(const std::function<void()>& progress, Visit&& visit) {
        const auto slots = static_cast<uint32_t>(layout_.slots_per_page());
        for (uint32_t block = meta_block + 1; block < store_.page_count(); ++block) {
            if (block % progress_step == 0) progress();
            if (!holds_nodes(store_, block)) continue;
            for (uint32_t node = block * slots; node < (block + 1) * slots; ++node)
                if (node_at(store_, layout_, node).used()) visit(node);
        }
    }

    size_t level(uint32_t node) { return node_at(store_, layout_, node).head().level; }

    // Makes one group, of the node or of nodes near it. False: no neighbor of the node is free.
    bool gather(uint32_t node) {
        Near near = nearest_free(node);
        if (near.node == nobody) return false;
        for (Near next = nearest_free(near.node); next.reach < near.reach; next = nearest_free(near.node)) {
            node = near.node;
            near = next;
        }
        group_.clear();
        nearest_.clear();
        join(node);
        while (near.node != nobody && group_.size() < layout_.slots_per_page()) {
            join(near.node);
            near = Near{};
            for (const Near& one : nearest_)
                if (free_[one.node] && one.reach < near.reach) near = one;
        }
        // One that does not fill its page comes at the end, still together.
        auto& list = group_.size() == layout_.slots_per_page() ? whole_[level(node) > 0] : left_[level(node) > 0];
        list.insert(list.end(), group_.begin(), group_.end());
        return true;
    }

    void join(uint32_t node) {
        free_[node] = 0;
        group_.push_back(node);
        if (group_.size() < layout_.slots_per_page()) for_each_free(node, [&](const Near& near) { nearest_.push_back(near); });
    }

    Near nearest_free(uint32_t node) {
        Near nearest;
        for_each_free(node, [&](const Near& near) {
            if (near.reach < nearest.reach) nearest = near;
        });
        return nearest;
    }

    template <class Visit>
    void for_each_free(uint32_t slot_id, Visit&& visit) {
        const ConstNode node = node_at(store_, layout_, slot_id);
        for (size_t i = 0; i < node.head().degree; ++i) {
            const uint64_t neighbor = layout_.slot_id(node.links()[i]);
            if (neighbor < free_.size() && free_[neighbor])
                visit(Near{link_reach(layout_, node, i), static_cast<uint32_t>(neighbor)});
        }
    }

    MemStore& store_;
    const NodeLayout& layout_;
    std::vector<uint8_t> free_;                 // by slot: a node that is in no group yet
    std::vector<uint32_t> group_;
    std::vector<Near> nearest_;                 // neighbors of the group
    std::vector<uint32_t> whole_[2], left_[2];  // of level 0, of those above
};

PageOrder::PageOrder(MemStore& store, const NodeLayout& layout, const std::function<void()>& progress)
    : store_(store), layout_(layout) {
    assign_slots(Grouping(store, layout).run(progress));
    if (layout.filters().columns() > 0) move_filter_entries(progress);
}

size_t PageOrder::memory(const NodeLayout& layout, size_t slots) {
    const FilterLayout& filters = layout.filters();
    const size_t entry = filters.columns() * sizeof(FilterKey) + (filters.has_sketches() ? filters.code_bytes() + FilterLayout::factor_size : 0);
    // Old and new slots and, while nodes are put together, lists of them and what is free; entries while they move.
    return slots * (5 * sizeof(uint32_t) + entry);
}

void PageOrder::assign_slots(const std::vector<uint32_t>& nodes) {
    const size_t slots = store_.page_count() * layout_.slots_per_page();
    old_slot_.assign(slots, nobody);
    new_slot_.assign(slots, nobody);
    auto next = nodes.begin();
    for (uint32_t block = meta_block + 1; next != nodes.end(); ++block) {
        if (!holds_nodes(store_, block)) continue;
        for (size_t s = 0; s < layout_.slots_per_page() && next != nodes.end(); ++s, ++next) {
            const auto slot = static_cast<uint32_t>(block * layout_.slots_per_page() + s);
            old_slot_[slot] = *next;
            new_slot_[*next] = slot;
        }
    }
}

// All are read before any is written. Slots that no node of level 0 comes to get what they would have if none had ever
// been there, so that no search takes them for rows.
void PageOrder::move_filter_entries(const std::function<void()>& progress) {
    const FilterLayout& filters = layout_.filters();
    const size_t columns = filters.columns(), slots = new_slot_.size();
    const size_t code_bytes = filters.has_sketches() ? filters.code_bytes() : 0;
    // By old slot; the last entry is that of nobody.
    std::vector<FilterKey> keys((slots + 1) * columns);
    std::vector<uint8_t> codes((slots + 1) * code_bytes), factors((slots + 1) * FilterLayout::factor_size);
    for (uint32_t slot = 0; slot < slots; ++slot) {
        if (slot % progress_step == 0) progress();
        if (new_slot_[slot] == nobody || node_at(store_, layout_, slot).head().level > 0) continue;
        const Link from = link_to(slot);
        read_filter_keys(store_, layout_, from, &keys[slot * columns]);
        if (!filters.has_sketches()) continue;
        const size_t index = filters.index_of(from);
        const uint8_t* const sketches = store_.payload(filters.page_of_sketch(filters.group_of(from.block), index));
        std::memcpy(&codes[slot * code_bytes], filters.code(sketches, index), code_bytes);
        std::memcpy(&factors[slot * FilterLayout::factor_size], filters.factor(sketches, index), FilterLayout::factor_size);
    }
    for (uint32_t slot = 0; slot < slots; ++slot) {
        if (slot % progress_step == 0) progress();
        const Link to = link_to(slot);
        if (to.block == meta_block || !holds_nodes(store_, to.block)) continue;
        const size_t from = old_slot_[slot] != nobody ? old_slot_[slot] : slots;
        write_filter_entry(store_, layout_, to,
                           {&keys[from * columns], codes.data() + from * code_bytes, &factors[from * FilterLayout::factor_size]});
    }
}

Link PageOrder::link_to(uint32_t slot_id) const {
    const auto slots = static_cast<uint32_t>(layout_.slots_per_page());
    return {slot_id / slots, static_cast<uint8_t>(slot_id % slots), 0};
}

NeedMap PageOrder::moved(NeedMap& needs, size_t most) const {
    NeedMap result(std::min(old_slot_.size(), most), most);
    for (uint64_t slot = 0; slot < old_slot_.size() && result.find(slot) != nullptr; ++slot)
        if (old_slot_[slot] != nobody) result[slot] = needs[old_slot_[slot]];
    return result;
}

void PageOrder::relabel(Link& link) const {
    if (!link.valid()) return;
    const uint64_t old = layout_.slot_id(link);
    const uint32_t slot = old < new_slot_.size() ? new_slot_[old] : nobody;
    if (slot == nobody) throw Error(ErrorCode::internal, "a link of a new graph leads nowhere");
    const uint8_t generation = link.generation;
    link = link_to(slot);
    link.generation = generation;
}

size_t PageOrder::copy_page(uint32_t block, uint8_t* payload) const {
    if (block != meta_block && holds_nodes(store_, block)) return copy_nodes(block, payload);
    const size_t used = store_.used(block);
    std::memcpy(payload, store_.payload(block), used);
    if (block == meta_block) relabel(meta_of(payload).entry_point);
    if (page_head(payload).kind != PageKind::tids) return used;
    for (size_t i = 0; sizeof(PageHead) + (i + 1) * sizeof(TidChunk) <= used; ++i)
        if (chunk_at(payload, i).used) relabel(chunk_at(payload, i).owner);
    return used;
}

size_t PageOrder::copy_nodes(uint32_t block, uint8_t* payload) const {
    page_head(payload) = page_head(store_.payload(block));
    size_t used = sizeof(PageHead);
    for (size_t s = 0; s < layout_.slots_per_page(); ++s) {
        const uint32_t from = old_slot_[block * layout_.slots_per_page() + s];
        if (from == nobody) break;
        used = layout_.slot_offset(s + 1);
        const Node node(layout_, layout_.slot(payload, s));
        std::memcpy(node.data(), node_at(store_, layout_, from).data(), layout_.slot_size());
        for (size_t i = 0; i < node.head().degree; ++i) relabel(node.links()[i]);
        relabel(node.head().down);
    }
    return used;
}

}  // namespace vecstore::core
