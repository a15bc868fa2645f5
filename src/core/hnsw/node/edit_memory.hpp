// Types that changes of neighbor lists share: neighbors to be, results, and memory for the work.
#pragma once

#include <vector>

#include "core/hnsw/node/met_nodes.hpp"
#include "core/hnsw/node/needs.hpp"
#include "core/hnsw/space/encoder.hpp"
#include "core/hnsw/space/select.hpp"
#include "core/quantize/code.hpp"
#include "core/storage/node.hpp"

namespace vecstore::core {

// A neighbor as a new list will hold it, code and factor computed.
struct LinkEntry {
    Link link;
    const uint8_t* code;    // code_bytes (coded mode)
    const uint8_t* factor;  // factor_bytes
};

enum class LinkResult {
    added,    // or it was there already
    pruned,   // the list is full of neighbors it needs more
    gone,     // the node is freed, dead, or another one
    no_room,  // a tree edge was asked for and the list is full of tree edges
};

// A node that wants to be another one's neighbor.
struct NewNeighbor {
    Link link;
    const float* vector;  // internal
    // Its code and factor in the list of the other node, if they are known already.
    const uint8_t* code = nullptr;  // coded mode
    const uint8_t* factor = nullptr;
    const MetNodes* met = nullptr;  // nodes whose distance from it is known
};

// How far a neighbor is from its node, in units that are about the same for all of an index's nodes: with
// residuals of random direction the norm follows from one factor, to within two per cent (code.hpp: k).
inline float code_reach(const uint8_t* factor) { return -load_factors(factor).f_rescale; }

// The same of the i-th neighbor in either mode: in plain mode its distance.
inline float link_reach(const NodeLayout& layout, const ConstNode& node, size_t i) {
    return layout.residual_codes() ? code_reach(node.factor(i)) : node.distance(i);
}

struct EditMemory {
    std::vector<float> center_vector;
    std::vector<float> squared = std::vector<float>(max_degree + 1);
    std::vector<uint8_t> code;
    uint8_t factor[factor_bytes];
    std::vector<float> root, sorted_squared;
    std::vector<uint16_t> by_distance, order;
    CodeAngles::KeptCodes kept_codes;
    std::vector<float> cosines = std::vector<float>(max_degree);
    std::vector<float> vectors;  // plain mode: the neighbors' vectors
    std::vector<Link> seen_links;
    std::vector<float> from_x = std::vector<float>(max_degree);  // plain mode: their distances from a new one
    std::vector<float> norm2;                                    // of inner products
    StoredQueryCode query_code;                                  // of inner products: a vector to be compared
    ProductOrder product;
};

}  // namespace vecstore::core
