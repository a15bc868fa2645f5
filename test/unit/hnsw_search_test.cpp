// Searches: recall against the exact answer, and the order and completeness of scans.
#include <gtest/gtest.h>

#include "hnsw_graph.hpp"

#include "core/hnsw/write/vacuum.hpp"

namespace vecstore::core {
namespace {

struct Shape {
    size_t dims;
    StorageMode mode;
    Metric metric;
    uint16_t m;
    bool compact;
    size_t rows;
    float magnitude;
};

std::string name_of(const Shape& s) {
    const char* const metrics[] = {"", "l2", "inner product", "cosine"};
    char text[128];
    std::snprintf(text, sizeof(text), "%zu dims, %s%s, %s, m = %d, magnitude %g", s.dims,
                  s.mode == StorageMode::coded   ? "coded"
                  : s.mode == StorageMode::plain ? "plain"
                                                 : "products",
                  s.compact ? " compact" : "", metrics[static_cast<int>(s.metric)], s.m, s.magnitude);
    return text;
}

IndexOptions options_of(const Shape& s) {
    IndexOptions options;
    options.metric = s.metric;
    options.mode = s.mode;
    options.m = s.m;
    options.compact = s.compact;
    return options;
}

// Clusters of rows and queries. Codes know inner products of vectors of one length only.
Data data_for(const Shape& s, size_t rows, uint32_t seed) {
    Data data = normal_data(rows, s.dims, seed, 12, s.magnitude);
    if (s.metric == Metric::inner_product && s.mode == StorageMode::coded) {
        normalize(data);
        for (float& x : data.values) x *= s.magnitude;
    }
    return data;
}

// ----------------------------------------------------------------------------------------------- recall

TEST(Recall, IsHighForEveryShape) {
    struct Case {
        Shape shape;
        double least;
    };
    const auto coded = StorageMode::coded, plain = StorageMode::plain, products = StorageMode::coded_products;
    const Case cases[] = {
        {{3, plain, Metric::l2, 16, false, 2000, 1}, 0.99},
        {{3, plain, Metric::cosine, 2, false, 2000, 1}, 0.90},
        {{16, plain, Metric::l2, 16, false, 2000, 1}, 0.99},
        {{16, plain, Metric::inner_product, 16, false, 2000, 1}, 0.95},
        {{16, plain, Metric::cosine, 64, false, 1000, 1}, 0.99},
        {{100, plain, Metric::l2, 16, false, 2000, 1}, 0.99},
        {{100, plain, Metric::inner_product, 16, false, 2000, 1}, 0.95},
        {{16, products, Metric::inner_product, 16, false, 2000, 1}, 0.95},
        {{100, products, Metric::inner_product, 16, false, 2000, 1}, 0.95},
        {{100, products, Metric::inner_product, 16, true, 2000, 1}, 0.90},
        {{300, products, Metric::inner_product, 16, false, 2000, 1}, 0.95},
        {{100, coded, Metric::l2, 16, false, 2000, 1}, 0.93},
        {{200, plain, Metric::cosine, 2, false, 1500, 1}, 0.75},
        {{200, coded, Metric::l2, 16, false, 2000, 1}, 0.95},
        {{200, coded, Metric::inner_product, 16, false, 2000, 1}, 0.95},
        {{384, coded, Metric::cosine, 16, false, 2000, 1}, 0.95},
        {{384, coded, Metric::cosine, 16, true, 2000, 1}, 0.95},
        {{384, coded, Metric::l2, 64, false, 800, 1}, 0.95},
        {{768, coded, Metric::l2, 16, false, 1200, 1}, 0.95},
        {{768, coded, Metric::l2, 16, true, 1200, 1}, 0.95},
        {{768, coded, Metric::inner_product, 16, false, 1200, 1}, 0.95},
        {{768, coded, Metric::cosine, 2, false, 1200, 1}, 0.75},
        {{1536, coded, Metric::l2, 16, false, 600, 1}, 0.95},
        {{1536, coded, Metric::cosine, 16, true, 600, 1}, 0.95},
        {{3072, coded, Metric::l2, 16, false, 400, 1}, 0.95},
        {{3072, coded, Metric::cosine, 64, false, 300, 1}, 0.95},
    };
    for (const Case& c : cases) {
        SCOPED_TRACE(name_of(c.shape));
        Data data = data_for(c.shape, c.shape.rows + 30, 1);
        const Data queries = take_queries(data, 30);
        TestIndex index(c.shape.dims, options_of(c.shape));
        index.build(data, 1);
        ScanOptions options;
        options.ef_search = 100;
        EXPECT_GE(recall(index, data, queries, 10, options), c.least);
    }
}

TEST(Recall, DoesNotDependOnMagnitude) {
    for (const Metric metric : {Metric::l2, Metric::inner_product, Metric::cosine}) {
        for (const auto& [dims, mode, compact] : {std::tuple(size_t{16}, StorageMode::plain, false),
                                                  std::tuple(size_t{384}, StorageMode::coded, false),
                                                  std::tuple(size_t{384}, StorageMode::coded, true)}) {
            for (const float magnitude : {1e-6f, 1e3f, 1e6f, 1e15f}) {
                const Shape shape{dims, mode, metric, 16, compact, 800, magnitude};
                SCOPED_TRACE(name_of(shape));
                Data data = data_for(shape, shape.rows + 20, 2);
                const Data queries = take_queries(data, 20);
                TestIndex index(dims, options_of(shape));
                index.build(data, 1);
                EXPECT_GE(recall(index, data, queries, 10, {}), 0.85);
                const auto checked = index.check();
                EXPECT_TRUE(checked.problems.empty()) << checked.all();
            }
        }
    }
}

// A common mean far larger than what tells vectors apart: subtracted, it costs nothing.
TEST(Recall, SurvivesALargeMeanThatIsSubtracted) {
    Data data = normal_data(1520, 384, 5, 12);
    const Data queries = [&] {
        for (size_t i = 0; i < data.values.size(); ++i)
            data.values[i] += 300.0f + static_cast<float>(i % 384);
        return take_queries(data, 20);
    }();
    IndexOptions options;
    options.compact = true;
    for (size_t j = 0; j < 384; ++j) options.mean.push_back(300.0f + static_cast<float>(j));
    TestIndex index(384, options);
    index.build(data, 1);
    ScanOptions scan;
    scan.ef_search = 100;
    EXPECT_GE(recall(index, data, queries, 10, scan), 0.95);
    const auto checked = index.check();
    EXPECT_TRUE(checked.problems.empty()) << checked.all();
}

TEST(Recall, OfInsertedRowsIsThatOfBuiltOnes) {
    Data data = normal_data(2530, 200, 6, 12);
    const Data queries = take_queries(data, 30);
    TestIndex built(200, {}), inserted(200, {});
    built.build(data, 1);
    inserted.insert(data);
    ScanOptions options;
    options.ef_search = 60;
    EXPECT_GE(recall(inserted, data, queries, 10, options), recall(built, data, queries, 10, options) - 0.03);
}

// ------------------------------------------------------------------------------------------------ order

// Rows whose distances differ less than the index can tell: pairs a hundred thousandth apart.
void add_near_twins(Data& data, size_t pairs) {
    for (size_t i = 0; i < 2 * pairs; i += 2)
        for (size_t j = 0; j < data.dims; ++j)
            data.values[(i + 1) * data.dims + j] = data.values[i * data.dims + j] *
                                                   (1 + 1e-5f * static_cast<float>((i * 31 + j * 17) % 13));
}

// How many rows come before the first that is nearer than the one before it.
size_t ascending_rows(const std::vector<size_t>& rows, const Data& data, const float* query, Metric metric) {
    double last = -INFINITY;
    for (size_t i = 0; i < rows.size(); ++i) {
        const double distance = true_distance(metric, query, data.row(rows[i]), data.dims);
        if (distance < last) return i;
        last = distance;
    }
    return rows.size();
}

// Iterated to its end, a scan returns every row exactly once, and in order. Rows that the beam came to too
// late to be in order follow at the very end: few, with a beam this wide.
TEST(OrderedScan, IsCompleteAndAscending) {
    const auto coded = StorageMode::coded, plain = StorageMode::plain, products = StorageMode::coded_products;
    const Shape shapes[] = {
        {3, plain, Metric::l2, 16, false, 1000, 1},
        {16, plain, Metric::inner_product, 16, false, 1000, 1},
        {16, products, Metric::inner_product, 16, false, 1000, 1},
        {200, products, Metric::inner_product, 16, true, 1000, 1e6f},
        {16, plain, Metric::cosine, 16, false, 1000, 1},
        {200, coded, Metric::l2, 16, false, 1000, 1},
        {200, coded, Metric::l2, 16, true, 1000, 1},
        {200, coded, Metric::inner_product, 16, false, 1000, 1},
        {200, coded, Metric::inner_product, 16, true, 1000, 1e6f},
        {200, coded, Metric::cosine, 16, true, 1000, 1},
        {768, coded, Metric::cosine, 16, false, 600, 1e15f},
        {768, coded, Metric::l2, 16, true, 600, 1e-6f},
        {3072, coded, Metric::l2, 16, false, 300, 1},
    };
    for (const Shape& shape : shapes) {
        SCOPED_TRACE(name_of(shape));
        Data data = data_for(shape, shape.rows + 12, 3);
        Data queries = take_queries(data, 12);
        add_near_twins(data, shape.rows / 4);
        // Some queries are rows of the table: these are at distance 0.
        for (size_t i = 0; i < 6; ++i)
            std::copy_n(data.row(i * 7), shape.dims, &queries.values[i * shape.dims]);
        TestIndex index(shape.dims, options_of(shape));
        index.insert(data);
        for (const float length : {1.0f, 0.01f}) {
            size_t in_order = 0;
            for (size_t q = 0; q < queries.rows(); ++q) {
                std::vector<float> query(queries.row(q), queries.row(q) + shape.dims);
                for (float& x : query) x *= length;
                ScanOptions options;
                options.ef_search = 80;
                const std::vector<size_t> rows = index.scan(query.data(), SIZE_MAX, options, &data);
                EXPECT_EQ(rows.size(), shape.rows);
                EXPECT_EQ(std::set<size_t>(rows.begin(), rows.end()).size(), shape.rows);
                const size_t ascending = ascending_rows(rows, data, query.data(), shape.metric);
                EXPECT_GE(ascending, shape.rows / 2) << "query " << q;
                in_order += ascending;
                if (q < 6 && length == 1 && shape.metric != Metric::inner_product) {
                    EXPECT_EQ(rows.at(0), q * 7) << "a row is not the nearest to itself";
                }
            }
            EXPECT_GE(in_order, queries.rows() * shape.rows * 9 / 10);
        }
    }
}

TEST(OrderedScan, WithoutIterationReturnsEfRows) {
    TestIndex index(200, {});
    const Data data = normal_data(1000, 200, 8);
    index.build(data, 1);
    for (const size_t ef : {1, 5, 40, 200, 999, 1000, 5000}) {
        ScanOptions options;
        options.iterative = false;
        options.ef_search = ef;
        EXPECT_EQ(index.scan(data.row(3), SIZE_MAX, options, &data).size(), std::min<size_t>(ef, 1000)) << ef;
    }
}

TEST(OrderedScan, StopsAfterTheMostVisitsAllowed) {
    TestIndex index(200, {});
    const Data data = normal_data(1000, 200, 8);
    index.build(data, 1);
    ScanOptions options;
    options.max_visits = 300;
    const size_t rows = index.scan(data.row(3), SIZE_MAX, options, &data).size();
    EXPECT_EQ(rows, 300u);
    EXPECT_LE(index.last_counts().visits, 350u);  // those of the levels above come on top
}

TEST(OrderedScan, RelaxedOrderReturnsEveryRowToo) {
    TestIndex index(200, {});
    const Data data = normal_data(1000, 200, 8);
    index.build(data, 1);
    ScanOptions options;
    options.strict_order = false;
    const std::vector<size_t> rows = index.scan(data.row(3), SIZE_MAX, options, &data);
    EXPECT_EQ(std::set<size_t>(rows.begin(), rows.end()).size(), 1000u);
    EXPECT_EQ(rows.size(), 1000u);
}

TEST(OrderedScan, ReturnsAllEqualRows) {
    for (const bool compact : {false, true}) {
        IndexOptions options;
        options.compact = compact;
        TestIndex index(200, options);
        Data data = normal_data(12000, 200, 9);
        for (size_t i = 1; i < 10000; ++i) std::copy_n(data.row(0), 200, &data.values[i * 200]);
        data.values.resize(10200 * 200);
        index.build(data, 1);
        const std::vector<size_t> rows = index.scan(data.row(0), SIZE_MAX, {}, &data);
        ASSERT_EQ(rows.size(), 10200u);
        EXPECT_EQ(std::set<size_t>(rows.begin(), rows.end()).size(), 10200u);
        // The ten thousand at distance 0 come first.
        EXPECT_TRUE(std::all_of(rows.begin(), rows.begin() + 10000, [](size_t row) { return row < 10000; }));
    }
}

TEST(OrderedScan, OfNothingReturnsNothing) {
    TestIndex index(200, {});
    const Data data = normal_data(1, 200, 8);
    EXPECT_TRUE(index.scan(data.row(0), 10, {}, &data).empty());
    InsertMemory memory;
    index.insert(data.row(0), 0, memory);
    EXPECT_EQ(index.scan(data.row(0), 10, {}, &data), std::vector<size_t>{0});
}

// Rows that are not visible cost a scan nothing but the look.
TEST(OrderedScan, GoesOnBeyondRowsThatAreGone) {
    TestIndex index(200, {});
    const Data data = normal_data(1000, 200, 8);
    index.build(data, 1);
    ScanMemory memory;
    Query query;
    query.prepare(index.encoder(), data.row(0));
    OrderedScan<MemStore> scan(index.store(), index.encoder(), query, memory, {});
    // The caller skips what it may not see, and asks for more.
    size_t visible = 0, all = 0;
    HeapTid tid;
    const auto rerank = [&](const HeapTid& t) {
        const size_t row = TestIndex::row_of(t);
        return Reranked{row % 10 == 0, true_distance(Metric::l2, data.row(0), data.row(row), 200)};
    };
    while (scan.next(rerank, tid)) {
        ++all;
        visible += TestIndex::row_of(tid) % 10 == 0;
    }
    EXPECT_EQ(visible, 100u);
    EXPECT_LE(all, 1000u);
}

// However many rows near the query are gone, the beam stays as far ahead of those that are handed out.
TEST(OrderedScan, RowsThatAreGoneDoNotHoldUpTheBeam) {
    TestIndex index(200, {});
    const Data data = normal_data(3000, 200, 8);
    index.build(data, 1);
    ScanOptions options;
    options.ef_search = 20;
    ScanMemory memory;
    size_t far = 0;  // rows that are none of the hundred nearest
    for (size_t q = 0; q < 20; ++q) {
        Query query;
        query.prepare(index.encoder(), data.row(q));
        OrderedScan<MemStore> scan(index.store(), index.encoder(), query, memory, options);
        const auto distance = [&](size_t row) {
            return true_distance(Metric::l2, data.row(q), data.row(row), 200);
        };
        const auto rerank = [&](const HeapTid& t) {
            const size_t row = TestIndex::row_of(t);
            return Reranked{row % 10 == 0, distance(row)};
        };
        std::vector<double> exact;
        for (size_t row = 0; row < data.rows(); row += 10) exact.push_back(distance(row));
        std::sort(exact.begin(), exact.end());
        HeapTid tid;
        for (size_t found = 0; found < 100 && scan.next(rerank, tid);) {
            const size_t row = TestIndex::row_of(tid);
            if (row % 10 != 0) continue;
            ++found;
            far += distance(row) > exact[99];
        }
    }
    EXPECT_LE(far, 16u);
}

TEST(OrderedScan, BeamsOfLargeIndexesAreWider) {
    EXPECT_EQ(beam_width(200000, 40, OwnFormat::f16), 40u);
    EXPECT_EQ(beam_width(200000, 1, OwnFormat::f16), 10u);
    EXPECT_EQ(beam_width(1000000, 40, OwnFormat::f16), 71u);
    EXPECT_EQ(beam_width(1000000, 1, OwnFormat::f16), 10u);
    EXPECT_EQ(beam_width(200000, 40, OwnFormat::planes), 60u);
    EXPECT_GT(beam_width(10000000, 40, OwnFormat::f16), beam_width(1000000, 40, OwnFormat::f16));
}

// Where distances differ as they do in real data (few dimensions' worth of structure, in many), a query costs
// about as many visits as its beam is wide.
TEST(OrderedScan, VisitsFewNodes) {
    const Data latent = normal_data(4030, 16, 14), directions = normal_data(16, 384, 15);
    Data data = normal_data(4030, 384, 16, 0, 0.2f);
    for (size_t i = 0; i < data.rows(); ++i)
        for (size_t k = 0; k < 16; ++k)
            for (size_t j = 0; j < 384; ++j)
                data.values[i * 384 + j] += latent.row(i)[k] * directions.row(k)[j];
    const Data queries = take_queries(data, 30);
    TestIndex index(384, {});
    index.build(data, 1);
    for (size_t q = 0; q < queries.rows(); ++q) {
        index.scan(queries.row(q), 10, {}, &data);
        EXPECT_LE(index.last_counts().visits, 120u);
    }
}

// Of kinds without a calibration, too: ten rows come from the beam that ef_search asks for. (A scan that goes
// on for the last of them visits twice as many nodes at 30 as at 40.)
TEST(OrderedScan, VisitsFewerNodesAtASmallerEfSearch) {
    for (const StorageMode mode : {StorageMode::plain, StorageMode::coded_products}) {
        Data data = normal_data(3020, 32, 21);
        const Data queries = take_queries(data, 20);
        IndexOptions options;
        options.metric = Metric::inner_product;
        options.mode = mode;
        TestIndex index(data.dims, options);
        index.build(data, 2);
        uint64_t less = 0;
        for (const size_t ef_search : {10, 15, 20, 30, 39, 40, 80}) {
            uint64_t visits = 0;
            for (size_t q = 0; q < queries.rows(); ++q) {
                ScanOptions scan;
                scan.ef_search = ef_search;
                EXPECT_EQ(index.scan(queries.row(q), 10, scan, &data).size(), 10u);
                visits += index.last_visits();
            }
            EXPECT_GT(visits, less) << "at " << ef_search;
            less = visits;
        }
    }
}

// ------------------------------------------------------------------------------------------------- equal
// rows

// Ten rows have one vector: some lie in the node, the others in overflow chunks. Once vacuum has left one row
// in the node, those in the chunks still come next to it, not after rows that are farther.
TEST(OrderedScan, RowsInOverflowChunksKeepTheirPlace) {
    for (const StorageMode mode : {StorageMode::plain, StorageMode::coded}) {
        const size_t dims = 200, equal = 10, others = 50, gone = inline_tids - 1;
        const Data data = normal_data(others, dims, 3, 4);
        TestIndex index(dims, {Metric::l2, mode});
        InsertMemory memory;
        for (size_t i = 0; i < equal; ++i) index.insert(data.row(0), i, memory);
        for (size_t i = 1; i < others; ++i) index.insert(data.row(i), equal + i, memory);
        Vacuum<MemStore> vacuum(index.store(), index.encoder(), 64, memory);
        vacuum.run([&](const HeapTid& tid) { return TestIndex::row_of(tid) < gone; });

        Query query;
        query.prepare(index.encoder(), data.row(0));
        ScanMemory search;
        OrderedScan<MemStore> scan(index.store(), index.encoder(), query, search, {});
        const auto rerank = [&](const HeapTid& tid) {
            const size_t row = TestIndex::row_of(tid);
            const float* x = data.row(row < equal ? 0 : row - equal);
            return Reranked{true, true_distance(Metric::l2, data.row(0), x, dims)};
        };
        std::vector<size_t> found;
        HeapTid tid;
        while (scan.next(rerank, tid)) found.push_back(TestIndex::row_of(tid));
        ASSERT_EQ(found.size(), equal - gone + others - 1);
        for (size_t i = 0; i < equal - gone; ++i) EXPECT_LT(found[i], equal) << "place " << i;
    }
}

// ------------------------------------------------------------------------------------------------- bounds

// The bounds hold the true distance, also where the query is short, or the vector itself.
TEST(DistanceBounds, HoldTheTrueDistance) {
    for (const Metric metric : {Metric::l2, Metric::inner_product, Metric::cosine}) {
        for (const auto& [dims, mode, compact] : {std::tuple(size_t{16}, StorageMode::plain, false),
                                                  std::tuple(size_t{200}, StorageMode::coded, false),
                                                  std::tuple(size_t{200}, StorageMode::coded, true),
                                                  std::tuple(size_t{3000}, StorageMode::plain, false)}) {
            const Shape shape{dims, mode, metric, 16, compact, 40, 1};
            SCOPED_TRACE(name_of(shape));
            const Data data = data_for(shape, shape.rows, 4);
            TestIndex index(dims, options_of(shape));
            index.insert(data);
            for (const float length : {1.0f, 1e-3f, 30.0f}) {
                for (size_t q = 0; q < data.rows(); ++q) {
                    std::vector<float> raw(data.row(q), data.row(q) + dims);
                    for (float& x : raw) x *= length;
                    Query query;
                    query.prepare(index.encoder(), raw.data());
                    for (const Link& link : index.nodes()) {
                        const ConstNode node(index.layout(), index.node(link).data());
                        const DistanceBounds bounds = query.distance_bounds(query.distance(node),
                                                                            node.head());
                        const size_t row = TestIndex::row_of(node.head().tids[0]);
                        const double truth = true_distance(metric, raw.data(), data.row(row), dims);
                        ASSERT_TRUE(bounds.low <= truth && truth <= bounds.high)
                            << truth << " is not in [" << bounds.low << ", " << bounds.high << "]: query "
                            << q << " times " << length << ", row " << row;
                    }
                }
            }
        }
    }
}

}  // namespace
}  // namespace vecstore::core
