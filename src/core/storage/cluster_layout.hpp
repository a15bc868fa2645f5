// Where clusters of nodes are, so that a search under conditions looks at the origin codes near its query
// alone.
//
// A build writes the nodes of level 0 out cluster by cluster (hnsw/build/clustering.hpp): a cluster is a run
// of blocks, and its rows' keys and origin codes lie together too. Behind the nodes come
//   a cluster map   one page (MetaData::cluster_map): a ClusterMapHead, then the numbers of the pages below
//   clusters        for each the code and factor of its centroid as origin codes have them, seen from the
//                   origin, and the block that it begins with; it ends where the next one does, the last at
//                   ClusterMapHead::nodes_end
//   unclustered     a bit for every slot of the blocks that there were: set before the slot gets a node that
//                   was not there when the clusters were made. Bits are never cleared: the slot of a cluster
//                   has got a node that may be anywhere, and so may the next one be
// Nodes of blocks beyond those (ClusterMapHead::blocks) are in no cluster. An index that was empty when it
// was created has no clusters.
#pragma once

#include "core/storage/page_arrays.hpp"

namespace vecstore::core {

#pragma pack(push, 1)

struct ClusterMapHead {
    uint32_t clusters;
    uint32_t nodes_end;  // the block behind the last cluster
    uint32_t blocks;     // that unclustered slots have bits for
    uint32_t cluster_pages;
    uint32_t unclustered_pages;
};

#pragma pack(pop)

// The map's pages are those of clusters, then those of unclustered slots.
class ClusterLayout : public MapPage<ClusterMapHead> {
  public:
    explicit ClusterLayout(const NodeLayout& layout) : clusters_(layout.code_bytes()) {}

    // One page of clusters: centroids, and the block that each begins with.
    const OriginCodePage<uint32_t>& clusters() const { return clusters_; }
    size_t cluster_pages(size_t clusters) const {
        return (clusters + clusters_.capacity() - 1) / clusters_.capacity();
    }
    static size_t unclustered_pages(uint64_t slots) {
        return static_cast<size_t>((slots + slots_per_unclustered_page - 1) / slots_per_unclustered_page);
    }

    // On a page of unclustered slots the bits are words; the page's head says whether any is set
    // (PageHead::reserved2).
    template <class Byte>
    static auto words(Byte* payload) {
        using Word = std::conditional_t<std::is_const_v<Byte>, const uint64_t, uint64_t>;
        return reinterpret_cast<Word*>(payload + sizeof(PageHead));
    }
    static constexpr size_t words_per_page = page_room / sizeof(uint64_t);
    static constexpr size_t slots_per_unclustered_page = words_per_page * 64;

  private:
    OriginCodePage<uint32_t> clusters_;
};

}  // namespace vecstore::core
