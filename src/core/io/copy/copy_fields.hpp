// Fields of a binary COPY stream: the length of each, then the bytes that the type's receive function
// expects. They are appended to a Buffer, a vector of bytes or a string.
#pragma once

#include <cstdint>
#include <limits>
#include <string>

#include "core/base/byte_order.hpp"
#include "core/base/error.hpp"

namespace vecstore::core::io {

enum class VectorEncoding { vector, halfvec, bits, float4_array, float8_array };
enum class IdEncoding { none, int2, int4, int8, text };

constexpr int32_t null_length = -1;

template <class T, class Buffer>
void append_number(Buffer& out, T value) {
    const size_t at = out.size();
    out.resize(at + sizeof(T));
    store_big_endian(out.data() + at, value);
}

template <class Buffer>
void append_field(Buffer& out, const void* bytes, size_t length) {
    append_number(out, static_cast<int32_t>(length));
    const auto* const from = static_cast<const typename Buffer::value_type*>(bytes);
    out.insert(out.end(), from, from + length);
}

template <class Number, class Buffer>
void append_number_field(Buffer& out, Number value) {
    append_number(out, static_cast<int32_t>(sizeof(Number)));
    append_number(out, value);
}

// Numbers as Number, each after its length when with_lengths.
template <class Number, class Buffer>
void append_numbers(Buffer& out, const float* values, size_t count, bool with_lengths) {
    const size_t step = sizeof(Number) + (with_lengths ? sizeof(int32_t) : 0);
    const size_t at = out.size();
    out.resize(at + count * step);
    auto* to = out.data() + at;
    for (size_t i = 0; i < count; i++, to += step) {
        if (with_lengths) store_big_endian(to, static_cast<int32_t>(sizeof(Number)));
        store_big_endian(to + step - sizeof(Number), static_cast<Number>(values[i]));
    }
}

// element_type: Postgres's number of it.
template <class Number, class Buffer>
void append_array_field(Buffer& out, const float* values, size_t count, uint32_t element_type) {
    append_number(out,
                  static_cast<int32_t>(5 * sizeof(int32_t) + count * (sizeof(int32_t) + sizeof(Number))));
    append_number<int32_t>(out, 1);  // array dimensions
    append_number<int32_t>(out, 0);  // no nulls
    append_number(out, element_type);
    append_number(out, static_cast<int32_t>(count));
    append_number<int32_t>(out, 1);  // lower bound
    append_numbers<Number>(out, values, count, true);
}

// A vector, or an array of numbers. (Halves and bits are CopyEncoder's.)
template <class Buffer>
void append_float_vector(Buffer& out, VectorEncoding encoding, const float* values, size_t dims) {
    constexpr uint32_t float4_oid = 700, float8_oid = 701;  // pg_type's, which never change
    switch (encoding) {
        case VectorEncoding::vector:
            append_number(out, static_cast<int32_t>(2 * sizeof(int16_t) + dims * sizeof(float)));
            append_number(out, static_cast<int16_t>(dims));
            append_number<int16_t>(out, 0);
            append_numbers<float>(out, values, dims, false);
            return;
        case VectorEncoding::float4_array: return append_array_field<float>(out, values, dims, float4_oid);
        case VectorEncoding::float8_array: return append_array_field<double>(out, values, dims, float8_oid);
        default: throw Error(ErrorCode::internal, "floats are no field of this type");
    }
}

template <class T, class Buffer>
void append_integer_id(Buffer& out, int64_t id, const std::string& column) {
    if (id < std::numeric_limits<T>::min() || id > std::numeric_limits<T>::max()) {
        throw Error(ErrorCode::out_of_range,
                    "id " + std::to_string(id) + " does not fit into column \"" + column + "\"", {},
                    "Make it a bigint.");
    }
    append_number_field(out, static_cast<T>(id));
}

// column: for errors.
template <class Buffer>
void append_id_field(Buffer& out, IdEncoding encoding, int64_t id, const std::string& column) {
    switch (encoding) {
        case IdEncoding::none: return;
        case IdEncoding::int2: return append_integer_id<int16_t>(out, id, column);
        case IdEncoding::int4: return append_integer_id<int32_t>(out, id, column);
        case IdEncoding::int8: return append_integer_id<int64_t>(out, id, column);
        case IdEncoding::text: {
            const std::string digits = std::to_string(id);
            return append_field(out, digits.data(), digits.size());
        }
    }
}

}  // namespace vecstore::core::io
