// The rows that pass a filter, nearest first by what their sketches tell, without the graph.
#pragma once

#include "core/hnsw/search.hpp"

namespace vecstore::core {

template <class Store>
class PassingRows {
  public:
    PassingRows(Store& store, const NodeLayout& layout, const Query& query, SearchMemory& memory, FilterMap<Store>& map)
        : store_(store), layout_(layout), query_(query), memory_(memory), map_(map) {}

    // Ranks all of them. Without sketches: visits all of them, visitor(node, link, distance).
    template <class Visitor>
    void start(size_t width, Visitor&& visitor) {
        frontier().clear(width + 16);
        memory_.bound.clear(width);
        const float from_origin = query_.distance_to_origin();
        pages_ = store_.page_count();
        for (uint32_t group = 0; group < map_.groups(); ++group) {
            store_.check_interrupts();
            if (layout_.filters().has_sketches())
                rank(group, from_origin);
            else
                visit_all(group, visitor);
        }
        for (size_t i = count_ - std::min(count_, ahead); i < count_; ++i) visit(waiting_[i % ahead], visitor);
    }

    void widen(size_t width) { memory_.bound.widen(width); }

    // Visits the nearest. False when those left are too far to count.
    template <class Visitor>
    bool step(Visitor&& visitor) {
        Candidate nearest;
        if (!frontier().pop(query_.kernel_table(), memory_.bound.get(), [](const Link&) { return true; }, nearest))
            return false;
        store_.check_interrupts();
        visit(nearest.link, visitor);
        return true;
    }

    uint64_t visits() const { return visits_; }
    // How many there are, where they have sketches.
    size_t ranked() const { return ranked_; }

  private:
    static constexpr size_t ahead = 8;   // nodes whose pages are on the way into the cache

    Frontier& frontier() { return memory_.filtered.frontiers[0]; }

    void rank(uint32_t group, float from_origin) {
        const size_t per_page = layout_.filters().sketches_per_page();
        auto& slots = memory_.filtered.slots;
        slots.clear();
        map_.for_each_passing(group, [&](size_t i) {
            if (layout_.filters().slot_at(group, i).block < pages_) slots.push_back(static_cast<uint32_t>(i));
        });
        for (size_t begin = 0; begin < slots.size();) {
            size_t end = begin + 1;
            while (end < slots.size() && slots[end] / per_page == slots[begin] / per_page) ++end;
            if (end < slots.size()) store_.expect(layout_.filters().page_of_sketch(group, slots[end]), 0);
            rank_page(group, &slots[begin], end - begin, from_origin);
            begin = end;
        }
    }

    // Those of one page of sketches.
    void rank_page(uint32_t group, const uint32_t* slots, size_t count, float from_origin) {
        const FilterLayout& filters = layout_.filters();
        auto page = store_.read(filters.page_of_sketch(group, slots[0]));
        const uint8_t* const payload = page.payload();
        const bool known = page_head(payload).kind == PageKind::sketches;
        ranked_ += count;
        float* const distances = memory_.filtered.distances[0];
        Link* const links = memory_.filtered.links[0];
        const auto fetch = [&](size_t i) {
            if (i >= count) return;
            const uint8_t* const code = filters.code(payload, slots[i]);
            for (size_t at = 0; at < filters.code_bytes(); at += 64) __builtin_prefetch(code + at);
        };
        for (size_t i = 0; i < std::min<size_t>(ahead, count); ++i) fetch(i);
        for (size_t begin = 0; begin < count; begin += max_degree) {
            const size_t n = std::min(max_degree, count - begin);
            for (size_t i = 0; i < n; ++i) {
                const uint32_t slot = slots[begin + i];
                fetch(begin + i + ahead);
                links[i] = filters.slot_at(group, slot);
                // One that nothing is known of has to be looked at.
                distances[i] = known ? query_.estimate_one(filters.code(payload, slot), filters.factor(payload, slot),
                                                           from_origin)
                                     : -std::numeric_limits<float>::infinity();
            }
            frontier().push(
                distances, links, n, std::numeric_limits<float>::infinity(), true, [](const Link&) { return true; },
                [](const Link&) {});
        }
    }

    template <class Visitor>
    void visit_all(uint32_t group, Visitor& visitor) {
        map_.for_each_passing(group, [&](size_t i) {
            const Link link = layout_.filters().slot_at(group, i);
            if (link.block >= pages_) return;
            if (count_ >= ahead) visit(waiting_[count_ % ahead], visitor);
            store_.prefetch(link.block, layout_.slot_offset(link.slot), sizeof(NodeHead));
            store_.prefetch(link.block, layout_.slot_offset(link.slot) + layout_.own_offset(), layout_.own_bytes());
            waiting_[count_++ % ahead] = link;
        });
    }

    // link: without generation. The slot may be free, or that of an upper level.
    template <class Visitor>
    void visit(Link link, Visitor& visitor) {
        ++visits_;
        auto page = store_.read(link.block);
        if (page_head(page.payload()).kind != PageKind::nodes) return;
        const ConstNode node(layout_, layout_.slot(page.payload(), link.slot));
        if (!node.live() || node.head().level != 0) return;
        link.generation = node.head().generation;
        const float distance = query_.distance(node);
        memory_.bound.add(distance);
        if (memory_.filtered.shown.insert(layout_.node_id(link))) visitor(node, link, distance);
    }

    Store& store_;
    const NodeLayout& layout_;
    const Query& query_;
    SearchMemory& memory_;
    FilterMap<Store>& map_;
    uint32_t pages_ = 0;
    Link waiting_[ahead];
    size_t count_ = 0;    // of nodes put there
    size_t ranked_ = 0;
    uint64_t visits_ = 0;
};

}  // namespace vecstore::core
