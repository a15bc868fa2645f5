// Verification: does the table hold the rows that an import has read?
#pragma once

#include "import/import_state.hpp"
#include "import/target.hpp"

namespace vecstore::import {

// The rows that an import has written into its table.
struct ImportedRows {
    const StateTables& tables;
    const Target& target;
    const ImportJob& job;
};

struct Verification {
    // not_comparable: rows are on other servers, whose transactions have other numbers
    enum class Outcome { equal, different, not_allowed, not_comparable, not_asked };
    Outcome outcome;
    int64 rows_found;  // of the import, in the table
};

// Whether the user may read the table, which verification needs beside INSERT.
bool may_verify(const Target& target);

bool table_is_empty(const Target& target);
// The same, with children that inherit.
bool has_rows(const Target& target);

// SQL for the hash of a row, of a table called by this alias. CopyStream sums the same hashes. In the current
// memory context.
const char* row_hash_expression(const StateTables& tables, const Target& target, const char* alias);

// Compares the rows that the import's transactions have left in the table (by xmin) with its count and
// content sum, in one scan. Where the table was empty before, all of its rows may count instead: a rewritten
// or restored table has other transactions. Must run inside an SPI connection.
Verification verify_import(const ImportedRows& rows);
// The same for the count alone.
Verification count_import(const ImportedRows& rows);

}  // namespace vecstore::import
