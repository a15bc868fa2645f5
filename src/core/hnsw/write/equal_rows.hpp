// Rows of equal vectors: a row whose vector a node stores already becomes one more row of that node
// (node/tid_list.hpp), and needs no node of its own.
#pragma once

#include <algorithm>
#include <functional>

#include "core/hnsw/filter/filter_pages.hpp"
#include "core/hnsw/node/tid_list.hpp"
#include "core/hnsw/write/insert_memory.hpp"

namespace vecstore::core {

template <class Store>
class EqualRowJoiner {
  public:
    // Looks among memory.found, nearest first.
    EqualRowJoiner(Store& store, const VectorEncoder& encoder, InsertMemory& memory)
        : store_(store), encoder_(encoder), layout_(encoder.layout()), memory_(memory) {}

    // is_gone(tid): is that row gone for all transactions that are and will be, here and on standbys? Called
    // without locks. Nodes that have the vector of a row, and only rows that are gone, are then given to it
    // (take_over()).
    void use_nodes_of_gone_rows(std::function<bool(const HeapTid&)> is_gone) {
        is_gone_ = std::move(is_gone);
    }

    // A row whose stored vector equals an existing node's becomes one more TID of that node: rather of one
    // whose rows have its very vector, else of one whose rows may differ in what is lost in storing them.
    bool join(const NewRow& row) {
        // Two vectors can be stored alike only if both are as near to the stored vector as its error allows.
        const float reach = encoder_.space().is_norm() ? 2 * row.own.error
                                                       : 4 * row.own.error * row.own.error;
        const bool product = encoder_.space().is_product();
        const TidOfRow as_tid{row.tid, row.own.error, row.own.fingerprint,
                              layout_.filters().columns() > 0 ? row.filter_keys : nullptr};
        const auto add = [&](const Link& node) {
            return add_tid(store_, layout_, node, as_tid) == TidAdded::yes;
        };
        constexpr size_t most_others = 4, most_alike = 8;
        size_t others = 0;
        memory_.alike.clear();
        memory_.other_keys.clear();
        for (const FoundNode& f : memory_.found) {
            if ((!product && f.distance > reach) || others == most_others) break;
            if (f.dead) continue;
            const Likeness likeness = compare(f, row);
            others += likeness == Likeness::other;
            if (likeness == Likeness::same && add(f.link)) return true;
            if (likeness == Likeness::alike && memory_.alike.size() < most_alike)
                memory_.alike.push_back(f.link);
            if (likeness == Likeness::other_keys && memory_.other_keys.size() < most_alike)
                memory_.other_keys.push_back(f.link);
        }
        if (std::any_of(memory_.alike.begin(), memory_.alike.end(), add)) return true;
        return is_gone_ &&
               std::any_of(memory_.other_keys.begin(), memory_.other_keys.end(), [&](const Link& node) {
                   return take_over(store_, layout_, node, as_tid, row.own.norm2, is_gone_);
               });
    }

  private:
    enum class Likeness {
        other,       // another vector is stored
        other_keys,  // the vector that the row's would be stored as, and other filter keys
        alike,       // the same keys as well
        same,        // and the vector is the same even before it is stored
    };

    Likeness compare(const FoundNode& f, const NewRow& row) {
        bool same;
        {
            auto page = store_.read(f.link.block);
            const ConstNode node = find_node(layout_, page.payload(), f.link);
            if (!node || node.head().scale != row.own.scale ||
                std::memcmp(node.own(), row.own_bytes, layout_.own_bytes()) != 0)
                return Likeness::other;
            same = node.head().all_rows.known() && node.head().all_rows == row.own.fingerprint;
        }
        if (!has_filter_keys(store_, layout_, f.link, row.filter_keys)) return Likeness::other_keys;
        return same ? Likeness::same : Likeness::alike;
    }

    Store& store_;
    const VectorEncoder& encoder_;
    const NodeLayout& layout_;
    InsertMemory& memory_;
    std::function<bool(const HeapTid&)> is_gone_;
};

}  // namespace vecstore::core
