#include "import/import_session.hpp"

#include "import/target.hpp"
#include "pg/guard.hpp"

extern "C" {
#include "executor/spi.h"
#include "miscadmin.h"
#include "utils/guc.h"
#include "utils/memutils.h"
}

namespace vecstore::import {

ImportSession::ImportSession(Oid function) : function_(function) {
    pg::pg_call([&] {
        SPI_connect_ext(SPI_OPT_NONATOMIC);
        tables_ = find_state_tables(function);
        vector_type_ = type_beside(function, "vector");
        halfvec_type_ = type_beside(function, "halfvec");
        batch_memory_ = AllocSetContextCreate(CurrentMemoryContext, "vecstore import batch",
                                              ALLOCSET_DEFAULT_SIZES);
        row_memory_ = AllocSetContextCreate(CurrentMemoryContext, "vecstore import row",
                                            ALLOCSET_DEFAULT_SIZES);
    });
}

void ImportSession::commit(Flush flush) const {
    pg::pg_call([&] {
        if (flush == Flush::later) {
            (void)set_config_option("synchronous_commit", "off", PGC_USERSET, PGC_S_SESSION, GUC_ACTION_LOCAL,
                                    true, 0, false);
        }
        SPI_commit();
        MemoryContextReset(batch_memory_);
        CHECK_FOR_INTERRUPTS();
    });
}

void ImportSession::end() const {
    pg::pg_call([] { SPI_finish(); });
}

double ImportSession::seconds() const {
    return std::max(std::chrono::duration<double>(Clock::now() - started_).count(), 1e-6);
}

}  // namespace vecstore::import
