// The state tables of imports. vecstore_import_state has a row for each import. vecstore_import_batch has a
// row for each committed batch, written in the transaction that inserts the batch. So the batches of a killed
// import say which rows it has left in the table, and it can go on behind them.
//
// Everything here is plain data and calls Postgres only (inside an SPI connection): use it in pg_call().
// Queries run as the tables' owner, because users of imports have no privileges on them.
#pragma once

#include "pg/postgres.hpp"

extern "C" {
#include "storage/lock.h"
}

namespace vecstore::import {

struct StateTables {
    const char* schema;  // of the extension, quoted
    Oid state_table;
    Oid owner;
};

// The tables in the schema of a function of this extension.
StateTables find_state_tables(Oid function);

// The subject tells imports apart: two calls with the same subject, by the same role, are one import. The
// role counts because nobody should trust another role's records.
struct ImportSubject {
    Oid relation;
    const char* target;  // qualified and quoted
    const char* vector_column;
    const char* id_column;  // empty where ids are not stored
    const char* path;
    const char* member;  // of an archive; or empty
};

// A resumed import checks by these that the file is still the same.
struct FileIdentity {
    const char* format;
    int64 size;
    int64 fingerprint;
    int64 rows;
    int64 dims;
    const char* metadata_path;  // empty where there is none
    int64 metadata_fingerprint;
};

enum class ImportStatus { loading, complete, mismatch };

struct ImportJob {
    int64 id;
    ImportStatus status;
    bool verified;         // the table held its rows when it ended
    Oid relation;          // as they were when the import began; InvalidOid: not known (0.1.0)
    Oid file_node;         // changes with TRUNCATE
    bool table_was_empty;  // when the import began
    int64 rows_total;
    int64 file_size;
    int64 fingerprint;
    int64 metadata_fingerprint;
    // Sums over its batches:
    int64 rows_done;     // places in the file that are behind
    uint64 content_sum;  // of the rows that were read there
    int64 rows_written;  // rows that should be in the table: fewer where some were left out or there already
    uint64 written_sum;  // of these
};

struct ImportBatch {
    int64 rows;
    uint64 content_sum;
    int64 rows_written;
    uint64 written_sum;
};

// Creates the row of a new import.
ImportJob create_job(const StateTables& tables, const ImportSubject& subject, const FileIdentity& file,
                     bool table_was_empty);
// The current role's newest import of this subject, into this table rather than into another that had its
// name; false when there is none.
bool find_job(const StateTables& tables, const ImportSubject& subject, ImportJob* job);
// The import of this number; false when it is gone.
bool load_job(const StateTables& tables, int64 id, ImportJob* job);
// The place in the file that the next batch begins at.
int64 next_row(const StateTables& tables, int64 id);
void record_batch(const StateTables& tables, const ImportJob& job, const ImportBatch& batch);
void set_status(const StateTables& tables, const ImportJob& job, ImportStatus status, bool verified);
// The import belongs to this table, as it is now.
void set_table(const StateTables& tables, const ImportJob& job, Oid relation);
Oid file_node_of(Oid relation);
// The transactions (xid[]) that inserted the import's rows, in the current memory context.
Datum transactions_of(const StateTables& tables, const ImportJob& job);

// Runs a query with only pg_catalog in the search path. Results are in SPI_tuptable.
struct Query {
    const char* text;
    int count;
    Oid* types;
    Datum* values;
};
void run_query(const Query& query);
// The same with the session's search path: for queries whose triggers and defaults are the user's.
void run_in_session(const Query& query);
// A number modulo 2^64 in decimal digits, perhaps negative: how sums of hashes come out of SQL.
uint64 parse_sum(const char* digits);

// The right to work on one import, against other sessions. Held across transactions; an error releases it.
LOCKTAG job_lock_tag(const StateTables& tables, int64 job_id);

}  // namespace vecstore::import
