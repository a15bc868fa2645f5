// Candidates from every page of the index, in the order of the pages, whether links lead to them or not.
//
// Inserts and vacuum may go on meanwhile: a row stays in the node it was put into, as long as
// some snapshot sees it, and pages that are added after the start hold no row that this scan's snapshot sees.
#pragma once

#include "core/hnsw/node/page_walk.hpp"
#include "core/hnsw/scan/candidate_source.hpp"
#include "core/hnsw/search/search.hpp"

namespace vecstore::core {

template <class Store>
class Sweep : public CandidateSource {
  public:
    // Which nodes are shown: all of them, or those that a beam has not met.
    enum class Of { all, rest };

    Sweep(Store& store, const NodeLayout& layout, const Query& query, SearchMemory& memory, Of which)
        : store_(store),
          layout_(layout),
          query_(query),
          memory_(memory),
          which_(which),
          pages_(store.page_count()) {}

    template <class Visitor>
    bool step(Visitor&& visitor) {
        if (block_ >= pages_) return false;
        store_.check_interrupts();
        for_each_live_node(store_, layout_, block_++, [&](const Link& link, const ConstNode& node) {
            if (which_ == Of::all || memory_.visited.insert(layout_.node_id(link)))
                visitor(node, link, query_.distance(node));
        });
        return true;
    }

  private:
    Store& store_;
    const NodeLayout& layout_;
    const Query& query_;
    SearchMemory& memory_;
    const Of which_;
    const uint32_t pages_;
    uint32_t block_ = meta_block + 1;
};

}  // namespace vecstore::core
