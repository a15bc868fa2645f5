// The walker of chains of TidChunks (tid_list.hpp), for scans, vacuum, export and the check.
//
// A link of a chain may be bad: pages may be damaged, and vacuum frees chunks while others walk. The walker
// checks every chunk before anybody sees it: its page exists and holds chunks, it is in use, it is the
// node's, and it has no more TIDs than there is room for. It ends after as many steps as there are chunks,
// where a chain goes round in a circle. It holds the lock of one chunk's page at a time, and none between
// two.
//
// The caller knows the meaning of a bad chunk:
//   reading (tid_chain.hpp)   vacuum has freed it: begin again with the first one
//   vacuum (tid_vacuum.hpp)   the index is damaged: only vacuum frees chunks
//   the check (check/)        a problem to tell of
#pragma once

#include <algorithm>
#include <string>

#include "core/base/error.hpp"
#include "core/storage/layout.hpp"

namespace vecstore::core {

inline uint64_t chunk_id(const Link& chunk) {
    return static_cast<uint64_t>(chunk.block) * chunks_per_page + chunk.slot;
}

// Why a chunk that a chain leads to is bad.
enum class ChunkFault {
    none,
    beyond_end,    // the index has no such page
    no_chunk,      // the page holds no chunks, or not so many
    free,          // nobody uses it
    another_node,  // it is another node's
    overfull,      // it says that it has more TIDs than there is room for
    endless,       // its chain has more links than there are chunks
};

// Of a page that exists.
inline ChunkFault chunk_fault(const uint8_t* payload, const Link& at, const Link& owner) {
    if (page_head(payload).kind != PageKind::tids || at.slot >= chunks_per_page) return ChunkFault::no_chunk;
    const TidChunk& chunk = chunk_at(payload, at.slot);
    if (chunk.used == chunk_free) return ChunkFault::free;
    if (chunk.owner != owner) return ChunkFault::another_node;
    return chunk.count > chunk_tids ? ChunkFault::overfull : ChunkFault::none;
}

// Is the chunk one of the node's? (One that leaves is.)
inline bool holds_chunk(const uint8_t* payload, const Link& at, const Link& owner) {
    return chunk_fault(payload, at, owner) == ChunkFault::none;
}

[[noreturn]] inline void throw_bad_chunk(const Link& chunk, const Link& owner, const std::string& problem) {
    const auto place = [](const Link& at) {
        return std::to_string(at.block) + "," + std::to_string(at.slot);
    };
    throw Error(ErrorCode::corrupted_index,
                "chunk (" + place(chunk) + ") of the rows of node (" + place(owner) + ") " + problem, "",
                "REINDEX the index.");
}

[[noreturn]] inline void throw_bad_chunk(const Link& chunk, const Link& owner, ChunkFault fault) {
    throw_bad_chunk(chunk, owner,
                    fault == ChunkFault::beyond_end ? "lies beyond the end of the index"
                    : fault == ChunkFault::endless  ? "is in a chain without end"
                                                    : "is not one of its");
}

template <class Store>
class ChainWalk {
  public:
    // first: the node's link to its chain, or any chunk to begin with.
    ChainWalk(Store& store, const Link& node, const Link& first) : store_(&store), node_(node), at_(first) {}

    // Is there another chunk?
    explicit operator bool() const { return at_.valid(); }
    // Where it stands: the chunk that visit() looks at next.
    const Link& at() const { return at_; }
    const Link& node() const { return node_; }

    // Calls look(chunk) under the lock of the chunk's page, and goes on to the next one. Where the chunk is
    // bad, look is not called, and the walker stays where it is.
    template <class Look>
    ChunkFault try_visit(Look&& look) {
        return try_visit(look, [](const TidChunk&) {});
    }
    // The same; look_at_bad(chunk): of a chunk that is there, and bad.
    template <class Look, class LookAtBad>
    ChunkFault try_visit(Look&& look, LookAtBad&& look_at_bad) {
        if (is_endless()) return ChunkFault::endless;
        if (at_.block >= pages_ && at_.block >= (pages_ = store_->page_count()))
            return ChunkFault::beyond_end;
        store_->check_interrupts();
        auto page = store_->read(at_.block);
        const ChunkFault fault = chunk_fault(page.payload(), at_, node_);
        if (fault == ChunkFault::no_chunk) return fault;
        const TidChunk& chunk = chunk_at(page.payload(), at_.slot);
        if (fault == ChunkFault::none) {
            look(chunk);
            at_ = chunk.next;
        } else {
            look_at_bad(chunk);
        }
        return fault;
    }
    // The same, where a bad chunk is damage (corrupted_index).
    template <class Look>
    void visit(Look&& look) {
        const ChunkFault fault = try_visit(look);
        if (fault != ChunkFault::none) throw_bad_chunk(at_, node_, fault);
    }

    void begin_again(const Link& first) {
        at_ = first;
        steps_ = 0;
    }

  private:
    bool is_endless() {
        return ++steps_ > most_steps_ &&
               steps_ > (most_steps_ = uint64_t{store_->page_count()} * chunks_per_page);
    }

    Store* store_;
    Link node_;
    Link at_;
    uint32_t pages_ = 0;  // known to be there
    uint64_t steps_ = 0, most_steps_ = 1024;
};

}  // namespace vecstore::core
