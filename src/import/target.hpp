// The table that an import fills: which columns, of which types, and whether the user may.
#pragma once

#include "pg/postgres.hpp"

extern "C" {
#include "parser/parse_node.h"
#include "utils/rel.h"
}

namespace vecstore::import {

enum class VectorEncoding { vector, float4_array, float8_array };
enum class IdEncoding { none, int2, int4, int8, text };

// Plain data, so that it can be made inside pg_call().
struct TargetRequest {
    Oid relation;
    Oid vector_type;            // this extension's own
    const char* vector_column;  // null: the table's only column of that type
    const char* id_column;      // null: ids are not stored
};

struct Target {
    Oid relation;
    NameData vector_column;
    NameData id_column;
    AttrNumber vector_number;
    AttrNumber id_number;  // InvalidAttrNumber where ids are not stored
    VectorEncoding vector_encoding;
    IdEncoding id_encoding;
    int32 typmod;  // dimensions that a vector column insists on, or -1
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

// The type `vector` in the schema of a function of this extension.
Oid vector_type_beside(Oid function);

}  // namespace vecstore::import
