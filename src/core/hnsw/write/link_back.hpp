// Links back to a new node: steps 3 and 4 of an insert (insert.hpp).
//
// The spanning tree. Pruning drops links, and with bad luck the last one that leads to a node. So one edge of
// every node, to the nearest neighbor that has room for it (its parent), is marked in both nodes as a tree
// edge and never pruned: level 0 stays strongly connected, whatever else is dropped. Only vacuum removes
// nodes, and it joins the components again (tree_joiner.hpp).
#pragma once

#include <algorithm>
#include <vector>

#include "core/hnsw/node/node_edit.hpp"
#include "core/hnsw/write/insert_memory.hpp"

namespace vecstore::core {

template <class Store>
class BackLinker {
  public:
    BackLinker(Store& store, const VectorEncoder& encoder, InsertMemory& memory, NeedMap* needs)
        : store_(store),
          encoder_(encoder),
          layout_(encoder.layout()),
          memory_(memory),
          editor_(store, encoder, memory.edit, needs) {}

    // On level 0: an edge of the tree, and the other links back. False: nobody has room for that edge.
    // expected: the node was written with that neighbor marked as its parent.
    bool attach(const float* internal, const Link& bottom, const ChosenNeighbors& chosen,
                const Link& expected) {
        const Link parent = find_parent(internal, bottom, chosen, expected);
        if (!parent.valid()) return false;
        for (size_t i = 0; i < chosen.links.size(); ++i)
            if (chosen.wanted[i] && chosen.links[i] != parent) link_back(chosen, i, 0, bottom, internal, 0);
        return true;
    }

    // On a level above 0: adds the new node to the lists of its neighbors.
    void link_back_above(const float* internal, uint8_t level, const Link& self,
                         const ChosenNeighbors& chosen) {
        for (size_t i = 0; i < chosen.links.size(); ++i)
            if (chosen.wanted[i]) link_back(chosen, i, level, self, internal, 0);
    }

    // Marks the edge to `parent` in the list of `node` as a tree edge.
    // `instead_of`: the link that was marked as such before (or none).
    // False: the node has no room for it.
    bool mark_parent(const Link& node, const Link& parent, const Link& instead_of) {
        std::vector<float> vector(encoder_.geometry().stored_dims);
        {
            auto page = store_.read(parent.block);
            const ConstNode found = find_node(layout_, page.payload(), parent);
            if (!found) return true;
            encoder_.decode(found, vector.data());
        }
        return editor_.set_tree_edge(node, parent, vector.data(), instead_of);
    }

    // Since that was last cleared: were nodes that the new one was to be linked to not there any more?
    bool met_gone() const { return met_gone_; }
    void clear_met_gone() { met_gone_ = false; }

  private:
    // Adds the new node to the list of its i-th neighbor.
    LinkResult link_back(const ChosenNeighbors& chosen, size_t i, uint8_t level, const Link& self,
                         const float* internal, size_t tree_cap) {
        return editor_.add_neighbor(
            chosen.links[i], level,
            {self, internal, &chosen.reverse_codes[i * layout_.code_bytes()],
             &chosen.reverse_factors[i * factor_bytes], layout_.coded() ? nullptr : &memory_.met},
            tree_cap);
    }

    // The nearest of the chosen neighbors that has room for a tree edge, rather one that has few; if there is
    // none, of all that were found.
    Link find_parent(const float* internal, const Link& bottom, const ChosenNeighbors& chosen,
                     const Link& expected) {
        const size_t soft_cap = std::max<size_t>(1, layout_.max_neighbors() / 2);
        const size_t hard_cap = layout_.max_neighbors() - 1;
        const auto taken_by = [&](const Link& parent, LinkResult result) {
            met_gone_ |= result == LinkResult::gone;
            if (result != LinkResult::added) return false;
            // A vacuum that found the edge from one end only may have given it up, or told the other end.
            if (parent == expected && editor_.has_tree_edge(bottom, expected)) return true;
            if (mark_parent(bottom, parent, parent == expected ? Link{} : expected)) {
                if (expected.valid() && parent != expected) {
                    editor_.clear_tree_edge(expected, bottom);
                    if (!editor_.has_tree_edge(expected, bottom)) editor_.clear_tree_edge(bottom, expected);
                }
                return true;
            }
            editor_.clear_tree_edge(parent, bottom);
            return false;
        };
        for (const size_t cap : {soft_cap, hard_cap})
            for (size_t i = 0; i < chosen.links.size(); ++i)
                if (taken_by(chosen.links[i], link_back(chosen, i, 0, bottom, internal, cap)))
                    return chosen.links[i];
        for (const FoundNode& f : memory_.found)
            if (f.link != bottom &&
                taken_by(f.link, editor_.add_neighbor(f.link, 0, bottom, internal, hard_cap)))
                return f.link;
        return {};
    }

    Store& store_;
    const VectorEncoder& encoder_;
    const NodeLayout& layout_;
    InsertMemory& memory_;
    NodeEditor<Store> editor_;
    bool met_gone_ = false;
};

}  // namespace vecstore::core
