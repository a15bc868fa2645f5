// Where signposts are: the nodes of level 1 in groups of those near each other, each node with a code by which a search
// tells how near it is, so that it gets to level 0 without walking down (hnsw/signposts.hpp).
//
//   a map         one page (MetaData::signpost_map): a SignpostMapHead, then the numbers of the pages below
//   groups        the code and factor of each group's middle, and the number of its page
//   signposts     a group: code, factor and link of each node (its slot on level 0); how many there are is in the page's
//                 head (PageHead::reserved)
//
// Codes are those of sketches: seen from the origin. Only of indexes with codes.
#pragma once

#include <algorithm>

#include "core/storage/page_arrays.hpp"

namespace vecstore::core {

#pragma pack(push, 1)

struct SignpostMapHead {
    uint32_t groups;
    uint32_t pages;   // of groups
};

#pragma pack(pop)

class SignpostLayout : public MapPage<SignpostMapHead> {
  public:
    explicit SignpostLayout(const NodeLayout& layout) : coded_(layout.coded()), groups_(layout.code_bytes()), posts_(layout.code_bytes()) {}

    const SketchPage<uint32_t>& groups() const { return groups_; }
    const SketchPage<Link>& posts() const { return posts_; }

    // More groups take longer to look at than to walk down.
    static constexpr size_t most_groups = 2500;
    // Nodes that a build puts into a group, on average: inserts find room for more.
    size_t group_size() const { return posts_.capacity() * 7 / 10; }
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
    SketchPage<uint32_t> groups_;
    SketchPage<Link> posts_;
};

}  // namespace vecstore::core
