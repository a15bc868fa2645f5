// Where the keys of the filter columns are.
//
// They are not in the nodes but in pages of their own, by column, so that a condition is tested for a
// thousand slots at a time by reading one page in order: a search knows which neighbors can match before it
// reads them, and where few rows match they are found without the graph. For that, too, every own vector has
// an origin code: a code as neighbors have one (quantize/code.hpp), but seen from the origin, a tenth of the
// vector's size.
//
// Pages come in groups of blocks_per_group(), the first of which begins at block 1. The first page of a group
// has the keys of all slots in the group: arrays of slots_per_group() keys, one array for each column. The
// next ones have their origin codes: first the codes, then the factors of as many slots as fit a page. Where
// an entry is follows from the number of the node's block alone.
//
// A node's entry is written after the node and before the first link to it, and never changes as long as the
// node lives: rows of equal vectors share a node only if their keys are equal too. That of a free slot means
// nothing.
#pragma once

#include <type_traits>

#include "core/distance/code_bytes.hpp"
#include "core/storage/format.hpp"

namespace vecstore::core {

// The key stands for a value of a filter column. Equal values have equal keys. Where a type has an order,
// keys that differ have the same order. am/filter_type.cpp makes the keys of each type.
using FilterKey = uint64_t;
constexpr FilterKey null_filter_key = 0;  // of NULL and no other value

class FilterLayout {
  public:
    explicit FilterLayout(const Geometry& geometry)
        : columns_(geometry.filter_columns),
          slots_per_page_(geometry.slots_per_page),
          code_bytes_(code_bytes_of(geometry.code_dims, geometry.code_bits())) {
        if (columns_ == 0 || slots_per_page_ == 0) return;
        blocks_per_group_ = static_cast<uint32_t>(keys_per_page / (columns_ * slots_per_page_));
        if (blocks_per_group_ == 0) return;  // of a damaged metapage
        reciprocal_ = (uint64_t{1} << reciprocal_bits) / blocks_per_group_ + 1;
        if (geometry.residual_codes())
            codes_per_page_ = (page_room - read_beyond) / (code_bytes_ + factor_bytes);
        if (codes_per_page_ > 0)
            code_pages_ = static_cast<uint32_t>((slots_per_group() + codes_per_page_ - 1) / codes_per_page_);
    }

    size_t columns() const { return columns_; }
    bool has_origin_codes() const { return code_pages_ > 0; }
    uint32_t blocks_per_group() const { return blocks_per_group_; }
    uint32_t first_node_block() const { return 1 + code_pages_; }  // of a group
    size_t slots_per_group() const { return size_t{blocks_per_group_} * slots_per_page_; }

    // The kind that a page must have by its number; unused: it may have any other.
    PageKind kind_of(uint32_t block) const {
        if (columns_ == 0 || block == meta_block) return PageKind::unused;
        const uint32_t place = (block - 1) % blocks_per_group_;
        if (place == 0) return PageKind::filters;
        return place <= code_pages_ ? PageKind::origin_codes : PageKind::unused;
    }
    uint32_t groups(uint32_t blocks) const { return blocks > 1 ? group_of(blocks - 1) + 1 : 0; }
    // (block - 1) / blocks_per_group(), which searches ask of every neighbor, by a product: exact, as block
    // has 32 bits and a group at most keys_per_page < 2^10 blocks.
    uint32_t group_of(uint32_t block) const {
        return static_cast<uint32_t>(static_cast<unsigned __int128>(block - 1) * reciprocal_ >>
                                     reciprocal_bits);
    }
    uint32_t page_of_keys(uint32_t group) const { return 1 + group * blocks_per_group_; }
    uint32_t page_of_origin_code(uint32_t group, size_t index) const {
        return page_of_keys(group) + 1 + static_cast<uint32_t>(index / codes_per_page_);
    }

    // A slot's place in its group, and the slot at a place.
    size_t index_of(const Link& link) const {
        const uint32_t place = link.block - 1 - group_of(link.block) * blocks_per_group_;
        return size_t{place} * slots_per_page_ + link.slot;
    }
    Link slot_at(uint32_t group, size_t index) const {
        return {page_of_keys(group) + static_cast<uint32_t>(index / slots_per_page_),
                static_cast<uint8_t>(index % slots_per_page_), 0};
    }

    template <class Byte>
    auto column(Byte* payload, size_t column) const {
        using Key = std::conditional_t<std::is_const_v<Byte>, const FilterKey, FilterKey>;
        return reinterpret_cast<Key*>(payload + sizeof(PageHead)) + column * slots_per_group();
    }
    template <class Byte>
    Byte* code(Byte* payload, size_t index) const {
        return payload + sizeof(PageHead) + index % codes_per_page_ * code_bytes_;
    }
    template <class Byte>
    Byte* factor(Byte* payload, size_t index) const {
        return payload + sizeof(PageHead) + codes_per_page_ * code_bytes_ +
               index % codes_per_page_ * factor_bytes;
    }
    size_t code_bytes() const { return code_bytes_; }
    size_t codes_per_page() const { return codes_per_page_; }

    static constexpr size_t read_beyond = 64;  // what kernels may read beyond the last code

  private:
    static constexpr size_t keys_per_page = page_room / sizeof(FilterKey);
    static constexpr int reciprocal_bits = 42;
    static_assert(keys_per_page < 1 << (reciprocal_bits - 32));

    size_t columns_;
    size_t slots_per_page_;
    size_t code_bytes_;
    uint32_t blocks_per_group_ = 0;
    uint64_t reciprocal_ = 0;
    size_t codes_per_page_ = 0;
    uint32_t code_pages_ = 0;  // of a group
};

}  // namespace vecstore::core
