// Insertion: the graph stays whole, whatever the data, whoever inserts beside, and wherever vacuum stands.
#include <atomic>
#include <thread>

#include <gtest/gtest.h>

#include "hnsw_graph.hpp"

namespace vecstore::core {
namespace {

void expect_clean(TestIndex& index, size_t rows, bool deep = true) {
    const auto checked = index.check(deep);
    EXPECT_TRUE(checked.problems.empty()) << checked.all();
    EXPECT_EQ(checked.counts.rows, rows);
    EXPECT_EQ(checked.counts.unattached, 0u);
    EXPECT_EQ(checked.counts.dangling_links, 0u);
}

TEST(Insert, KeepsTheGraphWholeForEveryShapeOfIndex) {
    struct Case {
        size_t dims, rows;
        StorageMode mode;
        uint16_t m;
        Metric metric;
        bool compact;
    };
    const Case cases[] = {
        {3, 1500, StorageMode::plain, 16, Metric::l2, false},
        {16, 1500, StorageMode::plain, 2, Metric::l2, false},
        {16, 1000, StorageMode::coded, 16, Metric::cosine, true},
        {100, 1000, StorageMode::plain, 16, Metric::inner_product, false},
        {100, 1000, StorageMode::coded_products, 16, Metric::inner_product, false},
        {20, 1000, StorageMode::coded_products, 3, Metric::inner_product, true},
        {200, 1000, StorageMode::coded, 16, Metric::l2, false},
        {384, 1000, StorageMode::coded, 3, Metric::cosine, false},
        {768, 800, StorageMode::coded, 2, Metric::l2, false},
        {768, 500, StorageMode::coded, 64, Metric::l2, true},
        {1536, 400, StorageMode::coded, 16, Metric::cosine, false},
        {2500, 150, StorageMode::plain, 16, Metric::l2, false},
        {3072, 200, StorageMode::coded, 16, Metric::l2, false},
        {3072, 200, StorageMode::coded, 64, Metric::inner_product, false},
    };
    for (const Case& c : cases) {
        SCOPED_TRACE(std::to_string(c.dims) + " dims, m = " + std::to_string(c.m));
        Data data = normal_data(c.rows, c.dims, 7, 10);
        if (c.metric == Metric::inner_product && c.mode == StorageMode::coded) normalize(data);
        IndexOptions options;
        options.metric = c.metric;
        options.mode = c.mode;
        options.m = c.m;
        options.compact = c.compact;
        TestIndex index(c.dims, options);
        index.insert(data);
        expect_clean(index, c.rows);
    }
}

// Two connected components that no link joins: only entry candidates in both lead to both.
TEST(Insert, FromSeveralCandidatesComesToAllOfThem) {
    constexpr size_t dims = 16, rows = 400;
    Data data = normal_data(rows, dims, 3);
    for (size_t row = 0; row < rows; ++row) data.values[row * dims] += row % 2 == 0 ? 4 : -4;
    IndexOptions options;
    options.mode = StorageMode::plain;
    TestIndex index(dims, options);
    index.insert(data);
    std::map<size_t, Link> places;
    for (const Link& link : index.nodes()) {
        const OpenNode node = index.node(link);
        places[index.row_at(link)] = link;
        for (size_t i = 0; i < node.head().degree; ++i)
            if ((index.row_at(link) + index.row_at(node.links()[i])) % 2 != 0)
                ++node.links()[i].generation;  // leads nowhere
    }
    NearCandidates near;
    for (const size_t row : {0, 1}) near.entry_candidates[near.count++].link = places.at(row);
    const std::vector<float> between(dims);
    InsertMemory memory;
    index.insert(between.data(), rows, memory, 0, nullptr, near);
    size_t of_component[2] = {};
    const Lists neighbors = index.neighbor_rows(rows + 1);
    for (const uint32_t row : neighbors[rows]) ++of_component[row % 2];
    EXPECT_GT(of_component[0], 4u);
    EXPECT_GT(of_component[1], 4u);
}

// Rows that all have the same few nearest neighbors: these cannot be every other node's parent.
TEST(Insert, FindsAParentBesideHubsThatAreFull) {
    for (const uint16_t m : {2, 4, 16}) {
        SCOPED_TRACE("m = " + std::to_string(m));
        IndexOptions options;
        options.mode = StorageMode::plain;
        options.m = m;
        TestIndex index(64, options);
        Data data{64, {}};
        std::mt19937 random(5);
        std::normal_distribution<float> normal;
        for (size_t i = 0; i < 1500; ++i) {
            // A few points near the origin, and a sphere around them: on it all are farther from each other
            // than from the origin.
            const float radius = i < 8 ? 0.01f : 1.0f;
            for (int j = 0; j < 64; ++j) data.values.push_back(radius * normal(random));
        }
        index.insert(data);
        expect_clean(index, data.rows());
    }
}

TEST(Insert, OrdersOfInsertionAreAllTheSame) {
    // Sorted data: every row is nearest to the one before it.
    for (const bool descending : {false, true}) {
        IndexOptions options;
        options.mode = StorageMode::plain;
        TestIndex index(2, options);
        Data data{2, {}};
        for (int i = 0; i < 3000; ++i) {
            data.values.push_back(static_cast<float>(descending ? 3000 - i : i));
            data.values.push_back(0);
        }
        index.insert(data);
        expect_clean(index, data.rows());
    }
}

TEST(Insert, FirstRowOfAnyLevelIsTheEntryPoint) {
    for (const int level : {0, 1, 5}) {
        TestIndex index(200, {});
        const Data data = normal_data(30, 200, 1);
        InsertMemory memory;
        index.insert(data.row(0), 0, memory, level);
        EXPECT_EQ(+index.meta().entry_level, level);
        expect_clean(index, 1);
        for (size_t i = 1; i < 30; ++i) index.insert(data.row(i), i, memory, i % 7 == 0 ? level + 2 : 0);
        EXPECT_EQ(+index.meta().entry_level, level + 2);
        expect_clean(index, 30);
    }
}

TEST(Insert, EqualRowsShareANode) {
    for (const StorageMode mode : {StorageMode::plain, StorageMode::coded}) {
        IndexOptions options;
        options.mode = mode;
        TestIndex index(200, options);
        const Data data = normal_data(2, 200, 3);
        InsertMemory memory;
        const size_t copies = 10000;
        for (size_t i = 0; i < copies; ++i) index.insert(data.row(i % 10 == 0), i, memory);
        const auto checked = index.check();
        EXPECT_TRUE(checked.problems.empty()) << checked.all();
        EXPECT_EQ(checked.counts.rows, copies);
        EXPECT_EQ(checked.counts.pages.nodes, 2u);
        EXPECT_EQ(checked.counts.pages.inline_rows + checked.counts.pages.chunk_rows, copies);
        EXPECT_EQ(checked.counts.pages.chunks, (9000 - inline_tids + chunk_tids - 1) / chunk_tids +
                                                   (1000 - inline_tids + chunk_tids - 1) / chunk_tids);
        EXPECT_EQ(checked.counts.lost_chunks, 0u);
    }
}

TEST(Insert, EqualRowsFromTheBuilderShareANodeToo) {
    TestIndex index(200, {});
    Data data = normal_data(500, 200, 3);
    for (size_t i = 0; i < 500; ++i)
        if (i % 5 != 0) std::copy_n(data.row(i - i % 5), 200, &data.values[i * 200]);
    index.build(data, 1);
    const auto checked = index.check();
    EXPECT_TRUE(checked.problems.empty()) << checked.all();
    EXPECT_EQ(checked.counts.rows, 500u);
    EXPECT_EQ(checked.counts.pages.nodes, 100u);
}

// ----------------------------------------------------------------------- beside a vacuum that is under way

// Two clusters far apart. The nodes of the first are marked dead, as vacuum does before it repairs.
class HalfDead : public testing::Test {
  protected:
    static constexpr size_t dims = 64, cluster_rows = 400;

    HalfDead() : index_(dims, options()), data_(normal_data(2 * cluster_rows, dims, 11)) {
        for (size_t i = 0; i < cluster_rows; ++i) data_.values[i * dims] += 1000;
    }
    static IndexOptions options() {
        IndexOptions options;
        options.mode = StorageMode::plain;
        return options;
    }
    bool in_first(const Link& link) {
        return reinterpret_cast<const float*>(index_.node(link).own())[0] > 500;
    }
    void kill(const Link& link) {
        const OpenNode node = index_.node(link);
        NodeHead& head = node.head();
        head.flags |= node_dead;
        head.tid_count = 0;
    }
    void kill_first_cluster() {
        for (int level = 0; level < 10; ++level)
            for (const Link& link : index_.nodes(level))
                if (in_first(link)) kill(link);
    }
    void expect_whole(size_t rows) {
        const auto checked = index_.check();
        EXPECT_TRUE(checked.problems.empty()) << checked.all();
        EXPECT_EQ(checked.counts.rows, rows);
    }

    TestIndex index_;
    Data data_;
};

TEST_F(HalfDead, ARowAmongTheDeadDoesNotTakeTheGraphAway) {
    index_.insert(data_);
    kill_first_cluster();
    const Data more = normal_data(20, dims, 12);
    InsertMemory memory;
    for (size_t i = 0; i < more.rows(); ++i) {
        std::vector<float> row(more.row(i), more.row(i) + dims);
        row[0] += 1000;
        index_.insert(row.data(), data_.rows() + i, memory, i % 4 == 3 ? 1 : 0);
        expect_whole(cluster_rows + i + 1);
    }
    EXPECT_EQ(index_.scan(data_.row(cluster_rows), 10000, {}, &data_).size(),
              0u + cluster_rows + more.rows());
}

TEST_F(HalfDead, ARowAboveTheDeadDoesNotTakeTheGraphAway) {
    // All nodes of the upper levels are in the cluster that dies.
    InsertMemory memory;
    for (size_t i = 0; i < data_.rows(); ++i)
        index_.insert(data_.row(i), i, memory, i < cluster_rows && i % 10 == 0 ? 1 + (i % 50 == 0) : 0);
    kill_first_cluster();
    const Data more = normal_data(20, dims, 12);
    for (size_t i = 0; i < more.rows(); ++i) {
        index_.insert(more.row(i), data_.rows() + i, memory, static_cast<int>(i % 4));
        expect_whole(cluster_rows + i + 1);
    }
}

TEST_F(HalfDead, WhenAllAreDeadTheNextRowStartsANewGraph) {
    index_.insert(data_);
    for (int level = 0; level < 10; ++level)
        for (const Link& link : index_.nodes(level)) kill(link);
    const Data more = normal_data(50, dims, 12);
    InsertMemory memory;
    for (size_t i = 0; i < more.rows(); ++i) index_.insert(more.row(i), i, memory, i % 10 == 5 ? 1 : 0);
    expect_whole(more.rows());
    EXPECT_EQ(index_.scan(more.row(0), 1000, {}, &more).size(), more.rows());
}

TEST_F(HalfDead, DeadNodesDoNotFillTheBeamOfAScan) {
    index_.insert(data_);
    kill_first_cluster();
    ScanOptions options;
    options.iterative = false;
    std::vector<float> query(dims, 0.0f);
    query[0] = 1000;
    EXPECT_EQ(index_.scan(query.data(), 1000, options, &data_).size(), options.ef_search);
}

// ---------------------------------------------------------------------------------------------- threads

TEST(Threads, ABuildWithFourIsAsGoodAsWithOne) {
    Data data = normal_data(4250, 200, 21, 20);
    const Data queries = take_queries(data, 250);
    double recalls[2];
    for (const size_t threads : {1, 4}) {
        TestIndex index(200, {});
        index.build(data, threads);
        expect_clean(index, data.rows());
        ScanOptions options;
        options.ef_search = 100;
        recalls[threads == 4] = recall(index, data, queries, 10, options);
    }
    EXPECT_GT(recalls[0], 0.95);
    EXPECT_GT(recalls[1], recalls[0] - 0.02);
}

TEST(Threads, ABuildOfPlainNodesAndEqualRowsIsWhole) {
    IndexOptions options;
    options.mode = StorageMode::plain;
    options.m = 4;
    TestIndex index(8, options);
    Data data = normal_data(6000, 8, 23);
    for (size_t i = 0; i < data.rows(); i += 3) std::copy_n(data.row(i % 30), 8, &data.values[i * 8]);
    index.build(data, 4);
    const auto checked = index.check();
    EXPECT_TRUE(checked.problems.empty()) << checked.all();
    EXPECT_EQ(checked.counts.rows, data.rows());
}

// A row must not be lost, nor seen twice, by a scan or a check that runs while others insert.
TEST(Threads, ScansAndChecksBesideInsertsSeeEveryEarlierRow) {
    const size_t before = 600, after = 2400;
    const Data data = normal_data(after, 200, 31, 10);
    TestIndex index(200, {});
    {
        InsertMemory memory;
        for (size_t i = 0; i < before; ++i) index.insert(data.row(i), i, memory);
    }
    std::atomic<size_t> next{before};
    std::atomic<int> running{2};
    const auto insert = [&] {
        InsertMemory memory;
        for (size_t i; (i = next.fetch_add(1)) < after;) index.insert(data.row(i), i, memory);
        --running;
    };
    std::thread first(insert), second(insert);
    size_t rounds = 0;
    do {
        ++rounds;
        const std::vector<size_t> rows = index.scan(data.row(rounds % before), after, {}, &data);
        const std::set<size_t> seen(rows.begin(), rows.end());
        EXPECT_EQ(seen.size(), rows.size());
        EXPECT_TRUE(std::all_of(seen.begin(), seen.end(), [&](size_t row) { return row < after; }));
        size_t earlier = 0;
        for (size_t row : seen) earlier += row < before;
        EXPECT_EQ(earlier, before);
        const auto checked = index.check(true, [&](GraphCheck<MemStore>& check) {
            for (size_t i = 0; i < before; ++i) check.require_row(TestIndex::tid_of(i), data.row(i));
        });
        EXPECT_TRUE(checked.problems.empty()) << checked.all();
    } while (running > 0);
    first.join();
    second.join();
    expect_clean(index, after);
}

// Everybody begins with the empty index: there is one first row.
TEST(Threads, ConcurrentFirstRowsMakeOneGraph) {
    for (uint32_t round = 0; round < 30; ++round) {
        IndexOptions options;
        options.mode = StorageMode::plain;
        TestIndex index(4, options);
        const Data data = normal_data(40, 4, round);
        std::atomic<bool> go{false};
        std::vector<std::thread> threads;
        for (size_t t = 0; t < 4; ++t)
            threads.emplace_back([&, t] {
                InsertMemory memory;
                while (!go) std::this_thread::yield();
                for (size_t i = t; i < data.rows(); i += 4)
                    index.insert(data.row(i), i, memory, static_cast<int>((round + i) % 3));
            });
        go = true;
        for (std::thread& t : threads) t.join();
        expect_clean(index, data.rows());
    }
}

}  // namespace
}  // namespace vecstore::core
