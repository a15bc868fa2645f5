// Angles between neighbors from their codes, against those of the vectors.
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

TEST_P(CodeAnglesOf, MakeDistancesOfPairs) {
    const std::vector<float> a = random_vector(), b = random_vector();
    std::vector<float> norms(3);
    const std::vector<uint8_t> codes[] = {code_of(a, &norms[0]), code_of(a), code_of(b, &norms[2])};
    const float norm = norms[0];
    norms[1] = 2 * norm;
    CodeAngles::From from(angles_, kernels());
    CodeAngles::Pairs pairs(from, norms, [&](size_t i) { return codes[i].data(); });
    EXPECT_NEAR(pairs.squared(0, 0), 0, 1e-3 * norm * norm);
    EXPECT_NEAR(pairs.squared(0, 1), norm * norm, 2e-3 * norm * norm);
    // The first of a pair is another one each time.
    for (const size_t i : {0, 1, 2, 0, 2}) {
        for (const size_t j : {2, 0}) {
            const double x = norms[i], y = norms[j], alike = (i == 2) == (j == 2) ? 1 : cosine(a, b);
            EXPECT_NEAR(pairs.squared(i, j), x * x + y * y - 2 * x * y * alike,
                        2 * allowed(GetParam()) * x * y);
        }
    }
}

}  // namespace
}  // namespace vecstore::core
