// Candidates from the graph under conditions: a search of level 0 for nodes that match a filter.
//
// Two beams in one. The nearest nodes that match are the candidates; the guide is the nearest of all nodes,
// which show the way (filter_plan.hpp).
//
// Locks are as in search.hpp. Keys are read under no other lock than that of their own page.
#pragma once

#include "core/hnsw/filter/filter_plan.hpp"
#include "core/hnsw/scan/candidate_source.hpp"
#include "core/hnsw/scan/scan_memory.hpp"

namespace vecstore::core {

template <class Store>
class FilteredBeam : public CandidateSource {
  public:
    FilteredBeam(Store& store, const NodeLayout& layout, const Query& query, ScanMemory& memory,
                 FilterMap<Store>& map)
        : store_(store),
          layout_(layout),
          query_(query),
          memory_(memory.search),
          own_(memory.filtered),
          map_(map) {}

    void start(size_t width, const FilterPlan& plan, const std::vector<EntryCandidate>& entry_candidates) {
        width_ = width;
        plan_ = plan;
        memory_.visited.clear();
        memory_.bound.clear(width);
        own_.guide_bound.clear(least_guide_width);
        next_judgement_ = first_judgement;
        seen_ = seen_matching_ = 0;
        for (size_t kind = 0; kind < kinds; ++kind) {
            own_.frontiers[kind].clear(width + 16);
            has_head_[kind] = false;
        }
        for (const EntryCandidate& candidate : entry_candidates)
            if (memory_.visited.insert(layout_.node_id(candidate.link)))
                own_.frontiers[kind_of(candidate.link)].push_near(candidate.distance, candidate.link);
    }

    void widen(const SourceReach& reach) {
        width_ = reach.width;
        memory_.bound.widen(width_);
        plan_.search.widened_to = width_;
        if (is_judged()) judge();
    }

    // Visits the nearest candidate that is worth it.
    template <class Visitor>
    bool step(Visitor&& visitor) {
        size_t nearest = kinds;
        for (size_t kind = 0; kind < kinds; ++kind) {
            if (!has_candidate(kind)) continue;
            if (nearest == kinds || heads_[kind].distance < heads_[nearest].distance) nearest = kind;
        }
        if (nearest == kinds) return false;
        const Candidate current = heads_[nearest];
        has_head_[nearest] = false;
        has_candidate(nearest);  // the next one's page is fetched during this visit, as in Beam::step()
        store_.check_interrupts();
        visit(current, nearest == matching, visitor);
        if (counts_.visits >= next_judgement_) {
            next_judgement_ *= 2;
            judge();
        }
        return true;
    }

    // By the ranking of all rows that match.
    bool is_outdone() const { return plan_.enumerate || counts_.visits >= plan_.most_visits; }
    uint64_t visits() const { return counts_.visits; }

  private:
    // Candidates that match, and those that only show the way.
    enum Kind : size_t { matching, guide, kinds };
    static_assert(kinds == FilteredMemory::kinds);

    Kind kind_of(const Link& link) { return map_.passes(link) ? matching : guide; }

    float bound(size_t kind) const { return kind == matching ? memory_.bound.get() : own_.guide_bound.get(); }

    bool is_judged() const { return next_judgement_ > first_judgement; }

    // Plans again, now that it is better known how many of the rows near the query match.
    void judge() {
        plan_ = plan_filter(plan_.search, share_near(plan_.search.share, seen_matching_, seen_));
        own_.guide_bound.resize(plan_.guide_width);
    }

    // Is there a candidate of this kind within its bound? It is then in heads_, its page on the way into the
    // cache.
    bool has_candidate(size_t kind) {
        Frontier& frontier = own_.frontiers[kind];
        const float limit = bound(kind);
        if (has_head_[kind]) {
            if (heads_[kind].distance <= limit) return true;
            has_head_[kind] = false;
            frontier.push_near(heads_[kind].distance, heads_[kind].link);
        }
        if (!frontier.pop(
                query_.kernel_table(), limit, [](const Link&) { return true; }, heads_[kind]))
            return false;
        const Link& link = heads_[kind].link;
        store_.prefetch(link.block, layout_.slot_offset(link.slot), layout_.slot_size());
        return has_head_[kind] = true;
    }

    template <class Visitor>
    void visit(const Candidate& candidate, bool passes, Visitor& visitor) {
        size_t degree;
        {
            auto page = store_.read(candidate.link.block);
            ++counts_.pages;
            const ConstNode node = find_node(layout_, page.payload(), candidate.link);
            if (!node || node.head().level != 0) return;
            ++counts_.visits;
            const float distance = query_.distance(node);
            if (!node.dead()) {
                own_.guide_bound.add(distance);
                if (passes) {
                    memory_.bound.add(distance);
                    own_.shown.insert(layout_.node_id(candidate.link));
                    visitor(node, candidate.link, distance);
                }
            }
            degree = node.head().degree;
            if (layout_.coded())
                query_.estimate(node, degree, distance, memory_.sums.data(), memory_.estimates.data());
            std::copy_n(node.links(), degree, memory_.links.begin());
        }
        if (!layout_.coded())
            degree = measure_neighbors(store_, layout_, query_, 0, degree, memory_, counts_);
        push_neighbors(degree);
    }

    void push_neighbors(size_t degree) {
        auto& distances = own_.distances;
        auto& links = own_.links;
        size_t counts[kinds] = {};
        const float bounds[kinds] = {bound(matching), bound(guide)};
        // Whether neighbors match and whether they were met is looked up all over the memory: all at once.
        for (size_t i = 0; i < degree; ++i) {
            memory_.visited.prefetch(layout_.node_id(memory_.links[i]));
            map_.prefetch(memory_.links[i]);
        }
        for (size_t i = 0; i < degree; ++i) {
            const Link link = memory_.links[i];
            const float distance = memory_.estimates[i];
            const Kind kind = kind_of(link);
            const bool is_near = !(distance > bounds[guide]);
            // One that does not match and lies too far off is forgotten: should it be needed after all, so
            // will be all rows that match.
            if (kind != matching && !is_near && is_judged()) continue;
            if (layout_.coded() && !memory_.visited.insert(layout_.node_id(link))) continue;
            seen_ += is_near;
            seen_matching_ += is_near && kind == matching;
            distances[kind][counts[kind]] = distance;
            links[kind][counts[kind]++] = link;
        }
        for (size_t kind = 0; kind < kinds; ++kind)
            own_.frontiers[kind].push(
                distances[kind], links[kind], counts[kind], bounds[kind], true,
                [](const Link&) { return true; },
                [&](const Link& link) { store_.expect(link.block, layout_.slot_offset(link.slot)); });
    }

    Store& store_;
    const NodeLayout& layout_;
    const Query& query_;
    SearchMemory& memory_;
    FilteredMemory& own_;
    FilterMap<Store>& map_;
    FilterPlan plan_;
    SearchCounts counts_;
    Candidate heads_[kinds];
    bool has_head_[kinds] = {};
    // Visits after which the share near the query is known well enough to plan by; again after twice as many,
    // and so on.
    static constexpr uint64_t first_judgement = 16;
    uint64_t next_judgement_ = first_judgement;
    uint64_t seen_ = 0, seen_matching_ = 0;  // nodes met within the guide's bound
};

}  // namespace vecstore::core
