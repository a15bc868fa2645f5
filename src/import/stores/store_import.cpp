// CALL vecstore_import_store(...): a store's rows (id, document, metadata, embedding) into a table, which it
// makes where there is none, in committed batches.
//
// Rows are inserted by a prepared INSERT, so that the table's privileges, constraints, triggers, partitions
// and ON CONFLICT work as they do for everybody. Batches, the state tables and verification are those of
// vecstore_import: see import.cpp.
#include "core/io/source/content_hash.hpp"
#include "import/functions.hpp"
#include "import/import_state.hpp"
#include "import/job_lock.hpp"
#include "import/resume.hpp"
#include "import/server_file.hpp"
#include "import/server_folder.hpp"
#include "import/stores/store_rows.hpp"
#include "import/target.hpp"
#include "import/verify.hpp"
#include "pg/guard.hpp"

#include <chrono>

extern "C" {
#include "catalog/namespace.h"
#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "nodes/makefuncs.h"
#include "nodes/parsenodes.h"
#include "utils/lsyscache.h"
#include "utils/snapmgr.h"
#include "utils/varlena.h"
}

namespace vecstore::import {

namespace {

using core::stores::StoreInfo;
using core::stores::StoreRow;
using Clock = std::chrono::steady_clock;

constexpr std::chrono::seconds progress_interval{10};

enum class OnConflict { error, skip, update };

struct StoreImportOptions {
    std::string target;
    std::string path;
    core::stores::StoreOptions store;
    std::string columns[store_columns];  // id, document, metadata, embedding; empty: left out
    uint64_t batch_size;
    OnConflict on_conflict;
    bool resume;
    bool verify;
};

constexpr int id_at = 0;
constexpr int vector_at = 3;

class StoreImport {
  public:
    StoreImport(StoreImportOptions options, Oid function);
    ~StoreImport() {
        if (plan_ != nullptr) SPI_freeplan(plan_);
    }
    StoreImport(const StoreImport&) = delete;
    StoreImport& operator=(const StoreImport&) = delete;
    void run();

  private:
    void open();
    void make_table();
    void prepare();
    void choose_compared();
    TargetRequest request() const;
    ImportSubject subject() const;
    FileIdentity identity() const;
    bool find_resumable();
    void skip_done();
    void start();
    void load();
    void load_batch();
    struct Inserted {
        uint64_t hash;
        bool stored;  // not where another row was there, or a trigger has dropped it
    };
    Inserted insert(const StoreRow& row);
    uint64_t hash_of(const StoreRow& row, const StoreValues& values);
    void finish();
    void report_warnings() const;
    void report_progress();
    void report_done(const std::string& verified) const;
    // Rows that met others in the table are not new, or not in it.
    bool checkable() const { return options_.verify && options_.on_conflict == OnConflict::error; }
    const StoreInfo& info() const { return reader_->info(); }

    const StoreImportOptions options_;
    StateTables tables_;
    Oid vector_type_;
    Oid halfvec_type_;
    Oid relation_ = InvalidOid;
    bool created_ = false;
    // Of id, document and metadata: those that the table's rows are compared by, and their columns.
    int compared_[store_columns];
    const char* compared_columns_[store_columns];
    int compared_count_ = 0;
    std::string uncompared_;  // columns
    Target target_;
    std::string target_name_;
    std::string job_path_;
    MemoryContext row_context_;
    std::unique_ptr<core::stores::Folder> folder_;
    std::unique_ptr<core::stores::StoreReader> reader_;
    SPIPlanPtr plan_ = nullptr;
    ImportJob job_ = {};
    JobLock lock_;
    uint64_t rows_read_ = 0;
    uint64_t rows_stored_ = 0;  // rows that were not skipped, in this call
    uint64_t rows_before_ = 0;
    Clock::time_point started_ = Clock::now();
    Clock::time_point last_progress_ = started_;
};

StoreImport::StoreImport(StoreImportOptions options, Oid function) : options_(std::move(options)) {
    pg::pg_call([&] {
        SPI_connect_ext(SPI_OPT_NONATOMIC);
        tables_ = find_state_tables(function);
        vector_type_ = type_beside(function, "vector");
        halfvec_type_ = type_beside(function, "halfvec");
        row_context_ = AllocSetContextCreate(CurrentMemoryContext, "vecstore row", ALLOCSET_DEFAULT_SIZES);
    });
}

void StoreImport::run() {
    open();
    report_warnings();
    if (!options_.resume || created_ || !find_resumable()) start();
    if (job_.status == ImportStatus::complete) {
        pg::pg_call([&] {
            ereport(NOTICE, (errmsg("%s is already in %s: nothing to import", folder_->shown().c_str(),
                                    target_name_.c_str()),
                             errhint("Should it be imported once more, use resume => false.")));
        });
    } else {
        skip_done();
        load();
        finish();
    }
    pg::pg_call([] { SPI_finish(); });
}

// --- the table -----------------------------------------------------------------------------------------

// Privileges first: nothing is opened for those who may not.
void StoreImport::open() {
    pg::pg_call([] { require_server_file_privilege(); });
    folder_ = open_server_folder(options_.path);
    reader_ = core::stores::open_store(*folder_, options_.store);
    job_path_ = options_.path + (info().unique_name.empty() ? "" : " collection " + info().unique_name);
    pg::pg_call([&] {
        if (info().rows > 0) check_vector_limit(folder_->shown().c_str(), info().dims);
        make_table();
        choose_compared();
        const OpenTarget open = open_target(request());
        target_ = open.target;
        target_name_ = qualified_name(target_);
        if (info().dims > 0) check_target_dims(target_, info().dims, folder_->shown().c_str());
        close_target(open);
        prepare();
    });
}

// Finds the target, or creates it. Postgres code only.
void StoreImport::make_table() {
    RangeVar* const name = makeRangeVarFromNameList(
        textToQualifiedNameList(cstring_to_text(options_.target.c_str())));
    relation_ = RangeVarGetRelid(name, NoLock, true);
    if (OidIsValid(relation_)) return;
    const Oid schema = RangeVarGetCreationNamespace(name);
    StringInfoData sql;
    initStringInfo(&sql);
    appendStringInfo(&sql, "CREATE TABLE %s (",
                     quote_qualified_identifier(get_namespace_name(schema), name->relname));
    const char* const types[] = {"pg_catalog.text PRIMARY KEY", "pg_catalog.text", "pg_catalog.jsonb",
                                 nullptr};
    const char* separator = "";
    for (int i = 0; i < store_columns; i++) {
        if (options_.columns[i].empty()) continue;
        appendStringInfo(&sql, "%s%s ", separator, quote_identifier(options_.columns[i].c_str()));
        separator = ", ";
        if (types[i] != nullptr) {
            appendStringInfoString(&sql, types[i]);
        } else if (info().dims > 0) {
            appendStringInfo(&sql, "%s.vector(" UINT64_FORMAT ")", tables_.schema, info().dims);
        } else {
            appendStringInfo(&sql, "%s.vector", tables_.schema);
        }
    }
    appendStringInfoChar(&sql, ')');
    if (SPI_execute(sql.data, false, 0) != SPI_OK_UTILITY) elog(ERROR, "the table could not be created");
    CommandCounterIncrement();
    relation_ = RangeVarGetRelid(name, NoLock, false);
    created_ = true;
    ereport(NOTICE, (errmsg("created table %s",
                            quote_qualified_identifier(get_namespace_name(schema), name->relname))));
}

// Values are compared where the column keeps them as they are inserted. Postgres code only.
void StoreImport::choose_compared() {
    const Oid types[] = {TEXTOID, TEXTOID, JSONBOID};
    for (int i = 0; i < vector_at; i++) {
        const char* const column = options_.columns[i].c_str();
        if (*column == '\0') continue;
        const AttrNumber number = get_attnum(relation_, column);
        const Oid type = number == InvalidAttrNumber ? InvalidOid
                                                     : getBaseType(get_atttype(relation_, number));
        const bool same = types[i] == JSONBOID ? type == JSONBOID : type == TEXTOID || type == VARCHAROID;
        if (same) {
            compared_[compared_count_] = i;
            compared_columns_[compared_count_++] = column;
        } else {
            uncompared_ += (uncompared_.empty() ? "\"" : ", \"") + options_.columns[i] + "\"";
        }
    }
}

// Postgres code only.
void StoreImport::prepare() {
    Oid types[store_columns] = {TEXTOID, TEXTOID, JSONBOID, vector_type_};
    StringInfoData names, values, updates;
    initStringInfo(&names);
    initStringInfo(&values);
    initStringInfo(&updates);
    for (int i = 0; i < store_columns; i++) {
        if (options_.columns[i].empty()) continue;
        const char* const name = quote_identifier(options_.columns[i].c_str());
        appendStringInfo(&names, "%s%s", names.len > 0 ? ", " : "", name);
        appendStringInfo(&values, "%s$%d", values.len > 0 ? ", " : "", i + 1);
        if (i != id_at)
            appendStringInfo(&updates, "%s%s = excluded.%s", updates.len > 0 ? ", " : "", name, name);
    }
    const char* conflict = "";
    if (options_.on_conflict != OnConflict::error) {
        const char* const id = quote_identifier(options_.columns[id_at].c_str());
        conflict = options_.on_conflict == OnConflict::skip
                       ? psprintf(" ON CONFLICT (%s) DO NOTHING", id)
                       : psprintf(" ON CONFLICT (%s) DO UPDATE SET %s", id, updates.data);
    }
    const char* const sql = psprintf("INSERT INTO %s (%s) VALUES (%s)%s", target_name_.c_str(), names.data,
                                     values.data, conflict);
    plan_ = SPI_prepare(sql, store_columns, types);
    if (plan_ == nullptr) elog(ERROR, "SPI_prepare failed: %s", SPI_result_code_string(SPI_result));
    SPI_keepplan(plan_);  // beyond the first batch's transaction
}

TargetRequest StoreImport::request() const {
    TargetRequest request = {};
    request.relation = relation_;
    request.vector_type = vector_type_;
    request.halfvec_type = halfvec_type_;
    request.vector_column = options_.columns[vector_at].c_str();
    request.keys = compared_columns_;
    request.key_count = compared_count_;
    return request;
}

// --- starting and resuming -----------------------------------------------------------------------------

ImportSubject StoreImport::subject() const {
    return {
        target_.relation, target_name_.c_str(), NameStr(target_.vector_column), "", job_path_.c_str(), ""};
}

FileIdentity StoreImport::identity() const {
    return {info().kind.c_str(),
            static_cast<int64>(info().bytes),
            static_cast<int64>(info().fingerprint),
            static_cast<int64>(info().rows),
            static_cast<int64>(info().dims),
            "",
            0};
}

void StoreImport::start() {
    pg::pg_call([&] {
        const bool empty = options_.verify && may_verify(target_) && table_is_empty(target_);
        job_ = create_job(tables_, subject(), identity(), empty);
    });
    lock_.acquire(tables_, job_.id);
    // A table of its own comes with the first rows, or not at all.
    if (!created_) commit_batch(row_context_);
}

bool StoreImport::find_resumable() {
    if (!take_up_job(tables_, subject(), row_context_, &lock_, &job_)) return false;
    const bool goes_on = pg::pg_call([&] {
        const OpenTarget open = open_target(request());
        target_ = open.target;
        close_target(open);
        return may_go_on(tables_, target_, job_, checkable() ? RowCheck::same_rows : RowCheck::any_rows);
    });
    if (!goes_on) return false;
    rows_before_ = static_cast<uint64_t>(job_.rows_done);
    return true;
}

// Reads again what an earlier call has committed: it must be what was read then.
void StoreImport::skip_done() {
    bool same = rows_before_ == 0 || (job_.file_size == static_cast<int64>(info().bytes) &&
                                      job_.fingerprint == static_cast<int64>(info().fingerprint));
    uint64_t sum = 0;
    StoreRow row;
    while (same && rows_read_ < rows_before_) {
        same = read_store_row(*reader_, row);
        if (!same) break;
        sum += pg::pg_call([&] {
            const MemoryContext old = MemoryContextSwitchTo(row_context_);
            StoreValues values;
            make_store_values(row, &values);
            const uint64_t hash = hash_of(row, values);
            MemoryContextSwitchTo(old);
            MemoryContextReset(row_context_);
            return hash;
        });
        rows_read_++;
    }
    if (same && sum == job_.content_sum) return;
    throw core::Error(
        core::ErrorCode::invalid_parameter,
        "cannot resume: " + folder_->shown() + " is not the store that the earlier import read",
        "Its files have changed.",
        "Import it anew with resume => false; the rows of the earlier import are still in the table.");
}

// --- loading -------------------------------------------------------------------------------------------

void StoreImport::load() {
    while (rows_read_ < info().rows) {
        const uint64_t before = rows_read_;
        load_batch();
        if (rows_read_ == before) break;
        if (Clock::now() - last_progress_ >= progress_interval) report_progress();
    }
}

void StoreImport::load_batch() {
    uint64_t rows = 0;
    uint64_t sum = 0;
    uint64_t written_sum = 0;
    const uint64_t stored_before = rows_stored_;
    pg::pg_call([] { PushActiveSnapshot(GetTransactionSnapshot()); });
    StoreRow row;
    while (rows < options_.batch_size && read_store_row(*reader_, row)) {
        const Inserted inserted = insert(row);
        if (inserted.stored || options_.on_conflict == OnConflict::error) written_sum += inserted.hash;
        sum += inserted.hash;
        rows++;
    }
    // Should be in the table: what a trigger has dropped is missed when the import is verified.
    const auto written = static_cast<int64>(
        options_.on_conflict == OnConflict::error ? rows : rows_stored_ - stored_before);
    pg::pg_call([&] {
        PopActiveSnapshot();
        const MemoryContext old = MemoryContextSwitchTo(row_context_);
        if (rows > 0) record_batch(tables_, job_, {static_cast<int64>(rows), sum, written, written_sum});
        MemoryContextSwitchTo(old);
    });
    rows_read_ += rows;
    job_.rows_done += static_cast<int64>(rows);
    job_.content_sum += sum;
    job_.rows_written += written;
    job_.written_sum += written_sum;
    commit_batch(row_context_, Flush::later);
}

// As vecstore_row_hash() does it with the table's row. Postgres code only.
uint64_t StoreImport::hash_of(const StoreRow& row, const StoreValues& values) {
    uint64_t hash = core::io::hash_row(0, row.vector.data(), row.vector.size());
    for (int i = 0; i < target_.field_count; i++) {
        const int value = compared_[target_.field_keys[i]];
        hash = hash_datum(target_.fields[i].hasher, hash, values.values[value], values.nulls[value]);
    }
    return compared_count_ == 0 && row.vector.empty() ? 0 : hash;
}

StoreImport::Inserted StoreImport::insert(const StoreRow& row) {
    return pg::pg_call([&] {
        const MemoryContext old = MemoryContextSwitchTo(row_context_);
        StoreValues values;
        make_store_values(row, &values);
        const uint64_t hash = hash_of(row, values);
        char nulls[store_columns];
        for (int i = 0; i < store_columns; i++) nulls[i] = values.nulls[i] ? 'n' : ' ';
        const int result = SPI_execute_plan(plan_, values.values, nulls, false, 0);
        if (result != SPI_OK_INSERT)
            elog(ERROR, "SPI_execute_plan failed: %s", SPI_result_code_string(result));
        const bool stored = SPI_processed > 0;
        rows_stored_ += SPI_processed;
        MemoryContextSwitchTo(old);
        MemoryContextReset(row_context_);
        return Inserted{hash, stored};
    });
}

// --- the end -------------------------------------------------------------------------------------------

void StoreImport::finish() {
    if (static_cast<uint64_t>(job_.rows_done) != info().rows) {
        throw core::Error(core::ErrorCode::bad_file,
                          folder_->shown() + " announced " + std::to_string(info().rows) +
                              " rows, but held " + std::to_string(job_.rows_done),
                          "Those are committed.");
    }
    Verification verification = {};
    if (checkable()) {
        verification = pg::pg_call([&] {
            const OpenTarget open = open_target(request());
            close_target(open);
            return verify_import(tables_, open.target, job_);
        });
    }
    const bool different = checkable() && verification.outcome == Verification::Outcome::different;
    pg::pg_call([&] {
        set_status(tables_, job_, different ? ImportStatus::mismatch : ImportStatus::complete,
                   checkable() && verification.outcome == Verification::Outcome::equal);
    });
    commit_batch(row_context_);
    if (different) {
        pg::pg_call([&] {
            ereport(
                ERROR,
                (errcode(ERRCODE_DATA_CORRUPTED),
                 errmsg("%s does not hold what was read from %s", target_name_.c_str(),
                        folder_->shown().c_str()),
                 verification.rows_found == job_.rows_done
                     ? errdetail("All " INT64_FORMAT " rows are there, but their content differs.",
                                 job_.rows_done)
                     : errdetail(INT64_FORMAT " rows were read, " INT64_FORMAT " of them are in the table.",
                                 job_.rows_done, verification.rows_found),
                 errhint("The rows are committed. Triggers that change or drop rows explain this, and so do "
                         "other sessions that changed them meanwhile; in these cases use verify => false.")));
        });
    }
    report_altered_texts(*reader_);
    report_done(!checkable() ? std::string("not verified")
                : verification.outcome == Verification::Outcome::not_allowed
                    ? "not verified, which needs SELECT privilege on the table"
                : verification.outcome == Verification::Outcome::not_comparable
                    ? "not verified, which a table of Citus does not allow"
                : uncompared_.empty() ? "count and content verified"
                                      : "count and content verified, but for " + uncompared_);
}

void StoreImport::report_warnings() const {
    pg::pg_call([&] {
        for (size_t i = 0; i < info().warnings.size(); i++)
            ereport(NOTICE, (errmsg("%s: %s", folder_->shown().c_str(), info().warnings[i].c_str())));
        if (info().lossy)
            ereport(NOTICE, (errmsg("%s holds approximations of the vectors it was made of",
                                    folder_->shown().c_str())));
    });
}

void StoreImport::report_progress() {
    last_progress_ = Clock::now();
    const double seconds = std::chrono::duration<double>(last_progress_ - started_).count();
    const double rate = static_cast<double>(rows_read_ - rows_before_) / seconds;
    pg::pg_call([&] {
        ereport(NOTICE,
                (errmsg(INT64_FORMAT " of " UINT64_FORMAT " rows imported (%.0f rows/s, about %.0f s left)",
                        job_.rows_done, info().rows, rate,
                        static_cast<double>(info().rows - rows_read_) / rate)));
    });
}

void StoreImport::report_done(const std::string& verified) const {
    const double seconds = std::max(std::chrono::duration<double>(Clock::now() - started_).count(), 1e-6);
    const uint64_t rows = rows_read_ - rows_before_;
    const uint64_t skipped = rows - std::min(rows, rows_stored_);
    pg::pg_call([&] {
        ereport(
            NOTICE,
            (errmsg("imported " UINT64_FORMAT " rows from %s into %s in %.2f s (%.0f rows/s); %s",
                    rows - skipped, folder_->shown().c_str(), target_name_.c_str(), seconds,
                    static_cast<double>(rows) / seconds, verified.c_str()),
             skipped > 0 ? errdetail(UINT64_FORMAT " more rows were in the table already.", skipped) : 0));
    });
}

// --- the SQL procedure ---------------------------------------------------------------------------------

void require_own_transactions(FunctionCallInfo fcinfo) {
    const bool atomic = fcinfo->context == nullptr || !IsA(fcinfo->context, CallContext) ||
                        reinterpret_cast<CallContext*>(fcinfo->context)->atomic;
    if (!atomic && !IsSubTransaction()) return;
    ereport(ERROR,
            (errcode(ERRCODE_INVALID_TRANSACTION_STATE),
             errmsg("vecstore_import_store cannot run inside a transaction block or a function"),
             errdetail("It commits the rows in batches."),
             errhint("CALL it on its own, or use INSERT ... SELECT FROM vecstore_read_langchain(...) or "
                     "vecstore_read_chroma(...), which do all in the current transaction.")));
}

enum Argument {
    arg_target,
    arg_path,
    arg_collection,
    arg_index_name,
    arg_id_column,
    arg_document_column,
    arg_metadata_column,
    arg_column,
    arg_batch_size,
    arg_on_conflict,
    arg_resume,
    arg_verify
};

void check_arguments(FunctionCallInfo fcinfo) {
    for (const Argument argument :
         {arg_target, arg_path, arg_column, arg_batch_size, arg_on_conflict, arg_resume, arg_verify}) {
        if (!PG_ARGISNULL(argument)) continue;
        ereport(ERROR,
                (errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
                 errmsg("of vecstore_import_store's arguments only collection, index_name and the columns of "
                        "ids, documents and metadata may be null")));
    }
    if (PG_GETARG_INT32(arg_batch_size) < 1) {
        ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
                        errmsg("batch_size must be at least 1, not %d", PG_GETARG_INT32(arg_batch_size)),
                        errhint("It is the number of rows that are committed together.")));
    }
}

std::string optional_text(FunctionCallInfo fcinfo, Argument argument, const char* otherwise) {
    return PG_ARGISNULL(argument) ? std::string(otherwise) : text_to_string(PG_GETARG_DATUM(argument));
}

std::string optional_name(FunctionCallInfo fcinfo, Argument argument) {
    return PG_ARGISNULL(argument) ? std::string() : std::string(NameStr(*PG_GETARG_NAME(argument)));
}

OnConflict parse_on_conflict(const std::string& text, bool has_ids) {
    if (text == "error") return OnConflict::error;
    if (text != "skip" && text != "update") {
        throw core::Error(core::ErrorCode::invalid_parameter, "on_conflict cannot be \"" + text + "\"", {},
                          "It is error, skip or update.");
    }
    if (!has_ids) {
        throw core::Error(core::ErrorCode::invalid_parameter,
                          "on_conflict => " + text + " needs a column of ids", {},
                          "Name one with a unique index: id_column => '...'.");
    }
    return text == "skip" ? OnConflict::skip : OnConflict::update;
}

StoreImportOptions parse_arguments(FunctionCallInfo fcinfo) {
    StoreImportOptions options;
    options.target = text_to_string(PG_GETARG_DATUM(arg_target));
    options.path = text_to_string(PG_GETARG_DATUM(arg_path));
    options.store.collection = optional_text(fcinfo, arg_collection, "");
    options.store.index_name = optional_text(fcinfo, arg_index_name, "index");
    const Argument columns[store_columns] = {arg_id_column, arg_document_column, arg_metadata_column,
                                             arg_column};
    for (int i = 0; i < store_columns; i++) options.columns[i] = optional_name(fcinfo, columns[i]);
    options.batch_size = static_cast<uint64_t>(PG_GETARG_INT32(arg_batch_size));
    options.on_conflict = parse_on_conflict(optional_text(fcinfo, arg_on_conflict, ""),
                                            !options.columns[id_at].empty());
    options.resume = PG_GETARG_BOOL(arg_resume);
    options.verify = PG_GETARG_BOOL(arg_verify);
    return options;
}

}  // namespace
}  // namespace vecstore::import

VECSTORE_FUNCTION(import_store) {
    using namespace vecstore::import;
    require_own_transactions(fcinfo);
    check_arguments(fcinfo);
    StoreImport(parse_arguments(fcinfo), fcinfo->flinfo->fn_oid).run();
    return Datum{0};
}
