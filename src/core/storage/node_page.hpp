// The way to a node on a page that may be damaged. find_node() and NodePage check a node when they hand it
// out: the page is one of nodes, it has such a slot, and the node has no more of something than there is room
// for. Code that has a node need not check again. The check of an index wants to tell of bad nodes, and gets
// them from raw_node().
#pragma once

#include "core/storage/node.hpp"

namespace vecstore::core {

// The error (corrupted_index) for a node that has more of something than there is room for.
[[noreturn]] void throw_bad_node(const NodeLayout& layout, const NodeHead& head, const Link& at);

// The node in a slot that the page has.
template <class Byte>
BasicNode<Byte> checked_node(const NodeLayout& layout, Byte* payload, const Link& at) {
    const BasicNode<Byte> node(layout, layout.raw_slot(payload, at.slot));
    const NodeHead& head = node.head();
    if (__builtin_expect((head.degree > layout.max_neighbors()) | (head.tid_count > inline_tids) |
                             (head.level > highest_level),
                         0))
        throw_bad_node(layout, head, at);
    return node;
}

// The node that the link was made for; none where the page does not have it, or not any more.
template <class Byte>
BasicNode<Byte> find_node(const NodeLayout& layout, Byte* payload, const Link& link) {
    if (page_head(payload).kind == PageKind::nodes && link.slot < layout.slots_per_page()) {
        const BasicNode<Byte> node = checked_node(layout, payload, link);
        if (node.is(link)) return node;
    }
    return BasicNode<Byte>(layout, nullptr);
}

// The same node, on a copy of the page, as that about to be changed is.
inline Node same_node(const NodeLayout& layout, uint8_t* payload, const Link& link) {
    return Node(layout, layout.raw_slot(payload, link.slot));
}

// The content of a slot of a page of nodes, used or not, unchecked: for the check, which judges it. None
// where there is no such slot.
inline ConstNode raw_node(const NodeLayout& layout, const uint8_t* payload, size_t slot) {
    return ConstNode(layout, slot < layout.slots_per_page() ? layout.raw_slot(payload, slot) : nullptr);
}

// The nodes on a page, and its free slots; none where it is no page of nodes.
class NodePage {
  public:
    NodePage(const NodeLayout& layout, const uint8_t* payload, uint32_t block)
        : layout_(layout),
          payload_(payload),
          block_(block),
          size_(page_head(payload).kind == PageKind::nodes ? layout.slots_per_page() : 0) {}

    size_t size() const { return size_; }
    ConstNode operator[](size_t slot) const {
        return checked_node(layout_, payload_, {block_, static_cast<uint8_t>(slot), 0});
    }
    // To the node that is there now.
    Link link(size_t slot) const {
        return {block_, static_cast<uint8_t>(slot),
                ConstNode(layout_, layout_.raw_slot(payload_, slot)).head().generation};
    }

  private:
    const NodeLayout& layout_;
    const uint8_t* payload_;
    uint32_t block_;
    size_t size_;
};

}  // namespace vecstore::core
