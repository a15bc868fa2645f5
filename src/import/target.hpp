// The table that an import fills: which columns, of which types, and whether the user may.
#pragma once

#include "core/io/copy/copy_encoder.hpp"
#include "import/field_value.hpp"
#include "pg/postgres.hpp"

extern "C" {
#include "parser/parse_node.h"
#include "utils/rel.h"
}

namespace vecstore::import {

using core::io::IdEncoding;
using core::io::VectorEncoding;

// Plain data, so that it can be made inside pg_call().
struct TargetRequest {
    Oid relation;
    Oid vector_type;  // this extension's own
    Oid halfvec_type;
    const char* vector_column;  // null: the table's only column of such a type
    bool prefer_bits;           // then: one of type bit, if there is one
    const char* id_column;      // null: ids are not stored
    // Fields of the metadata: each goes into the column of its name, if there is one.
    const char* const* keys;
    int key_count;
    const char* id_key;           // the field that goes into id_column; null: the reader's ids do
    const char* metadata_column;  // instead of all others: the column that gets whole records; or null
};

struct Target {
    Oid relation;
    NameData vector_column;
    NameData id_column;
    AttrNumber vector_number;
    AttrNumber id_number;  // InvalidAttrNumber where the reader's ids are not stored
    VectorEncoding vector_encoding;
    IdEncoding id_encoding;
    int32 typmod;  // dimensions that a vector column insists on, or -1
    bool varying_bits;
    // Columns filled from metadata, and the number of each one's field or RowLayout::whole_record.
    FieldTarget* fields;
    int* field_keys;
    int field_count;
};

// The relation, locked for inserting and checked as COPY FROM checks it: a table (plain or partitioned),
// INSERT privilege on the columns, no row-level security, not a read-only transaction.
struct OpenTarget {
    Relation relation;
    ParseState* parse_state;  // knows the relation and the columns that will be inserted
    Target target;
};

// To be called in every transaction anew. Raises Postgres errors. The caller closes the relation (NoLock: the
// lock stays until the transaction ends) and frees the parse state.
OpenTarget open_target(const TargetRequest& request);
void close_target(const OpenTarget& open);

// Schema and name of the target, quoted, in the current memory context. The relation must be locked.
const char* qualified_name(const Target& target);

// Whether vectors of these dimensions can be stored; raises 22000 or 54000 when not.
void check_target_dims(const Target& target, uint64 dims, const char* file);

// Names of all columns that the target fills, quoted and separated by commas, in the current memory context.
const char* target_columns(const Target& target);

// A type in the schema of a function of this extension.
Oid type_beside(Oid function, const char* name);

}  // namespace vecstore::import
