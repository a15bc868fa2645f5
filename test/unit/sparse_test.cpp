// Distances of sparse vectors against those of the dense vectors they stand for.
#include <cmath>
#include <random>
#include <vector>

#include <gtest/gtest.h>

#include "core/distance/kernels.hpp"
#include "core/distance/sparse.hpp"

namespace vecstore::core {
namespace {

struct Sparse {
    std::vector<int32_t> indices;
    std::vector<float> values;

    SparseView view() const { return {indices.data(), values.data(), indices.size()}; }
};

class SparseTest : public testing::Test {
  protected:
    // About `share` of the elements are not zero. Small whole numbers, so that every sum is exact.
    std::vector<float> dense(size_t dims, double share) {
        std::bernoulli_distribution present(share);
        std::uniform_int_distribution<int> number(1, 9);
        std::vector<float> x(dims, 0.0f);
        for (float& value : x) {
            if (present(random_))
                value = static_cast<float>(random_() % 2 ? number(random_) : -number(random_));
        }
        return x;
    }

    std::mt19937 random_{7};
};

Sparse sparse(const std::vector<float>& x) {
    Sparse result;
    for (size_t i = 0; i < x.size(); ++i) {
        if (x[i] == 0) continue;
        result.indices.push_back(static_cast<int32_t>(i));
        result.values.push_back(x[i]);
    }
    return result;
}

TEST_F(SparseTest, DistancesEqualThoseOfDenseVectors) {
    const double shares[] = {0, 0.02, 0.3, 0.7, 1};
    for (const size_t dims : {1, 2, 7, 64, 100, 1000}) {
        for (const double share_a : shares) {
            for (const double share_b : shares) {
                SCOPED_TRACE(testing::Message() << dims << " dimensions, " << share_a << " and " << share_b);
                const std::vector<float> a = dense(dims, share_a), b = dense(dims, share_b);
                float l2 = 0, ip = 0, l1 = 0, aa = 0, bb = 0;
                for (size_t i = 0; i < dims; ++i) {
                    l2 += (a[i] - b[i]) * (a[i] - b[i]);
                    ip += a[i] * b[i];
                    l1 += std::fabs(a[i] - b[i]);
                    aa += a[i] * a[i];
                    bb += b[i] * b[i];
                }
                const Sparse sa = sparse(a), sb = sparse(b);
                EXPECT_EQ(sparse_l2_squared(sa.view(), sb.view()), l2);
                EXPECT_EQ(sparse_inner_product(sa.view(), sb.view()), ip);
                for (const Kernels* table : available_kernels()) {
                    SCOPED_TRACE(table->name);
                    EXPECT_EQ(table->sparse_product(sa.view(), sb.view()), ip);
                    std::vector<float> partners(sa.values.size()), rest(sb.values.size());
                    table->sparse_align(sa.view(), sb.view(), partners.data(), rest.data());
                    for (size_t i = 0; i < partners.size(); ++i) EXPECT_EQ(partners[i], b[sa.indices[i]]);
                    for (size_t j = 0; j < rest.size(); ++j)
                        EXPECT_EQ(rest[j], a[sb.indices[j]] == 0 ? sb.values[j] : 0);
                }
                EXPECT_EQ(sparse_l1(sa.view(), sb.view()), l1);
                float sums[3];
                sparse_cosine_sums(sa.view(), sb.view(), sums);
                EXPECT_EQ(sums[0], ip);
                EXPECT_EQ(sums[1], aa);
                EXPECT_EQ(sums[2], bb);
            }
        }
    }
}

TEST_F(SparseTest, ListsWithoutCommonDimensionsAddUp) {
    const Sparse a{{0, 999999998}, {1, 2}}, b{{5, 999999999}, {3, 4}};
    EXPECT_EQ(sparse_l2_squared(a.view(), b.view()), 30);
    EXPECT_EQ(sparse_inner_product(a.view(), b.view()), 0);
    EXPECT_EQ(sparse_l1(a.view(), b.view()), 10);
}

// An element that is missing in one list counts as 0, also where the other's value would make anything else
// infinite.
TEST_F(SparseTest, LargeValuesDoNotLeakIntoOtherDimensions) {
    const Sparse a{{0, 3}, {3e38f, 1}}, b{{1, 3}, {3e38f, 2}};
    EXPECT_EQ(sparse_inner_product(a.view(), b.view()), 2);
    EXPECT_TRUE(std::isinf(sparse_l2_squared(a.view(), b.view())));
    const Sparse same{{0, 3}, {3e38f, 2}};
    EXPECT_EQ(sparse_l2_squared(a.view(), same.view()), 1);
    EXPECT_EQ(sparse_l1(a.view(), same.view()), 1);
}

}  // namespace
}  // namespace vecstore::core
