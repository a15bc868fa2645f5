// The metrics: a table with one entry for each. All code that decides something by the metric of an
// index or of a file asks this table.
//
// To add a metric:
//   1. Its kernels: a member of Kernels for each form of vector (kernels.hpp, and VECSTORE_KERNELS there), in
//      plain C++ (kernels_scalar.cpp) and with SIMD (floats-inl.hpp or codes-inl.hpp); of sparse vectors a
//      function in sparse.cpp.
//   2. In this file: a DistanceFormula of these kernels, an enumerator of Metric, which is the last_metric
//      then, and an entry of `metrics`.
//   3. The SQL side: the function and its operator (types/dense_math.hpp and dense_functions.hpp,
//      sparsevec_math.cpp, or bit.cpp), and the operator classes (src/sql).
// Where the operator's result follows from the distance in a way of its own, OperatorResult gets an
// enumerator, and Query (hnsw/space/query.cpp) the bounds of the result.
#pragma once

#include <cmath>
#include <cstddef>
#include <cstdint>

#include "core/distance/kernels.hpp"
#include "core/distance/sparse.hpp"

namespace vecstore::core {

// These numbers are on disk.
enum class Metric : uint8_t { l2 = 1, inner_product = 2, cosine = 3, l1 = 4, hamming = 5, jaccard = 6 };
inline constexpr Metric last_metric = Metric::jaccard;

// The norm in which an index says how far a stored vector is from the one that it stands for.
struct ErrorNorm {
    double (*add)(double sum, double component);                // to the sum over all components
    double (*of_sum)(double sum);                               // the norm
    float (*sparse)(const SparseView& a, const SparseView& b);  // that sum for the difference of two vectors
    double (*of_l2)(double dims);                               // the greatest of vectors whose L2 norm is 1
    double (*to_l2)(double dims);  // the greatest L2 norm of vectors for which this is 1
};

inline constexpr ErrorNorm l2_norm = {[](double sum, double x) { return sum + x * x; },
                                      [](double sum) { return std::sqrt(sum); }, sparse_l2_squared,
                                      [](double) { return 1.0; }, [](double) { return 1.0; }};
inline constexpr ErrorNorm l1_norm = {
    [](double sum, double x) { return sum + std::fabs(x); }, [](double sum) { return sum; }, sparse_l1,
    [](double dims) { return std::sqrt(dims); }, [](double) { return 1.0; }};

// How the distance of two internal vectors is computed, by which searches navigate (hnsw/space/
// vector_space.hpp): a kernel for each form that a stored vector may have (OwnFormat). A formula has either
// the kernels of dense and sparse vectors, or that of bit strings.
struct DistanceFormula {
    float (*Kernels::*f32)(const float* a, const float* b, size_t n) = nullptr;
    float (*Kernels::*f16)(const float* a, const uint16_t* b, float scale, size_t n) = nullptr;
    float (*Kernels::*i8)(const float* a, const int8_t* b, float scale, size_t n) = nullptr;
    float (*Kernels::*planes)(const float* a, BitPlanes b, float scale, size_t n) = nullptr;
    float (*sparse)(const SparseView& a, const SparseView& b) = nullptr;
    float (*Kernels::*bits)(const uint8_t* a, const uint8_t* b, size_t bytes) = nullptr;
    // For SQL: of two halfvecs.
    float (*Kernels::*halves)(const uint16_t* a, const uint16_t* b, size_t n) = nullptr;
    bool is_product = false;  // the kernels return inner products: the distance is the negative one
    bool is_norm = false;     // a norm of the difference, the one that `error` adds up
    const ErrorNorm* error = &l2_norm;
};

inline constexpr DistanceFormula l2_formula = [] {
    DistanceFormula f;
    f.f32 = &Kernels::l2_squared, f.f16 = &Kernels::l2_squared_f16, f.i8 = &Kernels::l2_squared_i8;
    f.planes = &Kernels::l2_squared_planes, f.sparse = sparse_l2_squared;
    f.halves = &Kernels::l2_squared_halves;
    return f;
}();
inline constexpr DistanceFormula product_formula = [] {
    DistanceFormula f;
    f.f32 = &Kernels::inner_product, f.f16 = &Kernels::inner_product_f16, f.i8 = &Kernels::inner_product_i8;
    f.planes = &Kernels::inner_product_planes, f.sparse = sparse_inner_product;
    f.halves = &Kernels::inner_product_halves;
    f.is_product = true;
    return f;
}();
inline constexpr DistanceFormula l1_formula = [] {
    DistanceFormula f;
    f.f32 = &Kernels::l1, f.f16 = &Kernels::l1_f16, f.i8 = &Kernels::l1_i8;
    f.planes = &Kernels::l1_planes, f.sparse = sparse_l1;
    f.halves = &Kernels::l1_halves;
    f.is_norm = true, f.error = &l1_norm;
    return f;
}();

constexpr DistanceFormula formula_of_bits(float (*Kernels::*bits)(const uint8_t*, const uint8_t*, size_t)) {
    DistanceFormula formula;
    formula.bits = bits;
    return formula;
}
inline constexpr DistanceFormula hamming_formula = formula_of_bits(&Kernels::hamming_distance);
inline constexpr DistanceFormula jaccard_formula = formula_of_bits(&Kernels::jaccard_distance);

// How the operator's result follows from the distance by which searches navigate.
enum class OperatorResult : uint8_t {
    root,     // its square root
    half,     // half of it: 1 - cosine of unit vectors
    product,  // the negative inner product; may be told from a squared L2 distance
    norm,     // the same (DistanceFormula::is_norm)
    count,    // the same: of bits
    share,    // the same: 1 - the share of common bits
};

// Do 1-bit codes tell which vectors are near? They estimate L2 distances.
enum class CodesServe : uint8_t { never, of_equal_lengths, always };

struct MetricInfo {
    Metric metric = Metric::l2;
    const char* name = nullptr;   // in SQL: vecstore_index_info, vecstore_inspect, exports
    const char* title = nullptr;  // for people, and as FAISS names it

    const DistanceFormula* formula = nullptr;  // in plain mode; codes go by L2 distances
    OperatorResult result = OperatorResult::root;
    CodesServe codes = CodesServe::never;
    // Rotation changes no distance: only lengths and angles count. Of vectors of one length, all such metrics
    // have the same nearest ones.
    bool rotation_safe = false;
    bool of_units = false;         // rows are made as long as 1, and those of zeros have no distance
    bool zero_gives_order = true;  // rows have an order by their distance from a vector of zeros
    float rounding = 0;            // relative, of an internal vector that is not rotated, or of the sum

    // Of the operator classes: how their names end; and the distance function, where a '_' comes first the
    // type's name comes before. A metric of units has the norm as second support function.
    const char* opclass = nullptr;
    const char* function = nullptr;

    // In files. (Of units: they are written as unit vectors with their inner product.)
    int32_t faiss = -1;                // FAISS's MetricType; -1: none
    const char* faiss_flat = nullptr;  // the code of a flat index by it
    const char* space = nullptr;       // as hnswlib and Chroma call it; null: they do not know it

    constexpr bool of_bits() const { return formula->bits != nullptr; }
    constexpr bool is_product() const { return result == OperatorResult::product; }
};

// In the order of their numbers.
inline constexpr MetricInfo metrics[] = {
    [] {
        MetricInfo m;
        m.metric = Metric::l2, m.name = "l2", m.title = "L2";
        m.formula = &l2_formula, m.result = OperatorResult::root;
        m.codes = CodesServe::always, m.rotation_safe = true;
        m.opclass = "_l2_ops", m.function = "_l2_squared_distance";
        m.faiss = 1, m.faiss_flat = "IxF2", m.space = "l2";
        return m;
    }(),
    [] {
        MetricInfo m;
        m.metric = Metric::inner_product, m.name = "inner_product", m.title = "inner product";
        m.formula = &product_formula, m.result = OperatorResult::product;
        m.codes = CodesServe::of_equal_lengths, m.rotation_safe = true;
        m.rounding = 1e-6f;  // of the sum, whose terms may cancel
        m.opclass = "_ip_ops", m.function = "_negative_inner_product";
        m.faiss = 0, m.faiss_flat = "IxFI", m.space = "ip";
        return m;
    }(),
    [] {
        MetricInfo m;
        m.metric = Metric::cosine, m.name = "cosine", m.title = "cosine";
        m.formula = &l2_formula, m.result = OperatorResult::half;
        m.codes = CodesServe::always, m.rotation_safe = true;
        m.of_units = true, m.zero_gives_order = false;
        m.rounding = 1e-6f;  // of the normalization
        m.opclass = "_cosine_ops", m.function = "_negative_inner_product";
        m.faiss = 0, m.faiss_flat = "IxFI", m.space = "cosine";
        return m;
    }(),
    [] {
        MetricInfo m;
        m.metric = Metric::l1, m.name = "l1", m.title = "L1";
        m.formula = &l1_formula, m.result = OperatorResult::norm;
        m.opclass = "_l1_ops", m.function = "l1_distance";
        m.faiss = 2, m.faiss_flat = "IxFl";
        return m;
    }(),
    [] {
        MetricInfo m;
        m.metric = Metric::hamming, m.name = "hamming", m.title = "Hamming";
        m.formula = &hamming_formula, m.result = OperatorResult::count;
        m.opclass = "_hamming_ops", m.function = "hamming_distance";
        return m;
    }(),
    [] {
        MetricInfo m;
        m.metric = Metric::jaccard, m.name = "jaccard", m.title = "Jaccard";
        m.formula = &jaccard_formula, m.result = OperatorResult::share;
        m.zero_gives_order = false;
        m.opclass = "_jaccard_ops", m.function = "jaccard_distance";
        return m;
    }(),
};
constexpr size_t metric_count = sizeof(metrics) / sizeof(metrics[0]);

constexpr bool is_known(Metric metric) { return metric >= metrics[0].metric && metric <= last_metric; }

// (Of a number that is none, which a damaged page may have, that of the first.)
constexpr const MetricInfo& metric_info(Metric metric) {
    return metrics[is_known(metric) ? static_cast<size_t>(metric) - 1 : 0];
}

// Entries that do not fit together do not compile.
constexpr bool is_complete(const DistanceFormula& f) {
    const bool dense = f.f32 != nullptr && f.f16 != nullptr && f.i8 != nullptr && f.planes != nullptr &&
                       f.sparse != nullptr && f.halves != nullptr;
    return dense != (f.bits != nullptr) && f.error != nullptr;
}
constexpr bool is_complete(const MetricInfo& m) {
    const bool consistent = m.formula->is_product == m.is_product() &&
                            m.formula->is_norm == (m.result == OperatorResult::norm) &&
                            (m.codes == CodesServe::never || m.rotation_safe) &&
                            (m.faiss < 0) == (m.faiss_flat == nullptr);
    return is_complete(*m.formula) && consistent && m.name != nullptr && m.title != nullptr &&
           m.opclass != nullptr && m.function != nullptr;
}
constexpr bool all_complete() {
    for (size_t i = 0; i < metric_count; ++i)
        if (static_cast<size_t>(metrics[i].metric) != i + 1 || !is_complete(metrics[i])) return false;
    return metric_count == static_cast<size_t>(last_metric);
}
// (Under UBSan gcc takes no comparison of a function's address with null for a constant: then nothing is
// told.)
static_assert(!__builtin_constant_p(all_complete()) || all_complete(),
              "each metric has its entry, in the order of their numbers");

}  // namespace vecstore::core
