// The reader behind every format that keeps its vectors as one matrix of numbers at one place of the
// file: the format's parser finds and checks the place, this reads the rows.
#pragma once

#include "core/io/vector_reader.hpp"

namespace vecstore::core::io {

// Where the numbers are. The parser has made sure that all of them lie inside the source.
struct MatrixLayout {
    uint64_t data_offset = 0;
    bool big_endian = false;
    bool column_major = false;           // Fortran order: all first components, then all second ones, …
    std::optional<uint64_t> ids_offset;  // int64 little-endian, one for each row
};

class MatrixReader : public VectorReader {
  public:
    MatrixReader(ByteSource& source, VectorFileInfo info, MatrixLayout layout)
        : VectorReader(source, std::move(info)), layout_(layout) {}

  protected:
    void read_rows(VectorBatch& batch) override;

  private:
    void read_row_major(VectorBatch& batch);
    void read_column_major(VectorBatch& batch);
    void read_ids(VectorBatch& batch);

    MatrixLayout layout_;
    std::vector<uint8_t> buffer_;  // elements as the file has them, at most a block
};

}  // namespace vecstore::core::io
