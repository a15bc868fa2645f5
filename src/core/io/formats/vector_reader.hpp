// Reading vectors out of files of any format.
//
// A format's open function (formats.hpp has all formats) parses and checks the headers (every length against
// the bytes that are there) and gives a VectorReader, which streams rows in bounded memory.
#pragma once

#include "core/distance/metric.hpp"
#include "core/io/formats/element.hpp"
#include "core/io/source/byte_source.hpp"

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace vecstore::core::io {

// The distance that a file says its vectors are meant for: one of our metrics, another one, or none.
class FileMetric {
  public:
    FileMetric(Metric metric) : kind_(Kind::known), metric_(metric) {}  // NOLINT: implicit
    static FileMetric unknown() { return FileMetric(Kind::unknown); }
    static FileMetric other() { return FileMetric(Kind::other); }

    bool is_unknown() const { return kind_ == Kind::unknown; }
    // Null where it is none of ours.
    const MetricInfo* info() const { return kind_ == Kind::known ? &metric_info(metric_) : nullptr; }
    bool is(Metric metric) const { return kind_ == Kind::known && metric_ == metric; }
    const char* name() const {
        return kind_ == Kind::unknown ? "unknown" : kind_ == Kind::other ? "other" : info()->name;
    }

  private:
    enum class Kind { unknown, other, known };
    explicit FileMetric(Kind kind) : kind_(kind) {}

    Kind kind_;
    Metric metric_ = Metric::l2;
};

// One fact more about a file, for people: value is a number when is_number, else text (ASCII).
struct FileDetail {
    std::string key;
    std::string value;
    bool is_number;
};

// The facts that the headers of a file tell.
struct VectorFileInfo {
    std::string format;  // VectorFormat::name
    ElementType element = ElementType::float32;
    uint64_t rows = 0;  // places for rows, of which reading may leave some out; at most INT64_MAX, as dims
    uint64_t dims = 0;  // components of a vector; may be 0 where there are no rows
    bool has_ids = false;
    bool by_id = false;  // rows are in no order that others know: what belongs to one is found by its id
    FileMetric metric = FileMetric::unknown();
    bool lossy = false;  // the file holds an approximation of the vectors it was made of
    std::vector<std::string> warnings;
    std::vector<FileDetail> details;
};

// Rows in the order of the file.
struct VectorBatch {
    uint64_t first = 0;  // position at which reading began, from 0
    size_t rows = 0;
    std::vector<float> values;  // rows x dims, all finite
    std::vector<int64_t> ids;   // the file's ids, or the rows' positions where it has none
    std::vector<uint64_t>
        positions;  // of the rows in the file, ascending; with gaps where rows were left out
};

// Opens a file that lies beside the one that is read, by its bare name; null where there is none.
using SiblingOpener = std::function<std::unique_ptr<ByteSource>(const std::string& name)>;

// The caller's wishes. Options that do not concern a format are ignored by it.
struct ReadOptions {
    std::string format = "auto";
    std::string file_name;  // for its extension, which tells formats without a magic apart; may be empty
    std::string member;     // of an archive: its name, ".npy" may be left out; empty: the only one
    bool flatten = false;   // an array of 3 or more dimensions: a row for each first index
    bool skip_not_finite = false;  // leave out rows with NaN or infinity instead of an error
    SiblingOpener open_sibling;    // may be empty: there is nothing beside the file
};

// Rows that reading has left out so far.
struct SkippedRows {
    uint64_t not_finite = 0;
    uint64_t deleted = 0;  // marked as deleted in the file
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
    // NaN or infinity (unless they are skipped), limit_exceeded for too many dimensions.
    bool read(VectorBatch& batch, size_t max_rows);
    // Looks at no more than max_rows positions, of which all may be left out: an empty batch is no end. Not
    // to be called there.
    void read_block(VectorBatch& batch, size_t max_rows);
    const SkippedRows& skipped() const { return skipped_; }
    // How many rows are marked as deleted. May look at every row.
    virtual uint64_t count_deleted() { return 0; }
    // Takes a source that the reader reads from, to live as long as the reader.
    void keep(std::unique_ptr<ByteSource> source) { kept_.push_back(std::move(source)); }

  protected:
    VectorReader(ByteSource& source, VectorFileInfo info) : source_(source), info_(std::move(info)) {}
    ByteSource& source() const { return source_; }
    // Fills values (batch.rows x dims) and, when info().has_ids, ids of the rows from batch.first on. Rows
    // that are not to be given out are marked in dropped (batch.rows flags, all 0 before).
    virtual void read_rows(VectorBatch& batch, std::vector<uint8_t>& dropped) = 0;

  private:
    friend std::unique_ptr<VectorReader> open_vectors(ByteSource& source, const ReadOptions& options);

    void fill(VectorBatch& batch);
    void drop_not_finite(const VectorBatch& batch);
    void compact(VectorBatch& batch);
    [[noreturn]] void throw_not_finite(const VectorBatch& batch, size_t at) const;

    ByteSource& source_;
    VectorFileInfo info_;
    uint64_t position_ = 0;
    bool skip_not_finite_ = false;
    SkippedRows skipped_;
    std::vector<uint8_t> dropped_;
    std::vector<std::unique_ptr<ByteSource>> kept_;
};

// Opens a source as the format of options.format; "auto" recognizes it by its first bytes. Throws
// invalid_parameter for an unknown name, file_not_supported for a file that no format recognizes.
std::unique_ptr<VectorReader> open_vectors(ByteSource& source, const ReadOptions& options);
std::unique_ptr<VectorReader> open_vectors(ByteSource& source, const std::string& format = "auto");

}  // namespace vecstore::core::io
