#include "core/io/copy/copy_encoder.hpp"

#include "core/base/byte_order.hpp"
#include "core/base/read_ahead.hpp"
#include "core/io/source/content_hash.hpp"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <limits>

namespace vecstore::core::io {

namespace {

// Whether no name has escapes: then records can be read without Postgres.
bool has_plain_names(const JsonSurvey& survey) {
    return std::none_of(survey.fields.begin(), survey.fields.end(),
                        [](const JsonField& field) { return field.name.find('\\') != std::string::npos; });
}

}  // namespace

bool RowLayout::operator==(const RowLayout& other) const {
    const auto same = [](const Field& a, const Field& b) {
        return a.key == b.key && a.encoding == b.encoding;
    };
    return vector == other.vector && id == other.id && id_column == other.id_column &&
           metadata_by_id == other.metadata_by_id && ids_are_positions == other.ids_are_positions &&
           texts_are_utf8 == other.texts_are_utf8 &&
           std::equal(fields.begin(), fields.end(), other.fields.begin(), other.fields.end(), same);
}

CopyEncoder::CopyEncoder(VectorReader& reader, RowLayout layout, RecordSource records, const BlockEnds& ends)
    : reader_(reader),
      layout_(std::move(layout)),
      metadata_(records),
      dims_(static_cast<size_t>(reader.info().dims)),
      vector_field_(layout_.vector),
      ends_(ends),
      skipped_before_(reader.skipped()) {
    if (layout_.fields.empty()) return;
    records_ = std::make_unique<JsonRecords>(*metadata_.source, *metadata_.survey);
    const bool whole = std::any_of(
        layout_.fields.begin(), layout_.fields.end(),
        [](const RowLayout::Field& f) { return f.key == RowLayout::whole_record; });
    if (layout_.texts_are_utf8 && !whole && has_plain_names(*metadata_.survey))
        flat_ = std::make_unique<FlatJson>(metadata_.survey->fields);
}

// Whether there are rows before the end of this block.
bool CopyEncoder::read_rows() {
    if (next_row_ < batch_.rows) return true;
    next_row_ = 0;
    batch_.rows = 0;
    // Rows that reading leaves out may be all there are.
    while (batch_.rows == 0 && reader_.position() < ends_.first) {
        check_abandoned();
        const uint64_t most = ends_.first - reader_.position();
        reader_.read_block(batch_, static_cast<size_t>(std::min<uint64_t>(most, SIZE_MAX)));
    }
    return batch_.rows > 0;
}

bool CopyEncoder::fill(CopyBlock& block) {
    if (failure_) std::rethrow_exception(std::exchange(failure_, nullptr));
    if (reader_.position() >= ends_.last && next_row_ >= batch_.rows) return false;
    if (reader_.position() >= ends_.first && next_row_ >= batch_.rows)
        ends_.first = ends_.step < ends_.last - ends_.first ? ends_.first + ends_.step : ends_.last;
    block.gaps.clear();
    block.rows = 0;
    block.content_sum = 0;
    out_.swap(block.bytes);
    out_.clear();
    size_t whole = 0;  // rows' bytes
    try {
        size_t beside = 0;
        while (out_.size() + beside < block_bytes && read_rows()) {
            encode_row(block);
            next_row_++;
            whole = out_.size();
            if (!block.gaps.empty() && block.gaps.back().at == whole) {
                for (const std::string& text : block.gaps.back().texts) beside += text.size();
            }
        }
    } catch (const Abandoned&) {
        throw;
    } catch (...) {
        failure_ = std::current_exception();
    }
    out_.resize(whole);
    out_.swap(block.bytes);
    block.end = next_row_ < batch_.rows ? batch_.positions[next_row_] : reader_.position();
    const SkippedRows& skipped = reader_.skipped();
    block.skipped = {skipped.not_finite - skipped_before_.not_finite,
                     skipped.deleted - skipped_before_.deleted};
    skipped_before_ = skipped;
    return true;
}

void CopyEncoder::encode_row(CopyBlock& block) {
    const float* const values = batch_.values.data() + next_row_ * dims_;
    const bool with_id = layout_.id != IdEncoding::none;
    append_number(out_, static_cast<int16_t>(1 + (with_id ? 1 : 0) + layout_.fields.size()));
    const auto position = static_cast<int64_t>(batch_.positions[next_row_]);
    const int64_t id = layout_.ids_are_positions ? position : batch_.ids[next_row_];
    const uint64_t hash = vector_field_.append(
        out_, {values, dims_, layout_.stored_id(id), static_cast<uint64_t>(position)});
    append_id_field(out_, layout_.id, id, layout_.id_column);
    if (layout_.fields.empty()) {
        block.content_sum += hash;
    } else {
        const int64_t record = layout_.metadata_by_id ? batch_.ids[next_row_] : position;
        if (record < 0) {
            throw Error(ErrorCode::out_of_range,
                        "id " + std::to_string(record) + " is negative: there is no such record of metadata");
        }
        encode_fields(block, hash, static_cast<uint64_t>(record));
    }
    block.rows++;
}

// --- metadata ------------------------------------------------------------------------------------------

void CopyEncoder::read_record(uint64_t record) {
    if (layout_.metadata_by_id) {
        records_->get(record, texts_);
        return;
    }
    records_->skip(record - records_->position());
    records_->next(texts_);
}

void CopyEncoder::encode_fields(CopyBlock& block, uint64_t hash, uint64_t record) {
    read_record(record);
    const size_t start = out_.size();
    bool done = flat_ != nullptr && parse_fields();
    uint64_t with_fields = hash;
    for (size_t i = 0; done && i < layout_.fields.size(); i++) {
        const FlatValue& value = values_[static_cast<size_t>(layout_.fields[i].key)];
        const size_t payload = out_.size() + sizeof(int32_t);
        if (value.kind == json_null) {
            append_number(out_, null_length);
            with_fields = hash_field(with_fields, nullptr, 0);
            continue;
        }
        done = encode_field(layout_.fields[i].encoding, value);
        if (done) with_fields = hash_field(with_fields, out_.data() + payload, out_.size() - payload);
    }
    if (done) {
        block.content_sum += with_fields;
        return;
    }
    out_.resize(start);
    block.gaps.push_back({start, hash, record, std::move(texts_)});
}

bool CopyEncoder::parse_fields() {
    if (metadata_.survey->layout != JsonSurvey::Layout::columns)
        return flat_->parse_object(texts_[0], values_);
    values_.resize(texts_.size());
    for (size_t i = 0; i < texts_.size(); i++) {
        if (!flat_->parse_value(texts_[i], i, values_[i])) return false;
    }
    return true;
}

// Encodes the value as the type's input function would; false where it is left to that function.
bool CopyEncoder::encode_field(FieldEncoding encoding, const FlatValue& value) {
    switch (encoding) {
        case FieldEncoding::text: append_field(out_, value.text.data(), value.text.size()); return true;
        case FieldEncoding::int2: return encode_number<int16_t>(value);
        case FieldEncoding::int4: return encode_number<int32_t>(value);
        case FieldEncoding::int8: return encode_number<int64_t>(value);
        case FieldEncoding::float4: return encode_number<float>(value);
        case FieldEncoding::float8: return encode_number<double>(value);
        case FieldEncoding::boolean:
            if (value.kind != json_boolean) return false;
            append_number_field<uint8_t>(out_, value.text == "true");
            return true;
        case FieldEncoding::other: break;
    }
    return false;
}

template <class Number>
bool CopyEncoder::encode_number(const FlatValue& value) {
    const bool fits = value.kind == json_integer ||
                      (value.kind == json_real && std::is_floating_point_v<Number>);
    const char* const end = value.text.data() + value.text.size();
    Number number;
    if (!fits) return false;
    const auto [stopped, error] = std::from_chars(value.text.data(), end, number);
    if (stopped != end || error != std::errc()) return false;
    append_number_field(out_, number);
    return true;
}

}  // namespace vecstore::core::io
