#include "import/copy_stream.hpp"

#include "core/base/byte_order.hpp"
#include "core/base/half.hpp"
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

void CopyStream::begin(uint64_t end) {
    end_ = end;
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

// Whether there is one; it is row next_row_ of the batch.
bool CopyStream::next_row() {
    if (next_row_ < batch_.rows) return true;
    next_row_ = 0;
    batch_.rows = 0;
    // A block without a row to give out is no end.
    while (batch_.rows == 0 && reader_.position() < end_) {
        reader_.read_block(batch_,
                           static_cast<size_t>(std::min<uint64_t>(end_ - reader_.position(), SIZE_MAX)));
    }
    return batch_.rows > 0;
}

void CopyStream::refill() {
    encoded_.clear();
    taken_ = 0;
    while (encoded_.size() < piece_bytes) {
        if (!next_row()) {
            append(stream_trailer);
            ended_ = true;
            return;
        }
        encode_row(next_row_);
        next_row_++;
        rows_++;
    }
}

void CopyStream::read_through(uint64_t end) {
    begin(end);
    while (next_row()) {
        encoded_.clear();
        encode_row(next_row_);
        next_row_++;
        rows_++;
        pg::check_interrupts();
    }
}

void CopyStream::encode_row(size_t row) {
    const auto dims = static_cast<size_t>(reader_.info().dims);
    const float* const values = batch_.values.data() + row * dims;
    const bool with_id = target_.id_encoding != IdEncoding::none;
    append(static_cast<int16_t>(1 + (with_id ? 1 : 0) + target_.field_count));
    const size_t start = encoded_.size();
    encode_vector(values);
    const int64_t position = static_cast<int64_t>(batch_.positions[row]);
    const int64_t stored = rules_.ids_are_positions ? position : batch_.ids[row];
    uint64_t hash = hash_vector(stored_id(target_, stored), values, start);
    if (with_id) encode_id(stored);
    if (target_.field_count > 0) {
        const int64_t id = rules_.metadata_by_id ? batch_.ids[row] : position;
        if (id < 0) {
            throw core::Error(
                core::ErrorCode::out_of_range,
                "id " + std::to_string(id) + " is negative: there is no such record of metadata");
        }
        hash = encode_fields(hash, static_cast<uint64_t>(id));
    }
    content_sum_ += hash;
}

// Of what the column will hold: halves after rounding; bits as a field, as they stand behind `start`.
uint64_t CopyStream::hash_vector(int64_t id, const float* values, size_t start) {
    const auto dims = static_cast<size_t>(reader_.info().dims);
    switch (target_.vector_encoding) {
        case VectorEncoding::halfvec:
            return core::io::hash_row(id, rounded_.data(), dims);
        case VectorEncoding::bits: {
            const size_t payload = start + sizeof(int32_t);
            return core::io::hash_field(core::io::hash_row(id, nullptr, 0), encoded_.data() + payload,
                                        encoded_.size() - payload);
        }
        default:
            return core::io::hash_row(id, values, dims);
    }
}

uint64_t CopyStream::encode_fields(uint64_t row_hash, uint64_t record) {
    metadata_->read(record, rules_.metadata_by_id);
    StringInfoData fields;
    const uint64 hash = pg::pg_call([&] {
        const MemoryContext old = MemoryContextSwitchTo(row_memory_);
        initStringInfo(&fields);
        const uint64 with_fields = metadata_->append_fields(target_.fields, target_.field_keys,
                                                            target_.field_count, row_hash, &fields);
        MemoryContextSwitchTo(old);
        return with_fields;
    });
    encoded_.insert(encoded_.end(), fields.data, fields.data + fields.len);
    MemoryContextReset(row_memory_);
    return hash;
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
        case VectorEncoding::halfvec:
            encode_halves(values);
            break;
        case VectorEncoding::bits:
            encode_bits(values);
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

void CopyStream::encode_halves(const float* values) {
    const auto dims = static_cast<size_t>(reader_.info().dims);
    rounded_.resize(dims);
    append<int32_t>(static_cast<int32_t>(2 * sizeof(int16_t) + dims * sizeof(uint16_t)));
    append(static_cast<int16_t>(dims));
    append<int16_t>(0);
    const size_t at = encoded_.size();
    encoded_.resize(at + dims * sizeof(uint16_t));
    for (size_t i = 0; i < dims; i++) {
        const uint16_t half = core::f16_from_float(values[i]);
        rounded_[i] = core::f16_to_float(half);
        if (!std::isfinite(rounded_[i])) {
            throw core::Error(core::ErrorCode::out_of_range,
                              std::to_string(values[i]) + " in row " +
                                  std::to_string(batch_.positions[next_row_]) +
                                  " does not fit into a halfvec",
                              {}, "Import into a column of type vector.");
        }
        core::store_big_endian(encoded_.data() + at + i * sizeof(uint16_t), half);
    }
}

void CopyStream::encode_bits(const float* values) {
    const auto dims = static_cast<size_t>(reader_.info().dims);
    const size_t bytes = (dims + 7) / 8;
    append<int32_t>(static_cast<int32_t>(sizeof(int32_t) + bytes));
    append<int32_t>(static_cast<int32_t>(dims));
    const size_t at = encoded_.size();
    encoded_.resize(at + bytes);
    for (size_t i = 0; i < dims; i++) {
        if (values[i] != 0.0f && values[i] != 1.0f) {
            throw core::Error(
                core::ErrorCode::data_exception,
                std::to_string(values[i]) + " in row " + std::to_string(batch_.positions[next_row_]) +
                    " is not a bit",
                {},
                "Only files of bits, or of zeros and ones, go into a column of type bit. "
                "Import other vectors into a column of type vector, and see binary_quantize().");
        }
        if (values[i] != 0.0f) encoded_[at + i / 8] |= static_cast<uint8_t>(0x80 >> i % 8);
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
