// vecstore_run_as_owner: a statement that is made of a table's definition, run as the table's owner.
#include "pg/as_owner.hpp"
#include "pg/guard.hpp"

extern "C" {
#include "catalog/pg_class.h"
#include "executor/spi.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/syscache.h"
}

namespace vecstore::pg {

namespace {

Oid owner_of(Oid relation) {
    const HeapTuple tuple = SearchSysCache1(RELOID, ObjectIdGetDatum(relation));
    if (!HeapTupleIsValid(tuple))
        ereport(ERROR,
                (errcode(ERRCODE_UNDEFINED_TABLE), errmsg("relation with OID %u does not exist", relation)));
    const Oid owner = reinterpret_cast<Form_pg_class>(GETSTRUCT(tuple))->relowner;
    ReleaseSysCache(tuple);
    return owner;
}

// Only a user who could SET ROLE to the owner may go on.
void require_becoming(Oid owner, Oid relation) {
    const Oid user = GetUserId();
    if (user == owner || (!InSecurityRestrictedOperation() && may_set_role(user, owner))) return;
    ereport(ERROR,
            (errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
             errmsg("permission denied to act as owner of relation %s", get_rel_name(relation)),
             errdetail("Only superusers and members of role \"%s\" may.", GetUserNameFromId(owner, false))));
}

void run_as_owner(Oid relation, const char* command, const char* search_path) {
    const Oid owner = owner_of(relation);
    require_becoming(owner, relation);
    SPI_connect();
    const AsOwner as_owner(owner);
    (void)set_config_option("search_path", search_path, PGC_USERSET, PGC_S_SESSION, GUC_ACTION_SAVE, true, 0,
                            false);
    const int result = SPI_execute(command, false, 0);
    if (result == SPI_ERROR_TRANSACTION || result == SPI_ERROR_COPY)
        ereport(ERROR,
                (errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
                 errmsg("cannot run %s as owner of relation %s",
                        result == SPI_ERROR_COPY ? "COPY to or from the client" : "transaction commands",
                        get_rel_name(relation))));
    if (result < 0) elog(ERROR, "SPI_execute failed: %s", SPI_result_code_string(result));
    as_owner.end();
    SPI_finish();
}

}  // namespace

}  // namespace vecstore::pg

// Nothing in here has a destructor: Postgres errors may pass.
VECSTORE_FUNCTION(run_as_owner) {
    vecstore::pg::run_as_owner(PG_GETARG_OID(0), text_to_cstring(PG_GETARG_TEXT_PP(1)),
                               text_to_cstring(PG_GETARG_TEXT_PP(2)));
    PG_RETURN_VOID();
}
