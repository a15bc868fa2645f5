// The right to work on one import. It keeps two sessions from inserting the same rows.
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

}  // namespace vecstore::import
