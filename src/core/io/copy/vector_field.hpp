// A row's vector as a field of a binary COPY stream, and the hash of the value that the column will hold:
// halves are rounded, bits are kept as bits.
#pragma once

#include "core/base/half.hpp"
#include "core/io/copy/copy_fields.hpp"
#include "core/io/source/content_hash.hpp"

#include <cmath>
#include <vector>

namespace vecstore::core::io {

struct VectorRow {
    const float* values;
    size_t dims;
    int64_t id;         // as the table will hold it, 0 for none
    uint64_t position;  // for errors
};

class VectorField {
  public:
    explicit VectorField(VectorEncoding encoding) : encoding_(encoding) {}

    // Returns the row's hash. Throws out_of_range and data_exception for values that the column's type cannot
    // hold.
    template <class Buffer>
    uint64_t append(Buffer& out, const VectorRow& row) {
        switch (encoding_) {
            case VectorEncoding::halfvec:
                append_halves(out, row);
                return hash_row(row.id, rounded_.data(), row.dims);
            case VectorEncoding::bits: {
                const size_t payload = out.size() + sizeof(int32_t);
                append_bits(out, row);
                return hash_field(hash_row(row.id, nullptr, 0), out.data() + payload, out.size() - payload);
            }
            default:
                append_float_vector(out, encoding_, row.values, row.dims);
                return hash_row(row.id, row.values, row.dims);
        }
    }

  private:
    template <class Buffer>
    void append_halves(Buffer& out, const VectorRow& row) {
        const float* const values = row.values;
        const size_t dims = row.dims;
        rounded_.resize(dims);
        append_number(out, static_cast<int32_t>(2 * sizeof(int16_t) + dims * sizeof(uint16_t)));
        append_number(out, static_cast<int16_t>(dims));
        append_number<int16_t>(out, 0);
        const size_t at = out.size();
        out.resize(at + dims * sizeof(uint16_t));
        for (size_t i = 0; i < dims; i++) {
            const uint16_t half = f16_from_float(values[i]);
            rounded_[i] = f16_to_float(half);
            if (!std::isfinite(rounded_[i])) {
                throw Error(ErrorCode::out_of_range,
                            std::to_string(values[i]) + " in row " + std::to_string(row.position) +
                                " does not fit into a halfvec",
                            {}, "Import into a column of type vector.");
            }
            store_big_endian(out.data() + at + i * sizeof(uint16_t), half);
        }
    }

    template <class Buffer>
    void append_bits(Buffer& out, const VectorRow& row) {
        const float* const values = row.values;
        const size_t dims = row.dims;
        const size_t bytes = (dims + 7) / 8;
        append_number(out, static_cast<int32_t>(sizeof(int32_t) + bytes));
        append_number(out, static_cast<int32_t>(dims));
        const size_t at = out.size();
        out.resize(at + bytes);
        for (size_t i = 0; i < dims; i++) {
            if (values[i] != 0.0f && values[i] != 1.0f) {
                throw Error(
                    ErrorCode::data_exception,
                    std::to_string(values[i]) + " in row " + std::to_string(row.position) + " is not a bit",
                    {},
                    "Only files of bits, or of zeros and ones, go into a column of type bit. "
                    "Import other vectors into a column of type vector, and see binary_quantize().");
            }
            if (values[i] != 0.0f)
                out[at + i / 8] = static_cast<typename Buffer::value_type>(out[at + i / 8] | (0x80 >> i % 8));
        }
    }

    const VectorEncoding encoding_;
    std::vector<float> rounded_;  // to half precision
};

}  // namespace vecstore::core::io
