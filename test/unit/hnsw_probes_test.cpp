// Settings of an inverted file as searches of the graph; scans that look at every row.
#include <gtest/gtest.h>

#include "hnsw_graph.hpp"

#include "core/hnsw/scan/probes.hpp"
#include "core/hnsw/write/vacuum.hpp"

namespace vecstore::core {
namespace {

TEST(Probes, RowsInLists) {
    EXPECT_EQ(rows_in_lists(1, 100, 100000), 1000u);
    EXPECT_EQ(rows_in_lists(10, 100, 100000), 10000u);
    EXPECT_EQ(rows_in_lists(100, 100, 100000), 100000u);
    EXPECT_EQ(rows_in_lists(32768, 1, 100000), 100000u);
    EXPECT_EQ(rows_in_lists(1, 32768, 0), 1u);
    EXPECT_EQ(rows_in_lists(1, 3, 10), 4u);
}

TEST(Probes, MoreProbesWidenTheSearch) {
    for (const uint64_t rows : {0ul, 1000ul, 1000000ul, 100000000ul}) {
        size_t before = 0;
        for (uint32_t probes = 1; probes < 500; ++probes) {
            const ScanOptions options = scan_options({1000, probes, 32768, false}, rows);
            ASSERT_FALSE(options.exhaustive) << probes;
            ASSERT_GE(options.ef_search, std::max<size_t>(before, 40)) << probes;
            before = options.ef_search;
        }
        EXPECT_EQ(before, 40 + (rows * 499 + 999) / 1000 / 16);
    }
}

TEST(Probes, HalfOfTheListsAreEveryRowInOrder) {
    for (const uint32_t lists : {1u, 7u, 32768u})
        for (const bool iterative : {false, true}) {
            const ScanOptions options = scan_options({lists, (lists + 1) / 2, 1, iterative}, 5000);
            EXPECT_TRUE(options.exhaustive);
            EXPECT_TRUE(options.strict_order);
            EXPECT_EQ(options.max_visits, UINT64_MAX);
        }
    EXPECT_FALSE(scan_options({100, 49, 100, true}, 5000).exhaustive);
}

TEST(Probes, AScanEndsWhereTheListsWould) {
    EXPECT_EQ(scan_options({100, 2, 50, false}, 100000).max_visits, 2000u);
    EXPECT_EQ(scan_options({100, 2, 50, true}, 100000).max_visits, 50000u);
    EXPECT_EQ(scan_options({100, 2, 1, true}, 100000).max_visits, 2000u);
    EXPECT_EQ(scan_options({100, 2, 100, true}, 100000).max_visits, UINT64_MAX);
    EXPECT_EQ(scan_options({100, 2, 50, true}, 100000).max_rows, 50000u);
    EXPECT_EQ(scan_options({100, 2, 100, true}, 100000).max_rows, UINT64_MAX);
    EXPECT_EQ(scan_options({100, 2, 50, false}, 100000).max_rows, UINT64_MAX);
    EXPECT_FALSE(scan_options({100, 2, 50, true}, 100000).strict_order);
    EXPECT_TRUE(scan_options({100, 2, 50, false}, 100000).strict_order);
}

// Although the first beam looks at more.
TEST(Probes, AScanReturnsNoMoreRowsThanItMayGoOnFor) {
    const Data data = normal_data(30, 8, 1);
    TestIndex index(data.dims, {});
    index.insert(data);
    EXPECT_EQ(count_few_rows(index.store(), index.layout()), 30u);
    for (const uint32_t max_probes : {1u, 2u, 3u}) {
        const ScanOptions options = scan_options({10, 1, max_probes, true}, 30);
        EXPECT_EQ(index.scan(data.row(0), 30, options, &data).size(), 3 * max_probes);
    }
}

// Exact for every storage of vectors, and although rows were deleted, some of them come several times, and
// half of the graph's links are gone.
TEST(ExhaustiveScan, IsExact) {
    struct Shape {
        size_t dims;
        StorageMode mode;
        Metric metric;
        bool compact;
    };
    const Shape shapes[] = {{200, StorageMode::coded, Metric::l2, false},
                            {200, StorageMode::coded, Metric::cosine, true},
                            {5, StorageMode::plain, Metric::l2, false},
                            {20, StorageMode::plain, Metric::inner_product, false}};
    for (const Shape& shape : shapes) {
        IndexOptions options;
        options.mode = shape.mode;
        options.metric = shape.metric;
        options.compact = shape.compact;
        TestIndex index(shape.dims, options);
        Data data = normal_data(3000, shape.dims, 4, 10);
        const Data queries = take_queries(data, 20);
        for (size_t i = 100; i < 150; ++i) std::copy_n(data.row(7), shape.dims, &data.values[i * shape.dims]);
        index.build(data, 1);
        InsertMemory memory;
        Vacuum<MemStore> vacuum(index.store(), index.encoder(), 64, memory);
        vacuum.run([](const HeapTid& tid) { return TestIndex::row_of(tid) % 3 == 0; });
        for (const Link& link : index.nodes())
            if (link.block % 2 == 0) index.node(link).head().degree = 0;

        std::vector<size_t> left;
        for (size_t i = 0; i < data.rows(); ++i)
            if (i % 3 != 0) left.push_back(i);
        ScanOptions scan;
        scan.exhaustive = true;
        for (size_t q = 0; q < queries.rows(); ++q) {
            const auto distance = [&](size_t row) {
                return true_distance(shape.metric, queries.row(q), data.row(row), shape.dims);
            };
            std::vector<size_t> expected = left;
            std::stable_sort(expected.begin(), expected.end(),
                             [&](size_t a, size_t b) { return distance(a) < distance(b); });
            const std::vector<size_t> found = index.scan(queries.row(q), SIZE_MAX, scan, &data);
            ASSERT_EQ(found.size(), expected.size());
            EXPECT_EQ(std::set<size_t>(found.begin(), found.end()).size(), expected.size());
            for (size_t i = 0; i < found.size(); ++i)
                ASSERT_NEAR(distance(found[i]), distance(expected[i]),
                            1e-5 * (1 + std::fabs(distance(expected[i]))))
                    << i;
        }
    }
}

TEST(ExhaustiveScan, OfAnEmptyIndexIsEmpty) {
    TestIndex index(200, {});
    const Data query = normal_data(1, 200, 3);
    ScanOptions scan;
    scan.exhaustive = true;
    EXPECT_TRUE(index.scan(query.row(0), SIZE_MAX, scan, &query).empty());
}

// The limit of visits ends the iteration, not the search that comes before it.
TEST(OrderedScan, TheLimitOfVisitsDoesNotCutTheFirstRows) {
    TestIndex index(200, {});
    const Data data = normal_data(1000, 200, 8);
    index.build(data, 1);
    ScanOptions options;
    options.max_visits = 1;
    const std::vector<size_t> rows = index.scan(data.row(3), SIZE_MAX, options, &data);
    EXPECT_GE(rows.size(), options.ef_search);
    EXPECT_LE(rows.size(), 300u);
    options.iterative = false;
    options.max_visits = UINT64_MAX;
    const std::vector<size_t> first = index.scan(data.row(3), SIZE_MAX, options, &data);
    ASSERT_EQ(first.size(), options.ef_search);
    EXPECT_TRUE(std::equal(first.begin(), first.end(), rows.begin()));
}

}  // namespace
}  // namespace vecstore::core
