#include "import/job_steps.hpp"

namespace vecstore::import {

Target look_up_target(const TargetRequest& request) {
    const OpenTarget open = open_target(request);
    close_target(open);
    return open.target;
}

ImportJob begin_job(const StateTables& tables, const JobDescription& description, const Target& target,
                    bool verify) {
    const bool empty = verify && may_verify(target) && table_is_empty(target);
    return create_job(tables, description.subject, description.file, empty);
}

void note_batch(const StateTables& tables, const ImportBatch& batch, ImportJob* job) {
    record_batch(tables, *job, batch);
    job->rows_done += batch.rows;
    job->content_sum += batch.content_sum;
    job->rows_written += batch.rows_written;
    job->written_sum += batch.written_sum;
}

Verification end_job(const StateTables& tables, const TargetRequest& target, const ImportJob& job,
                     bool verify) {
    Verification verification = {Verification::Outcome::not_asked, 0};
    if (verify) {
        const Target now = look_up_target(target);
        verification = verify_import({tables, now, job});
    }
    const bool different = verification.outcome == Verification::Outcome::different;
    set_status(tables, job, different ? ImportStatus::mismatch : ImportStatus::complete,
               verification.outcome == Verification::Outcome::equal);
    return verification;
}

}  // namespace vecstore::import
