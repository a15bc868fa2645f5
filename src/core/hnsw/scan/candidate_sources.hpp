// The source of a scan's candidates, and which one follows it.
//
//   without conditions   GraphBeam, then Sweep of what the graph did not lead to
//   under conditions     FilteredBeam, then MatchingRows; or those from the start (filter_plan.hpp)
//   of all rows          Sweep; under conditions MatchingRows
#pragma once

#include <optional>
#include <utility>
#include <variant>

#include "core/hnsw/scan/filtered_beam.hpp"
#include "core/hnsw/scan/graph_beam.hpp"
#include "core/hnsw/scan/matching_rows.hpp"
#include "core/hnsw/scan/scan_memory.hpp"
#include "core/hnsw/scan/scan_options.hpp"
#include "core/hnsw/scan/sweep.hpp"
#include "core/hnsw/search/entry_table.hpp"

namespace vecstore::core {

template <class Store>
class CandidateSources {
  public:
    // options: must live as long as this. Its `exhaustive` may change until start().
    CandidateSources(Store& store, const NodeLayout& layout, const Query& query, ScanMemory& memory,
                     const ScanOptions& options)
        : store_(store),
          layout_(layout),
          query_(query),
          memory_(memory),
          options_(options),
          beam_(store, layout, query, memory.search),
          source_(std::in_place_type<NoCandidates>,
                  beam_width(static_cast<double>(store.page_count() * layout.slots_per_page()),
                             options.ef_search, layout.geometry().own_format)) {
        if (options.filter != nullptr && !options.filter->never())
            conditions_.emplace(store, layout, *options.filter, memory.filtered.map);
    }
    CandidateSources(const CandidateSources&) = delete;
    CandidateSources& operator=(const CandidateSources&) = delete;

    // Begins. False: there is no row that has not been shown. (visitor: as CandidateSource has it.)
    template <class Visitor>
    bool start(const EntryPoint& entry, Visitor&& visitor) {
        if (conditions_) {
            memory_.filtered.shown.clear();
            conditions_->plan = look_at_filter();
        }
        if (conditions_ && (options_.exhaustive || conditions_->plan.enumerate)) {
            rank_matching_rows(visitor);
            return true;
        }
        if (options_.exhaustive) {
            sweep(Sweep<Store>::Of::all, visitor);
            return false;
        }
        if (!entry.link.valid()) return false;
        walk(entry, find_candidates(store_, layout_, query_, beam_, entry));
        return true;
    }

    // Shows candidates until none is left within reach, or so many nodes were visited. False: there was none.
    template <class Visitor>
    bool advance(uint64_t most_visits, Visitor&& visitor) {
        bool advanced = run(most_visits, visitor);
        const bool outdone = ask([](const auto& source) { return source.is_outdone(); });
        if (outdone && visits() < most_visits) {
            follow(visitor);
            advanced |= run(most_visits, visitor);
        }
        return advanced;
    }

    // Goes over to the source that shows what this one cannot. False: all rows have been shown.
    template <class Visitor>
    bool follow(Visitor&& visitor) {
        if (std::holds_alternative<GraphBeam<Store>>(source_)) {
            sweep(Sweep<Store>::Of::rest, visitor);
            return false;
        }
        if (!std::holds_alternative<FilteredBeam<Store>>(source_)) return false;
        rank_matching_rows(visitor);
        return true;
    }

    // Of the source, as CandidateSource has it:
    bool covers(size_t taken, size_t wanted) const {
        return ask([&](const auto& source) { return source.covers(taken, wanted); });
    }
    void widen(const SourceReach& reach) {
        std::visit([&](auto& source) { source.widen(reach); }, source_);
    }
    void fill() {
        std::visit([](auto& source) { source.fill(); }, source_);
    }
    size_t width() const {
        return ask([](const auto& source) { return source.width(); });
    }
    bool ends_early() const {
        return ask([](const auto& source) { return source.ends_early(); });
    }
    bool fell_short() const {
        return ask([](const auto& source) { return source.fell_short(); });
    }
    bool has_more() const {
        return ask([](const auto& source) { return source.has_more(); });
    }

    // Of all sources so far.
    uint64_t visits() const {
        return earlier_visits_ + ask([](const auto& source) { return source.visits(); });
    }
    // Of the descent, and of the beam without conditions.
    const SearchCounts& counts() const { return beam_.counts(); }

  private:
    struct Conditions {
        Conditions(Store& store, const NodeLayout& layout, const RowFilter& filter, FilterMemory& memory)
            : map(store, layout, filter, memory) {}
        FilterMap<Store> map;
        FilterPlan plan;  // as it was made at the start
    };

    template <class Ask>
    auto ask(Ask&& question) const {
        return std::visit(question, source_);
    }

    template <class Source, class... Args>
    Source& use(Args&&... args) {
        earlier_visits_ = visits();
        return source_.template emplace<Source>(std::forward<Args>(args)...);
    }

    template <class Visitor>
    bool run(uint64_t most_visits, Visitor& visitor) {
        return std::visit(
            [&](auto& source) {
                bool advanced = false;
                while (earlier_visits_ + source.visits() < most_visits && !source.is_outdone() &&
                       source.step(visitor))
                    advanced = true;
                return advanced;
            },
            source_);
    }

    void walk(const EntryPoint& entry, const std::vector<EntryCandidate>& entry_candidates) {
        const size_t first_width = width();
        if (conditions_)
            use<FilteredBeam<Store>>(store_, layout_, query_, memory_, conditions_->map)
                .start(first_width, conditions_->plan, entry_candidates);
        else
            use<GraphBeam<Store>>(beam_, entry.calibration, first_width, entry_candidates);
    }

    template <class Visitor>
    void sweep(typename Sweep<Store>::Of which, Visitor& visitor) {
        auto& pages = use<Sweep<Store>>(store_, layout_, query_, memory_.search, which);
        while (pages.step(visitor)) {
        }
    }

    template <class Visitor>
    void rank_matching_rows(Visitor& visitor) {
        const FilterPlan& plan = conditions_->plan;
        const size_t so_far = width();
        auto& rows = use<MatchingRows<Store>>(store_, layout_, query_, memory_, conditions_->map);
        if (plan.by_clusters && !options_.exhaustive) {
            rows.start_near(so_far);
            return;
        }
        rows.start(so_far, visitor);
        // (There may be more than some of the groups let expect.)
        if (options_.exhaustive || (plan.all_at_once && rows.ranked() <= 10 * options_.ef_search))
            rows.take_all();
    }

    // How many rows match is judged from some groups of keys.
    FilterPlan look_at_filter() {
        constexpr uint32_t most_groups = 16;
        FilterMap<Store>& map = conditions_->map;
        const FilterLayout& filters = layout_.filters();
        const uint32_t groups = map.groups(), looked_at = std::min(groups, most_groups);
        for (uint32_t i = 0; i < looked_at; ++i)
            map.bits_of(static_cast<uint32_t>(uint64_t{i} * groups / looked_at));
        FilteredSearch search{static_cast<double>(groups) * static_cast<double>(filters.slots_per_group()),
                              static_cast<double>(groups), map.share(), options_.ef_search,
                              filters.has_origin_codes()};
        if (filters.has_origin_codes()) read_clusters(store_, layout_, memory_.filtered, search);
        return plan_filter(search, map.share());
    }

    Store& store_;
    const NodeLayout& layout_;
    const Query& query_;
    ScanMemory& memory_;
    const ScanOptions& options_;
    Beam<Store> beam_;
    std::optional<Conditions> conditions_;
    std::variant<NoCandidates, GraphBeam<Store>, FilteredBeam<Store>, MatchingRows<Store>, Sweep<Store>>
        source_;
    uint64_t earlier_visits_ = 0;  // of the sources before this one
};

}  // namespace vecstore::core
