#include "pg/citus.hpp"

extern "C" {
#include "access/genam.h"
#include "access/table.h"
#include "catalog/pg_namespace.h"
#include "utils/fmgroids.h"
#include "utils/lsyscache.h"
}

namespace vecstore::pg {

// Its metadata are a row for each table of its: distributed, reference and local ones.
bool is_distributed(Oid relation) {
    const Oid metadata = get_relname_relid("pg_dist_partition", PG_CATALOG_NAMESPACE);
    if (!OidIsValid(metadata)) return false;
    const AttrNumber column = get_attnum(metadata, "logicalrelid");
    if (column == InvalidAttrNumber) return false;
    const Oid index = get_relname_relid("pg_dist_partition_logical_relid_index", PG_CATALOG_NAMESPACE);
    const Relation table = table_open(metadata, AccessShareLock);
    ScanKeyData key;
    ScanKeyInit(&key, column, BTEqualStrategyNumber, F_OIDEQ, ObjectIdGetDatum(relation));
    const SysScanDesc scan = systable_beginscan(table, index, OidIsValid(index), nullptr, 1, &key);
    const bool found = HeapTupleIsValid(systable_getnext(scan));
    systable_endscan(scan);
    table_close(table, AccessShareLock);
    return found;
}

}  // namespace vecstore::pg
