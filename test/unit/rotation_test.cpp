// The rotation must be orthogonal, must mix well for any number of dimensions, and must never change.
#include <cmath>
#include <cstring>
#include <random>
#include <vector>

#include <gtest/gtest.h>

#include "core/distance/kernels.hpp"
#include "core/quantize/rotation.hpp"

namespace vecstore::core {
namespace {

std::vector<float> rotate(const Rotation& rotation, const std::vector<float>& x) {
    std::vector<float> out(rotation.padded_dims());
    rotation.apply(x.data(), out.data());
    return out;
}

double dot(const std::vector<float>& a, const std::vector<float>& b) {
    double sum = 0;
    for (size_t i = 0; i < a.size(); ++i) sum += double(a[i]) * b[i];
    return sum;
}

std::vector<float> normal_vector(std::mt19937& random, size_t n) {
    std::normal_distribution<float> normal;
    std::vector<float> values(n);
    for (float& x : values) x = normal(random);
    return values;
}

TEST(RotationTest, PadsToAMultipleOfSixteen) {
    EXPECT_EQ(Rotation(1, 0).padded_dims(), 16u);
    EXPECT_EQ(Rotation(16, 0).padded_dims(), 16u);
    EXPECT_EQ(Rotation(17, 0).padded_dims(), 32u);
    EXPECT_EQ(Rotation(100, 0).padded_dims(), 112u);
    EXPECT_EQ(Rotation(16000, 0).padded_dims(), 16000u);
}

TEST(RotationTest, KeepsNormsAndInnerProducts) {
    std::mt19937 random(1);
    for (const uint32_t dims : {1,   2,   15,  16,   17,   48,   64,   100,  128,  300,
                                384, 768, 784, 1000, 1024, 1536, 2032, 3072, 4096, 16000}) {
        const Rotation rotation(dims, 99);
        for (int trial = 0; trial < 3; ++trial) {
            const std::vector<float> a = normal_vector(random, dims), b = normal_vector(random, dims);
            const std::vector<float> ra = rotate(rotation, a), rb = rotate(rotation, b);
            const double scale = std::sqrt(dot(a, a) * dot(b, b));
            EXPECT_NEAR(dot(ra, ra) / dot(a, a), 1, 1e-6) << dims;
            EXPECT_NEAR(dot(ra, rb) / scale, dot(a, b) / scale, 1e-6) << dims;
        }
    }
}

// An axis must come out like a random direction: the fourth power of its components tells (3 for normal ones;
// 16 and more where the mixing is bad).
TEST(RotationTest, SpreadsEveryAxisOverAllComponents) {
    for (const uint32_t dims :
         {16, 48, 100, 128, 240, 300, 384, 496, 768, 784, 1000, 1008, 1024, 1536, 2032}) {
        const Rotation rotation(dims, 42);
        const double padded = rotation.padded_dims();
        double mean_kurtosis = 0;
        for (uint32_t axis = 0; axis < dims; ++axis) {
            std::vector<float> unit(dims);
            unit[axis] = 1;
            double fourth = 0, largest = 0;
            for (const float x : rotate(rotation, unit)) {
                fourth += std::pow(x, 4.0);
                largest = std::max(largest, std::fabs(double(x)));
            }
            mean_kurtosis += fourth * padded / dims;
            EXPECT_LT(fourth * padded, dims > 16 ? 6 : 8) << dims << ", axis " << axis;
            EXPECT_LT(largest, 1.1 * std::sqrt(2 * std::log(padded * padded) / padded))
                << dims << ", axis " << axis;
        }
        EXPECT_NEAR(mean_kurtosis, 3, dims > 64 ? 0.2 : 1.5) << dims;
    }
}

TEST(RotationTest, DependsOnSeedAndNothingElse) {
    std::mt19937 random(2);
    const std::vector<float> x = normal_vector(random, 300);
    EXPECT_EQ(rotate(Rotation(300, 7), x), rotate(Rotation(300, 7), x));
    EXPECT_NE(rotate(Rotation(300, 7), x), rotate(Rotation(300, 8), x));
}

TEST(RotationTest, WorksInPlace) {
    std::mt19937 random(3);
    const Rotation rotation(100, 7);
    std::vector<float> x = normal_vector(random, 100);
    const std::vector<float> expected = rotate(rotation, x);
    x.resize(112, 123.0f);
    rotation.apply(x.data(), x.data());
    EXPECT_EQ(x, expected);
}

TEST(RotationTest, IsTheSameOnEveryTable) {
    std::mt19937 random(4);
    for (const uint32_t dims : {16, 100, 768, 1024}) {
        const Rotation rotation(dims, 7);
        const std::vector<float> x = normal_vector(random, dims);
        ASSERT_TRUE(force_kernels("scalar"));
        const std::vector<float> expected = rotate(rotation, x);
        for (const Kernels* table : available_kernels()) {
            ASSERT_TRUE(force_kernels(table->name));
            EXPECT_EQ(rotate(rotation, x), expected) << table->name << ", " << dims;
        }
        ASSERT_TRUE(force_kernels("auto"));
    }
}

// Made by an independent program from the definition in rotation.hpp. When this test fails, indexes on disk
// have become unreadable: mend the code, not the test.
TEST(RotationTest, IsTheOneOnDisk) {
    struct Known {
        uint32_t dims;
        uint64_t seed;
        double first, second, middle, last;
    };
    const Known known[] = {
        {100, 0x1, 0.237544, -1.09001, 0.468182, 6.65571},
        {256, 0x123456789abcdef, -3.0332, 0.271484, 0.685547, 1.81836},
        {768, 0x2a, 0.949227, 0.467463, -0.162867, -3.39862},
    };
    for (const Known& k : known) {
        std::vector<float> x(k.dims);
        for (uint32_t i = 0; i < k.dims; ++i) x[i] = static_cast<float>(i % 7) - 2.5f;
        const std::vector<float> out = rotate(Rotation(k.dims, k.seed), x);
        EXPECT_NEAR(out[0], k.first, 2e-5) << k.dims;
        EXPECT_NEAR(out[1], k.second, 2e-5) << k.dims;
        EXPECT_NEAR(out[out.size() / 2], k.middle, 2e-5) << k.dims;
        EXPECT_NEAR(out.back(), k.last, 2e-5) << k.dims;
    }
}

}  // namespace
}  // namespace vecstore::core
