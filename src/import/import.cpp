// CALL vecstore_import(...): a file's vectors into a table, through COPY, in committed batches.
//
// Each batch is a transaction of its own: the table is opened and its privileges are checked, COPY inserts
// the rows (with the table's defaults, constraints, triggers, partitions), a row of vecstore_import_batch
// records them, commit. So whatever stops the import, the state tables say exactly which rows are in the
// table, and resume => true goes on behind them. At the end the table is scanned for the import's rows, and
// their count and content are compared with what was read.
#include "core/io/source/content_hash.hpp"
#include "import/copy_stream.hpp"
#include "import/create_table.hpp"
#include "import/functions.hpp"
#include "import/import_graph.hpp"
#include "import/import_state.hpp"
#include "import/job_lock.hpp"
#include "import/metadata.hpp"
#include "import/options.hpp"
#include "import/resume.hpp"
#include "import/server_file.hpp"
#include "import/staging.hpp"
#include "import/target.hpp"
#include "import/verify.hpp"
#include "pg/citus.hpp"
#include "pg/guard.hpp"

#include <chrono>

extern "C" {
#include "access/table.h"
#include "access/xact.h"
#include "commands/copy.h"
#include "executor/spi.h"
#include "nodes/makefuncs.h"
#include "nodes/parsenodes.h"
#include "parser/parse_relation.h"
#include "storage/lmgr.h"
#include "utils/lsyscache.h"
#include "utils/snapmgr.h"
}

namespace vecstore::import {

namespace {

using core::io::VectorFileInfo;
using Clock = std::chrono::steady_clock;

// Between two progress messages.
constexpr std::chrono::seconds progress_interval{10};

class Import {
  public:
    Import(ImportOptions options, Oid function);
    void run();

  private:
    void open();
    void open_files();
    void resolve_target();
    void choose_ids();
    TargetRequest request(bool with_metadata) const;
    void check_file_fits() const;
    void check_metadata_fits() const;
    ImportSubject subject() const;
    FileIdentity identity() const;
    bool find_resumable();
    void check_same_file();
    void start();
    void load();
    void load_batch(uint64_t end);
    void copy_batch();
    void copy_into(Relation relation, ParseState* parse_state);
    void copy_into_staging();
    void finish();
    void dry_run();
    bool verify_rows();
    bool has_index() const;
    GraphImportRequest index_request() const;
    void create_index();
    void raise_different() const;
    void report_warnings() const;
    void report_unused_fields() const;
    void report_progress();
    void report_done() const;
    double seconds_since_start() const {
        return std::chrono::duration<double>(Clock::now() - started_).count();
    }
    const VectorFileInfo& info() const { return reader_->info(); }
    static void add_context(void* import);

    ImportOptions options_;
    const Oid function_;
    const std::string shown_path_;
    StateTables tables_;
    Oid vector_type_;
    Oid halfvec_type_;
    Target target_;
    std::string target_name_;  // when the import began
    std::string created_;      // the statement that created the table, if this import did
    MemoryContext batch_context_;
    MemoryContext row_context_;
    std::unique_ptr<core::io::ByteSource> source_;
    std::unique_ptr<core::io::VectorReader> reader_;
    std::unique_ptr<Metadata> metadata_;
    std::vector<const char*> keys_;  // of the metadata
    std::unique_ptr<CopyStream> stream_;
    ImportBatch batch_ = {};  // the one that is being copied
    int64 fingerprint_ = 0;
    ImportJob job_ = {};
    JobLock lock_;
    Verification verification_ = {};
    Clock::time_point started_ = Clock::now();
    Clock::time_point last_progress_ = started_;
    uint64_t doubled_ = 0;      // vectors whose id another one of the file has
    uint64_t rows_before_ = 0;  // of earlier calls, when this one resumes
    int64_t written_before_ = 0;
};

Import::Import(ImportOptions options, Oid function)
    : options_(std::move(options)), function_(function), shown_path_(displayed_path(options_.path)) {
    pg::pg_call([&] {
        SPI_connect_ext(SPI_OPT_NONATOMIC);
        tables_ = find_state_tables(function);
        vector_type_ = type_beside(function, "vector");
        halfvec_type_ = type_beside(function, "halfvec");
        batch_context_ = AllocSetContextCreate(CurrentMemoryContext, "vecstore import batch",
                                               ALLOCSET_DEFAULT_SIZES);
        row_context_ = AllocSetContextCreate(CurrentMemoryContext, "vecstore import row",
                                             ALLOCSET_DEFAULT_SIZES);
    });
}

void Import::run() {
    open();
    report_warnings();
    if (options_.dry_run) {
        dry_run();
        pg::pg_call([] { SPI_finish(); });
        return;
    }
    if (!options_.resume || !created_.empty() || !find_resumable()) start();
    if (job_.status == ImportStatus::complete) {
        pg::pg_call([&] {
            ereport(
                NOTICE,
                (errmsg("%s is already in %s: nothing to import", shown_path_.c_str(), target_name_.c_str()),
                 errdetail("An earlier import of its " INT64_FORMAT " vectors is complete.", job_.rows_done),
                 errhint("Should it be imported once more, use resume => false.")));
        });
    } else {
        load();
        finish();
    }
    if (options_.create_index) create_index();
    pg::pg_call([] { SPI_finish(); });
}

TargetRequest Import::request(bool with_metadata) const {
    const auto name_or_null = [](const std::string& name) { return name.empty() ? nullptr : name.c_str(); };
    TargetRequest request = {};
    request.relation = options_.relation;
    request.vector_type = vector_type_;
    request.halfvec_type = halfvec_type_;
    request.vector_column = name_or_null(options_.vector_column);
    request.id_column = name_or_null(options_.id_column);
    if (!with_metadata) {
        // Whatever type the id column has: it may be filled from metadata.
        request.id_key = options_.metadata_path.empty() ? nullptr : "";
        return request;
    }
    request.prefer_bits = info().element == core::io::ElementType::bit;
    request.keys = keys_.data();
    request.key_count = static_cast<int>(keys_.size());
    if (options_.ids == IdOrigin::metadata) request.id_key = options_.id_key.c_str();
    request.metadata_column = name_or_null(options_.metadata_column);
    return request;
}

// COPY from inside the server goes past Citus, into the table's shell on the coordinator, which nobody reads.
void refuse_distributed(Oid relation) {
    if (!pg::is_distributed(relation)) return;
    ereport(ERROR, (errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
                    errmsg("vecstore_import cannot fill \"%s\", a table of Citus", get_rel_name(relation)),
                    errhint("Send the rows through Citus: INSERT ... SELECT ... FROM vecstore_read_npy(...) "
                            "or another of the "
                            "vecstore_read functions, or the program vecstore-load.")));
}

// --- what is imported into what ------------------------------------------------------------------------

// Privileges first: nothing is opened for those who may not.
void Import::open() {
    pg::pg_call([] { require_server_file_privilege(); });
    if (!OidIsValid(options_.relation)) options_.relation = find_table(options_.table_name);
    if (!OidIsValid(options_.relation) && !options_.create_table) {
        pg::pg_call([&] {
            ereport(ERROR, (errcode(ERRCODE_UNDEFINED_TABLE),
                            errmsg("relation \"%s\" does not exist", options_.table_name.c_str()),
                            errhint("With create_table => true it is created.")));
        });
    }
    if (OidIsValid(options_.relation)) pg::pg_call([&] { refuse_distributed(options_.relation); });
    if (OidIsValid(options_.relation) && !options_.create_table) {
        pg::pg_call([&] { close_target(open_target(request(false))); });
    }
    open_files();
    if (!OidIsValid(options_.relation)) {
        created_ = create_import_table(options_, function_, info(), metadata_.get());
    } else if (options_.create_table && options_.id_column.empty()) {
        options_.id_column = "id";
    }
    choose_ids();
    resolve_target();
}

void Import::open_files() {
    source_ = open_server_file(options_.path);
    options_.read.file_name = options_.path;
    options_.read.open_sibling = siblings_of(options_.path);
    reader_ = core::io::open_vectors(*source_, options_.read);
    fingerprint_ = static_cast<int64>(core::io::fingerprint(*source_));
    if (options_.metadata_path.empty()) return;
    metadata_ = std::make_unique<Metadata>(open_server_file(options_.metadata_path), info().rows);
    for (const std::string& name : metadata_->keys()) keys_.push_back(name.c_str());
    check_metadata_fits();
}

void Import::check_metadata_fits() const {
    const core::io::JsonSurvey& survey = metadata_->survey();
    if (options_.metadata_column.empty() && (survey.kinds & ~core::io::json_object) != 0)
        throw core::Error(
            core::ErrorCode::invalid_parameter,
            "the records in " + metadata_->source().name() + " are not all objects with named fields",
            "There are " + core::io::kind_names(survey.kinds & ~core::io::json_object) + " among them.",
            "Whole records go into one column: metadata_column => '...'.");
    const uint64_t records = survey.records;
    if (survey.layout == core::io::JsonSurvey::Layout::columns && survey.fields.empty() && info().by_id)
        throw core::Error(core::ErrorCode::invalid_parameter,
                          metadata_->source().name() + " has arrays of different lengths",
                          "None is as long as " + shown_path_ + " has vectors.",
                          "Each record has one element in each array.");
    if (info().by_id ? records > 0 || info().rows == 0 : records == info().rows) return;
    throw core::Error(core::ErrorCode::invalid_parameter,
                      metadata_->source().name() + " has metadata of " + std::to_string(records) +
                          " rows, but " + shown_path_ + " has " + std::to_string(info().rows) + " vectors",
                      {}, "Each vector has one record, in the order of the vectors.");
}

// Where ids come from, when that is left open: the file, the metadata, positions.
void Import::choose_ids() {
    if (options_.ids == IdOrigin::file && !info().has_ids) {
        throw core::Error(
            core::ErrorCode::invalid_parameter, shown_path_ + " holds no ids", {},
            "Use ids => 'row' for the positions of the vectors, or take the ids from metadata.");
    }
    if (options_.id_key.empty()) options_.id_key = options_.id_column;
    const auto& keys = metadata_ == nullptr ? std::vector<std::string>() : metadata_->keys();
    const bool in_metadata = std::find(keys.begin(), keys.end(), options_.id_key) != keys.end();
    if (options_.ids == IdOrigin::automatic && !info().has_ids && in_metadata &&
        !options_.id_column.empty()) {
        options_.ids = IdOrigin::metadata;
    }
    if (options_.ids == IdOrigin::metadata && !in_metadata) {
        throw core::Error(
            core::ErrorCode::invalid_parameter,
            metadata_->source().name() + " has no field \"" + options_.id_key + "\" to take ids from");
    }
}

void Import::resolve_target() {
    pg::pg_call([&] {
        const OpenTarget open = open_target(request(true));
        target_ = open.target;
        close_target(open);
    });
    if (options_.create_index && !has_index()) check_can_import_graph(index_request(), info().metric);
    const char* const name = pg::pg_call([&] { return qualified_name(target_); });
    target_name_ = name;
    const RowRules rules = {info().by_id, options_.ids == IdOrigin::row, options_.batch_size};
    stream_ = std::make_unique<CopyStream>(*reader_, target_, metadata_.get(), rules, row_context_);
    check_file_fits();
    report_unused_fields();
}

void Import::check_file_fits() const {
    if (info().rows == 0) return;
    pg::pg_call([&] { check_target_dims(target_, info().dims, shown_path_.c_str()); });
}

// Nothing is left out in silence.
void Import::report_unused_fields() const {
    std::string names;
    const auto add = [&](const std::string& name) { names += (names.empty() ? "\"" : ", \"") + name + "\""; };
    if (metadata_ != nullptr && options_.metadata_column.empty()) {
        for (size_t key = 0; key < keys_.size(); key++) {
            const int* const used = target_.field_keys;
            const int* const end = used + target_.field_count;
            if (std::find(used, end, static_cast<int>(key)) == end) add(keys_[key]);
        }
    }
    if (metadata_ != nullptr) {
        for (const std::string& name : metadata_->survey().ignored)
            names += (names.empty() ? "" : ", ") + name;
    }
    if (names.empty()) return;
    pg::pg_call([&] {
        ereport(NOTICE, (errmsg("of the metadata these fields are left out: %s", names.c_str()),
                         errhint("Fields go into columns of the same names, or all of them into one column: "
                                 "metadata_column => '...'.")));
    });
}

void Import::report_warnings() const {
    for (const std::string& warning : info().warnings) {
        pg::pg_call([&] { ereport(NOTICE, (errmsg("%s: %s", shown_path_.c_str(), warning.c_str()))); });
    }
    if (info().lossy) {
        pg::pg_call([&] {
            ereport(NOTICE,
                    (errmsg("%s holds approximations of the vectors it was made of", shown_path_.c_str())));
        });
    }
}

ImportSubject Import::subject() const {
    return {target_.relation,           target_name_.c_str(),  NameStr(target_.vector_column),
            NameStr(target_.id_column), options_.path.c_str(), options_.read.member.c_str()};
}

FileIdentity Import::identity() const {
    return {info().format.c_str(),
            static_cast<int64>(source_->size()),
            fingerprint_,
            static_cast<int64>(info().rows),
            static_cast<int64>(info().dims),
            options_.metadata_path.c_str(),
            metadata_ == nullptr ? 0 : static_cast<int64>(metadata_->fingerprint())};
}

// --- starting and resuming ---------------------------------------------------------------------------

void Import::start() {
    const int64 earlier_rows = pg::pg_call([&]() -> int64 {
        ImportJob earlier = {};
        const bool unfinished = find_job(tables_, subject(), &earlier) &&
                                earlier.status == ImportStatus::loading;
        const bool empty = options_.verify && may_verify(target_) && table_is_empty(target_);
        job_ = create_job(tables_, subject(), identity(), empty);
        return unfinished ? earlier.rows_done : 0;
    });
    lock_.acquire(tables_, job_.id);
    if (earlier_rows > 0 && !options_.resume) {
        pg::pg_call([&] {
            ereport(NOTICE, (errmsg("an unfinished import left " INT64_FORMAT
                                    " rows of this file in the table; this one "
                                    "starts at the first row again",
                                    earlier_rows),
                             errhint("Use resume => true to go on behind them instead.")));
        });
    }
    // A table of its own comes with the first rows, or not at all.
    if (created_.empty()) commit_batch(batch_context_);
}

// An import of the same file into the same column that is unfinished or complete. What it has committed is
// read again from the file: it must be what was read then.
bool Import::find_resumable() {
    if (!take_up_job(tables_, subject(), batch_context_, &lock_, &job_)) return false;
    const bool goes_on = pg::pg_call([&] {
        const OpenTarget open = open_target(request(true));
        target_ = open.target;
        close_target(open);
        return may_go_on(tables_, target_, job_, options_.verify ? RowCheck::same_rows : RowCheck::any_rows);
    });
    if (!goes_on) return false;
    check_same_file();
    rows_before_ = static_cast<uint64_t>(job_.rows_done);
    written_before_ = job_.rows_written;
    return true;
}

void Import::check_same_file() {
    bool same = job_.file_size == static_cast<int64>(source_->size()) && job_.fingerprint == fingerprint_ &&
                job_.metadata_fingerprint == identity().metadata_fingerprint &&
                job_.rows_done <= static_cast<int64>(info().rows);
    if (same) {
        stream_->read_through(static_cast<uint64_t>(job_.rows_done));
        same = stream_->content_sum() == job_.content_sum;
    }
    if (same) return;
    throw core::Error(
        core::ErrorCode::invalid_parameter,
        "cannot resume: " + shown_path_ + (metadata_ == nullptr ? " is" : " with its metadata is") +
            " not the file that the earlier import read",
        "Its size or its content has changed.",
        "Import it anew with resume => false; the rows of the earlier import are still in the table.");
}

// --- loading -----------------------------------------------------------------------------------------

void Import::load() {
    if (options_.on_conflict != OnConflict::error) {
        pg::pg_call([&] {
            const OpenTarget open = open_target(request(true));
            create_staging(open.target);
            close_target(open);
        });
        if (created_.empty()) commit_batch(batch_context_);
    }
    while (stream_->position() < info().rows) {
        load_batch(std::min<uint64_t>(stream_->position() + options_.batch_size, info().rows));
        if (Clock::now() - last_progress_ >= progress_interval) report_progress();
    }
}

void Import::load_batch(uint64_t end) {
    const pg::ErrorContext context(add_context, this);
    batch_ = {};
    {
        stream_->begin(end);
        const ActiveCopyStream active(*stream_);
        pg::pg_call([&] { copy_batch(); });
    }
    batch_.rows = static_cast<int64>(end) - job_.rows_done;
    batch_.content_sum = stream_->content_sum();
    if (options_.on_conflict == OnConflict::error) {
        batch_.rows_written = static_cast<int64>(stream_->rows());
        batch_.written_sum = stream_->content_sum();
    }
    pg::pg_call([&] {
        const MemoryContext old = MemoryContextSwitchTo(batch_context_);
        record_batch(tables_, job_, batch_);
        MemoryContextSwitchTo(old);
    });
    job_.rows_done += batch_.rows;
    job_.content_sum += batch_.content_sum;
    job_.rows_written += batch_.rows_written;
    job_.written_sum += batch_.written_sum;
    commit_batch(batch_context_, Flush::later);
}

// In the context of errors: what has been kept.
void Import::add_context(void* import) {
    const auto* const self = static_cast<const Import*>(import);
    if (geterrcode() == ERRCODE_UNIQUE_VIOLATION) {
        // The same rows would meet the same ones again.
        errcontext("import of %s: " INT64_FORMAT " of " UINT64_FORMAT
                   " rows are committed; on_conflict => 'skip' leaves out rows that are there already, "
                   "'update' replaces them",
                   self->shown_path_.c_str(), self->job_.rows_done, self->info().rows);
        return;
    }
    errcontext("import of %s: " INT64_FORMAT " of " UINT64_FORMAT
               " rows are committed, resume => true goes on from there",
               self->shown_path_.c_str(), self->job_.rows_done, self->info().rows);
}

// Postgres code only: an error passes over this frame.
void Import::copy_batch() {
    const MemoryContext old = MemoryContextSwitchTo(batch_context_);
    PushActiveSnapshot(GetTransactionSnapshot());

    const OpenTarget open = open_target(request(true));
    target_ = open.target;
    check_target_dims(target_, info().dims, shown_path_.c_str());
    if (options_.on_conflict == OnConflict::error) {
        copy_into(open.relation, open.parse_state);
    } else {
        copy_into_staging();
    }
    close_target(open);

    PopActiveSnapshot();
    MemoryContextSwitchTo(old);
}

void Import::copy_into(Relation relation, ParseState* parse_state) {
    List* columns = list_make1(makeString(NameStr(target_.vector_column)));
    if (target_.id_encoding != IdEncoding::none)
        columns = lappend(columns, makeString(NameStr(target_.id_column)));
    for (int i = 0; i < target_.field_count; i++) {
        columns = lappend(columns, makeString(NameStr(target_.fields[i].column)));
    }
    List* const copy_options = list_make1(
        makeDefElem(pstrdup("format"), (Node*)makeString(pstrdup("binary")), -1));
    const CopyFromState state = BeginCopyFrom(parse_state, relation, nullptr, nullptr, false,
                                              copy_stream_callback, columns, copy_options);
    CopyFrom(state);
    EndCopyFrom(state);
}

// The session's own temporary table: there is nothing to check.
void Import::copy_into_staging() {
    const Relation staging = open_staging();
    ParseState* const parse_state = make_parsestate(nullptr);
    (void)addRangeTableEntryForRelation(parse_state, staging, RowExclusiveLock, nullptr, false, false);
    copy_into(staging, parse_state);
    free_parsestate(parse_state);
    table_close(staging, NoLock);
    CommandCounterIncrement();
    const StagedBatch staged = insert_staged(tables_, target_, job_, options_.on_conflict);
    batch_ = staged.batch;
    doubled_ += static_cast<uint64_t>(staged.doubled);
}

// --- the end -----------------------------------------------------------------------------------------

void Import::dry_run() {
    stream_->read_through(info().rows);
    const char* const columns = pg::pg_call([&] { return target_columns(target_); });
    pg::pg_call([&] {
        ereport(NOTICE,
                (errmsg("dry run: " UINT64_FORMAT " vectors of " UINT64_FORMAT
                        " dimensions from %s would go into %s (%s)",
                        stream_->rows(), info().dims, shown_path_.c_str(), target_name_.c_str(), columns),
                 created_.empty() ? 0 : errdetail("The table would be made by: %s", created_.c_str()),
                 errhint("All was read and converted; nothing was written.")));
        SPI_rollback();
    });
}

void Import::finish() {
    if (options_.on_conflict != OnConflict::error) pg::pg_call([] { drop_staging(); });
    const bool different = options_.verify && !verify_rows();
    pg::pg_call([&] {
        set_status(tables_, job_, different ? ImportStatus::mismatch : ImportStatus::complete,
                   options_.verify && verification_.outcome == Verification::Outcome::equal);
    });
    commit_batch(batch_context_);
    if (different) raise_different();
    report_done();
}

// False when the table holds something else than was read.
bool Import::verify_rows() {
    verification_ = pg::pg_call([&] {
        const OpenTarget open = open_target(request(true));
        close_target(open);
        return verify_import(tables_, open.target, job_);
    });
    return verification_.outcome != Verification::Outcome::different;
}

// In a transaction of its own: what is loaded stays, whatever becomes of the index.
void Import::create_index() {
    if (has_index()) {
        pg::pg_call([&] {
            ereport(NOTICE, (errmsg("column \"%s\" of %s has an index already; none is created",
                                    NameStr(target_.vector_column), target_name_.c_str()),
                             errhint("vecstore_adopt_graph() gives it the graph of a file.")));
        });
        return;
    }
    import_graph(index_request());
    commit_batch(batch_context_);
}

bool Import::has_index() const {
    return pg::pg_call([&] { return has_graph_index(target_.relation, NameStr(target_.vector_column)); });
}

GraphImportRequest Import::index_request() const {
    GraphImportRequest request = {};
    request.function = function_;
    request.relation = target_.relation;
    request.path = options_.path;
    request.read = options_.read;
    request.vector_column = NameStr(target_.vector_column);
    request.opclass = options_.index_opclass;
    // Other ids than the file's are found again by the order of the rows.
    if (target_.id_encoding != IdEncoding::none && target_.id_encoding != IdEncoding::text)
        request.id_column = NameStr(target_.id_column);
    return request;
}

void Import::raise_different() const {
    pg::pg_call([&] {
        const bool fewer = verification_.rows_found != job_.rows_written;
        ereport(ERROR,
                (errcode(ERRCODE_DATA_CORRUPTED),
                 errmsg("%s does not hold what was read from %s", target_name_.c_str(), shown_path_.c_str()),
                 fewer ? errdetail(INT64_FORMAT " rows were read, " INT64_FORMAT " of them are in the table.",
                                   job_.rows_written, verification_.rows_found)
                       : errdetail("All " INT64_FORMAT " rows are there, but their content differs.",
                                   job_.rows_written),
                 errhint("The rows are committed. Triggers that change or drop rows explain this, and so do "
                         "other sessions that changed them meanwhile; in these cases use verify => false.")));
    });
}

void Import::report_progress() {
    last_progress_ = Clock::now();
    const auto done = static_cast<double>(static_cast<uint64_t>(job_.rows_done) - rows_before_);
    const double rate = done / seconds_since_start();
    const double left = static_cast<double>(info().rows - static_cast<uint64_t>(job_.rows_done)) / rate;
    pg::pg_call([&] {
        ereport(NOTICE,
                (errmsg(INT64_FORMAT " of " UINT64_FORMAT " rows imported (%.0f rows/s, about %.0f s left)",
                        job_.rows_done, info().rows, rate, left)));
    });
}

void Import::report_done() const {
    const uint64_t places = info().rows - rows_before_;
    const int64_t rows = job_.rows_written - written_before_;
    const double seconds = seconds_since_start();
    const core::io::SkippedRows& skipped = stream_->skipped();
    const char* const verified = !options_.verify ? "not verified"
                                 : verification_.outcome == Verification::Outcome::equal
                                     ? "count and content verified"
                                     : "not verified, which needs SELECT privilege on the table";
    const uint64_t there_before = job_.rows_written < job_.rows_done
                                      ? static_cast<uint64_t>(job_.rows_done - job_.rows_written) -
                                            skipped.deleted - skipped.not_finite - doubled_
                                      : 0;
    pg::pg_call([&] {
        ereport(NOTICE, (errmsg("imported " INT64_FORMAT " vectors of " UINT64_FORMAT
                                " dimensions from %s into %s in "
                                "%.2f s (%.0f rows/s); %s",
                                rows, info().dims, shown_path_.c_str(), target_name_.c_str(), seconds,
                                static_cast<double>(places) / std::max(seconds, 1e-6), verified)));
        if (doubled_ > 0)
            ereport(NOTICE,
                    (errmsg("left out: " UINT64_FORMAT " vectors whose id another vector of the file has",
                            doubled_),
                     errdetail("Of those with the same id, the %s one is in the table.",
                               options_.on_conflict == OnConflict::update ? "last" : "first")));
        if (skipped.deleted + skipped.not_finite + there_before == 0) return;
        ereport(NOTICE,
                (errmsg("left out: " UINT64_FORMAT " vectors that are marked as deleted, " UINT64_FORMAT
                        " with NaN or infinity, " UINT64_FORMAT " whose rows were there already",
                        skipped.deleted, skipped.not_finite, there_before)));
    });
}

// --- the SQL procedure -------------------------------------------------------------------------------

Datum import_with(FunctionCallInfo fcinfo, bool by_name) {
    pg::pg_call([&] { require_own_transactions(fcinfo); });
    Import(parse_import_arguments(fcinfo, by_name), fcinfo->flinfo->fn_oid).run();
    return Datum{0};
}

}  // namespace
}  // namespace vecstore::import

VECSTORE_FUNCTION(import) { return vecstore::import::import_with(fcinfo, false); }

VECSTORE_FUNCTION(import_by_name) { return vecstore::import::import_with(fcinfo, true); }
