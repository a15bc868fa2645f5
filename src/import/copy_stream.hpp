// A binary COPY stream made of a file's rows: what COPY FROM would read from a client, given to
// BeginCopyFrom() through its callback.
#pragma once

#include "core/io/vector_reader.hpp"
#include "import/metadata.hpp"
#include "import/target.hpp"

#include <vector>

namespace vecstore::import {

// What belongs to which row.
struct RowRules {
    bool metadata_by_id;     // the record of a row is that of its id, not of its position
    bool ids_are_positions;  // whatever ids the file has
};

class CopyStream {
  public:
    // Metadata may be null. The target is looked at anew for each stream. row_memory is reset after each row.
    CopyStream(core::io::VectorReader& reader, const Target& target, Metadata* metadata,
               const RowRules& rules, MemoryContext row_memory)
        : reader_(reader), target_(target), metadata_(metadata), rules_(rules), row_memory_(row_memory) {}

    // A new stream, of the reader's next rows up to this position of the file.
    void begin(uint64_t end);
    // Reads and encodes the rows up to a position, for nothing but their hashes and the errors there may be.
    void read_through(uint64_t end);

    // Rows given out since begin(), and the sum of their hashes.
    uint64_t rows() const { return rows_; }
    uint64_t content_sum() const { return content_sum_; }

    // Gives out at most length bytes; 0 at the end.
    size_t take(void* out, size_t length);

    // What the table is to hold of a row's id: the id, or 0 where ids are not stored.
    static int64_t stored_id(const Target& target, int64_t id) {
        return target.id_encoding == IdEncoding::none ? 0 : id;
    }

  private:
    void refill();
    bool next_row();
    void encode_row(size_t row);
    void encode_vector(const float* values);
    void encode_halves(const float* values);
    void encode_bits(const float* values);
    uint64_t encode_fields(uint64_t row_hash, uint64_t record);
    uint64_t hash_vector(int64_t id, const float* values, size_t start);
    void encode_id(int64_t id);
    template <class T>
    void append(T value);
    template <class Number>
    void append_numbers(const float* values, bool with_lengths);
    void append_array_header(Oid element_type);

    core::io::VectorReader& reader_;
    const Target& target_;
    Metadata* metadata_;
    const RowRules rules_;
    MemoryContext row_memory_;
    std::vector<float> rounded_;   // to half precision
    core::io::VectorBatch batch_;  // rows read, of which next_row_ is the first not yet encoded
    size_t next_row_ = 0;
    uint64_t end_ = 0;
    uint64_t rows_ = 0;
    uint64_t content_sum_ = 0;
    bool ended_ = false;
    std::vector<uint8_t> encoded_;
    size_t taken_ = 0;  // of encoded_
};

// While it lives, copy_stream_callback() reads from this stream. A COPY started by what this one sets off (a
// trigger, a default) would have its own on top: the callback has no argument to tell them apart.
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
