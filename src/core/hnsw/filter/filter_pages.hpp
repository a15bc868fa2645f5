// Filter keys and origin codes on their pages (storage/filter_layout.hpp).
#pragma once

#include <algorithm>

#include "core/hnsw/filter/row_filter.hpp"
#include "core/storage/damage.hpp"

namespace vecstore::core {

// The part of a row that is kept beside its node.
struct FilterEntry {
    const FilterKey* keys;  // one for each column
    const uint8_t* code;    // where there are origin codes
    const uint8_t* factor;
};

// Writes a node's keys: one for each column.
template <class Store>
void write_filter_keys(Store& store, const NodeLayout& layout, const Link& node, const FilterKey* keys) {
    const FilterLayout& filters = layout.filters();
    auto page = store.write(filters.page_of_keys(filters.group_of(node.block)));
    uint8_t* const payload = page.modify();
    page_head(payload).kind = PageKind::filters;  // its own append may have been interrupted
    for (size_t c = 0; c < filters.columns(); ++c)
        filters.column(payload, c)[filters.index_of(node)] = keys[c];
    page.commit(page_payload_size);
}

// Writes a node's entry. No lock is held; nothing links to the node yet.
template <class Store>
void write_filter_entry(Store& store, const NodeLayout& layout, const Link& node, const FilterEntry& entry) {
    write_filter_keys(store, layout, node, entry.keys);
    const FilterLayout& filters = layout.filters();
    if (!filters.has_origin_codes()) return;
    const uint32_t group = filters.group_of(node.block);
    const size_t index = filters.index_of(node);
    auto page = store.write(filters.page_of_origin_code(group, index));
    uint8_t* const payload = page.modify();
    page_head(payload).kind = PageKind::origin_codes;
    std::memcpy(filters.code(payload, index), entry.code, filters.code_bytes());
    std::memcpy(filters.factor(payload, index), entry.factor, factor_bytes);
    page.commit(page_payload_size);
}

// Reads a node's keys: one for each column. False when there are none.
template <class Store>
bool read_filter_keys(Store& store, const NodeLayout& layout, const Link& node, FilterKey* keys) {
    const FilterLayout& filters = layout.filters();
    auto page = store.read(filters.page_of_keys(filters.group_of(node.block)));
    if (page_head(page.payload()).kind != PageKind::filters) return false;
    for (size_t c = 0; c < filters.columns(); ++c)
        keys[c] = filters.column(page.payload(), c)[filters.index_of(node)];
    return true;
}

// Does the node have these keys? Where the index has columns to filter by.
template <class Store>
bool has_filter_keys(Store& store, const NodeLayout& layout, const Link& node, const FilterKey* keys) {
    const FilterLayout& filters = layout.filters();
    if (filters.columns() == 0) return true;
    const uint32_t block = filters.page_of_keys(filters.group_of(node.block));
    // (Before it is locked: the node's page may be, and where pages are damaged be this one.)
    if (store.kind_of(block) != PageKind::filters) return false;
    auto page = store.read(block);
    for (size_t c = 0; c < filters.columns(); ++c)
        if (filters.column(page.payload(), c)[filters.index_of(node)] != keys[c]) return false;
    return true;
}

// Kept between searches: nothing is emptied.
struct FilterMemory {
    std::vector<uint64_t> bits;
    std::vector<uint32_t> tested;  // by group: the search that it was tested for
    uint32_t search = 0;
};

// Which slots match, found out group by group when it is first asked.
template <class Store>
class FilterMap {
  public:
    FilterMap(Store& store, const NodeLayout& layout, const RowFilter& filter, FilterMemory& memory)
        : store_(store), layout_(layout.filters()), filter_(filter), memory_(memory) {
        words_ = (layout_.slots_per_group() + 63) / 64;
        if (++memory_.search == 0) memory_ = FilterMemory{{}, {}, 1};
        grow(layout_.groups(store.page_count()));
    }

    // Of the index as it was when this was made: later rows are of no snapshot that a search runs with.
    uint32_t groups() const { return groups_; }

    // (The slot may be one that no page has, if the link is damaged: then the answer means nothing.)
    bool passes(const Link& link) {
        const size_t i = layout_.index_of(link);
        return (bits_of(layout_.group_of(link.block))[i / 64] >> (i % 64)) & 1;
    }

    // Brings what passes(link) looks at into the cache.
    void prefetch(const Link& link) {
        const uint32_t group = layout_.group_of(link.block);
        if (group >= groups_) return;
        if (memory_.tested[group] == memory_.search)
            __builtin_prefetch(&memory_.bits[group * words_ + layout_.index_of(link) / 64]);
        else
            store_.expect(layout_.page_of_keys(group), 0);
    }

    // One bit for each slot of the group.
    const uint64_t* bits_of(uint32_t group) {
        if (__builtin_expect(group >= groups_, 0)) expect(group);
        uint64_t* const bits = &memory_.bits[group * words_];
        if (memory_.tested[group] != memory_.search) test(group, bits);
        return bits;
    }

    // Of all groups tested so far: the share of slots that match, above 0.
    double share() const {
        return (static_cast<double>(slots_passed_) + 0.5) / (static_cast<double>(slots_tested_) + 1);
    }

    // visit(index) for every slot of the group that matches, in order; of those from `begin` to before `end`.
    template <class Visit>
    void for_each_matching(uint32_t group, Visit&& visit) {
        for_each_matching(group, 0, layout_.slots_per_group(), visit);
    }
    template <class Visit>
    void for_each_matching(uint32_t group, size_t begin, size_t end, Visit&& visit) {
        const uint64_t* const bits = bits_of(group);
        for (size_t w = begin / 64; w * 64 < end; ++w) {
            uint64_t word = bits[w];
            if (w == begin / 64) word &= ~uint64_t{0} << (begin % 64);
            if (end - w * 64 < 64) word &= (uint64_t{1} << (end - w * 64)) - 1;
            for (; word != 0; word &= word - 1) visit(w * 64 + static_cast<size_t>(__builtin_ctzll(word)));
        }
    }

  private:
    // (Memory has room for another index's groups.)
    void grow(uint32_t groups) {
        groups_ = std::max(groups_, groups);
        if (memory_.tested.size() < groups) memory_.tested.resize(groups);
        if (memory_.bits.size() < groups * words_ + words_beyond)
            memory_.bits.resize(groups * words_ + words_beyond);
    }

    // Of a block that the index has by now, or, where a page is damaged, has not.
    void expect(uint32_t group) {
        const uint32_t groups = layout_.groups(store_.page_count());
        if (group >= groups)
            throw_damaged(layout_.page_of_keys(group),
                          "the index has no such block, but links lead there or beyond");
        grow(groups);
    }

    void test(uint32_t group, uint64_t* bits) {
        memory_.tested[group] = memory_.search;
        const size_t slots = layout_.slots_per_group();
        {
            auto page = store_.read(layout_.page_of_keys(group));
            if (page_head(page.payload()).kind == PageKind::filters)
                filter_.test(layout_, page.payload(), bits);
            else
                std::fill_n(bits, words_, ~uint64_t{0});  // not known: the rows themselves will tell
        }
        // Nodes are behind the pages of the group's entries.
        for (size_t i = 0; i < layout_.index_of({1 + layout_.first_node_block(), 0, 0}); ++i)
            bits[i / 64] &= ~(uint64_t{1} << (i % 64));
        if (slots % 64 != 0) bits[slots / 64] &= (uint64_t{1} << (slots % 64)) - 1;
        slots_tested_ += slots;
        for (size_t w = 0; w < words_; ++w)
            slots_passed_ += static_cast<uint64_t>(__builtin_popcountll(bits[w]));
    }

    static constexpr size_t words_beyond = 256 / 64;  // of slots that no page has

    Store& store_;
    const FilterLayout& layout_;
    const RowFilter& filter_;
    FilterMemory& memory_;
    size_t words_;
    uint32_t groups_ = 0;
    uint64_t slots_tested_ = 0, slots_passed_ = 0;
};

}  // namespace vecstore::core
