// Choosing a node's neighbors among the nodes that a search met (select.hpp has the heuristic).
//
// First the nodes are noted, one by one, as the search comes to them: measure() and note(), or meet(). Then
// sort_found(), and choose().
#pragma once

#include <algorithm>
#include <vector>

#include "core/base/float_order.hpp"
#include "core/hnsw/write/insert_memory.hpp"

namespace vecstore::core {

class NeighborChoice {
  public:
    // Of memory.query; into memory.found and the arrays beside it. Only the nearest ef_construction nodes and
    // some more are candidates.
    NeighborChoice(const VectorEncoder& encoder, InsertMemory& memory, size_t ef_construction)
        : encoder_(encoder), layout_(encoder.layout()), memory_(memory), ef_construction_(ef_construction) {}

    // Notes a node as found, under its page's lock. Returns its distance from memory_.query.
    float meet(const ConstNode& node, const Link& link) {
        const float distance = measure(node);
        note(node, link);
        return distance;
    }

    // The same of a live node of level 0 whose list may be changing meanwhile: only its vector is looked at,
    // and the lock is not needed.
    void meet_vector(const ConstNode& node, const Link& link) {
        measure(node);
        memory_.found.push_back(
            {distance_, nearby_, link, Link{}, false, false, static_cast<uint32_t>(memory_.found.size())});
    }

    // The distance of a node. On the same way over its vector, the code that a link to it will have, or in
    // plain mode a copy of the vector, goes to where the next found node has them.
    float measure(const ConstNode& node) {
        const size_t i = memory_.found.size();
        if (layout_.angle_codes()) {
            // Each by itself: the memory may come from an index whose codes are shorter.
            if (memory_.sums.size() <= i) memory_.sums.resize(2 * i + 128);
            const size_t needed = (i + 1) * layout_.code_bytes() + 64;
            if (memory_.codes.size() < needed)
                memory_.codes.resize(needed + (i + 128) * layout_.code_bytes());
            memory_.sums[i] = encoder_.encode_stored(node, memory_.query.internal(), code(i));
            return nearby_ = distance_ = memory_.sums[i].norm_squared;
        }
        const size_t n = encoder_.geometry().stored_dims;
        if (memory_.vectors.size() < (i + 1) * n) memory_.vectors.resize((2 * i + 128) * n);
        encoder_.decode(node, &memory_.vectors[i * n]);
        nearby_ = distance_ = memory_.query.order_distance(node);
        if (!encoder_.space().is_product()) return distance_;
        nearby_ = VectorSpace::nearby(distance_, memory_.query.norm2(), node.head().norm2);
        return memory_.query.looks_nearby() ? nearby_ : distance_;
    }

    // The node measured last.
    void note(const ConstNode& node, const Link& link) {
        const NodeHead& head = node.head();
        memory_.found.push_back({distance_, nearby_, link, head.level > 0 ? head.down : Link{}, node.dead(),
                                 node.is_full(), static_cast<uint32_t>(memory_.found.size())});
    }

    // The nearest first. (Where those nearby are others than the nearest, these.)
    void sort_found() {
        auto& found = memory_.found;
        sort_numbers(
            found.size(), [&](size_t i) { return found[i].nearby; }, memory_.keys);
        memory_.sorted_found.clear();
        for (const uint64_t key : memory_.keys) memory_.sorted_found.push_back(found[number_of(key)]);
        found.swap(memory_.sorted_found);
    }

    // From now on note_once() notes what it is not told twice.
    void clear_noted() { memory_.noted.clear(); }
    void note_once(const ConstNode& node, const Link& link) {
        if (memory_.noted.insert(layout_.node_id(link))) note(node, link);
    }

    // Chooses up to `limit` neighbors for memory_.query among memory_.found, which is sorted (sort_found):
    // none that is dead, nor `self`.
    void choose(size_t limit, const Link& self, ChosenNeighbors& chosen);

  private:
    static constexpr uint8_t kept_as_nearest = 1, kept_as_nearby = 2;
    // For choose(): fills memory_.order, the nodes to take in turn, and memory_.is_kept, which of them are
    // needed.
    void order_found(size_t limit);
    void order_by_products(size_t limit);

    uint8_t* code(size_t i) const { return memory_.codes.data() + i * layout_.code_bytes(); }

    const VectorEncoder& encoder_;
    const NodeLayout& layout_;
    InsertMemory& memory_;
    size_t ef_construction_;
    float distance_ = 0, nearby_ = 0;  // of the node measured last
};

}  // namespace vecstore::core
