// What a sample of a table's rows says about the data.
#include <gtest/gtest.h>

#include "core/hnsw/row_sample.hpp"

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

TEST(RowSample, ProfilesLengthsAndMean) {
    RowSample equal(VectorKind::vector, 2), unequal(VectorKind::vector, 2);
    const float a[] = {3, 4}, b[] = {-4, 3}, c[] = {30, 40};
    equal.add(a, {});
    equal.add(b, {});
    unequal.add(a, {});
    unequal.add(c, {});
    EXPECT_TRUE(equal.profile(Metric::inner_product).equal_norms);
    EXPECT_FALSE(unequal.profile(Metric::inner_product).equal_norms);
    EXPECT_EQ(equal.profile(Metric::l2).mean, (std::vector<float>{-0.5f, 3.5f}));
    EXPECT_EQ(unequal.profile(Metric::cosine).mean, (std::vector<float>{0.6f, 0.8f}));
    EXPECT_EQ(RowSample(VectorKind::vector, 2).profile(Metric::l2).rows, 0u);
}

// Room for nearly all sparse vectors, not for the longest; and for those of documents where nothing is known.
TEST(RowSample, LeavesOutTheLongestSparseVectors) {
    const std::vector<int32_t> indices(2000, 1);
    const std::vector<float> values(2000, 1.0f);
    RowSample sample(VectorKind::sparsevec, 5000);
    EXPECT_EQ(sample.profile(Metric::l2).sparse_elements, 290u);
    for (uint32_t i = 0; i < 20; ++i) sample.add(RawVector::of_sparse(indices.data(), values.data(), 10), {});
    EXPECT_EQ(sample.profile(Metric::l2).sparse_elements, 290u);
    for (uint32_t i = 0; i < 378; ++i) sample.add(RawVector::of_sparse(indices.data(), values.data(), 10 + i % 50), {});
    for (uint32_t i = 0; i < 2; ++i) sample.add(RawVector::of_sparse(indices.data(), values.data(), 2000), {});
    EXPECT_EQ(sample.profile(Metric::l2).sparse_elements, 59u);
    EXPECT_EQ(RowSample(VectorKind::bit, 64).profile(Metric::hamming).sparse_elements, 0u);
}

}  // namespace
}  // namespace vecstore::core
