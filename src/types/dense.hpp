// The common part of all dense vector types: a varlena of elements of one format. The algorithms in the
// dense_*.hpp files are templates over a Format, which says what an element is:
//
//     struct Format {
//         using Element = ...;                    // as stored; standard layout, 2 or 4 bytes
//         static constexpr const char* name;      // of the SQL type, for messages
//         static constexpr int max_dims;
//         static float widen(Element);            // exact
//         static Element narrow(float);           // nearest; infinite when out of range
//         static constexpr bool holds_every_float;               // narrow() is exact
//         static void widen_all(const Element*, float*, size_t);
//         static void narrow_all(const float*, Element*, size_t);
//         static float l2_squared(const Element*, const Element*, size_t);      // and the other distances:
//         static float inner_product(const Element*, const Element*, size_t);
//         static float l1(const Element*, const Element*, size_t);
//         static void cosine_sums(const Element*, const Element*, size_t, float out[3]);
//     };
#pragma once

#include "types/checks.hpp"

#include <cstddef>

namespace vecstore::types {

// On-disk layout: varlena header, int16 dimensions, int16 zero, the elements. Stored values have at least
// one dimension and only finite elements: input, casts and arithmetic see to it.
template <class Format>
struct DenseVector {
    using Element = typename Format::Element;

    int32 vl_len_;  // varlena header: SET_VARSIZE, VARSIZE
    int16 dim;
    int16 unused;  // always 0
    Element values[FLEXIBLE_ARRAY_MEMBER];

    int dims() const { return dim; }
    Element* data() { return values; }
    const Element* data() const { return values; }

    // Bytes of a value with this many dimensions.
    static constexpr size_t size_of(int dims) {
        return offsetof(DenseVector, values) + sizeof(Element) * static_cast<size_t>(dims);
    }
    // Fewer dimensions than it was allocated for.
    void set_dims(int dims) {
        SET_VARSIZE(this, size_of(dims));
        dim = static_cast<int16>(dims);
    }
};

template <class Format>
inline void check_dims(int64 dims) {
    if (unlikely(dims < 1 || dims > Format::max_dims))
        raise_dims_out_of_range(Format::name, dims, Format::max_dims);
}

// typmod is -1 (any) or the number of dimensions.
inline void check_expected_dims(int32 typmod, int dims) {
    if (unlikely(typmod != -1 && typmod != dims)) raise_unexpected_dims(typmod, dims);
}

template <class Format>
inline void check_dims_match(const DenseVector<Format>* a, const DenseVector<Format>* b) {
    if (unlikely(a->dim != b->dim)) raise_dims_differ(Format::name, a->dim, b->dim);
}

// position counts from 1.
template <class Format>
inline void check_element(float value, int position) {
    if (unlikely(!std::isfinite(value))) raise_not_finite(Format::name, value, position);
}

// 1 for NaN and infinities, else 0. On the bits and as an integer, because that is what compilers turn
// into SIMD inside a loop.
inline uint32 is_not_finite(float value) {
    uint32 bits;
    memcpy(&bits, &value, sizeof(bits));
    return (bits & 0x7fffffff) >= 0x7f800000;
}
// The same of a half precision number.
inline uint32 is_not_finite(uint16 half) { return (half & 0x7fff) >= 0x7c00; }

// All elements finite: one pass without branches, and a second one only to name the culprit.
template <class Format>
inline void check_elements(const typename Format::Element* values, int dims) {
    uint32 bad = 0;
    for (int i = 0; i < dims; i++) bad |= is_not_finite(values[i]);
    if (likely(bad == 0)) return;
    for (int i = 0; i < dims; i++) check_element<Format>(Format::widen(values[i]), i + 1);
}

// 22003 where a finite number became infinite: it is larger than the type can hold.
template <class Format>
inline void check_narrowed(float value, typename Format::Element element) {
    if constexpr (!Format::holds_every_float) {
        if (unlikely(is_not_finite(element)) && !is_not_finite(value))
            raise_value_out_of_range(Format::name, value);
    }
}

template <class Format>
inline typename Format::Element narrow_checked(float value) {
    const typename Format::Element element = Format::narrow(value);
    check_narrowed<Format>(value, element);
    return element;
}

// A new value in the current memory context; its elements are for the caller to fill. dims must be checked.
template <class Format>
inline DenseVector<Format>* new_dense(int dims) {
    auto* result = static_cast<DenseVector<Format>*>(palloc(DenseVector<Format>::size_of(dims)));
    result->set_dims(dims);
    result->unused = 0;
    return result;
}

// The value behind a datum; a copy in the current memory context only when it was compressed, out of line
// or had a short header.
template <class Format>
inline const DenseVector<Format>* datum_get_dense(Datum datum) {
    return reinterpret_cast<const DenseVector<Format>*>(PG_DETOAST_DATUM(datum));
}

template <class Format>
inline const DenseVector<Format>* dense_arg(FunctionCallInfo fcinfo, int n) {
    return datum_get_dense<Format>(PG_GETARG_DATUM(n));
}

template <class Format>
struct DensePair {
    const DenseVector<Format>* a;
    const DenseVector<Format>* b;
    int dims() const { return a->dims(); }
};

// The first two arguments, which must have the same dimensions.
template <class Format>
inline DensePair<Format> matching_args(FunctionCallInfo fcinfo) {
    const DensePair<Format> pair{dense_arg<Format>(fcinfo, 0), dense_arg<Format>(fcinfo, 1)};
    check_dims_match(pair.a, pair.b);
    return pair;
}

}  // namespace vecstore::types
