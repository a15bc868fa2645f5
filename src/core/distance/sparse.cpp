#include "core/distance/sparse.hpp"

#include <cmath>

#include "core/distance/kernels.hpp"

namespace vecstore::core {

namespace {

struct Merged {
    float sum;
    size_t a_end;  // elements merged of each list; one of the lists is at its end
    size_t b_end;
};

// Sum of term(x, y) over the dimensions of either list, up to the end of one of them; 0 stands for what is
// missing. Which list is behind cannot be predicted, so both steps are sums of comparisons, not branches.
template <class Term>
inline Merged merge(const SparseView& a, const SparseView& b, Term term) {
    Merged m{0, 0, 0};
    while (m.a_end < a.count && m.b_end < b.count) {
        const int32_t i = a.indices[m.a_end];
        const int32_t j = b.indices[m.b_end];
        const bool from_a = i <= j, from_b = j <= i;
        const float factors[2] = {0.0f, 1.0f};
        m.sum += term(a.values[m.a_end] * factors[from_a], b.values[m.b_end] * factors[from_b]);
        m.a_end += from_a;
        m.b_end += from_b;
    }
    return m;
}

float sum_squares(const float* values, size_t n) {
    return kernels().inner_product(values, values, n);
}

float sum_absolutes(const float* values, size_t n) {
    float sum = 0;
    for (size_t i = 0; i < n; ++i) sum += std::fabs(values[i]);
    return sum;
}

}  // namespace

float sparse_l2_squared(const SparseView& a, const SparseView& b) {
    const Merged m = merge(a, b, [](float x, float y) { return (x - y) * (x - y); });
    return m.sum + sum_squares(a.values + m.a_end, a.count - m.a_end) +
           sum_squares(b.values + m.b_end, b.count - m.b_end);
}

float sparse_inner_product(const SparseView& a, const SparseView& b) {
    return kernels().sparse_product(a, b);
}

float sparse_l1(const SparseView& a, const SparseView& b) {
    const Merged m = merge(a, b, [](float x, float y) { return std::fabs(x - y); });
    return m.sum + sum_absolutes(a.values + m.a_end, a.count - m.a_end) +
           sum_absolutes(b.values + m.b_end, b.count - m.b_end);
}

void sparse_cosine_sums(const SparseView& a, const SparseView& b, float out[3]) {
    out[0] = sparse_inner_product(a, b);
    out[1] = sum_squares(a.values, a.count);
    out[2] = sum_squares(b.values, b.count);
}

}  // namespace vecstore::core
