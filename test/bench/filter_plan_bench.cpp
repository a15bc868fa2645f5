// The numbers that searches under conditions are planned by (filter_plan.hpp), measured in memory:
// filter_plan_bench [rows] [dims].
//
// It builds an index of made-up embeddings with two filter columns, one that has nothing to do with the
// vectors and one that ranks rows by their distance from a point, and prints
//   what each step of a search costs, as a share of a visit of a node (the best of several rounds, in CPU
//   time, which is what a busy machine disturbs least);
//   how many clusters searches look at, and how many were expected;
//   recall@10 and visits of searches through the graph whose guide is half, as planned, and twice as wide.
#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <random>
#include <vector>

#include "core/hnsw/build/builder.hpp"
#include "core/hnsw/build/page_order.hpp"
#include "core/hnsw/scan/candidate_sources.hpp"
#include "core/storage/mem_store.hpp"

using namespace vecstore::core;

namespace {

constexpr size_t asked = 100, nearest = 10, ef_search = 40, threads = 2;
constexpr int rounds = 7;
constexpr uint16_t m = 16, ef_construction = 64;

double cpu_nanoseconds() {
    timespec now;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
    return 1e9 * static_cast<double>(now.tv_sec) + static_cast<double>(now.tv_nsec);
}

// Clusters in few dimensions, mapped to many, and a little noise.
std::vector<float> embeddings(size_t rows, size_t dims) {
    constexpr size_t latent = 64, centers = 40;
    std::mt19937 random(7);
    std::normal_distribution<float> normal;
    std::vector<float> map(latent * dims), center(centers * latent), values(rows * dims);
    for (float& x : map) x = normal(random);
    for (float& x : center) x = normal(random);
    for (size_t i = 0; i < rows; ++i) {
        const size_t c = random() % centers;
        float* const row = &values[i * dims];
        for (size_t k = 0; k < latent; ++k) {
            const float x = center[c * latent + k] + normal(random);
            for (size_t j = 0; j < dims; ++j) row[j] += x * map[k * dims + j];
        }
        for (size_t j = 0; j < dims; ++j) row[j] += normal(random);
    }
    return values;
}

class Index {
  public:
    Index(const std::vector<float>& values, size_t rows, uint32_t dims)
        : rows_(rows),
          encoder_(
              choose_geometry({dims, Metric::l2, StorageMode::coded, false, m, VectorKind::vector, 0, 2}), 42,
              {}),
          store_(1 << 20) {
        std::vector<FilterKey> keys(2 * rows);
        std::vector<std::pair<double, size_t>> order;
        std::mt19937 random(3);
        for (size_t i = 0; i < rows; ++i) {
            double distance = 0;
            for (size_t j = 0; j < dims; ++j)
                distance += std::pow(values[i * dims + j] - values[rows * dims + j], 2);
            order.push_back({distance, i});
            keys[2 * i] = 1 + i;
        }
        for (size_t i = rows; i-- > 1;) std::swap(keys[2 * i], keys[2 * (random() % (i + 1))]);
        std::sort(order.begin(), order.end());
        for (size_t rank = 0; rank < rows; ++rank) keys[2 * order[rank].second + 1] = 1 + rank;
        build(values, keys, dims);
        for (size_t q = 0; q < asked; ++q) {
            const RawVector raw(&values[(rows + q) * dims]);
            queries_.emplace_back().prepare_scan(encoder_, &raw, 0);
        }
    }

    size_t rows() const { return rows_; }
    const NodeLayout& layout() const { return encoder_.layout(); }
    MemStore& store() { return store_; }
    const std::vector<Query>& queries() const { return queries_; }

    // The `share` of rows with the highest keys of this column.
    RowFilter filter(uint16_t column, double share) const {
        FilterCondition condition;
        condition.column = column;
        condition.low = 1 + rows_ - static_cast<FilterKey>(share * static_cast<double>(rows_));
        condition.high = rows_ + 1;
        RowFilter filter;
        filter.add(condition);
        return filter;
    }
    RowFilter filter_of_nothing() const {
        FilterCondition condition;
        condition.low = condition.high = rows_ + 2;
        RowFilter filter;
        filter.add(condition);
        return filter;
    }

  private:
    void build(const std::vector<float>& values, const std::vector<FilterKey>& keys, size_t dims) {
        RowBuffer rows(layout());
        for (size_t i = 0; i < rows_; ++i) {
            RowMemory encoded;
            const OwnVector vector = encoder_.encode_row(RawVector(&values[i * dims]), encoded);
            std::mt19937_64 random(i);
            const double drawn = std::uniform_real_distribution<double>(0.0, 1.0)(random);
            const HeapTid tid{static_cast<uint32_t>(i / 100), static_cast<uint16_t>(i % 100 + 1)};
            rows.add({nullptr, encoded.own_bytes.data(), vector, tid, draw_level(drawn, m), &keys[2 * i]});
        }
        MemStore built(1 << 20);
        create_index_pages(built, encoder_.geometry(), 42, ef_construction, {}, 0);
        GraphBuilder(encoder_, {ef_construction, threads}).build(rows, built, [](size_t) {});
        const PageOrder order(built, encoder_, [] {});
        create_index_pages(store_, encoder_.geometry(), 42, ef_construction, {}, 0);
        for (uint32_t block = 0; block < built.page_count(); ++block) {
            auto page = block < store_.page_count() ? store_.write(block) : store_.append(PageKind::unused);
            page.commit(order.copy_page(block, page.modify()));
        }
    }

    size_t rows_;
    VectorEncoder encoder_;
    MemStore store_;
    std::vector<Query> queries_;
};

// A filter of which every group was tested.
struct Tested {
    Tested(Index& index, RowFilter conditions)
        : filter(std::move(conditions)), map(index.store(), index.layout(), filter, memory.filtered.map) {
        for (uint32_t group = 0; group < map.groups(); ++group) map.bits_of(group);
        const FilterLayout& filters = index.layout().filters();
        search = FilteredSearch{
            static_cast<double>(map.groups()) * static_cast<double>(filters.slots_per_group()),
            static_cast<double>(map.groups()), map.share(), ef_search, true};
        read_clusters(index.store(), index.layout(), memory.filtered, search);
    }

    MatchingRows<MemStore> rows(Index& index, const Query& query) {
        memory.filtered.shown.clear();
        return {index.store(), index.layout(), query, memory, map};
    }

    ScanMemory memory;
    RowFilter filter;
    FilterMap<MemStore> map;
    FilteredSearch search{};
};

struct Spent {
    double nanoseconds = 0, units = 0;
    double each() const { return nanoseconds / units; }
};

// call(query, spent) of all queries: that of the best round.
template <class Call>
Spent best_of_rounds(const Index& index, Call&& call) {
    Spent best{1e30, 1};
    for (int round = 0; round < rounds; ++round) {
        Spent spent;
        for (const Query& query : index.queries()) call(query, spent);
        if (spent.nanoseconds < best.nanoseconds) best = spent;
    }
    return best;
}

const auto nobody = [](const ConstNode&, const Link&, float) {};

template <class Source, class Visitor>
void use_up(Source& source, Visitor&& visitor) {
    while (source.step(visitor)) {
    }
}

Spent time_visits(Index& index) {
    SearchMemory memory;
    const EntryPoint entry = read_entry_point(index.store());
    return best_of_rounds(index, [&](const Query& query, Spent& spent) {
        Beam<MemStore> beam(index.store(), index.layout(), query, memory);
        const auto& candidates = find_candidates(index.store(), index.layout(), query, beam, entry);
        const double start = cpu_nanoseconds();
        GraphBeam<MemStore> graph(beam, BeamCalibration{}, ef_search, candidates);
        use_up(graph, nobody);
        spent.nanoseconds += cpu_nanoseconds() - start;
        spent.units += static_cast<double>(graph.visits());
    });
}

Spent time_groups(Index& index) {
    const RowFilter half = index.filter(0, 0.5);
    FilterMemory memory;
    return best_of_rounds(index, [&](const Query&, Spent& spent) {
        FilterMap<MemStore> map(index.store(), index.layout(), half, memory);
        const double start = cpu_nanoseconds();
        for (uint32_t group = 0; group < map.groups(); ++group) map.bits_of(group);
        spent.nanoseconds += cpu_nanoseconds() - start;
        spent.units += map.groups();
    });
}

// To rank codes, or to visit the nearest by them.
Spent time_ranking(Index& index, Tested& tested, bool of_visits) {
    return best_of_rounds(index, [&](const Query& query, Spent& spent) {
        auto rows = tested.rows(index, query);
        double start = cpu_nanoseconds();
        rows.start(ef_search, nobody);
        if (of_visits) {
            start = cpu_nanoseconds();
            use_up(rows, nobody);
        }
        spent.nanoseconds += cpu_nanoseconds() - start;
        spent.units += static_cast<double>(of_visits ? rows.visits() : rows.ranked());
    });
}

struct ByClusters {
    Spent spent;
    double looked_at = 0, ranked = 0;  // of all queries
};

ByClusters time_clusters(Index& index, Tested& tested, size_t width) {
    ByClusters result;
    result.spent = best_of_rounds(index, [&](const Query& query, Spent& spent) {
        auto rows = tested.rows(index, query);
        const double start = cpu_nanoseconds();
        rows.start_near(width);
        spent.nanoseconds += cpu_nanoseconds() - start;
        spent.units += 1;
        result.looked_at += static_cast<double>(tested.memory.filtered.stopping_rule.looked_at());
        result.ranked += static_cast<double>(rows.ranked());
    });
    result.looked_at /= rounds;
    result.ranked /= rounds;
    return result;
}

void print_costs(Index& index) {
    // Of a filter that nothing matches a search goes to all clusters.
    Tested half(index, index.filter(0, 0.5)), nothing(index, index.filter_of_nothing());
    const double visit = time_visits(index).each(), code = time_ranking(index, half, false).each();
    const Spent reads = time_ranking(index, half, true);
    const ByClusters every = time_clusters(index, nothing, ef_search);
    std::printf("%zu rows in %.0f groups and %.0f clusters; a visit takes %.0f ns\n\n", index.rows(),
                half.search.groups, half.search.clusters, visit);
    const auto line = [&](const char* name, double nanoseconds, double planned) {
        std::printf("%-34s %8.4f of a visit; planned with %g\n", name, nanoseconds / visit, planned);
    };
    line("to test a group of keys", time_groups(index).each(), cost_of_group);
    line("to rank a code", code, cost_of_origin_code);
    line("to compare a cluster and go to it", every.spent.nanoseconds / every.looked_at,
         cost_of_cluster + cost_of_cluster_read);
    line("to visit a row without neighbors", reads.each(), cost_of_row_read);
    std::printf("rows visited by a beam of %zu: %.1f; planned with %.1f\n", ef_search, reads.units / asked,
                1.1 * static_cast<double>(ef_search) + 5);
}

void print_clusters(Index& index) {
    std::printf("\nclusters looked at by their share of all rows, measured / planned\n");
    for (const double share : {1.0, 0.5, 0.2, 0.1, 0.05, 0.02, 0.01}) {
        Tested tested(index, index.filter(0, share));
        std::printf("%6g", share);
        for (const size_t width : {ef_search, 2 * ef_search, 4 * ef_search}) {
            tested.search.ef_search = width;
            std::printf("   width %3zu: %6.0f / %4.0f", width,
                        time_clusters(index, tested, width).looked_at / asked,
                        clusters_looked_at(tested.search));
        }
        std::printf("\n");
    }
}

// Of the matching rows, by their nodes' own vectors.
float distance_of_last(Index& index, Tested& tested, const Query& query) {
    std::vector<float> distances;
    Sweep<MemStore> all(index.store(), index.layout(), query, tested.memory.search, Sweep<MemStore>::Of::all);
    use_up(all, [&](const ConstNode&, const Link& link, float distance) {
        if (tested.map.passes(link)) distances.push_back(distance);
    });
    std::nth_element(distances.begin(), distances.begin() + (nearest - 1), distances.end());
    return distances[nearest - 1];
}

void print_guides(Index& index, const char* name, uint16_t column, const std::vector<double>& shares) {
    constexpr double widths[] = {0.5, 1, 2};
    constexpr size_t width = 2 * ef_search;  // narrower guides are as wide as the least one
    const EntryPoint entry = read_entry_point(index.store());
    std::printf("\n%s: recall@10 (visits) with a guide half, as planned and twice as wide\n", name);
    for (const double share : shares) {
        Tested tested(index, index.filter(column, share));
        double hits[3] = {}, visits[3] = {};
        for (const Query& query : index.queries()) {
            const float last = distance_of_last(index, tested, query);
            for (size_t w = 0; w < 3; ++w) {
                // The guide follows from the plan's ef_search. The beam of rows that match stays as it is.
                FilteredSearch search = tested.search;
                search.ef_search = static_cast<size_t>(widths[w] * width);
                const FilterPlan plan = plan_filter(search, search.share);
                Beam<MemStore> beam(index.store(), index.layout(), query, tested.memory.search);
                const auto& candidates = find_candidates(index.store(), index.layout(), query, beam, entry);
                tested.memory.filtered.shown.clear();
                FilteredBeam<MemStore> rows(index.store(), index.layout(), query, tested.memory, tested.map);
                rows.start(width, plan, candidates);
                use_up(rows,
                       [&](const ConstNode&, const Link&, float distance) { hits[w] += distance <= last; });
                visits[w] += static_cast<double>(rows.visits());
            }
        }
        std::printf("%6g", share);
        for (size_t w = 0; w < 3; ++w)
            std::printf("   %.3f (%6.0f)", hits[w] / (asked * nearest), visits[w] / asked);
        std::printf("\n");
    }
}

}  // namespace

int main(int argc, char** argv) {
    const size_t rows = argc > 1 ? std::strtoul(argv[1], nullptr, 10) : 50000;
    const size_t dims = argc > 2 ? std::strtoul(argv[2], nullptr, 10) : 768;
    if (rows < 5000 || dims < 64 || dims > 3072) {
        std::fprintf(stderr, "usage: filter_plan_bench [rows, 5000 or more] [dims, 64 to 3072]\n");
        return 1;
    }
    std::setvbuf(stdout, nullptr, _IOLBF, 0);
    Index index(embeddings(rows + asked, dims), rows, static_cast<uint32_t>(dims));
    print_costs(index);
    print_clusters(index);
    print_guides(index, "conditions that have nothing to do with the vectors", 0,
                 {0.5, 0.2, 0.1, 0.05, 0.02});
    // (Of fewer a search would not go through the graph.)
    print_guides(index, "the rows farthest from a point", 1, {0.8, 0.5, 0.2});
    return 0;
}
