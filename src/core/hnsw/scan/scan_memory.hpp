// Memory of one scan, kept between scans.
//
// Inserts and vacuum search without conditions: they have a SearchMemory alone.
#pragma once

#include "core/hnsw/filter/clusters.hpp"
#include "core/hnsw/filter/filter_pages.hpp"
#include "core/hnsw/filter/stopping_rule.hpp"
#include "core/hnsw/search/search.hpp"

namespace vecstore::core {

// The rest, of a scan under conditions.
struct FilteredMemory {
    static constexpr size_t kinds = 2;
    FilterMemory map;
    Frontier frontiers[kinds];
    BeamBound guide_bound;
    VisitedSet shown;  // nodes whose rows are known
    // Neighbors, or slots, of one page, sorted by kind.
    float distances[kinds][max_degree];
    Link links[kinds][max_degree];
    std::vector<uint32_t> slots;
    std::vector<uint8_t> codes;  // of some of them
    uint8_t factors[max_degree * factor_bytes];
    // Of a ranking by clusters (matching_rows.hpp).
    ClusterMap map_of_clusters;
    std::vector<NearCluster> clusters;
    std::vector<uint64_t> unclustered;  // a bit for each slot, where any is set; else empty
    StoppingRule stopping_rule;
};

struct ScanMemory {
    SearchMemory search;
    FilteredMemory filtered;
};

// Bytes of what grows with the rows that a scan comes to.
inline size_t memory_of(const FilteredMemory& memory) {
    size_t bytes = memory.guide_bound.memory() + memory.shown.memory() + memory.stopping_rule.memory() +
                   (memory.map.bits.capacity() + memory.unclustered.capacity()) * sizeof(uint64_t) +
                   memory.clusters.capacity() * sizeof(NearCluster);
    for (const Frontier& frontier : memory.frontiers) bytes += frontier.memory();
    return bytes;
}
inline size_t memory_of(const ScanMemory& memory) {
    return memory_of(memory.search) + memory_of(memory.filtered);
}

}  // namespace vecstore::core
