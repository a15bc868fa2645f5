// Writing a new node into a slot: a free one, or the first one of a new page.
//
// Takes the exclusive lock of one page. Nothing links to the node yet (write/insert.hpp has all the steps).
#pragma once

#include <vector>

#include "core/hnsw/node/edit_memory.hpp"
#include "core/storage/append.hpp"
#include "core/storage/node_page.hpp"

namespace vecstore::core {

struct NewNode {
    uint8_t level;
    Link down;
    HeapTid tid;  // level 0
    OwnVector own;
    const uint8_t* own_bytes;
    const std::vector<LinkEntry>* neighbors;
    bool has_parent;  // the first neighbor is an edge of the spanning tree
    Wanted wanted;    // neighbors that the heuristic kept
};

template <class Store>
class NodePlacer {
  public:
    // needs: of all slots the store can have, or none.
    NodePlacer(Store& store, const NodeLayout& layout, NeedMap* needs = nullptr)
        : store_(store), layout_(layout), needs_(needs) {}

    // Writes a node into a free slot or a new page. Nothing links to it yet.
    Link place(const NewNode& node) {
        for (int attempt = 0; attempt < 3; ++attempt) {
            const uint32_t block = store_.find_free_page(attempt);
            if (block == invalid_block) continue;
            auto page = store_.write(block);
            const NodePage nodes(layout_, page.peek(), block);
            if (const int slot = free_slot(nodes); slot >= 0) return fill(std::move(page), slot, node);
            // A slot freed so recently that a running scan may still know it: its time will come.
            if (attempt == 1 && has_unused_slot(nodes)) store_.put_back_free_page(block);
        }
        return fill(append_page(store_, layout_, PageKind::nodes), 0, node);
    }

  private:
    using WritePage = decltype(std::declval<Store&>().write(0));

    int free_slot(const NodePage& nodes) {
        for (size_t i = 0; i < nodes.size(); ++i)
            if (!nodes[i].used() && store_.reusable(nodes[i].freed_at())) return static_cast<int>(i);
        return -1;
    }

    static bool has_unused_slot(const NodePage& nodes) {
        for (size_t i = 0; i < nodes.size(); ++i)
            if (!nodes[i].used()) return true;
        return false;
    }

    Link fill(WritePage page, size_t slot, const NewNode& from) {
        Link link{page.block(), static_cast<uint8_t>(slot), 0};
        const Node node = same_node(layout_, page.modify(), link);
        node.start(from.level);
        NodeHead& head = node.head();
        head.scale = from.own.scale;
        head.error = from.own.error;
        head.norm2 = from.own.norm2;
        if (from.level == 0) {
            head.all_rows = from.own.fingerprint;
            head.tid_count = 1;
            head.tids[0] = from.tid;
        } else {
            head.down = from.down;
        }
        std::memcpy(node.own(), from.own_bytes, layout_.own_bytes());
        for (const LinkEntry& entry : *from.neighbors)
            node.set_neighbor(node.degree(), entry.link, entry.code, entry.factor);
        if (from.has_parent) node.set_tree_edge(0, true);
        link.generation = head.generation;
        if (uint64_t* const wanted = needs_ != nullptr ? needs_->find(layout_.slot_id(link)) : nullptr)
            needs_->set(wanted, from.wanted);
        bool more_room = false;
        for (size_t i = 0; i < layout_.slots_per_page(); ++i)
            more_room |= !raw_node(layout_, page.peek(), i).used() && i != slot;
        page.commit(layout_.slot_offset(slot + 1));
        if (more_room) store_.note_free_page(link.block);
        return link;
    }

    Store& store_;
    const NodeLayout& layout_;
    NeedMap* needs_;
};

}  // namespace vecstore::core
