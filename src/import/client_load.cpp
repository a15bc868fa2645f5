// The server's side of vecstore-load, the program that streams a file of the client over the wire.
//
// The program itself goes from batch to batch: it sends the rows by COPY, and calls these functions for the
// steps in the state tables (job_steps.hpp). So an import from a client is resumed, verified and shown as one
// of the server's files is.
//
// A session works on one import at a time. It holds the right to it until the session ends.
#include "core/base/option_text.hpp"
#include "import/functions.hpp"
#include "import/job_lock.hpp"
#include "import/job_steps.hpp"
#include "import/resume.hpp"
#include "pg/guard.hpp"

extern "C" {
#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "funcapi.h"
#include "utils/lsyscache.h"
}

namespace vecstore::import {

namespace {

// Outlives the transaction in which the import began: its strings are plain C strings in TopMemoryContext.
struct ClientLoad {
    bool active;
    LOCKTAG lock;
    int64 id;
    int64 rows_total;
    Oid relation;
    Oid vector_type;
    Oid halfvec_type;
    char* target;
    NameData vector_column;
    NameData id_column;  // empty: ids are not stored, or are no numbers
    char* path;

    ImportSubject subject() const {
        return {relation, target, NameStr(vector_column), NameStr(id_column), path, ""};
    }
    TargetRequest target_request(Oid table, const char* vectors, const char* ids) const {
        TargetRequest request = {};
        request.relation = table;
        request.vector_type = vector_type;
        request.halfvec_type = halfvec_type;
        request.vector_column = vectors;
        request.id_column = ids;
        return request;
    }
    TargetRequest request() const {
        return target_request(relation, NameStr(vector_column),
                              NameStr(id_column)[0] == '\0' ? nullptr : NameStr(id_column));
    }
};

ClientLoad load = {};

void end_load() {
    if (!load.active) return;
    load.active = false;
    LockRelease(&load.lock, ExclusiveLock, true);
    pfree(load.target);
    pfree(load.path);
}

void require_load(int64 id) {
    if (load.active && load.id == id) return;
    ereport(ERROR, (errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
                    errmsg("this session has not begun import " INT64_FORMAT, id),
                    errhint("These functions are for the program vecstore-load.")));
}

enum BeginArgument {
    begin_target,
    begin_source,
    begin_column,
    begin_id_column,
    begin_format,
    begin_file_size,
    begin_fingerprint,
    begin_rows,
    begin_dims,
    begin_resume
};

void check_begin_arguments(FunctionCallInfo fcinfo) {
    for (int i = begin_target; i <= begin_resume; i++) {
        if (i == begin_column || i == begin_id_column || !PG_ARGISNULL(i)) continue;
        ereport(ERROR, (errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
                        errmsg("of vecstore_load_begin's arguments only the columns may be null")));
    }
    for (const BeginArgument size : {begin_file_size, begin_rows, begin_dims}) {
        if (PG_GETARG_INT64(size) >= 0) continue;
        ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
                        errmsg("sizes of a load must not be negative, but one is " INT64_FORMAT,
                               PG_GETARG_INT64(size))));
    }
}

// How the program describes its file.
JobDescription describe(FunctionCallInfo fcinfo) {
    const char* const format = TextDatumGetCString(PG_GETARG_DATUM(begin_format));
    return {load.subject(),
            {format, PG_GETARG_INT64(begin_file_size), PG_GETARG_INT64(begin_fingerprint),
             PG_GETARG_INT64(begin_rows), PG_GETARG_INT64(begin_dims), "", 0},
            load.request()};
}

void take_job(const StateTables& tables, const ImportJob& job) {
    load.id = job.id;
    load.lock = job_lock_tag(tables, job.id);
    load.lock.locktag_lockmethodid =
        USER_LOCKMETHOD;  // the kind that ends with the session, however that ends
    JobLock::take(load.lock);
    load.active = true;
}

// The job to go on with, or a new one; its lock is taken. Inside an SPI connection. How rows of an unfinished
// load compare is seen at its end; one that has ended has to be right now.
ImportJob find_or_begin_job(FunctionCallInfo fcinfo, const StateTables& tables, const Target& target) {
    ImportJob job = {};
    if (PG_GETARG_BOOL(begin_resume) && find_job(tables, load.subject(), &job)) {
        take_job(tables, job);
        // The session that held the lock before may have gone on meanwhile: look again, with a new snapshot.
        load_job(tables, job.id, &job);
        const bool ended = job.status == ImportStatus::complete;
        if (may_go_on({tables, target, job}, ended ? RowCheck::same_rows : RowCheck::any_rows)) return job;
        LockRelease(&load.lock, ExclusiveLock, true);
        load.active = false;
    }
    job = begin_job(tables, describe(fcinfo), target, true);
    take_job(tables, job);
    return job;
}

void remember_load(FunctionCallInfo fcinfo, const Target& target) {
    load.relation = target.relation;
    load.vector_column = target.vector_column;
    load.id_column = target.id_column;
    load.target = MemoryContextStrdup(TopMemoryContext, qualified_name(target));
    load.path = MemoryContextStrdup(TopMemoryContext, TextDatumGetCString(PG_GETARG_DATUM(begin_source)));
}

const char* status_of(const ImportJob& job) {
    return job.status == ImportStatus::complete ? "complete" : "loading";
}

const char* type_of_column(const Target& target, AttrNumber number) {
    return number == InvalidAttrNumber ? nullptr
                                       : format_type_be(getBaseType(get_atttype(target.relation, number)));
}

Datum begin(FunctionCallInfo fcinfo) {
    check_begin_arguments(fcinfo);
    end_load();
    TupleDesc descriptor;
    if (get_call_result_type(fcinfo, nullptr, &descriptor) != TYPEFUNC_COMPOSITE)
        elog(ERROR, "vecstore_load_begin must return a row");
    descriptor = BlessTupleDesc(descriptor);
    const MemoryContext context = CurrentMemoryContext;

    SPI_connect();
    const StateTables tables = find_state_tables(fcinfo->flinfo->fn_oid);
    load.vector_type = type_beside(fcinfo->flinfo->fn_oid, "vector");
    load.halfvec_type = type_beside(fcinfo->flinfo->fn_oid, "halfvec");
    const OpenTarget open = open_target(load.target_request(
        PG_GETARG_OID(begin_target),
        PG_ARGISNULL(begin_column) ? nullptr : NameStr(*PG_GETARG_NAME(begin_column)),
        PG_ARGISNULL(begin_id_column) ? nullptr : NameStr(*PG_GETARG_NAME(begin_id_column))));
    const Target target = open.target;
    if (PG_GETARG_INT64(begin_rows) > 0)
        check_target_dims(target, static_cast<uint64>(PG_GETARG_INT64(begin_dims)),
                          TextDatumGetCString(PG_GETARG_DATUM(begin_source)));
    close_target(open);
    remember_load(fcinfo, target);
    const ImportJob job = find_or_begin_job(fcinfo, tables, target);
    load.rows_total = job.rows_total;

    const MemoryContext spi_context = MemoryContextSwitchTo(context);
    const char* const id_type = type_of_column(target, target.id_number);
    Datum values[] = {Int64GetDatum(job.id),
                      Int64GetDatum(job.rows_done),
                      Int64GetDatum(static_cast<int64>(job.content_sum)),
                      Int64GetDatum(job.file_size),
                      Int64GetDatum(job.fingerprint),
                      CStringGetTextDatum(status_of(job)),
                      CStringGetTextDatum(load.target),
                      CStringGetTextDatum(NameStr(target.vector_column)),
                      CStringGetTextDatum(type_of_column(target, target.vector_number)),
                      id_type == nullptr ? Datum{0} : CStringGetTextDatum(id_type)};
    bool nulls[lengthof(values)] = {};
    nulls[lengthof(values) - 1] = id_type == nullptr;
    if (descriptor->natts != lengthof(values)) elog(ERROR, "vecstore_load_begin has unexpected columns");
    const Datum result = HeapTupleGetDatum(heap_form_tuple(descriptor, values, nulls));
    MemoryContextSwitchTo(spi_context);
    SPI_finish();
    return result;
}

void record(FunctionCallInfo fcinfo) {
    require_load(PG_GETARG_INT64(0));
    SPI_connect();
    ImportJob job = {};
    job.id = load.id;
    job.rows_done = PG_GETARG_INT64(1);
    const int64 rows = PG_GETARG_INT64(2);
    const auto sum = static_cast<uint64>(PG_GETARG_INT64(3));
    const StateTables tables = find_state_tables(fcinfo->flinfo->fn_oid);
    const int64 next = next_row(tables, load.id);
    if (job.rows_done != next || rows < 0 || rows > load.rows_total - next)
        ereport(ERROR,
                (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
                 errmsg("a batch of " INT64_FORMAT " rows from row " INT64_FORMAT " is not what comes next",
                        rows, job.rows_done),
                 errdetail("Import " INT64_FORMAT " is at row " INT64_FORMAT " of " INT64_FORMAT ".", load.id,
                           next, load.rows_total)));
    note_batch(tables, {rows, sum, rows, sum}, &job);
    SPI_finish();
}

const char* outcome_name(Verification::Outcome outcome) {
    switch (outcome) {
        case Verification::Outcome::equal: return "equal";
        case Verification::Outcome::different: return "different";
        case Verification::Outcome::not_comparable: return "not comparable";
        case Verification::Outcome::not_allowed: return "not allowed";
        case Verification::Outcome::not_asked: break;
    }
    return "not asked for";
}

const char* finish(FunctionCallInfo fcinfo) {
    require_load(PG_GETARG_INT64(0));
    SPI_connect();
    const StateTables tables = find_state_tables(fcinfo->flinfo->fn_oid);
    ImportJob job = {};
    if (!load_job(tables, load.id, &job)) elog(ERROR, "the import's row of state is gone");
    if (job.rows_done != job.rows_total)
        ereport(ERROR, (errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
                        errmsg("import " INT64_FORMAT " has " INT64_FORMAT " of " INT64_FORMAT " rows",
                               job.id, job.rows_done, job.rows_total)));
    const Verification verification = end_job(tables, load.request(), job, PG_GETARG_BOOL(1));
    SPI_finish();
    return outcome_name(verification.outcome);
}

}  // namespace
}  // namespace vecstore::import

// Nothing in here has a destructor: Postgres errors may pass.

VECSTORE_FUNCTION(load_begin) {
    // Hints of errors are read by the user of a program.
    vecstore::core::option_style = vecstore::core::OptionStyle::command_line;
    return vecstore::import::begin(fcinfo);
}

VECSTORE_FUNCTION(load_batch) {
    vecstore::import::record(fcinfo);
    PG_RETURN_VOID();
}

VECSTORE_FUNCTION(load_finish) {
    const char* const outcome = vecstore::import::finish(fcinfo);
    PG_RETURN_TEXT_P(cstring_to_text(outcome));
}
