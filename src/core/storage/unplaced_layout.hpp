// Rows that have no place in the graph: those whose vector is NULL and, for cosine distance, zero vectors,
// which are equally far from everything. Scans that go on to the end return them after all others.
//
// They lie on pages of their own, which are a list from MetaData::unplaced on. A page has an UnplacedHead,
// then entries: the row's TID, what it is, and its filter keys. Pages never leave the list; where vacuum made
// room, rows that come later are put: on the pages of a second list, from MetaData::unplaced_room on, which
// is no more than a hint.
//
// Rows that are much longer than all others (hnsw/beside/long_rows.hpp) lie on pages of another such list,
// from MetaData::long_rows and MetaData::long_room on, each with its vector as a node would store it.
#pragma once

#include "core/storage/features.hpp"
#include "core/storage/layout.hpp"

namespace vecstore::core {

#pragma pack(push, 1)

struct UnplacedHead {
    uint32_t next;       // page of the list; 0: it is the last
    uint32_t next_room;  // page after this one that may have room
    uint16_t count;
    uint8_t reserved[6];
};
static_assert(sizeof(UnplacedHead) == 16);

enum class UnplacedKind : uint8_t {
    no_direction = 1,  // a vector that is at distance NaN
    no_vector = 2,     // NULL
};

struct UnplacedRow {
    HeapTid tid;
    UnplacedKind kind;
    uint8_t reserved;
};
static_assert(sizeof(UnplacedRow) == 8);

// Its filter keys and its own vector follow.
struct LongRow {
    HeapTid tid;
    uint16_t reserved;
    float scale;  // as in NodeHead
    float error;
    float norm2;
};
static_assert(sizeof(LongRow) == 20);

#pragma pack(pop)

// A page of entries, each a `Row`, its filter keys, and `more` bytes.
template <class Row>
class RowListLayout {
  public:
    RowListLayout(const NodeLayout& layout, size_t more)
        : columns_(layout.filters().columns()), entry_bytes_((keys_end() + more + 3) / 4 * 4) {}

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
    static const Row& row(const uint8_t* entry) { return *reinterpret_cast<const Row*>(entry); }
    static const FilterKey* keys(const uint8_t* entry) {
        return reinterpret_cast<const FilterKey*>(entry + sizeof(Row));
    }
    const uint8_t* more(const uint8_t* entry) const { return entry + keys_end(); }
    uint8_t* more(uint8_t* entry) const { return entry + keys_end(); }

    // The start of an entry: `keys` has one for each filter column.
    void write(const Row& row, const FilterKey* keys, uint8_t* entry) const {
        std::memcpy(entry, &row, sizeof(row));
        if (columns_ > 0) std::memcpy(entry + sizeof(row), keys, columns_ * sizeof(FilterKey));
    }

  private:
    size_t keys_end() const { return sizeof(Row) + columns_ * sizeof(FilterKey); }

    size_t columns_;
    size_t entry_bytes_;
};

// The lists: what their pages are, and where the metapage has them.
struct UnplacedLayout : RowListLayout<UnplacedRow> {
    explicit UnplacedLayout(const NodeLayout& layout) : RowListLayout(layout, 0) {}

    static constexpr PageKind kind = PageKind::unplaced;
    static constexpr const char* content = "rows without a place in the graph";
    static uint32_t first(const MetaData& meta) { return meta.unplaced; }
    static uint32_t room(const MetaData& meta) { return meta.unplaced_room; }
    static void set_room(MetaData& meta, uint32_t block) { meta.unplaced_room = block; }
    static bool may_grow(const MetaData&) { return true; }
    static void grow(MetaData& meta, uint32_t block) {
        meta.unplaced = block;
        add_features(meta, has_unplaced_rows, 0);
    }
};

struct LongLayout : RowListLayout<LongRow> {
    explicit LongLayout(const NodeLayout& layout) : RowListLayout(layout, layout.own_bytes()) {}

    // Every scan reads them all.
    static constexpr uint8_t most_pages = 32;
    size_t most_rows() const { return most_pages * capacity(); }

    static constexpr PageKind kind = PageKind::long_rows;
    static constexpr const char* content = "rows that are much longer than others";
    static uint32_t first(const MetaData& meta) { return meta.long_rows; }
    static uint32_t room(const MetaData& meta) { return meta.long_room; }
    static void set_room(MetaData& meta, uint32_t block) { meta.long_room = block; }
    static bool may_grow(const MetaData& meta) { return meta.long_pages < most_pages; }
    static void grow(MetaData& meta, uint32_t block) {
        meta.long_rows = block;
        ++meta.long_pages;
        add_features(meta, has_long_rows, 0);
    }
};

}  // namespace vecstore::core
