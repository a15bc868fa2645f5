// The part of the check (validate.hpp) that knows the rows: which there are, in which node, in whose chain of
// chunks; and whether those that must be there are.
#pragma once

#include <algorithm>
#include <cmath>
#include <string>
#include <vector>

#include "core/hnsw/check/check_base.hpp"
#include "core/hnsw/node/chain_walk.hpp"
#include "core/hnsw/search/frontier.hpp"
#include "core/storage/unplaced_layout.hpp"

namespace vecstore::core {

template <class Store>
class RowCheck : public CheckBase<Store> {
  public:
    using CheckBase<Store>::CheckBase;
    using CheckBase<Store>::report;

    // Was the row met?
    bool has_row(const HeapTid& tid);
    // Then: this row must be in the index, and found. Ascending order is fastest. With `raw` and a deep
    // check, the node must hold its vector.
    void require_row(const HeapTid& tid) { require(tid, nullptr); }
    void require_row(const HeapTid& tid, const RawVector& raw) { require(tid, &raw); }
    void require_all_rows() {
        for (RowPlace& row : rows_) row.required = 1;
    }
    // Rows of the index that nobody has required, ascending.
    template <class Visit>
    void for_each_other_row(Visit&& visit) {
        for (const RowPlace& row : rows_)
            if (!row.required) visit(HeapTid{row.heap_block, row.heap_offset});
    }
    // Is the row (one that read_pages() found) still in the index? Else vacuum took it meanwhile. If so, says
    // where.
    bool still_has(const HeapTid& tid, Link& at);

  protected:
    using Base = CheckBase<Store>;
    using Base::encoder_, Base::inspector_, Base::layout_, Base::options_, Base::other_, Base::page_,
        Base::store_;
    using Base::look, Base::read_page, Base::slot_state;
    using typename Base::Target;

    // Where a row's TID is. Packed: there is one for each row.
#pragma pack(push, 1)
    struct RowPlace {
        uint32_t heap_block;
        uint16_t heap_offset;
        uint8_t required;
        uint8_t slot;
        uint32_t block;
        uint64_t key() const { return (static_cast<uint64_t>(heap_block) << 16) | heap_offset; }
    };
#pragma pack(pop)
    static_assert(sizeof(RowPlace) == 12);

    struct LongPlace {
        HeapTid tid;
        Link at;
    };

    void record_rows(const Link& link, const ConstNode& node);
    // After all pages were read.
    void sort_rows();
    void check_duplicate_rows();
    void confirm_missing();

    std::vector<RowPlace> rows_;
    std::vector<LongPlace> long_rows_;  // beside the graph, by TID
    VisitedSet chunks_;                 // of all chains

  private:
    struct RowList {
        std::vector<HeapTid> tids;
        std::vector<Link> chunks;
    };

    std::string confirmed_rows(const Link& link, NodeHead head, RowList& rows);
    std::string read_rows(const Link& link, const NodeHead& head, RowList& rows);
    size_t times_held(const RowPlace& place, const HeapTid& tid);
    void require(const HeapTid& tid, const RawVector* raw);
    bool find_in_graph(const HeapTid& tid);  // cursor_: where
    const LongPlace* find_long(const HeapTid& tid) const;
    void check_row_vector(const RowPlace& place, const HeapTid& tid, const RawVector& raw);
    void check_long_vector(const HeapTid& tid, const RawVector& raw);

    size_t cursor_ = 0;
    std::vector<HeapTid> missing_;
    VisitedSet chain_;  // of the one being read
    std::vector<float> raw_internal_, raw_work_;
    RowMemory raw_row_;
};

// ------------------------------------------------------------------------------------- the index's rows

template <class Store>
void RowCheck<Store>::record_rows(const Link& link, const ConstNode& node) {
    RowList rows;
    const std::string problem = confirmed_rows(link, node.head(), rows);
    if (!problem.empty()) report(link.block, link.slot, problem);
    for (const HeapTid& tid : rows.tids) {
        if (tid.block == invalid_block || tid.offset == 0)
            report(link.block, link.slot, "impossible row " + to_text(tid));
        rows_.push_back({tid.block, tid.offset, 0, link.slot, link.block});
    }
    for (const Link& chunk : rows.chunks)
        if (!chunks_.insert(chunk_id(chunk)))
            report(link.block, link.slot, "shares chunk " + to_text(chunk) + " with another node");
}

// The rows of a node. A problem with its chain counts when the node still says the same.
template <class Store>
std::string RowCheck<Store>::confirmed_rows(const Link& link, NodeHead head, RowList& rows) {
    for (int attempt = 0;; ++attempt) {
        const std::string problem = read_rows(link, head, rows);
        if (problem.empty() || attempt == 3) return problem;
        ConstNode node(layout_, nullptr);
        if (look(link, node) != Target::there || !node.live()) {
            rows = RowList{};
            return {};
        }
        head = node.head();
    }
}

template <class Store>
std::string RowCheck<Store>::read_rows(const Link& link, const NodeHead& head, RowList& rows) {
    rows = RowList{};
    rows.tids.assign(head.tids, head.tids + std::min<size_t>(head.tid_count, inline_tids));
    chain_.clear();
    for (ChainWalk<Store> walk(store_, link, head.overflow); walk;) {
        const Link at = walk.at();
        const auto name = [&] { return "chunk " + to_text(at) + " of its rows "; };
        if (!chain_.insert(chunk_id(at))) return name() + "follows itself";
        std::string problem;
        const ChunkFault fault = walk.try_visit(
            [&](const TidChunk& chunk) {
                rows.tids.insert(rows.tids.end(), chunk.tids, chunk.tids + chunk.count);
            },
            [&](const TidChunk& chunk) {
                if (chunk.owner != link)
                    problem = "belongs to " + to_text(Link{chunk.owner});
                else
                    problem = "holds an impossible number, " + std::to_string(chunk.count);
            });
        switch (fault) {
            case ChunkFault::none: break;
            case ChunkFault::beyond_end: return name() + "lies beyond the end of the index";
            case ChunkFault::no_chunk: return name() + "is not on a page of rows";
            case ChunkFault::free: return name() + "is free";
            case ChunkFault::endless: return name() + "is in a chain without end";
            case ChunkFault::another_node:
            case ChunkFault::overfull: return name() + problem;
        }
        rows.chunks.push_back(at);
    }
    return {};
}

template <class Store>
void RowCheck<Store>::sort_rows() {
    std::sort(rows_.begin(), rows_.end(),
              [](const RowPlace& a, const RowPlace& b) { return a.key() < b.key(); });
    std::sort(long_rows_.begin(), long_rows_.end(),
              [](const LongPlace& a, const LongPlace& b) { return a.tid.key() < b.tid.key(); });
}

template <class Store>
void RowCheck<Store>::check_duplicate_rows() {
    // (Each is looked for once more, in a chain that may be long: no more of them than are told.)
    for (size_t i = 1; i < rows_.size() && !this->has_told_all(); ++i) {
        const RowPlace &a = rows_[i - 1], &b = rows_[i];
        if (a.key() != b.key()) continue;
        const HeapTid tid{b.heap_block, b.heap_offset};
        const bool same = a.block == b.block && a.slot == b.slot;
        if (times_held(b, tid) == 0 || times_held(a, tid) < (same ? 2 : 1)) continue;
        report(b.block, b.slot,
               "row " + to_text(tid) + " is in the index twice, here and at " +
                   to_text(Link{a.block, a.slot, 0}));
    }
}

// How often a live node holds this row now.
template <class Store>
size_t RowCheck<Store>::times_held(const RowPlace& place, const HeapTid& tid) {
    Link link{place.block, place.slot, 0};
    link.generation = slot_state(link)->generation;
    ConstNode node(layout_, nullptr);
    if (look(link, node) != Target::there || !node.live()) return 0;
    RowList rows;
    confirmed_rows(link, node.head(), rows);
    return std::count(rows.tids.begin(), rows.tids.end(), tid);
}

// ------------------------------------------------------------------------------------- the table's rows

template <class Store>
bool RowCheck<Store>::has_row(const HeapTid& tid) {
    return find_in_graph(tid) || find_long(tid) != nullptr;
}

template <class Store>
bool RowCheck<Store>::find_in_graph(const HeapTid& tid) {
    const auto at_cursor = [&] { return cursor_ < rows_.size() && rows_[cursor_].key() == tid.key(); };
    if (at_cursor()) return true;
    cursor_ = std::lower_bound(rows_.begin(), rows_.end(), tid.key(),
                               [](const RowPlace& row, uint64_t key) { return row.key() < key; }) -
              rows_.begin();
    return at_cursor();
}

template <class Store>
void RowCheck<Store>::require(const HeapTid& tid, const RawVector* raw) {
    if (!find_in_graph(tid)) {
        if (find_long(tid) == nullptr)
            missing_.push_back(tid);
        else if (options_.deep && raw != nullptr)
            check_long_vector(tid, *raw);
        return;
    }
    if (options_.deep && raw != nullptr) check_row_vector(rows_[cursor_], tid, *raw);
    for (; cursor_ < rows_.size() && rows_[cursor_].key() == tid.key(); ++cursor_)
        rows_[cursor_].required = 1;
}

template <class Store>
void RowCheck<Store>::check_row_vector(const RowPlace& place, const HeapTid& tid, const RawVector& raw) {
    raw_internal_.resize(encoder_.internal_size(raw));
    raw_work_.resize(encoder_.space().dense() ? encoder_.geometry().dims : 0);
    encoder_.transform(raw, raw_internal_.data(), raw_work_.data());
    Link link{place.block, place.slot, 0};
    link.generation = slot_state(link)->generation;
    ConstNode node(layout_, nullptr);
    if (look(link, node) != Target::there) return;
    const std::string problem = inspector_.vector_problem(node, raw_internal_.data());
    if (problem.empty() || times_held(place, tid) == 0) return;
    report(link.block, link.slot, "row " + to_text(tid) + ": " + problem);
}

template <class Store>
bool RowCheck<Store>::still_has(const HeapTid& tid, Link& at) {
    const auto row = std::lower_bound(rows_.begin(), rows_.end(), tid.key(),
                                      [](const RowPlace& r, uint64_t key) { return r.key() < key; });
    if (row == rows_.end() || row->key() != tid.key() || times_held(*row, tid) == 0) return false;
    at = Link{row->block, row->slot, 0};
    return true;
}

// Rows that were not met are looked for once more: vacuum, on a standby, may have moved them meanwhile.
template <class Store>
void RowCheck<Store>::confirm_missing() {
    if (missing_.empty()) return;
    const auto by_key = [](const HeapTid& a, const HeapTid& b) { return a.key() < b.key(); };
    std::sort(missing_.begin(), missing_.end(), by_key);
    std::vector<bool> found(missing_.size());
    for (uint32_t block = 0, end = store_.page_count(); block < end; ++block) {
        read_page(block, page_);
        if (page_head(page_.data()).kind != PageKind::nodes) continue;
        for (size_t s = 0; s < layout_.slots_per_page(); ++s) {
            const ConstNode node = raw_node(layout_, page_.data(), s);
            if (!node.live() || node.head().level > 0) continue;
            RowList rows;
            confirmed_rows({block, static_cast<uint8_t>(s), node.head().generation}, node.head(), rows);
            for (const HeapTid& tid : rows.tids) {
                const auto at = std::lower_bound(missing_.begin(), missing_.end(), tid, by_key);
                if (at != missing_.end() && *at == tid) found[at - missing_.begin()] = true;
            }
        }
    }
    for (size_t i = 0; i < missing_.size(); ++i)
        if (!found[i])
            report(invalid_block, -1, "row " + to_text(missing_[i]) + " of the table is not in the index");
}

template <class Store>
const typename RowCheck<Store>::LongPlace* RowCheck<Store>::find_long(const HeapTid& tid) const {
    const auto by_key = [](const LongPlace& place, uint64_t key) { return place.tid.key() < key; };
    const auto at = std::lower_bound(long_rows_.begin(), long_rows_.end(), tid.key(), by_key);
    return at != long_rows_.end() && at->tid == tid ? &*at : nullptr;
}

// The row lies on a page of long rows; with another vector it would be out of its place in scans.
template <class Store>
void RowCheck<Store>::check_long_vector(const HeapTid& tid, const RawVector& raw) {
    const LongPlace* const place = find_long(tid);
    const LongLayout list(layout_);
    const OwnVector own = encoder_.encode_row(raw, raw_row_);
    read_page(place->at.block, other_);
    if (page_head(other_.data()).kind != PageKind::long_rows) return;
    const size_t count = std::min<size_t>(LongLayout::head(other_.data()).count, list.capacity());
    for (size_t i = 0; i < count; ++i) {
        const uint8_t* const entry = list.entry(static_cast<const uint8_t*>(other_.data()), i);
        const LongRow& row = list.row(entry);
        if (!(row.tid == tid)) continue;
        if (row.scale != own.scale ||
            std::memcmp(list.more(entry), raw_row_.own_bytes.data(), layout_.own_bytes()) != 0)
            report(place->at.block, static_cast<int>(i), "row " + to_text(tid) + ": holds another vector");
        return;
    }
}

}  // namespace vecstore::core
