// Candidates without the graph: the rows that match a filter, nearest first by what their origin codes tell.
//
// All of them are ranked, or those of the clusters that are nearest to the query, and of others as they are
// needed. How many clusters that takes, the search finds out (stopping_rule.hpp).
#pragma once

#include "core/hnsw/filter/filter_plan.hpp"
#include "core/hnsw/scan/candidate_source.hpp"
#include "core/hnsw/scan/scan_memory.hpp"

namespace vecstore::core {

// Reads the map of clusters, and unclustered slots, for start_near(); says of the search how many there are.
template <class Store>
void read_clusters(Store& store, const NodeLayout& layout, FilteredMemory& memory, FilteredSearch& search) {
    constexpr size_t words_of_page = ClusterLayout::words_per_page;
    ClusterMap& map = memory.map_of_clusters;
    read_cluster_map(store, layout, map);
    memory.unclustered.clear();
    for (size_t i = 0; i < map.head.unclustered_pages; ++i) {
        auto page = store.read(map.unclustered_page(i));
        // (Where a damaged page has kept no unclustered slots, all may be.)
        const bool known = page_head(page.payload()).kind == PageKind::unclustered;
        if (known && page_head(page.payload()).reserved2 == 0) continue;
        memory.unclustered.resize(map.head.unclustered_pages * words_of_page);
        uint64_t* const words = &memory.unclustered[i * words_of_page];
        if (known)
            std::memcpy(words, ClusterLayout::words(page.payload()), words_of_page * sizeof(uint64_t));
        else
            std::fill_n(words, words_of_page, ~uint64_t{0});
    }
    search.clusters = map.head.clusters;
    for (const uint64_t word : memory.unclustered)
        search.loose += static_cast<double>(__builtin_popcountll(word));
    const uint32_t pages = store.page_count();
    if (pages > map.head.blocks)
        search.loose += static_cast<double>(pages - map.head.blocks) *
                        static_cast<double>(layout.slots_per_page());
}

template <class Store>
class MatchingRows : public CandidateSource {
  public:
    MatchingRows(Store& store, const NodeLayout& layout, const Query& query, ScanMemory& memory,
                 FilterMap<Store>& map)
        : store_(store),
          layout_(layout),
          query_(query),
          memory_(memory.search),
          own_(memory.filtered),
          map_(map) {}

    // Ranks all of them. Without origin codes: visits all of them, visitor(node, link, distance).
    template <class Visitor>
    void start(size_t width, Visitor&& visitor) {
        begin(width);
        for (uint32_t group = 0; group < map_.groups(); ++group) {
            store_.check_interrupts();
            if (layout_.filters().has_origin_codes())
                rank(group, 0, layout_.filters().slots_per_group());
            else
                visit_all(group, visitor);
        }
        for (size_t i = count_ - std::min(count_, ahead); i < count_; ++i)
            visit(waiting_[i % ahead], visitor);
    }

    // Ranks those of clusters near the query, and those that are in none. memory.filtered has the map, and
    // unclustered slots.
    void start_near(size_t width) {
        begin(width);
        own_.stopping_rule.clear(width);
        find_clusters();
        rank_unclustered();
        if (pages_ > own_.map_of_clusters.head.blocks) rank_blocks(own_.map_of_clusters.head.blocks, pages_);
        rank_enough();
    }

    void widen(const SourceReach& reach) {
        width_ = reach.width;
        memory_.bound.widen(width_);
        if (own_.clusters.empty()) return;
        own_.stopping_rule.widen(width_);
        rank_enough();
    }
    // All that are ranked are visited, however far off.
    void take_all() { memory_.bound.widen(SIZE_MAX); }

    // Visits the nearest. False when those left are too far to count.
    template <class Visitor>
    bool step(Visitor&& visitor) {
        Candidate nearest;
        while (!frontier().pop(
            query_.kernel_table(), memory_.bound.get(), [](const Link&) { return true; }, nearest)) {
            // As long as there are fewer than wanted, farther clusters are looked at, too.
            if (memory_.bound.get() < std::numeric_limits<float>::infinity() || !rank_next()) return false;
        }
        store_.check_interrupts();
        visit(nearest.link, visitor);
        return true;
    }

    uint64_t visits() const { return visits_; }
    // How many there are, where they have origin codes.
    size_t ranked() const { return ranked_; }
    // Are there clusters that were not looked at yet?
    bool has_more() const { return !own_.clusters.empty(); }

  private:
    static constexpr size_t ahead = 8;  // nodes whose pages are on the way into the cache

    Frontier& frontier() { return own_.frontiers[0]; }

    void begin(size_t width) {
        width_ = width;
        frontier().clear(width + 16);
        memory_.bound.clear(width);
        own_.clusters.clear();
        in_cluster_ = false;
        from_origin_ = query_.distance_to_origin();
        pages_ = store_.page_count();
    }

    static bool farther(const NearCluster& a, const NearCluster& b) { return a.distance > b.distance; }

    // A heap of all of them by their distance. Where a page is damaged, one that has all nodes.
    void find_clusters() {
        const ClusterMap& map = own_.map_of_clusters;
        const size_t per_page = ClusterLayout(layout_).clusters().capacity();
        const uint32_t end = std::min(map.head.nodes_end, pages_);
        bool sound = true;
        for (size_t first = 0; sound && first < map.head.clusters; first += per_page)
            sound = read_clusters_of(map.cluster_page(first / per_page),
                                     std::min<size_t>(per_page, map.head.clusters - first), end);
        if (!sound) own_.clusters.assign(1, NearCluster{0, meta_block + 1, end});
        std::make_heap(own_.clusters.begin(), own_.clusters.end(), farther);
    }

    // Those of one page. False: they are not.
    bool read_clusters_of(uint32_t block, size_t count, uint32_t end) {
        const OriginCodePage<uint32_t> place = ClusterLayout(layout_).clusters();
        float* const distances = memory_.estimates.data();
        auto page = store_.read(block);
        const uint8_t* const payload = page.payload();
        if (page_head(payload).kind != PageKind::clusters) return false;
        for (size_t i = 0; i < count; ++i) {
            if (i % max_degree == 0)
                query_.estimate(place.code(payload, i), place.factor(payload, i),
                                std::min(max_degree, count - i), from_origin_, memory_.sums.data(),
                                distances);
            const uint32_t begin = place.more(payload, i);
            if (begin >= end || (!own_.clusters.empty() && begin <= own_.clusters.back().begin)) return false;
            if (!own_.clusters.empty()) own_.clusters.back().end = begin;
            own_.clusters.push_back({distances[i % max_degree], begin, end});
        }
        return true;
    }

    void rank_enough() {
        while (!own_.stopping_rule.is_enough(own_.clusters, map_.share(), [this](const NearCluster& c) {
            return slots_of(c);
        }) && rank_next()) {
        }
    }

    size_t slots_of(const NearCluster& cluster) const {
        return (cluster.end - cluster.begin) * layout_.slots_per_page();
    }

    // The nearest cluster that was not looked at. False: there is none.
    bool rank_next() {
        if (own_.clusters.empty()) return false;
        store_.check_interrupts();
        std::pop_heap(own_.clusters.begin(), own_.clusters.end(), farther);
        const NearCluster cluster = own_.clusters.back();
        own_.clusters.pop_back();
        if (!own_.clusters.empty())
            store_.expect(
                layout_.filters().page_of_keys(layout_.filters().group_of(own_.clusters.front().begin)), 0);
        own_.stopping_rule.enter(cluster, slots_of(cluster));
        in_cluster_ = true;
        rank_blocks(cluster.begin, cluster.end);
        in_cluster_ = false;
        return true;
    }

    void rank_blocks(uint32_t begin, uint32_t end) {
        const FilterLayout& filters = layout_.filters();
        if (begin >= end) return;
        const uint32_t first = filters.group_of(begin), last = filters.group_of(end - 1);
        for (uint32_t group = first; group <= last; ++group)
            rank(group, group == first ? filters.index_of({begin, 0, 0}) : 0,
                 group == last ? filters.index_of({end - 1, 0, 0}) + layout_.slots_per_page()
                               : filters.slots_per_group());
    }

    void rank_unclustered() {
        const FilterLayout& filters = layout_.filters();
        auto& slots = own_.slots;
        uint32_t group = 0;
        slots.clear();
        for (size_t w = 0; w < own_.unclustered.size(); ++w) {
            for (uint64_t word = own_.unclustered[w]; word != 0; word &= word - 1) {
                const uint64_t id = w * 64 + static_cast<size_t>(__builtin_ctzll(word));
                const Link link = layout_.slot_link(id);
                if (link.block == meta_block || link.block >= pages_ || !map_.passes(link)) continue;
                if (filters.group_of(link.block) != group) {
                    rank_slots(group);
                    slots.clear();
                    group = filters.group_of(link.block);
                }
                slots.push_back(static_cast<uint32_t>(filters.index_of(link)));
            }
        }
        rank_slots(group);
    }

    // Those of a part of a group.
    void rank(uint32_t group, size_t begin, size_t end) {
        own_.slots.clear();
        map_.for_each_matching(group, begin, end, [&](size_t i) {
            if (layout_.filters().slot_at(group, i).block < pages_)
                own_.slots.push_back(static_cast<uint32_t>(i));
        });
        rank_slots(group);
    }

    // Those of a group that own_.slots names.
    void rank_slots(uint32_t group) {
        const size_t per_page = layout_.filters().codes_per_page();
        const auto& slots = own_.slots;
        for (size_t begin = 0; begin < slots.size();) {
            size_t end = begin + 1;
            while (end < slots.size() && slots[end] / per_page == slots[begin] / per_page) ++end;
            if (end < slots.size())
                store_.expect(layout_.filters().page_of_origin_code(group, slots[end]), 0);
            rank_page(group, &slots[begin], end - begin);
            begin = end;
        }
    }

    // Those of one page of origin codes.
    void rank_page(uint32_t group, const uint32_t* slots, size_t count) {
        const FilterLayout& filters = layout_.filters();
        auto page = store_.read(filters.page_of_origin_code(group, slots[0]));
        const uint8_t* const payload = page.payload();
        const bool known = page_head(payload).kind == PageKind::origin_codes;
        ranked_ += count;
        float* const distances = own_.distances[0];
        Link* const links = own_.links[0];
        const size_t code_bytes = filters.code_bytes();
        own_.codes.resize(max_degree * code_bytes + FilterLayout::read_beyond);
        const auto fetch = [&](size_t i) {
            if (i >= count) return;
            const uint8_t* const code = filters.code(payload, slots[i]);
            for (size_t at = 0; at < code_bytes; at += 64) __builtin_prefetch(code + at);
        };
        for (size_t i = 0; i < std::min<size_t>(ahead, count); ++i) fetch(i);
        for (size_t begin = 0; begin < count; begin += max_degree) {
            const size_t n = std::min(max_degree, count - begin);
            // Put side by side, as several at a time are compared at little more than what one costs.
            for (size_t i = 0; i < n; ++i) {
                const uint32_t slot = slots[begin + i];
                fetch(begin + i + ahead);
                links[i] = filters.slot_at(group, slot);
                std::memcpy(&own_.codes[i * code_bytes], filters.code(payload, slot), code_bytes);
                std::memcpy(own_.factors + i * factor_bytes, filters.factor(payload, slot), factor_bytes);
            }
            query_.estimate(own_.codes.data(), own_.factors, n, from_origin_, memory_.sums.data(), distances);
            // Those that nothing is known of have to be looked at.
            if (!known) std::fill_n(distances, n, -std::numeric_limits<float>::infinity());
            for (size_t i = 0; in_cluster_ && i < n; ++i) own_.stopping_rule.add(distances[i]);
            frontier().push(
                distances, links, n, std::numeric_limits<float>::infinity(), true,
                [](const Link&) { return true; }, [](const Link&) {});
        }
    }

    template <class Visitor>
    void visit_all(uint32_t group, Visitor& visitor) {
        map_.for_each_matching(group, [&](size_t i) {
            const Link link = layout_.filters().slot_at(group, i);
            if (link.block >= pages_) return;
            if (count_ >= ahead) visit(waiting_[count_ % ahead], visitor);
            store_.prefetch(link.block, layout_.slot_offset(link.slot), sizeof(NodeHead));
            store_.prefetch(link.block, layout_.slot_offset(link.slot) + layout_.own_offset(),
                            layout_.own_bytes());
            waiting_[count_++ % ahead] = link;
        });
    }

    // link: without generation. The slot may be free, or that of an upper level.
    template <class Visitor>
    void visit(Link link, Visitor& visitor) {
        ++visits_;
        auto page = store_.read(link.block);
        const NodePage nodes(layout_, page.payload(), link.block);
        if (link.slot >= nodes.size()) return;
        const ConstNode node = nodes[link.slot];
        if (!node.live() || node.head().level != 0) return;
        link.generation = node.head().generation;
        const float distance = query_.distance(node);
        memory_.bound.add(distance);
        if (own_.shown.insert(layout_.node_id(link))) visitor(node, link, distance);
    }

    Store& store_;
    const NodeLayout& layout_;
    const Query& query_;
    SearchMemory& memory_;
    FilteredMemory& own_;
    FilterMap<Store>& map_;
    uint32_t pages_ = 0;
    float from_origin_ = 0;
    bool in_cluster_ = false;  // what is ranked now
    Link waiting_[ahead];
    size_t count_ = 0;  // of nodes put there
    size_t ranked_ = 0;
    uint64_t visits_ = 0;
};

}  // namespace vecstore::core
