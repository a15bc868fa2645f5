#include "core/io/formats/matrix_reader.hpp"

#include <algorithm>

namespace vecstore::core::io {

void MatrixReader::read_rows(VectorBatch& batch, std::vector<uint8_t>&) {
    if (layout_.column_major) {
        read_column_major(batch);
    } else {
        read_row_major(batch);
    }
    if (layout_.ids_offset) read_ids(batch);
}

void MatrixReader::read_row_major(VectorBatch& batch) {
    const size_t size = element_size(info().element);
    const auto dims = static_cast<size_t>(info().dims);
    const size_t header = static_cast<size_t>(layout_.row_header);
    const size_t row_bytes = header + dims * size;
    const uint64_t offset = layout_.data_offset + batch.first * row_bytes;
    const bool as_it_is = info().element == ElementType::float32 &&
                          layout_.big_endian == native_is_big_endian;
    if (as_it_is && header == 0) {
        source().read(offset, batch.values.data(), batch.rows * row_bytes);
        return;
    }
    buffer_.resize(batch.rows * row_bytes);
    source().read(offset, buffer_.data(), buffer_.size());
    if (header == 0) {
        to_float32(info().element, layout_.big_endian, buffer_.data(), batch.values.size(),
                   batch.values.data());
        return;
    }
    for (size_t row = 0; row < batch.rows; row++) {
        const uint8_t* const at = buffer_.data() + row * row_bytes;
        check_row_header(offset + row * row_bytes, at);
        to_float32(info().element, layout_.big_endian, at + header, dims, batch.values.data() + row * dims);
    }
}

// The rows of fvecs and its kin each begin with their number of dimensions.
void MatrixReader::check_row_header(uint64_t offset, const uint8_t* header) const {
    const auto dims = load_little_endian<int32_t>(header);
    if (dims == static_cast<int64_t>(info().dims)) return;
    throw_bad_file(
        source(), offset,
        "a row of " + std::to_string(dims) + " dimensions among rows of " + std::to_string(info().dims));
}

void MatrixReader::read_column_major(VectorBatch& batch) {
    const size_t size = element_size(info().element);
    const auto dims = static_cast<size_t>(info().dims);
    for (size_t done = 0; done < batch.rows;) {
        const uint64_t row = batch.first + done;
        if (row < window_first_ || row >= window_first_ + window_rows_) load_window(row);
        const uint64_t skipped = row - window_first_;
        const auto rows = static_cast<size_t>(std::min<uint64_t>(batch.rows - done, window_rows_ - skipped));
        for (size_t column = 0; column < dims; column++) {
            const size_t component = layout_.column_order.empty() ? column : layout_.column_order[column];
            to_float32(info().element, layout_.big_endian,
                       buffer_.data() + (column * window_rows_ + skipped) * size, rows,
                       batch.values.data() + done * dims + component, dims);
        }
        done += rows;
    }
}

void MatrixReader::load_window(uint64_t first) {
    const size_t size = element_size(info().element);
    const auto dims = static_cast<size_t>(info().dims);
    const uint64_t rows = std::min<uint64_t>(std::max<size_t>(1, window_bytes / (dims * size)),
                                             info().rows - first);
    window_rows_ = 0;
    buffer_.resize(static_cast<size_t>(rows) * dims * size);
    for (size_t column = 0; column < dims; column++) {
        source().read(layout_.data_offset + (column * info().rows + first) * size,
                      buffer_.data() + column * rows * size, static_cast<size_t>(rows) * size);
    }
    window_first_ = first;
    window_rows_ = rows;
}

void MatrixReader::read_ids(VectorBatch& batch) {
    source().read(*layout_.ids_offset + batch.first * sizeof(int64_t), batch.ids.data(),
                  batch.rows * sizeof(int64_t));
    for (int64_t& id : batch.ids) id = load_little_endian<int64_t>(&id);
}

}  // namespace vecstore::core::io
