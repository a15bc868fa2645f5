// Codes, factors and query planes: the estimator against exact distances and against its theory.
#include <algorithm>
#include <cmath>
#include <limits>
#include <memory>
#include <random>
#include <vector>

#include <gtest/gtest.h>

#include "core/base/half.hpp"
#include "core/distance/kernels.hpp"
#include "core/quantize/bit_planes.hpp"
#include "core/quantize/code.hpp"
#include "core/quantize/f16.hpp"
#include "core/quantize/int8.hpp"
#include "core/quantize/rotation.hpp"

namespace vecstore::core {
namespace {

std::vector<float> normal_vector(std::mt19937& random, size_t n, float magnitude) {
    std::normal_distribution<float> normal(0, magnitude);
    std::vector<float> values(n);
    for (float& x : values) x = normal(random);
    return values;
}

double distance_squared(const std::vector<float>& a, const std::vector<float>& b) {
    double sum = 0;
    for (size_t i = 0; i < a.size(); ++i) sum += (double(a[i]) - b[i]) * (double(a[i]) - b[i]);
    return sum;
}

struct AlignedRoom {
    explicit AlignedRoom(size_t bytes) : room(bytes + 64) {
        void* start = room.data();
        size_t space = room.size();
        data = static_cast<uint8_t*>(std::align(64, bytes, start, space));
    }
    std::vector<uint8_t> room;
    uint8_t* data;
};

TEST(Bf16, RoundsToNearestEven) {
    EXPECT_EQ(bf16_from_float(1.0f), 0x3f80);
    EXPECT_EQ(bf16_from_float(-2.0f), 0xc000);
    EXPECT_EQ(bf16_from_float(1.0f + 0x1p-8f), 0x3f80);      // a tie: down to even
    EXPECT_EQ(bf16_from_float(1.0f + 3 * 0x1p-8f), 0x3f82);  // a tie: up to even
    EXPECT_EQ(bf16_from_float(1.0f + 0x1.02p-8f), 0x3f81);   // just above a tie
    EXPECT_EQ(bf16_from_float(-0.0f), 0x8000);
    EXPECT_EQ(bf16_from_float(std::numeric_limits<float>::infinity()), 0x7f80);
    EXPECT_EQ(bf16_from_float(std::numeric_limits<float>::max()), 0x7f80);
    EXPECT_TRUE(std::isnan(bf16_to_float(bf16_from_float(std::nanf("")))));
    EXPECT_TRUE(std::isnan(bf16_to_float(bf16_from_float(float_from_bits(0x7f800001)))));
    EXPECT_EQ(bf16_to_float(0x4049), 3.140625f);
}

TEST(Factors, ZeroResidualHasZeroFactors) {
    const Factors factors = make_factors({0, 0, 5}, 768);
    EXPECT_EQ(factors.f_add, 0);
    EXPECT_EQ(factors.f_rescale, 0);
}

TEST(Factors, FollowTheDefinition) {
    // r = (3, -4, 0, 0), signs (+, -, +, +), x' = signs / 2, c = (1, 2, 3, 4): <r/|r|, x'> = 0.7, <c, x'>
    // = 3.
    const Factors factors = make_factors({25, 7, 1 - 2 + 3 + 4}, 4);
    EXPECT_NEAR(factors.f_rescale, -2 * 5 / 0.7, 2 * 5 / 0.7 / 256);
    EXPECT_NEAR(factors.f_add, 25 - factors.f_rescale * 3, 70.0 / 256);
}

TEST(Factors, SurviveStorageAndGiveTheResidualNormBack) {
    std::mt19937 random(3);
    for (const float magnitude : {1e-6f, 1.0f, 1e3f, 1e6f}) {
        for (int trial = 0; trial < 50; ++trial) {
            const std::vector<float> c = normal_vector(random, 768, magnitude);
            const std::vector<float> x = normal_vector(random, 768, magnitude);
            std::vector<uint8_t> code(96), bytes(kFactorBytes);
            const ResidualSums sums = kernels().encode_residual(x.data(), c.data(), 768, code.data());
            const Factors made = make_factors(sums, 768);
            store_factors(made, bytes.data());
            const Factors loaded = load_factors(bytes.data());
            EXPECT_EQ(loaded.f_add, made.f_add);
            EXPECT_EQ(loaded.f_rescale, made.f_rescale);
            const float center_dot = code_dot(c.data(), code.data(), 768, 1);
            const float norm = residual_norm_squared(loaded, center_dot, 768);
            EXPECT_NEAR(norm / sums.norm_squared, 1, 0.01);
        }
    }
}

// Errors of estimates relative to what the theory says their spread is.
struct ErrorStatistics {
    double mean = 0, mean_square = 0;
    int count = 0;

    void add(double standardized) {
        mean += standardized;
        mean_square += standardized * standardized;
        ++count;
    }
    void finish() {
        mean /= count;
        mean_square /= count;
    }
};

struct EstimatorCase {
    uint32_t dims;
    uint32_t code_dims;
    float magnitude;
    float common_mean;  // in units of the magnitude
    uint32_t bits = 1;
};

double q_norm_of(const std::vector<float>& q) { return distance_squared(q, std::vector<float>(q.size())); }

// One query, one node, one neighbor at a time, each in a rotation of its own. The error of the estimate is
//   -2 |r| / k * <u, x''>, u and x'' the parts of q-c and x' orthogonal to r, |x''|^2 = 1 - k^2,
// and in a random direction <u, x''> has variance |u|^2 |x''|^2 / (D-1); the query's quantization to four
// bits adds an error of 0.0118 |q|^2 in the same way, and that to int8 one of step^2 / 12 for each component.
// (x' is of length 1 for one bit.)
ErrorStatistics measure(const EstimatorCase& test, int trials) {
    std::mt19937 random(11);
    ErrorStatistics statistics;
    AlignedRoom storage(QueryCode::storage_bytes(test.code_dims, test.bits));
    for (int trial = 0; trial < trials; ++trial) {
        const Rotation rotation(test.dims, random());
        std::vector<float> rotated[3];  // q, c, x
        for (auto& v : rotated) {
            std::vector<float> plain = normal_vector(random, test.dims, test.magnitude);
            for (float& value : plain) value += test.common_mean * test.magnitude;
            v.resize(rotation.padded_dims());
            rotation.apply(plain.data(), v.data());
        }
        const auto& [q, c, x] = rotated;
        const QueryCode query(q.data(), test.code_dims, test.bits, storage.data);
        std::vector<uint8_t> code(code_bytes_of(test.code_dims, test.bits) + 63), factors(kFactorBytes);
        ResidualSums sums = test.bits == 1
                                ? kernels().encode_residual(x.data(), c.data(), test.code_dims, code.data())
                                : kernels().encode_levels(x.data(), c.data(), test.code_dims,
                                                          level_step(test.bits), code.data());
        sums.norm_squared = static_cast<float>(distance_squared(x, c));
        const Factors made = make_factors(sums, test.code_dims);
        store_factors(made, factors.data());

        int32_t sum;
        float estimate;
        const double qc = distance_squared(q, c), r = std::sqrt(double(sums.norm_squared));
        query.score(kernels(), code.data(), 1, &sum);
        query.estimates(kernels(), &sum, factors.data(), 1, static_cast<float>(qc), &estimate);
        const double exact = distance_squared(q, x);
        EXPECT_NEAR(query.estimate(static_cast<float>(qc), made, sum) / estimate, 1, 1e-5);

        // By the length of the code, which is sqrt(D) for one bit.
        double squares = 0;
        for (size_t i = 0; i < test.code_dims; ++i)
            squares += std::pow(code_number(code.data(), i, test.code_dims, test.bits), 2);
        const double k = sums.abs_sum / (r * std::sqrt(squares));
        const double step = kernels().max_abs(q.data(), test.code_dims) / 127;
        const double of_query = test.bits == 1 ? 0.0118 * q_norm_of(q) : step * step / 12 * double(q.size());
        const double along = (exact - qc - r * r) / (-2 * r);  // <q-c, r/|r|>
        const double variance = (qc - along * along) * (1 - k * k) / (rotation.padded_dims() - 1) +
                                of_query / rotation.padded_dims();
        statistics.add((estimate - exact) / (2 * r / k * std::sqrt(variance)));
    }
    statistics.finish();
    return statistics;
}

TEST(Estimator, IsUnbiasedWithTheErrorTheorySays) {
    const EstimatorCase cases[] = {
        {768, 768, 1, 0},       {768, 768, 1e-6f, 0}, {768, 768, 1e3f, 0},     {768, 768, 1e6f, 0},
        {100, 112, 1, 0},       {1000, 1008, 1, 0},   {1536, 1024, 1, 0},      {3072, 768, 1, 0},
        {384, 384, 1, 0.5f},    {64, 64, 1, 0},       {100, 112, 1, 0, 2},     {256, 256, 1e3f, 0, 2},
        {768, 768, 1, 0.5f, 2}, {64, 64, 1, 0, 4},    {128, 128, 1e-6f, 0, 4}, {16, 16, 1, 0, 7},
        {48, 48, 1e6f, 0, 7},
    };
    for (const EstimatorCase& test : cases) {
        SCOPED_TRACE(testing::Message()
                     << test.dims << " dims, " << test.code_dims << " coded by " << test.bits
                     << " bits, magnitude " << test.magnitude << ", mean " << test.common_mean);
        const int trials = 2000;
        const ErrorStatistics errors = measure(test, trials);
        EXPECT_NEAR(errors.mean, 0, 4 / std::sqrt(double(trials)));
        // (Of seven bits the rounding of the factors is an error of the same size.)
        EXPECT_NEAR(std::sqrt(errors.mean_square), 1, test.bits == 7 ? 0.3 : 0.1);
    }
}

TEST(Estimator, TakesAnyMagnitudeOfQuery) {
    for (const float magnitude : {0.0f, 1e-38f, 1e-25f, 1e-6f, 1e6f, 1e25f}) {
        std::mt19937 random(5);
        const std::vector<float> q = normal_vector(random, 96, magnitude);
        for (const uint32_t bits : {1, 2, 4, 7}) {
            AlignedRoom storage(QueryCode::storage_bytes(96, bits));
            const QueryCode query(q.data(), 96, bits, storage.data);
            std::vector<uint8_t> code(96 + 63, 0x5a);
            int32_t sum;
            query.score(kernels(), code.data(), 1, &sum);
            // With f_rescale 1 and nothing to add, the estimate is <q, x'>.
            const float dot = query.estimate(0, {0, 1}, sum);
            const float expected = code_dot(q.data(), code.data(), 96, bits) / std::sqrt(96.0f);
            EXPECT_NEAR(dot, expected, (bits == 7 ? 50 : 0.5) * magnitude + 1e-38)
                << magnitude << " " << bits;
        }
    }
}

TEST(StoredVectors, HalfErrorIsTheRealOneAtAnyMagnitude) {
    std::mt19937 random(8);
    for (const float magnitude : {1e-30f, 1e-6f, 1.0f, 1e3f, 1e6f, 1e30f}) {
        for (const size_t n : {1, 3, 100, 255, 256, 257, 768, 2000}) {
            const std::vector<float> x = normal_vector(random, n, magnitude);
            std::vector<uint16_t> code(n);
            const ScaledVector made = encode_f16(x.data(), n, code.data());
            double error = 0, norm = 0;
            float largest = 0;
            for (size_t i = 0; i < n; ++i) {
                const double difference = x[i] - double(made.scale) * f16_to_float(code[i]);
                error += difference * difference;
                norm += double(x[i]) * x[i];
                largest = std::max(largest, std::fabs(f16_to_float(code[i])));
            }
            EXPECT_NEAR(made.error, std::sqrt(error), 1e-4 * std::sqrt(error));
            EXPECT_LT(made.error, std::sqrt(norm) / 2048);
            EXPECT_GE(largest, 1);
            EXPECT_LE(largest, 2);
            int exponent;
            EXPECT_EQ(std::frexp(made.scale, &exponent), 0.5f);  // a power of two
        }
    }
}

TEST(StoredVectors, Int8ErrorIsTheRealOneAtAnyMagnitude) {
    std::mt19937 random(9);
    for (const float magnitude : {1e-30f, 1e-6f, 1.0f, 1e3f, 1e6f, 1e30f}) {
        for (const size_t n : {1, 3, 100, 255, 768, 2000}) {
            const std::vector<float> x = normal_vector(random, n, magnitude);
            std::vector<int8_t> code(n);
            const ScaledVector made = encode_int8(x.data(), n, code.data());
            double error = 0;
            int largest = 0;
            for (size_t i = 0; i < n; ++i) {
                const double difference = x[i] - double(made.scale) * code[i];
                error += difference * difference;
                largest = std::max(largest, std::abs(int{code[i]}));
                EXPECT_LE(std::fabs(difference), 0.501 * made.scale);
            }
            EXPECT_NEAR(made.error, std::sqrt(error), 1e-3 * made.error + 1e-4 * made.scale);
            EXPECT_EQ(largest, 127);
        }
    }
}

std::vector<float> decoded(const ScaledVector& made, const std::vector<uint8_t>& planes, size_t n,
                           uint32_t bits) {
    std::vector<float> x(n);
    kernels().planes_to_f32({planes.data(), n / 8, bits}, x.data(), n);
    for (float& v : x) v *= made.scale;
    return x;
}

TEST(StoredVectors, BitPlanesKnowTheirErrorAndAreUnbiased) {
    std::mt19937 random(7);
    std::normal_distribution<float> normal;
    // The loss of a uniform quantizer, of normally distributed components: a share of |x|^2, and a bit more.
    const double most_lost[] = {0.15, 0.046, 0.016, 0.0065, 0.002};
    for (const float magnitude : {1e-15f, 1.0f, 1e15f}) {
        for (uint32_t bits = 2; bits <= 6; ++bits) {
            for (const bool unbiased : {false, true}) {
                const size_t n = 4096;
                std::vector<float> x(n);
                for (float& v : x) v = magnitude * normal(random);
                std::vector<uint8_t> planes(bits * n / 8);
                const ScaledVector made = encode_bit_planes(x.data(), n, bits, unbiased, planes.data());
                const std::vector<float> y = decoded(made, planes, n, bits);
                double error2 = 0, norm2 = 0, product = 0;
                for (size_t i = 0; i < n; ++i) {
                    error2 += (static_cast<double>(x[i]) - y[i]) * (static_cast<double>(x[i]) - y[i]);
                    norm2 += static_cast<double>(x[i]) * x[i];
                    product += static_cast<double>(x[i]) * y[i];
                }
                EXPECT_LE(std::sqrt(error2), made.error * (1 + 1e-6));
                EXPECT_GE(std::sqrt(error2), made.error * 0.999);
                EXPECT_LE(error2, most_lost[bits - 2] * norm2) << bits << " bits";
                if (unbiased) {
                    EXPECT_NEAR(product / norm2, 1, 1e-5);
                }
            }
        }
    }
}

TEST(StoredVectors, BitPlanesTakeWhatIsFarFromNormal) {
    const size_t n = 160;
    std::vector<float> x(n, 0.01f);
    x[7] = 100;  // one component is nearly all
    std::vector<uint8_t> planes(4 * n / 8);
    const ScaledVector made = encode_bit_planes(x.data(), n, 4, true, planes.data());
    const std::vector<float> y = decoded(made, planes, n, 4);
    EXPECT_GT(y[7], 0);
    EXPECT_LT(made.error, 100);
    for (const float tiny : {0.0f, 1e-40f, 1e-37f}) {
        std::fill(x.begin(), x.end(), tiny);
        const ScaledVector nothing = encode_bit_planes(x.data(), n, 4, true, planes.data());
        EXPECT_TRUE(std::isnormal(nothing.scale));
        double error2 = 0;
        for (const float v : decoded(nothing, planes, n, 4))
            error2 += (static_cast<double>(v) - tiny) * (v - tiny);
        EXPECT_LE(std::sqrt(error2), nothing.error * (1 + 1e-6));
    }
}

TEST(StoredVectors, ZeroAndSubnormalVectors) {
    const std::vector<float> zero(20, 0.0f), tiny(20, 1e-40f);
    std::vector<uint16_t> half(20, 7);
    std::vector<int8_t> int8(20, 7);
    EXPECT_EQ(encode_f16(zero.data(), 20, half.data()).error, 0);
    EXPECT_EQ(half, std::vector<uint16_t>(20, 0));
    EXPECT_EQ(encode_int8(zero.data(), 20, int8.data()).error, 0);
    EXPECT_EQ(int8, std::vector<int8_t>(20, 0));
    const ScaledVector made = encode_f16(tiny.data(), 20, half.data());
    EXPECT_NEAR(made.scale * f16_to_float(half[0]), 1e-40, 1e-43);
    const ScaledVector lost = encode_int8(tiny.data(), 20, int8.data());
    EXPECT_EQ(int8, std::vector<int8_t>(20, 0));
    EXPECT_GE(lost.error, 1e-40f * std::sqrt(20.0f) * 0.999f);
}

}  // namespace
}  // namespace vecstore::core
