// Every kernel table that this CPU can run, against the plain one and against known values.
#include "kernels.hpp"

namespace vecstore::core {
namespace {

INSTANTIATE_TEST_SUITE_P(AllTables, KernelsTest, testing::ValuesIn(available_kernels()),
                         [](const auto& info) { return std::string(info.param->name); });

TEST_P(KernelsTest, FloatDistancesMatchDoublePrecision) {
    for (const float magnitude : kMagnitudes) {
        for (const size_t n : kLengths) {
            SCOPED_TRACE(std::to_string(n) + " components of magnitude " + std::to_string(magnitude));
            Unaligned<float> a(floats(n, magnitude)), b(floats(n, magnitude));
            double l2 = 0, ip = 0, ip_total = 0, l1 = 0, aa = 0, bb = 0;
            for (size_t i = 0; i < n; ++i) {
                const double x = a.data()[i], y = b.data()[i];
                l2 += (x - y) * (x - y);
                ip += x * y;
                ip_total += std::fabs(x * y);
                l1 += std::fabs(x - y);
                aa += x * x;
                bb += y * y;
            }
            expect_close(l2, simd.l2_squared(a.data(), b.data(), n), l2);
            expect_close(ip, simd.inner_product(a.data(), b.data(), n), ip_total);
            expect_close(l1, simd.l1(a.data(), b.data(), n), l1);
            float sums[3];
            simd.cosine_sums(a.data(), b.data(), n, sums);
            expect_close(ip, sums[0], ip_total);
            expect_close(aa, sums[1], aa);
            expect_close(bb, sums[2], bb);
            EXPECT_EQ(simd.max_abs(a.data(), n), plain.max_abs(a.data(), n));
        }
    }
}

TEST_P(KernelsTest, HalfDistancesMatchDoublePrecision) {
    for (const float magnitude : kMagnitudes) {
        const float scale = magnitude / 1.5f;
        for (const size_t n : kLengths) {
            SCOPED_TRACE(std::to_string(n) + " components of magnitude " + std::to_string(magnitude));
            std::vector<uint16_t> halves(n);
            for (size_t i = 0; i < n; ++i) halves[i] = f16_from_float(floats(1, 1.0f)[0]);
            Unaligned<float> q(floats(n, magnitude));
            Unaligned<uint16_t> x(halves);
            double l2 = 0, ip = 0, ip_total = 0, l1 = 0;
            for (size_t i = 0; i < n; ++i) {
                const double a = q.data()[i], b = f16_to_float(halves[i]);
                l2 += (a - scale * b) * (a - scale * b);
                ip += a * b;
                ip_total += std::fabs(a * b);
                l1 += std::fabs(a - scale * b);
            }
            expect_close(l2, simd.l2_squared_f16(q.data(), x.data(), scale, n), l2);
            expect_close(scale * ip, simd.inner_product_f16(q.data(), x.data(), scale, n), scale * ip_total);
            expect_close(l1, simd.l1_f16(q.data(), x.data(), scale, n), l1);
        }
    }
}

TEST_P(KernelsTest, DistancesOfHalvesMatchDoublePrecision) {
    // From subnormal halves to squares near the largest half.
    for (const float magnitude : {1e-6f, 1.0f, 200.0f}) {
        for (const size_t n : kLengths) {
            SCOPED_TRACE(std::to_string(n) + " components of magnitude " + std::to_string(magnitude));
            std::vector<uint16_t> as(n), bs(n);
            for (uint16_t& x : as) x = f16_from_float(floats(1, magnitude)[0]);
            for (uint16_t& x : bs) x = f16_from_float(floats(1, magnitude)[0]);
            Unaligned<uint16_t> a(as), b(bs);
            double l2 = 0, ip = 0, ip_total = 0, l1 = 0, aa = 0, bb = 0;
            for (size_t i = 0; i < n; ++i) {
                const double x = f16_to_float(as[i]), y = f16_to_float(bs[i]);
                l2 += (x - y) * (x - y);
                ip += x * y;
                ip_total += std::fabs(x * y);
                l1 += std::fabs(x - y);
                aa += x * x;
                bb += y * y;
            }
            expect_close(l2, simd.l2_squared_halves(a.data(), b.data(), n), l2);
            expect_close(ip, simd.inner_product_halves(a.data(), b.data(), n), ip_total);
            expect_close(l1, simd.l1_halves(a.data(), b.data(), n), l1);
            float sums[3];
            simd.cosine_sums_halves(a.data(), b.data(), n, sums);
            expect_close(ip, sums[0], ip_total);
            expect_close(aa, sums[1], aa);
            expect_close(bb, sums[2], bb);
        }
    }
}

TEST_P(KernelsTest, Int8DistancesMatchDoublePrecision) {
    for (const float magnitude : kMagnitudes) {
        const float scale = magnitude / 40;
        for (const size_t n : kLengths) {
            SCOPED_TRACE(std::to_string(n) + " components of magnitude " + std::to_string(magnitude));
            std::vector<int8_t> values(n);
            for (int8_t& v : values) v = static_cast<int8_t>(random_());
            Unaligned<float> q(floats(n, magnitude));
            Unaligned<int8_t> x(values);
            double l2 = 0, ip = 0, ip_total = 0;
            for (size_t i = 0; i < n; ++i) {
                const double a = q.data()[i], b = values[i];
                l2 += (a - scale * b) * (a - scale * b);
                ip += a * b;
                ip_total += std::fabs(a * b);
            }
            double l1 = 0;
            for (size_t i = 0; i < n; ++i)
                l1 += std::fabs(q.data()[i] - static_cast<double>(scale) * values[i]);
            expect_close(l2, simd.l2_squared_i8(q.data(), x.data(), scale, n), l2);
            expect_close(scale * ip, simd.inner_product_i8(q.data(), x.data(), scale, n), scale * ip_total);
            expect_close(l1, simd.l1_i8(q.data(), x.data(), scale, n), l1);
        }
    }
}

TEST_P(KernelsTest, BitPlanesMatchDoublePrecision) {
    for (uint32_t bits = 2; bits <= 6; ++bits) {
        for (const size_t n : {16, 32, 48, 64, 80, 240, 768, 1008, 16000}) {
            SCOPED_TRACE(std::to_string(n) + " components of " + std::to_string(bits) + " bits");
            const float scale = 0.3f;
            Unaligned<float> q(floats(n, 1)), c(floats(n, 1));
            Unaligned<uint8_t> bytes_of_planes(bytes(bits * n / 8));
            const BitPlanes planes{bytes_of_planes.data(), n / 8, bits};
            std::vector<float> expected(n), unpacked(n);
            double l2 = 0, l1 = 0, ip = 0, ip_total = 0;
            for (size_t i = 0; i < n; ++i) {
                int number = 0;
                for (uint32_t p = 0; p < bits; ++p)
                    number += ((planes.planes[p * n / 8 + i / 8] >> (i % 8)) & 1) << p;
                expected[i] = static_cast<float>(number - ((1 << bits) - 1) / 2.0);
                const double a = q.data()[i], b = expected[i], d = a - scale * b;
                l2 += d * d;
                l1 += std::fabs(d);
                ip += a * b;
                ip_total += std::fabs(a * b);
            }
            expect_close(l2, simd.l2_squared_planes(q.data(), planes, scale, n), l2);
            expect_close(l1, simd.l1_planes(q.data(), planes, scale, n), l1);
            expect_close(scale * ip, simd.inner_product_planes(q.data(), planes, scale, n), scale * ip_total);
            simd.planes_to_f32(planes, unpacked.data(), n);
            EXPECT_EQ(unpacked, expected);

            // The code is that of the same vector as floats.
            for (float& x : expected) x *= scale;
            std::vector<uint8_t> code(n / 8), code_of_floats(n / 8);
            const ResidualSums sums = simd.encode_residual_planes(planes, scale, c.data(), n, code.data());
            const ResidualSums wanted = plain.encode_residual(expected.data(), c.data(), n,
                                                              code_of_floats.data());
            EXPECT_EQ(code, code_of_floats);
            expect_close(wanted.norm_squared, sums.norm_squared, wanted.norm_squared);
            expect_close(wanted.abs_sum, sums.abs_sum, wanted.abs_sum);
            expect_close(wanted.center_dot, sums.center_dot, wanted.abs_sum + n);
        }
    }
}

TEST_P(KernelsTest, HalfToFloatIsExactForEveryPattern) {
    std::vector<uint16_t> patterns(65536);
    for (size_t i = 0; i < patterns.size(); ++i) patterns[i] = static_cast<uint16_t>(i);
    std::vector<float> floats(patterns.size());
    simd.f16_to_f32(patterns.data(), floats.data(), patterns.size());
    for (size_t i = 0; i < patterns.size(); ++i) {
        const int exponent = (patterns[i] >> 10) & 31;
        const int mantissa = patterns[i] & 1023;
        const float sign = patterns[i] & 0x8000 ? -1.0f : 1.0f;
        if (exponent == 31 && mantissa != 0) {
            EXPECT_TRUE(std::isnan(floats[i])) << i;
        } else if (exponent == 31) {
            EXPECT_EQ(floats[i], sign * std::numeric_limits<float>::infinity()) << i;
        } else if (exponent == 0) {
            EXPECT_EQ(floats[i], sign * std::ldexp(static_cast<float>(mantissa), -24)) << i;
        } else {
            EXPECT_EQ(floats[i], sign * std::ldexp(1.0f + static_cast<float>(mantissa) / 1024, exponent - 15))
                << i;
        }
    }
    EXPECT_TRUE(std::signbit(floats[0x8000]));
}

TEST_P(KernelsTest, FloatToHalfGivesTheKnownPatterns) {
    const float infinity = std::numeric_limits<float>::infinity();
    const std::vector<std::pair<float, uint16_t>> known = {
        {0.0f, 0x0000},
        {-0.0f, 0x8000},
        {1.0f, 0x3c00},
        {-2.0f, 0xc000},
        {65504.0f, 0x7bff},   // the largest
        {65519.99f, 0x7bff},  // rounds down to it
        {65520.0f, 0x7c00},   // a tie: rounds to even, which is infinity
        {1e10f, 0x7c00},
        {-infinity, 0xfc00},
        {0x1p-14f, 0x0400},         // the smallest normal
        {0x1.ff8p-15f, 0x03ff},     // the largest subnormal
        {0x1.ffcp-15f, 0x0400},     // a tie between these two
        {0x1p-24f, 0x0001},         // the smallest subnormal
        {0x1p-25f, 0x0000},         // a tie with zero
        {0x1.000002p-25f, 0x0001},  // just above it
        {-0x1.8p-24f, 0x8002},      // a tie between subnormals 1 and 2
        {1e-30f, 0x0000},
        {1.0f + 0x1p-11f, 0x3c00},      // ties: down to even
        {1.0f + 3 * 0x1p-11f, 0x3c02},  // and up to even
        {1.0f + 0x1.002p-11f, 0x3c01},
    };
    std::vector<float> in;
    for (const auto& [value, pattern] : known) in.push_back(value);
    while (in.size() < 64) in.push_back(0);  // full vectors are used too
    std::vector<uint16_t> out(in.size());
    simd.f32_to_f16(in.data(), out.data(), in.size());
    for (size_t i = 0; i < known.size(); ++i) EXPECT_EQ(out[i], known[i].second) << known[i].first;
    float not_a_number = std::nanf("");
    std::vector<float> nans(16, not_a_number);
    simd.f32_to_f16(nans.data(), out.data(), 16);
    for (size_t i = 0; i < 16; ++i) EXPECT_GT(out[i] & 0x7fff, 0x7c00);
}

TEST_P(KernelsTest, FloatToHalfMatchesPlainOnRandomBits) {
    std::vector<float> in(100003);
    for (float& x : in) {
        do x = float_from_bits(static_cast<uint32_t>(random_()));
        while (std::isnan(x));
    }
    for (size_t i = 0; i < in.size(); i += 2) in[i] = floats(1, 1.0f)[0];
    std::vector<uint16_t> expected(in.size()), actual(in.size());
    plain.f32_to_f16(in.data(), expected.data(), in.size());
    simd.f32_to_f16(in.data(), actual.data(), in.size());
    EXPECT_EQ(expected, actual);
}

// Four planes for codes of code_bytes bytes, in 64 byte aligned room.
class PlaneRoom {
  public:
    explicit PlaneRoom(size_t code_bytes)
        : plane_bytes((code_bytes + 63) / 64 * 64), room_(4 * plane_bytes + 64, 0xcc) {}
    uint8_t* data() {
        void* start = room_.data();
        size_t space = room_.size();
        return static_cast<uint8_t*>(std::align(64, 4 * plane_bytes, start, space));
    }
    const size_t plane_bytes;

  private:
    std::vector<uint8_t> room_;
};

TEST_P(KernelsTest, ScoresEqualTheSumOfTheQueryComponents) {
    for (const size_t code_bytes : {1,   2,   8,   16,  30,  32,  34,  48,  63,  64,  66,  96,  98,
                                    128, 130, 192, 250, 256, 258, 320, 384, 510, 512, 514, 2000}) {
        const size_t n = code_bytes * 8;
        PlaneRoom planes(code_bytes);
        const std::vector<float> q = floats(n, 1.0f);
        const int32_t v_sum = simd.make_planes(q.data(), n, 0.3f, planes.data(), planes.plane_bytes);
        std::vector<int> v(n);
        for (size_t i = 0; i < n; ++i) {
            v[i] = static_cast<int>(std::nearbyint(std::min(7.0f, std::max(-8.0f, q[i] * (1 / 0.3f)))));
        }
        EXPECT_EQ(v_sum, std::accumulate(v.begin(), v.end(), 0));
        for (const size_t count : {0, 1, 2, 3, 4, 5, 16, 23, 32}) {
            SCOPED_TRACE(std::to_string(count) + " codes of " + std::to_string(code_bytes) + " bytes");
            Unaligned<uint8_t> codes(bytes(code_bytes * count + 63));
            std::vector<int32_t> sums(count + 1, -12345);
            simd.score_codes(planes.data(), codes.data(), code_bytes, count, sums.data());
            for (size_t k = 0; k < count; ++k) {
                int32_t expected = 0;
                for (size_t i = 0; i < n; ++i) {
                    if ((codes.data()[k * code_bytes + i / 8] >> (i % 8)) & 1) expected += v[i];
                }
                EXPECT_EQ(sums[k], expected);
            }
            EXPECT_EQ(sums[count], -12345);
        }
    }
}

TEST_P(KernelsTest, ScoresHoldTheExtremes) {
    for (const size_t code_bytes : {96, 2000}) {
        const size_t n = code_bytes * 8;
        for (const float extreme : {-100.0f, 100.0f}) {
            PlaneRoom planes(code_bytes);
            const std::vector<float> q(n, extreme);
            const int32_t v = extreme < 0 ? -8 : 7;
            EXPECT_EQ(simd.make_planes(q.data(), n, 1, planes.data(), planes.plane_bytes),
                      v * static_cast<int>(n));
            std::vector<uint8_t> codes(5 * code_bytes + 63, 0xff);
            std::vector<int32_t> sums(5);
            simd.score_codes(planes.data(), codes.data(), code_bytes, 5, sums.data());
            EXPECT_EQ(sums, std::vector<int32_t>(5, v * static_cast<int>(n)));
        }
    }
}

TEST_P(KernelsTest, PlanesEqualThePlainOnes) {
    for (const size_t n : {0, 8, 16, 24, 96, 104, 768, 1000, 4096}) {
        const std::vector<float> q = floats(n, 3.0f);
        for (const float step : {1e-3f, 0.5f, 1.0f, 1e3f}) {
            PlaneRoom expected(n / 8), actual(n / 8);
            const int32_t sum = plain.make_planes(q.data(), n, step, expected.data(), expected.plane_bytes);
            Unaligned<float> moved(q);
            EXPECT_EQ(simd.make_planes(moved.data(), n, step, actual.data(), actual.plane_bytes), sum);
            EXPECT_EQ(std::memcmp(expected.data(), actual.data(), 4 * expected.plane_bytes), 0) << n;
        }
    }
}

TEST_P(KernelsTest, HammingCountsDifferingBits) {
    for (size_t n = 0; n <= 300; ++n) {
        Unaligned<uint8_t> a(bytes(n)), b(bytes(n));
        uint32_t expected = 0;
        for (size_t i = 0; i < n * 8; ++i) expected += ((a.data()[i / 8] ^ b.data()[i / 8]) >> (i % 8)) & 1;
        EXPECT_EQ(simd.hamming(a.data(), b.data(), n), expected) << n;
        EXPECT_EQ(simd.hamming_distance(a.data(), b.data(), n), static_cast<float>(expected)) << n;
    }
}

TEST_P(KernelsTest, OverlapCountsBitsOfBothAndEither) {
    for (size_t n = 0; n <= 300; ++n) {
        Unaligned<uint8_t> a(bytes(n)), b(bytes(n));
        uint32_t both = 0, either = 0;
        for (size_t i = 0; i < n * 8; ++i) {
            const int x = (a.data()[i / 8] >> (i % 8)) & 1, y = (b.data()[i / 8] >> (i % 8)) & 1;
            both += static_cast<uint32_t>(x & y);
            either += static_cast<uint32_t>(x | y);
        }
        const BitOverlap overlap = simd.bit_overlap(a.data(), b.data(), n);
        EXPECT_EQ(overlap.both, both) << n;
        EXPECT_EQ(overlap.either, either) << n;
        const double share = either == 0 ? 1 : both / static_cast<double>(either);
        EXPECT_EQ(simd.jaccard_distance(a.data(), b.data(), n), static_cast<float>(1 - share)) << n;
    }
}

TEST_P(KernelsTest, ResidualCodesEqualThePlainOnes) {
    for (const float magnitude : kMagnitudes) {
        for (const size_t n : {0, 8, 16, 24, 40, 96, 104, 768, 1000, 1024}) {
            SCOPED_TRACE(std::to_string(n) + " components of magnitude " + std::to_string(magnitude));
            std::vector<float> xs = floats(n, magnitude), cs = floats(n, magnitude);
            for (size_t i = 0; i < n; i += 5) xs[i] = cs[i];                // residual 0 counts as positive
            for (size_t i = 1; i < n; i += 7) xs[i] = -0.0f, cs[i] = 0.0f;  // and so does -0
            Unaligned<float> x(xs), c(cs);
            std::vector<uint8_t> expected(n / 8), code(n / 8 + 1, 0xa5);
            const ResidualSums sums = simd.encode_residual(x.data(), c.data(), n, code.data());
            EXPECT_EQ(code.back(), 0xa5);
            code.pop_back();
            double norm = 0, abs = 0, dot = 0, dot_total = 0;
            for (size_t i = 0; i < n; ++i) {
                const float r = xs[i] - cs[i];
                if (r >= 0) expected[i / 8] = static_cast<uint8_t>(expected[i / 8] | (1 << (i % 8)));
                norm += static_cast<double>(r) * r;
                abs += std::fabs(r);
                dot += r >= 0 ? cs[i] : -cs[i];
                dot_total += std::fabs(cs[i]);
            }
            EXPECT_EQ(code, expected);
            expect_close(norm, sums.norm_squared, norm);
            expect_close(abs, sums.abs_sum, abs);
            expect_close(dot, sums.center_dot, dot_total);
        }
    }
}

TEST_P(KernelsTest, EstimatesFollowTheFormula) {
    for (const size_t count : {0, 1, 3, 4, 7, 8, 15, 16, 17, 23, 32, 64}) {
        std::vector<int32_t> sums(count);
        std::vector<uint8_t> factors(4 * count);
        std::vector<double> expected(count), size(count);
        for (size_t k = 0; k < count; ++k) {
            sums[k] = static_cast<int32_t>(random_() % 2000) - 1000;
            const uint16_t add = bf16_from_float(floats(1, 10)[0]),
                           rescale = bf16_from_float(floats(1, 3)[0]);
            std::memcpy(&factors[4 * k], &add, 2);
            std::memcpy(&factors[4 * k + 2], &rescale, 2);
            const double dot = 0.013 * (2 * sums[k] - 17);
            expected[k] = 1.5 + bf16_to_float(add) + bf16_to_float(rescale) * dot;
            size[k] = 1.5 + std::fabs(bf16_to_float(add)) + std::fabs(bf16_to_float(rescale) * dot);
        }
        Unaligned<uint8_t> moved(factors);
        std::vector<float> out(count + 1, -7);
        simd.finish_estimates(sums.data(), moved.data(), count, 1.5f, 0.013f, 17, out.data());
        for (size_t k = 0; k < count; ++k) expect_close(expected[k], out[k], size[k]);
        EXPECT_EQ(out[count], -7);
    }
}

TEST_P(KernelsTest, HadamardEqualsThePlainOneBitForBit) {
    for (size_t n = 1; n <= 16384; n *= 2) {
        std::vector<float> expected = floats(n, 1.0f);
        Unaligned<float> actual(expected);
        plain.hadamard(expected.data(), n);
        simd.hadamard(actual.data(), n);
        EXPECT_EQ(std::memcmp(expected.data(), actual.data(), n * sizeof(float)), 0) << n;
    }
}

TEST_P(KernelsTest, HadamardMatchesTheMatrix) {
    const size_t n = 64;
    const std::vector<float> x = floats(n, 1.0f);
    std::vector<float> actual = x;
    simd.hadamard(actual.data(), n);
    for (size_t row = 0; row < n; ++row) {
        double expected = 0;
        for (size_t column = 0; column < n; ++column) {
            expected += (__builtin_popcountll(row & column) % 2 ? -1.0 : 1.0) * x[column];
        }
        EXPECT_NEAR(actual[row], expected / 8, 1e-5);
    }
}

TEST_P(KernelsTest, SignedSumsFollowTheCode) {
    for (const size_t n : {0, 8, 16, 24, 32, 40, 56, 96, 768, 1000}) {
        Unaligned<float> c(floats(n, 1.0f));
        Unaligned<uint8_t> code(bytes(n / 8));
        double expected = 0, total = 0;
        for (size_t i = 0; i < n; ++i) {
            expected += (code.data()[i / 8] >> (i % 8)) & 1 ? c.data()[i] : -c.data()[i];
            total += std::fabs(c.data()[i]);
        }
        expect_close(expected, simd.signed_sum(c.data(), code.data(), n), total);
    }
}

TEST_P(KernelsTest, KacStepEqualsThePlainOneBitForBit) {
    for (const size_t n : {0, 1, 8, 15, 24, 384}) {
        std::vector<float> a = floats(n, 1.0f), b = floats(n, 1.0f);
        Unaligned<float> moved_a(a), moved_b(b);
        simd.kac_step(moved_a.data(), moved_b.data(), n);
        for (size_t i = 0; i < n; ++i) EXPECT_NEAR(moved_a.data()[i], (a[i] + b[i]) / std::sqrt(2.0f), 1e-6);
        plain.kac_step(a.data(), b.data(), n);
        EXPECT_EQ(a, std::vector<float>(moved_a.data(), moved_a.data() + n));
        EXPECT_EQ(b, std::vector<float>(moved_b.data(), moved_b.data() + n));
    }
}

TEST_P(KernelsTest, FlipSignsFlipsTheMarkedOnes) {
    for (const size_t n : {0, 8, 16, 24, 40, 96, 768, 1000}) {
        const std::vector<float> x = floats(n, 1.0f);
        const std::vector<uint8_t> signs = bytes(n / 8);
        Unaligned<float> actual(x);
        Unaligned<uint8_t> moved(signs);
        simd.flip_signs(actual.data(), moved.data(), n);
        for (size_t i = 0; i < n; ++i) {
            EXPECT_EQ(actual.data()[i], (signs[i / 8] >> (i % 8)) & 1 ? -x[i] : x[i]);
        }
    }
}

TEST_P(KernelsTest, KeysInRangeAreKept) {
    std::mt19937_64 random(3);
    for (const size_t count : {0, 1, 7, 63, 64, 65, 200, 1020}) {
        std::vector<uint64_t> keys(count);
        for (size_t i = 0; i < count; ++i) keys[i] = random() >> (i % 64);
        for (const auto& [low, high] :
             std::vector<std::pair<uint64_t, uint64_t>>{{0, 0},
                                                        {1, ~uint64_t{0}},
                                                        {0, 1 << 20},
                                                        {uint64_t{1} << 63, (uint64_t{1} << 63) + 99},
                                                        {5, 1 << 30},
                                                        {uint64_t{1} << 40, ~uint64_t{0} >> 1}}) {
            std::vector<uint64_t> bits((count + 63) / 64, 0xAAAAAAAAAAAAAAAAull);
            GetParam()->keep_in_range(keys.data(), count, low, high - low, bits.data());
            for (size_t i = 0; i < count; ++i)
                ASSERT_EQ((bits[i / 64] >> (i % 64)) & 1, i % 2 == 1 && keys[i] >= low && keys[i] <= high)
                    << count << " keys, number " << i;
        }
    }
}

TEST_P(KernelsTest, KeysInTheSieveAreKept) {
    std::mt19937_64 random(4);
    for (const int bits : {6, 12, 17}) {
        std::vector<uint64_t> sieve((size_t{1} << bits) / 64);
        for (uint64_t& word : sieve) word = random() & random();
        for (const size_t count : {0, 1, 7, 63, 64, 65, 200, 1020}) {
            std::vector<uint64_t> keys(count), kept((count + 63) / 64, 0xAAAAAAAAAAAAAAAAull);
            for (size_t i = 0; i < count; ++i) keys[i] = random() >> (i % 64);
            GetParam()->keep_sifted(keys.data(), count, sieve.data(), 64 - bits, kept.data());
            for (size_t i = 0; i < count; ++i) {
                const uint64_t place = keys[i] * key_multiplier >> (64 - bits);
                ASSERT_EQ((kept[i / 64] >> (i % 64)) & 1,
                          i % 2 == 1 && ((sieve[place / 64] >> (place % 64)) & 1))
                    << count << " keys, number " << i;
            }
        }
    }
}

TEST(KernelChoice, BestIsTheDefaultAndAnyCanBeForced) {
    const std::vector<const Kernels*> tables = available_kernels();
    ASSERT_FALSE(tables.empty());
    EXPECT_STREQ(tables.front()->name, "scalar");
    EXPECT_EQ(&kernels(), tables.back());
    for (const Kernels* table : tables) {
        EXPECT_TRUE(force_kernels(table->name));
        EXPECT_EQ(&kernels(), table);
    }
    EXPECT_TRUE(force_kernels("scalar"));
    EXPECT_FALSE(force_kernels("avx1024"));
    EXPECT_EQ(&kernels(), tables.front());
    EXPECT_TRUE(force_kernels("auto"));
    EXPECT_EQ(&kernels(), tables.back());
}

}  // namespace
}  // namespace vecstore::core
