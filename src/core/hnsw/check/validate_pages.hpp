// The first half of checking an index (validate.hpp): its pages one by one. (validate_rows.hpp looks at the
// rows on them.)
#pragma once

#include <algorithm>
#include <cmath>
#include <string>
#include <vector>

#include "core/hnsw/check/validate_rows.hpp"
#include "core/hnsw/filter/clusters.hpp"
#include "core/hnsw/search/entry_table.hpp"
#include "core/hnsw/write/edge_sums.hpp"

namespace vecstore::core {

template <class Store>
class PageCheck : public RowCheck<Store> {
  public:
    using RowCheck<Store>::RowCheck;
    using RowCheck<Store>::report;

    void read_pages();

  protected:
    using Base = RowCheck<Store>;
    using Base::counts_, Base::inspector_, Base::layout_, Base::long_rows_, Base::meta_, Base::page_,
        Base::rows_, Base::slots_, Base::store_;
    using Base::dead, Base::used;
    using Base::look, Base::read_page, Base::slot_state, Base::target_problem;
    using typename Base::Slot;
    using typename Base::Target;

    std::vector<bool> node_pages_;
    std::vector<Link> above_entry_;  // live nodes above the entry point's level
    EdgeSums tree_edges_;

  private:
    void check_page(uint32_t block, size_t used_bytes);
    void check_node_page(uint32_t block, size_t used_bytes);
    void check_tid_page(uint32_t block, size_t used_bytes);
    void check_unplaced_page(uint32_t block, size_t used_bytes);
    void check_long_page(uint32_t block, size_t used_bytes);
    template <class Layout, class Visit>
    void check_list_page(const Layout& list, uint32_t block, size_t used_bytes, Visit&& visit);
    void check_clusters();
    void check_entries();
    void check_entries_on(uint32_t block);

    uint32_t pages_ = 0;                    // when the check began
    std::vector<uint32_t> cluster_blocks_;  // pages of clusters, unclustered slots, and their map
};

template <class Store>
void PageCheck<Store>::read_pages() {
    pages_ = store_.page_count();
    slots_.resize(static_cast<size_t>(pages_) * layout_.slots_per_page());
    node_pages_.resize(pages_);
    counts_.vacuum_pending = meta_.vacuum_pending != 0;
    for (uint32_t block = 0; block < pages_; ++block) {
        size_t used_bytes;
        read_page(block, page_, &used_bytes);
        check_page(block, used_bytes);
    }
    counts_.rows = rows_.size() + long_rows_.size();
    this->sort_rows();
    this->check_duplicate_rows();
    check_clusters();
    check_entries();
}

template <class Store>
void PageCheck<Store>::check_page(uint32_t block, size_t used_bytes) {
    const PageKind kind = page_head(page_.data()).kind;
    const bool in_mean = meta_.mean_block != invalid_block && block >= meta_.mean_block &&
                         block - meta_.mean_block < meta_.mean_pages;
    // (One whose insert was interrupted is empty until the next one needs it.)
    const PageKind due = kind == PageKind::unused ? kind : layout_.filters().kind_of(block);
    const bool of_filters = kind == PageKind::filters || kind == PageKind::origin_codes;
    if (kind > last_page_kind) {
        report(block, -1, "unknown kind of page " + std::to_string(static_cast<int>(kind)));
    } else if ((kind == PageKind::meta) != (block == meta_block)) {
        report(block, -1, block == meta_block ? "is no metapage" : "is a second metapage");
    } else if ((kind == PageKind::mean) != in_mean) {
        report(block, -1,
               in_mean ? "does not hold the mean" : "holds a mean that the metapage does not know");
    } else if ((of_filters || due != PageKind::unused) && kind != due) {
        report(
            block, -1,
            due == PageKind::unused ? "holds filter keys that are of no pages" : "does not hold filter keys");
    }
    if (kind >= PageKind::cluster_map && kind <= PageKind::unclustered) cluster_blocks_.push_back(block);
    count_page(page_.data(), layout_, counts_.pages);
    if (kind == PageKind::nodes) check_node_page(block, used_bytes);
    if (kind == PageKind::tids) check_tid_page(block, used_bytes);
    if (kind == PageKind::unplaced) check_unplaced_page(block, used_bytes);
    if (kind == PageKind::long_rows) check_long_page(block, used_bytes);
}

// Looks at a page of a list, and calls visit(row, i) for each row on it; for none where it says how many in a
// way that cannot be.
template <class Store>
template <class Layout, class Visit>
void PageCheck<Store>::check_list_page(const Layout& list, uint32_t block, size_t used_bytes, Visit&& visit) {
    const uint8_t* const payload = page_.data();
    const UnplacedHead& head = Layout::head(payload);
    if (head.count > list.capacity() || list.used(head.count) > used_bytes) {
        report(block, -1, "has " + std::to_string(head.count) + " " + Layout::content + ", more than fit");
        return;
    }
    if (head.next >= pages_ || head.next_room >= pages_)
        report(block, -1, "goes on on a page that does not exist");
    for (size_t i = 0; i < head.count; ++i) {
        const auto& row = list.row(list.entry(payload, i));
        if (row.tid.block == invalid_block || row.tid.offset == 0)
            report(block, static_cast<int>(i), "has no row");
        visit(row, i);
    }
}

// Rows without a place in the graph.
template <class Store>
void PageCheck<Store>::check_unplaced_page(uint32_t block, size_t used_bytes) {
    check_list_page(UnplacedLayout(layout_), block, used_bytes, [&](const UnplacedRow& row, size_t i) {
        if (row.kind != UnplacedKind::no_vector && row.kind != UnplacedKind::no_direction)
            report(block, static_cast<int>(i), "is an unknown kind of row without a place in the graph");
    });
}

// Rows beside the graph.
template <class Store>
void PageCheck<Store>::check_long_page(uint32_t block, size_t used_bytes) {
    check_list_page(LongLayout(layout_), block, used_bytes, [&](const LongRow& row, size_t i) {
        if (!std::isfinite(row.scale) || !(row.scale > 0) || !(row.error >= 0) || !(row.norm2 >= 0))
            report(block, static_cast<int>(i), "impossible scale, error bound or squared norm");
        long_rows_.push_back({row.tid, {block, static_cast<uint8_t>(std::min<size_t>(i, UINT8_MAX)), 0}});
    });
}

template <class Store>
void PageCheck<Store>::check_node_page(uint32_t block, size_t used_bytes) {
    node_pages_[block] = true;
    for (size_t s = 0; s < layout_.slots_per_page(); ++s) {
        const ConstNode node = raw_node(layout_, page_.data(), s);
        const Link self{block, static_cast<uint8_t>(s), node.head().generation};
        Slot& slot = *slot_state(self);
        slot.generation = self.generation;
        slot.level = node.head().level;
        slot.bits = node.head().flags & (used | dead);
        if (!node.used()) {
            if (node.dead()) report(block, static_cast<int>(s), "is marked dead, and holds no node");
            continue;
        }
        for (std::string& text : inspector_.inspect(node, self))
            report(block, static_cast<int>(s), std::move(text));
        if (layout_.slot_offset(s + 1) > used_bytes)
            report(block, static_cast<int>(s), "lies beyond what the page says is in use");
        if (!node.live()) continue;
        if (node.head().level > meta_.entry_level) above_entry_.push_back(self);
        if (node.head().level == 0) {
            this->record_rows(self, node);
            counts_.rough += inspector_.is_rough(node);
        }
        for (size_t i = 0; i < node.degree(); ++i)
            if (node.tree_edge(i)) tree_edges_.add(self, node.links()[i]);
    }
}

template <class Store>
void PageCheck<Store>::check_tid_page(uint32_t block, size_t used_bytes) {
    for (size_t i = 0; i < chunks_per_page; ++i) {
        const TidChunk& chunk = chunk_at(static_cast<const uint8_t*>(page_.data()), i);
        if (chunk.used > chunk_leaving)
            report(block, static_cast<int>(i), "unknown state of a chunk " + std::to_string(chunk.used));
        if (chunk.used && sizeof(PageHead) + (i + 1) * sizeof(TidChunk) > used_bytes)
            report(block, static_cast<int>(i), "lies beyond what the page says is in use");
    }
}

// Every node must be where a search through clusters looks: in one of them, among those that came later, or
// unclustered. (Unclustered slots are read after the nodes: a node that came meanwhile had its bit before.)
template <class Store>
void PageCheck<Store>::check_clusters() {
    ClusterMap map;
    read_cluster_map(store_, layout_, map);
    std::vector<uint32_t> due = map.pages;
    due.push_back(uint32_t{meta_.cluster_map});  // (not a reference to what is packed)
    for (const uint32_t block : cluster_blocks_)
        if (std::find(due.begin(), due.end(), block) == due.end())
            report(block, -1, "holds clusters that the metapage does not know");
    if (meta_.cluster_map == 0) return;
    if (map.empty()) return report(meta_.cluster_map, -1, "is no map of clusters");
    std::vector<uint64_t> unclustered;
    for (size_t i = 0; i < map.head.unclustered_pages; ++i) {
        read_page(map.unclustered_page(i), page_);
        const bool known = page_head(page_.data()).kind == PageKind::unclustered;
        if (!known) report(map.unclustered_page(i), -1, "does not hold unclustered slots");
        const uint64_t* const words = ClusterLayout::words(page_.data());
        for (size_t w = 0; w < ClusterLayout::words_per_page; ++w)
            unclustered.push_back(known ? words[w] : ~uint64_t{0});
    }
    const OriginCodePage<uint32_t> places = ClusterLayout(layout_).clusters();
    uint32_t first = map.head.nodes_end, last = 0;
    for (size_t i = 0; i < map.head.clusters; ++i) {
        const size_t place = i % places.capacity();
        const uint32_t block = map.cluster_page(i / places.capacity());
        if (place == 0) read_page(block, page_);
        if (page_head(page_.data()).kind != PageKind::clusters)
            return report(block, -1, "does not hold clusters");
        const uint32_t begin = places.more(page_.data(), place);
        if (begin <= last || begin >= map.head.nodes_end)
            report(block, -1, "cluster " + std::to_string(i) + " begins with block " + std::to_string(begin));
        first = std::min(first, begin);
        last = begin;
    }
    for (size_t id = 0; id < slots_.size(); ++id) {
        const Link at = layout_.slot_link(id);
        const bool live = (slots_[id].bits & (used | dead)) == used && slots_[id].level == 0;
        if (!live || at.block >= map.head.blocks || (at.block >= first && at.block < map.head.nodes_end) ||
            (unclustered[id / 64] >> (id % 64) & 1))
            continue;
        report(at.block, at.slot, "is in no cluster, and not among the unclustered");
    }
}

template <class Store>
void PageCheck<Store>::check_entries() {
    for_each_entry_page(
        store_, layout_, meta_.entry_map, [this](uint32_t block) { check_entries_on(block); },
        [this](uint32_t block, const std::string& text) { report(block, -1, text); });
}

template <class Store>
void PageCheck<Store>::check_entries_on(uint32_t block) {
    const OriginCodePage<Link> place = EntryTableLayout(layout_).entries();
    read_page(block, page_);
    if (page_head(page_.data()).kind != PageKind::entries)
        return report(block, -1, "does not hold entry points");
    const size_t count = page_head(page_.data()).reserved;
    if (count > place.capacity())
        return report(block, -1, "holds an impossible number of entry points, " + std::to_string(count));
    for (size_t i = 0; i < count; ++i) {
        const Link link = place.more(page_.data(), i);
        ConstNode node(layout_, nullptr);
        const Target found = look(link, node);
        std::string problem = target_problem(found);
        if (found == Target::there && node.head().level != 0)
            problem = "is of level " + std::to_string(node.head().level);
        if (!problem.empty())
            report(block, -1, "entry point " + std::to_string(i) + " to " + to_text(link) + " " + problem);
    }
}

}  // namespace vecstore::core
