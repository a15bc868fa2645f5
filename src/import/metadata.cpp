#include "import/metadata.hpp"

#include "core/io/source/content_hash.hpp"
#include "pg/guard.hpp"

namespace vecstore::import {

using core::io::JsonSurvey;

namespace {

// A name as it stands in the file, with quotes and escapes, as text.
std::string decode_name(const std::string& raw) {
    const char* const name = pg::pg_call([&] {
        JsonbValue* const value = root_value(parse_json(raw.data(), raw.size()), nullptr);
        return pnstrdup(value->val.string.val, value->val.string.len);
    });
    return name;
}

struct RecordContext {
    const char* file;
    uint64 record;
};

void add_record_context(void* argument) {
    const auto* const context = static_cast<const RecordContext*>(argument);
    errcontext("record " UINT64_FORMAT " of the metadata in %s", context->record, context->file);
}

}  // namespace

Metadata::Metadata(std::unique_ptr<core::io::ByteSource> source, uint64_t rows)
    : source_(std::move(source)), survey_(core::io::survey_json(*source_, rows)) {
    for (const core::io::JsonField& field : survey_.fields) keys_.push_back(decode_name(field.name));
    fingerprint_ = core::io::fingerprint(*source_);
}

JsonbValue* Metadata::find(Jsonb* record, int key, JsonbValue* storage) const {
    const std::string& name = keys_[static_cast<size_t>(key)];
    return getKeyJsonValueFromContainer(&record->root, name.data(), static_cast<int>(name.size()), storage);
}

uint64 Metadata::append_fields(const Target& target, const core::io::CopyBlock::Gap& record,
                               StringInfo stream) const {
    RecordContext place = {source_->name().c_str(), record.record};
    ErrorContextCallback context = {error_context_stack, add_record_context, &place};
    error_context_stack = &context;
    const bool columns = survey_.layout == JsonSurvey::Layout::columns;
    const std::vector<std::string>& texts = record.texts;
    uint64 row_hash = record.hash;
    Jsonb* whole = columns ? nullptr : parse_json(texts[0].data(), texts[0].size());
    const int* const keys = target.field_keys;
    for (int i = 0; i < target.field_count; i++) {
        JsonbValue storage;
        JsonbValue* value = nullptr;
        if (keys[i] == core::io::RowLayout::whole_record) {
            if (columns && whole == nullptr) {
                StringInfoData object;
                initStringInfo(&object);
                for (size_t k = 0; k < texts.size(); k++) {
                    appendStringInfo(&object, "%c%s: %s", k == 0 ? '{' : ',', survey_.fields[k].name.c_str(),
                                     texts[k].c_str());
                }
                appendStringInfoChar(&object, '}');
                whole = parse_json(object.data, static_cast<size_t>(object.len));
            }
            value = root_value(whole, &storage);
        } else if (columns) {
            const std::string& text = texts[static_cast<size_t>(keys[i])];
            value = root_value(parse_json(text.data(), text.size()), &storage);
        } else if (JB_ROOT_IS_OBJECT(whole)) {
            value = find(whole, keys[i], &storage);
        } else {
            ereport(ERROR,
                    (errcode(ERRCODE_DATATYPE_MISMATCH), errmsg("a record of the metadata is not an object"),
                     errhint("Values that are not objects go into one column: metadata_column => '...'.")));
        }
        row_hash = append_field(target.fields[i], value, row_hash, stream);
    }
    error_context_stack = context.previous;
    return row_hash;
}

}  // namespace vecstore::import
