// Encodes the rows of a file, and of the metadata beside it, for a binary COPY stream, each with its hash. It
// calls nothing of Postgres, so a thread can do it ahead. A row whose metadata only Postgres can convert is
// left with a gap.
#pragma once

#include "core/io/copy/vector_field.hpp"
#include "core/io/formats/vector_reader.hpp"
#include "core/io/json/json_flat.hpp"
#include "core/io/json/json_records.hpp"

#include <exception>

namespace vecstore::core::io {

// `other`: Postgres converts it.
enum class FieldEncoding { text, int2, int4, int8, float4, float8, boolean, other };

// The fields of a row of the stream.
struct RowLayout {
    static constexpr int whole_record = -1;
    struct Field {
        int key;  // its number in the survey, or whole_record
        FieldEncoding encoding;
    };

    VectorEncoding vector = VectorEncoding::vector;
    IdEncoding id = IdEncoding::none;
    std::string id_column;           // for errors
    bool metadata_by_id = false;     // the record of a row is that of its id, not of its position
    bool ids_are_positions = false;  // even where the file has ids
    bool texts_are_utf8 = false;     // in the table and in the stream
    std::vector<Field> fields;

    bool operator==(const RowLayout& other) const;
    // A row's id as the table will hold it: the id, or 0 where ids are not stored.
    int64_t stored_id(int64_t value) const { return id == IdEncoding::none ? 0 : value; }
};

// The metadata. They must outlive their readers.
struct RecordSource {
    ByteSource* source;
    const JsonSurvey* survey;
};

// Some rows of the stream, none of them in part.
struct CopyBlock {
    // Here, in `bytes`, the fields of a row are missing.
    struct Gap {
        size_t at;
        uint64_t hash;  // of the row without them
        uint64_t record;
        std::vector<std::string> texts;
    };
    std::vector<uint8_t> bytes;
    std::vector<Gap> gaps;
    uint64_t rows = 0;
    uint64_t content_sum = 0;  // of the rows' hashes, but for those with a gap
    uint64_t end = 0;          // where reading goes on, in the file
    SkippedRows skipped;       // while this was read
};

// Positions at which blocks end: `first`, and from there on every `step` rows; `last` is the end of all.
struct BlockEnds {
    uint64_t first;
    uint64_t step;
    uint64_t last;
};

class CopyEncoder {
  public:
    // Goes on where the reader is. There are no records where the layout has no fields.
    CopyEncoder(VectorReader& reader, RowLayout layout, RecordSource records, const BlockEnds& ends);

    // The next rows; false at the end. An error in a row is thrown behind the block with the rows before it.
    bool fill(CopyBlock& block);

  private:
    // Blocks are cut when they have this size, and so stay in the CPU's cache.
    static constexpr size_t block_bytes = 256 * 1024;

    bool read_rows();
    void encode_row(CopyBlock& block);
    void encode_fields(CopyBlock& block, uint64_t hash, uint64_t record);
    void read_record(uint64_t record);
    bool parse_fields();
    bool encode_field(FieldEncoding encoding, const FlatValue& value);
    template <class Number>
    bool encode_number(const FlatValue& value);

    VectorReader& reader_;
    const RowLayout layout_;
    const RecordSource metadata_;
    const size_t dims_;
    VectorField vector_field_;
    BlockEnds ends_;
    std::unique_ptr<JsonRecords> records_;
    std::unique_ptr<FlatJson> flat_;  // null where Postgres must see all records
    std::vector<std::string> texts_;
    std::vector<FlatValue> values_;
    VectorBatch batch_;  // rows read, of which next_row_ is the first not yet encoded
    size_t next_row_ = 0;
    std::vector<uint8_t> out_;  // the block's bytes, while it is filled
    SkippedRows skipped_before_;
    std::exception_ptr failure_;
};

}  // namespace vecstore::core::io
