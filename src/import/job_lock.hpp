// The right to work on one import, so that no two sessions insert the same rows.
#pragma once

#include "import/import_state.hpp"
#include "pg/guard.hpp"

namespace vecstore::import {

class JobLock {
  public:
    JobLock() = default;
    JobLock(const JobLock&) = delete;
    JobLock& operator=(const JobLock&) = delete;
    ~JobLock() { release(); }

    // Raises 55006 when another session works on it. Held across transactions.
    void acquire(const StateTables& tables, int64 job_id) {
        release();
        tag_ = job_lock_tag(tables, job_id);
        pg::pg_call([&] { take(tag_); });
        held_ = true;
    }

    void release() {
        if (held_) LockRelease(&tag_, ExclusiveLock, true);
        held_ = false;
    }

    // The same without an owner: until the session ends.
    static void take(const LOCKTAG& tag) {
        if (LockAcquire(&tag, ExclusiveLock, true, true) != LOCKACQUIRE_NOT_AVAIL) return;
        ereport(ERROR,
                (errcode(ERRCODE_OBJECT_IN_USE), errmsg("this import is being run by another session"),
                 errhint("Wait until it has ended, or end it with pg_terminate_backend() and resume then.")));
    }

  private:
    LOCKTAG tag_;
    bool held_ = false;
};

// Ends the transaction of a batch; another begins. What its context holds is gone. Where the commit need not
// wait for the disk, a crash may take the batch with it, and its entry in the state tables as well.
enum class Flush { now, later };
void commit_batch(MemoryContext context, Flush flush = Flush::now);

// Finds the newest import of this key and takes its lock; the job is as it is then. False, with a NOTICE,
// where there is none. Commits.
bool take_up_job(const StateTables& tables, const ImportSubject& subject, MemoryContext context,
                 JobLock* lock, ImportJob* job);

}  // namespace vecstore::import
