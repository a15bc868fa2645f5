// The part of vacuum that keeps every node easy to find.
//
// A search for a node's own vector comes to the nodes around it, and finds it when one of them links to it.
// Selection leaves nodes with few such links, deletes and repairs take some of those, and nobody notices: each
// node sees the links that leave it, not those that lead to it. So vacuum counts, for every node, the links from
// nodes nearby, and gives those that have too few new ones in the lists of their nearest neighbors, in the
// place of neighbors that have enough.
#pragma once

#include <limits>

#include "core/hnsw/node_edit.hpp"
#include "core/hnsw/page_walk.hpp"
#include "core/hnsw/slot_map.hpp"

namespace vecstore::core {

template <class Store>
class NearLinks {
  public:
    // Looks at the nodes of level 0 on the first `pages` pages.
    NearLinks(Store& store, const VectorEncoder& encoder, NodeEditor<Store>& editor, uint32_t pages)
        : store_(store),
          encoder_(encoder),
          layout_(encoder.layout()),
          editor_(editor),
          pages_(pages),
          enough_(layout_.max_neighbors() / 6 + 1) {}

    void run() {
        const size_t slots = static_cast<size_t>(pages_) * layout_.slots_per_page();
        nodes_.resize(slots);
        near_.resize(slots);
        links_.assign(slots, 0);
        for_each_page([&](const Link& link, const ConstNode& node) {
            nodes_.set(id(link), SlotMap::live, link.generation);
            near_[id(link)] = nearby(node);
        });
        for_each_page([&](const Link&, const ConstNode& node) {
            for (size_t i = 0; i < node.head().degree; ++i)
                if (counts(node.links()[i], editor_.reach_of(node, i))) count(node.links()[i], 1);
        });
        for (uint32_t block = meta_block + 1; block < pages_; ++block) mend_page(block);
    }

    uint64_t links_made() const { return links_made_; }

  private:
    struct Lonely {
        Link link;
        std::vector<Link> neighbors;   // nearest first
        std::vector<float> vector;
    };

    uint64_t id(const Link& link) const { return layout_.slot_id(link); }
    bool known(const Link& link) const { return nodes_.is_live(id(link), link); }
    bool counts(const Link& to, float reach) const { return known(to) && reach <= near_[id(to)]; }
    void count(const Link& to, int by) {
        const int sum = links_[id(to)] + by;
        links_[id(to)] = static_cast<uint8_t>(std::clamp(sum, 0, 255));
    }

    // How far from the node still counts as nearby: as far as the nearer half of its neighbors.
    float nearby(const ConstNode& node) {
        const size_t degree = node.head().degree;
        if (degree == 0) return std::numeric_limits<float>::infinity();
        float reach[max_degree];
        for (size_t i = 0; i < degree; ++i) reach[i] = editor_.reach_of(node, i);
        std::nth_element(reach, reach + degree / 2, reach + degree);
        return reach[degree / 2];
    }

    template <class Visit>
    void for_each_page(Visit&& visit) {
        for (uint32_t block = meta_block + 1; block < pages_; ++block) {
            store_.pause_point();
            for_each_live_node(store_, layout_, block, visit);
        }
    }

    void mend_page(uint32_t block) {
        const size_t first = static_cast<size_t>(block) * layout_.slots_per_page();
        bool any = false;
        for (size_t slot = first; slot < first + layout_.slots_per_page(); ++slot)
            any |= nodes_.state(slot) == SlotMap::live && links_[slot] < enough_;
        if (!any) return;
        store_.pause_point();
        std::vector<Lonely> lonely;
        for_each_live_node(store_, layout_, block, [&](const Link& link, const ConstNode& node) {
            if (known(link) && links_[id(link)] < enough_) lonely.push_back(describe(link, node));
        });
        for (const Lonely& one : lonely)
            for (size_t i = 0; i < one.neighbors.size() && links_[id(one.link)] < enough_; ++i) {
                const auto may_go = [&](const Link& link, float reach) {
                    return !counts(link, reach) || links_[id(link)] > enough_;
                };
                Link gone;
                if (!editor_.force_neighbor(one.neighbors[i], {one.link, one.vector.data()}, may_go, gone)) continue;
                if (known(gone)) count(gone, -1);
                count(one.link, 1);
                ++links_made_;
            }
    }

    Lonely describe(const Link& link, const ConstNode& node) {
        Lonely one{link, {}, std::vector<float>(encoder_.geometry().stored_dims)};
        std::vector<std::pair<float, Link>> by_reach;
        for (size_t i = 0; i < node.head().degree; ++i)
            if (known(node.links()[i])) by_reach.emplace_back(editor_.reach_of(node, i), node.links()[i]);
        std::sort(by_reach.begin(), by_reach.end(), [](const auto& a, const auto& b) { return a.first < b.first; });
        for (size_t i = 0; i < by_reach.size() && i < 2 * enough_; ++i) one.neighbors.push_back(by_reach[i].second);
        encoder_.decode(node, one.vector.data());
        return one;
    }

    Store& store_;
    const VectorEncoder& encoder_;
    const NodeLayout& layout_;
    NodeEditor<Store>& editor_;
    uint32_t pages_;
    // So many links from nearby are wanted. Measured on clustered data, a third of the rows replaced fifty times over:
    // of rows not found by their own vector there are 0.05% with a sixth of what a node has room for and no fewer
    // with a third, which takes eight times as many new links; 0.02% in a new index.
    size_t enough_;
    SlotMap nodes_;                // those of level 0
    std::vector<float> near_;      // by slot: how far nearby is
    std::vector<uint8_t> links_;   // by slot: links from nearby
    uint64_t links_made_ = 0;
};

}  // namespace vecstore::core
