// The arguments of CALL vecstore_import.
#pragma once

#include "core/io/formats/vector_reader.hpp"
#include "pg/postgres.hpp"

namespace vecstore::import {

enum class OnConflict { error, skip, update };
// Where ids come from. automatic: the file's own, or else positions; row: positions, even where the file has
// ids; metadata: a field of the metadata.
enum class IdOrigin { automatic, file, row, metadata };

struct ImportOptions {
    Oid relation;            // InvalidOid: by name
    std::string table_name;  // as given, where the table was named by text
    std::string path;
    std::string vector_column;  // empty: the table's only vector column
    std::string id_column;      // empty: ids are not stored
    uint64_t batch_size;
    core::io::ReadOptions read;
    bool resume;
    bool verify;
    std::string metadata_path;    // empty: there is none
    std::string metadata_column;  // empty: fields go into columns of their names
    IdOrigin ids;
    std::string id_key;  // the field with the ids; empty: that of id_column's name
    OnConflict on_conflict;
    bool dry_run;
    bool create_index;
    std::string index_opclass;  // empty: that of the file's metric
    bool create_table;
    std::string vector_type;  // of a new table's column: "auto", "vector", "halfvec", "bit"
};

// The arguments of the procedure whose target is a regclass, or of the one that takes a name. Raises 22004
// and 22023.
ImportOptions parse_import_arguments(FunctionCallInfo fcinfo, bool by_name);

// For procedures that commit their batches. Raises 25000 where the call is inside of a transaction that is
// not its own. The hint names the functions that read rows instead. Calls Postgres only.
void require_own_transactions(FunctionCallInfo fcinfo, const char* procedure, const char* readers);
// Raises 22023 unless batches have rows. Calls Postgres only.
void check_batch_size(int32 rows);

const char* on_conflict_name(OnConflict on_conflict);

}  // namespace vecstore::import
