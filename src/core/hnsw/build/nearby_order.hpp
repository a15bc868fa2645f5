// Nodes of a graph in an order that keeps neighbors near each other.
#pragma once

#include <cstdint>
#include <functional>
#include <vector>

namespace vecstore::core {

// Puts nodes into an order in which each comes soon after its neighbors, greedily: next comes the one with
// the most links from those that came last (after Wei et al., "Speedup graph processing by graph ordering",
// SIGMOD 2016), of the neighbors of the last few. begin: where each node's neighbors are, and one more: where
// they end. progress(): called now and then, may throw.
std::vector<uint32_t> nearby_order(const std::vector<uint64_t>& begin, const std::vector<uint32_t>& neighbors,
                                   const std::function<void()>& progress);

}  // namespace vecstore::core
