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
#include <cstring>

#include "core/storage/layout.hpp"

namespace vecstore::core {

#pragma pack(push, 1)

struct SignpostMapHead {
    uint32_t groups;
    uint32_t pages;   // of groups
};

#pragma pack(pop)

// Arrays of codes, of factors, and of one thing more, that fill a page.
template <class More>
class SketchPage {
  public:
    explicit SketchPage(size_t code_bytes)
        : code_bytes_(code_bytes), capacity_((page_room - FilterLayout::read_beyond) / (code_bytes + factor_bytes + sizeof(More))) {}

    size_t capacity() const { return capacity_; }

    template <class Byte>
    Byte* code(Byte* payload, size_t i) const { return payload + sizeof(PageHead) + i * code_bytes_; }
    template <class Byte>
    Byte* factor(Byte* payload, size_t i) const { return code(payload, capacity_) + i * factor_bytes; }
    More more(const uint8_t* payload, size_t i) const {
        More value;
        std::memcpy(&value, factor(payload, capacity_) + i * sizeof(More), sizeof(More));
        return value;
    }

    void put(uint8_t* payload, size_t i, const uint8_t* code_of_it, const uint8_t* factor_of_it, const More& more_of_it) const {
        std::memcpy(code(payload, i), code_of_it, code_bytes_);
        std::memcpy(factor(payload, i), factor_of_it, factor_bytes);
        std::memcpy(factor(payload, capacity_) + i * sizeof(More), &more_of_it, sizeof(More));
    }
    void move(uint8_t* payload, size_t from, size_t to) const {
        if (from != to) put(payload, to, code(payload, from), factor(payload, from), more(payload, from));
    }

  private:
    size_t code_bytes_;
    size_t capacity_;
};

class SignpostLayout {
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

    template <class Byte>
    static auto map_head(Byte* payload) {
        using Head = std::conditional_t<std::is_const_v<Byte>, const SignpostMapHead, SignpostMapHead>;
        return reinterpret_cast<Head*>(payload + sizeof(PageHead));
    }
    template <class Byte>
    static auto map_pages(Byte* payload) {
        using Block = std::conditional_t<std::is_const_v<Byte>, const uint32_t, uint32_t>;
        return reinterpret_cast<Block*>(payload + sizeof(PageHead) + sizeof(SignpostMapHead));
    }
    static constexpr size_t most_pages = (page_room - sizeof(SignpostMapHead)) / sizeof(uint32_t);

  private:
    static constexpr size_t least_nodes = 64;

    bool coded_;
    SketchPage<uint32_t> groups_;
    SketchPage<Link> posts_;
};

}  // namespace vecstore::core
