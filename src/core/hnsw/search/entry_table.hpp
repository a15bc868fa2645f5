// The table of entry points into level 0: instead of walking down the levels a search looks at the groups of
// entry points that are nearest to its query (entry_table_layout.hpp), by codes that lie one after the other,
// and begins with the nodes that are nearest there.
//
// Measured on 200,000 x 768 in memory: of 12,400 nodes of level 1 in 222 groups, those of the nearest four
// groups lead to the same recall as the walk (.989 at ef_search 40, as many visits), in 7 us less of 51; the
// first 100 queries after a restart read 1,120 pages of upper levels less.
//
// Builds write them. Inserts add nodes to the nearest group with room, or begin a group; vacuum takes out
// what it is about to free. Each changes one page at a time, under its lock; to begin a group the map's
// lock is taken first. A crash, or a damaged page, costs entry candidates. Where there are none, searches
// walk down.
#pragma once

#include <algorithm>
#include <cmath>
#include <string>

#include "core/hnsw/search/search.hpp"
#include "core/storage/append.hpp"
#include "core/storage/entry_table_layout.hpp"
#include "core/storage/second_page.hpp"

namespace vecstore::core {

// Keeps the nearest of what it is shown, nearest first.
template <class Item, size_t most>
class NearestFew {
  public:
    void add(float distance, const Item& item) {
        if (!(distance < limit())) return;
        size_t at = count_ < most ? count_++ : most - 1;
        for (; at > 0 && distance < distances_[at - 1]; --at) {
            distances_[at] = distances_[at - 1];
            items_[at] = items_[at - 1];
        }
        distances_[at] = distance;
        items_[at] = item;
    }
    // No farther one is kept.
    float limit() const {
        return count_ < most ? std::numeric_limits<float>::infinity() : distances_[most - 1];
    }
    size_t size() const { return count_; }
    const Item& operator[](size_t i) const { return items_[i]; }
    float distance(size_t i) const { return distances_[i]; }

  private:
    float distances_[most];
    Item items_[most];
    size_t count_ = 0;
};

// Reads the map of entry points: the pages of groups, of which there are so many. None where the page is
// damaged.
template <class Store>
size_t read_entry_groups(Store& store, const EntryTableLayout& places, uint32_t map_block,
                         std::vector<uint32_t>& pages) {
    pages.clear();
    auto page = store.read(map_block);
    const EntryMapHead& head = *EntryTableLayout::map_head(page.payload());
    if (page_head(page.payload()).kind != PageKind::entry_map || head.pages > EntryTableLayout::most_pages)
        return 0;
    const uint32_t* const blocks = EntryTableLayout::map_pages(page.payload());
    pages.assign(blocks, blocks + head.pages);
    return std::min<size_t>(head.groups, head.pages * places.groups().capacity());
}

template <class Store>
class EntryTable {
  public:
    static constexpr size_t groups_looked_at = 6;
    static constexpr size_t candidates_taken = last_descent_width;
    static constexpr size_t groups_tried = 4;  // for room, by inserts

    EntryTable(Store& store, const NodeLayout& layout, const Query& query, SearchMemory& memory)
        : store_(store), layout_(layout), places_(layout), query_(query), memory_(memory) {}

    // EntryCandidates into level 0, the nearest first, into memory.entry_candidates. False: there are none,
    // or too many groups to look at.
    bool find(uint32_t map_block) {
        NearestFew<uint32_t, groups_looked_at> groups;
        if (!rank_groups(map_block, groups)) return false;
        NearestFew<Link, candidates_taken> entries;
        for (size_t i = 0; i < groups.size(); ++i) store_.expect(groups[i], sizeof(PageHead));
        for (size_t i = 0; i < groups.size(); ++i) rank_entries(groups[i], entries);
        auto& entry_candidates = memory_.entry_candidates;
        entry_candidates.clear();
        for (size_t i = 0; i < entries.size(); ++i) {
            EntryCandidate candidate;  // of unknown distance
            candidate.link = entries[i];
            if (!(entries.distance(i) < entries.distance(0) + error_of_estimates()))
                candidate.distance = entries.distance(i);
            entry_candidates.push_back(candidate);
        }
        return !entry_candidates.empty();
    }

    // A node of level 1 or above has been inserted: its slot on level 0. The query is its vector.
    void add(const Link& node) {
        if (!layout_.residual_codes()) return;
        code_.encode(layout_, query_.internal());
        const uint32_t map_block = read_entry_map(store_);
        if (map_block == 0) {
            begin(node);
            return;
        }
        NearestFew<uint32_t, groups_tried> groups;
        if (!rank_groups(map_block, groups)) return;
        for (size_t i = 0; i < groups.size(); ++i)
            if (put(groups[i], node)) return;
        begin_group(map_block, node);
    }

    static uint32_t read_entry_map(Store& store) {
        auto page = store.read(meta_block);
        return meta_of(page.payload()).entry_map;
    }

  private:
    // By how much estimates from the origin are wrong: the standard deviation that RaBitQ's estimator has for
    // a row about as far from the origin as the query. Which of two entries is nearer cannot be told below
    // that, so that both are looked at. Measured where codes tell next to nothing, on 3,000 x 256, normal in
    // 40 clusters: recall@10 at ef_search 40 is .91 by estimates alone, .92 so, .93 with twice as much, and
    // .94 with the walk down. On 200,000 x 768 a search visits .4 nodes more, and finds as much more as those
    // are worth; with twice as much 2 more.
    float error_of_estimates() const {
        const Geometry& g = layout_.geometry();
        const float deviation = 2 * code_constants(g.code_bits()).error;
        return deviation * from_origin_ / std::sqrt(static_cast<float>(g.code_dims));
    }

    // False: there are none to rank, or too many.
    template <size_t most>
    bool rank_groups(uint32_t map_block, NearestFew<uint32_t, most>& nearest) {
        auto& pages = memory_.entry_pages;
        const size_t groups = read_entry_groups(store_, places_, map_block, pages);
        if (groups == 0 || groups > EntryTableLayout::most_groups) return false;
        from_origin_ = query_.distance_to_origin();
        const auto& place = places_.groups();
        for (size_t i = 0; i < pages.size(); ++i) {
            auto page = store_.read(pages[i]);
            if (page_head(page.payload()).kind != PageKind::entry_groups) continue;
            const size_t count = std::min(place.capacity(), groups - std::min(groups, i * place.capacity()));
            rank(place, page.payload(), count, nearest);
        }
        return nearest.size() > 0;
    }

    void rank_entries(uint32_t block, NearestFew<Link, candidates_taken>& nearest) {
        auto page = store_.read(block);
        const PageHead& head = page_head(page.payload());
        if (head.kind != PageKind::entries) return;
        rank(places_.entries(), page.payload(), std::min<size_t>(head.reserved, places_.entries().capacity()),
             nearest);
    }

    template <class Place, class Nearest>
    void rank(const Place& place, const uint8_t* payload, size_t count, Nearest& nearest) {
        float* const distances = memory_.estimates.data();
        for (size_t first = 0; first < count; first += max_degree) {
            const size_t n = std::min(max_degree, count - first);
            query_.estimate(place.code(payload, first), place.factor(payload, first), n, from_origin_,
                            memory_.sums.data(), distances);
            for (size_t i = 0; i < n; ++i)
                if (distances[i] < nearest.limit()) nearest.add(distances[i], place.more(payload, first + i));
        }
    }

    // False: the page is full.
    bool put(uint32_t block, const Link& node) {
        auto page = store_.write(block);
        if (page_head(page.peek()).kind != PageKind::entries ||
            page_head(page.peek()).reserved >= places_.entries().capacity())
            return false;
        put_into(page, node);
        return true;
    }

    template <class WritePage>
    void put_into(WritePage& page, const Link& node) {
        uint8_t* const payload = page.modify();
        places_.entries().put(payload, page_head(payload).reserved++, code_.code(), code_.factor(), node);
        page.commit(page_payload_size);
    }

    uint32_t append_entries(const Link& node) {
        auto page = append_page(store_, layout_, PageKind::entries);
        const uint32_t block = page.block();
        put_into(page, node);
        return block;
    }

    uint32_t append_groups(uint32_t entries_block) {
        auto page = append_page(store_, layout_, PageKind::entry_groups);
        const uint32_t block = page.block();
        places_.groups().put(page.modify(), 0, code_.code(), code_.factor(), entries_block);
        page.commit(page_payload_size);
        return block;
    }

    // The first entry of an index that was empty when it was made. (Of two at once the second one's pages
    // are lost.) Not of one with nodes that have none, which searches would not find their
    // way to.
    void begin(const Link& node) {
        constexpr uint32_t few_pages = 64;
        if (store_.page_count() > few_pages + first_free_block(layout_)) return;
        const uint32_t groups = append_groups(append_entries(node));
        uint32_t map_block;
        {
            auto page = append_page(store_, layout_, PageKind::entry_map);
            map_block = page.block();
            *EntryTableLayout::map_head(page.modify()) = {1, 1};
            EntryTableLayout::map_pages(page.modify())[0] = groups;
            page.commit(page_payload_size);
        }
        auto meta = store_.write(meta_block);
        if (meta_of(meta.peek()).entry_map != 0) return;
        meta_of(meta.modify()).entry_map = map_block;
        meta.commit();
    }

    // Its centroid is the node.
    void begin_group(uint32_t map_block, const Link& node) {
        const uint32_t entries = append_entries(node);
        auto map = store_.write(map_block);
        const EntryMapHead head = *EntryTableLayout::map_head(map.peek());
        const size_t capacity = places_.groups().capacity();
        if (page_head(map.peek()).kind != PageKind::entry_map || head.pages > EntryTableLayout::most_pages)
            return;
        if (head.groups < head.pages * capacity) {
            auto page = write_second(store_, EntryTableLayout::map_pages(map.peek())[head.groups / capacity],
                                     PageKind::entry_groups);
            places_.groups().put(page.modify(), head.groups % capacity, code_.code(), code_.factor(),
                                 entries);
            page.commit(page_payload_size);
        } else {
            if (head.pages == EntryTableLayout::most_pages) return;
            const uint32_t groups = append_groups(entries);
            EntryTableLayout::map_pages(map.modify())[head.pages] = groups;
            ++EntryTableLayout::map_head(map.modify())->pages;
        }
        ++EntryTableLayout::map_head(map.modify())->groups;
        map.commit(page_payload_size);
    }

    Store& store_;
    const NodeLayout& layout_;
    const EntryTableLayout places_;
    const Query& query_;
    SearchMemory& memory_;
    float from_origin_ = 0;
    OriginCode code_;  // of the node to be added
};

// EntryCandidates into level 0, the nearest first. They are in the beam's memory until it goes down again.
template <class Store>
const std::vector<EntryCandidate>& find_candidates(Store& store, const NodeLayout& layout, const Query& query,
                                                   Beam<Store>& beam, EntryPoint entry) {
    if (entry.entry_map != 0 && EntryTable<Store>(store, layout, query, beam.memory()).find(entry.entry_map))
        return beam.memory().entry_candidates;
    return descend(beam, entry, 0);
}

// visit(block) for the page of each group; complain(block, text) of what is not as it should be. (Pages of
// groups that a crash kept out of the map are as harmless as free ones.)
template <class Store, class Visit, class Complain>
void for_each_entry_page(Store& store, const NodeLayout& layout, uint32_t map_block, Visit&& visit,
                         Complain&& complain) {
    if (map_block == 0) return;
    const EntryTableLayout places(layout);
    const uint32_t end = store.page_count();
    const auto exists = [&](uint32_t block, uint32_t named_by, const char* what) {
        if (block >= end)
            complain(named_by, std::string(what) + " on page " + std::to_string(block) +
                                   " lie beyond the end of the index");
        return block < end;
    };
    if (!exists(map_block, meta_block, "groups of entry points")) return;
    std::vector<uint32_t> group_pages, pages;
    size_t left = read_entry_groups(store, places, map_block, group_pages);
    if (left == 0) complain(map_block, "is no map of entry points");
    for (const uint32_t block : group_pages) {
        const size_t count = std::min(left, places.groups().capacity());
        left -= count;
        if (!exists(block, map_block, "groups of entry points")) continue;
        pages.clear();
        {
            auto page = store.read(block);
            if (page_head(page.payload()).kind == PageKind::entry_groups)
                for (size_t i = 0; i < count; ++i) pages.push_back(places.groups().more(page.payload(), i));
            else
                complain(block, "does not hold groups of entry points");
        }
        for (const uint32_t entries : pages)
            if (exists(entries, block, "entry points")) visit(entries);
    }
}

// Takes out the entry points that is_gone(link) says so of. Not while another does.
template <class Store, class IsGone>
void drop_entries(Store& store, const NodeLayout& layout, IsGone&& is_gone) {
    const OriginCodePage<Link> place = EntryTableLayout(layout).entries();
    const auto count_of = [&](const uint8_t* payload) {
        return std::min<size_t>(page_head(payload).reserved, place.capacity());
    };
    const auto any_gone = [&](uint32_t block) {
        auto page = store.read(block);
        if (page_head(page.payload()).kind != PageKind::entries) return false;
        for (size_t i = 0; i < count_of(page.payload()); ++i)
            if (is_gone(place.more(page.payload(), i))) return true;
        return false;
    };
    for_each_entry_page(
        store, layout, EntryTable<Store>::read_entry_map(store),
        [&](uint32_t block) {
            store.pause_point();
            if (!any_gone(block)) return;
            auto page = store.write(block);
            size_t count = count_of(page.peek());
            for (size_t i = 0; i < count;) {
                if (is_gone(place.more(page.peek(), i)))
                    place.move(page.modify(), --count, i);
                else
                    ++i;
            }
            page_head(page.modify()).reserved = static_cast<uint16_t>(count);
            page.commit(page_payload_size);
        },
        [](uint32_t, const std::string&) {});
}

}  // namespace vecstore::core
