// Clusters of the nodes of one level of a finished graph.
//
// k-means (Lloyd's iterations), made cheap by the graph: it begins with runs of an order in which neighbors
// come together (nearby_order.hpp), and a node may go over to the clusters of its neighbors alone, of which
// there are about six. Measured on 200,000 x 768: after four rounds the nearest 24 of 800 clusters hold .95
// of the ten nearest of a tenth of the rows, drawn at random; those of full k-means on a sample .95 as well,
// the runs as they are .89.
#pragma once

#include <functional>

#include "core/hnsw/space/encoder.hpp"
#include "core/storage/mem_store.hpp"

namespace vecstore::core {

class Clustering {
  public:
    static constexpr uint32_t none = UINT32_MAX;

    // Of the nodes of a level of a store that no other thread works on. count(nodes): how many; fewer than
    // two: none. progress(): called now and then, may throw.
    Clustering(MemStore& store, const VectorEncoder& encoder, uint8_t level,
               const std::function<size_t(size_t)>& count, const std::function<void()>& progress);

    // Of level 0, as many as searches under conditions go through fast: each has to be looked at, and the
    // nearest from end to end. Few nodes are looked at all together.
    static size_t clusters_for(size_t nodes);

    // All nodes of the level, cluster by cluster, then of level 0 those above; by slot_id(), of which there
    // are fewer than 2^32.
    const std::vector<uint32_t>& nodes() const { return nodes_; }
    // none: of nodes of other levels, and where there are no clusters.
    uint32_t cluster_of(uint32_t slot) const { return slot < cluster_.size() ? cluster_[slot] : none; }
    // Internal, stored_dims.
    const float* centroid(uint32_t cluster) const { return &centroids_[cluster * dims_]; }

  private:
    void order_nodes(const std::function<void()>& progress);
    void begin_with_runs(size_t count);
    void find_centroids(const std::function<void()>& progress);
    void assign(const std::function<void()>& progress);
    uint32_t nearest_around(uint32_t slot);

    MemStore& store_;
    const VectorEncoder& encoder_;
    const NodeLayout& layout_;
    const size_t dims_;
    const uint8_t level_;
    size_t size_ = 0;  // how many of nodes_ are of the level
    std::vector<uint32_t> nodes_;
    std::vector<uint32_t> cluster_;  // by slot
    std::vector<float> centroids_;
    std::vector<uint32_t> met_by_;  // by cluster: the last slot that was compared with it
};

}  // namespace vecstore::core
