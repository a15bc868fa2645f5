// Nodes of a finished graph in the order their pages are written out in: neighbors share a page.
// Where there are filter columns, so do clusters (clustering.hpp).
//
// A search goes from a node to its neighbors, and where a page holds more than one node, each page that is
// read for one of them has the other as well. Nodes get their slots before it is known who their neighbors
// will be, so that few of them lie beside any. Here, once the graph is complete, nodes are put together
// again, each with the nearest neighbors that are still free. In the store they stay where they are: they
// move, and links are rewritten, while pages are copied out.
#pragma once

#include <functional>

#include "core/hnsw/build/clustering.hpp"
#include "core/hnsw/node/node_edit.hpp"
#include "core/storage/mem_store.hpp"

namespace vecstore::core {

class PageOrder {
  public:
    // Of a store that no other thread works on, and none changes any more. Entries of filter columns are
    // moved in the store itself, clusters appended (clusters.hpp): from then on it is good for copy_page()
    // alone. progress(): called now and then, may throw.
    PageOrder(MemStore& store, const VectorEncoder& encoder, const std::function<void()>& progress);

    // The memory for so many slots, in bytes.
    static size_t memory(const NodeLayout& layout, size_t slots);

    // The page as it is to be written: at `payload`, of page_payload_size bytes. Returns how many of them are
    // in use, at the beginning; the others are left as they are.
    size_t copy_page(uint32_t block, uint8_t* payload) const;

    // The neighbors that nodes want, by their slots in the pages as they are written. most: see NeedMap.
    NeedMap moved(NeedMap& needs, size_t most) const;

  private:
    static constexpr uint32_t nobody = UINT32_MAX;

    class Grouping;

    void assign_slots(const std::vector<uint32_t>& nodes);
    void map_clusters(const Clustering& clustering);
    void move_filter_entries(const std::function<void()>& progress);
    size_t copy_nodes(uint32_t block, uint8_t* payload) const;
    void relabel(Link& link) const;

    MemStore& store_;
    const NodeLayout& layout_;
    // By slot_id(), of which there are fewer than 2^32 in memory.
    std::vector<uint32_t> old_slot_;  // of the node that comes to a slot, or nobody
    std::vector<uint32_t> new_slot_;  // of the node that is in a slot, or nobody
};

}  // namespace vecstore::core
