// Clusters on their pages (storage/cluster_layout.hpp): written by builds, read by searches; inserts note
// unclustered slots.
#pragma once

#include <vector>

#include "core/hnsw/space/encoder.hpp"
#include "core/storage/append.hpp"
#include "core/storage/cluster_layout.hpp"

namespace vecstore::core {

// A run of blocks, and the centroid of the vectors there.
struct Cluster {
    uint32_t begin;
    const float* centroid;  // internal, stored_dims
};

// Writes the map of so many clusters, in the order of their blocks, the last of which ends at nodes_end. Of a
// store that is being built. Too many for one map are left out: the index then has none.
template <class Store>
void write_clusters(Store& store, const NodeLayout& layout, const std::vector<Cluster>& clusters,
                    uint32_t nodes_end) {
    const ClusterLayout places(layout);
    ClusterMapHead head{static_cast<uint32_t>(clusters.size()), nodes_end, store.page_count(),
                        static_cast<uint32_t>(places.cluster_pages(clusters.size())),
                        static_cast<uint32_t>(ClusterLayout::unclustered_pages(uint64_t{store.page_count()} *
                                                                               layout.slots_per_page()))};
    if (clusters.empty() || head.cluster_pages + head.unclustered_pages > ClusterLayout::most_pages) return;
    const size_t per_page = places.clusters().capacity();
    OriginCode centroid;
    std::vector<uint32_t> pages;
    for (size_t first = 0; first < clusters.size(); first += per_page) {
        auto page = append_page(store, layout, PageKind::clusters);
        uint8_t* const payload = page.modify();
        for (size_t i = 0; i < std::min(per_page, clusters.size() - first); ++i) {
            const Cluster& cluster = clusters[first + i];
            centroid.encode(layout, cluster.centroid);
            places.clusters().put(payload, i, centroid.code(), centroid.factor(), cluster.begin);
        }
        pages.push_back(page.block());
        page.commit(page_payload_size);
    }
    for (size_t i = 0; i < head.unclustered_pages; ++i) {
        auto page = append_page(store, layout, PageKind::unclustered);
        std::memset(ClusterLayout::words(page.modify()), 0, page_room);
        pages.push_back(page.block());
        page.commit(page_payload_size);
    }
    uint32_t map_block;
    {
        auto page = append_page(store, layout, PageKind::cluster_map);
        map_block = page.block();
        *ClusterLayout::map_head(page.modify()) = head;
        std::copy(pages.begin(), pages.end(), ClusterLayout::map_pages(page.modify()));
        page.commit(sizeof(PageHead) + sizeof(head) + pages.size() * sizeof(uint32_t));
    }
    auto meta = store.write(meta_block);
    meta_of(meta.modify()).cluster_map = map_block;
    meta_of(meta.modify()).clustered_blocks = head.blocks;
    meta.commit();
}

// The map of an index that has one; else, or of a damaged page, no clusters.
struct ClusterMap {
    ClusterMapHead head{};
    std::vector<uint32_t> pages;

    bool empty() const { return head.clusters == 0; }
    uint32_t cluster_page(size_t i) const { return pages[i]; }
    uint32_t unclustered_page(size_t i) const { return pages[head.cluster_pages + i]; }
};

template <class Store>
void read_cluster_map(Store& store, const NodeLayout& layout, ClusterMap& map) {
    map.head = {};
    map.pages.clear();
    uint32_t block;
    {
        auto page = store.read(meta_block);
        block = meta_of(page.payload()).cluster_map;
    }
    if (block == 0 || block >= store.page_count()) return;
    auto page = store.read(block);
    if (page_head(page.payload()).kind != PageKind::cluster_map) return;
    const ClusterMapHead& head = *ClusterLayout::map_head(page.payload());
    const size_t count = size_t{head.cluster_pages} + head.unclustered_pages;
    if (count > ClusterLayout::most_pages ||
        head.cluster_pages != ClusterLayout(layout).cluster_pages(head.clusters) ||
        head.unclustered_pages !=
            ClusterLayout::unclustered_pages(uint64_t{head.blocks} * layout.slots_per_page()))
        return;
    const uint32_t* const pages = ClusterLayout::map_pages(page.payload());
    for (size_t i = 0; i < count; ++i)
        if (pages[i] >= store.page_count()) return;
    map.pages.assign(pages, pages + count);
    map.head = head;
}

// A node is about to be put into this slot, by an insert. No lock is held.
template <class Store>
void note_unclustered(Store& store, const NodeLayout& layout, const Link& node) {
    uint32_t block;
    {
        auto page = store.read(meta_block);
        const MetaData& meta = meta_of(page.payload());
        if (meta.cluster_map == 0 || node.block >= meta.clustered_blocks) return;
        block = meta.cluster_map;
    }
    const uint64_t slot = layout.slot_id(node);
    {
        auto page = store.read(block);
        const ClusterMapHead& head = *ClusterLayout::map_head(page.payload());
        const size_t place = head.cluster_pages + slot / ClusterLayout::slots_per_unclustered_page;
        if (page_head(page.payload()).kind != PageKind::cluster_map || place >= ClusterLayout::most_pages)
            return;
        block = ClusterLayout::map_pages(page.payload())[place];
    }
    const size_t bit = slot % ClusterLayout::slots_per_unclustered_page;
    auto page = store.write(block);
    if (page_head(page.peek()).kind != PageKind::unclustered ||
        (ClusterLayout::words(page.peek())[bit / 64] >> (bit % 64) & 1))
        return;
    ClusterLayout::words(page.modify())[bit / 64] |= uint64_t{1} << (bit % 64);
    page_head(page.modify()).reserved2 = 1;
    page.commit();
}

}  // namespace vecstore::core
