#include "am/index_reader.hpp"

#include "am/access_method.hpp"

extern "C" {
#include "access/genam.h"
#include "access/table.h"
#include "access/xlog.h"
#include "catalog/index.h"
#include "catalog/pg_class.h"
#include "commands/defrem.h"
#include "utils/lsyscache.h"
}

namespace vecstore::am {

namespace {

void check_kind(Oid relation) {
    const char kind = get_rel_relkind(relation);
    const char* const name = get_rel_name(relation);
    if (name == nullptr)
        ereport(ERROR,
                (errcode(ERRCODE_UNDEFINED_OBJECT), errmsg("there is no relation with OID %u", relation)));
    if (kind == RELKIND_PARTITIONED_INDEX)
        ereport(ERROR,
                (errcode(ERRCODE_WRONG_OBJECT_TYPE),
                 errmsg("\"%s\" is the index of a partitioned table and has no pages of its own", name),
                 errhint("Ask about the indexes of its partitions: "
                         "SELECT relid FROM pg_partition_tree('%s') WHERE isleaf.",
                         quote_qualified_identifier(get_namespace_name(get_rel_namespace(relation)), name))));
    if (kind != RELKIND_INDEX)
        ereport(ERROR, (errcode(ERRCODE_WRONG_OBJECT_TYPE), errmsg("\"%s\" is not an index", name)));
}

void check_readable(Relation index) {
    const char* const name = RelationGetRelationName(index);
    if (find_method(index->rd_indam) == nullptr) {
        const char* const method = get_am_name(index->rd_rel->relam);
        ereport(ERROR,
                (errcode(ERRCODE_WRONG_OBJECT_TYPE), errmsg("\"%s\" is not an hnsw or ivfflat index", name),
                 errdetail("Its access method is %s.", method != nullptr ? method : "unknown")));
    }
    if (RELATION_IS_OTHER_TEMP(index))
        ereport(ERROR, (errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
                        errmsg("index \"%s\" is temporary and belongs to another session", name)));
    if (!index->rd_index->indisvalid)
        ereport(ERROR,
                (errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE), errmsg("index \"%s\" is not valid", name),
                 errdetail("Its creation is under way, or failed."), errhint("DROP it, or REINDEX it.")));
    if (RecoveryInProgress() && !RelationNeedsWAL(index))
        ereport(ERROR, (errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
                        errmsg("index \"%s\" is unlogged and not available on a standby", name)));
}

}  // namespace

OpenIndex open_index(Oid index, LOCKMODE heap_lock) {
    check_kind(index);
    // The table is locked first, as everywhere; that it is still the index's is known afterwards.
    const Oid table = IndexGetRelation(index, true);
    if (!OidIsValid(table) || !pg::may_maintain(table))
        ereport(
            ERROR,
            (errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
             errmsg("permission denied for index \"%s\"", get_rel_name(index)),
             errhint("Only the table's owner may look into its indexes, and roles that may maintain it.")));
    OpenIndex open{table_open(table, heap_lock), nullptr, heap_lock};
    open.index = index_open(index, AccessShareLock);
    if (IndexGetRelation(index, false) != table)
        ereport(ERROR, (errcode(ERRCODE_UNDEFINED_TABLE),
                        errmsg("index \"%s\" was replaced meanwhile", RelationGetRelationName(open.index))));
    check_readable(open.index);
    return open;
}

void close_index(const OpenIndex& open) {
    index_close(open.index, AccessShareLock);
    table_close(open.heap, open.heap_lock);
}

}  // namespace vecstore::am
