// The memory of an insert: the row, the nodes met on the way, the neighbors chosen among them.
#pragma once

#include <vector>

#include "core/hnsw/filter/filter_pages.hpp"
#include "core/hnsw/node/edit_memory.hpp"
#include "core/hnsw/search/search.hpp"
#include "core/hnsw/space/query.hpp"

namespace vecstore::core {

struct NewRow {
    const float* internal;     // see vector_space.hpp
    const uint8_t* own_bytes;  // the same, encoded
    OwnVector own;
    HeapTid tid;
    uint8_t level;
    const FilterKey* filter_keys = nullptr;  // one for each filter column
};

// A node met during the search.
struct FoundNode {
    float distance;
    float nearby;  // the same, or where inner products are distances: VectorSpace::nearby
    Link link;
    Link down;
    bool dead;
    bool full;       // has as many neighbors as it can
    uint32_t index;  // of its code and sums, or vector, in InsertMemory
};

// The neighbors chosen on one level, nearest first, in memory that outlives the search.
struct ChosenNeighbors {
    std::vector<Link> links;
    std::vector<uint8_t> codes;  // code_bytes each, and 64 more at the end
    std::vector<uint8_t> factors;
    std::vector<uint8_t> reverse_codes;  // of the new node, in the list of each of them
    std::vector<uint8_t> reverse_factors;
    std::vector<uint8_t> wanted;  // a link back is worth while
    Wanted kept;                  // which of the links passed the heuristic

    void clear() {
        links.clear();
        kept = {};
    }
    // The i-th of them, in so many bytes of code.
    LinkEntry entry(size_t i, size_t code_bytes) const {
        return {links[i], codes.data() + i * code_bytes, factors.data() + i * factor_bytes};
    }
    // It becomes neighbor `at` of the node.
    void write(size_t i, size_t code_bytes, const Node& node, size_t at) const {
        const LinkEntry chosen = entry(i, code_bytes);
        node.set_neighbor(at, chosen.link, chosen.code, chosen.factor);
    }
};

struct InsertMemory {
    SearchMemory search;
    EditMemory edit;
    Query query;
    MetNodes met;
    std::vector<FoundNode> found, sorted_found;
    std::vector<uint64_t> keys;
    VisitedSet noted;  // those in `found`, where several searches may come to one
    // Of every node in `found`, by FoundNode::index. Coded mode:
    std::vector<uint8_t> codes;  // as seen from the query
    std::vector<ResidualSums> sums;
    // Plain mode:
    std::vector<float> vectors;
    std::vector<float> squared, roots;
    std::vector<uint16_t> order;
    CodeAngles::KeptCodes kept_codes;
    std::vector<uint8_t> is_kept;
    ProductOrder product;
    std::vector<float> norm2;
    std::vector<LinkEntry> entries;
    std::vector<ChosenNeighbors> chosen;  // by level
    std::vector<Link> alike, other_keys;  // nodes that store the row's vector
    OriginCode origin_code;
    std::vector<EntryCandidate> entry_candidates;
};

// The size of everything else is bounded by ef_construction.
inline size_t memory_of(const InsertMemory& memory) { return memory_of(memory.search); }

// As long as it lives searches without codes take distances from memory.met, and leave them there.
class WithMetNodes {
  public:
    WithMetNodes(InsertMemory& memory, const NodeLayout& layout) : search_(memory.search) {
        if (layout.coded()) return;
        memory.met.keep_only(memory.query.serial());
        search_.met = &memory.met;
    }
    ~WithMetNodes() { search_.met = nullptr; }
    WithMetNodes(const WithMetNodes&) = delete;
    WithMetNodes& operator=(const WithMetNodes&) = delete;

  private:
    SearchMemory& search_;
};

}  // namespace vecstore::core
