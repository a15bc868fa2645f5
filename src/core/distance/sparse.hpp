// Distances of sparse vectors. Sums are floats, as those of dense vectors.
#pragma once

#include "core/distance/sparse_view.hpp"

namespace vecstore::core {

float sparse_l2_squared(const SparseView& a, const SparseView& b);
float sparse_inner_product(const SparseView& a, const SparseView& b);
float sparse_l1(const SparseView& a, const SparseView& b);
// out[0] = <a,b>, out[1] = |a|^2, out[2] = |b|^2
void sparse_cosine_sums(const SparseView& a, const SparseView& b, float out[3]);

}  // namespace vecstore::core
