// A binary COPY stream made of a file's rows. BeginCopyFrom() reads it through its callback, as COPY FROM
// would read it from a client. A thread reads the file and encodes the rows ahead of COPY.
#pragma once

#include "core/base/read_ahead.hpp"
#include "core/io/copy/copy_encoder.hpp"
#include "import/metadata.hpp"
#include "import/target.hpp"
#include "pg/stopped_at_exit.hpp"

#include <vector>

namespace vecstore::import {

// Which records and ids belong to which row.
struct RowRules {
    bool metadata_by_id;     // the record of a row is that of its id, not of its position
    bool ids_are_positions;  // even where the file has ids
    uint64_t batch_size;     // rows of each stream but the last, from the first on
};

// The rows of a file that go into a table.
struct CopyRows {
    core::io::VectorReader& reader;
    const Target& target;      // looked at anew for each stream
    const Metadata* metadata;  // or null
    RowRules rules;
};

class CopyStream final : private pg::StoppedAtExit {
  public:
    // row_memory is reset after each row.
    CopyStream(const CopyRows& rows, MemoryContext row_memory);

    // A new stream, of the next rows up to this position of the file.
    void begin(uint64_t end);
    // Reads and encodes the rows up to a position, for nothing but their hashes and the errors there may be.
    void read_through(uint64_t end);

    // Position of the file up to which rows were given out. (The reader's own may be far ahead.)
    uint64_t position() const { return position_; }
    // Rows given out since begin(), and the sum of their hashes.
    uint64_t rows() const { return rows_; }
    uint64_t content_sum() const { return content_sum_; }
    // Rows that were left out, since the first begin().
    const core::io::SkippedRows& skipped() const { return skipped_; }

    // Gives out at most length bytes; 0 at the end.
    size_t take(void* out, size_t length);

  private:
    using Ahead = core::ReadAhead<core::io::CopyBlock>;

    void stop_threads() override;
    core::io::RowLayout layout() const;
    void read_ahead(core::io::RowLayout layout, const core::io::BlockEnds& ends);
    bool advance();
    bool next_block();
    void encode_gap(const core::io::CopyBlock::Gap& gap);
    void give(const void* bytes, size_t length);

    core::io::VectorReader& reader_;
    const Target& target_;
    const Metadata* metadata_;
    const RowRules rules_;
    MemoryContext row_memory_;
    core::io::RowLayout encoded_as_;  // the layout that the thread makes
    std::unique_ptr<core::io::CopyEncoder> encoder_;
    std::unique_ptr<Ahead> ahead_;
    const core::io::CopyBlock* block_ = nullptr;  // the one that is given out, or null
    size_t at_ = 0;                               // in its bytes
    size_t gap_ = 0;                              // of its gaps: the next one
    uint64_t position_ = 0;
    uint64_t end_ = 0;
    uint64_t rows_ = 0;
    uint64_t content_sum_ = 0;
    core::io::SkippedRows skipped_;
    bool new_batch_ = true;
    bool ended_ = false;
    std::vector<uint8_t> fields_;     // of the row that had a gap
    const uint8_t* given_ = nullptr;  // bytes to be given out next
    size_t given_length_ = 0;
};

// While it lives, copy_stream_callback() reads from this stream. A trigger or a default of this COPY may
// start another COPY, which then has its own stream on top: the callback has no argument to tell them apart.
class ActiveCopyStream {
  public:
    explicit ActiveCopyStream(CopyStream& stream);
    ~ActiveCopyStream();
    ActiveCopyStream(const ActiveCopyStream&) = delete;
    ActiveCopyStream& operator=(const ActiveCopyStream&) = delete;

  private:
    CopyStream* outer_;
};

// A copy_data_source_cb.
int copy_stream_callback(void* out, int min_length, int max_length);

}  // namespace vecstore::import
