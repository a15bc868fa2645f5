// Rows that have no place in the graph: those whose vector is NULL and, for cosine distance, zero vectors, which are
// equally far from everything. Scans that go on to the end return them after all others.
//
// They lie on pages of their own, which are a list from MetaData::unplaced on. A page has an UnplacedHead, then entries:
// the row's TID, what it is, and its filter keys. Pages never leave the list; where vacuum made room, rows that come
// later are put: on the pages of a second list, from MetaData::unplaced_room on, which is no more than a hint.
#pragma once

#include "core/storage/layout.hpp"

namespace vecstore::core {

#pragma pack(push, 1)

struct UnplacedHead {
    uint32_t next;        // page of the list; 0: it is the last
    uint32_t next_room;   // page after this one that may have room
    uint16_t count;
    uint8_t reserved[6];
};
static_assert(sizeof(UnplacedHead) == 16);

enum class UnplacedKind : uint8_t {
    no_direction = 1,   // a vector that is at distance NaN
    no_vector = 2,      // NULL
};

struct UnplacedRow {
    HeapTid tid;
    UnplacedKind kind;
    uint8_t reserved;
};
static_assert(sizeof(UnplacedRow) == 8);

#pragma pack(pop)

class UnplacedLayout {
  public:
    explicit UnplacedLayout(const NodeLayout& layout)
        : columns_(layout.filters().columns()), entry_bytes_(sizeof(UnplacedRow) + columns_ * sizeof(FilterKey)) {}

    size_t capacity() const { return (page_room - sizeof(UnplacedHead)) / entry_bytes_; }
    size_t entry_bytes() const { return entry_bytes_; }
    size_t columns() const { return columns_; }
    // Bytes of a page in use.
    size_t used(size_t count) const { return sizeof(PageHead) + sizeof(UnplacedHead) + count * entry_bytes_; }

    template <class Byte>
    static auto& head(Byte* payload) {
        using Head = std::conditional_t<std::is_const_v<Byte>, const UnplacedHead, UnplacedHead>;
        return *reinterpret_cast<Head*>(payload + sizeof(PageHead));
    }
    // The row at a place, which its keys follow.
    template <class Byte>
    Byte* entry(Byte* payload, size_t i) const {
        return payload + used(i);
    }
    static const UnplacedRow& row(const uint8_t* entry) { return *reinterpret_cast<const UnplacedRow*>(entry); }
    static const FilterKey* keys(const uint8_t* entry) { return reinterpret_cast<const FilterKey*>(entry + sizeof(UnplacedRow)); }

  private:
    size_t columns_;
    size_t entry_bytes_;
};

}  // namespace vecstore::core
