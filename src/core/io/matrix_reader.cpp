#include "core/io/matrix_reader.hpp"

namespace vecstore::core::io {

void MatrixReader::read_rows(VectorBatch& batch) {
    if (layout_.column_major) {
        read_column_major(batch);
    } else {
        read_row_major(batch);
    }
    if (layout_.ids_offset) read_ids(batch);
}

void MatrixReader::read_row_major(VectorBatch& batch) {
    const size_t size = element_size(info().element);
    const size_t bytes = batch.values.size() * size;
    const uint64_t offset = layout_.data_offset + batch.first * info().dims * size;
    if (info().element == ElementType::float32 && layout_.big_endian == native_is_big_endian) {
        source().read(offset, batch.values.data(), bytes);
        return;
    }
    buffer_.resize(bytes);
    source().read(offset, buffer_.data(), bytes);
    to_float32(info().element, layout_.big_endian, buffer_.data(), batch.values.size(), batch.values.data());
}

void MatrixReader::read_column_major(VectorBatch& batch) {
    const size_t size = element_size(info().element);
    const size_t dims = static_cast<size_t>(info().dims);
    buffer_.resize(batch.rows * size);
    for (size_t column = 0; column < dims; column++) {
        source().read(layout_.data_offset + (column * info().rows + batch.first) * size, buffer_.data(),
                      buffer_.size());
        to_float32(info().element, layout_.big_endian, buffer_.data(), batch.rows,
                   batch.values.data() + column, dims);
    }
}

void MatrixReader::read_ids(VectorBatch& batch) {
    source().read(*layout_.ids_offset + batch.first * sizeof(int64_t), batch.ids.data(),
                  batch.rows * sizeof(int64_t));
    for (int64_t& id : batch.ids) id = load_little_endian<int64_t>(&id);
}

}  // namespace vecstore::core::io
