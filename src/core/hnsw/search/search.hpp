// Search of one level of the graph: a beam of candidates, the nearest visited first (HNSW, Malkov and
// Yashunin, algorithm 2; with codes as in SymphonyQG, so that a visit reads one page and ranks all
// neighbors from it). Written once, over a page store (mem_store.hpp has the contract).
//
// Vacuum and inserts may do anything meanwhile. A visit looks at one page under its shared lock. A link whose
// slot was freed or reused since is recognized by its generation and skipped.
#pragma once

#include <cmath>
#include <memory>
#include <vector>

#include "core/base/float_order.hpp"
#include "core/hnsw/node/met_nodes.hpp"
#include "core/hnsw/node/page_walk.hpp"
#include "core/hnsw/search/beam_bound.hpp"
#include "core/hnsw/search/frontier.hpp"
#include "core/hnsw/space/query.hpp"
#include "core/storage/features.hpp"

namespace vecstore::core {

// A node to start from on some level. Those of a level have the distance of their nodes on the level above,
// which is the same vector's.
struct EntryCandidate {
    float distance = -std::numeric_limits<float>::infinity();  // unknown: it is visited first
    Link link;
};

// The nearest of the entry candidates that were found for a row, in little room: many rows may wait with
// theirs.
struct NearCandidates {
    // Measured on 1,000,000 x 768, ef_construction 64: of the ten nearest, searches that visit 80 nodes
    // miss 1.4% where rows were inserted from one candidate, 1.1% with four, 1.1% with eight. And the more,
    // the sooner an insert's search is where it should be.
    static constexpr size_t most = 4;
    uint8_t count = 0;
    EntryCandidate entry_candidates[most];

    void take(const std::vector<EntryCandidate>& found) {
        count = static_cast<uint8_t>(std::min(found.size(), most));
        std::copy_n(found.begin(), count, entry_candidates);
    }
};

// Memory of one search, kept between searches.
struct SearchMemory {
    VisitedSet visited;
    Frontier frontier;
    BeamBound bound;
    std::vector<int32_t> sums = std::vector<int32_t>(max_degree);
    std::vector<float> estimates = std::vector<float>(max_degree);
    std::vector<Link> links = std::vector<Link>(max_degree);
    std::vector<EntryCandidate> entry_candidates, passed;  // of descend()
    std::vector<uint32_t> entry_pages;
    MetNodes* met = nullptr;  // of the query of a search without codes, where it will be asked again
};

// Bytes of what grows with the rows that a search comes to.
inline size_t memory_of(const SearchMemory& memory) {
    return memory.visited.memory() + memory.frontier.memory() + memory.bound.memory();
}

struct SearchCounts {
    uint64_t pages = 0;   // page reads
    uint64_t visits = 0;  // nodes visited
};

// Plain mode: a node's neighbors have no codes, each one's distance comes from its own page. Of the first
// `degree` of memory.links, leaves those on `level` that had not been met before, with memory.estimates, and
// says how many.
template <class Store>
size_t measure_neighbors(Store& store, const NodeLayout& layout, const Query& query, uint8_t level,
                         size_t degree, SearchMemory& memory, SearchCounts& counts) {
    size_t count = 0;
    for (size_t i = 0; i < degree; ++i) {
        const Link link = memory.links[i];
        const uint64_t id = layout.node_id(link);
        if (!memory.visited.insert(id)) continue;
        if (memory.met == nullptr || memory.met->find(id) == nullptr)
            store.prefetch(link.block, layout.slot_offset(link.slot), layout.slot_size());
        memory.links[count++] = link;
    }
    size_t kept = 0;
    for (size_t i = 0; i < count; ++i) {
        const Link link = memory.links[i];
        const MetNodes::Met* const met = memory.met != nullptr ? memory.met->find(layout.node_id(link))
                                                               : nullptr;
        if (met != nullptr) {
            memory.links[kept] = link;
            memory.estimates[kept++] = query.distance(met->distance, met->norm2);
            continue;
        }
        auto page = store.read(link.block);
        ++counts.pages;
        const ConstNode node = find_node(layout, page.payload(), link);
        if (!node || node.head().level != level) continue;
        const float distance = query.order_distance(node), norm2 = node.head().norm2;
        if (memory.met != nullptr) memory.met->add(layout.node_id(link), distance, norm2);
        memory.links[kept] = link;
        memory.estimates[kept++] = query.distance(distance, norm2);
    }
    return kept;
}

template <class Store>
class Beam {
  public:
    Beam(Store& store, const NodeLayout& layout, const Query& query, SearchMemory& memory)
        : store_(store), layout_(layout), query_(query), memory_(memory) {}

    void start(uint8_t level, size_t width) { start(level, BeamExtent{width}); }
    void start(uint8_t level, const BeamExtent& extent) {
        level_ = level;
        has_next_ = false;
        memory_.visited.clear();
        memory_.frontier.clear(extent.width + 16);
        memory_.bound.clear(extent);
    }

    // An entry candidate of the level. Its distance, where it is not known, is found out when it is visited.
    void seed(const EntryCandidate& candidate) {
        if (memory_.visited.insert(layout_.node_id(candidate.link)))
            memory_.frontier.push_near(candidate.distance, candidate.link);
    }

    void widen(const BeamExtent& extent) { memory_.bound.widen(extent); }

    // Visits the nearest candidate: visitor(node, link, distance) runs under the page's shared lock.
    // False when there is none within the beam.
    //
    // The candidate to be visited next is chosen, and its page fetched into the cache, before this one is
    // visited: should this one turn out to have a nearer neighbor, that has to wait for one visit, which
    // costs less than the wait for its page would.
    template <class Visitor>
    bool step(Visitor&& visitor) {
        return step(visitor, [this](const ConstNode& node) { return query_.distance(node); });
    }

    // The same with measure(node) for the distance, also under the lock.
    template <class Visitor, class Measure>
    bool step(Visitor&& visitor, Measure&& measure) {
        Candidate current;
        if (has_next_) {
            has_next_ = false;
            current = next_;
            if (current.distance > memory_.bound.get()) {
                memory_.frontier.push_near(current.distance, current.link);
                if (!take(current)) return false;
            }
        } else if (!take(current)) {
            return false;
        }
        has_next_ = take(next_);
        store_.check_interrupts();
        visit(current, visitor, measure);
        return true;
    }

    // Visits until the beam is used up.
    template <class Visitor>
    void run(Visitor&& visitor) {
        while (step(visitor)) {
        }
    }
    template <class Visitor, class Measure>
    void run(Visitor&& visitor, Measure&& measure) {
        while (step(visitor, measure)) {
        }
    }

    const SearchCounts& counts() const { return counts_; }
    // By this distance the node being visited was chosen.
    float estimate() const { return estimate_; }
    SearchMemory& memory() { return memory_; }

  private:
    template <class Visitor, class Measure>
    void visit(const Candidate& candidate, Visitor& visitor, Measure& measure) {
        size_t degree;
        {
            auto page = store_.read(candidate.link.block);
            ++counts_.pages;
            const ConstNode node = find_node(layout_, page.payload(), candidate.link);
            if (!node || node.head().level != level_) return;
            ++counts_.visits;
            estimate_ = candidate.distance;
            const float distance = measure(node);
            // Dead nodes are only a way: a beam full of them would end before it comes to a live one.
            if (!node.dead()) memory_.bound.add(distance);
            visitor(node, candidate.link, distance);
            degree = node.head().degree;
            if (layout_.coded()) {
                query_.estimate(node, degree, distance, memory_.sums.data(), memory_.estimates.data());
                push_neighbors(node.links(), degree);
                return;
            }
            std::copy_n(node.links(), degree, memory_.links.begin());
        }
        const size_t kept = measure_neighbors(store_, layout_, query_, level_, degree, memory_, counts_);
        memory_.frontier.push(
            memory_.estimates.data(), memory_.links.data(), kept, memory_.bound.get(), true,
            [](const Link&) { return true; }, [](const Link&) {});
    }

    // The nearest candidate within the beam, its page on the way into the cache.
    bool take(Candidate& candidate) {
        const auto is_new = [&](const Link& link) { return memory_.visited.insert(layout_.node_id(link)); };
        if (!memory_.frontier.pop(query_.kernel_table(), memory_.bound.get(), is_new, candidate))
            return false;
        store_.prefetch(candidate.link.block, layout_.slot_offset(candidate.link.slot), layout_.slot_size());
        return true;
    }

    void push_neighbors(const Link* links, size_t degree) {
        VisitedSet& visited = memory_.visited;
        visited.reserve(degree);
        const VisitedSet::Reserved reserved = visited.reserved();
        visited.added(memory_.frontier.push(
            memory_.estimates.data(), links, degree, memory_.bound.get(), false,
            [reserved](const Link& link) { return reserved.insert(NodeLayout::node_id(link)); },
            [&](const Link& link) { store_.expect(link.block, layout_.slot_offset(link.slot)); }));
    }

    Store& store_;
    const NodeLayout& layout_;
    const Query& query_;
    SearchMemory& memory_;
    SearchCounts counts_;
    uint8_t level_ = 0;
    float estimate_ = 0;
    bool has_next_ = false;
    Candidate next_;  // chosen, but not yet visited
};

struct EntryPoint {
    Link link;
    uint8_t level = 0;
    // Read on the way:
    BeamCalibration calibration{};
    uint32_t entry_map = 0;
    bool misfits = false;
    uint16_t write_features = 0;
};

// Throws core::Error (newer_format) where this library does not know all features of the index.
template <class Store>
EntryPoint read_entry_point(Store& store, Access access = Access::read) {
    auto page = store.read(meta_block);
    const MetaData& meta = meta_of(page.payload());
    expect_known_features(meta, access);
    return {meta.entry_point, meta.entry_level,  meta.calibration,
            meta.entry_map,   meta.misfits != 0, meta.write_features};
}

// BeamCalibration::length with one more row, of this length. One that is so much longer is no reason to look
// from where the others could not be told apart any more: it is found by what is near it alone.
inline float length_with(float known, float length) {
    constexpr float tolerance = 0.1f, beyond_compare = 100;
    if (!std::isfinite(length)) return known;
    if (known == 0 || std::isnan(known)) return length;
    if (length > beyond_compare * std::fabs(known)) return known;
    if (known < 0) return std::min(known, -length);
    return std::fabs(length - known) <= tolerance * known ? known : -std::max(known, length);
}

// How long the rows' vectors are, where that matters to a query (Query::prepare_scan); else 0.
//
// Of rows that are not equally long the L2 distances are in the order of the inner products only as seen from
// far away. (Measured on 3,000 embeddings x 256, .3 to 3 long: from as far as the longest one searches find
// .01 of the ten nearest, from five times as far .97, from thirty times .99.)
template <class Store>
float typical_length(Store& store, const VectorEncoder& encoder) {
    constexpr float far = 20;
    if (!encoder.length_matters()) return 0;
    const EntryPoint entry = read_entry_point(store);
    if (entry.calibration.length < 0) return -far * entry.calibration.length;
    if (entry.calibration.length > 0) return entry.calibration.length;
    if (!entry.link.valid()) return 0;
    auto page = store.read(entry.link.block);
    const ConstNode node = find_node(encoder.layout(), page.payload(), entry.link);
    return node ? std::sqrt(node.head().norm2) : 0;
}

// How wide the search is on the last level before the one that it goes down to. One candidate may end in the
// wrong valley of level 0, where a narrow beam stays. Measured on 200,000 x 768: at ef_search 40 eight
// candidates raise recall@10 from .976 to .984 for 7 more visits, where 7 visits by a larger ef_search give
// .981; and of rows that are not found by their own vector there are half as many.
constexpr size_t last_descent_width = 8;

// The descent from the entry point to `level` (algorithm 5's first loop). Returns entry candidates of that
// level, the nearest first. They are in the beam's memory until it descends again.
template <class Store>
const std::vector<EntryCandidate>& descend(Beam<Store>& beam, EntryPoint entry, uint8_t level) {
    auto& entry_candidates = beam.memory().entry_candidates;
    auto& passed = beam.memory().passed;
    entry_candidates.assign(1, EntryCandidate{});
    entry_candidates[0].link = entry.link;
    for (uint8_t l = entry.level; l > level; --l) {
        passed.clear();
        beam.start(l, l == level + 1 ? last_descent_width : 1);
        for (const EntryCandidate& candidate : entry_candidates) beam.seed(candidate);
        beam.run([&](const ConstNode& node, const Link&, float distance) {
            passed.push_back({distance, node.head().down});
        });
        std::sort(passed.begin(), passed.end(), [](const EntryCandidate& a, const EntryCandidate& b) {
            return nearer(a.distance, b.distance);
        });
        entry_candidates.swap(passed);
    }
    return entry_candidates;
}

}  // namespace vecstore::core
