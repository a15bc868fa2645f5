// CALL vecstore_import(...): a file's vectors into a table, through COPY, in committed batches.
//
// Each batch is a transaction of its own: the table is opened and its privileges are checked, COPY inserts
// the rows (with the table's defaults, constraints, triggers, partitions), a row of vecstore_import_batch
// records them, commit. So whatever stops the import, the state tables say exactly which rows are in the
// table, and resume => true goes on behind them. At the end the table is scanned for the import's rows, and
// their count and content are compared with what was read.
#include "core/io/content_hash.hpp"
#include "import/copy_stream.hpp"
#include "import/functions.hpp"
#include "import/import_state.hpp"
#include "import/server_file.hpp"
#include "import/target.hpp"
#include "import/verify.hpp"
#include "pg/guard.hpp"

#include <chrono>

extern "C" {
#include "access/xact.h"
#include "commands/copy.h"
#include "executor/spi.h"
#include "nodes/makefuncs.h"
#include "nodes/parsenodes.h"
#include "storage/lmgr.h"
#include "utils/snapmgr.h"
}

namespace vecstore::import {

namespace {

using core::io::VectorFileInfo;
using Clock = std::chrono::steady_clock;

// Between two progress messages.
constexpr std::chrono::seconds progress_interval{10};

struct ImportOptions {
    Oid relation;
    std::string path;
    std::string vector_column;  // empty: the table's only vector column
    std::string id_column;      // empty: ids are not stored
    uint64_t batch_size;
    std::string format;
    bool resume;
    bool verify;
};

// Holds the right to work on an import, so that no two sessions insert the same rows.
class JobLock {
  public:
    JobLock() = default;
    JobLock(const JobLock&) = delete;
    JobLock& operator=(const JobLock&) = delete;
    ~JobLock() {
        if (held_) LockRelease(&tag_, ExclusiveLock, true);
    }
    // Raises 55006 when another session works on it.
    void acquire(const StateTables& tables, int64 job_id) {
        tag_ = job_lock_tag(tables, job_id);
        pg::pg_call([&] {
            if (LockAcquire(&tag_, ExclusiveLock, true, true) != LOCKACQUIRE_NOT_AVAIL) return;
            ereport(
                ERROR,
                (errcode(ERRCODE_OBJECT_IN_USE), errmsg("this import is being run by another session"),
                 errhint("Wait until it has ended, or end it with pg_terminate_backend() and resume then.")));
        });
        held_ = true;
    }

  private:
    LOCKTAG tag_;
    bool held_ = false;
};

class Import {
  public:
    Import(ImportOptions options, Oid function);
    void run();

  private:
    void open();
    TargetRequest request() const;
    void check_file_fits() const;
    ImportKey key() const;
    FileIdentity identity() const;
    bool find_resumable();
    void check_same_file() const;
    void start();
    void load();
    void load_batch(uint64_t rows);
    void copy_batch();
    void finish();
    bool verify_rows();
    void raise_different() const;
    void commit();
    void report_warnings() const;
    void report_progress();
    void report_done() const;
    double seconds_since_start() const {
        return std::chrono::duration<double>(Clock::now() - started_).count();
    }
    const VectorFileInfo& info() const { return reader_->info(); }
    static void add_context(void* import);

    const ImportOptions options_;
    const std::string shown_path_;
    StateTables tables_;
    Oid vector_type_;
    Target target_;
    std::string target_name_;  // when the import began
    MemoryContext batch_context_;
    std::unique_ptr<core::io::ByteSource> source_;
    std::unique_ptr<core::io::VectorReader> reader_;
    std::unique_ptr<CopyStream> stream_;
    int64 fingerprint_ = 0;
    ImportJob job_ = {};
    JobLock lock_;
    Verification verification_ = {};
    Clock::time_point started_ = Clock::now();
    Clock::time_point last_progress_ = started_;
    uint64_t rows_before_ = 0;  // of earlier calls, when this one resumes
};

Import::Import(ImportOptions options, Oid function)
    : options_(std::move(options)), shown_path_(displayed_path(options_.path)) {
    pg::pg_call([&] {
        SPI_connect_ext(SPI_OPT_NONATOMIC);
        tables_ = find_state_tables(function);
        vector_type_ = vector_type_beside(function);
        batch_context_ =
            AllocSetContextCreate(CurrentMemoryContext, "vecstore import batch", ALLOCSET_DEFAULT_SIZES);
    });
}

void Import::run() {
    open();
    report_warnings();
    if (!options_.resume || !find_resumable()) start();
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
    pg::pg_call([] { SPI_finish(); });
}

TargetRequest Import::request() const {
    return {options_.relation, vector_type_,
            options_.vector_column.empty() ? nullptr : options_.vector_column.c_str(),
            options_.id_column.empty() ? nullptr : options_.id_column.c_str()};
}

// Privileges first: nothing is opened for those who may not.
void Import::open() {
    pg::pg_call([&] {
        require_server_file_privilege();
        const OpenTarget open = open_target(request());
        target_ = open.target;
        target_name_ = qualified_name(target_);
        close_target(open);
    });
    source_ = open_server_file(options_.path);
    reader_ = core::io::open_vectors(*source_, options_.format);
    stream_ = std::make_unique<CopyStream>(*reader_, target_);
    check_file_fits();
    fingerprint_ = static_cast<int64>(core::io::fingerprint(*source_));
}

void Import::check_file_fits() const {
    if (info().rows == 0) return;
    pg::pg_call([&] { check_target_dims(target_, info().dims, shown_path_.c_str()); });
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

ImportKey Import::key() const {
    return {target_name_.c_str(), NameStr(target_.vector_column), NameStr(target_.id_column),
            options_.path.c_str()};
}

FileIdentity Import::identity() const {
    return {info().format.c_str(), static_cast<int64>(source_->size()), fingerprint_,
            static_cast<int64>(info().rows), static_cast<int64>(info().dims)};
}

// --- starting and resuming ---------------------------------------------------------------------------

void Import::start() {
    const int64 earlier_rows = pg::pg_call([&]() -> int64 {
        ImportJob earlier = {};
        const bool unfinished = find_job(tables_, key(), &earlier) && earlier.status == ImportStatus::loading;
        const bool empty = options_.verify && may_verify(target_) && table_is_empty(target_);
        job_ = create_job(tables_, key(), identity(), empty);
        return unfinished ? earlier.rows_done : 0;
    });
    lock_.acquire(tables_, job_.id);
    if (earlier_rows > 0) {
        pg::pg_call([&] {
            ereport(NOTICE, (errmsg("an unfinished import left " INT64_FORMAT
                                    " rows of this file in the table; this one "
                                    "starts at the first row again",
                                    earlier_rows),
                             errhint("Use resume => true to go on behind them instead.")));
        });
    }
    commit();
}

// An import of the same file into the same column that is unfinished or complete. What it has committed is
// read again from the file: it must be what was read then.
bool Import::find_resumable() {
    if (!pg::pg_call([&] { return find_job(tables_, key(), &job_); })) {
        pg::pg_call([&] {
            ereport(NOTICE, (errmsg("there is no earlier import to resume; starting at the first row")));
        });
        return false;
    }
    lock_.acquire(tables_, job_.id);
    // The session that held the lock before may have gone on meanwhile: look again, with a new snapshot.
    commit();
    pg::pg_call([&] { find_job(tables_, key(), &job_); });
    check_same_file();
    rows_before_ = static_cast<uint64_t>(job_.rows_done);
    return true;
}

void Import::check_same_file() const {
    bool same = job_.file_size == static_cast<int64>(source_->size()) && job_.fingerprint == fingerprint_ &&
                job_.rows_done <= static_cast<int64>(info().rows);
    uint64_t sum = 0;
    core::io::VectorBatch batch;
    const auto done = static_cast<uint64_t>(job_.rows_done);
    const auto dims = static_cast<size_t>(info().dims);
    while (same && reader_->position() < done) {
        reader_->read(batch, static_cast<size_t>(done - reader_->position()));
        for (size_t row = 0; row < batch.rows; row++) {
            sum += core::io::hash_row(CopyStream::stored_id(target_, batch.ids[row]),
                                      batch.values.data() + row * dims, dims);
        }
    }
    if (same && sum == job_.content_sum) return;
    throw core::Error(
        core::ErrorCode::invalid_parameter,
        "cannot resume: " + shown_path_ + " is not the file that the earlier import read",
        "Its size or its content has changed.",
        "Import it anew with resume => false; the rows of the earlier import are still in the table.");
}

// --- loading -----------------------------------------------------------------------------------------

void Import::load() {
    while (reader_->position() < info().rows) {
        load_batch(std::min<uint64_t>(options_.batch_size, info().rows - reader_->position()));
        if (Clock::now() - last_progress_ >= progress_interval) report_progress();
    }
}

void Import::load_batch(uint64_t rows) {
    {
        stream_->begin(rows);
        const ActiveCopyStream active(*stream_);
        pg::pg_call([&] { copy_batch(); });
    }
    pg::pg_call([&] {
        const MemoryContext old = MemoryContextSwitchTo(batch_context_);
        record_batch(tables_, job_, stream_->rows(), stream_->content_sum());
        MemoryContextSwitchTo(old);
    });
    job_.rows_done += static_cast<int64>(stream_->rows());
    job_.content_sum += stream_->content_sum();
    commit();
}

// In the context of errors: what has been kept.
void Import::add_context(void* import) {
    const auto* const self = static_cast<const Import*>(import);
    errcontext("import of %s: " INT64_FORMAT " of " UINT64_FORMAT
               " rows are committed, resume => true goes on from there",
               self->shown_path_.c_str(), self->job_.rows_done, self->info().rows);
}

// Postgres code only: an error passes over this frame.
void Import::copy_batch() {
    ErrorContextCallback context;
    context.callback = add_context;
    context.arg = this;
    context.previous = error_context_stack;
    error_context_stack = &context;
    const MemoryContext old = MemoryContextSwitchTo(batch_context_);
    PushActiveSnapshot(GetTransactionSnapshot());

    const OpenTarget open = open_target(request());
    target_ = open.target;
    check_target_dims(target_, info().dims, shown_path_.c_str());
    List* columns = list_make1(makeString(NameStr(target_.vector_column)));
    if (target_.id_encoding != IdEncoding::none)
        columns = lappend(columns, makeString(NameStr(target_.id_column)));
    List* const copy_options =
        list_make1(makeDefElem(pstrdup("format"), (Node*)makeString(pstrdup("binary")), -1));
    const CopyFromState state = BeginCopyFrom(open.parse_state, open.relation, nullptr, nullptr, false,
                                              copy_stream_callback, columns, copy_options);
    CopyFrom(state);
    EndCopyFrom(state);
    close_target(open);

    PopActiveSnapshot();
    MemoryContextSwitchTo(old);
    error_context_stack = context.previous;
}

// Ends the transaction and begins the next one.
void Import::commit() {
    pg::pg_call([&] {
        SPI_commit();
        MemoryContextReset(batch_context_);
        CHECK_FOR_INTERRUPTS();
    });
}

// --- the end -----------------------------------------------------------------------------------------

void Import::finish() {
    const bool different = options_.verify && !verify_rows();
    pg::pg_call(
        [&] { set_status(tables_, job_, different ? ImportStatus::mismatch : ImportStatus::complete); });
    commit();
    if (different) raise_different();
    report_done();
}

// False when the table holds something else than was read.
bool Import::verify_rows() {
    verification_ = pg::pg_call([&] {
        const OpenTarget open = open_target(request());
        close_target(open);
        return verify_import(tables_, open.target, job_);
    });
    return verification_.outcome != Verification::Outcome::different;
}

void Import::raise_different() const {
    pg::pg_call([&] {
        const bool fewer = verification_.rows_found != job_.rows_done;
        ereport(ERROR,
                (errcode(ERRCODE_DATA_CORRUPTED),
                 errmsg("%s does not hold what was read from %s", target_name_.c_str(), shown_path_.c_str()),
                 fewer ? errdetail(INT64_FORMAT " rows were read, " INT64_FORMAT " of them are in the table.",
                                   job_.rows_done, verification_.rows_found)
                       : errdetail("All " INT64_FORMAT " rows are there, but their content differs.",
                                   job_.rows_done),
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
    const uint64_t rows = info().rows - rows_before_;
    const double seconds = seconds_since_start();
    const char* const verified = !options_.verify ? "not verified"
                                 : verification_.outcome == Verification::Outcome::equal
                                     ? "count and content verified"
                                     : "not verified, which needs SELECT privilege on the table";
    pg::pg_call([&] {
        ereport(NOTICE, (errmsg("imported " UINT64_FORMAT " vectors of " UINT64_FORMAT
                                " dimensions from %s into %s in "
                                "%.2f s (%.0f rows/s); %s",
                                rows, info().dims, shown_path_.c_str(), target_name_.c_str(), seconds,
                                static_cast<double>(rows) / std::max(seconds, 1e-6), verified)));
    });
}

// --- the SQL procedure -------------------------------------------------------------------------------

// Batches are committed, which is possible only where no one else's transaction is open around the call.
void require_own_transactions(FunctionCallInfo fcinfo) {
    const bool atomic = fcinfo->context == nullptr || !IsA(fcinfo->context, CallContext) ||
                        reinterpret_cast<CallContext*>(fcinfo->context)->atomic;
    if (!atomic && !IsSubTransaction()) return;
    ereport(
        ERROR,
        (errcode(ERRCODE_INVALID_TRANSACTION_STATE),
         errmsg("vecstore_import cannot run inside a transaction block or a function"),
         errdetail("It commits the rows in batches."),
         errhint("CALL it on its own, or use INSERT ... SELECT FROM vecstore_read_npy(...) or another of the "
                 "vecstore_read functions, which do all in the current transaction.")));
}

enum Argument {
    arg_target,
    arg_path,
    arg_column,
    arg_id_column,
    arg_batch_size,
    arg_format,
    arg_resume,
    arg_verify
};

void check_arguments(FunctionCallInfo fcinfo) {
    for (const Argument argument :
         {arg_target, arg_path, arg_batch_size, arg_format, arg_resume, arg_verify}) {
        if (!PG_ARGISNULL(argument)) continue;
        ereport(ERROR, (errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
                        errmsg("of vecstore_import's arguments only \"column\" and id_column may be null")));
    }
    if (PG_GETARG_INT32(arg_batch_size) < 1) {
        ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
                        errmsg("batch_size must be at least 1, not %d", PG_GETARG_INT32(arg_batch_size)),
                        errhint("It is the number of rows that are committed together.")));
    }
}

std::string name_argument(FunctionCallInfo fcinfo, Argument argument) {
    return PG_ARGISNULL(argument) ? std::string() : std::string(NameStr(*PG_GETARG_NAME(argument)));
}

ImportOptions parse_arguments(FunctionCallInfo fcinfo) {
    return {PG_GETARG_OID(arg_target),
            text_to_string(PG_GETARG_DATUM(arg_path)),
            name_argument(fcinfo, arg_column),
            name_argument(fcinfo, arg_id_column),
            static_cast<uint64_t>(PG_GETARG_INT32(arg_batch_size)),
            text_to_string(PG_GETARG_DATUM(arg_format)),
            PG_GETARG_BOOL(arg_resume),
            PG_GETARG_BOOL(arg_verify)};
}

}  // namespace
}  // namespace vecstore::import

VECSTORE_FUNCTION(import) {
    using namespace vecstore::import;
    require_own_transactions(fcinfo);
    check_arguments(fcinfo);
    Import(parse_arguments(fcinfo), fcinfo->flinfo->fn_oid).run();
    return Datum{0};
}
