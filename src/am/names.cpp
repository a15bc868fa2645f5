// The names of the access methods. They are global in a database, and pgvector has the same: while its access
// methods are there, ours are named vecstore_hnsw and vecstore_ivfflat. Event triggers of the extension see
// to it, when pgvector comes (its script creates access methods) and when it goes.
//
// Dumps rely on both: extensions are restored in the order of their names, vecstore before vector, and an
// index that a dump creates with USING hnsw or vecstore_hnsw must find the access method of that name. There
// is no SQL command to rename one, so the row of the catalog is changed here, as other RENAMEs do; everything
// else refers to it by OID.
#include "am/access_method.hpp"

#include <string_view>

extern "C" {
#include "access/genam.h"
#include "access/htup_details.h"
#include "access/stratnum.h"
#include "access/table.h"
#include "access/xact.h"
#include "catalog/indexing.h"
#include "catalog/objectaccess.h"
#include "catalog/pg_am.h"
#include "catalog/pg_class.h"
#include "catalog/pg_proc.h"
#include "commands/defrem.h"
#include "commands/event_trigger.h"
#include "nodes/parsenodes.h"
#include "utils/fmgroids.h"
#include "utils/syscache.h"
}

namespace vecstore::am {

namespace {

constexpr char prefix[] = "vecstore_";

// The C function behind an access method is what tells whose it is: of ours the names begin with vecstore_.
bool has_handler(Form_pg_am method, const char* symbol) {
    HeapTuple tuple = SearchSysCache1(PROCOID, ObjectIdGetDatum(method->amhandler));
    if (!HeapTupleIsValid(tuple)) return false;
    bool isnull;
    const Datum source = SysCacheGetAttr(PROCOID, tuple, Anum_pg_proc_prosrc, &isnull);
    const bool result = !isnull && strcmp(TextDatumGetCString(source), symbol) == 0;
    ReleaseSysCache(tuple);
    return result;
}

// The OID of our access method, whatever it is named now; InvalidOid where the extension is not.
Oid find_own(Relation catalog, const AccessMethod& method) {
    const char* const symbol = psprintf("%s%shandler", prefix, method.name);
    Oid found = InvalidOid;
    SysScanDesc scan = systable_beginscan(catalog, InvalidOid, false, nullptr, 0, nullptr);
    for (HeapTuple tuple; HeapTupleIsValid(tuple = systable_getnext(scan));) {
        const auto row = reinterpret_cast<Form_pg_am>(GETSTRUCT(tuple));
        if (has_handler(row, symbol)) found = row->oid;
    }
    systable_endscan(scan);
    return found;
}

void rename_method(Relation catalog, Oid method, const char* name) {
    HeapTuple tuple = SearchSysCacheCopy1(AMOID, ObjectIdGetDatum(method));
    if (!HeapTupleIsValid(tuple)) elog(ERROR, "cache lookup failed for access method %u", method);
    namestrcpy(&reinterpret_cast<Form_pg_am>(GETSTRUCT(tuple))->amname, name);
    CatalogTupleUpdate(catalog, &tuple->t_self, tuple);
    InvokeObjectPostAlterHook(AccessMethodRelationId, method, 0);
    heap_freetuple(tuple);
    CommandCounterIncrement();
}

bool has_indexes(Oid method) {
    Relation catalog = table_open(RelationRelationId, AccessShareLock);
    ScanKeyData key;
    ScanKeyInit(&key, Anum_pg_class_relam, BTEqualStrategyNumber, F_OIDEQ, ObjectIdGetDatum(method));
    SysScanDesc scan = systable_beginscan(catalog, InvalidOid, false, nullptr, 1, &key);
    const bool found = HeapTupleIsValid(systable_getnext(scan));
    systable_endscan(scan);
    table_close(catalog, AccessShareLock);
    return found;
}

// Gives our access method its plain name, or leaves that to another. Its OID when the name was changed, or
// InvalidOid.
Oid set_name(const AccessMethod& method, bool plain) {
    Relation catalog = table_open(AccessMethodRelationId, RowExclusiveLock);
    const char* const name = plain ? method.name : psprintf("%s%s", prefix, method.name);
    const Oid own = find_own(catalog, method);
    const bool changes = OidIsValid(own) && !OidIsValid(get_am_oid(name, true));
    if (changes) rename_method(catalog, own, name);
    table_close(catalog, RowExclusiveLock);
    return changes ? own : InvalidOid;
}

// Another extension is about to create an access method. (While an extension's script runs, only warnings are
// shown.)
void free_name(const CreateAmStmt* statement) {
    for (const AccessMethod* method : {&hnsw_method, &ivfflat_method}) {
        if (std::string_view(statement->amname) != method->name) continue;
        const Oid own = set_name(*method, false);
        if (!OidIsValid(own)) continue;
        ereport(
            has_indexes(own) ? WARNING : NOTICE,
            (errmsg("access method \"%s\" of vecstore is \"%s%s\" now", method->name, prefix, method->name),
             errdetail("\"%s\" is made for another extension.", method->name),
             errhint("Settings of its indexes are vecstore.%s_... while both are in the database.",
                     method->name)));
    }
}

bool take_names() {
    bool changed = false;
    for (const AccessMethod* method : {&hnsw_method, &ivfflat_method})
        changed |= OidIsValid(set_name(*method, true));
    return changed;
}

}  // namespace

const char* current_name(const AccessMethod& method) {
    Relation catalog = table_open(AccessMethodRelationId, AccessShareLock);
    const Oid own = find_own(catalog, method);
    table_close(catalog, AccessShareLock);
    const char* const name = OidIsValid(own) ? get_am_name(own) : nullptr;
    if (name == nullptr) elog(ERROR, "access method %s is missing", method.name);
    return name;
}

}  // namespace vecstore::am

using namespace vecstore;

VECSTORE_FUNCTION(take_names) { PG_RETURN_BOOL(am::take_names()); }

VECSTORE_FUNCTION(follow_names) {
    if (!CALLED_AS_EVENT_TRIGGER(fcinfo))
        ereport(ERROR, (errcode(ERRCODE_E_R_I_E_EVENT_TRIGGER_PROTOCOL_VIOLATED),
                        errmsg("not called as an event trigger")));
    const auto* const data = reinterpret_cast<EventTriggerData*>(fcinfo->context);
    if (std::string_view(data->event) == "sql_drop")
        am::take_names();
    else if (IsA(data->parsetree, CreateAmStmt))
        am::free_name(reinterpret_cast<CreateAmStmt*>(data->parsetree));
    PG_RETURN_VOID();
}
