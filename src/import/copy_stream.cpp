#include "import/copy_stream.hpp"

#include "core/base/byte_order.hpp"
#include "core/io/content_hash.hpp"
#include "pg/guard.hpp"

#include <limits>

extern "C" {
#include "catalog/pg_type.h"
}

namespace vecstore::import {

namespace {

CopyStream* active_stream = nullptr;

// What a binary COPY begins with: signature (11 bytes), flags, length of the header's extension.
constexpr size_t header_length = 19;
constexpr uint8_t stream_header[header_length] = {'P', 'G', 'C', 'O', 'P', 'Y', '\n', 0xff, '\r', '\n', 0};

constexpr int16_t stream_trailer = -1;

// Rows are encoded in pieces that stay in the CPU's cache.
constexpr size_t piece_bytes = 64 * 1024;

}  // namespace

ActiveCopyStream::ActiveCopyStream(CopyStream& stream) : outer_(active_stream) {
    active_stream = &stream;
}
ActiveCopyStream::~ActiveCopyStream() {
    active_stream = outer_;
}

int copy_stream_callback(void* out, int min_length, int max_length) {
    return pg::guarded(
        [&] { return static_cast<int>(active_stream->take(out, static_cast<size_t>(max_length))); });
}

void CopyStream::begin(uint64_t rows) {
    rows_wanted_ = rows;
    rows_ = 0;
    content_sum_ = 0;
    ended_ = false;
    taken_ = 0;
    encoded_.assign(stream_header, stream_header + header_length);
}

size_t CopyStream::take(void* out, size_t length) {
    if (taken_ == encoded_.size() && !ended_) refill();
    const size_t given = std::min(length, encoded_.size() - taken_);
    memcpy(out, encoded_.data() + taken_, given);
    taken_ += given;
    return given;
}

void CopyStream::refill() {
    encoded_.clear();
    taken_ = 0;
    while (encoded_.size() < piece_bytes) {
        if (next_row_ == batch_.rows) {
            next_row_ = 0;
            const auto left = static_cast<size_t>(std::min<uint64_t>(rows_wanted_ - rows_, SIZE_MAX));
            if (!reader_.read(batch_, left)) {
                append(stream_trailer);
                ended_ = true;
                return;
            }
        }
        encode_row(next_row_);
        next_row_++;
        rows_++;
    }
}

void CopyStream::encode_row(size_t row) {
    const auto dims = static_cast<size_t>(reader_.info().dims);
    const float* const values = batch_.values.data() + row * dims;
    content_sum_ += core::io::hash_row(stored_id(target_, batch_.ids[row]), values, dims);
    append<int16_t>(target_.id_encoding == IdEncoding::none ? 1 : 2);
    encode_vector(values);
    if (target_.id_encoding != IdEncoding::none) encode_id(batch_.ids[row]);
}

template <class T>
void CopyStream::append(T value) {
    const size_t at = encoded_.size();
    encoded_.resize(at + sizeof(T));
    core::store_big_endian(encoded_.data() + at, value);
}

// Numbers as Number, each after its length when with_lengths.
template <class Number>
void CopyStream::append_numbers(const float* values, bool with_lengths) {
    const auto dims = static_cast<size_t>(reader_.info().dims);
    const size_t step = sizeof(Number) + (with_lengths ? sizeof(int32_t) : 0);
    const size_t at = encoded_.size();
    encoded_.resize(at + dims * step);
    uint8_t* to = encoded_.data() + at;
    for (size_t i = 0; i < dims; i++, to += step) {
        if (with_lengths) core::store_big_endian(to, static_cast<int32_t>(sizeof(Number)));
        core::store_big_endian(to + step - sizeof(Number), static_cast<Number>(values[i]));
    }
}

void CopyStream::append_array_header(Oid element_type) {
    append<int32_t>(1);  // array dimensions
    append<int32_t>(0);  // no nulls
    append<uint32_t>(element_type);
    append<int32_t>(static_cast<int32_t>(reader_.info().dims));
    append<int32_t>(1);  // lower bound
}

void CopyStream::encode_vector(const float* values) {
    const auto dims = static_cast<int32_t>(reader_.info().dims);
    constexpr int32_t array_header = 5 * sizeof(int32_t);
    switch (target_.vector_encoding) {
        case VectorEncoding::vector:
            append<int32_t>(2 * sizeof(int16_t) + dims * sizeof(float));
            append<int16_t>(static_cast<int16_t>(dims));
            append<int16_t>(0);
            append_numbers<float>(values, false);
            break;
        case VectorEncoding::float4_array:
            append<int32_t>(array_header + dims * (sizeof(int32_t) + sizeof(float)));
            append_array_header(FLOAT4OID);
            append_numbers<float>(values, true);
            break;
        case VectorEncoding::float8_array:
            append<int32_t>(array_header + dims * (sizeof(int32_t) + sizeof(double)));
            append_array_header(FLOAT8OID);
            append_numbers<double>(values, true);
            break;
    }
}

namespace {

template <class T>
void check_id_fits(int64_t id, const Target& target) {
    if (id >= std::numeric_limits<T>::min() && id <= std::numeric_limits<T>::max()) return;
    throw core::Error(
        core::ErrorCode::out_of_range,
        "id " + std::to_string(id) + " does not fit into column \"" + NameStr(target.id_column) + "\"", {},
        "Make it a bigint.");
}

}  // namespace

void CopyStream::encode_id(int64_t id) {
    switch (target_.id_encoding) {
        case IdEncoding::none:
            break;
        case IdEncoding::int2:
            check_id_fits<int16_t>(id, target_);
            append<int32_t>(sizeof(int16_t));
            append(static_cast<int16_t>(id));
            break;
        case IdEncoding::int4:
            check_id_fits<int32_t>(id, target_);
            append<int32_t>(sizeof(int32_t));
            append(static_cast<int32_t>(id));
            break;
        case IdEncoding::int8:
            append<int32_t>(sizeof(int64_t));
            append(id);
            break;
        case IdEncoding::text: {
            const std::string digits = std::to_string(id);
            append(static_cast<int32_t>(digits.size()));
            encoded_.insert(encoded_.end(), digits.begin(), digits.end());
            break;
        }
    }
}

}  // namespace vecstore::import
