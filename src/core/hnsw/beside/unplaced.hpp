// Rows without a place in the graph (storage/unplaced_layout.hpp): adding, reading and removing them.
//
// Locks: one page at a time, but for the metapage, whose lock is held while a page is appended and becomes
// the list's first. Vacuum closes gaps within a page, under its exclusive lock; a scan takes all that it
// wants of a page under one shared lock. So a row that is there when a scan begins is met, once.
#pragma once

#include <vector>

#include "core/base/error.hpp"
#include "core/hnsw/filter/row_filter.hpp"
#include "core/storage/append.hpp"
#include "core/storage/features.hpp"
#include "core/storage/unplaced_layout.hpp"

namespace vecstore::core {

// The number of rows that the page says it has. (Layout: of the list that it is of, UnplacedLayout or
// LongLayout.)
template <class Layout>
size_t listed_count(const Layout& layout, const uint8_t* payload, uint32_t block) {
    const size_t count = Layout::head(payload).count;
    if (page_head(payload).kind != Layout::kind || count > layout.capacity())
        throw Error(ErrorCode::corrupted_index,
                    "page " + std::to_string(block) + " does not hold " + Layout::content);
    return count;
}

// Throws where a list of pages goes on for longer than the index has pages.
class PagesLeft {
  public:
    explicit PagesLeft(uint32_t pages) : left_(pages) {}
    void take(uint32_t block) {
        if (left_-- == 0)
            throw Error(
                ErrorCode::corrupted_index,
                "a list of rows without a place in the graph comes back to page " + std::to_string(block));
    }

  private:
    uint32_t left_;
};

// Adds one row: write(entry) makes it. False: the list may not grow.
template <class Layout, class Store, class Write>
bool add_listed(Store& store, const NodeLayout& node_layout, Write&& write) {
    const Layout layout(node_layout);
    const auto append_to = [&](auto& page, size_t count) {
        uint8_t* const payload = page.modify();
        write(layout, layout.entry(payload, count));
        Layout::head(payload).count = static_cast<uint16_t>(count + 1);
        page.commit(layout.used(count + 1));
        return true;
    };
    constexpr uint32_t most_races = 1u << 16;  // with inserts that fill pages before this one gets to them
    PagesLeft pages(store.page_count() + most_races);
    for (;;) {
        store.check_interrupts();
        uint32_t block;
        {
            auto meta = store.read(meta_block);
            expect_known_features(meta_of(meta.payload()), Access::change);
            block = Layout::room(meta_of(meta.payload()));
            if (block == 0 && !Layout::may_grow(meta_of(meta.payload()))) return false;
        }
        if (block == 0) {
            auto meta = store.write(meta_block);
            const MetaData& now = meta_of(meta.peek());
            if (Layout::room(now) != 0 || !Layout::may_grow(now)) continue;  // another insert was here first
            auto page = append_page(store, node_layout, Layout::kind);
            Layout::head(page.modify()) = UnplacedHead{Layout::first(now), 0, 0, {}};
            const uint32_t fresh = page.block();
            append_to(page, 0);
            MetaData& data = meta_of(meta.modify());
            Layout::grow(data, fresh);
            Layout::set_room(data, fresh);
            meta.commit();
            return true;
        }
        pages.take(block);
        uint32_t next;
        {
            auto page = store.write(block);
            const size_t count = listed_count(layout, page.peek(), block);
            if (count < layout.capacity()) return append_to(page, count);
            next = Layout::head(page.peek()).next_room;
        }
        auto meta = store.write(meta_block);
        if (Layout::room(meta_of(meta.peek())) != block) continue;
        Layout::set_room(meta_of(meta.modify()), next);
        meta.commit();
    }
}
template <class Store>
void add_unplaced(Store& store, const NodeLayout& node_layout, const UnplacedRow& row,
                  const FilterKey* keys) {
    add_listed<UnplacedLayout>(store, node_layout, [&](const UnplacedLayout& layout, uint8_t* entry) {
        layout.write(row, keys, entry);
    });
}

// Adds many rows to an index that nobody else works on yet: page by page.
template <class Store, class Layout>
class ListWriter {
  public:
    ListWriter(Store& store, const NodeLayout& layout)
        : store_(store),
          node_layout_(layout),
          layout_(layout),
          rows_(layout_.capacity() * layout_.entry_bytes()) {}

    void add(const uint8_t* entry) {
        std::memcpy(&rows_[count_ * layout_.entry_bytes()], entry, layout_.entry_bytes());
        if (++count_ == layout_.capacity()) write_page();
    }

    void finish() {
        const bool has_room = count_ > 0;
        if (has_room) write_page();
        if (first_ == 0) return;
        auto meta = store_.write(meta_block);
        Layout::set_room(meta_of(meta.modify()), has_room ? first_ : 0);
        meta.commit();
    }

  private:
    void write_page() {
        {
            auto page = append_page(store_, node_layout_, Layout::kind);
            uint8_t* const payload = page.modify();
            Layout::head(payload) = UnplacedHead{first_, 0, static_cast<uint16_t>(count_), {}};
            std::memcpy(layout_.entry(payload, 0), rows_.data(), count_ * layout_.entry_bytes());
            first_ = page.block();
            page.commit(layout_.used(count_));
        }
        count_ = 0;
        auto meta = store_.write(meta_block);
        Layout::grow(meta_of(meta.modify()), first_);
        meta.commit();
    }

    Store& store_;
    const NodeLayout& node_layout_;
    Layout layout_;
    std::vector<uint8_t> rows_;
    size_t count_ = 0;
    uint32_t first_ = 0;
};
template <class Store>
using UnplacedWriter = ListWriter<Store, UnplacedLayout>;

// Which of them a scan returns.
struct UnplacedWanted {
    bool no_direction = true;
    bool no_vector = true;
    bool any() const { return no_direction || no_vector; }
};

// Reads those that match a filter, if there is one: first those at distance NaN, then those without a vector,
// as an order has them.
template <class Store>
class UnplacedRows {
  public:
    UnplacedRows(Store& store, const NodeLayout& layout, const RowFilter* filter,
                 const UnplacedWanted& wanted)
        : store_(store), layout_(layout), filter_(filter) {
        if (wanted.no_vector) rounds_.push_back(UnplacedKind::no_vector);
        if (wanted.no_direction) rounds_.push_back(UnplacedKind::no_direction);
    }

    bool next(HeapTid& tid) {
        while (next_ == tids_.size())
            if (!read_page()) return false;
        tid = tids_[next_++];
        return true;
    }

  private:
    // The next page's rows; false when there is none.
    bool read_page() {
        tids_.clear();
        next_ = 0;
        if (rounds_.empty()) return false;
        store_.check_interrupts();
        if (at_ == 0) {
            pages_ = PagesLeft(store_.page_count());
            auto meta = store_.read(meta_block);
            at_ = meta_of(meta.payload()).unplaced;
        } else {
            pages_.take(at_);
            auto page = store_.read(at_);
            const uint8_t* const payload = page.payload();
            const size_t count = listed_count(layout_, payload, at_);
            for (size_t i = 0; i < count; ++i) {
                const uint8_t* const entry = layout_.entry(payload, i);
                if (layout_.row(entry).kind == rounds_.back() &&
                    (filter_ == nullptr || filter_->passes(layout_.keys(entry))))
                    tids_.push_back(layout_.row(entry).tid);
            }
            at_ = UnplacedLayout::head(payload).next;
        }
        if (at_ == 0) rounds_.pop_back();
        return true;
    }

    Store& store_;
    UnplacedLayout layout_;
    const RowFilter* filter_;
    std::vector<UnplacedKind> rounds_;  // the last one first
    PagesLeft pages_{0};
    uint32_t at_ = 0;  // the page to read next; 0: the list's first
    std::vector<HeapTid> tids_;
    size_t next_ = 0;
};

struct UnplacedCounts {
    uint64_t rows_left = 0;
    uint64_t rows_removed = 0;
};

// Removes the rows for which is_dead(HeapTid), which is called under page locks. Interrupted at any time it
// has removed fewer.
template <class Layout, class Store, class IsDead>
UnplacedCounts vacuum_listed(Store& store, const NodeLayout& node_layout, IsDead&& is_dead) {
    const Layout layout(node_layout);
    UnplacedCounts counts;
    uint32_t at, room = 0;
    {
        auto meta = store.read(meta_block);
        at = Layout::first(meta_of(meta.payload()));
    }
    if (at == 0) return counts;
    PagesLeft pages(store.page_count());
    while (at != 0) {
        pages.take(at);
        store.pause_point();
        auto page = store.write(at);
        const size_t count = listed_count(layout, page.peek(), at);
        const auto dead = [&](size_t i) { return is_dead(layout.row(layout.entry(page.peek(), i)).tid); };
        size_t kept = 0;
        while (kept < count && !dead(kept)) ++kept;
        for (size_t i = kept + 1; i < count; ++i) {
            if (dead(i)) continue;
            std::memmove(layout.entry(page.modify(), kept++), layout.entry(page.peek(), i),
                         layout.entry_bytes());
        }
        if (kept < count) Layout::head(page.modify()).count = static_cast<uint16_t>(kept);
        // (Pages of which little is free are not worth a look at each insert.)
        const bool has_room = layout.capacity() - kept > layout.capacity() / 8;
        if (has_room && Layout::head(page.peek()).next_room != room)
            Layout::head(page.modify()).next_room = room;
        const uint32_t next = Layout::head(page.peek()).next;
        counts.rows_left += kept;
        counts.rows_removed += count - kept;
        if (has_room) room = at;
        page.commit(layout.used(count));
        at = next;
    }
    auto meta = store.write(meta_block);
    if (Layout::room(meta_of(meta.peek())) != room) Layout::set_room(meta_of(meta.modify()), room);
    meta.commit();
    return counts;
}
// Of both lists.
template <class Store, class IsDead>
UnplacedCounts vacuum_unplaced(Store& store, const NodeLayout& layout, IsDead&& is_dead) {
    UnplacedCounts counts = vacuum_listed<UnplacedLayout>(store, layout, is_dead);
    const UnplacedCounts of_long = vacuum_listed<LongLayout>(store, layout, is_dead);
    counts.rows_left += of_long.rows_left;
    counts.rows_removed += of_long.rows_removed;
    return counts;
}

}  // namespace vecstore::core
