// A node in its slot: typed access to its sections, and the only functions that write neighbors.
//
// A neighbor is a link, a factor and, in coded mode, a code, in three arrays. The i-th of each belong
// together, and bit i of the tree edges too. Reading is by reference into the page. Writing is by
// set_neighbor(), move_neighbor() and the functions beside them, which keep the four together: links(),
// code() and factor() are read-only for everybody else.
//
// find_node() and NodePage (node_page.hpp) give out nodes, and check them first.
#pragma once

#include <algorithm>
#include <type_traits>

#include "core/storage/layout.hpp"

namespace vecstore::core {

// The factor of a neighbor in plain mode is its distance.
inline float load_distance(const uint8_t* factor) {
    float distance;
    std::memcpy(&distance, factor, sizeof(distance));
    return distance;
}
inline void store_distance(float distance, uint8_t* factor) {
    static_assert(sizeof(distance) == factor_bytes);
    std::memcpy(factor, &distance, sizeof(distance));
}

// Byte is uint8_t or const uint8_t.
template <class Byte>
class BasicNode {
  public:
    BasicNode(const NodeLayout& layout, Byte* slot) : layout_(&layout), slot_(slot) {}

    template <class T>
    using Like = std::conditional_t<std::is_const_v<Byte>, const T, T>;

    // Is there one? (See find_node().)
    explicit operator bool() const { return slot_ != nullptr; }

    Like<NodeHead>& head() const { return *reinterpret_cast<Like<NodeHead>*>(slot_); }
    bool used() const { return (head().flags & node_used) != 0; }
    bool dead() const { return (head().flags & node_dead) != 0; }
    bool live() const { return (head().flags & (node_used | node_dead)) == node_used; }
    bool is(const Link& link) const { return used() && head().generation == link.generation; }
    // Of a free slot: the epoch that it was freed at.
    uint64_t freed_at() const { return head().tree_edges_or_epoch; }
    // Rows in the node itself: no more than there is room for.
    size_t tid_count() const { return std::min<size_t>(head().tid_count, inline_tids); }
    bool has_rows() const { return head().tid_count > 0 || head().overflow.valid(); }

    // Neighbors in use: no more than there is room for, whatever the page says.
    size_t degree() const { return std::min<size_t>(head().degree, layout_->max_neighbors()); }
    bool is_full() const { return head().degree >= layout_->max_neighbors(); }
    const Link* links() const { return reinterpret_cast<const Link*>(slot_ + layout_->links_offset()); }
    const uint8_t* codes() const { return slot_ + layout_->codes_offset(); }
    const uint8_t* code(size_t i) const { return codes() + i * layout_->code_bytes(); }
    const uint8_t* factors() const { return slot_ + layout_->factors_offset(); }
    const uint8_t* factor(size_t i) const { return factors() + i * factor_bytes; }
    // Plain mode: how far neighbor i is.
    float distance(size_t i) const { return load_distance(factor(i)); }
    // The place of a neighbor in the list; -1: it is none.
    int index_of(const Link& link) const {
        const Link* const all = links();
        for (size_t i = 0, n = degree(); i < n; ++i)
            if (all[i] == link) return static_cast<int>(i);
        return -1;
    }

    // Is neighbor i an edge of the spanning tree?
    bool tree_edge(size_t i) const { return (head().tree_edges_or_epoch >> i & 1) != 0; }
    // Bit i: neighbor i is one.
    uint64_t tree_edges() const { return head().tree_edges_or_epoch; }
    size_t tree_edge_count() const { return static_cast<size_t>(__builtin_popcountll(tree_edges())); }

    Byte* own() const { return slot_ + layout_->own_offset(); }
    Byte* data() const { return slot_; }

    // Neighbor i becomes this one, as an ordinary link. i is at most degree(), and below the room for
    // neighbors; at degree() it is one more. code: coded mode.
    void set_neighbor(size_t i, const Link& link, const uint8_t* code, const uint8_t* factor) const {
        set_link(i, link);
        if (layout_->coded()) std::memcpy(mutable_code(i), code, layout_->code_bytes());
        std::memcpy(mutable_factor(i), factor, factor_bytes);
        set_tree_edge(i, false);
        if (i == head().degree) head().degree = static_cast<uint8_t>(i + 1);
    }
    // Copies neighbor `from` to place `to`, with its bit of the tree edges.
    void move_neighbor(size_t from, size_t to) const {
        if (from == to) return;
        set_link(to, links()[from]);
        if (layout_->coded()) std::memcpy(mutable_code(to), code(from), layout_->code_bytes());
        std::memcpy(mutable_factor(to), factor(from), factor_bytes);
        set_tree_edge(to, tree_edge(from));
    }
    // The last one takes its place.
    void remove_neighbor(size_t i) const {
        const size_t last = head().degree - size_t{1};
        move_neighbor(last, i);
        set_tree_edge(last, false);
        head().degree = static_cast<uint8_t>(last);
    }
    void clear_neighbors() const {
        head().degree = 0;
        head().tree_edges_or_epoch = 0;
    }
    void set_tree_edge(size_t i, bool is_edge) const {
        const uint64_t bit = uint64_t{1} << i, others = tree_edges() & ~bit;
        head().tree_edges_or_epoch = is_edge ? others | bit : others;
    }
    // Of the same neighbor, when it has moved.
    void set_link(size_t i, const Link& link) const {
        std::memcpy(slot_ + layout_->links_offset() + i * sizeof(Link), &link, sizeof(Link));
    }

    // Makes an empty node of the slot. Its generation stays.
    void start(uint8_t level) const {
        const uint8_t generation = head().generation;
        std::memset(slot_, 0, layout_->slot_size());
        head().flags = node_used;
        head().generation = generation;
        head().level = level;
        head().overflow = Link{};
    }
    // Frees the slot. Links to it dangle from now on.
    void free(uint64_t epoch) const {
        const auto generation = static_cast<uint8_t>(head().generation + 1);
        head() = NodeHead{};
        head().generation = generation;
        head().tree_edges_or_epoch = epoch;
    }

  private:
    uint8_t* mutable_code(size_t i) const {
        return slot_ + layout_->codes_offset() + i * layout_->code_bytes();
    }
    uint8_t* mutable_factor(size_t i) const { return slot_ + layout_->factors_offset() + i * factor_bytes; }

    const NodeLayout* layout_;
    Byte* slot_;  // null: there is none
};

using Node = BasicNode<uint8_t>;
using ConstNode = BasicNode<const uint8_t>;

}  // namespace vecstore::core
