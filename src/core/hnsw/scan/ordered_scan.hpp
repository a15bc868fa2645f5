// Rows in the order of their distance, one at a time, for as long as the caller asks.
//
// The scan asks a source for candidates (candidate_sources.hpp), orders their rows, and hands them out. The
// source is at first ef_search wide, on average of all queries. Rows handed out beyond the safe part of that
// width widen it: a scan goes on from the candidates it has, never from the start, and a row is handed out
// only when the source has looked far enough beyond it.
//
// Order: a node stores its vector rounded (fp16 or int8) and knows by how much at most, so every distance is
// an interval. Rows whose intervals do not overlap are in order already; where they do, the heap's own vector
// reranks it (`rerank`), so that the distances a user computes never go down.
//
// Completeness: when a source has no more to give, the scan changes to one that shows what it left out. A
// scan that may go on returns every row there is that matches.
#pragma once

#include <cmath>
#include <optional>

#include "core/hnsw/beside/long_rows.hpp"
#include "core/hnsw/beside/waiting_rows.hpp"
#include "core/hnsw/node/tid_chain.hpp"
#include "core/hnsw/scan/candidate_sources.hpp"

namespace vecstore::core {

struct Reranked {
    bool visible;     // false: the row is gone, or not ours to see
    double distance;  // the operator's result
};

template <class Store>
class OrderedScan {
  public:
    OrderedScan(Store& store, const VectorEncoder& encoder, const Query& query, ScanMemory& memory,
                const ScanOptions& options)
        : store_(store),
          encoder_(encoder),
          layout_(encoder.layout()),
          query_(query),
          memory_(memory),
          options_(with_sound_width(options)),
          candidates_(store, encoder.layout(), query, memory, options_),
          rows_(options.row_memory, options.spill) {}

    // The next row, or nothing when the scan has ended. rerank(tid) -> Reranked.
    template <class Rerank>
    bool next(Rerank&& rerank, HeapTid& tid) {
        if (handed_out_ >= options_.max_rows) return false;
        if (!started_) start();
        for (;;) {
            look_ahead();
            if (rows_.empty()) return next_late(tid);
            Row row = pop();
            if (!is_ready(row)) continue;
            if (options_.strict_order && !in_order(row)) {
                if (row.reranked)
                    late_.push_back(row);
                else
                    rerank_row(row, rerank);
                continue;
            }
            if (row.low > options_.max_distance) {
                rows_.clear();
                exhausted_ = true;
                continue;
            }
            last_high_ = std::max(last_high_, row.high);
            ++handed_out_;
            places_ += row.first;
            tid = row.tid;
            if (row.group != no_group) push_rest(row);
            return true;
        }
    }

    // When there is no next row: were those all that the graph has, but for rows beyond max_distance?
    bool complete() const { return exhausted_ && !cut_short_; }

    const SearchCounts& counts() const { return candidates_.counts(); }
    // Nodes of level 0 visited, but for those of a scan that looks at all.
    uint64_t visits() const { return candidates_.visits(); }

  private:
    struct Row {
        double low;
        double high;
        HeapTid tid;
        bool reranked;   // low and high are what the operator returns
        bool first;      // of its node's
        uint32_t group;  // it stands for all of the group's rows that are left; no_group: for itself alone
    };
    static constexpr uint32_t no_group = UINT32_MAX;
    // The rows of a node that has a chain of them, read as far as they are asked for.
    struct Group {
        ChainReader<Store> chain;
        bool alike;  // all have one vector
        uint8_t count, next;
        HeapTid tids[chunk_tids];
    };

    static ScanOptions with_sound_width(ScanOptions options) {
        options.ef_search = std::max<size_t>(options.ef_search, 1);
        return options;
    }

    void start() {
        started_ = true;
        if (options_.filter != nullptr && options_.filter->never()) {
            exhausted_ = true;
            return;
        }
        if (keeps_long_rows(encoder_.geometry())) add_long_rows();
        const EntryPoint entry = read_entry_point(store_);
        options_.exhaustive |= entry.misfits;  // no way leads through such a graph: slow, and right
        exhausted_ = !candidates_.start(entry, collector());
    }

    // Lets the source go on so far that the next row can be trusted.
    void look_ahead() {
        if (exhausted_) return;
        const size_t taken = places_ + gone_;
        if (!options_.iterative && handed_out_ >= options_.ef_search) {
            rows_.clear();
            exhausted_ = cut_short_ = true;
            return;
        }
        // Three quarters of ef_search stay between the row handed out and the end of the beam; more in a
        // long scan, where a row found too late would be out of order.
        const size_t wanted = taken + 1 + std::max(options_.ef_search * 3 / 4, taken / 2);
        if (!candidates_.covers(taken, wanted)) reach_beyond(taken, wanted);
        advance();
        if (!options_.iterative && !exhausted_ && candidates_.fell_short())
            exhausted_ = !candidates_.follow(collector());
        while (options_.iterative && rows_.empty() && !exhausted_) find_more();
    }

    void reach_beyond(size_t taken, size_t wanted) {
        const size_t width = candidates_.width();
        if (candidates_.ends_early() && (!options_.iterative || options_.max_visits < visits() + 2 * width)) {
            // All of the first beam, in which there are ef_search rows; with as much to go, that does not
            // matter.
            candidates_.fill();
        } else if (options_.iterative) {
            // Some at a time: going on costs a little whether it is for one row or for ten.
            const size_t more = std::max<size_t>(options_.ef_search / 4, 8), sure = taken + more;
            // (A long scan does not end so soon that it would pay to tell easy queries from others.)
            widen({std::max(width, wanted + more), sure <= options_.ef_search / 2 ? sure : SIZE_MAX});
        }
    }

    // When no row waits. A beam full of dead nodes and of rows already gone yields nothing: it is widened
    // until it does.
    void find_more() {
        const size_t width = candidates_.width();
        widen({width + std::max<size_t>(options_.ef_search, width / 4)});
        if (advance()) return;
        // However wide, the source shows no more.
        if (!within_limit())
            exhausted_ = cut_short_ = true;
        else
            exhausted_ = !candidates_.has_more() && !candidates_.follow(collector());
    }

    // Until the source is used up. False when it was so already.
    bool advance() { return candidates_.advance(most_visits_, collector()); }

    auto collector() {
        return [this](const ConstNode& node, const Link& link, float distance) {
            add_rows(node, link, distance);
        };
    }

    bool within_limit() const { return visits() < most_visits_; }

    bool remembers_too_much() {
        if (!options_.node_memory) return false;
        if (node_memory_ == 0) node_memory_ = options_.node_memory();
        return memory_of(memory_) > node_memory_;
    }

    // (Nodes within the first reach are visited in any case.)
    void widen(const SourceReach& reach) {
        most_visits_ = remembers_too_much() ? 0 : options_.max_visits;
        candidates_.widen(reach);
    }

    // Must rows wait in the order of the least that their distances may be? Without reranks that is no order
    // for rows of which next to nothing is known; but a limit of the distance would end the scan too soon by
    // any other.
    bool goes_by_least() const { return options_.strict_order || !std::isinf(options_.max_distance); }

    void add_rows(const ConstNode& node, const Link& link, float distance) {
        const NodeHead& head = node.head();
        if ((head.flags & node_dead) != 0) return;
        DistanceBounds bounds = query_.distance_bounds(distance, head);
        if (options_.exhaustive && bounds.low > options_.max_distance) return;
        if (std::isinf(bounds.high) && !goes_by_least()) bounds.low = query_.likely_distance(distance);
        const size_t count = std::min<size_t>(head.tid_count, inline_tids);
        if (head.overflow.valid()) {
            push({bounds.low, bounds.high, {}, false, true, add_group(head, link, count)});
            return;
        }
        for (size_t i = 0; i < count; ++i)
            push({bounds.low, bounds.high, head.tids[i], false, i == 0, no_group});
    }
    // Those beside the graph: they take no place in the beam.
    void add_long_rows() {
        std::optional<LongQuery> query;
        for_each_long_row(store_, layout_, [&](const LongLayout& list, const uint8_t* entry) {
            if (options_.filter != nullptr && !options_.filter->passes(list.keys(entry))) return;
            if (!query) query.emplace(encoder_, query_);
            const LongRow& row = list.row(entry);
            const LongQuery::Bounds bounds = query->bounds(row, list.more(entry));
            const double low = goes_by_least() ? bounds.low : bounds.middle;
            push({low, bounds.high, row.tid, false, false, no_group});
        });
    }

    uint32_t add_group(const NodeHead& head, const Link& link, size_t count) {
        Group group{{store_, layout_, link, head.overflow},
                    head.all_rows.known(),
                    static_cast<uint8_t>(count),
                    0,
                    {}};
        std::copy_n(head.tids, count, group.tids);
        if (free_groups_.empty()) {
            groups_.push_back(std::move(group));
            return static_cast<uint32_t>(groups_.size() - 1);
        }
        const uint32_t i = free_groups_.back();
        free_groups_.pop_back();
        groups_[i] = std::move(group);
        return i;
    }

    // Is this row, the nearest there is, certainly not nearer than the last one handed out and certainly
    // not farther than any that waits? (Of a group the next one would be nearer than this one may be.)
    bool in_order(const Row& row) const {
        if (row.low < last_high_ || (row.group != no_group && !row.reranked)) return false;
        return row.reranked || rows_.empty() || row.high <= rows_.front().low;
    }

    // Finds the row's TID where it stands for a group. False: there is none left, or the rows of the group
    // now wait one by one. In strict order the rows of a node must all be known before the place of one is,
    // as any may be the nearest; but if all have one vector, one tells the place of all.
    bool is_ready(Row& row) {
        if (row.group == no_group) return true;
        Group& group = groups_[row.group];
        if (options_.strict_order && !group.alike) {
            while (load(group)) {
                push({row.low, row.high, group.tids[group.next++], false, row.first, no_group});
                row.first = false;
            }
        } else if (load(group)) {
            row.tid = group.tids[group.next];
            return true;
        }
        free_group(row.group);
        return false;
    }

    bool load(Group& group) {
        if (group.next < group.count) return true;
        group.count = static_cast<uint8_t>(group.chain.next(group.tids));
        group.next = 0;
        return group.count > 0;
    }

    void free_group(uint32_t i) {
        groups_[i].chain = {store_, layout_, Link{}, Link{}};
        free_groups_.push_back(i);
    }

    // The rows of its group after this one.
    void push_rest(Row row) {
        ++groups_[row.group].next;
        row.first = false;
        push(row);
    }

    template <class Rerank>
    void rerank_row(Row row, Rerank& rerank) {
        const Reranked reranked = rerank(row.tid);
        if (reranked.visible) {
            row.reranked = true;
            // Where the operator returns NaN, which comes after everything else.
            row.low = row.high = std::isnan(reranked.distance) ? std::numeric_limits<double>::infinity()
                                                               : reranked.distance;
            push(row);
        } else {
            gone_ += row.first;
            if (row.group != no_group) push_rest(row);
        }
    }

    void push(const Row& row) { rows_.push(row); }
    Row pop() { return rows_.pop(); }
    bool next_late(HeapTid& tid) {
        for (; next_late_ < late_.size(); ++next_late_) {
            Row& row = late_[next_late_];
            if (!is_ready(row)) continue;
            tid = row.tid;
            if (row.group == no_group)
                ++next_late_;
            else
                ++groups_[row.group].next;
            return true;
        }
        return false;
    }

    Store& store_;
    const VectorEncoder& encoder_;
    const NodeLayout& layout_;
    const Query& query_;
    ScanMemory& memory_;
    ScanOptions options_;
    CandidateSources<Store> candidates_;
    uint64_t most_visits_ = UINT64_MAX;
    size_t node_memory_ = 0;  // once it was asked for
    bool started_ = false;
    bool exhausted_ = false;
    bool cut_short_ = false;  // by a limit of what may be looked at
    size_t handed_out_ = 0;
    // Nodes, in the beam, of rows handed out, and of those found to be gone when they were reranked.
    size_t places_ = 0, gone_ = 0;
    double last_high_ = -std::numeric_limits<double>::infinity();
    WaitingRows<Row> rows_;
    std::vector<Row> late_;
    size_t next_late_ = 0;
    std::vector<Group> groups_;
    std::vector<uint32_t> free_groups_;
};

}  // namespace vecstore::core
