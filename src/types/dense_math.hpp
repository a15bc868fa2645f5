// Distances, arithmetic and comparison of the dense types.
#pragma once

#include "core/distance/metric.hpp"
#include "types/dense.hpp"

extern "C" {
#include "utils/varbit.h"
}

namespace vecstore::types::dense {

// ------------------------------------------------------------------------------------------ distances

template <class Format>
Datum l2_squared_distance(FunctionCallInfo fcinfo) {
    const DensePair<Format> p = matching_args<Format>(fcinfo);
    PG_RETURN_FLOAT8(Format::apply(core::l2_formula, p.a->data(), p.b->data(), p.dims()));
}

// The results of the operators <->, <#> and <=>, for whoever must agree with them to the last bit.
template <class Format>
double l2_value(const typename Format::Element* a, const typename Format::Element* b, size_t n) {
    return std::sqrt(static_cast<double>(Format::apply(core::l2_formula, a, b, n)));
}

template <class Format>
double negative_product_value(const typename Format::Element* a, const typename Format::Element* b,
                              size_t n) {
    return -Format::apply(core::product_formula, a, b, n);
}

// NaN stays NaN.
inline double clamp_to_unit(double x) { return x > 1 ? 1 : x < -1 ? -1 : x; }

// From <a,b>, |a|^2 and |b|^2. NaN when either vector is zero: there is no angle to it.
inline double cosine_distance_of(const float sums[3]) {
    // The product of the squared norms cannot overflow a double.
    const double norms = std::sqrt(static_cast<double>(sums[1]) * static_cast<double>(sums[2]));
    return 1.0 - clamp_to_unit(sums[0] / norms);
}

template <class Format>
double cosine_value(const typename Format::Element* a, const typename Format::Element* b, size_t n) {
    float sums[3];
    Format::cosine_sums(a, b, n, sums);
    return cosine_distance_of(sums);
}

template <class Format>
Datum l2_distance(FunctionCallInfo fcinfo) {
    const DensePair<Format> p = matching_args<Format>(fcinfo);
    PG_RETURN_FLOAT8(l2_value<Format>(p.a->data(), p.b->data(), p.dims()));
}

template <class Format>
Datum inner_product(FunctionCallInfo fcinfo) {
    const DensePair<Format> p = matching_args<Format>(fcinfo);
    PG_RETURN_FLOAT8(Format::apply(core::product_formula, p.a->data(), p.b->data(), p.dims()));
}

template <class Format>
Datum negative_inner_product(FunctionCallInfo fcinfo) {
    const DensePair<Format> p = matching_args<Format>(fcinfo);
    PG_RETURN_FLOAT8(negative_product_value<Format>(p.a->data(), p.b->data(), p.dims()));
}

template <class Format>
Datum l1_distance(FunctionCallInfo fcinfo) {
    const DensePair<Format> p = matching_args<Format>(fcinfo);
    PG_RETURN_FLOAT8(Format::apply(core::l1_formula, p.a->data(), p.b->data(), p.dims()));
}

template <class Format>
Datum cosine_distance(FunctionCallInfo fcinfo) {
    const DensePair<Format> p = matching_args<Format>(fcinfo);
    PG_RETURN_FLOAT8(cosine_value<Format>(p.a->data(), p.b->data(), p.dims()));
}

// The angle between two unit vectors in half turns; norms are taken to be 1 and not looked at.
template <class Format>
Datum spherical_distance(FunctionCallInfo fcinfo) {
    const DensePair<Format> p = matching_args<Format>(fcinfo);
    const double cosine = Format::apply(core::product_formula, p.a->data(), p.b->data(), p.dims());
    PG_RETURN_FLOAT8(std::acos(clamp_to_unit(cosine)) / M_PI);
}

// -------------------------------------------------------------------------------------------- one vector

template <class Format>
Datum dims(FunctionCallInfo fcinfo) {
    // Every distance and cast reads whole values, but this needs the header only: spare large values the
    // fetch of all their TOAST chunks.
    const auto* const start = reinterpret_cast<const DenseVector<Format>*>(
        PG_DETOAST_DATUM_SLICE(PG_GETARG_DATUM(0), 0, DenseVector<Format>::size_of(0) - VARHDRSZ));
    PG_RETURN_INT32(start->dims());
}

// Euclidean norm. In double precision, where squares of floats neither overflow nor vanish.
template <class Format>
double norm_of(const typename Format::Element* x, int n) {
    // Independent sums, because the order of additions must not change at the compiler's will: eight
    // chains run in parallel.
    constexpr int lanes = 8;
    double sums[lanes] = {};
    int i = 0;
    for (; i + lanes <= n; i += lanes) {
        for (int k = 0; k < lanes; k++) {
            const double value = Format::widen(x[i + k]);
            sums[k] += value * value;
        }
    }
    for (; i < n; i++) sums[0] += static_cast<double>(Format::widen(x[i])) * Format::widen(x[i]);
    double total = 0;
    for (double sum : sums) total += sum;
    return std::sqrt(total);
}

template <class Format>
double norm_of(const DenseVector<Format>* v) {
    return norm_of<Format>(v->data(), v->dims());
}

template <class Format>
Datum norm(FunctionCallInfo fcinfo) {
    PG_RETURN_FLOAT8(norm_of(dense_arg<Format>(fcinfo, 0)));
}

// The zero vector stays as it is.
template <class Format>
Datum l2_normalize(FunctionCallInfo fcinfo) {
    const DenseVector<Format>* const v = dense_arg<Format>(fcinfo, 0);
    const double norm = norm_of(v);
    DenseVector<Format>* const result = new_dense<Format>(v->dims());
    const double divisor = norm > 0 ? norm : 1;
    const int n = v->dims();
    const auto* const from = v->data();
    auto* const to = result->data();
    // No element is larger than the norm, so none overflows.
    for (int i = 0; i < n; i++) to[i] = Format::narrow(static_cast<float>(Format::widen(from[i]) / divisor));
    PG_RETURN_POINTER(result);
}

// A bit per element, 1 where it is above zero.
template <class Format>
Datum binary_quantize(FunctionCallInfo fcinfo) {
    const DenseVector<Format>* const v = dense_arg<Format>(fcinfo, 0);
    const int n = v->dims();
    const size_t size = VARBITTOTALLEN(n);
    auto* const result = static_cast<VarBit*>(palloc(size));
    SET_VARSIZE(result, size);
    VARBITLEN(result) = n;
    const auto* const x = v->data();
    bits8* to = VARBITS(result);
    for (int i = 0; i < n; i += BITS_PER_BYTE) {
        uint32 byte = 0;
        for (int k = i; k < i + BITS_PER_BYTE; k++) byte = byte << 1 | (k < n && Format::widen(x[k]) > 0);
        *to++ = static_cast<bits8>(byte);
    }
    PG_RETURN_VARBIT_P(result);
}

// Elements start .. start + count - 1, counted from 1; what lies outside the vector is left out, as
// substring() does.
template <class Format>
Datum subvector(FunctionCallInfo fcinfo) {
    const DenseVector<Format>* const v = dense_arg<Format>(fcinfo, 0);
    const int64 start = PG_GETARG_INT32(1);
    const int64 count = PG_GETARG_INT32(2);
    const int64 first = std::max<int64>(start, 1);
    const int64 last = std::min<int64>(start + count - 1, v->dims());
    if (first > last) {
        ereport(
            ERROR,
            (errcode(ERRCODE_DATA_EXCEPTION), errmsg("%s must have at least 1 dimension", Format::name),
             errdetail("Start %d and count %d select nothing of %d dimensions; the first one has number 1.",
                       static_cast<int>(start), static_cast<int>(count), v->dims())));
    }
    DenseVector<Format>* const result = new_dense<Format>(static_cast<int>(last - first + 1));
    memcpy(result->data(), v->data() + (first - 1), sizeof(typename Format::Element) * result->dims());
    PG_RETURN_POINTER(result);
}

// ------------------------------------------------------------------------------------------- arithmetic

struct Add {
    static constexpr char sign = '+';
    static float apply(float a, float b) { return a + b; }
    static uint32 failed(float, float, float sum) { return is_not_finite(sum); }
};

struct Subtract {
    static constexpr char sign = '-';
    static float apply(float a, float b) { return a - b; }
    static uint32 failed(float, float, float difference) { return is_not_finite(difference); }
};

struct Multiply {
    static constexpr char sign = '*';
    static float apply(float a, float b) { return a * b; }
    // Too large, or zero though neither factor is.
    static uint32 failed(float a, float b, float product) {
        const uint32 vanished = (product == 0) & (a != 0) & (b != 0);
        return is_not_finite(product) | vanished;
    }
};

// Names the first element that failed.
template <class Format, class Operation>
[[noreturn]] void raise_arithmetic_failure(const DensePair<Format>& p, const DenseVector<Format>* result) {
    int i = 0;
    float a, b, r;
    do {
        a = Format::widen(p.a->data()[i]);
        b = Format::widen(p.b->data()[i]);
        r = Format::widen(result->data()[i]);
        i++;
    } while (Operation::failed(a, b, r) == 0);
    const RangeFailure failure{Format::name, Operation::sign, a, b, i};
    if (std::isinf(r)) raise_overflow(failure);
    raise_underflow(failure);
}

template <class Format, class Operation>
Datum elementwise(FunctionCallInfo fcinfo) {
    const DensePair<Format> p = matching_args<Format>(fcinfo);
    const int n = p.dims();
    const auto* const a = p.a->data();
    const auto* const b = p.b->data();
    DenseVector<Format>* const result = new_dense<Format>(n);
    auto* const r = result->data();

    for (int i = 0; i < n; i++)
        r[i] = Format::narrow(Operation::apply(Format::widen(a[i]), Format::widen(b[i])));
    // Passes of their own, the first without a branch: SIMD in the usual case, and only then the culprit.
    uint32 failed = 0;
    for (int i = 0; i < n; i++)
        failed |= Operation::failed(Format::widen(a[i]), Format::widen(b[i]), Format::widen(r[i]));
    if (unlikely(failed != 0)) raise_arithmetic_failure<Format, Operation>(p, result);
    PG_RETURN_POINTER(result);
}

template <class Format>
Datum add(FunctionCallInfo fcinfo) {
    return elementwise<Format, Add>(fcinfo);
}

template <class Format>
Datum sub(FunctionCallInfo fcinfo) {
    return elementwise<Format, Subtract>(fcinfo);
}

template <class Format>
Datum mul(FunctionCallInfo fcinfo) {
    return elementwise<Format, Multiply>(fcinfo);
}

template <class Format>
Datum concat(FunctionCallInfo fcinfo) {
    const DenseVector<Format>* const a = dense_arg<Format>(fcinfo, 0);
    const DenseVector<Format>* const b = dense_arg<Format>(fcinfo, 1);
    check_dims<Format>(a->dims() + b->dims());
    DenseVector<Format>* const result = new_dense<Format>(a->dims() + b->dims());
    memcpy(result->data(), a->data(), sizeof(typename Format::Element) * a->dims());
    memcpy(result->data() + a->dims(), b->data(), sizeof(typename Format::Element) * b->dims());
    PG_RETURN_POINTER(result);
}

// ------------------------------------------------------------------------------------------- comparison

// -1, 0 or 1; element by element, and a vector that goes on is greater than one that ends, as with arrays.
template <class Format>
int compare(const DenseVector<Format>* a, const DenseVector<Format>* b) {
    const int common = std::min(a->dims(), b->dims());
    for (int i = 0; i < common; i++) {
        const float x = Format::widen(a->data()[i]);
        const float y = Format::widen(b->data()[i]);
        if (x != y) return x < y ? -1 : 1;
    }
    return (a->dims() > b->dims()) - (a->dims() < b->dims());
}

template <class Format>
int compare_args(FunctionCallInfo fcinfo) {
    const DenseVector<Format>* const a = dense_arg<Format>(fcinfo, 0);
    const DenseVector<Format>* const b = dense_arg<Format>(fcinfo, 1);
    const int order = compare(a, b);
    // btree compares without resetting memory in between, so copies must not pile up.
    if (PointerGetDatum(a) != PG_GETARG_DATUM(0)) pfree(const_cast<DenseVector<Format>*>(a));
    if (PointerGetDatum(b) != PG_GETARG_DATUM(1)) pfree(const_cast<DenseVector<Format>*>(b));
    return order;
}

template <class Format>
Datum cmp(FunctionCallInfo fcinfo) {
    PG_RETURN_INT32(compare_args<Format>(fcinfo));
}

template <class Format>
Datum lt(FunctionCallInfo fcinfo) {
    PG_RETURN_BOOL(compare_args<Format>(fcinfo) < 0);
}

template <class Format>
Datum le(FunctionCallInfo fcinfo) {
    PG_RETURN_BOOL(compare_args<Format>(fcinfo) <= 0);
}

template <class Format>
Datum eq(FunctionCallInfo fcinfo) {
    PG_RETURN_BOOL(compare_args<Format>(fcinfo) == 0);
}

template <class Format>
Datum ne(FunctionCallInfo fcinfo) {
    PG_RETURN_BOOL(compare_args<Format>(fcinfo) != 0);
}

template <class Format>
Datum ge(FunctionCallInfo fcinfo) {
    PG_RETURN_BOOL(compare_args<Format>(fcinfo) >= 0);
}

template <class Format>
Datum gt(FunctionCallInfo fcinfo) {
    PG_RETURN_BOOL(compare_args<Format>(fcinfo) > 0);
}

}  // namespace vecstore::types::dense
