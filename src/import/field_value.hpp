// A value of the metadata that goes into a column: it is taken out of JSON, written as a field of the binary
// COPY stream, and hashed as the table's value will be.
#pragma once

#include "pg/postgres.hpp"

extern "C" {
#include "catalog/pg_attribute.h"
#include "lib/stringinfo.h"
#include "utils/jsonb.h"
}

namespace vecstore::import {

// How the values of a type are hashed: by bytes that depend on neither session nor release.
struct FieldHasher {
    enum class Bytes { text, output, send } bytes;
    FmgrInfo function;
};

FieldHasher make_field_hasher(Oid type, MemoryContext memory);
// The row's hash with this value; may allocate in the current memory context.
uint64 hash_datum(FieldHasher& hasher, uint64 row_hash, Datum value, bool is_null);

// A column that a field of the metadata goes to. Plain data, so that it can be made inside pg_call().
struct FieldTarget {
    AttrNumber number;
    NameData column;
    Oid type;  // as declared
    int32 typmod;
    bool is_array;
    bool is_text;   // text itself: needs no conversion
    bool is_jsonb;  // jsonb itself
    Oid ioparam;
    FmgrInfo input;
    FmgrInfo send;
    FieldHasher hasher;
};

FieldTarget make_field_target(Form_pg_attribute column, MemoryContext memory);

// Appends the field (its length, then its bytes; -1 for null) to the stream. `value` may be null: SQL's NULL,
// as is JSON's. Returns the row's hash with it. Raises the errors of the type's input function.
uint64 append_field(FieldTarget& target, JsonbValue* value, uint64 row_hash, StringInfo stream);

// A JSON text in UTF-8, parsed; in the current memory context.
Jsonb* parse_json(const char* text, size_t length);

// The parsed value itself where it is a scalar, else the whole as one value.
JsonbValue* root_value(Jsonb* json, JsonbValue* storage);

}  // namespace vecstore::import
