// Reading a node's chain of TidChunks.
//
// No lock is held between two chunks, so that a chain of any length may be read slowly, be interrupted, or be
// left alone after the first rows. Meanwhile others change it (tid_list.hpp):
//   - Inserts put rows into chunks read already, or into new ones in front: no snapshot that was taken before
//     sees them.
//   - Vacuum takes the chunk that comes next out of the chain. As long as it is not free it still leads on.
//   - It is free, or another node's, by the time it is read: reading begins again with the first one. TIDs do
//     not move, so chunks that were read are passed over.
//   - It is the same node's again, for new rows, at the front of the chain: reading goes on there, and comes
//     by again at what was read already.
#pragma once

#include <algorithm>
#include <memory>
#include <unordered_set>

#include "core/hnsw/node/tid_list.hpp"

namespace vecstore::core {

template <class Store>
class ChainReader {
  public:
    // first: the node's link to its chain, as it was read together with the TIDs in the node.
    ChainReader(Store& store, const NodeLayout& layout, const Link& node, const Link& first)
        : store_(&store), layout_(&layout), walk_(store, node, first) {}

    // The rows of the next chunk that has some: chunk_tids at most. 0: there are no more.
    size_t next(HeapTid* tids) {
        while (walk_) {
            const size_t count = read(tids);
            if (count > 0) return count;
        }
        return 0;
    }

  private:
    size_t read(HeapTid* tids) {
        const Link here = walk_.at();
        size_t count = 0;
        const ChunkFault fault = walk_.try_visit([&](const TidChunk& chunk) {
            if (!is_new(here, chunk.next)) return;
            std::copy_n(chunk.tids, chunk.count, tids);
            count = chunk.count;
        });
        if (fault != ChunkFault::none) begin_again(fault);
        return count;
    }

    // Chunks are remembered only where another one follows.
    bool is_new(const Link& chunk, const Link& next) {
        if (!seen_) {
            if (!next.valid()) return true;
            seen_ = std::make_unique<std::unordered_set<uint64_t>>();
        }
        return seen_->insert(chunk_id(chunk)).second;
    }

    void begin_again(ChunkFault fault) {
        // Vacuum frees chunks once in its run.
        constexpr int most = 100;
        const bool is_damage = fault == ChunkFault::endless || fault == ChunkFault::beyond_end;
        if (is_damage || ++times_begun_ > most) throw_bad_chunk(walk_.at(), walk_.node(), fault);
        auto page = store_->read(walk_.node().block);
        const ConstNode node = find_node(*layout_, page.payload(), walk_.node());
        // (A node that is gone has no rows for anybody.)
        walk_.begin_again(node ? node.head().overflow : Link{});
    }

    Store* store_;
    const NodeLayout* layout_;
    ChainWalk<Store> walk_;
    int times_begun_ = 0;
    std::unique_ptr<std::unordered_set<uint64_t>> seen_;
};

}  // namespace vecstore::core
