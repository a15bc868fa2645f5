// Every metric of the table, one that is new among them: the forms of a vector have the same distances, the
// norms of errors are what they are said to be, and names tell metrics apart.
#include "core/distance/metric.hpp"

#include <random>
#include <set>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "core/base/half.hpp"

namespace vecstore::core {
namespace {

constexpr size_t dims = 48;

// Numbers that every form holds exactly: n + 1/2, from -7.5 to 7.5.
std::vector<float> exact_vector(uint32_t seed) {
    std::mt19937 random(seed);
    std::vector<float> x(dims);
    for (float& v : x) v = static_cast<float>(random() % 16) - 7.5f;
    return x;
}

std::vector<uint16_t> halves_of(const std::vector<float>& x) {
    std::vector<uint16_t> halves;
    for (const float v : x) halves.push_back(f16_from_float(v));
    return halves;
}

// A component is its number less 31.5.
std::vector<uint8_t> planes_of(const std::vector<float>& x) {
    constexpr size_t bits = 6;
    std::vector<uint8_t> planes(bits * dims / 8);
    for (size_t i = 0; i < dims; ++i)
        for (size_t p = 0; p < bits; ++p)
            if ((static_cast<int>(x[i] + 31.5f) >> p & 1) != 0)
                planes[p * dims / 8 + i / 8] |= static_cast<uint8_t>(1 << i % 8);
    return planes;
}

SparseView sparse_of(const std::vector<float>& x, std::vector<int32_t>& indices) {
    for (size_t i = 0; i < x.size(); ++i) indices.push_back(static_cast<int32_t>(i));
    return {indices.data(), x.data(), x.size()};
}

TEST(Metrics, AllFormsOfAVectorHaveTheSameDistance) {
    const std::vector<float> a = exact_vector(1), b = exact_vector(2);
    const std::vector<uint16_t> half_a = halves_of(a), half_b = halves_of(b);
    const std::vector<uint8_t> planes = planes_of(b);
    std::vector<int8_t> bytes;
    for (const float v : b) bytes.push_back(static_cast<int8_t>(2 * v));
    std::vector<int32_t> indices_a, indices_b;
    const SparseView sparse_a = sparse_of(a, indices_a), sparse_b = sparse_of(b, indices_b);
    for (const Kernels* table : available_kernels()) {
        const Kernels& k = *table;
        for (const MetricInfo& metric : metrics) {
            if (metric.of_bits()) continue;
            SCOPED_TRACE(std::string(metric.name) + " by " + k.name);
            const DistanceFormula& f = *metric.formula;
            const float distance = (k.*f.f32)(a.data(), b.data(), dims);
            EXPECT_NE(distance, 0);
            EXPECT_EQ((k.*f.f16)(a.data(), half_b.data(), 1, dims), distance);
            EXPECT_EQ((k.*f.i8)(a.data(), bytes.data(), 0.5f, dims), distance);
            EXPECT_EQ((k.*f.planes)(a.data(), {planes.data(), dims / 8, 6}, 1, dims), distance);
            EXPECT_EQ((k.*f.halves)(half_a.data(), half_b.data(), dims), distance);
            EXPECT_EQ(f.sparse(sparse_a, sparse_b), distance);
        }
    }
}

double norm_of(const ErrorNorm& norm, const std::vector<float>& x) {
    double sum = 0;
    for (const float v : x) sum = norm.add(sum, v);
    return norm.of_sum(sum);
}

TEST(Metrics, NormsOfErrorsAreThoseOfTheDistance) {
    const std::vector<float> a = exact_vector(3), b = exact_vector(4), zero(dims);
    std::vector<float> difference(dims);
    for (size_t i = 0; i < dims; ++i) difference[i] = a[i] - b[i];
    std::vector<int32_t> indices_a, indices_b;
    const SparseView sparse_a = sparse_of(a, indices_a), sparse_b = sparse_of(b, indices_b);
    for (const MetricInfo& metric : metrics) {
        SCOPED_TRACE(metric.name);
        const ErrorNorm& norm = *metric.formula->error;
        const double length = norm_of(norm, difference);
        EXPECT_FLOAT_EQ(static_cast<float>(norm.of_sum(norm.sparse(sparse_a, sparse_b))),
                        static_cast<float>(length));
        if (metric.formula->is_norm) {
            EXPECT_EQ((kernels().*metric.formula->f32)(a.data(), b.data(), dims), static_cast<float>(length));
        }
        // Along an axis, in all directions alike, and any other: no norm is beyond its limits.
        std::vector<float> axis(dims);
        axis[5] = 3;
        for (const std::vector<float>& x : {axis, std::vector<float>(dims, 2.0f), difference}) {
            const double l2 = norm_of(l2_norm, x), own = norm_of(norm, x);
            EXPECT_LE(own, l2 * norm.of_l2(dims) * (1 + 1e-12));
            EXPECT_LE(l2, own * norm.to_l2(dims) * (1 + 1e-12));
        }
    }
}

TEST(Metrics, NamesTellThemApart) {
    std::set<std::string> names, operator_classes, functions, spaces;
    std::set<int32_t> numbers;
    for (const MetricInfo& metric : metrics) {
        SCOPED_TRACE(metric.name);
        EXPECT_TRUE(names.insert(metric.name).second);
        EXPECT_TRUE(operator_classes.insert(metric.opclass).second);
        EXPECT_TRUE(
            functions.insert(std::string(metric.function) + (metric.of_units ? " with norm" : "")).second);
        if (metric.space != nullptr) {
            EXPECT_TRUE(spaces.insert(metric.space).second);
        }
        if (metric.faiss >= 0 && !metric.of_units) {
            EXPECT_TRUE(numbers.insert(metric.faiss).second);
        }
        EXPECT_EQ(&metric_info(metric.metric), &metric);
    }
    for (const int number : {0, static_cast<int>(metric_count) + 1, 255})
        EXPECT_FALSE(is_known(static_cast<Metric>(number))) << number;
}

}  // namespace
}  // namespace vecstore::core
