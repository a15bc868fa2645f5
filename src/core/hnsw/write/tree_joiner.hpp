// The part of vacuum that joins the spanning tree of level 0 again (link_back.hpp explains the tree).
//
// Removing nodes leaves the tree in components. Every link between two components can become a tree edge
// (Kruskal's algorithm over the links there are); a component that no link connects is attached by a search.
//
// An edge counts when both its ends know of it: only then neither of them drops the link. Where an insert or
// a vacuum was interrupted in between, the edge is completed first, or given up.
#pragma once

#include <unordered_set>

#include "core/base/disjoint_sets.hpp"
#include "core/hnsw/node/page_walk.hpp"
#include "core/hnsw/node/slot_map.hpp"
#include "core/hnsw/write/edge_sums.hpp"
#include "core/hnsw/write/insert.hpp"

namespace vecstore::core {

template <class Store>
class TreeJoiner {
  public:
    // Looks at the nodes that are live in `slots`, on the first `pages` pages.
    TreeJoiner(Store& store, const VectorEncoder& encoder, NodeEditor<Store>& editor,
               Inserter<Store>& inserter, const SlotMap& slots, uint32_t pages, Scratch scratch = {})
        : store_(store),
          encoder_(encoder),
          layout_(encoder.layout()),
          editor_(editor),
          inserter_(inserter),
          slots_(slots),
          pages_(pages),
          scratch_(std::move(scratch)) {}

    void run() {
        find_nodes();
        mend_edges();
        for_each_live([&](const Link& link, const ConstNode& node) {
            for (size_t i = 0; i < node.degree(); ++i)
                if (node.tree_edge(i)) unite(link, node.links()[i]);
        });
        for (uint32_t block = meta_block + 1; block < pages_ && components_ > 1; ++block)
            connect_components(block);
        if (components_ > 1) attach_components();
    }

    uint64_t edges_made() const { return edges_made_; }
    // That the tree is in, after run(): one, or none where there are no nodes.
    size_t components() const { return components_; }

  private:
    struct Edge {
        Link from, to;
        std::vector<float> from_vector;
    };

    uint64_t id(const Link& link) const { return layout_.slot_id(link); }

    // Live nodes of level 0 that were live when vacuum passed them.
    template <class Visit>
    void for_each_live_on(uint32_t block, Visit&& visit) {
        for_each_live_node(store_, layout_, block, [&](const Link& link, const ConstNode& node) {
            if (slots_.is_live(id(link), link)) visit(link, node);
        });
    }
    template <class Visit>
    void for_each_live(Visit&& visit) {
        for (uint32_t block = meta_block + 1; block < pages_; ++block) {
            store_.pause_point();
            for_each_live_on(block, visit);
        }
    }

    void find_nodes() {
        component_.reset(slots_.size(), scratch_);
        level0_.reset(slots_.size(), scratch_);
        for_each_live([&](const Link& link, const ConstNode& node) {
            level0_[id(link)] = 1;
            ++components_;
            for (size_t i = 0; i < node.degree(); ++i)
                if (node.tree_edge(i)) sums_.add(link, node.links()[i]);
        });
    }

    uint64_t component_of(const Link& link) { return component_.find(id(link)); }

    bool known(const Link& link) const { return slots_.is_live(id(link), link) && level0_[id(link)]; }

    void unite(const Link& a, const Link& b) {
        if (known(a) && known(b) && component_.unite(id(a), id(b))) --components_;
    }

    // The links of a page that `chosen(node, link, i)` picks, to be worked on when the page is not locked.
    template <class Chosen>
    std::vector<Edge> edges_of(uint32_t block, Chosen&& chosen) {
        std::vector<Edge> edges;
        for_each_live_on(block, [&](const Link& link, const ConstNode& node) {
            for (size_t i = 0; i < node.degree(); ++i) {
                if (!known(link) || !known(node.links()[i]) || !chosen(node, link, i)) continue;
                Edge edge{link, node.links()[i], std::vector<float>(encoder_.geometry().stored_dims)};
                encoder_.decode(node, edge.from_vector.data());
                edges.push_back(std::move(edge));
            }
        });
        return edges;
    }

    void mend_edges() {
        for (uint32_t block = meta_block + 1; block < pages_; ++block) {
            store_.pause_point();
            const auto doubtful = [&](const ConstNode& node, const Link& link, size_t i) {
                return node.tree_edge(i) && sums_.doubtful(link, node.links()[i]);
            };
            for (const Edge& edge : edges_of(block, doubtful)) {
                if (!take(edge) || !editor_.has_tree_edge(edge.from, edge.to)) give_up(edge);
            }
        }
    }

    // Makes the other end of the edge know of it, if it does not.
    bool take(const Edge& edge) {
        const size_t cap = layout_.max_neighbors() - 1;  // leaves room for a parent
        return editor_.add_neighbor(edge.to, 0, edge.from, edge.from_vector.data(), cap) == LinkResult::added;
    }

    // One end could not be marked, or an insert that had meant this edge for its row has chosen another
    // meanwhile.
    void give_up(const Edge& edge) {
        editor_.clear_tree_edge(edge.from, edge.to);
        editor_.clear_tree_edge(edge.to, edge.from);
    }

    void connect_components(uint32_t block) {
        store_.pause_point();
        const auto between = [&](const ConstNode& node, const Link& link, size_t i) {
            return component_of(link) != component_of(node.links()[i]);
        };
        for (const Edge& edge : edges_of(block, between)) {
            if (component_of(edge.from) == component_of(edge.to) || !take(edge)) continue;
            if (inserter_.mark_parent(edge.from, edge.to, Link{}) &&
                editor_.has_tree_edge(edge.to, edge.from)) {
                ++edges_made_;
                unite(edge.from, edge.to);
            } else {
                give_up(edge);
            }
        }
    }

    // Components that no link connects: one node of each looks for neighbors in the entry point's
    // component.
    void attach_components() {
        const Link root = root_of_searches();
        if (!known(root)) return;
        std::vector<Edge> unconnected;
        std::unordered_set<uint64_t> seen{component_of(root)};
        for_each_live([&](const Link& link, const ConstNode& node) {
            if (!known(link) || node.tree_edge_count() >= layout_.max_neighbors() ||
                !seen.insert(component_of(link)).second)
                return;
            Edge edge{link, Link{}, std::vector<float>(encoder_.geometry().stored_dims)};
            encoder_.decode(node, edge.from_vector.data());
            unconnected.push_back(std::move(edge));
        });
        for (const Edge& edge : unconnected) {
            store_.pause_point();
            const auto rooted = [&](const Link& link) {
                return known(link) && component_of(link) == component_of(root);
            };
            if (!inserter_.attach_anew(edge.from, edge.from_vector.data(), norm2_of(edge.from), rooted))
                continue;
            ++edges_made_;
            unite(edge.from, root);
        }
    }

    // The node on level 0 that searches come down to from the entry point; or, if an insert has just put it
    // there, a neighbor of it.
    Link root_of_searches() {
        Link link = read_entry_point(store_).link;
        for (int guard = 0; guard < 64 && link.valid(); ++guard) {
            auto page = store_.read(link.block);
            const ConstNode node = find_node(layout_, page.payload(), link);
            if (!node) break;
            if (node.head().level > 0) {
                link = node.head().down;
                continue;
            }
            for (size_t i = 0; i < node.degree() && !known(link); ++i)
                if (known(node.links()[i])) link = node.links()[i];
            return link;
        }
        return {};
    }

    float norm2_of(const Link& link) {
        auto page = store_.read(link.block);
        const ConstNode node = find_node(layout_, page.payload(), link);
        return node ? node.head().norm2 : 0;
    }

    Store& store_;
    const VectorEncoder& encoder_;
    const NodeLayout& layout_;
    NodeEditor<Store>& editor_;
    Inserter<Store>& inserter_;
    const SlotMap& slots_;
    uint32_t pages_;
    Scratch scratch_;
    EdgeSums sums_;
    DisjointSets component_;
    ScratchArray<uint8_t> level0_;
    size_t components_ = 0;
    uint64_t edges_made_ = 0;
};

}  // namespace vecstore::core
