// The metadata of the rows: the records of a JSON file beside the vectors, by position or by id.
#pragma once

#include "core/io/copy/copy_encoder.hpp"
#include "import/target.hpp"

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

    core::io::RecordSource records() const { return {source_.get(), &survey_}; }

    // To be called inside pg_call(). Appends the target's fields of a record to the stream, and returns the
    // row's hash with them.
    uint64 append_fields(const Target& target, const core::io::CopyBlock::Gap& record,
                         StringInfo stream) const;

  private:
    JsonbValue* find(Jsonb* record, int key, JsonbValue* storage) const;

    std::unique_ptr<core::io::ByteSource> source_;
    core::io::JsonSurvey survey_;
    std::vector<std::string> keys_;
    uint64 fingerprint_;
};

}  // namespace vecstore::import
