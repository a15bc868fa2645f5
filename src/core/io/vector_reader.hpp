// Reading vectors out of files of any format.
//
// A format contributes a VectorFormat: how to recognise its files, and how to open one. Opening parses
// and checks the headers (every length against the bytes that are there) and gives a VectorReader, which
// streams rows in bounded memory. To add a format, write its open function and add it to the table in
// vector_reader.cpp; nothing else knows the list.
#pragma once

#include "core/io/byte_source.hpp"
#include "core/io/element.hpp"

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace vecstore::core::io {

// The distance that a file says its vectors are meant for.
enum class Metric { unknown, l2, inner_product, l1, other };

const char* metric_name(Metric metric);

// One fact more about a file, for people: value is a number when is_number, else text (ASCII).
struct FileDetail {
    std::string key;
    std::string value;
    bool is_number;
};

// What the headers of a file say.
struct VectorFileInfo {
    std::string format;  // "npy", "faiss"
    ElementType element = ElementType::float32;
    uint64_t rows = 0;  // at most INT64_MAX, as dims
    uint64_t dims = 0;  // components of a vector; may be 0 where there are no rows
    bool has_ids = false;
    Metric metric = Metric::unknown;
    bool lossy = false;  // the file holds an approximation of the vectors it was made of
    std::vector<std::string> warnings;
    std::vector<FileDetail> details;
};

// Rows in the order of the file.
struct VectorBatch {
    uint64_t first = 0;  // position of the first row in the file, from 0
    size_t rows = 0;
    std::vector<float> values;  // rows x dims, all finite
    std::vector<int64_t> ids;   // the file's ids, or the rows' positions where it has none
};

class VectorReader {
  public:
    // Vectors longer than this are described but not read. (One row must fit in memory.)
    static constexpr uint64_t max_dims = 65535;
    // Rows are read in blocks of about this size, which bounds the memory of a batch.
    static constexpr size_t block_bytes = size_t{1} << 20;

    virtual ~VectorReader() = default;

    const VectorFileInfo& info() const { return info_; }
    // Position of the row that read() starts with.
    uint64_t position() const { return position_; }
    // Goes on at this row; info().rows is the end. Throws invalid_parameter beyond that.
    void seek(uint64_t row);
    // Reads the next rows into batch (reusing its memory): at least one and at most max_rows, bounded by
    // block_bytes. Returns false, and an empty batch, at the end. Throws data_exception for a row with
    // NaN or infinity, limit_exceeded for too many dimensions.
    bool read(VectorBatch& batch, size_t max_rows);

  protected:
    VectorReader(ByteSource& source, VectorFileInfo info) : source_(source), info_(std::move(info)) {}
    ByteSource& source() const { return source_; }
    // Fills values (batch.rows x dims) and, when info().has_ids, ids of the rows from batch.first on.
    virtual void read_rows(VectorBatch& batch) = 0;

  private:
    [[noreturn]] void throw_not_finite(const VectorBatch& batch, size_t at) const;

    ByteSource& source_;
    VectorFileInfo info_;
    uint64_t position_ = 0;
};

struct VectorFormat {
    const char* name;
    // Looks at the first bytes only (fewer than asked for where the source is shorter).
    bool (*recognises)(const uint8_t* head, size_t length);
    // The source must outlive the reader.
    std::unique_ptr<VectorReader> (*open)(ByteSource& source);
};

// All formats that can be read.
const std::vector<VectorFormat>& vector_formats();

// Opens a source as the format of this name; "auto" recognises it by its first bytes. Throws
// invalid_parameter for an unknown name, file_not_supported for a file that no format recognises.
std::unique_ptr<VectorReader> open_vectors(ByteSource& source, const std::string& format = "auto");

}  // namespace vecstore::core::io
