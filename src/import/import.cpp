// CALL vecstore_import(...): a file's vectors into a table, through COPY, in committed batches.
//
// COPY inserts the rows of a batch with the table's defaults, constraints, triggers and partitions; each
// batch opens the table and checks its privileges anew. batch_driver.hpp has the way from batch to batch.
#include "import/batch_driver.hpp"
#include "import/copy_stream.hpp"
#include "import/import_graph.hpp"
#include "import/import_input.hpp"
#include "import/staging.hpp"
#include "pg/guard.hpp"

extern "C" {
#include "access/table.h"
#include "commands/copy.h"
#include "executor/spi.h"
#include "nodes/makefuncs.h"
#include "nodes/parsenodes.h"
#include "parser/parse_relation.h"
#include "utils/snapmgr.h"
}

namespace vecstore::import {

namespace {

class FileImport final : private BatchSource {
  public:
    FileImport(ImportOptions options, Oid function)
        : session_(function), input_(std::move(options), session_) {}
    void run();

  private:
    void set_target(const Target& target) override { target_ = target; }
    void skip_done(const ImportJob& job) override;
    std::string describe_complete(const ImportJob& job) const override;
    void begin_batches() override;
    void end_batches(const ImportJob& job) override;
    ImportBatch insert_batch(const ImportJob& job) override;
    void add_error_context(const ImportJob& job) const override;
    void report_done(const ImportOutcome& outcome) const override;

    void open();
    void dry_run() const;
    ImportPlan plan() const;
    StagedBatch copy_batch(const ImportJob& job);
    StagedBatch copy_into_staging(const ImportJob& job);
    void report_left_out(const ImportJob& job) const;

    bool has_index() const;
    GraphImportRequest index_request() const;
    void create_index() const;

    const ImportOptions& options() const { return input_.options(); }
    const core::io::VectorFileInfo& info() const { return input_.info(); }
    const char* shown_path() const { return input_.shown_path().c_str(); }
    bool is_staged() const { return options().on_conflict != OnConflict::error; }
    bool table_is_new() const { return !input_.created().empty(); }

    const ImportSession session_;
    ImportInput input_;
    Target target_ = {};
    std::string target_name_;  // when the import began
    std::unique_ptr<CopyStream> stream_;
    uint64_t doubled_ = 0;  // vectors whose id another one of the file has
};

void FileImport::run() {
    open();
    report_source_warnings(shown_path(), info().warnings, info().lossy);
    if (options().dry_run) {
        dry_run();
        session_.end();
        return;
    }
    BatchDriver driver(*this, plan(), session_);
    driver.run();
    if (options().create_index) create_index();
    session_.end();
}

void FileImport::open() {
    input_.open();
    target_ = pg::pg_call([&] { return look_up_target(input_.request()); });
    if (options().create_index && !has_index()) check_can_import_graph(index_request(), info().metric);
    const char* const name = pg::pg_call([&] { return qualified_name(target_); });
    target_name_ = name;
    const RowRules rules = {info().by_id, options().ids == IdOrigin::row, options().batch_size};
    stream_ = std::make_unique<CopyStream>(CopyRows{input_.reader(), target_, input_.metadata(), rules},
                                           session_.row_memory());
    input_.check_fits(target_);
    input_.report_unused_fields(target_);
}

ImportPlan FileImport::plan() const {
    ImportPlan plan = {};
    plan.job.subject = {target_.relation,           target_name_.c_str(),   NameStr(target_.vector_column),
                        NameStr(target_.id_column), options().path.c_str(), options().read.member.c_str()};
    plan.job.file = input_.identity();
    plan.job.target = input_.request();
    plan.target = target_;
    plan.shown = shown_path();
    plan.target_name = target_name_.c_str();
    plan.rows = info().rows;
    plan.resume = options().resume;
    plan.verify = options().verify;
    plan.comparable = options().verify;
    plan.table_is_new = table_is_new();
    plan.report_unfinished = true;
    return plan;
}

void FileImport::dry_run() const {
    stream_->read_through(info().rows);
    const char* const columns = pg::pg_call([&] { return target_columns(target_); });
    pg::pg_call([&] {
        ereport(NOTICE,
                (errmsg("dry run: " UINT64_FORMAT " vectors of " UINT64_FORMAT
                        " dimensions from %s would go into %s (%s)",
                        stream_->rows(), info().dims, shown_path(), target_name_.c_str(), columns),
                 table_is_new() ? errdetail("The table would be made by: %s", input_.created().c_str()) : 0,
                 errhint("All was read and converted; nothing was written.")));
        SPI_rollback();
    });
}

// --- what the driver asks for --------------------------------------------------------------------------

// The file and its metadata must be what they were. The rows are read again and their sum is compared.
void FileImport::skip_done(const ImportJob& job) {
    const FileIdentity file = input_.identity();
    bool same = job.file_size == file.size && job.fingerprint == file.fingerprint &&
                job.metadata_fingerprint == file.metadata_fingerprint && job.rows_done <= file.rows;
    if (same) {
        stream_->read_through(static_cast<uint64_t>(job.rows_done));
        same = stream_->content_sum() == job.content_sum;
    }
    if (same) return;
    throw core::Error(
        core::ErrorCode::invalid_parameter,
        "cannot resume: " + input_.shown_path() +
            (input_.metadata() == nullptr ? " is" : " with its metadata is") +
            " not the file that the earlier import read",
        "Its size or its content has changed.",
        "Import it anew with resume => false; the rows of the earlier import are still in the table.");
}

std::string FileImport::describe_complete(const ImportJob& job) const {
    return "An earlier import of its " + std::to_string(job.rows_done) + " vectors is complete.";
}

void FileImport::begin_batches() {
    if (!is_staged()) return;
    pg::pg_call([&] {
        const OpenTarget open = open_target(input_.request());
        create_staging(open.target);
        close_target(open);
    });
    if (!table_is_new()) session_.commit();
}

void FileImport::end_batches(const ImportJob&) {
    if (is_staged()) pg::pg_call([] { drop_staging(); });
}

ImportBatch FileImport::insert_batch(const ImportJob& job) {
    const uint64_t end = std::min<uint64_t>(stream_->position() + options().batch_size, info().rows);
    stream_->begin(end);
    const ActiveCopyStream active(*stream_);
    const StagedBatch staged = pg::pg_call([&] { return copy_batch(job); });
    doubled_ += static_cast<uint64_t>(staged.doubled);
    ImportBatch batch = staged.batch;
    batch.rows = static_cast<int64>(end) - job.rows_done;
    batch.content_sum = stream_->content_sum();
    if (!is_staged()) {
        batch.rows_written = static_cast<int64>(stream_->rows());
        batch.written_sum = stream_->content_sum();
    }
    return batch;
}

// Says what has been kept.
void FileImport::add_error_context(const ImportJob& job) const {
    if (geterrcode() == ERRCODE_UNIQUE_VIOLATION) {
        // The same rows would meet the same ones again.
        errcontext("import of %s: " INT64_FORMAT " of " UINT64_FORMAT
                   " rows are committed; on_conflict => 'skip' leaves out rows that are there already, "
                   "'update' replaces them",
                   shown_path(), job.rows_done, info().rows);
        return;
    }
    errcontext("import of %s: " INT64_FORMAT " of " UINT64_FORMAT
               " rows are committed, resume => true goes on from there",
               shown_path(), job.rows_done, info().rows);
}

// --- COPY ----------------------------------------------------------------------------------------------

// Postgres code only in these functions: an error passes over their frames.

void copy_into(Relation relation, ParseState* parse_state, const Target& target) {
    List* columns = list_make1(makeString(pstrdup(NameStr(target.vector_column))));
    if (target.id_encoding != IdEncoding::none)
        columns = lappend(columns, makeString(pstrdup(NameStr(target.id_column))));
    for (int i = 0; i < target.field_count; i++) {
        columns = lappend(columns, makeString(pstrdup(NameStr(target.fields[i].column))));
    }
    List* const copy_options = list_make1(
        makeDefElem(pstrdup("format"), (Node*)makeString(pstrdup("binary")), -1));
    const CopyFromState state = BeginCopyFrom(parse_state, relation, nullptr, nullptr, false,
                                              copy_stream_callback, columns, copy_options);
    CopyFrom(state);
    EndCopyFrom(state);
}

StagedBatch FileImport::copy_batch(const ImportJob& job) {
    const MemoryContext old = MemoryContextSwitchTo(session_.batch_memory());
    PushActiveSnapshot(GetTransactionSnapshot());

    const OpenTarget open = open_target(input_.request());
    target_ = open.target;
    check_target_dims(target_, info().dims, shown_path());
    StagedBatch staged = {};
    if (is_staged()) {
        staged = copy_into_staging(job);
    } else {
        copy_into(open.relation, open.parse_state, target_);
    }
    close_target(open);

    PopActiveSnapshot();
    MemoryContextSwitchTo(old);
    return staged;
}

// The session's own temporary table: there is nothing to check.
StagedBatch FileImport::copy_into_staging(const ImportJob& job) {
    const Relation staging = open_staging();
    ParseState* const parse_state = make_parsestate(nullptr);
    (void)addRangeTableEntryForRelation(parse_state, staging, RowExclusiveLock, nullptr, false, false);
    copy_into(staging, parse_state, target_);
    free_parsestate(parse_state);
    table_close(staging, NoLock);
    CommandCounterIncrement();
    return insert_staged({session_.tables(), target_, job}, options().on_conflict);
}

// --- the index -----------------------------------------------------------------------------------------

// In a transaction of its own: the rows stay, whatever becomes of the index.
void FileImport::create_index() const {
    if (has_index()) {
        pg::pg_call([&] {
            ereport(NOTICE, (errmsg("column \"%s\" of %s has an index already; none is created",
                                    NameStr(target_.vector_column), target_name_.c_str()),
                             errhint("vecstore_import_graph() gives it the graph of a file.")));
        });
        return;
    }
    import_graph(index_request());
    session_.commit();
}

bool FileImport::has_index() const {
    return pg::pg_call([&] { return has_graph_index(target_.relation, NameStr(target_.vector_column)); });
}

GraphImportRequest FileImport::index_request() const {
    GraphImportRequest request = {};
    request.function = session_.function();
    request.relation = target_.relation;
    request.path = options().path;
    request.read = options().read;
    request.vector_column = NameStr(target_.vector_column);
    request.opclass = options().index_opclass;
    // Other ids than the file's are found again by the order of the rows.
    if (target_.id_encoding != IdEncoding::none && target_.id_encoding != IdEncoding::text)
        request.id_column = NameStr(target_.id_column);
    return request;
}

// --- the end -------------------------------------------------------------------------------------------

void FileImport::report_done(const ImportOutcome& outcome) const {
    const int64 places = static_cast<int64>(info().rows) - outcome.rows_before;
    pg::pg_call([&, verified = outcome.verified.c_str()] {
        ereport(NOTICE, (errmsg("imported " INT64_FORMAT " vectors of " UINT64_FORMAT
                                " dimensions from %s into %s in "
                                "%.2f s (%.0f rows/s); %s",
                                outcome.job.rows_written - outcome.written_before, info().dims, shown_path(),
                                target_name_.c_str(), outcome.seconds,
                                static_cast<double>(places) / outcome.seconds, verified)));
    });
    report_left_out(outcome.job);
}

void FileImport::report_left_out(const ImportJob& job) const {
    const core::io::SkippedRows& skipped = stream_->skipped();
    const uint64_t there_before = job.rows_written < job.rows_done
                                      ? static_cast<uint64_t>(job.rows_done - job.rows_written) -
                                            skipped.deleted - skipped.not_finite - doubled_
                                      : 0;
    pg::pg_call([&] {
        if (doubled_ > 0)
            ereport(NOTICE,
                    (errmsg("left out: " UINT64_FORMAT " vectors whose id another vector of the file has",
                            doubled_),
                     errdetail("Of those with the same id, the %s one is in the table.",
                               options().on_conflict == OnConflict::update ? "last" : "first")));
        if (skipped.deleted + skipped.not_finite + there_before == 0) return;
        ereport(NOTICE,
                (errmsg("left out: " UINT64_FORMAT " vectors that are marked as deleted, " UINT64_FORMAT
                        " with NaN or infinity, " UINT64_FORMAT " whose rows were there already",
                        skipped.deleted, skipped.not_finite, there_before)));
    });
}

// --- the SQL procedure ---------------------------------------------------------------------------------

Datum import_with(FunctionCallInfo fcinfo, bool by_name) {
    pg::pg_call([&] {
        require_own_transactions(fcinfo, "vecstore_import",
                                 "vecstore_read_npy(...) or another of the vecstore_read functions");
    });
    FileImport(parse_import_arguments(fcinfo, by_name), fcinfo->flinfo->fn_oid).run();
    return Datum{0};
}

}  // namespace
}  // namespace vecstore::import

VECSTORE_FUNCTION(import) { return vecstore::import::import_with(fcinfo, false); }

VECSTORE_FUNCTION(import_by_name) { return vecstore::import::import_with(fcinfo, true); }
