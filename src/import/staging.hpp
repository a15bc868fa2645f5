// A staging table for imports into tables whose rows may be there already. COPY knows no ON CONFLICT. So each
// batch is copied into a temporary table and inserted from there, in the same transaction.
//
// Everything here is plain data and calls Postgres only (inside an SPI connection): use it in pg_call().
#pragma once

#include "import/options.hpp"
#include "import/verify.hpp"

namespace vecstore::import {

// Makes the session's staging table anew, with the columns that the target fills.
void create_staging(const Target& target);
void drop_staging();
// To be opened in each transaction.
Relation open_staging();

struct StagedBatch {
    // Rows that the table has gained. (Those that replaced others of this import do not count.)
    ImportBatch batch;
    // Rows left out or replaced for another row of the import that has their id.
    int64 doubled;
};

// Inserts the staged rows, which are the next ones of this import. Of rows with the same id in one batch the
// last one counts when updating.
StagedBatch insert_staged(const ImportedRows& rows, OnConflict on_conflict);

}  // namespace vecstore::import
