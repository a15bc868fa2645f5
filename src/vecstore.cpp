// Module entry: magic block and load-time initialization.
#include "pg/guard.hpp"

#include "am/access_method.hpp"
#include "am/planner/planner.hpp"
#include "am/settings.hpp"

extern "C" {
PG_MODULE_MAGIC;
// (The name is that which the server looks for.)
VECSTORE_EXPORT void _PG_init(void);  // NOLINT(bugprone-reserved-identifier,cert-dcl37-c,cert-dcl51-cpp)
}

extern "C" void _PG_init(void) {
    vecstore::pg::guarded([] {
        vecstore::am::define_hnsw();
        vecstore::am::define_ivfflat();
        vecstore::am::reserve_plain_names();
        vecstore::pg::reserve_settings("vecstore");
        vecstore::am::install_planner_hook();
        vecstore::am::install_path_hook();
    });
}
