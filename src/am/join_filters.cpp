// What a filtered join says about the table that is ordered by distance.
//
//     SELECT ... FROM docs JOIN tenants USING (tenant) WHERE tenants.region = 'eu' ORDER BY docs.embedding <=> $1 LIMIT 10
//
// Only docs of some tenants can be in the result, but the scan of the index on docs does not know of which: it
// returns rows that the join throws away. So, where the index has the joined column to filter by, the query is given
// a condition that follows from what it says,
//
//     vecstore_joined(docs.tenant, ARRAY (SELECT tenant FROM tenants WHERE region = 'eu'))
//
// which the index takes for docs.tenant = ANY (...). The sub-select runs once, when the scan begins. For the planner
// the condition lets all rows pass: that it says nothing new is just what the estimates of the join's rows need.
// Where it is not used as an index condition it is true, too: the join itself will tell.
//
// Where most rows of the joined table meet its condition the sub-select costs more than it saves, so the statement is
// planned as it is written, too (planner.cpp).
//
// Of a LEFT JOIN that says as much as only an inner one can, WHERE tenants.region = 'eu' above it does: rows without a
// tenant have no region. (The planner finds that out later.)
#include "am/access_method.hpp"
#include "am/filter_type.hpp"
#include "am/hnsw.hpp"

extern "C" {
#include "access/table.h"
#include "catalog/pg_class.h"
#include "nodes/makefuncs.h"
#include "nodes/nodeFuncs.h"
#include "nodes/supportnodes.h"
#include "optimizer/clauses.h"
#include "optimizer/optimizer.h"
#include "parser/parse_func.h"
#include "parser/parsetree.h"
#include "utils/guc.h"
#include "utils/lsyscache.h"
}

namespace vecstore::am {

namespace {

bool enabled = true;

// Of tables with more rows it may take longer to find the keys than they save.
constexpr double most_rows = 500000;

// What the query says of its tables. All of this is Postgres's memory; nothing here has a destructor.
struct Facts {
    Query* query;
    Relids tables;        // those whose rows must all meet the conditions
    Relids never_null;    // of those, the ones that no outer join makes NULL, as the query is written
    Relids outer_joins;   // that conditions may be said above of
    List* quals;
};

// Collects the conditions of inner joins, and the tables under them: of what `node` joins.
//   never_null  no outer join puts NULLs in the place of this part's rows
//   strict      tables of which a condition above would not let such a row pass
// Below an outer join a row may be there for want of another; but not where a condition above asks for the other.
void collect(Facts& facts, Node* node, bool never_null, Relids strict);

void add_quals(Facts& facts, Node* quals) {
    if (quals != nullptr) facts.quals = list_concat(facts.quals, make_ands_implicit(reinterpret_cast<Expr*>(quals)));
}

void collect_join(Facts& facts, const JoinExpr* join, bool never_null, Relids strict) {
    const bool left_outer = join->jointype == JOIN_LEFT, right_outer = join->jointype == JOIN_RIGHT;
    if (join->jointype != JOIN_INNER && !left_outer && !right_outer) return;
    Node* const nullable = left_outer ? join->rarg : right_outer ? join->larg : nullptr;
    const bool as_inner = nullable == nullptr || bms_overlap(strict, pg::tables_of(nullable));
    if (nullable != nullptr) facts.outer_joins = bms_add_member(facts.outer_joins, join->rtindex);
    const Relids below = as_inner ? bms_union(strict, find_nonnullable_rels(join->quals)) : strict;
    if (as_inner || !right_outer) collect(facts, join->larg, never_null && !right_outer, below);
    if (as_inner || !left_outer) collect(facts, join->rarg, never_null && !left_outer, below);
    if (as_inner) add_quals(facts, join->quals);
}

void collect(Facts& facts, Node* node, bool never_null, Relids strict) {
    check_stack_depth();
    if (IsA(node, RangeTblRef)) {
        const int table = reinterpret_cast<RangeTblRef*>(node)->rtindex;
        facts.tables = bms_add_member(facts.tables, table);
        if (never_null) facts.never_null = bms_add_member(facts.never_null, table);
    } else if (IsA(node, FromExpr)) {
        auto* const from = reinterpret_cast<FromExpr*>(node);
        const Relids below = bms_union(strict, find_nonnullable_rels(from->quals));
        ListCell* cell;
        foreach (cell, from->fromlist) collect(facts, static_cast<Node*>(lfirst(cell)), never_null, below);
        add_quals(facts, from->quals);
    } else if (IsA(node, JoinExpr)) {
        collect_join(facts, reinterpret_cast<JoinExpr*>(node), never_null, strict);
    }
}

const Var* plain_var(const Node* node) {
    while (node != nullptr && IsA(node, RelabelType))
        node = reinterpret_cast<Node*>(reinterpret_cast<const RelabelType*>(node)->arg);
    if (node == nullptr || !IsA(node, Var)) return nullptr;
    const auto* const var = reinterpret_cast<const Var*>(node);
    return var->varlevelsup == 0 && var->varattno > 0 ? var : nullptr;
}

// The table that the result is ordered by a distance of; 0: it is not.
int ordered_table(const Facts& facts) {
    const auto* const sort = static_cast<SortGroupClause*>(linitial(facts.query->sortClause));
    const TargetEntry* const entry = get_sortgroupref_tle(sort->tleSortGroupRef, facts.query->targetList);
    if (!IsA(entry->expr, OpExpr) || exprType(reinterpret_cast<Node*>(entry->expr)) != FLOAT8OID) return 0;
    ListCell* cell;
    foreach (cell, reinterpret_cast<OpExpr*>(entry->expr)->args) {
        const Var* const var = plain_var(static_cast<Node*>(lfirst(cell)));
        if (var != nullptr && bms_is_member(var->varno, facts.never_null)) return var->varno;
    }
    return 0;
}

bool is_plain_table(const Facts& facts, int table) {
    const RangeTblEntry* const rte = rt_fetch(table, facts.query->rtable);
    return rte->rtekind == RTE_RELATION && rte->tablesample == nullptr &&
           (rte->relkind == RELKIND_RELATION || rte->relkind == RELKIND_MATVIEW);
}

struct FilterColumn {
    Oid family;      // of operators; InvalidOid: there is no such column
    Oid extension;   // schema of the extension's functions
};

// By which index of ours a column can be filtered.
FilterColumn filter_column(const List* indexes, AttrNumber attribute) {
    ListCell* cell;
    FilterColumn found{InvalidOid, InvalidOid};
    foreach (cell, indexes) {
        const Relation index = index_open(lfirst_oid(cell), AccessShareLock);
        if (find_method(index->rd_indam) != nullptr && index->rd_index->indisvalid)
            for (int column = 1; column < IndexRelationGetNumberOfKeyAttributes(index); ++column)
                if (index->rd_index->indkey.values[column] == attribute)
                    found = {index->rd_opfamily[column],
                             get_func_namespace(index_getprocid(index, static_cast<AttrNumber>(column + 1), filter_type_proc))};
        index_close(index, AccessShareLock);
    }
    return found;
}

struct Link {
    const Var* ours;     // column of the ordered table
    const Var* theirs;   // that equals this one
    Oid equality;        // ours = theirs
    Oid extension;       // as of FilterColumn
};

bool find_link(const Facts& facts, const List* indexes, int table, const Node* qual, Link& link) {
    if (!IsA(qual, OpExpr)) return false;
    const auto* const op = reinterpret_cast<const OpExpr*>(qual);
    if (list_length(op->args) != 2) return false;
    const auto* left = static_cast<Node*>(linitial(op->args));
    const auto* right = static_cast<Node*>(lsecond(op->args));
    link.ours = plain_var(left);
    link.theirs = plain_var(right);
    link.equality = op->opno;
    if (link.ours == nullptr || link.theirs == nullptr) return false;
    if (link.ours->varno != table) {
        const Var* const other = link.ours;
        link.ours = link.theirs;
        link.theirs = other;
        link.equality = get_commutator(op->opno);
        left = right;
    }
    // (A relabelled column, as varchar is where text is compared, would have to be relabelled again.)
    if (!IsA(left, Var) || link.ours->varno != table || link.theirs->varno == table || !OidIsValid(link.equality))
        return false;
    if (!bms_is_member(link.theirs->varno, facts.tables) || !is_plain_table(facts, link.theirs->varno)) return false;
    const FilterColumn column = filter_column(indexes, link.ours->varattno);
    link.extension = column.extension;
    return OidIsValid(column.family) && get_op_opfamily_strategy(link.equality, column.family) == filter_equal;
}

// What the query says of this table alone, as a sub-select of it may say.
List* conditions_on(const Facts& facts, int table) {
    List* conditions = NIL;
    ListCell* cell;
    foreach (cell, facts.quals) {
        auto* const qual = static_cast<Node*>(lfirst(cell));
        if (contain_volatile_functions(qual) || checkExprHasSubLink(qual)) continue;
        Node* const copy = pg::below_joins(static_cast<Node*>(copyObjectImpl(qual)), facts.outer_joins);
        int only;
        if (!bms_get_singleton_member(pull_varnos(nullptr, copy), &only) || only != table) continue;
        IncrementVarSublevelsUp(copy, 1, 1);   // columns of a query around this one
        conditions = lappend(conditions, copy);
    }
    return conditions;
}

double rows_of(Oid table) {
    const Relation relation = table_open(table, NoLock);   // the query holds its lock
    const double rows = relation->rd_rel->reltuples;
    table_close(relation, NoLock);
    return rows;
}

// SELECT theirs FROM the table WHERE conditions
Query* keys_of(const Facts& facts, const Link& link, List* conditions) {
    const int table = link.theirs->varno;
    Query* const select = makeNode(Query);
    select->commandType = CMD_SELECT;
    select->querySource = QSRC_ORIGINAL;
    select->canSetTag = true;
    select->hasRowSecurity = facts.query->hasRowSecurity;
    auto* const rte = static_cast<RangeTblEntry*>(copyObjectImpl(rt_fetch(table, facts.query->rtable)));
    pg::copy_permissions(facts.query, select, rte);
    Node* const policies = reinterpret_cast<Node*>(rte->securityQuals);
    ChangeVarNodes(policies, table, 1, 0);
    select->hasSubLinks = checkExprHasSubLink(policies);
    select->rtable = list_make1(rte);
    RangeTblRef* const from = makeNode(RangeTblRef);
    from->rtindex = 1;
    Node* const where = reinterpret_cast<Node*>(make_ands_explicit(conditions));
    ChangeVarNodes(where, table, 1, 0);
    select->jointree = makeFromExpr(list_make1(from), where);
    Node* const key = pg::below_joins(static_cast<Node*>(copyObjectImpl(link.theirs)), facts.outer_joins);
    ChangeVarNodes(key, table, 1, 0);
    select->targetList = list_make1(makeTargetEntry(reinterpret_cast<Expr*>(key), 1, pstrdup("key"), false));
    return select;
}

// vecstore_joined(ours, ARRAY (select)); null where there are no arrays of such keys.
Node* joined(const Link& link, Query* select) {
    if (!OidIsValid(get_promoted_array_type(link.theirs->vartype))) return nullptr;
    const Oid types[] = {ANYOID, ANYOID};
    List* const name = list_make2(makeString(get_namespace_name(link.extension)), makeString(pstrdup("vecstore_joined")));
    const Oid function = LookupFuncName(name, 2, types, true);
    if (!OidIsValid(function)) return nullptr;
    SubLink* const array = makeNode(SubLink);
    array->subLinkType = ARRAY_SUBLINK;
    array->subselect = reinterpret_cast<Node*>(select);
    array->location = -1;
    return reinterpret_cast<Node*>(makeFuncExpr(function, BOOLOID, list_make2(copyObjectImpl(link.ours), array),
                                                InvalidOid, InvalidOid, COERCE_EXPLICIT_CALL));
}

// change: adds them, else only says whether there are any.
bool add_conditions(Facts& facts, int table, bool change) {
    bool any_added = false;
    const Relation relation = table_open(rt_fetch(table, facts.query->rtable)->relid, NoLock);
    const List* const indexes = RelationGetIndexList(relation);
    table_close(relation, NoLock);
    ListCell* cell;
    foreach (cell, facts.quals) {
        Link link;
        if (!find_link(facts, indexes, table, static_cast<Node*>(lfirst(cell)), link)) continue;
        List* const conditions = conditions_on(facts, link.theirs->varno);
        if (conditions == NIL || rows_of(rt_fetch(link.theirs->varno, facts.query->rtable)->relid) > most_rows) continue;
        Node* const any = joined(link, keys_of(facts, link, conditions));
        if (any == nullptr) continue;
        any_added = true;
        if (!change) break;
        FromExpr* const from = facts.query->jointree;
        from->quals = make_and_qual(from->quals, any);
        facts.query->hasSubLinks = true;
    }
    return any_added;
}

}  // namespace

namespace {

// ours = ANY (array), for a column of our indexes.
List* index_condition(SupportRequestIndexCondition* request) {
    if (request->indexarg != 0 || !is_our_index(request->index) || !IsA(request->node, FuncExpr)) return NIL;
    const auto* const call = reinterpret_cast<FuncExpr*>(request->node);
    auto* const ours = static_cast<Node*>(linitial(call->args));
    auto* const array = static_cast<Node*>(lsecond(call->args));
    if (!is_pseudo_constant_for_index(request->root, array, request->index)) return NIL;
    const Oid equality =
        get_opfamily_member(request->opfamily, exprType(ours), get_element_type(exprType(array)), filter_equal);
    if (!OidIsValid(equality)) return NIL;
    ScalarArrayOpExpr* const any = makeNode(ScalarArrayOpExpr);
    any->opno = equality;
    any->opfuncid = get_opcode(equality);
    any->useOr = true;
    any->inputcollid = request->indexcollation;
    any->args = list_make2(ours, array);
    any->location = -1;
    request->lossy = false;
    return list_make1(any);
}

}  // namespace

Node* support_joined(Node* request) {
    if (IsA(request, SupportRequestSelectivity)) {
        reinterpret_cast<SupportRequestSelectivity*>(request)->selectivity = 1;
        return request;
    }
    if (IsA(request, SupportRequestIndexCondition))
        return reinterpret_cast<Node*>(index_condition(reinterpret_cast<SupportRequestIndexCondition*>(request)));
    return nullptr;
}

// Nothing here has a destructor: errors may pass through.
bool push_join_filters(Query* query, bool change) {
    check_stack_depth();
    if (!enabled || query->commandType != CMD_SELECT) return false;
    bool pushed = false;
    ListCell* cell;
    foreach (cell, query->rtable) {
        auto* const rte = static_cast<RangeTblEntry*>(lfirst(cell));
        if (rte->rtekind == RTE_SUBQUERY && rte->subquery != nullptr) pushed |= push_join_filters(rte->subquery, change);
    }
    if (query->limitCount == nullptr || query->sortClause == NIL || query->setOperations != nullptr ||
        query->groupClause != NIL || query->hasAggs || query->rowMarks != NIL || list_length(query->rtable) < 2)
        return pushed;
    Facts facts{query, nullptr, nullptr, nullptr, NIL};
    collect(facts, reinterpret_cast<Node*>(query->jointree), true, nullptr);
    const int table = ordered_table(facts);
    return (table > 0 && is_plain_table(facts, table) && add_conditions(facts, table, change)) || pushed;
}

void define_join_filters() {
    DefineCustomBoolVariable("vecstore.join_filters", "Tests conditions on joined tables in the index",
                             "Where an index has the joined column to filter by.", &enabled, true, PGC_USERSET, 0, nullptr,
                             nullptr, nullptr);
}

}  // namespace vecstore::am

using namespace vecstore;

VECSTORE_FUNCTION(joined) { PG_RETURN_BOOL(true); }
VECSTORE_FUNCTION(joined_support) { PG_RETURN_POINTER(am::support_joined(reinterpret_cast<Node*>(PG_GETARG_POINTER(0)))); }
