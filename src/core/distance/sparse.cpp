#include "core/distance/sparse.hpp"

#include <cmath>

namespace vecstore::core {

namespace {

// Sum of term(a_i, b_i) over all i where one of them is not zero.
template <class Term>
float sum_of_either(const SparseView& a, const SparseView& b, Term term) {
    float sum = 0;
    size_t i = 0, j = 0;
    while (i < a.count() && j < b.count()) {
        // Which list is behind is hard to foretell: without branches.
        const int32_t x = a.index(i), y = b.index(j);
        sum += term(x <= y ? a.value(i) : 0.0f, y <= x ? b.value(j) : 0.0f);
        i += x <= y;
        j += y <= x;
    }
    for (; i < a.count(); ++i) sum += term(a.value(i), 0.0f);
    for (; j < b.count(); ++j) sum += term(0.0f, b.value(j));
    return sum;
}

}  // namespace

float sparse_l2_squared(const SparseView& a, const SparseView& b) {
    return sum_of_either(a, b, [](float x, float y) { return (x - y) * (x - y); });
}

float sparse_l1(const SparseView& a, const SparseView& b) {
    return sum_of_either(a, b, [](float x, float y) { return std::fabs(x - y); });
}

float sparse_inner_product(const SparseView& a, const SparseView& b) {
    float sum = 0;
    size_t i = 0, j = 0;
    while (i < a.count() && j < b.count()) {
        const int32_t x = a.index(i), y = b.index(j);
        sum += x == y ? a.value(i) * b.value(j) : 0.0f;
        i += x <= y;
        j += y <= x;
    }
    return sum;
}

}  // namespace vecstore::core
