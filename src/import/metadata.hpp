// What a file beside the vectors says of each row: the records of a JSON file, by position or by id.
#pragma once

#include "core/io/json_records.hpp"
#include "import/field_value.hpp"

#include <memory>

namespace vecstore::import {

class Metadata {
  public:
    // Reads the whole file once. `rows` is how many vectors there are.
    Metadata(std::unique_ptr<core::io::ByteSource> source, uint64_t rows);

    const core::io::ByteSource& source() const { return *source_; }
    const core::io::JsonSurvey& survey() const { return survey_; }
    // Names of the fields, decoded, in the survey's order.
    const std::vector<std::string>& keys() const { return keys_; }
    uint64 fingerprint() const { return fingerprint_; }

    // The record of a row, for fields(). By position they must come in ascending order.
    void read(uint64_t record, bool in_any_order);

    // To be called inside pg_call(), after read(): appends what the targets get to the stream. `keys` are the
    // fields' numbers, or whole_record. Returns the row's hash with the fields.
    static constexpr int whole_record = -1;
    uint64 append_fields(FieldTarget* targets, const int* keys, int count, uint64 row_hash,
                         StringInfo stream);

  private:
    JsonbValue* find(Jsonb* record, int key, JsonbValue* storage) const;
    void restart();

    std::unique_ptr<core::io::ByteSource> source_;
    core::io::JsonSurvey survey_;
    std::vector<std::string> keys_;
    uint64 fingerprint_;
    std::unique_ptr<core::io::JsonRecords> records_;
    std::vector<std::string> texts_;
    uint64_t current_ = 0;
};

}  // namespace vecstore::import
