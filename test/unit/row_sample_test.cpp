// A sample of a table's rows tells about the data.
#include <gtest/gtest.h>

#include <random>

#include "core/hnsw/space/row_sample.hpp"

namespace vecstore::core {
namespace {

TEST(RowSample, KeepsRowsOfEveryKind) {
    RowSample dense(VectorKind::halfvec, 3), bits(VectorKind::bit, 13), sparse(VectorKind::sparsevec, 1000);
    std::vector<float> x(3);
    std::vector<uint8_t> b(2);
    for (uint32_t i = 0; i < 50; ++i) {
        const HeapTid tid{i, 1};
        x = {static_cast<float>(i), 1, 2};
        dense.add(x.data(), tid);
        b = {static_cast<uint8_t>(i), 0x80};
        bits.add(RawVector::of_bits(b.data()), tid);
        // From no element to four.
        const int32_t indices[] = {1, 2, 3, static_cast<int32_t>(100 + i)};
        const float values[] = {1, 2, 3, static_cast<float>(i)};
        sparse.add(RawVector::of_sparse(indices, values, i % 5), tid);
    }
    for (uint32_t i = 0; i < 50; ++i) {
        EXPECT_EQ(dense.raw(i).values[0], static_cast<float>(i));
        EXPECT_EQ(dense.raw(i).values[2], 2);
        EXPECT_EQ(bits.raw(i).bits[0], i);
        EXPECT_EQ(bits.raw(i).bits[1], 0x80);
        ASSERT_EQ(sparse.raw(i).count, i % 5);
        if (i % 5 == 4) {
            EXPECT_EQ(sparse.raw(i).indices[3], static_cast<int32_t>(100 + i));
            EXPECT_EQ(sparse.raw(i).values[3], static_cast<float>(i));
        }
        EXPECT_EQ(sparse.tid(i).block, i);
    }
    EXPECT_FALSE(sparse.enough());
}

RowSample sample_of(const std::vector<std::vector<float>>& rows) {
    RowSample sample(VectorKind::vector, static_cast<uint32_t>(rows[0].size()));
    for (const auto& row : rows) sample.add(row.data(), {});
    return sample;
}

TEST(RowSample, ProfilesLengths) {
    const auto equal = [](const std::vector<std::vector<float>>& rows) {
        return sample_of(rows).profile(Metric::inner_product).equal_norms;
    };
    EXPECT_TRUE(equal({{3, 4}, {-4, 3}}));
    EXPECT_FALSE(equal({{3, 4}, {30, 40}}));
    std::vector<std::vector<float>> many(100, {3, 4});
    for (size_t i = 0; i < many.size(); i += 2) many[i] = {-4, 3};
    many[7] = {0, 0};
    EXPECT_TRUE(equal(many));  // a few short ones do no harm
    many[8] = {6, 8};
    EXPECT_FALSE(equal(many));
    // All about as long, seen from far away.
    EXPECT_FALSE(equal({{1000, 1}, {1001, 0}, {1002, 3}, {999, -1}}));
    EXPECT_EQ(RowSample(VectorKind::vector, 2).profile(Metric::l2).rows, 0u);
}

// Where most of the rows are, whatever the others.
TEST(RowSample, ProfilesTheCentroid) {
    std::mt19937 random(4);
    std::normal_distribution<float> normal;
    std::vector<std::vector<float>> rows(1000);
    for (auto& row : rows) row = {3 + normal(random), normal(random), -5 + normal(random)};
    const std::vector<float> clean = sample_of(rows).profile(Metric::l2).mean;
    const auto near_clean = [&](const std::vector<float>& mean) {
        ASSERT_EQ(mean.size(), 3u);
        for (size_t j = 0; j < 3; ++j) EXPECT_NEAR(mean[j], clean[j], 0.5);
    };
    near_clean({3, 0, -5});
    for (size_t i = 0; i < 400; ++i) rows[i] = {1e6f * normal(random), 1e5f, 1e30f};
    near_clean(sample_of(rows).profile(Metric::l2).mean);
    for (size_t i = 0; i < 800; ++i) rows[i] = {-9999, -9999, -9999};
    near_clean(sample_of(rows).profile(Metric::l2).mean);
    // Of a few distinct rows, or of rows around 0, there is no use in one.
    EXPECT_TRUE(sample_of({rows.begin(), rows.begin() + 890}).profile(Metric::l2).mean.empty());
    for (auto& row : rows) row = {normal(random), normal(random), normal(random)};
    EXPECT_TRUE(sample_of(rows).profile(Metric::l2).mean.empty());
    EXPECT_TRUE(sample_of(rows).profile(Metric::cosine).mean.empty());
}

// Room for nearly all sparse vectors, not for the longest; and for those of documents where nothing is known.
TEST(RowSample, LeavesOutTheLongestSparseVectors) {
    const std::vector<int32_t> indices(2000, 1);
    const std::vector<float> values(2000, 1.0f);
    RowSample sample(VectorKind::sparsevec, 5000);
    EXPECT_EQ(sample.profile(Metric::l2).sparse_elements, 290u);
    for (uint32_t i = 0; i < 20; ++i) sample.add(RawVector::of_sparse(indices.data(), values.data(), 10), {});
    EXPECT_EQ(sample.profile(Metric::l2).sparse_elements, 290u);
    for (uint32_t i = 0; i < 378; ++i)
        sample.add(RawVector::of_sparse(indices.data(), values.data(), 10 + i % 50), {});
    for (uint32_t i = 0; i < 2; ++i)
        sample.add(RawVector::of_sparse(indices.data(), values.data(), 2000), {});
    EXPECT_EQ(sample.profile(Metric::l2).sparse_elements, 59u);
    EXPECT_EQ(RowSample(VectorKind::bit, 64).profile(Metric::hamming).sparse_elements, 0u);
}

}  // namespace
}  // namespace vecstore::core
