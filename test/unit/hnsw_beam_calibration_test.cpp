// Where beams end: the bound against the plain way to compute it, and what is measured for it against
// searches.
#include <algorithm>
#include <cmath>
#include <numeric>
#include <random>

#include <gtest/gtest.h>

#include "core/hnsw/search/beam_calibration.hpp"
#include "core/hnsw/write/vacuum.hpp"
#include "hnsw_graph.hpp"

namespace vecstore::core {
namespace {

constexpr float infinity = std::numeric_limits<float>::infinity();

// ------------------------------------------------------------------------------------------- the bound

float plain_bound(std::vector<float> seen, const BeamExtent& extent) {
    std::sort(seen.begin(), seen.end());
    if (seen.size() < extent.sure || seen.size() < extent.width / 2) return infinity;
    const float reach = seen[extent.sure - 1] * extent.factor;
    const size_t most = extent.width * BeamBound::most_widths;
    return seen.size() < most ? reach : std::min(reach, seen[most - 1]);
}

TEST(BeamBoundByFactor, IsTheDistanceOfTheSureOnesTimesTheFactor) {
    std::mt19937 random(3);
    for (const float factor : {1.01f, 1.3f, 50.0f}) {
        BeamExtent extent{20, 10, factor};
        BeamBound bound;
        bound.clear(extent);
        std::vector<float> seen;
        EXPECT_EQ(bound.get(), infinity);
        for (int i = 0; i < 300; ++i) {
            seen.push_back(80 + static_cast<float>(random() % 1000) / 10);
            bound.add(seen.back());
            if (i % 60 == 59) {
                extent.width += 9;
                extent.sure += 7;
                bound.widen(extent);
            }
            ASSERT_FLOAT_EQ(bound.get(), plain_bound(seen, extent)) << factor << ", " << i;
        }
    }
}

TEST(BeamBoundByFactor, GoesOnByRankFromWhatItHasSeen) {
    BeamBound bound;
    bound.clear(BeamExtent{8, 2, 1.5f});
    for (int i = 20; i > 0; --i) bound.add(static_cast<float>(i));
    EXPECT_FLOAT_EQ(bound.get(), 3);
    bound.widen(BeamExtent{8});
    EXPECT_FLOAT_EQ(bound.get(), 8);
    bound.widen(BeamExtent{9});
    EXPECT_EQ(bound.get(), infinity);
    bound.add(30);
    EXPECT_FLOAT_EQ(bound.get(), 30);
}

TEST(LogFactor, GoesThroughWhatWasMeasured) {
    const BeamCalibration calibration{{0.05f, 0.14f, 0.22f}, 1, 100};
    EXPECT_NEAR(log_factor_of(calibration, calibration_rank), 0, 1e-9);
    for (size_t i = 0; i < calibration_points; ++i)
        EXPECT_NEAR(log_factor_of(calibration, static_cast<double>(calibration_widths[i])),
                    calibration.log_factor[i], 1e-6);
    for (double width = 1; width < 5000; width *= 1.1)
        EXPECT_LT(log_factor_of(calibration, width), log_factor_of(calibration, width * 1.1));
    // The distances of 800 to 80 are as those of 80 to 10, to the same power.
    EXPECT_NEAR(log_factor_of(calibration, 640), 0.44, 1e-6);
}

// ------------------------------------------------------------------------------------------ measured

constexpr size_t query_count = 200;

struct Found {
    double recall;
    double visits;
    double
        hard_to_easy;  // visits of the tenth of queries that take most, to those of the tenth that take least
};

Found find(TestIndex& index, const Data& data, const Data& queries, size_t ef_search) {
    ScanOptions options;
    options.ef_search = ef_search;
    double hits = 0;
    std::vector<double> visits;
    const Metric metric = index.options().metric;
    for (size_t q = 0; q < queries.rows(); ++q) {
        const double bound = kth_distance(data, metric, queries.row(q), 10);
        for (size_t row : index.scan(queries.row(q), 10, options, &data))
            hits += true_distance(metric, queries.row(q), data.row(row), data.dims) <=
                    bound + 1e-6 * std::fabs(bound);
        visits.push_back(static_cast<double>(index.last_visits()));
    }
    const auto count = static_cast<double>(queries.rows());
    const double sum = std::accumulate(visits.begin(), visits.end(), 0.0);
    std::sort(visits.begin(), visits.end());
    return {hits / (10 * count), sum / count, visits[visits.size() * 9 / 10] / visits[visits.size() / 10]};
}

Data times(Data data, float factor) {
    for (float& x : data.values) x *= factor;
    return data;
}

// Rows and queries among which some have many neighbors at about one distance, others few.
class Measured : public testing::Test {
  protected:
    Measured()
        : data_(latent_data(12000 + query_count, 256, 9)), queries_(take_queries(data_, query_count)) {}
    Data data_, queries_;
};

TEST_F(Measured, ASearchVisitsFewerNodesOnAverageMoreWhereItIsHard) {
    TestIndex index(data_.dims, {}, 1 << 14);
    // (On one thread, so that each run has the same graph and the same measurement: at 80, builds on two have
    // ratios of visits from .90 to 1.01.)
    index.build(data_, 1);
    const BeamCalibration calibration = index.meta().calibration;
    ASSERT_TRUE(is_known(calibration));
    for (const size_t ef_search : {40, 80, 160}) {
        const Found now = find(index, data_, queries_, ef_search);
        index.meta_in_place().calibration = {};
        const Found by_rank = find(index, data_, queries_, ef_search);
        index.meta_in_place().calibration = calibration;
        EXPECT_NEAR(now.visits, 0.85 * by_rank.visits, 0.15 * by_rank.visits) << ef_search;
        EXPECT_GE(now.recall, by_rank.recall - 0.003) << ef_search;
        EXPECT_GE(now.recall, 0.98) << ef_search;
        EXPECT_GT(now.hard_to_easy, 1.2 * by_rank.hard_to_easy) << ef_search;
    }
}

// Inner products do not change their order with the query's length; L2 distances, by which codes know them,
// do.
TEST_F(Measured, TheLengthOfAQueryDoesNotMatterToInnerProducts) {
    normalize(data_);
    normalize(queries_);
    IndexOptions options;
    options.metric = Metric::inner_product;
    TestIndex index(data_.dims, options, 1 << 14);
    index.build(data_, 2);
    ASSERT_TRUE(is_known(index.meta().calibration));
    EXPECT_NEAR(index.meta().calibration.length, 1, 1e-3);
    const Found equal = find(index, data_, queries_, 40);
    for (const float length : {0.05f, 20.0f}) {
        const Found other = find(index, data_, times(queries_, length), 40);
        EXPECT_NEAR(other.visits, equal.visits, 0.1 * equal.visits) << length;
        EXPECT_NEAR(other.recall, equal.recall, 0.01) << length;
    }
}

// A query that is about as far from all rows ends where three times as wide a beam by rank would.
TEST_F(Measured, AQueryUnlikeTheRowsDoesNotVisitThemAll) {
    TestIndex index(data_.dims, {}, 1 << 14);
    index.build(data_, 2);
    const Data far = times(normal_data(20, data_.dims, 77), 100);
    const BeamCalibration calibration = index.meta().calibration;
    const Found now = find(index, data_, far, 40);
    index.meta_in_place().calibration = {};
    const Found by_rank = find(index, data_, far, 40 * BeamBound::most_widths);
    index.meta_in_place().calibration = calibration;
    EXPECT_LE(now.visits,
              by_rank.visits * 1.5);  // (a wider frontier keeps other estimates of nodes met twice)
    EXPECT_GE(now.recall, by_rank.recall - 0.1);
}

TEST_F(Measured, AnIndexThatGrowsIsMeasuredNowAndThen) {
    TestIndex index(data_.dims, {}, 1 << 14);
    InsertMemory memory;
    size_t measured = 0;
    uint32_t last = 0;
    for (size_t row = 0; row < data_.rows(); ++row) {
        index.insert(data_.row(row), row, memory);
        const uint32_t pages = index.meta().calibration.pages;
        measured += pages != last;
        last = pages;
    }
    EXPECT_GE(last, index.store().page_count() / 2);
    EXPECT_GE(measured, 4u);
    EXPECT_LE(measured, 8u);
    const Found found = find(index, data_, queries_, 40);
    EXPECT_NEAR(found.visits, 40, 14);
    EXPECT_GE(found.recall, 0.95);
}

// Nobody's row waits for more than one search of those that measure.
TEST_F(Measured, NoInsertMeasuresMoreThanOnce) {
    TestIndex index(data_.dims, {}, 1 << 14);
    InsertMemory memory;
    CalibrationSamples samples;
    size_t searches = 0, written = 0;
    for (size_t row = 0; row < data_.rows(); ++row) {
        const Link placed = index.insert_alone(data_.row(row), row, memory).first;
        const size_t before = samples.searches.size();
        const uint32_t pages = index.meta().calibration.pages;
        keep_calibration(index.store(), index.encoder(), memory.search, placed, samples);
        EXPECT_LE(samples.searches.size(), before + 1);
        searches += samples.searches.size() > before;
        written += index.meta().calibration.pages != pages;
    }
    EXPECT_GE(written, 3u);
    EXPECT_GE(searches, 64 * written);
    EXPECT_TRUE(is_known(index.meta().calibration));
}

TEST_F(Measured, VacuumMeasuresAgain) {
    TestIndex index(data_.dims, {}, 1 << 14);
    index.build(data_, 2);
    index.meta_in_place().calibration = {};
    InsertMemory memory;
    Vacuum<MemStore> nothing(index.store(), index.encoder(), 64, memory);
    nothing.run([](const HeapTid&) { return false; });
    EXPECT_FALSE(is_known(index.meta().calibration));
    Vacuum<MemStore> half(index.store(), index.encoder(), 64, memory);
    half.run([](const HeapTid& tid) { return TestIndex::row_of(tid) % 2 == 0; });
    EXPECT_TRUE(is_known(index.meta().calibration));
}

// Vectors that are random in many dimensions: codes tell little of which is near, and a beam by rank visits
// several times its width. One by a factor is to find as much.
TEST(BeamCalibration, OfWhatIsHardToTell) {
    Data data = normal_data(6000 + 100, 256, 5);
    const Data queries = take_queries(data, 100);
    TestIndex index(data.dims, {});
    index.build(data, 2);
    const BeamCalibration calibration = index.meta().calibration;
    ASSERT_TRUE(is_known(calibration));
    EXPECT_GT(calibration.log_factor[0], 0);  // (a beam held to 20 visits does not get as far as ten rows)
    const Found now = find(index, data, queries, 40);
    index.meta_in_place().calibration = {};
    const Found by_rank = find(index, data, queries, 40);
    EXPECT_GE(by_rank.visits, 80);
    EXPECT_GE(now.visits, 0.6 * by_rank.visits);
    EXPECT_GE(now.recall, by_rank.recall - 0.06);
}

// Where a search cannot end by a factor, there is none.
TEST(BeamCalibration, IsOfDistancesAlone) {
    const Data data = normal_data(4000, 32, 5, 20);
    for (const Metric metric : {Metric::l2, Metric::cosine, Metric::l1, Metric::inner_product}) {
        IndexOptions options;
        options.metric = metric;
        options.mode = StorageMode::plain;
        TestIndex index(data.dims, options);
        index.build(data, 2);
        EXPECT_EQ(is_known(index.meta().calibration), metric != Metric::inner_product)
            << static_cast<int>(metric);
    }
}

// Rounded to a few bits, vectors seem nearer to each other than a query is.
TEST(BeamCalibration, NoneOfVectorsOfAFewBits) {
    const Data data = normal_data(1300, 8000, 5, 20);
    TestIndex index(data.dims, {});
    index.build(data, 2);
    ASSERT_EQ(index.layout().geometry().own_format, OwnFormat::planes);
    EXPECT_FALSE(is_known(index.meta().calibration));
}

TEST(BeamCalibration, OfFewRowsOrEqualOnes) {
    for (const size_t rows : {size_t{0}, size_t{1}, size_t{100}, size_t{3000}}) {
        const Data some = normal_data(std::min<size_t>(rows, 7), 32, 5),
                   data = rows == 3000 ? repeated(some, 400) : some;
        IndexOptions options;
        options.mode = StorageMode::plain;
        TestIndex index(32, options);
        index.build(data, 2);
        EXPECT_TRUE(index.check().problems.empty());
        if (data.rows() > 0) {
            EXPECT_EQ(index.scan(data.row(0), SIZE_MAX, {}, &data).size(), data.rows());
        }
    }
}

TEST(BeamCalibration, IsNotBelievedInWhereItIsDamaged) {
    const Data data = normal_data(4000, 32, 5, 20);
    IndexOptions options;
    options.mode = StorageMode::plain;
    TestIndex index(data.dims, options);
    index.build(data, 2);
    for (const float damaged : {NAN, infinity, -infinity, -1.0f, 1e30f}) {
        // (packed: there are no references to one)
        for (size_t i = 0; i < calibration_points; ++i) {
            BeamCalibration calibration = index.meta_in_place().calibration;
            calibration.log_factor[i] = damaged;
            index.meta_in_place().calibration = calibration;
        }
        EXPECT_NE(meta_problem(index.meta()), "") << damaged;
        EXPECT_EQ(index.scan(data.row(5), 10, {}, &data).at(0), 5u) << damaged;
        EXPECT_EQ(index.scan(data.row(5), SIZE_MAX, {}, &data).size(), data.rows()) << damaged;
    }
}

}  // namespace
}  // namespace vecstore::core
