// The lock that an import holds from its beginning to its end.
#pragma once

#include "import/import_state.hpp"
#include "pg/guard.hpp"

extern "C" {
#include "storage/lmgr.h"
}

namespace vecstore::import {

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

}  // namespace vecstore::import
