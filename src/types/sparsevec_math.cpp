// Distances, norm and comparison of sparsevec.
#include <climits>

#include "types/dense_math.hpp"
#include "types/sparsevec.hpp"
#include "types/vector.hpp"

namespace vecstore::types {
namespace {

struct SparsePair {
    const SparseVector* a;
    const SparseVector* b;
};

// The first two arguments, which must have the same dimensions.
SparsePair matching_sparse_args(FunctionCallInfo fcinfo) {
    const SparsePair pair{sparse_arg(fcinfo, 0), sparse_arg(fcinfo, 1)};
    if (unlikely(pair.a->dim != pair.b->dim)) raise_dims_differ(SparseVector::name, pair.a->dim, pair.b->dim);
    return pair;
}

double norm_of(const SparseVector* v) { return dense::norm_of<VectorFormat>(v->values(), v->count()); }

// The order of the dense vectors that the two stand for: -1, 0 or 1.
int compare(const SparseVector* a, const SparseVector* b) {
    const float* const x = a->values();
    const float* const y = b->values();
    const int common = std::min(a->nnz, b->nnz);
    int i = 0;
    while (i < common && a->indices[i] == b->indices[i] && x[i] == y[i]) i++;
    // Here they differ, or one has no more elements, or neither. Where only one has an element, the other has
    // a zero, if it has that dimension.
    const int a_index = i < a->nnz ? a->indices[i] : INT_MAX;
    const int b_index = i < b->nnz ? b->indices[i] : INT_MAX;
    const int first = std::min(a_index, b_index);
    if (first < std::min(a->dim, b->dim)) {
        const float a_value = a_index == first ? x[i] : 0;
        const float b_value = b_index == first ? y[i] : 0;
        return a_value < b_value ? -1 : 1;
    }
    return (a->dim > b->dim) - (a->dim < b->dim);
}

int compare_args(FunctionCallInfo fcinfo) {
    const SparseVector* const a = sparse_arg(fcinfo, 0);
    const SparseVector* const b = sparse_arg(fcinfo, 1);
    const int order = compare(a, b);
    // btree compares without resetting memory in between, so copies must not pile up.
    if (PointerGetDatum(a) != PG_GETARG_DATUM(0)) pfree(const_cast<SparseVector*>(a));
    if (PointerGetDatum(b) != PG_GETARG_DATUM(1)) pfree(const_cast<SparseVector*>(b));
    return order;
}

}  // namespace
}  // namespace vecstore::types

namespace core = vecstore::core;
using namespace vecstore::types;

// ------------------------------------------------------------------------------------------ distances

VECSTORE_FUNCTION(sparsevec_l2_distance) {
    const SparsePair p = matching_sparse_args(fcinfo);
    PG_RETURN_FLOAT8(std::sqrt(static_cast<double>(core::sparse_l2_squared(p.a->view(), p.b->view()))));
}

VECSTORE_FUNCTION(sparsevec_l2_squared_distance) {
    const SparsePair p = matching_sparse_args(fcinfo);
    PG_RETURN_FLOAT8(core::sparse_l2_squared(p.a->view(), p.b->view()));
}

VECSTORE_FUNCTION(sparsevec_inner_product) {
    const SparsePair p = matching_sparse_args(fcinfo);
    PG_RETURN_FLOAT8(core::sparse_inner_product(p.a->view(), p.b->view()));
}

VECSTORE_FUNCTION(sparsevec_negative_inner_product) {
    const SparsePair p = matching_sparse_args(fcinfo);
    PG_RETURN_FLOAT8(-core::sparse_inner_product(p.a->view(), p.b->view()));
}

VECSTORE_FUNCTION(sparsevec_cosine_distance) {
    const SparsePair p = matching_sparse_args(fcinfo);
    float sums[3];
    core::sparse_cosine_sums(p.a->view(), p.b->view(), sums);
    PG_RETURN_FLOAT8(dense::cosine_distance_of(sums));
}

VECSTORE_FUNCTION(sparsevec_l1_distance) {
    const SparsePair p = matching_sparse_args(fcinfo);
    PG_RETURN_FLOAT8(core::sparse_l1(p.a->view(), p.b->view()));
}

// -------------------------------------------------------------------------------------------- one vector

VECSTORE_FUNCTION(sparsevec_norm) { PG_RETURN_FLOAT8(norm_of(sparse_arg(fcinfo, 0))); }

// The zero vector stays as it is; elements that become too small for a float leave the list.
VECSTORE_FUNCTION(sparsevec_l2_normalize) {
    const SparseVector* const v = sparse_arg(fcinfo, 0);
    const double norm = norm_of(v);
    const float* const from = v->values();
    int count = 0;
    for (int i = 0; i < v->count(); i++) count += static_cast<float>(from[i] / norm) != 0;
    SparseVector* const result = new_sparse(v->dims(), count);
    float* const to = result->values();
    for (int i = 0, at = 0; i < v->count(); i++) {
        const float value = static_cast<float>(from[i] / norm);
        if (value == 0) continue;
        result->indices[at] = v->indices[i];
        to[at++] = value;
    }
    PG_RETURN_POINTER(result);
}

// ------------------------------------------------------------------------------------------- comparison

VECSTORE_FUNCTION(sparsevec_cmp) { PG_RETURN_INT32(compare_args(fcinfo)); }

VECSTORE_FUNCTION(sparsevec_lt) { PG_RETURN_BOOL(compare_args(fcinfo) < 0); }

VECSTORE_FUNCTION(sparsevec_le) { PG_RETURN_BOOL(compare_args(fcinfo) <= 0); }

VECSTORE_FUNCTION(sparsevec_eq) { PG_RETURN_BOOL(compare_args(fcinfo) == 0); }

VECSTORE_FUNCTION(sparsevec_ne) { PG_RETURN_BOOL(compare_args(fcinfo) != 0); }

VECSTORE_FUNCTION(sparsevec_ge) { PG_RETURN_BOOL(compare_args(fcinfo) >= 0); }

VECSTORE_FUNCTION(sparsevec_gt) { PG_RETURN_BOOL(compare_args(fcinfo) > 0); }
