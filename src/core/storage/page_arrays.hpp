// Arrays that several kinds of pages have.
#pragma once

#include <cstring>
#include <type_traits>

#include "core/storage/layout.hpp"

namespace vecstore::core {

// Arrays of codes, of factors, and of one thing more, that fill a page.
template <class More>
class OriginCodePage {
  public:
    explicit OriginCodePage(size_t code_bytes)
        : code_bytes_(code_bytes),
          capacity_((page_room - FilterLayout::read_beyond) / (code_bytes + factor_bytes + sizeof(More))) {}

    size_t capacity() const { return capacity_; }

    template <class Byte>
    Byte* code(Byte* payload, size_t i) const {
        return payload + sizeof(PageHead) + i * code_bytes_;
    }
    template <class Byte>
    Byte* factor(Byte* payload, size_t i) const {
        return code(payload, capacity_) + i * factor_bytes;
    }
    More more(const uint8_t* payload, size_t i) const {
        More value;
        std::memcpy(&value, factor(payload, capacity_) + i * sizeof(More), sizeof(More));
        return value;
    }

    void put(uint8_t* payload, size_t i, const uint8_t* code_of_it, const uint8_t* factor_of_it,
             const More& more_of_it) const {
        std::memcpy(code(payload, i), code_of_it, code_bytes_);
        std::memcpy(factor(payload, i), factor_of_it, factor_bytes);
        set_more(payload, i, more_of_it);
    }
    void set_more(uint8_t* payload, size_t i, const More& more_of_it) const {
        std::memcpy(factor(payload, capacity_) + i * sizeof(More), &more_of_it, sizeof(More));
    }
    void move(uint8_t* payload, size_t from, size_t to) const {
        if (from != to) put(payload, to, code(payload, from), factor(payload, from), more(payload, from));
    }

  private:
    size_t code_bytes_;
    size_t capacity_;
};

// A page that says where others are: a head, then their numbers.
template <class Head>
class MapPage {
  public:
    template <class Byte>
    static auto map_head(Byte* payload) {
        return reinterpret_cast<std::conditional_t<std::is_const_v<Byte>, const Head, Head>*>(
            payload + sizeof(PageHead));
    }
    template <class Byte>
    static auto map_pages(Byte* payload) {
        using Block = std::conditional_t<std::is_const_v<Byte>, const uint32_t, uint32_t>;
        return reinterpret_cast<Block*>(payload + sizeof(PageHead) + sizeof(Head));
    }
    static constexpr size_t most_pages = (page_room - sizeof(Head)) / sizeof(uint32_t);
};

}  // namespace vecstore::core
