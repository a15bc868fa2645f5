#include "import/field_value.hpp"

#include "core/io/copy/copy_fields.hpp"
#include "core/io/source/content_hash.hpp"

extern "C" {
#include "catalog/pg_type.h"
#include "libpq/pqformat.h"
#include "mb/pg_wchar.h"
#include "utils/lsyscache.h"
#include "utils/numeric.h"
}

namespace vecstore::import {

namespace {

using core::io::null_length;

struct Text {
    char* data;
    int length;
};

// JSON text of an array or object.
Text json_text(JsonbValue* value) {
    StringInfoData text;
    initStringInfo(&text);
    if (value->type == jbvBinary) {
        (void)JsonbToCString(&text, value->val.binary.data, value->val.binary.len);
    } else {
        Jsonb* const json = JsonbValueToJsonb(value);
        (void)JsonbToCString(&text, &json->root, VARSIZE(json));
    }
    return {text.data, text.len};
}

void append_array_literal(StringInfo literal, JsonbContainer* array);

void append_quoted(StringInfo literal, const Text& text) {
    appendStringInfoChar(literal, '"');
    for (int i = 0; i < text.length; i++) {
        if (text.data[i] == '"' || text.data[i] == '\\') appendStringInfoChar(literal, '\\');
        appendStringInfoChar(literal, text.data[i]);
    }
    appendStringInfoChar(literal, '"');
}

// The text of this value for a type's input function. Strings are not copied where that can be helped.
Text input_text(JsonbValue* value, bool for_array) {
    switch (value->type) {
        case jbvString:
            return {pnstrdup(value->val.string.val, value->val.string.len), value->val.string.len};
        case jbvNumeric: {
            char* const digits = DatumGetCString(
                DirectFunctionCall1(numeric_out, NumericGetDatum(value->val.numeric)));
            return {digits, static_cast<int>(strlen(digits))};
        }
        case jbvBool: {
            const char* const word = value->val.boolean ? "true" : "false";
            return {pstrdup(word), static_cast<int>(strlen(word))};
        }
        default: break;
    }
    if (!for_array || value->type != jbvBinary || !JsonContainerIsArray(value->val.binary.data))
        return json_text(value);
    StringInfoData literal;
    initStringInfo(&literal);
    append_array_literal(&literal, value->val.binary.data);
    return {literal.data, literal.len};
}

void append_array_literal(StringInfo literal, JsonbContainer* array) {
    check_stack_depth();
    appendStringInfoChar(literal, '{');
    const uint32 count = JsonContainerSize(array);
    for (uint32 i = 0; i < count; i++) {
        if (i > 0) appendStringInfoChar(literal, ',');
        JsonbValue* const element = getIthJsonbValueFromContainer(array, i);
        if (element->type == jbvNull) {
            appendStringInfoString(literal, "NULL");
        } else if (element->type == jbvBinary && JsonContainerIsArray(element->val.binary.data)) {
            append_array_literal(literal, element->val.binary.data);
        } else {
            append_quoted(literal, input_text(element, false));
        }
    }
    appendStringInfoChar(literal, '}');
}

void append_length(StringInfo stream, int length) { pq_sendint32(stream, static_cast<uint32>(length)); }

// COPY takes text in the client's encoding.
void append_text(StringInfo stream, const char* data, int length, const char* prefix, int prefix_length) {
    const char* const converted = pg_server_to_client(data, length);
    const int converted_length = converted == data ? length : static_cast<int>(strlen(converted));
    append_length(stream, prefix_length + converted_length);
    appendBinaryStringInfo(stream, prefix, prefix_length);
    appendBinaryStringInfo(stream, converted, converted_length);
}

uint64 append_converted(FieldTarget& target, JsonbValue* value, uint64 row_hash, StringInfo stream) {
    char* const text = input_text(value, target.is_array).data;
    const Datum datum = InputFunctionCall(&target.input, text, target.ioparam, target.typmod);
    const bytea* const bytes = SendFunctionCall(&target.send, datum);
    append_length(stream, static_cast<int>(VARSIZE(bytes) - VARHDRSZ));
    appendBinaryStringInfo(stream, VARDATA(bytes), static_cast<int>(VARSIZE(bytes) - VARHDRSZ));
    return hash_datum(target.hasher, row_hash, datum, false);
}

}  // namespace

FieldHasher make_field_hasher(Oid type, MemoryContext memory) {
    FieldHasher hasher;
    const Oid base = getBaseType(type);
    char category;
    bool preferred, varlena;
    Oid function;
    get_type_category_preferred(base, &category, &preferred);
    if (base == TEXTOID || base == VARCHAROID || base == BPCHAROID) {
        hasher.bytes = FieldHasher::Bytes::text;
        return hasher;
    }
    // The binary forms of these are in the client's encoding.
    const bool by_output = category == TYPCATEGORY_STRING || category == TYPCATEGORY_ENUM ||
                           base == JSONBOID || base == JSONOID || base == XMLOID;
    hasher.bytes = by_output ? FieldHasher::Bytes::output : FieldHasher::Bytes::send;
    if (by_output) {
        getTypeOutputInfo(base, &function, &varlena);
    } else {
        getTypeBinaryOutputInfo(base, &function, &varlena);
    }
    fmgr_info_cxt(function, &hasher.function, memory);
    return hasher;
}

uint64 hash_datum(FieldHasher& hasher, uint64 row_hash, Datum value, bool is_null) {
    if (is_null) return core::io::hash_field(row_hash, nullptr, 0);
    switch (hasher.bytes) {
        case FieldHasher::Bytes::text: {
            const text* const bytes = DatumGetTextPP(value);
            return core::io::hash_field(row_hash, VARDATA_ANY(bytes), VARSIZE_ANY_EXHDR(bytes));
        }
        case FieldHasher::Bytes::output: {
            const char* const bytes = OutputFunctionCall(&hasher.function, value);
            return core::io::hash_field(row_hash, bytes, strlen(bytes));
        }
        case FieldHasher::Bytes::send: {
            const bytea* const bytes = SendFunctionCall(&hasher.function, value);
            return core::io::hash_field(row_hash, VARDATA(bytes), VARSIZE(bytes) - VARHDRSZ);
        }
    }
    return row_hash;
}

FieldTarget make_field_target(Form_pg_attribute column, MemoryContext memory) {
    FieldTarget target;
    Oid function;
    bool varlena;
    const Oid type = column->atttypid;
    target.number = column->attnum;
    target.column = column->attname;
    target.type = type;
    target.typmod = column->atttypmod;
    target.is_array = OidIsValid(get_element_type(getBaseType(type)));
    target.is_text = type == TEXTOID;
    target.is_jsonb = type == JSONBOID;
    getTypeInputInfo(type, &function, &target.ioparam);
    fmgr_info_cxt(function, &target.input, memory);
    getTypeBinaryOutputInfo(type, &function, &varlena);
    fmgr_info_cxt(function, &target.send, memory);
    target.hasher = make_field_hasher(type, memory);
    return target;
}

uint64 append_field(FieldTarget& target, JsonbValue* value, uint64 row_hash, StringInfo stream) {
    if (value == nullptr || value->type == jbvNull) {
        append_length(stream, null_length);
        return core::io::hash_field(row_hash, nullptr, 0);
    }
    if (target.is_text && value->type == jbvString) {
        append_text(stream, value->val.string.val, value->val.string.len, "", 0);
        return core::io::hash_field(row_hash, value->val.string.val,
                                    static_cast<size_t>(value->val.string.len));
    }
    if (target.is_text || target.is_jsonb) {
        constexpr char jsonb_version = 1;
        const Text text = target.is_jsonb ? json_text(value) : input_text(value, false);
        append_text(stream, text.data, text.length, &jsonb_version, target.is_jsonb ? 1 : 0);
        return core::io::hash_field(row_hash, text.data, static_cast<size_t>(text.length));
    }
    return append_converted(target, value, row_hash, stream);
}

Jsonb* parse_json(const char* text, size_t length) {
    char* const copy = pnstrdup(text, length);
    char* const converted = pg_any_to_server(copy, static_cast<int>(length), PG_UTF8);
    return DatumGetJsonbP(DirectFunctionCall1(jsonb_in, CStringGetDatum(converted)));
}

JsonbValue* root_value(Jsonb* json, JsonbValue* storage) {
    if (JB_ROOT_IS_SCALAR(json)) return getIthJsonbValueFromContainer(&json->root, 0);
    storage->type = jbvBinary;
    storage->val.binary.data = &json->root;
    storage->val.binary.len = static_cast<int>(VARSIZE(json) - VARHDRSZ);
    return storage;
}

}  // namespace vecstore::import
