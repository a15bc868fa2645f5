// Rows that are unlike all others: garbage, markers of missing values, other scales, norms at the ends of a
// float's range. Searches find the same among the other rows as without them, and visit as many nodes.
#include <gtest/gtest.h>

#include "hnsw_graph.hpp"

#include "core/hnsw/space/row_sample.hpp"
#include "core/hnsw/write/vacuum.hpp"

namespace vecstore::core {
namespace {

constexpr size_t test_dims = 256;

Data random_units(size_t rows) {
    Data data = normal_data(rows, test_dims, 4);
    normalize(data);
    return data;
}

// Of length 1, in 40 clusters.
Data clustered_units(size_t rows) {
    std::mt19937 random(3);
    std::normal_distribution<float> normal;
    std::vector<float> centers(40 * test_dims);
    for (float& x : centers) x = normal(random);
    Data data{test_dims, std::vector<float>(rows * test_dims)};
    for (size_t i = 0; i < rows; ++i) {
        const size_t cluster = random() % 40;
        for (size_t j = 0; j < test_dims; ++j)
            data.values[i * test_dims + j] = centers[cluster * test_dims + j] + 0.7f * normal(random);
    }
    normalize(data);
    return data;
}

Data in_halves(Data data) {
    for (float& x : data.values) x = f16_to_float(f16_from_float(x));
    return data;
}

void fill_row(Data& data, size_t row, float value) {
    std::fill_n(&data.values[row * data.dims], data.dims, value);
}
void scale_row(Data& data, size_t row, float factor) {
    for (size_t j = 0; j < data.dims; ++j) data.values[row * data.dims + j] *= factor;
}
void scale_all(Data& data, float factor) {
    for (float& x : data.values) x *= factor;
}

struct Kind {
    Metric metric = Metric::l2;
    bool compact = false;
    VectorKind kind = VectorKind::vector;
    StorageMode mode = StorageMode::coded;
};

// As CREATE INDEX makes it of the first rows, by what a sample says of them; the last `inserted` rows come
// later.
std::unique_ptr<TestIndex> make_index(const Data& data, const Kind& kind, size_t inserted = 0) {
    const Data built = first_rows(data, data.rows() - inserted);
    RowSample sample(kind.kind, static_cast<uint32_t>(data.dims));
    for (size_t i = 0; i < built.rows() && !sample.enough(); ++i) sample.add(built.row(i), {});
    IndexOptions options;
    options.metric = kind.metric;
    options.compact = kind.compact;
    options.kind = kind.kind;
    options.mode = kind.metric == Metric::l1 ? StorageMode::plain : kind.mode;
    DataProfile profile = sample.profile(kind.metric);
    options.high_length = profile.high_length;
    if (options.mode == StorageMode::coded) options.mean = std::move(profile.mean);
    auto index = std::make_unique<TestIndex>(data.dims, options);
    index->build(built, 1);
    InsertMemory memory;
    for (size_t i = built.rows(); i < data.rows(); ++i) index->insert(data.row(i), i, memory);
    return index;
}

struct Found {
    double recall = 0;
    double visits = 0;  // on average
    uint64_t most_visits = 0;
    std::vector<uint64_t> visits_of, pages_of;  // by query
    size_t themselves = 0;  // of 100 rows that are no garbage, how many are found by their own vector
};

Found look(TestIndex& index, const Data& data, const Data& queries, ScanOptions options = {}) {
    constexpr size_t k = 10;
    Found found;
    options.ef_search = 40;
    size_t hits = 0;
    for (size_t q = 0; q < queries.rows(); ++q) {
        const double bound = kth_distance(data, index.options().metric, queries.row(q), k);
        for (const size_t row : index.scan(queries.row(q), k, options, &data))
            hits += true_distance(index.options().metric, queries.row(q), data.row(row), data.dims) <=
                    bound + 1e-6 * std::fabs(bound);
        found.visits += static_cast<double>(index.last_visits()) / static_cast<double>(queries.rows());
        found.most_visits = std::max(found.most_visits, index.last_visits());
        found.visits_of.push_back(index.last_visits());
        found.pages_of.push_back(index.last_counts().pages);
    }
    found.recall = static_cast<double>(hits) / static_cast<double>(k * queries.rows());
    for (size_t i = 0; i < 100; ++i) {
        const size_t row = i * (data.rows() / 100) + 4;
        const std::vector<size_t> nearest = index.scan(data.row(row), 1, options, &data);
        found.themselves += !nearest.empty() &&
                            std::equal(data.row(row), data.row(row) + data.dims, data.row(nearest[0]));
    }
    return found;
}

struct Fixture {
    const char* name;
    std::function<void(Data&)> spoil;
};

const std::vector<Fixture>& garbage() {
    const auto one = [](float value) { return [=](Data& data) { fill_row(data, 1200, value); }; };
    const auto some = [](auto&& spoil) {
        return [=](Data& data) {
            std::mt19937 random(5);
            for (size_t i = 0; i < 25; ++i) spoil(data, 100 * i + 3, random);
        };
    };
    const auto up_to = [](float most) { return std::uniform_real_distribution<float>(0, most); };
    static const std::vector<Fixture> fixtures = {
        {"one of 1e6", one(1e6f)},
        {"one of 1e4", one(1e4f)},
        {"one 1e6 times as long", [](Data& data) { scale_row(data, 1200, 1e6f); }},
        {"one of 1e30", one(1e30f)},
        {"25 of 99", some([](Data& data, size_t row, std::mt19937&) { fill_row(data, row, 99); })},
        {"25 of -999", some([](Data& data, size_t row, std::mt19937&) { fill_row(data, row, -999); })},
        {"25 of -9999", some([](Data& data, size_t row, std::mt19937&) { fill_row(data, row, -9999); })},
        {"25 of up to 5e5", some([=](Data& data, size_t row, std::mt19937& random) {
             fill_row(data, row, up_to(5e5f)(random));
         })},
        {"25 up to 5e5 times as long", some([=](Data& data, size_t row, std::mt19937& random) {
             scale_row(data, row, up_to(5e5f)(random));
         })},
        {"25 of components up to 5e5", some([](Data& data, size_t row, std::mt19937& random) {
             std::uniform_real_distribution<float> component(-5e5f, 5e5f);
             for (size_t j = 0; j < data.dims; ++j) data.values[row * data.dims + j] = component(random);
         })},
    };
    return fixtures;
}

class Outliers : public testing::Test {
  protected:
    Outliers() : clean_(clustered_units(2600)), queries_(take_queries(clean_, 100)) {}

    // chance: visits of one query more or less.
    void expect_as_good(const char* name, const Found& found, const Found& clean, uint64_t chance = 0) const {
        EXPECT_GE(found.recall, clean.recall - 0.01) << name;
        EXPECT_LE(found.visits, 1.1 * clean.visits) << name;
        for (size_t q = 0; q < clean.visits_of.size(); ++q) {
            EXPECT_LE(found.visits_of[q], 2 * clean.visits_of[q] + chance) << name << ", query " << q;
            EXPECT_LE(found.pages_of[q], 2 * clean.pages_of[q] + chance) << name << ", query " << q;
        }
    }

    // Built of everything at once.
    void compare_built(const Kind& kind, const std::vector<Fixture>& fixtures, double least = 0.94,
                       uint64_t chance = 0) {
        const auto index = make_index(clean_, kind);
        const Found clean = look(*index, clean_, queries_);
        EXPECT_GE(clean.recall, least);
        EXPECT_EQ(index->check().counts.rough, 0u);
        for (const Fixture& fixture : fixtures) {
            Data data = clean_;
            fixture.spoil(data);
            const auto spoilt = make_index(data, kind);
            EXPECT_FALSE(spoilt->meta().misfits) << fixture.name;
            const Found found = look(*spoilt, data, queries_);
            expect_as_good(fixture.name, found, clean, chance);
            if (kind.metric != Metric::inner_product) {
                EXPECT_EQ(found.themselves, 100u) << fixture.name;
            }
            const auto checked = spoilt->check();
            EXPECT_TRUE(checked.problems.empty()) << fixture.name << ": " << checked.all();
        }
    }

    Data clean_, queries_;
};

TEST_F(Outliers, SpoilNoIndexOfL2Distances) { compare_built({}, garbage()); }

TEST_F(Outliers, SpoilNoCompactIndex) {
    compare_built({Metric::l2, true}, {garbage()[0], garbage()[6], garbage()[7], garbage()[9]});
}

TEST_F(Outliers, SpoilNoIndexOfCosineOrL1Distances) {
    for (const Metric metric : {Metric::cosine, Metric::l1})
        compare_built({metric}, {garbage()[3], garbage()[8], garbage()[9]});
}

TEST_F(Outliers, SpoilNoIndexOfHalves) {
    compare_built({Metric::l2, false, VectorKind::halfvec},
                  {{"one of 60000", [](Data& data) { fill_row(data, 1200, 60000); }}});
}

TEST_F(Outliers, MayComeLater) {
    const auto index = make_index(clean_, {}, 500);
    const Found clean = look(*index, clean_, queries_);
    Data data = clean_;
    for (size_t i = 2100; i < 2500; i += 50) fill_row(data, i, i % 100 == 0 ? 1e6f : -9999);
    fill_row(data, 2333, 1e25f);
    expect_as_good("inserted", look(*make_index(data, {}, 500), data, queries_), clean);
}

// The others come after them: into an empty index, or one that was made of nothing else.
TEST_F(Outliers, MayComeFirst) {
    const Found clean = look(*make_index(clean_, {}, 2500), clean_, queries_);
    Data data = clean_;
    fill_row(data, 0, 1e6f);
    expect_as_good("the first row", look(*make_index(data, {}, 2500), data, queries_), clean);
    for (size_t i = 0; i < 200; ++i) fill_row(data, i, -9999);
    expect_as_good("200 equal rows", look(*make_index(data, {}, 2300), data, queries_), clean);
    std::mt19937 random(6);
    std::uniform_real_distribution<float> component(-5e5f, 5e5f);
    for (size_t i = 0; i < 200 * test_dims; ++i) data.values[i] = component(random);
    Found found = look(*make_index(data, {}, 2300), data, queries_);
    EXPECT_GE(found.recall, clean.recall - 0.01);
    EXPECT_LE(found.most_visits, 2 * clean.most_visits);
}

// By inner products they are the nearest to half of all queries, and are to be found there.
TEST_F(Outliers, SpoilNoIndexOfInnerProducts) {
    for (const StorageMode mode : {StorageMode::coded, StorageMode::plain})
        compare_built(
            {Metric::inner_product, false, VectorKind::vector, mode},
            mode == StorageMode::coded
                ? garbage()
                : std::vector<Fixture>{garbage()[0], garbage()[3], garbage()[6], garbage()[7], garbage()[9]});
    compare_built({Metric::inner_product, true}, {garbage()[0], garbage()[7], garbage()[9]});
}

TEST_F(Outliers, SpoilNoIndexOfInnerProductsOfHalves) {
    clean_ = in_halves(clean_);
    for (const StorageMode mode : {StorageMode::coded, StorageMode::plain})
        compare_built({Metric::inner_product, false, VectorKind::halfvec, mode},
                      {{"all of 60000", [](Data& data) { fill_row(data, 1200, 60000); }},
                       {"one of 60000", [](Data& data) { data.values[1200 * test_dims + 7] = 60000; }}});
}

TEST_F(Outliers, SpoilNoIndexOfInnerProductsInAllDirections) {
    clean_ = random_units(2140);
    queries_ = take_queries(clean_, 200);
    const auto fewer = [](Data& data) {
        for (size_t i = 0; i < 19; ++i) fill_row(data, 100 * i + 3, -9999);
    };
    // (All rows are about as far: built by another compiler, one query of 200 went from 34 visits to 70.)
    for (const StorageMode mode : {StorageMode::coded, StorageMode::plain})
        compare_built({Metric::inner_product, false, VectorKind::vector, mode},
                      {garbage()[0], {"19 of -9999", fewer}}, 0.8, 8);
}

// Inserted, then deleted.
TEST_F(Outliers, OfInnerProductsComeAndGo) {
    for (const StorageMode mode : {StorageMode::coded, StorageMode::plain}) {
        const Kind kind{Metric::inner_product, false, VectorKind::vector, mode};
        const Found clean = look(*make_index(clean_, kind, 500), clean_, queries_);
        Data data = clean_;
        for (size_t i = 2100; i < 2500; i += 50) fill_row(data, i, i % 100 == 0 ? 1e6f : -9999);
        fill_row(data, 2333, 1e25f);
        fill_row(data, 2334, 1e30f);
        const auto index = make_index(data, kind, 500);
        expect_as_good("inserted", look(*index, data, queries_), clean);
        auto checked = index->check();
        EXPECT_TRUE(checked.problems.empty()) << checked.all();
        EXPECT_EQ(checked.counts.pages.long_rows, 10u);
        EXPECT_EQ(checked.counts.rows, data.rows());
        const auto is_garbage = [&](size_t row) { return std::fabs(data.row(row)[0]) > 10; };
        const UnplacedCounts counts = vacuum_unplaced(
            index->store(), index->layout(),
            [&](const HeapTid& tid) { return is_garbage(TestIndex::row_of(tid)); });
        EXPECT_EQ(counts.rows_removed, 10u);
        for (size_t i = 0; i < data.rows(); ++i)
            if (is_garbage(i)) std::fill_n(&data.values[i * test_dims], test_dims, 0.0f);
        expect_as_good("gone", look(*index, data, queries_), clean);
        checked = index->check();
        EXPECT_EQ(checked.counts.pages.long_rows, 0u);
    }
}

// An index that was made empty learns how long its rows are.
TEST_F(Outliers, OfInnerProductsAreToldWhereAllRowsWereInserted) {
    Data data = clean_;
    for (size_t i = 0; i < 25; ++i) fill_row(data, 500 + 50 * i, 1e5f * static_cast<float>(i + 1));
    for (const StorageMode mode : {StorageMode::coded, StorageMode::plain}) {
        const Kind kind{Metric::inner_product, false, VectorKind::vector, mode};
        const auto index = make_index(data, kind, data.rows());
        EXPECT_NEAR(index->meta().long_from, mode == StorageMode::coded ? 2 : 4, 0.1);
        EXPECT_EQ(index->check().counts.pages.long_rows, 25u);
        expect_as_good("inserted", look(*index, data, queries_),
                       look(*make_index(clean_, kind, clean_.rows()), clean_, queries_));
    }
}

TEST(LongRows, AreNoneOfThoseOfOrdinaryLengths) {
    Data data = latent_data(3000, test_dims, 10);
    normalize(data);
    std::mt19937 random(11);
    std::uniform_real_distribution<float> length(0.3f, 3);
    for (size_t i = 0; i < data.rows(); ++i) scale_row(data, i, length(random));
    for (const StorageMode mode : {StorageMode::coded, StorageMode::plain}) {
        const auto index = make_index(data, {Metric::inner_product, false, VectorKind::vector, mode}, 1000);
        EXPECT_GT(+index->meta().long_from, 3);
        EXPECT_EQ(+index->meta().long_rows, 0u);
        EXPECT_EQ(index->check().counts.pages.long_rows, 0u);
    }
}

// A few long rows are no reason to do without codes; rows that are a little longer are, and so are many.
TEST(LongRows, LeaveTheOthersEquallyLong) {
    const auto profile = [](const Data& data) {
        RowSample sample(VectorKind::vector, test_dims);
        for (size_t i = 0; i < data.rows(); ++i) sample.add(data.row(i), {});
        return sample.profile(Metric::inner_product);
    };
    Data data = clustered_units(2000);
    EXPECT_TRUE(profile(data).equal_norms);
    EXPECT_EQ(profile(data).long_rows, 0u);
    for (size_t i = 0; i < 20; ++i) fill_row(data, 100 * i, -9999);
    EXPECT_TRUE(profile(data).equal_norms);
    EXPECT_EQ(profile(data).long_rows, 20u);
    scale_row(data, 77, 1.9f);
    scale_row(data, 78, 1.9f);
    EXPECT_FALSE(profile(data).equal_norms);
    for (size_t i = 0; i < 300; ++i) fill_row(data, 6 * i, -9999);
    EXPECT_FALSE(profile(data).equal_norms);
}

// Rows that the list has no room for are in the graph; all are found, once, in order, under a condition as
// well.
TEST(LongRows, MayBeMoreThanThereIsRoomFor) {
    Data data = clustered_units(1000);
    IndexOptions options;
    options.metric = Metric::inner_product;
    options.high_length = 1;
    options.filter_columns = 1;
    options.filter_key = [](size_t row, size_t) { return FilterKey{row % 7}; };
    std::mt19937 random(8);
    std::normal_distribution<float> normal(0, 1000);
    for (size_t i = 0; i < 700; ++i)
        for (size_t j = 0; j < test_dims; ++j) data.values[i * test_dims + j] = normal(random);
    const Data query = random_units(1);
    for (const bool built : {true, false}) {
        TestIndex index(test_dims, options);
        if (built)
            index.build(data, 1);
        else
            index.insert(data);
        const LongLayout list(index.layout());
        const auto checked = index.check();
        EXPECT_TRUE(checked.problems.empty()) << checked.all();
        EXPECT_EQ(checked.counts.pages.long_rows, list.most_rows());
        EXPECT_EQ(+index.meta().long_pages, LongLayout::most_pages);
        for (const bool filtered : {false, true}) {
            RowFilter filter;
            if (filtered) {
                FilterCondition condition;
                condition.low = condition.high = 3;
                filter.add(condition);
            }
            ScanOptions scan;
            if (filtered) scan.filter = &filter;
            const std::vector<size_t> rows = index.scan(query.row(0), 2000, scan, &data);
            const std::set<size_t> once(rows.begin(), rows.end());
            EXPECT_EQ(once.size(), rows.size());
            EXPECT_EQ(rows.size(), filtered ? 143u : 1000u);
            for (const size_t row : rows) EXPECT_TRUE(!filtered || row % 7 == 3);
        }
    }
}

// In a relaxed order their own vectors are not looked up in the table, and they are in their places all the
// same.
TEST(LongRows, AreInTheirPlacesInARelaxedOrder) {
    const Data clean = clustered_units(1500);
    Data data = clean;
    fill_row(data, 1, 1e6f);
    fill_row(data, 2, -1e5f);
    fill_row(data, 3, 1e30f);
    fill_row(data, 4, -1e30f);
    const auto index = make_index(data, {Metric::inner_product});
    const std::vector<float> ones(test_dims, 0.1f);
    ScanOptions options;
    options.strict_order = false;
    const std::vector<size_t> rows = index->scan(ones.data(), 1000, options, &data);
    EXPECT_EQ(index->reranked(), 0u);
    ASSERT_GE(rows.size(), 1000u);
    EXPECT_EQ(rows[0], 3u);
    EXPECT_EQ(rows[1], 1u);
    EXPECT_EQ(std::count(rows.begin(), rows.end(), 2u), 0);
    EXPECT_EQ(std::count(rows.begin(), rows.end(), 4u), 0);
}

// A limit of the distance, which rows on it meet: what their stored vectors say may lie beyond.
TEST(LongRows, AreWithinALimitInARelaxedOrder) {
    Data data = clustered_units(1500);
    std::mt19937 random(5);
    std::normal_distribution<float> normal(0, 1000);
    constexpr size_t many = 30;
    for (size_t i = 0; i < many * test_dims; ++i) data.values[i] = normal(random);
    const auto index = make_index(data, {Metric::inner_product});
    EXPECT_EQ(index->check().counts.pages.long_rows, many);
    const Data query = random_units(1);
    ScanOptions options;
    options.strict_order = false;
    for (size_t row = 0; row < many; ++row) {
        const double distance = true_distance(Metric::inner_product, query.row(0), data.row(row), test_dims);
        options.max_distance = distance + 1e-6 * std::fabs(distance);
        const std::vector<size_t> rows = index->scan(query.row(0), 2000, options, &data);
        EXPECT_EQ(std::count(rows.begin(), rows.end(), row), 1) << row << ", at " << distance;
    }
}

// Of an index that was made of other rows, or by a version that took the mean of all for its center, a check
// tells.
TEST_F(Outliers, AreToldOfWhereTheIndexDoesNotFit) {
    for (const bool compact : {false, true}) {
        IndexOptions options;
        options.compact = compact;
        options.mean.assign(test_dims, compact ? 40.0f : 400.0f);
        TestIndex index(test_dims, options);
        index.build(clean_, 1);
        const auto checked = index.check();
        EXPECT_TRUE(checked.problems.empty()) << checked.all();
        EXPECT_GE(checked.counts.rough, clean_.rows() / 2) << compact;
    }
}

// An index that was made of nothing but garbage, around a center that no other row is near.
TEST_F(Outliers, MayBeAllThatAnIndexWasMadeOf) {
    for (const float far : {100.0f, 1e4f, 5e5f}) {
        Data data = clean_;
        std::mt19937 random(5);
        std::uniform_real_distribution<float> component(0.5f * far, 1.5f * far);
        for (size_t i = 0; i < 200 * test_dims; ++i) data.values[i] = component(random);
        // (Those that are stored alike share nodes, and an index of a few pages is not measured.)
        for (const size_t rows : {far < 1e5f ? size_t{1000} : data.rows(), data.rows()}) {
            const Data some = first_rows(data, rows);
            const auto index = make_index(some, {}, rows - 200);
            EXPECT_FALSE(index->encoder().mean().empty());
            EXPECT_TRUE(index->meta().misfits) << far;
            EXPECT_GE(look(*index, some, queries_).recall, 0.99) << far << ", " << rows;
            const auto checked = index->check();
            EXPECT_TRUE(checked.problems.empty()) << far << ": " << checked.all();
        }
    }
}

// Neither scale is the garbage.
TEST_F(Outliers, ScalesMix) {
    Data data = clean_, queries = queries_;
    for (size_t i = 0; i < data.rows(); i += 2) scale_row(data, i, 1000);
    for (size_t i = 0; i < queries.rows(); i += 2) scale_row(queries, i, 1000);
    const Found half = look(*make_index(data, {}), data, queries);
    EXPECT_GE(half.recall, 0.96);
    EXPECT_LE(half.visits, 150);
    EXPECT_EQ(half.themselves, 100u);
    data = clean_, queries = queries_;
    std::mt19937 random(5);
    std::lognormal_distribution<float> length(0, 2);
    for (size_t i = 0; i < data.rows(); ++i) scale_row(data, i, length(random));
    for (size_t i = 0; i < queries.rows(); ++i) scale_row(queries, i, length(random));
    const Found lognormal = look(*make_index(data, {}), data, queries);
    EXPECT_GE(lognormal.recall, 0.96);
    EXPECT_EQ(lognormal.themselves, 100u);
}

// More than half of the rows have no value, and all the same one instead.
TEST_F(Outliers, MostRowsAreEqual) {
    Data data = clean_;
    for (size_t i = 0; i < data.rows(); ++i)
        if (i % 5 < 3) fill_row(data, i, -9999);
    const auto index = make_index(data, {});
    const Found found = look(*index, data, queries_);
    EXPECT_GE(found.recall, 0.96);
    EXPECT_EQ(found.themselves, 100u);
}

// Longer than their squares leave a float, or so short that no float holds the inverse of their norm.
TEST_F(Outliers, NormsAtTheEndsOfAFloatsRange) {
    for (const Metric metric : {Metric::l2, Metric::inner_product, Metric::cosine, Metric::l1})
        for (const float factor : {1e-42f, 1e-38f, 1e19f, 1e25f, 1e36f}) {
            if (factor < 1 && metric != Metric::cosine) continue;  // the operators' own squares are 0
            Data data = first_rows(clean_, 1000), queries = first_rows(queries_, 50);
            scale_all(data, factor);
            scale_all(queries, factor);
            const auto index = make_index(data, {metric});
            const Found found = look(*index, data, queries);
            EXPECT_GE(found.recall, 0.94) << static_cast<int>(metric) << ", " << factor;
            EXPECT_EQ(found.themselves, 100u) << static_cast<int>(metric) << ", " << factor;
            const auto checked = index->check();
            EXPECT_TRUE(checked.problems.empty())
                << static_cast<int>(metric) << ", " << factor << ": " << checked.all();
        }
}

// A row's distance is one of an interval that holds the true one, however long the row or the query.
TEST(LongVectors, KeysHoldTheTrueDistance) {
    for (const Metric metric : {Metric::l2, Metric::inner_product, Metric::l1})
        for (const StorageMode mode : {StorageMode::coded, StorageMode::plain}) {
            if (metric == Metric::l1 && mode == StorageMode::coded) continue;
            IndexOptions options;
            options.metric = metric;
            options.mode = mode;
            TestIndex index(test_dims, options);
            const Data data = normal_data(20, test_dims, 8);
            const float lengths[] = {1e-3f, 1e3f, 1e17f, 1e18f, 3e18f, 1e20f, 1e30f, 1e37f};
            for (const float of_row : lengths)
                for (const float of_query : lengths) {
                    Data row{test_dims, {data.row(1), data.row(2)}},
                        query{test_dims, {data.row(3), data.row(4)}};
                    for (size_t j = 0; j < test_dims; ++j)
                        query.values[j] = 0.5f * (query.values[j] + row.values[j]);
                    scale_all(row, of_row);
                    scale_all(query, of_query);
                    RowMemory memory;
                    const OwnVector own = index.encoder().encode_row(row.row(0), memory);
                    std::vector<uint8_t> slot(index.layout().slot_size());
                    const Node node(index.layout(), slot.data());
                    node.head().scale = own.scale;
                    node.head().error = own.error;
                    node.head().norm2 = own.norm2;
                    std::copy(memory.own_bytes.begin(), memory.own_bytes.end(), node.own());
                    Query prepared;
                    const RawVector raw = query.row(0);
                    ASSERT_TRUE(prepared.prepare_scan(index.encoder(), &raw));
                    const float distance = prepared.distance(ConstNode(index.layout(), slot.data()));
                    ASSERT_TRUE(std::isfinite(distance));
                    const DistanceBounds bounds = prepared.distance_bounds(distance, node.head());
                    const double exact = true_distance(metric, query.row(0), row.row(0), test_dims);
                    EXPECT_LE(bounds.low, exact + 1e-9 * std::fabs(exact)) << of_row << ", " << of_query;
                    EXPECT_GE(bounds.high, exact - 1e-9 * std::fabs(exact)) << of_row << ", " << of_query;
                }
        }
}

}  // namespace
}  // namespace vecstore::core
