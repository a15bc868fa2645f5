// CALL vecstore_import_store(...): a store's rows (id, document, metadata, embedding) into a table, which it
// makes where there is none, in committed batches.
//
// A prepared INSERT brings each row in. So the table's privileges, constraints, triggers, partitions and ON
// CONFLICT work as they do for everybody. batch_driver.hpp has the way from batch to batch.
#include "core/io/source/content_hash.hpp"
#include "import/batch_driver.hpp"
#include "import/functions.hpp"
#include "import/server_file.hpp"
#include "import/server_folder.hpp"
#include "import/stores/store_options.hpp"
#include "pg/guard.hpp"

extern "C" {
#include "catalog/namespace.h"
#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "nodes/makefuncs.h"
#include "utils/lsyscache.h"
#include "utils/snapmgr.h"
#include "utils/varlena.h"
}

namespace vecstore::import {

namespace {

using core::stores::StoreInfo;
using core::stores::StoreRow;

class StoreImport final : private BatchSource {
  public:
    StoreImport(StoreImportOptions options, Oid function)
        : session_(function), options_(std::move(options)) {}
    ~StoreImport() override {
        if (prepared_ != nullptr) SPI_freeplan(prepared_);
    }
    StoreImport(const StoreImport&) = delete;
    StoreImport& operator=(const StoreImport&) = delete;
    void run();

  private:
    void set_target(const Target& target) override { target_ = target; }
    void skip_done(const ImportJob& job) override;
    std::string describe_complete(const ImportJob&) const override { return {}; }
    void begin_batches() override {}
    void end_batches(const ImportJob& job) override;
    ImportBatch insert_batch(const ImportJob& job) override;
    void add_error_context(const ImportJob&) const override {}
    void report_done(const ImportOutcome& outcome) const override;

    void open();
    void make_table();
    void create_table(RangeVar* name);
    void choose_compared();
    void prepare();
    TargetRequest request() const;
    ImportPlan plan() const;
    uint64_t hash_again(const StoreRow& row);
    struct Inserted {
        uint64_t hash;
        bool stored;  // not where another row was there, or a trigger has dropped it
    };
    Inserted insert(const StoreRow& row);
    uint64_t hash_of(const StoreRow& row, const StoreValues& values);
    bool has_column(int column) const { return !options_.columns[column].empty(); }
    const char* column_name(int column) const { return options_.columns[column].c_str(); }
    const char* shown() const { return folder_->shown().c_str(); }
    const StoreInfo& info() const { return reader_->info(); }

    const ImportSession session_;
    const StoreImportOptions options_;
    Oid relation_ = InvalidOid;
    bool created_ = false;
    // Of id, document and metadata: those that the table's rows are compared by, and their columns.
    int compared_[store_columns];
    const char* compared_columns_[store_columns];
    int compared_count_ = 0;
    std::string uncompared_;  // columns
    Target target_ = {};
    std::string target_name_;
    std::string job_path_;
    std::unique_ptr<core::stores::Folder> folder_;
    std::unique_ptr<core::stores::StoreReader> reader_;
    SPIPlanPtr prepared_ = nullptr;
    uint64_t rows_stored_ = 0;  // rows that were not skipped, in this call
};

void StoreImport::run() {
    open();
    report_source_warnings(shown(), info().warnings, info().lossy);
    BatchDriver driver(*this, plan(), session_);
    driver.run();
    session_.end();
}

// --- the table -----------------------------------------------------------------------------------------

// Privileges first: nothing is opened for those who may not.
void StoreImport::open() {
    pg::pg_call([] { require_server_file_privilege(); });
    folder_ = open_server_folder(options_.path);
    reader_ = core::stores::open_store(*folder_, options_.store);
    job_path_ = options_.path + (info().unique_name.empty() ? "" : " collection " + info().unique_name);
    pg::pg_call([&] {
        if (info().rows > 0) check_vector_limit(shown(), info().dims);
        make_table();
        choose_compared();
        const OpenTarget open = open_target(request());
        target_ = open.target;
        target_name_ = qualified_name(target_);
        if (info().dims > 0) check_target_dims(target_, info().dims, shown());
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
    create_table(name);
    relation_ = RangeVarGetRelid(name, NoLock, false);
    created_ = true;
}

// Postgres code only.
void StoreImport::create_table(RangeVar* name) {
    const Oid schema = RangeVarGetCreationNamespace(name);
    const char* const qualified = quote_qualified_identifier(get_namespace_name(schema), name->relname);
    StringInfoData sql;
    initStringInfo(&sql);
    appendStringInfo(&sql, "CREATE TABLE %s (", qualified);
    const char* const types[] = {"pg_catalog.text PRIMARY KEY", "pg_catalog.text", "pg_catalog.jsonb",
                                 nullptr};
    const char* separator = "";
    for (int i = 0; i < store_columns; i++) {
        if (!has_column(i)) continue;
        appendStringInfo(&sql, "%s%s ", separator, quote_identifier(column_name(i)));
        separator = ", ";
        if (types[i] != nullptr) {
            appendStringInfoString(&sql, types[i]);
        } else if (info().dims > 0) {
            appendStringInfo(&sql, "%s.vector(" UINT64_FORMAT ")", session_.tables().schema, info().dims);
        } else {
            appendStringInfo(&sql, "%s.vector", session_.tables().schema);
        }
    }
    appendStringInfoChar(&sql, ')');
    if (SPI_execute(sql.data, false, 0) != SPI_OK_UTILITY) elog(ERROR, "the table could not be created");
    CommandCounterIncrement();
    ereport(NOTICE, (errmsg("created table %s", qualified)));
}

// Values are compared where the column keeps them as they are inserted. Postgres code only.
void StoreImport::choose_compared() {
    const Oid types[] = {TEXTOID, TEXTOID, JSONBOID};
    for (int i = 0; i < store_vector; i++) {
        if (!has_column(i)) continue;
        const AttrNumber number = get_attnum(relation_, column_name(i));
        const Oid type = number == InvalidAttrNumber ? InvalidOid
                                                     : getBaseType(get_atttype(relation_, number));
        const bool same = types[i] == JSONBOID ? type == JSONBOID : type == TEXTOID || type == VARCHAROID;
        if (same) {
            compared_[compared_count_] = i;
            compared_columns_[compared_count_++] = column_name(i);
        } else {
            uncompared_ += (uncompared_.empty() ? "\"" : ", \"") + options_.columns[i] + "\"";
        }
    }
}

// Postgres code only.
void StoreImport::prepare() {
    Oid types[store_columns] = {TEXTOID, TEXTOID, JSONBOID, session_.vector_type()};
    StringInfoData names, values, updates;
    initStringInfo(&names);
    initStringInfo(&values);
    initStringInfo(&updates);
    for (int i = 0; i < store_columns; i++) {
        if (!has_column(i)) continue;
        const char* const name = quote_identifier(column_name(i));
        appendStringInfo(&names, "%s%s", names.len > 0 ? ", " : "", name);
        appendStringInfo(&values, "%s$%d", values.len > 0 ? ", " : "", i + 1);
        if (i != store_id)
            appendStringInfo(&updates, "%s%s = excluded.%s", updates.len > 0 ? ", " : "", name, name);
    }
    const char* conflict = "";
    if (options_.on_conflict != OnConflict::error) {
        const char* const id = quote_identifier(column_name(store_id));
        conflict = options_.on_conflict == OnConflict::skip
                       ? psprintf(" ON CONFLICT (%s) DO NOTHING", id)
                       : psprintf(" ON CONFLICT (%s) DO UPDATE SET %s", id, updates.data);
    }
    const char* const sql = psprintf("INSERT INTO %s (%s) VALUES (%s)%s", target_name_.c_str(), names.data,
                                     values.data, conflict);
    prepared_ = SPI_prepare(sql, store_columns, types);
    if (prepared_ == nullptr) elog(ERROR, "SPI_prepare failed: %s", SPI_result_code_string(SPI_result));
    SPI_keepplan(prepared_);  // beyond the first batch's transaction
}

TargetRequest StoreImport::request() const {
    TargetRequest request = {};
    request.relation = relation_;
    request.vector_type = session_.vector_type();
    request.halfvec_type = session_.halfvec_type();
    request.vector_column = column_name(store_vector);
    request.keys = compared_columns_;
    request.key_count = compared_count_;
    return request;
}

ImportPlan StoreImport::plan() const {
    ImportPlan plan = {};
    plan.job.subject = {
        target_.relation, target_name_.c_str(), NameStr(target_.vector_column), "", job_path_.c_str(), ""};
    plan.job.file = {info().kind.c_str(),
                     static_cast<int64>(info().bytes),
                     static_cast<int64>(info().fingerprint),
                     static_cast<int64>(info().rows),
                     static_cast<int64>(info().dims),
                     "",
                     0};
    plan.job.target = request();
    plan.target = target_;
    plan.shown = shown();
    plan.target_name = target_name_.c_str();
    plan.rows = info().rows;
    plan.resume = options_.resume;
    plan.verify = options_.verify;
    // Rows that met others in the table are not new, or not in it.
    plan.comparable = options_.verify && options_.on_conflict == OnConflict::error;
    plan.table_is_new = created_;
    return plan;
}

// --- batches -------------------------------------------------------------------------------------------

void StoreImport::skip_done(const ImportJob& job) {
    if (job.status == ImportStatus::complete) return;
    bool same = job.rows_done == 0 || (job.file_size == static_cast<int64>(info().bytes) &&
                                       job.fingerprint == static_cast<int64>(info().fingerprint));
    uint64_t sum = 0;
    StoreRow row;
    for (int64 done = 0; same && done < job.rows_done; done++) {
        same = read_store_row(*reader_, row);
        if (same) sum += hash_again(row);
    }
    if (same && sum == job.content_sum) return;
    throw core::Error(
        core::ErrorCode::invalid_parameter,
        "cannot resume: " + folder_->shown() + " is not the store that the earlier import read",
        "Its files have changed.",
        "Import it anew with resume => false; the rows of the earlier import are still in the table.");
}

ImportBatch StoreImport::insert_batch(const ImportJob&) {
    ImportBatch batch = {};
    pg::pg_call([] { PushActiveSnapshot(GetTransactionSnapshot()); });
    const uint64_t stored_before = rows_stored_;
    const bool all_written = options_.on_conflict == OnConflict::error;
    StoreRow row;
    while (static_cast<uint64_t>(batch.rows) < options_.batch_size && read_store_row(*reader_, row)) {
        const Inserted inserted = insert(row);
        if (inserted.stored || all_written) batch.written_sum += inserted.hash;
        batch.content_sum += inserted.hash;
        batch.rows++;
    }
    // Rows that should be in the table. Those that a trigger drops are missed by the verification.
    batch.rows_written = all_written ? batch.rows : static_cast<int64>(rows_stored_ - stored_before);
    pg::pg_call([] { PopActiveSnapshot(); });
    return batch;
}

uint64_t StoreImport::hash_again(const StoreRow& row) {
    return pg::pg_call([&] {
        const MemoryContext old = MemoryContextSwitchTo(session_.row_memory());
        StoreValues values;
        make_store_values(row, &values);
        const uint64_t hash = hash_of(row, values);
        MemoryContextSwitchTo(old);
        MemoryContextReset(session_.row_memory());
        return hash;
    });
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
        const MemoryContext old = MemoryContextSwitchTo(session_.row_memory());
        StoreValues values;
        make_store_values(row, &values);
        const uint64_t hash = hash_of(row, values);
        char nulls[store_columns];
        for (int i = 0; i < store_columns; i++) nulls[i] = values.nulls[i] ? 'n' : ' ';
        const int result = SPI_execute_plan(prepared_, values.values, nulls, false, 0);
        if (result != SPI_OK_INSERT)
            elog(ERROR, "SPI_execute_plan failed: %s", SPI_result_code_string(result));
        const bool stored = SPI_processed > 0;
        rows_stored_ += SPI_processed;
        MemoryContextSwitchTo(old);
        MemoryContextReset(session_.row_memory());
        return Inserted{hash, stored};
    });
}

// --- the end -------------------------------------------------------------------------------------------

void StoreImport::end_batches(const ImportJob& job) {
    if (static_cast<uint64_t>(job.rows_done) == info().rows) return;
    throw core::Error(core::ErrorCode::bad_file,
                      folder_->shown() + " announced " + std::to_string(info().rows) + " rows, but held " +
                          std::to_string(job.rows_done),
                      "Those are committed.");
}

void StoreImport::report_done(const ImportOutcome& outcome) const {
    report_altered_texts(*reader_);
    const auto rows = static_cast<uint64_t>(outcome.job.rows_done - outcome.rows_before);
    const uint64_t skipped = rows - std::min(rows, rows_stored_);
    const bool all_compared = outcome.verification.outcome != Verification::Outcome::equal ||
                              uncompared_.empty();
    const std::string verified = outcome.verified + (all_compared ? "" : ", but for " + uncompared_);
    pg::pg_call([&, words = verified.c_str()] {
        ereport(
            NOTICE,
            (errmsg("imported " UINT64_FORMAT " rows from %s into %s in %.2f s (%.0f rows/s); %s",
                    rows - skipped, shown(), target_name_.c_str(), outcome.seconds,
                    static_cast<double>(rows) / outcome.seconds, words),
             skipped > 0 ? errdetail(UINT64_FORMAT " more rows were in the table already.", skipped) : 0));
    });
}

}  // namespace
}  // namespace vecstore::import

VECSTORE_FUNCTION(import_store) {
    using namespace vecstore::import;
    vecstore::pg::pg_call([&] {
        require_own_transactions(fcinfo, "vecstore_import_store",
                                 "vecstore_read_langchain(...) or vecstore_read_chroma(...)");
    });
    StoreImport(parse_store_arguments(fcinfo), fcinfo->flinfo->fn_oid).run();
    return Datum{0};
}
