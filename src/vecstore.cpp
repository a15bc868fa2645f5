// Module entry: magic block and load-time initialisation.
#include "pg/guard.hpp"

#include "am/hnsw.hpp"

extern "C" {
PG_MODULE_MAGIC;
VECSTORE_EXPORT void _PG_init(void);
}

extern "C" void _PG_init(void) {
    vecstore::am::define_options();
    vecstore::am::define_settings();
    vecstore::am::install_planner_hook();
}
