// Rows in the order of their distance, one at a time, for as long as the caller asks.
//
// The beam is at first ef_search wide, on average of all queries: it ends so many times as far as the tenth
// nearest row (beam_calibration.hpp). Rows handed out beyond that width's safe part widen it: a scan goes on
// from the candidates it has, never from the start, and a row is handed out only when the beam has looked far
// enough beyond it.
//
// Order: a node stores its vector rounded (fp16 or int8) and knows by how much at most, so every distance is
// an interval. Rows whose intervals do not overlap are in order already; where they do, the heap's own vector
// reranks it (`rerank`), so that the distances a user computes never go down.
//
// Completeness: when the graph has no more to give, what it did not lead to is read page by page. A scan that
// may go on returns every row there is that passes its filter.
#pragma once

#include <cmath>
#include <functional>
#include <optional>

#include "core/hnsw/beside/long_rows.hpp"
#include "core/hnsw/beside/waiting_rows.hpp"
#include "core/hnsw/node/page_walk.hpp"
#include "core/hnsw/node/tid_chain.hpp"
#include "core/hnsw/scan/filtered_beam.hpp"
#include "core/hnsw/scan/matching_rows.hpp"
#include "core/hnsw/search/beam_calibration.hpp"
#include "core/hnsw/search/entry_table.hpp"
#include "core/hnsw/search/search.hpp"

namespace vecstore::core {

struct ScanOptions {
    size_t ef_search = 40;
    bool iterative = true;             // go on beyond ef_search rows
    bool strict_order = true;          // a row found too late to be in order waits until all others are out
    uint64_t max_visits = UINT64_MAX;  // stop iterating after so many nodes of level 0 (never before the
                                       // first beam is used up)
    uint64_t max_rows = UINT64_MAX;  // hand out no more
    bool exhaustive = false;  // look at every row before the first is returned: exact, without the graph
    const RowFilter* filter = nullptr;  // only rows that pass; must live as long as the scan
    double max_distance = std::numeric_limits<double>::infinity();  // no row that is certainly farther
    // Bytes for rows that wait; those beyond are put into files where that is possible. (A scan of all rows
    // begins with all waiting.)
    size_t row_memory = SIZE_MAX;
    SpillTo spill;
    // A scan that goes on ends when it remembers nodes in more bytes than that; asked for when there is need
    // to. Null: never.
    std::function<size_t()> node_memory;
};

// How wide a beam ef_search stands for. The larger an index, the less a beam of the same width finds: from
// 200,000 x 768 to 1,000,000 x 768 recall@10 of a beam of 40 falls from .98 to .944, of a compact index from
// .973 to .908. With these widths it is .969 and .956. And the less, the rougher the nodes' own vectors are
// by which the beam is told: of 4,000 x 16,000, with three bits for a component, it finds .947 at 40 and .978
// with these widths.
inline size_t beam_width(double nodes, size_t ef_search, OwnFormat format) {
    constexpr size_t least =
        20;  // Narrower ones do not find their way; they would cost next to nothing less.
    constexpr double large = 300000;
    double wider = nodes > large ? 1 + 1.5 * std::log10(nodes / large) : 1;
    if (format == OwnFormat::planes) wider *= 1.5;
    return std::max(least, static_cast<size_t>(wider * static_cast<double>(ef_search)));
}

struct Reranked {
    bool visible;     // false: the row is gone, or not ours to see
    double distance;  // the operator's result
};

template <class Store>
class OrderedScan {
  public:
    OrderedScan(Store& store, const VectorEncoder& encoder, const Query& query, SearchMemory& memory,
                const ScanOptions& options)
        : store_(store),
          encoder_(encoder),
          layout_(encoder.layout()),
          query_(query),
          beam_(store, encoder.layout(), query, memory),
          memory_(memory),
          options_(options),
          rows_(options.row_memory, options.spill) {
        if (options_.filter != nullptr && !options_.filter->never()) {
            map_.emplace(store, layout_, *options_.filter, memory.filtered.map);
            filtered_.emplace(store, layout_, query, memory, *map_);
        }
        options_.ef_search = std::max<size_t>(options_.ef_search, 1);
        width_ = beam_width(static_cast<double>(store.page_count() * layout_.slots_per_page()),
                            options_.ef_search, layout_.geometry().own_format);
    }

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

    const SearchCounts& counts() const { return beam_.counts(); }
    // Nodes of level 0 visited, but for those of a scan that looks at all.
    uint64_t visits() const {
        return beam_.counts().visits - descent_visits_ + (filtered_ ? filtered_->counts().visits : 0) +
               (matching_ ? matching_->visits() : 0);
    }

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

    void start() {
        started_ = true;
        if (options_.filter != nullptr) memory_.filtered.shown.clear();
        if (options_.filter != nullptr && options_.filter->never()) {
            exhausted_ = true;
            return;
        }
        if (keeps_long_rows(encoder_.geometry())) add_long_rows();
        const EntryPoint entry = read_entry_point(store_);
        options_.exhaustive |= entry.misfits;  // no way leads through such a graph: slow, and right
        FilterPlan plan;
        if (filtered_) plan = look_at_filter();
        all_at_once_ = plan.all_at_once;
        use_clusters_ = plan.by_clusters && !options_.exhaustive;
        if (options_.exhaustive || plan.enumerate) {
            read_rest();
            return;
        }
        if (!entry.link.valid()) {
            exhausted_ = true;
            return;
        }
        const std::vector<EntryCandidate>& entry_candidates = find_candidates(store_, layout_, query_, beam_,
                                                                              entry);
        descent_visits_ = beam_.counts().visits;
        if (filtered_) {
            filtered_->start(width_, plan);
            for (const EntryCandidate& candidate : entry_candidates) filtered_->seed(candidate);
        } else {
            calibration_ = entry.calibration;
            sure_ = calibration_rank;
            beam_.start(0, extent());
            for (const EntryCandidate& candidate : entry_candidates) beam_.seed(candidate);
        }
    }

    BeamExtent extent() const { return extent_of(calibration_, width_, sure_); }

    // What the filter lets pass is judged from some of its groups.
    FilterPlan look_at_filter() {
        constexpr uint32_t most_groups = 16;
        const FilterLayout& filters = layout_.filters();
        const uint32_t groups = map_->groups(), looked_at = std::min(groups, most_groups);
        for (uint32_t i = 0; i < looked_at; ++i)
            map_->bits_of(static_cast<uint32_t>(uint64_t{i} * groups / looked_at));
        FilteredSearch search{static_cast<double>(groups) * static_cast<double>(filters.slots_per_group()),
                              static_cast<double>(groups), map_->share(), options_.ef_search,
                              filters.has_origin_codes()};
        if (filters.has_origin_codes()) read_clusters(store_, layout_, memory_.filtered, search);
        return plan_filter(search, map_->share());
    }

    // Every live node whose rows are not known yet, in the order of the pages, whether links lead to it or
    // not. What inserts and vacuum do meanwhile does not matter: a row stays in the node it was put into, as
    // long as some snapshot sees it, and pages that are added after the start hold no row that this scan's
    // snapshot sees. (Under conditions nearest first, as far as origin codes tell.)
    void read_rest() {
        if (filtered_) {
            matching_.emplace(store_, layout_, query_, memory_, *map_);
            if (use_clusters_) {
                matching_->start_near(width_);
                return;
            }
            matching_->start(width_, collector());
            // (There may be more than some of the groups let expect.)
            if (options_.exhaustive || (all_at_once_ && matching_->ranked() <= 10 * options_.ef_search))
                matching_->widen(SIZE_MAX);
            return;
        }
        exhausted_ = true;
        const bool all = options_.exhaustive;  // else the beam has met what it was led to
        const uint32_t pages = store_.page_count();
        for (uint32_t block = meta_block + 1; block < pages; ++block) {
            store_.check_interrupts();
            for_each_live_node(store_, layout_, block, [&](const Link& link, const ConstNode& node) {
                if (all || memory_.visited.insert(layout_.node_id(link)))
                    add_rows(node, link, query_.distance(node));
            });
        }
    }

    // Lets the beam run so far that the next row can be trusted.
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
        // By a factor, so many are sure, however wide the beam.
        const bool by_factor = is_known(calibration_) && sure_ != SIZE_MAX;
        const bool beyond = by_factor ? taken >= sure_ : wanted > width_;
        if (by_factor && beyond && !widened_ &&
            (!options_.iterative || options_.max_visits < visits() + 2 * width_)) {
            // All of the first beam, in which there are ef_search rows; with as much to go, that does not
            // matter.
            sure_ = SIZE_MAX;
            beam_.widen(extent());
        } else if (options_.iterative && beyond) {
            // Some at a time: going on costs a little whether it is for one row or for ten.
            const size_t more = std::max<size_t>(options_.ef_search / 4, 8), sure = taken + more;
            // (A long scan does not end so soon that it would pay to tell easy queries from others.)
            widen(std::max(width_, wanted + more), sure <= options_.ef_search / 2 ? sure : SIZE_MAX);
        }
        advance();
        // A beam that is not full has met all that the graph leads to; or vacuum freed what it was on its way
        // through.
        if (!options_.iterative && !filtered_ && !exhausted_ && std::isinf(memory_.bound.get())) read_rest();
        // A beam full of dead nodes and of rows already gone yields nothing: widen until it does.
        while (options_.iterative && rows_.empty() && !exhausted_) {
            widen(width_ + std::max<size_t>(options_.ef_search, width_ / 4), SIZE_MAX);
            if (advance()) continue;
            // However wide, it has met all that the graph leads to.
            if (within_limit() && !matching_) {
                read_rest();
            } else if (!within_limit() || !matching_->has_more()) {
                exhausted_ = true;
                cut_short_ = !within_limit();
            }
        }
    }

    // Until the beam is used up. False when it was so already.
    bool advance() {
        bool advanced = false;
        while (within_limit() && step()) advanced = true;
        return advanced;
    }

    bool step() {
        if (matching_) return matching_->step(collector());
        if (!filtered_) return beam_.step(collector());
        if (filtered_->used_up()) {
            read_rest();
            return matching_->step(collector());
        }
        return filtered_->step([&](const ConstNode& node, const Link& link, float distance) {
            memory_.filtered.shown.insert(layout_.node_id(link));
            add_rows(node, link, distance);
        });
    }

    auto collector() {
        return [this](const ConstNode& node, const Link& link, float distance) {
            add_rows(node, link, distance);
        };
    }

    bool within_limit() const { return !widened_ || (visits() < options_.max_visits && !out_of_memory_); }

    bool remembers_too_much() {
        if (!options_.node_memory) return false;
        if (node_memory_ == 0) node_memory_ = options_.node_memory();
        return memory_of(memory_) > node_memory_;
    }

    // sure: so many rows are to be told from the rest; SIZE_MAX: as many as the beam is wide.
    void widen(size_t width, size_t sure) {
        width_ = width;
        sure_ = sure;
        widened_ = true;
        out_of_memory_ = remembers_too_much();
        if (matching_)
            matching_->widen(width);
        else if (filtered_)
            filtered_->widen(width);
        else
            beam_.widen(extent());
    }

    void add_rows(const ConstNode& node, const Link& link, float distance) {
        const NodeHead& head = node.head();
        if ((head.flags & node_dead) != 0) return;
        const DistanceBounds bounds = query_.distance_bounds(distance, head);
        if (options_.exhaustive && bounds.low > options_.max_distance) return;
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
            const double low = options_.strict_order ? bounds.low : bounds.middle;
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
    Beam<Store> beam_;
    SearchMemory& memory_;
    ScanOptions options_;
    std::optional<FilterMap<Store>> map_;
    // Instead of beam_ on level 0, under conditions; then, or from the start, instead of both.
    std::optional<FilteredBeam<Store>> filtered_;
    std::optional<MatchingRows<Store>> matching_;
    size_t width_;
    size_t sure_ = calibration_rank;
    BeamCalibration calibration_{};
    bool all_at_once_ = false, use_clusters_ = false;
    bool widened_ = false;
    bool out_of_memory_ = false;
    size_t node_memory_ = 0;  // once it was asked for
    uint64_t descent_visits_ = 0;
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
