#include "import/import_state.hpp"

extern "C" {
#include "access/htup_details.h"
#include "catalog/pg_class.h"
#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "utils/datum.h"
#include "utils/guc.h"
#include "utils/lsyscache.h"
#include "utils/syscache.h"
}

namespace vecstore::import {

namespace {

const char* status_name(ImportStatus status) {
    switch (status) {
        case ImportStatus::loading: return "loading";
        case ImportStatus::complete: return "complete";
        case ImportStatus::mismatch: return "mismatch";
    }
    return "";
}

ImportStatus parse_status(const char* name) {
    for (const ImportStatus status : {ImportStatus::complete, ImportStatus::mismatch}) {
        if (strcmp(name, status_name(status)) == 0) return status;
    }
    return ImportStatus::loading;
}

// Like RI triggers do for their queries. An error needs no clean-up: the abort of the transaction restores
// the user.
void run_as_owner(const StateTables& tables, const Query& query) {
    Oid user;
    int context;
    GetUserIdAndSecContext(&user, &context);
    SetUserIdAndSecContext(tables.owner, context | SECURITY_LOCAL_USERID_CHANGE);
    run_query(query);
    SetUserIdAndSecContext(user, context);
}

Datum result_datum(int column, bool* is_null) {
    return SPI_getbinval(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, column, is_null);
}

int64 result_int64(int column) {
    bool is_null;
    const Datum datum = result_datum(column, &is_null);
    return is_null ? 0 : DatumGetInt64(datum);
}

// A sum in decimal digits; null is that of no rows.
uint64 result_sum(int column) {
    const char* const digits = SPI_getvalue(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, column);
    return digits == nullptr ? 0 : parse_sum(digits);
}

Datum text(const char* value) { return CStringGetTextDatum(value); }

}  // namespace

void run_query(const Query& query) {
    const int nest_level = NewGUCNestLevel();
    (void)set_config_option("search_path", "pg_catalog, pg_temp", PGC_USERSET, PGC_S_SESSION, GUC_ACTION_SAVE,
                            true, 0, false);
    run_in_session(query);
    AtEOXact_GUC(true, nest_level);
}

void run_in_session(const Query& query) {
    // Results of earlier queries are not needed any more. They would add up in a long import.
    SPI_freetuptable(SPI_tuptable);
    const int result = SPI_execute_with_args(query.text, query.count, query.types, query.values, nullptr,
                                             false, 0);
    if (result < 0) elog(ERROR, "SPI_execute_with_args failed: %s", SPI_result_code_string(result));
}

uint64 parse_sum(const char* digits) {
    const bool negative = digits[0] == '-';
    const uint64 magnitude = strtoull(digits + (negative ? 1 : 0), nullptr, 10);
    return negative ? 0 - magnitude : magnitude;
}

StateTables find_state_tables(Oid function) {
    StateTables tables;
    const Oid schema = get_func_namespace(function);
    tables.schema = quote_identifier(get_namespace_name(schema));
    tables.state_table = get_relname_relid("vecstore_import_state", schema);
    const HeapTuple tuple = SearchSysCache1(RELOID, ObjectIdGetDatum(tables.state_table));
    if (!HeapTupleIsValid(tuple))
        elog(ERROR, "table vecstore_import_state is missing in schema %s", tables.schema);
    tables.owner = reinterpret_cast<Form_pg_class>(GETSTRUCT(tuple))->relowner;
    ReleaseSysCache(tuple);
    return tables;
}

Oid file_node_of(Oid relation) {
    const HeapTuple tuple = SearchSysCache1(RELOID, ObjectIdGetDatum(relation));
    if (!HeapTupleIsValid(tuple)) elog(ERROR, "cache lookup failed for relation %u", relation);
    const Oid node = reinterpret_cast<Form_pg_class>(GETSTRUCT(tuple))->relfilenode;
    ReleaseSysCache(tuple);
    return node;
}

ImportJob create_job(const StateTables& tables, const ImportSubject& subject, const FileIdentity& file,
                     bool table_was_empty) {
    Oid types[] = {TEXTOID, TEXTOID, TEXTOID, TEXTOID, TEXTOID, INT8OID, INT8OID, INT8OID,
                   INT8OID, BOOLOID, TEXTOID, TEXTOID, TEXTOID, INT8OID, OIDOID,  OIDOID};
    Datum values[] = {text(subject.target),
                      text(subject.vector_column),
                      text(subject.id_column),
                      text(subject.path),
                      text(file.format),
                      Int64GetDatum(file.size),
                      Int64GetDatum(file.fingerprint),
                      Int64GetDatum(file.rows),
                      Int64GetDatum(file.dims),
                      BoolGetDatum(table_was_empty),
                      text(GetUserNameFromId(GetUserId(), false)),
                      text(subject.member),
                      text(file.metadata_path),
                      Int64GetDatum(file.metadata_fingerprint),
                      ObjectIdGetDatum(subject.relation),
                      ObjectIdGetDatum(file_node_of(subject.relation))};
    run_as_owner(
        tables,
        {psprintf(
             "INSERT INTO %s.vecstore_import_state (target, vector_column, id_column, path, format, "
             "file_size, file_fingerprint, rows_total, dims, table_was_empty, role, member, metadata_path, "
             "metadata_fingerprint, relation, file_node) VALUES ($1, $2, nullif($3, ''), $4, $5, $6, $7, $8, "
             "$9, "
             "$10, $11, nullif($12, ''), nullif($13, ''), $14, $15, $16) RETURNING import_id",
             tables.schema),
         lengthof(values), types, values});
    ImportJob job = {};
    job.id = result_int64(1);
    job.status = ImportStatus::loading;
    job.relation = subject.relation;
    job.file_node = DatumGetObjectId(values[lengthof(values) - 1]);
    job.table_was_empty = table_was_empty;
    job.rows_total = file.rows;
    job.file_size = file.size;
    job.fingerprint = file.fingerprint;
    job.metadata_fingerprint = file.metadata_fingerprint;
    return job;
}

namespace {

// The first import that the condition and order of a query give.
bool select_job(const StateTables& tables, const Query& which, ImportJob* job) {
    run_as_owner(
        tables,
        {psprintf(
             "SELECT s.import_id, s.status, s.table_was_empty, s.file_size, s.file_fingerprint, "
             "s.metadata_fingerprint, b.*, s.verified, s.relation::bigint, s.file_node::bigint, s.rows_total "
             "FROM %s.vecstore_import_state s, LATERAL "
             "(SELECT greatest(0, least(coalesce(sum(rows), 0), 9223372036854775807))::bigint, "
             "greatest(0, least(coalesce(sum(rows_written), 0), 9223372036854775807))::bigint, "
             "mod(sum(content_sum), 18446744073709551616)::text, "
             "mod(sum(written_sum), 18446744073709551616)::text "
             "FROM %s.vecstore_import_batch WHERE import_id = s.import_id) b WHERE %s LIMIT 1",
             tables.schema, tables.schema, which.text),
         which.count, which.types, which.values});
    if (SPI_processed == 0) return false;
    bool is_null;
    job->id = result_int64(1);
    job->status = parse_status(SPI_getvalue(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 2));
    job->table_was_empty = DatumGetBool(result_datum(3, &is_null));
    job->file_size = result_int64(4);
    job->fingerprint = result_int64(5);
    job->metadata_fingerprint = result_int64(6);
    job->rows_done = result_int64(7);
    job->rows_written = result_int64(8);
    job->content_sum = result_sum(9);
    job->written_sum = result_sum(10);
    job->verified = DatumGetBool(result_datum(11, &is_null));
    job->relation = static_cast<Oid>(result_int64(12));
    job->file_node = static_cast<Oid>(result_int64(13));
    job->rows_total = result_int64(14);
    return true;
}

}  // namespace

bool find_job(const StateTables& tables, const ImportSubject& subject, ImportJob* job) {
    Oid types[] = {TEXTOID, TEXTOID, TEXTOID, TEXTOID, TEXTOID, TEXTOID, OIDOID};
    Datum values[] = {text(subject.target),
                      text(subject.vector_column),
                      text(subject.id_column),
                      text(subject.path),
                      text(subject.member),
                      text(GetUserNameFromId(GetUserId(), false)),
                      ObjectIdGetDatum(subject.relation)};
    return select_job(
        tables,
        {"(s.target = $1 OR s.relation = $7) AND s.vector_column = $2 "
         "AND coalesce(s.id_column, '') = $3 AND s.path = $4 AND coalesce(s.member, '') = $5 AND s.role = $6 "
         "ORDER BY s.relation IS NOT DISTINCT FROM $7 DESC, s.import_id DESC",
         lengthof(values), types, values},
        job);
}

bool load_job(const StateTables& tables, int64 id, ImportJob* job) {
    Oid types[] = {INT8OID};
    Datum values[] = {Int64GetDatum(id)};
    return select_job(tables, {"s.import_id = $1", lengthof(values), types, values}, job);
}

int64 next_row(const StateTables& tables, int64 id) {
    Oid types[] = {INT8OID};
    Datum values[] = {Int64GetDatum(id)};
    run_as_owner(tables,
                 {psprintf("SELECT first_row + rows FROM %s.vecstore_import_batch WHERE import_id = $1 "
                           "ORDER BY first_row DESC LIMIT 1",
                           tables.schema),
                  lengthof(values), types, values});
    return SPI_processed == 0 ? 0 : result_int64(1);
}

void record_batch(const StateTables& tables, const ImportJob& job, const ImportBatch& batch) {
    Oid types[] = {INT8OID, INT8OID, INT8OID, INT8OID, INT8OID, INT8OID};
    Datum values[] = {Int64GetDatum(job.id),
                      Int64GetDatum(job.rows_done),
                      Int64GetDatum(batch.rows),
                      Int64GetDatum(static_cast<int64>(batch.content_sum)),
                      Int64GetDatum(batch.rows_written),
                      Int64GetDatum(static_cast<int64>(batch.written_sum))};
    run_as_owner(tables, {psprintf("INSERT INTO %s.vecstore_import_batch "
                                   "(import_id, first_row, rows, content_sum, rows_written, written_sum) "
                                   "VALUES ($1, $2, $3, $4, $5, $6)",
                                   tables.schema),
                          lengthof(values), types, values});
}

void set_status(const StateTables& tables, const ImportJob& job, ImportStatus status, bool verified) {
    Oid types[] = {INT8OID, TEXTOID, BOOLOID};
    Datum values[] = {Int64GetDatum(job.id), text(status_name(status)), BoolGetDatum(verified)};
    run_as_owner(tables, {psprintf("UPDATE %s.vecstore_import_state SET status = $2, verified = $3, "
                                   "finished_at = clock_timestamp() WHERE import_id = $1",
                                   tables.schema),
                          lengthof(values), types, values});
}

void set_table(const StateTables& tables, const ImportJob& job, Oid relation) {
    Oid types[] = {INT8OID, OIDOID, OIDOID};
    Datum values[] = {Int64GetDatum(job.id), ObjectIdGetDatum(relation),
                      ObjectIdGetDatum(file_node_of(relation))};
    run_as_owner(
        tables,
        {psprintf("UPDATE %s.vecstore_import_state SET relation = $2, file_node = $3 WHERE import_id = $1",
                  tables.schema),
         lengthof(values), types, values});
}

Datum transactions_of(const StateTables& tables, const ImportJob& job) {
    Oid types[] = {INT8OID};
    Datum values[] = {Int64GetDatum(job.id)};
    run_as_owner(tables, {psprintf("SELECT coalesce(array_agg(xid::xid), '{}') FROM %s.vecstore_import_batch "
                                   "WHERE import_id = $1",
                                   tables.schema),
                          lengthof(values), types, values});
    bool is_null;
    return datumCopy(result_datum(1, &is_null), false, -1);
}

LOCKTAG job_lock_tag(const StateTables& tables, int64 job_id) {
    LOCKTAG tag;
    SET_LOCKTAG_OBJECT(tag, MyDatabaseId, tables.state_table, static_cast<uint32>(job_id), 0);
    return tag;
}

}  // namespace vecstore::import
