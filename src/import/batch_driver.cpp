#include "import/batch_driver.hpp"

#include "import/resume.hpp"
#include "pg/guard.hpp"

namespace vecstore::import {

namespace {

// Between two progress messages.
constexpr double progress_seconds = 10;

const char* in_words(Verification::Outcome outcome) {
    switch (outcome) {
        case Verification::Outcome::equal: return "count and content verified";
        case Verification::Outcome::not_allowed:
            return "not verified, which needs SELECT privilege on the table";
        case Verification::Outcome::not_comparable:
            return "not verified, which a table of Citus does not allow";
        default: return "not verified";
    }
}

}  // namespace

void BatchDriver::run() {
    if (!plan_.resume || plan_.table_is_new || !find_resumable()) begin();
    if (job_.status == ImportStatus::complete) {
        report_complete();
        return;
    }
    source_.begin_batches();
    load();
    source_.end_batches(job_);
    finish();
}

// --- starting and resuming -----------------------------------------------------------------------------

void BatchDriver::begin() {
    const int64 earlier_rows = pg::pg_call([&]() -> int64 {
        ImportJob earlier = {};
        const bool unfinished = plan_.report_unfinished &&
                                find_job(session_.tables(), plan_.job.subject, &earlier) &&
                                earlier.status == ImportStatus::loading;
        job_ = begin_job(session_.tables(), plan_.job, plan_.target, plan_.verify);
        return unfinished ? earlier.rows_done : 0;
    });
    lock_.acquire(session_.tables(), job_.id);
    if (earlier_rows > 0 && !plan_.resume) {
        pg::pg_call([&] {
            ereport(NOTICE, (errmsg("an unfinished import left " INT64_FORMAT
                                    " rows of this file in the table; this one "
                                    "starts at the first row again",
                                    earlier_rows),
                             errhint("Use resume => true to go on behind them instead.")));
        });
    }
    // A table of its own comes with the first rows, or not at all.
    if (!plan_.table_is_new) session_.commit();
}

// Finds the newest import of this subject and takes its lock; the job is as it is then. Commits.
bool BatchDriver::take_up_job() {
    if (!pg::pg_call([&] { return find_job(session_.tables(), plan_.job.subject, &job_); })) {
        pg::pg_call([&] {
            ereport(NOTICE, (errmsg("there is no earlier import to resume; starting at the first row")));
        });
        return false;
    }
    lock_.acquire(session_.tables(), job_.id);
    // The session that held the lock before may have gone on meanwhile: look again, with a new snapshot.
    session_.commit();
    pg::pg_call([&] { load_job(session_.tables(), job_.id, &job_); });
    return true;
}

// An import of the same source into the same column that is unfinished or complete.
bool BatchDriver::find_resumable() {
    if (!take_up_job()) return false;
    const RowCheck check = plan_.comparable ? RowCheck::same_rows : RowCheck::any_rows;
    const bool goes_on = pg::pg_call([&] {
        plan_.target = look_up_target(plan_.job.target);
        return may_go_on({session_.tables(), plan_.target, job_}, check);
    });
    source_.set_target(plan_.target);
    if (!goes_on) return false;
    source_.skip_done(job_);
    rows_before_ = job_.rows_done;
    written_before_ = job_.rows_written;
    return true;
}

// --- loading -------------------------------------------------------------------------------------------

void BatchDriver::load() {
    while (static_cast<uint64_t>(job_.rows_done) < plan_.rows) {
        if (load_batch() == 0) return;
        if (session_.seconds() - last_progress_ >= progress_seconds) report_progress();
    }
}

// Returns the rows of the source that it has got through.
int64 BatchDriver::load_batch() {
    const pg::ErrorContext context(add_context, this);
    const ImportBatch batch = source_.insert_batch(job_);
    if (batch.rows > 0) {
        pg::pg_call([&] {
            const MemoryContext old = MemoryContextSwitchTo(session_.batch_memory());
            note_batch(session_.tables(), batch, &job_);
            MemoryContextSwitchTo(old);
        });
    }
    session_.commit(Flush::later);
    return batch.rows;
}

void BatchDriver::add_context(void* driver) {
    const auto* const self = static_cast<const BatchDriver*>(driver);
    self->source_.add_error_context(self->job_);
}

void BatchDriver::report_progress() {
    last_progress_ = session_.seconds();
    const double rate = static_cast<double>(job_.rows_done - rows_before_) / last_progress_;
    const double left = static_cast<double>(plan_.rows - static_cast<uint64_t>(job_.rows_done)) / rate;
    pg::pg_call([&] {
        ereport(NOTICE,
                (errmsg(INT64_FORMAT " of " UINT64_FORMAT " rows imported (%.0f rows/s, about %.0f s left)",
                        job_.rows_done, plan_.rows, rate, left)));
    });
}

// --- the end -------------------------------------------------------------------------------------------

void BatchDriver::finish() {
    const Verification verification = pg::pg_call(
        [&] { return end_job(session_.tables(), plan_.job.target, job_, plan_.comparable); });
    session_.commit();
    if (verification.outcome == Verification::Outcome::different) raise_different(verification);
    source_.report_done({job_, rows_before_, written_before_, verification, in_words(verification.outcome),
                         session_.seconds()});
}

void BatchDriver::raise_different(const Verification& verification) const {
    pg::pg_call([&] {
        const bool fewer = verification.rows_found != job_.rows_written;
        ereport(ERROR,
                (errcode(ERRCODE_DATA_CORRUPTED),
                 errmsg("%s does not hold what was read from %s", plan_.target_name, plan_.shown),
                 fewer ? errdetail(INT64_FORMAT " rows were read, " INT64_FORMAT " of them are in the table.",
                                   job_.rows_written, verification.rows_found)
                       : errdetail("All " INT64_FORMAT " rows are there, but their content differs.",
                                   job_.rows_written),
                 errhint("The rows are committed. Triggers that change or drop rows explain this, and so do "
                         "other sessions that changed them meanwhile; in these cases use verify => false.")));
    });
}

void BatchDriver::report_complete() const {
    const std::string detail = source_.describe_complete(job_);
    pg::pg_call([&, text = detail.c_str()] {
        ereport(NOTICE, (errmsg("%s is already in %s: nothing to import", plan_.shown, plan_.target_name),
                         *text == '\0' ? 0 : errdetail_internal("%s", text),
                         errhint("Should it be imported once more, use resume => false.")));
    });
}

void report_source_warnings(const char* shown, const std::vector<std::string>& warnings, bool lossy) {
    for (const std::string& warning : warnings) {
        pg::pg_call([&, text = warning.c_str()] { ereport(NOTICE, (errmsg("%s: %s", shown, text))); });
    }
    if (!lossy) return;
    pg::pg_call(
        [&] { ereport(NOTICE, (errmsg("%s holds approximations of the vectors it was made of", shown))); });
}

}  // namespace vecstore::import
