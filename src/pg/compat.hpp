// Differences between PostgreSQL 14 and 18, all of them, in one place. Included by pg/postgres.hpp only.
#pragma once

#if PG_VERSION_NUM < 140000
#error "vecstore needs PostgreSQL 14 or later"
#endif

// Up to 15 PGDLLEXPORT is empty outside Windows, and everything here is compiled with hidden visibility.
#undef PGDLLEXPORT
#define PGDLLEXPORT __attribute__((visibility("default")))
#define VECSTORE_EXPORT PGDLLEXPORT

extern "C" {
#include "catalog/pg_class.h"
#include "commands/vacuum.h"
#include "miscadmin.h"
#include "nodes/parsenodes.h"
#include "nodes/pathnodes.h"
#include "optimizer/planner.h"
#include "pgstat.h"
#include "postmaster/autovacuum.h"
#include "rewrite/rewriteManip.h"
#include "storage/buf_internals.h"
#include "storage/bufmgr.h"
#include "utils/acl.h"
#include "utils/guc.h"
#include "utils/guc_tables.h"
#include "utils/rel.h"
}

namespace vecstore::pg {

// Pins `guess` if it still holds this block. Temporary tables' buffers are not worth guessing.
inline bool read_recent_buffer(Relation rel, ForkNumber fork, BlockNumber block, Buffer guess) {
#if PG_VERSION_NUM >= 160000
    return ReadRecentBuffer(rel->rd_locator, fork, block, guess);
#else
    return ReadRecentBuffer(rel->rd_node, fork, block, guess);
#endif
}

// Is this page used as often as clock sweep tells apart? Read without a lock: a hint.
inline bool is_hot(Buffer shared_buffer) {
    const auto state = pg_atomic_read_u32(&GetBufferDescriptor(shared_buffer - 1)->state);
    return BUF_STATE_GET_USAGECOUNT(state) >= BM_MAX_USAGE_COUNT;
}

// ReadBuffer() counts a page that it finds, and ReadRecentBuffer() does not.
inline void count_hit(Relation rel) {
    if (likely(rel->pgstat_info != nullptr)) {
#if PG_VERSION_NUM >= 160000
        auto& counts = rel->pgstat_info->counts;
        ++counts.blocks_fetched;
        ++counts.blocks_hit;
#else
        auto& counts = rel->pgstat_info->t_counts;
        ++counts.t_blocks_fetched;
        ++counts.t_blocks_hit;
#endif
    } else {
        pgstat_count_buffer_read(rel);  // begins to count, if this relation's are to be counted
        pgstat_count_buffer_hit(rel);
    }
#if PG_VERSION_NUM >= 180000
    pgstat_count_io_op(IOOBJECT_RELATION, IOCONTEXT_NORMAL, IOOP_HIT, 1, 0);
#elif PG_VERSION_NUM >= 160000
    pgstat_count_io_op(IOOBJECT_RELATION, IOCONTEXT_NORMAL, IOOP_HIT);
#endif
}

// The same of a page that vacuum finds.
inline void count_vacuum_hit() {
    if (VacuumCostActive) VacuumCostBalance += VacuumCostPageHit;
#if PG_VERSION_NUM < 170000
    ++VacuumPageHit;
#endif
}

inline void vacuum_delay() {
#if PG_VERSION_NUM >= 180000
    vacuum_delay_point(false);
#else
    vacuum_delay_point();
#endif
}

// Kilobytes that a vacuum may take.
inline int vacuum_work_mem() {
#if PG_VERSION_NUM >= 170000
    const bool automatic = AmAutoVacuumWorkerProcess();
#else
    const bool automatic = IsAutoVacuumWorkerProcess();
#endif
    return automatic && autovacuum_work_mem != -1 ? autovacuum_work_mem : maintenance_work_mem;
}

// May the current user vacuum, and so also look into, this table?
inline bool may_maintain(Oid table) {
#if PG_VERSION_NUM >= 170000
    return pg_class_aclcheck(table, GetUserId(), ACL_MAINTAIN) == ACLCHECK_OK;
#elif PG_VERSION_NUM >= 160000
    return object_ownercheck(RelationRelationId, table, GetUserId());
#else
    return pg_class_ownercheck(table, GetUserId());
#endif
}

// May this user become that role, as by SET ROLE?
inline bool may_set_role(Oid user, Oid role) {
#if PG_VERSION_NUM >= 160000
    return member_can_set_role(user, role);
#else
    return is_member_of_role(user, role);
#endif
}

// From 17 on functions of an index run with a safe search_path.
inline void restrict_search_path() {
#if PG_VERSION_NUM >= 170000
    RestrictSearchPath();
#endif
}

// Takes the permissions that `rte`, a copy of one of the query's, needs along to another query of which it is
// the only table. From 16 on they are kept beside the range table; before that in the entry itself.
inline void copy_permissions([[maybe_unused]] const Query* from, [[maybe_unused]] Query* to,
                             [[maybe_unused]] RangeTblEntry* rte) {
#if PG_VERSION_NUM >= 160000
    if (rte->perminfoindex == 0) return;
    to->rteperminfos = list_make1(copyObjectImpl(list_nth(from->rteperminfos, rte->perminfoindex - 1)));
    rte->perminfoindex = 1;
#endif
}

// Is an expression of a class the same whether or not the query's outer joins found rows? And does the class
// hold for all rows, and not just for those of the inner side of one? (From 16 on columns know which joins
// may have made them NULL, and count these among the tables that an expression is of.)
inline bool is_of_every_row([[maybe_unused]] const EquivalenceMember* member) {
#if PG_VERSION_NUM >= 160000
    return true;
#else
    return bms_is_empty(member->em_nullable_relids);
#endif
}
inline bool is_of_every_row([[maybe_unused]] const EquivalenceClass* equal) {
#if PG_VERSION_NUM >= 160000
    return true;
#else
    return !equal->ec_below_outer_join;
#endif
}

// Plans a sub-select of a query that is being planned.
inline PlannerInfo* plan_subquery(PlannerInfo* root, Query* query) {
#if PG_VERSION_NUM >= 170000
    return subquery_planner(root->glob, query, root, false, 0, nullptr);
#else
    return subquery_planner(root->glob, query, root, false, 0);
#endif
}

// Makes the planner take any other path. From 18 on paths that a setting disables are compared by their
// number first, so an infinite cost alone would win against a sequential scan with enable_seqscan = off.
inline void reject_path(IndexPath* path) {
#if PG_VERSION_NUM >= 180000
    path->path.disabled_nodes = 2;
#else
    (void)path;
#endif
}

// Placeholders with this prefix that are left over are errors of the user's.
inline void reserve_settings(const char* prefix) {
#if PG_VERSION_NUM >= 150000
    MarkGUCPrefixReserved(prefix);
#else
    EmitWarningsOnPlaceholders(prefix);
#endif
}

// A setting by its name, or null. Does not raise.
inline const config_generic* find_setting(const char* name) {
#if PG_VERSION_NUM >= 160000
    return find_option(name, false, true, 0);
#else
    config_generic** const settings = get_guc_variables();  // sorted by name, in this order
    for (int begin = 0, end = GetNumConfigOptions(); begin < end;) {
        const int middle = begin + (end - begin) / 2;
        const int order = pg_strcasecmp(name, settings[middle]->name);
        if (order == 0) return settings[middle];
        if (order < 0)
            end = middle;
        else
            begin = middle + 1;
    }
    return nullptr;
#endif
}

// Changes whenever the relation gets new storage (REINDEX, TRUNCATE).
inline Oid storage_number(Relation rel) {
#if PG_VERSION_NUM >= 160000
    return rel->rd_locator.relNumber;
#else
    return rel->rd_node.relNode;
#endif
}

}  // namespace vecstore::pg

// From 16 on the privileges that a query needs on a relation are kept beside its range table entry.
#if PG_VERSION_NUM >= 160000
#define VECSTORE_PERMISSIONS_OF(nsitem) ((nsitem)->p_perminfo)
#define VECSTORE_CHECK_PERMISSIONS(pstate) \
    ExecCheckPermissions((pstate)->p_rtable, (pstate)->p_rteperminfos, true)
#else
#define VECSTORE_PERMISSIONS_OF(nsitem) ((nsitem)->p_rte)
#define VECSTORE_CHECK_PERMISSIONS(pstate) ExecCheckRTPerms((pstate)->p_rtable, true)
#endif

// From 16 on the varlena macros (VARSIZE, SET_VARSIZE, ...) no longer come with postgres.h.
#if PG_VERSION_NUM >= 160000
extern "C" {
#include "varatt.h"
}
#endif
