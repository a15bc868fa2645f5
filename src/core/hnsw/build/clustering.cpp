#include "core/hnsw/build/clustering.hpp"

#include <algorithm>
#include <cmath>

#include "core/hnsw/build/nearby_order.hpp"

namespace vecstore::core {

namespace {

constexpr uint32_t progress_step = 1024;
constexpr int rounds = 5;
constexpr size_t least_nodes = 2000;

}  // namespace

Clustering::Clustering(MemStore& store, const VectorEncoder& encoder, uint8_t level,
                       const std::function<size_t(size_t)>& count, const std::function<void()>& progress)
    : store_(store),
      encoder_(encoder),
      layout_(encoder.layout()),
      dims_(encoder.geometry().stored_dims),
      level_(level) {
    order_nodes(progress);
    const size_t clusters = count(size_);
    if (clusters < 2) return;
    begin_with_runs(clusters);
    for (int round = 0; round < rounds; ++round) {
        find_centroids(progress);
        assign(progress);
    }
    find_centroids(progress);
    std::stable_sort(nodes_.begin(), nodes_.begin() + static_cast<ptrdiff_t>(size_),
                     [&](uint32_t a, uint32_t b) { return cluster_[a] < cluster_[b]; });
}

size_t Clustering::clusters_for(size_t nodes) {
    return nodes < least_nodes ? 0 : static_cast<size_t>(1.8 * std::sqrt(static_cast<double>(nodes))) + 1;
}

void Clustering::order_nodes(const std::function<void()>& progress) {
    const size_t slots = layout_.slots_per_page();
    std::vector<uint64_t> begin{0};
    std::vector<uint32_t> neighbors;
    std::vector<uint8_t> level;  // by slot: of its node, plus one; 0: there is none
    for (uint32_t block = 0; block < store_.page_count(); ++block) {
        if (block % progress_step == 0) progress();
        const bool has_nodes = holds_nodes(store_, block);
        for (size_t s = 0; s < slots; ++s) {
            level.push_back(0);
            if (has_nodes) {
                const ConstNode n = node_at(store_, layout_, level.size() - 1);
                const bool wanted = n.used() && (level_ == 0 || n.head().level == level_);
                if (wanted) level.back() = static_cast<uint8_t>(n.head().level + 1);
                for (size_t i = 0; wanted && i < n.degree(); ++i)
                    neighbors.push_back(static_cast<uint32_t>(layout_.slot_id(n.links()[i])));
            }
            begin.push_back(neighbors.size());
        }
    }
    nodes_ = nearby_order(begin, neighbors, progress);
    nodes_.erase(
        std::remove_if(nodes_.begin(), nodes_.end(), [&](uint32_t slot) { return level[slot] == 0; }),
        nodes_.end());
    std::stable_partition(nodes_.begin(), nodes_.end(),
                          [&](uint32_t slot) { return level[slot] == level_ + 1; });
    size_ = static_cast<size_t>(std::count(level.begin(), level.end(), level_ + 1));
}

void Clustering::begin_with_runs(size_t count) {
    cluster_.assign(store_.page_count() * layout_.slots_per_page(), none);
    for (size_t i = 0; i < size_; ++i) cluster_[nodes_[i]] = static_cast<uint32_t>(i * count / size_);
    centroids_.resize(count * dims_);
    met_by_.assign(count, none);
}

void Clustering::find_centroids(const std::function<void()>& progress) {
    std::fill(centroids_.begin(), centroids_.end(), 0.0f);
    std::vector<uint32_t> sizes(centroids_.size() / dims_);
    std::vector<float> vector(dims_);
    for (size_t i = 0; i < size_; ++i) {
        if (i % progress_step == 0) progress();
        const uint32_t cluster = cluster_[nodes_[i]];
        encoder_.decode(node_at(store_, layout_, nodes_[i]), vector.data());
        float* const sum = &centroids_[cluster * dims_];
        for (size_t d = 0; d < dims_; ++d) sum[d] += vector[d];
        ++sizes[cluster];
    }
    for (size_t c = 0; c < sizes.size(); ++c)
        for (size_t d = 0; d < dims_ && sizes[c] > 0; ++d)
            centroids_[c * dims_ + d] /= static_cast<float>(sizes[c]);
}

void Clustering::assign(const std::function<void()>& progress) {
    std::fill(met_by_.begin(), met_by_.end(), none);
    for (size_t i = 0; i < size_; ++i) {
        if (i % progress_step == 0) progress();
        cluster_[nodes_[i]] = nearest_around(nodes_[i]);
    }
}

uint32_t Clustering::nearest_around(uint32_t slot) {
    const ConstNode self = node_at(store_, layout_, slot);
    uint32_t nearest = cluster_[slot];
    float least = std::numeric_limits<float>::infinity();
    const auto compare = [&](uint32_t cluster) {
        if (cluster == none || met_by_[cluster] == slot) return;
        met_by_[cluster] = slot;
        const float distance = encoder_.distance(centroid(cluster), self);
        if (!(distance < least)) return;
        least = distance;
        nearest = cluster;
    };
    compare(cluster_[slot]);
    for (size_t i = 0; i < self.degree(); ++i)
        compare(cluster_of(static_cast<uint32_t>(layout_.slot_id(self.links()[i]))));
    return nearest;
}

}  // namespace vecstore::core
