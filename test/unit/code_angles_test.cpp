// Angles between neighbors from their codes, against those of the vectors.
#include <algorithm>
#include <cmath>
#include <random>
#include <vector>

#include <gtest/gtest.h>

#include "core/hnsw/space/code_angles.hpp"
#include "core/hnsw/space/encoder.hpp"

namespace vecstore::core {
namespace {

constexpr uint32_t dims = 128;

class CodeAnglesOf : public testing::TestWithParam<uint32_t> {
  protected:
    static NodeLayout layout(uint32_t bits) {
        GeometryRequest request{dims, Metric::l2, StorageMode::coded, false, 16};
        request.code_bits = bits;
        return NodeLayout(choose_geometry(request));
    }

    std::vector<float> random_vector() {
        std::normal_distribution<float> normal;
        std::vector<float> x(dims);
        for (float& component : x) component = normal(random_);
        return x;
    }
    std::vector<uint8_t> code_of(const std::vector<float>& x, float* norm = nullptr) const {
        const std::vector<float> origin(dims);
        std::vector<uint8_t> code(layout_.code_bytes() + 64), factor(factor_bytes);
        const float squared = encode_link(layout_, x.data(), origin.data(), code.data(), factor.data());
        if (norm != nullptr) *norm = std::sqrt(squared);
        return code;
    }
    static double cosine(const std::vector<float>& a, const std::vector<float>& b) {
        double ab = 0, aa = 0, bb = 0;
        for (size_t i = 0; i < dims; ++i) {
            ab += double{a[i]} * b[i];
            aa += double{a[i]} * a[i];
            bb += double{b[i]} * b[i];
        }
        return ab / std::sqrt(aa * bb);
    }

    const NodeLayout layout_ = layout(GetParam());
    const CodeAngles angles_{layout_};
    std::mt19937 random_{4};
};

INSTANTIATE_TEST_SUITE_P(Bits, CodeAnglesOf, testing::Values(1, 2, 4, 7));

// By so much is a cosine wrong, once in a while: the more bits, the less.
double allowed(uint32_t bits) {
    const double deviation = code_constants(bits).error * std::sqrt(2.0 / dims);
    return 5 * deviation + 0.03;
}

TEST_P(CodeAnglesOf, AreThoseOfTheVectors) {
    CodeAngles::From from(angles_, kernels());
    double sum = 0;
    for (const double share : {-1.0, -0.8, -0.3, 0.0, 0.2, 0.6, 0.9, 0.99}) {
        for (int trial = 0; trial < 20; ++trial) {
            const std::vector<float> a = random_vector(), other = random_vector();
            std::vector<float> b(dims);
            const double rest = std::sqrt(1 - share * share);
            for (size_t i = 0; i < dims; ++i) b[i] = static_cast<float>(3 * (share * a[i] + rest * other[i]));
            const std::vector<uint8_t> code_a = code_of(a), code_b = code_of(b);
            from.set(code_a.data());
            const double estimate = from.cosine(code_b.data()), exact = cosine(a, b);
            EXPECT_NEAR(estimate, exact, allowed(GetParam())) << share;
            sum += estimate - exact;
        }
    }
    EXPECT_NEAR(sum / 160, 0, 0.02);  // no bias
}

TEST_P(CodeAnglesOf, AreTheSameOneByOneAndAllAtOnce) {
    constexpr size_t count = 23;
    const size_t bytes = layout_.code_bytes();
    std::vector<uint8_t> codes(count * bytes + 64);
    for (size_t i = 0; i < count; ++i) {
        const std::vector<uint8_t> code = code_of(random_vector());
        std::copy_n(code.begin(), bytes, codes.begin() + static_cast<std::ptrdiff_t>(i * bytes));
    }
    const std::vector<uint8_t> first = code_of(random_vector());
    CodeAngles::From from(angles_, kernels());
    from.set(first.data());
    float all[count];
    from.cosines(codes.data(), count, all);
    for (size_t i = 0; i < count; ++i) {
        EXPECT_EQ(all[i], from.cosine(&codes[i * bytes]));
        // Of the residual that differs in its sign: the code of the way back.
        std::vector<uint8_t> back(codes.begin() + static_cast<std::ptrdiff_t>(i * bytes),
                                  codes.begin() + static_cast<std::ptrdiff_t>((i + 1) * bytes));
        back.resize(bytes + 64);
        for (size_t b = 0; b < bytes; ++b) back[b] = reversed_code(back[b], GetParam());
        EXPECT_NEAR(from.cosine(back.data()), -all[i], 1e-6);
    }
}

TEST_P(CodeAnglesOf, MakeProductsOfPairs) {
    const std::vector<float> a = random_vector(), b = random_vector();
    std::vector<float> norms(3);
    const std::vector<uint8_t> codes[] = {code_of(a, &norms[0]), code_of(a), code_of(b, &norms[2])};
    norms[1] = 2 * norms[0];
    CodeAngles::From from(angles_, kernels());
    CodeAngles::Pairs pairs(from, norms, [&](size_t i) { return codes[i].data(); });
    // The first of a pair is another one each time.
    for (const size_t i : {0, 1, 2, 0, 2}) {
        for (const size_t j : {2, 0}) {
            const double x = norms[i], y = norms[j], alike = (i == 2) == (j == 2) ? 1 : cosine(a, b);
            EXPECT_NEAR(pairs.product(i, j), x * y * alike, (0.001 + allowed(GetParam())) * x * y);
        }
    }
}

// The heuristic compares several codes at a time, and chooses as if it compared one by one.
TEST_P(CodeAnglesOf, OrderByNeed) {
    CodeAngles::KeptCodes memory;
    CodeAngles::From from(angles_, kernels()), one(angles_, kernels());
    size_t most_kept = 0, least_occluded = SIZE_MAX;
    for (const size_t count : {1, 2, 5, 40, 130}) {
        // Around one point, the nearer the more they are alike.
        const std::vector<float> center = random_vector();
        std::vector<std::pair<float, std::vector<uint8_t>>> all(count);
        for (auto& [norm, code] : all) {
            std::vector<float> x = random_vector();
            const auto share = static_cast<float>(random_() % 100) / 100;
            for (size_t i = 0; i < dims; ++i) x[i] = share * center[i] + (1 - share) * x[i];
            code = code_of(x, &norm);
        }
        std::sort(all.begin(), all.end());
        std::vector<float> reach, squared;
        for (const auto& [norm, code] : all) reach.push_back(norm), squared.push_back(norm * norm);
        for (const size_t limit : {0, 1, 3, 4, 5, 64, 200}) {
            std::vector<uint16_t> order, expected;
            const size_t kept = angles_.order_by_need(
                from, reach, limit, [&](size_t i) { return all[i].second.data(); }, memory, order);
            const size_t expected_kept = order_by_need(
                squared, limit,
                [&](size_t i, size_t j) {
                    one.set(all[i].second.data());
                    return squared[i] + squared[j] -
                           2 * reach[i] * reach[j] * one.cosine(all[j].second.data());
                },
                expected);
            EXPECT_EQ(kept, expected_kept) << count << " codes, limit " << limit;
            EXPECT_EQ(order, expected) << count << " codes, limit " << limit;
            most_kept = std::max(most_kept, kept);
            if (count > 5 && limit > 5) least_occluded = std::min(least_occluded, count - kept);
        }
    }
    EXPECT_GT(most_kept, 4u);
    EXPECT_GT(least_occluded, 0u);  // some were occluded
}

}  // namespace
}  // namespace vecstore::core
