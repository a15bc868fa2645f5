#include "import/job_lock.hpp"

extern "C" {
#include "executor/spi.h"
#include "miscadmin.h"
#include "utils/guc.h"
#include "utils/memutils.h"
}

namespace vecstore::import {

void commit_batch(MemoryContext context, Flush flush) {
    pg::pg_call([&] {
        if (flush == Flush::later) {
            (void)set_config_option("synchronous_commit", "off", PGC_USERSET, PGC_S_SESSION, GUC_ACTION_LOCAL,
                                    true, 0, false);
        }
        SPI_commit();
        MemoryContextReset(context);
        CHECK_FOR_INTERRUPTS();
    });
}

bool take_up_job(const StateTables& tables, const ImportSubject& subject, MemoryContext context,
                 JobLock* lock, ImportJob* job) {
    if (!pg::pg_call([&] { return find_job(tables, subject, job); })) {
        pg::pg_call([&] {
            ereport(NOTICE, (errmsg("there is no earlier import to resume; starting at the first row")));
        });
        return false;
    }
    lock->acquire(tables, job->id);
    // The session that held the lock before may have gone on meanwhile: look again, with a new snapshot.
    commit_batch(context);
    pg::pg_call([&] { find_job(tables, subject, job); });
    return true;
}

}  // namespace vecstore::import
