// The kernels of codes of several bits.
#include "kernels.hpp"

namespace vecstore::core {
namespace {

class Levels : public KernelsTest {};

INSTANTIATE_TEST_SUITE_P(AllTables, Levels, testing::ValuesIn(available_kernels()),
                         [](const auto& info) { return std::string(info.param->name); });

constexpr uint32_t kLevelBits[] = {2, 4, 7};
const std::vector<size_t> kLevelDims = {16, 32, 48, 64, 96, 112, 128, 208, 256, 272, 512, 768, 1024, 2000};

size_t level_bytes(size_t n, uint32_t bits) { return bits == 7 ? n : n * bits / 8; }
int level_of(const uint8_t* code, size_t i, size_t n, uint32_t bits) {
    const size_t bytes = level_bytes(n, bits);
    return (code[i % bytes] >> (i / bytes * bits)) & ((1 << bits) - 1);
}

// Int8 components laid out as score_levels wants them.
std::vector<int8_t> laid_out(const std::vector<int8_t>& v, size_t code_bytes) {
    const size_t stride = (code_bytes + 63) / 64 * 64;
    std::vector<int8_t> room(v.size() / code_bytes * stride);
    for (size_t i = 0; i < v.size(); ++i) room[i / code_bytes * stride + i % code_bytes] = v[i];
    return room;
}

TEST_P(Levels, ScoresOfLevelsEqualTheSumOfProducts) {
    for (const uint32_t bits : kLevelBits) {
        for (const size_t n : kLevelDims) {
            const size_t code_bytes = level_bytes(n, bits);
            std::vector<int8_t> v(n);
            for (int8_t& x : v) x = static_cast<int8_t>(static_cast<int>(random_() % 255) - 127);
            const std::vector<int8_t> query = laid_out(v, code_bytes);
            for (const size_t count : {0, 1, 2, 3, 4, 5, 16, 23, 32}) {
                SCOPED_TRACE(testing::Message()
                             << count << " codes of " << n << " components of " << bits << " bits");
                std::vector<uint8_t> room = bytes(code_bytes * count + 63);
                if (bits == 7)
                    for (uint8_t& x : room) x &= 0x7f;
                Unaligned<uint8_t> codes(room);
                std::vector<int32_t> sums(count + 1, -12345);
                simd.score_levels(query.data(), codes.data(), code_bytes, bits, count, sums.data());
                for (size_t k = 0; k < count; ++k) {
                    int32_t expected = 0;
                    for (size_t i = 0; i < n; ++i)
                        expected += v[i] * level_of(codes.data() + k * code_bytes, i, n, bits);
                    EXPECT_EQ(sums[k], expected);
                }
                EXPECT_EQ(sums[count], -12345);
            }
        }
    }
}

TEST_P(Levels, ScoresOfLevelsHoldTheExtremes) {
    for (const uint32_t bits : kLevelBits) {
        for (const size_t n : {16, 112, 2000}) {
            for (const int8_t extreme : {-127, 127}) {
                const size_t code_bytes = level_bytes(n, bits);
                const std::vector<int8_t> query = laid_out(std::vector<int8_t>(n, extreme), code_bytes);
                std::vector<uint8_t> codes(5 * code_bytes + 63, bits == 7 ? 0x7f : 0xff);
                std::vector<int32_t> sums(5);
                simd.score_levels(query.data(), codes.data(), code_bytes, bits, 5, sums.data());
                EXPECT_EQ(sums, std::vector<int32_t>(5, extreme * ((1 << bits) - 1) * static_cast<int>(n)));
            }
        }
    }
}

TEST_P(Levels, NumbersOfACodeAreThoseOfItsLevels) {
    for (const uint32_t bits : kLevelBits) {
        const int highest = (1 << bits) - 1;
        for (const size_t n : kLevelDims) {
            SCOPED_TRACE(testing::Message() << n << " components of " << bits << " bits");
            const size_t code_bytes = level_bytes(n, bits);
            for (const int content : {-1, 0, 0xff}) {
                std::vector<uint8_t> code = content < 0 ? bytes(code_bytes)
                                                        : std::vector<uint8_t>(code_bytes, content);
                if (bits == 7)
                    for (uint8_t& x : code) x &= 0x7f;
                std::vector<int8_t> numbers(n);
                int32_t sum = 0;
                for (size_t i = 0; i < n; ++i) {
                    numbers[i] = static_cast<int8_t>(2 * level_of(code.data(), i, n, bits) - highest);
                    sum += numbers[i];
                }
                std::vector<int8_t> expected = laid_out(numbers, code_bytes);
                std::vector<int8_t> actual(expected.size() + 1, 55);
                expected.push_back(55);
                Unaligned<uint8_t> moved(code);
                EXPECT_EQ(simd.level_numbers(moved.data(), code_bytes, bits, actual.data()), sum);
                EXPECT_EQ(actual, expected);
            }
        }
    }
}

TEST_P(Levels, Int8QueriesEqualThePlainOnes) {
    for (const size_t n : kLengths) {
        const std::vector<float> q = floats(n, 3.0f);
        for (const float step : {1e-3f, 0.1f, 1.0f}) {
            std::vector<int8_t> expected(n + 1, 99), actual(n + 1, 99);
            Unaligned<float> moved(q);
            const int32_t sum = plain.make_i8(q.data(), n, step, expected.data());
            EXPECT_EQ(simd.make_i8(moved.data(), n, step, actual.data()), sum);
            EXPECT_EQ(expected, actual) << n;
        }
    }
}

TEST_P(Levels, LevelsAreTheNearestHalves) {
    for (const float magnitude : kMagnitudes) {
        for (const uint32_t bits : kLevelBits) {
            for (const size_t n : kLevelDims) {
                SCOPED_TRACE(testing::Message()
                             << n << " components of " << bits << " bits, magnitude " << magnitude);
                const LevelStep step{bits, 0.9f / static_cast<float>(bits)};
                const std::vector<float> xs = floats(n, magnitude), cs = floats(n, magnitude);
                Unaligned<float> x(xs), c(cs);
                std::vector<uint8_t> code(level_bytes(n, bits) + 1, 0xa5);
                const ResidualSums sums = simd.encode_levels(x.data(), c.data(), n, step, code.data());
                EXPECT_EQ(code.back(), 0xa5);
                double norm = 0;
                for (size_t i = 0; i < n; ++i) norm += std::pow(static_cast<double>(xs[i]) - cs[i], 2);
                const double width = step.relative * std::sqrt(norm / static_cast<double>(n));
                const int most = (1 << bits) - 1;
                double dot = 0, dot_total = 0, center = 0, center_total = 0;
                for (size_t i = 0; i < n; ++i) {
                    const double r = static_cast<double>(xs[i]) - cs[i];
                    const int level = level_of(code.data(), i, n, bits), number = 2 * level - most;
                    // The number is that of the interval the component lies in, or the outermost one.
                    const double low = 0.5 * (number - 1) * width, high = low + width, slack = 1e-4 * width;
                    EXPECT_TRUE(level == 0 || r >= low - slack) << r << " " << number;
                    EXPECT_TRUE(level == most || r <= high + slack) << r << " " << number;
                    dot += r * number;
                    dot_total += std::fabs(r * number);
                    center += static_cast<double>(cs[i]) * number;
                    center_total += std::fabs(cs[i] * static_cast<double>(number));
                }
                expect_close(norm, sums.norm_squared, norm);
                expect_close(dot, sums.abs_sum, dot_total);
                expect_close(center, sums.center_dot, center_total);
            }
        }
    }
}

TEST_P(Levels, LevelsOfStoredVectorsEqualThoseOfTheirFloats) {
    for (const uint32_t bits : kLevelBits) {
        for (const size_t n : kLevelDims) {
            SCOPED_TRACE(testing::Message() << n << " components of " << bits << " bits");
            const LevelStep step{bits, 0.9f / static_cast<float>(bits)};
            const std::vector<float> c = floats(n, 1.0f), source = floats(n, 1.0f);
            std::vector<uint16_t> halves(n);
            std::vector<int8_t> small(n);
            std::vector<float> of_halves(n), of_small(n);
            simd.f32_to_f16(source.data(), halves.data(), n);
            for (size_t i = 0; i < n; ++i) {
                of_halves[i] = 2 * f16_to_float(halves[i]);
                small[i] = static_cast<int8_t>(static_cast<int>(random_() % 255) - 127);
                of_small[i] = 0.03125f * small[i];
            }
            std::vector<uint8_t> expected(level_bytes(n, bits)), code(expected.size());
            ResidualSums floats_sums = simd.encode_levels(of_halves.data(), c.data(), n, step,
                                                          expected.data());
            ResidualSums sums = simd.encode_levels_f16(halves.data(), 2, c.data(), n, step, code.data());
            EXPECT_EQ(code, expected);
            EXPECT_FLOAT_EQ(sums.abs_sum, floats_sums.abs_sum);
            floats_sums = simd.encode_levels(of_small.data(), c.data(), n, step, expected.data());
            sums = simd.encode_levels_i8(small.data(), 0.03125f, c.data(), n, step, code.data());
            EXPECT_EQ(code, expected);
            EXPECT_FLOAT_EQ(sums.norm_squared, floats_sums.norm_squared);
        }
    }
}

TEST_P(Levels, LevelsOfNothingAreInTheMiddle) {
    for (const uint32_t bits : kLevelBits) {
        const std::vector<float> x(32, 0.5f);
        std::vector<uint8_t> code(level_bytes(32, bits));
        const ResidualSums sums = simd.encode_levels(x.data(), x.data(), 32, {bits, 0.5f}, code.data());
        EXPECT_EQ(sums.norm_squared, 0);
        EXPECT_EQ(sums.abs_sum, 0);
        for (size_t i = 0; i < 32; ++i) EXPECT_EQ(level_of(code.data(), i, 32, bits), 1 << (bits - 1));
        // A damaged page gives no more than a wrong code.
        std::vector<float> odd(32, std::numeric_limits<float>::quiet_NaN());
        odd[3] = std::numeric_limits<float>::infinity();
        simd.encode_levels(odd.data(), x.data(), 32, {bits, 0.5f}, code.data());
        for (size_t i = 0; i < 32; ++i) EXPECT_LE(level_of(code.data(), i, 32, bits), (1 << bits) - 1);
    }
}

}  // namespace
}  // namespace vecstore::core
