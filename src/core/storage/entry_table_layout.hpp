// Where the table of entry points is: the nodes of level 1 in groups of those near each other, each node with
// a code. By the codes a search tells how near the nodes are, and gets to level 0 without walking down
// (hnsw/search/entry_table.hpp).
//
//   a map         one page (MetaData::entry_map): an EntryMapHead, then the numbers of the pages below
//   groups        the code and factor of each group's centroid, and the number of its page
//   entries       a group: code, factor and link of each node (its slot on level 0); how many there are is in
//                 the page's head (PageHead::reserved)
//
// Codes are those seen from the origin. Only of indexes with codes.
#pragma once

#include <algorithm>

#include "core/storage/page_arrays.hpp"

namespace vecstore::core {

#pragma pack(push, 1)

struct EntryMapHead {
    uint32_t groups;
    uint32_t pages;  // of groups
};

#pragma pack(pop)

class EntryTableLayout : public MapPage<EntryMapHead> {
  public:
    explicit EntryTableLayout(const NodeLayout& layout)
        : coded_(layout.residual_codes()), groups_(layout.code_bytes()), entries_(layout.code_bytes()) {}

    const OriginCodePage<uint32_t>& groups() const { return groups_; }
    const OriginCodePage<Link>& entries() const { return entries_; }

    // More groups take longer to look at than to walk down.
    static constexpr size_t most_groups = 2500;
    // Nodes that a build puts into a group, on average: inserts find room for more.
    size_t group_size() const { return entries_.capacity() * 7 / 10; }
    // 0: too few or too many nodes of level 1 for it to be worth while.
    size_t groups_for(size_t nodes) const {
        const size_t groups = group_size() < 2 ? 0 : nodes / group_size() + 1;
        return coded_ && nodes >= least_nodes && groups <= most_groups ? groups : 0;
    }
    // Pages that a build may write, at most.
    size_t pages_for(size_t nodes) const {
        if (!coded_ || group_size() < 2) return 0;
        const size_t groups = std::min(nodes / group_size() + 1, most_groups);
        return 3 * groups + 3 * groups / groups_.capacity() + 2;
    }

  private:
    static constexpr size_t least_nodes = 64;

    bool coded_;
    OriginCodePage<uint32_t> groups_;
    OriginCodePage<Link> entries_;
};

}  // namespace vecstore::core
