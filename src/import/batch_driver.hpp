// Drives an import from its first batch to its verification. The rows come from a BatchSource.
//
// Each batch is a transaction of its own. The source inserts the rows, a row of vecstore_import_batch records
// them, and both are committed together. So the state tables say at any moment which rows are in the table,
// and resume => true goes on behind them, even after a crash. At the end the table is scanned for the
// import's rows. Their count and content must be those of the rows that were read.
//
// The way of an import: find the earlier job and take its lock, or begin a new one; skip the rows that are
// done; batches; verification and status; messages. Only the source knows files, stores and COPY.
#pragma once

#include "import/import_session.hpp"
#include "import/job_lock.hpp"
#include "import/job_steps.hpp"

#include <string>

namespace vecstore::import {

// An import and its options. The strings belong to the source.
struct ImportPlan {
    JobDescription job;
    Target target;            // as the source has looked it up
    const char* shown;        // the source's name in messages: file "..."
    const char* target_name;  // qualified and quoted
    uint64_t rows;            // of the source
    bool resume;
    bool verify;             // asked for
    bool comparable;         // the table's rows can be compared with the source's
    bool table_is_new;       // this call has created it: it is committed with the first batch
    bool report_unfinished;  // say so when an unfinished import is not gone on with
};

// How an import has ended.
struct ImportOutcome {
    const ImportJob& job;
    int64 rows_before;     // done by earlier calls
    int64 written_before;  // of these
    Verification verification;
    std::string verified;  // the same in words
    double seconds;
};

// Where the rows come from, and how they get into the table.
class BatchSource {
  public:
    virtual ~BatchSource() = default;

    // An import that resumes has looked the target up again.
    virtual void set_target(const Target& target) = 0;
    // Reads again the rows that earlier calls have committed. The next batch begins behind them. Throws where
    // the source is not the one that they read.
    virtual void skip_done(const ImportJob& job) = 0;
    // A sentence about the import that an earlier call has completed; or nothing.
    virtual std::string describe_complete(const ImportJob& job) const = 0;

    // Before the first batch of this call, and after the last one.
    virtual void begin_batches() = 0;
    virtual void end_batches(const ImportJob& job) = 0;
    // Inserts the next batch in the current transaction. No rows: there are no more.
    virtual ImportBatch insert_batch(const ImportJob& job) = 0;
    // Adds to the context of an error in a batch. Calls Postgres only.
    virtual void add_error_context(const ImportJob& job) const = 0;

    virtual void report_done(const ImportOutcome& outcome) const = 0;
};

class BatchDriver {
  public:
    BatchDriver(BatchSource& source, const ImportPlan& plan, const ImportSession& session)
        : source_(source), plan_(plan), session_(session) {}

    // Imports all that is not in the table yet. The right to the job is held as long as the driver lives.
    void run();

  private:
    bool find_resumable();
    bool take_up_job();
    void begin();
    void load();
    int64 load_batch();
    void finish();
    void raise_different(const Verification& verification) const;
    void report_complete() const;
    void report_progress();
    static void add_context(void* driver);

    BatchSource& source_;
    ImportPlan plan_;
    const ImportSession& session_;
    ImportJob job_ = {};
    JobLock lock_;
    int64 rows_before_ = 0;  // of earlier calls, when this one resumes
    int64 written_before_ = 0;
    double last_progress_ = 0;  // in seconds of the session
};

// NOTICEs with the warnings of a source's reader.
void report_source_warnings(const char* shown, const std::vector<std::string>& warnings, bool lossy);

}  // namespace vecstore::import
