// The reader behind every format that keeps its vectors as one matrix of numbers at one place of the
// file: the format's parser finds and checks the place, this reads the rows.
#pragma once

#include "core/io/formats/vector_reader.hpp"

namespace vecstore::core::io {

// Where the numbers are. The parser has made sure that all of them lie inside the source.
struct MatrixLayout {
    uint64_t data_offset = 0;
    bool big_endian = false;
    bool column_major = false;           // Fortran order: all first components, then all second ones, …
    std::vector<uint32_t> column_order;  // the component that each column is; empty: columns are in order
    std::optional<uint64_t> ids_offset;  // int64 little-endian, one for each row
    uint64_t row_header = 0;             // 4 where each row begins with its number of dimensions (int32)
};

class MatrixReader : public VectorReader {
  public:
    MatrixReader(ByteSource& source, VectorFileInfo info, MatrixLayout layout)
        : VectorReader(source, std::move(info)), layout_(std::move(layout)) {}

  protected:
    void read_rows(VectorBatch& batch, std::vector<uint8_t>& dropped) override;

  private:
    // Of column-major matrices this much is read at a time: a stretch of every column, so that there are few
    // reads, each of them a long one, and so that an archive need not be inflated anew for each block.
    static constexpr size_t window_bytes = size_t{16} << 20;

    void read_row_major(VectorBatch& batch);
    void read_column_major(VectorBatch& batch);
    void load_window(uint64_t first);
    void check_row_header(uint64_t offset, const uint8_t* header) const;
    void read_ids(VectorBatch& batch);

    MatrixLayout layout_;
    std::vector<uint8_t>
        buffer_;  // elements as the file has them: a block, or a window of a column-major matrix
    uint64_t window_first_ = 0;  // rows that the window holds
    uint64_t window_rows_ = 0;
};

}  // namespace vecstore::core::io
