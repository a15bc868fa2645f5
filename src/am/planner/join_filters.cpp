// Conditions that a join implies for the table that is ordered by distance.
//
//     SELECT ... FROM docs JOIN tenants USING (tenant) WHERE tenants.region = 'eu' ORDER BY docs.embedding
//     <=> $1 LIMIT 10
//
// Only docs of some tenants can be in the result, but the scan of the index on docs does not know of which:
// it returns rows that the join throws away. So, where the index has the joined column to filter by, it gets
// a path whose scan has a condition that follows from the join,
//
//     docs.tenant = ANY (ARRAY (SELECT tenant FROM tenants WHERE region = 'eu'))
//
// The sub-select runs once, when the scan begins, and only if it does. The condition is the path's, not the
// query's: other paths are as they would be without it, and the planner compares what both cost. The join
// itself is done as ever.
//
// The planner knows by then which expressions are equal: its classes of equal expressions hold for every row
// of the result, have one collation and one notion of equality, and know which outer joins are none. So
// nothing is concluded here that it would not conclude itself: an index condition of a class needs an
// operator of the class's families, and an index column whose keys tell texts apart as the class does. The
// sub-select has what the planner would test on a scan of the joined table, in the order of its levels of
// security.
#include "am/access_method.hpp"
#include "am/filter_type.hpp"
#include "am/planner/planner.hpp"

extern "C" {
#include "access/htup_details.h"
#include "catalog/pg_amop.h"
#include "catalog/pg_class.h"
#include "catalog/pg_statistic.h"
#include "nodes/makefuncs.h"
#include "nodes/nodeFuncs.h"
#include "optimizer/clauses.h"
#include "optimizer/cost.h"
#include "optimizer/optimizer.h"
#include "optimizer/pathnode.h"
#include "optimizer/paths.h"
#include "optimizer/planmain.h"
#include "optimizer/planner.h"
#include "optimizer/restrictinfo.h"
#include "optimizer/subselect.h"
#include "parser/parsetree.h"
#include "utils/fmgroids.h"
#include "utils/guc.h"
#include "utils/lsyscache.h"
#include "utils/selfuncs.h"
#include "utils/syscache.h"
}

namespace vecstore::am {

namespace {

bool enabled = true;

// So many keys at most are asked for, as the planner expects them; and if it is wrong, they still fit into an
// array.
constexpr double most_keys = 500000;
constexpr double most_bytes_of_keys = 256 * 1024 * 1024;

// To put a key into the array, and out of it into the scan's filter.
constexpr double operators_per_key = 14;

// By so much the way through the filter has to be better than others as the planner estimates both: a query
// should not get slower by it, and what the planner says of pages it takes from disk is too much where they
// are in memory.
constexpr double caution = 1.5;

// Up to 17 this is added to what a scan costs that a setting disables. Where the sub-select has no other,
// that says nothing.
constexpr Cost cost_of_disabled = 1e10;

// That our column equals one of another table, of which the query says more. All of this is Postgres's
// memory; nothing here has a destructor.
struct JoinFilter {
    const EquivalenceClass* equal;
    Expr* ours;
    const EquivalenceMember* theirs;
    RelOptInfo* table;     // theirs
    PlannerInfo* subroot;  // of the sub-select, which has been planned
    Path* keys;
    Param* array;       // of them
    Selectivity share;  // of our rows that have one of the keys
    List* paths;        // that have the condition
};

// May rows be updated or locked? They may be evaluated again then, from their new versions.
bool only_reads(const PlannerInfo* root) {
    for (; root != nullptr; root = root->parent_root) {
        const Query* const query = root->parse;
        if ((query->commandType != CMD_SELECT && query->commandType != CMD_INSERT) || query->rowMarks != NIL)
            return false;
    }
    return true;
}

// A column of a table, whatever type it is taken for.
const Var* plain_column(const Expr* expr) {
    while (expr != nullptr && IsA(expr, RelabelType)) expr = reinterpret_cast<const RelabelType*>(expr)->arg;
    if (expr == nullptr || !IsA(expr, Var)) return nullptr;
    const auto* const var = reinterpret_cast<const Var*>(expr);
    return var->varlevelsup == 0 && var->varattno > 0 ? var : nullptr;
}

// Can such values be told apart by an index column's keys? Texts of different bytes may be equal under one
// collation and not under another.
bool agrees(Oid of_column, Oid of_class) {
    if (!OidIsValid(of_column) || of_column == of_class) return true;
    return OidIsValid(of_class) && get_collation_isdeterministic(of_column) &&
           get_collation_isdeterministic(of_class);
}

struct IndexColumn {
    int number;  // among the index's, from 0; below 0: there is none
    Oid equality;
};

// The column that an index can test the filter by.
IndexColumn column_for(const JoinFilter& filter, IndexOptInfo* index) {
    for (int column = 1; column < index->nkeycolumns; ++column) {
        if (!match_index_to_operand(reinterpret_cast<Node*>(filter.ours), column, index)) continue;
        const Oid equality = get_opfamily_member(index->opfamily[column], index->opcintype[column],
                                                 filter.theirs->em_datatype, filter_equal);
        if (!OidIsValid(equality) || !agrees(index->indexcollations[column], filter.equal->ec_collation))
            continue;
        ListCell* cell;
        foreach (cell, filter.equal->ec_opfamilies)
            if (op_in_opfamily(equality, lfirst_oid(cell))) return {column, equality};
    }
    return {-1, InvalidOid};
}

// ----------------------------------------------------------------------------------------- the sub-select

// May a scan of its own test this, too?
bool can_be_repeated(const RestrictInfo* rinfo) {
    auto* const clause = reinterpret_cast<Node*>(rinfo->clause);
    if (rinfo->pseudoconstant || contain_volatile_functions(clause) || contain_subplans(clause)) return false;
    ListCell* cell;
    foreach (cell, pull_var_clause(clause, PVC_INCLUDE_PLACEHOLDERS))
        if (!IsA(lfirst(cell), Var)) return false;
    return true;
}

// The query's conditions on the table alone. A condition to be tested after one that cannot be repeated is
// left out: it may tell of rows that are not to be seen.
List* conditions_on(const RelOptInfo* table) {
    Index last_level = PG_UINT32_MAX;
    ListCell* cell;
    foreach (cell, table->baserestrictinfo) {
        const auto* const rinfo = lfirst_node(RestrictInfo, cell);
        if (!can_be_repeated(rinfo)) last_level = Min(last_level, rinfo->security_level);
    }
    List* conditions = NIL;
    foreach (cell, table->baserestrictinfo) {
        auto* const rinfo = lfirst_node(RestrictInfo, cell);
        if (rinfo->security_level <= last_level && can_be_repeated(rinfo))
            conditions = lappend(conditions, rinfo);
    }
    return conditions;
}

// Those of one level of security, about table 1.
Node* of_level(List* conditions, Index level, int table) {
    List* clauses = NIL;
    ListCell* cell;
    foreach (cell, conditions) {
        const auto* const rinfo = lfirst_node(RestrictInfo, cell);
        if (rinfo->security_level == level) clauses = lappend(clauses, copyObjectImpl(rinfo->clause));
    }
    ChangeVarNodes(reinterpret_cast<Node*>(clauses), table, 1, 0);
    return clauses == NIL ? nullptr : reinterpret_cast<Node*>(make_ands_explicit(clauses));
}

// SELECT theirs FROM the table WHERE conditions
Query* keys_of(PlannerInfo* root, const JoinFilter& filter, List* conditions) {
    const auto table = static_cast<int>(filter.table->relid);
    Query* const select = makeNode(Query);
    select->commandType = CMD_SELECT;
    select->querySource = QSRC_ORIGINAL;
    select->canSetTag = true;
    select->hasRowSecurity = root->parse->hasRowSecurity;
    auto* const rte = static_cast<RangeTblEntry*>(copyObjectImpl(planner_rt_fetch(table, root)));
    pg::copy_permissions(root->parse, select, rte);
    Index highest = 0;
    ListCell* cell;
    foreach (cell, conditions) highest = Max(highest, lfirst_node(RestrictInfo, cell)->security_level);
    rte->securityQuals = NIL;
    for (Index level = 0; level < highest; ++level) {
        Node* const quals = of_level(conditions, level, table);
        if (quals != nullptr) rte->securityQuals = lappend(rte->securityQuals, quals);
    }
    select->rtable = list_make1(rte);
    RangeTblRef* const from = makeNode(RangeTblRef);
    from->rtindex = 1;
    select->jointree = makeFromExpr(list_make1(from), of_level(conditions, highest, table));
    auto* const key = static_cast<Node*>(copyObjectImpl(filter.theirs->em_expr));
    ChangeVarNodes(key, table, 1, 0);
    select->targetList = list_make1(makeTargetEntry(reinterpret_cast<Expr*>(key), 1, pstrdup("key"), false));
    return select;
}

// How many different values an expression has, and how many of them are NULL.
struct Values {
    double distinct;
    Selectivity nulls;
};

Values values_of(PlannerInfo* root, Expr* expr) {
    VariableStatData data;
    examine_variable(root, reinterpret_cast<Node*>(expr), 0, &data);
    bool is_default;
    Values values{Max(1.0, get_variable_numdistinct(&data, &is_default)), 0};
    if (HeapTupleIsValid(data.statsTuple))
        values.nulls = reinterpret_cast<Form_pg_statistic>(GETSTRUCT(data.statsTuple))->stanullfrac;
    ReleaseVariableStats(data);
    return values;
}

// As estimates of joins have it: the smaller of the two sets of values is part of the other.
Selectivity share_of_rows(PlannerInfo* root, const JoinFilter& filter) {
    const Values ours = values_of(root, filter.ours), theirs = values_of(root, filter.theirs->em_expr);
    const double tuples = Max(1.0, filter.table->tuples);
    const double selected = Min(1.0, filter.keys->rows / tuples);
    const double of_their_values = 1 - std::pow(1 - selected, Max(1.0, tuples / theirs.distinct));
    const double share = (1 - ours.nulls) * Min(1.0, theirs.distinct / ours.distinct) * of_their_values;
    return Min(1.0, Max(share, 1 / Max(1.0, ours.distinct)));
}

// Plans the sub-select; false: it is not worth a thought.
bool plan_keys(PlannerInfo* root, JoinFilter& filter) {
    const double width = Max(sizeof(Datum),
                             get_typavgwidth(exprType(reinterpret_cast<Node*>(filter.theirs->em_expr)),
                                             exprTypmod(reinterpret_cast<Node*>(filter.theirs->em_expr))));
    if (filter.table->rows > most_keys || filter.table->tuples * width > most_bytes_of_keys) return false;
    auto* const key = reinterpret_cast<Node*>(filter.theirs->em_expr);
    const Oid array = get_promoted_array_type(exprType(key));
    List* const conditions = conditions_on(filter.table);
    if (conditions == NIL || !OidIsValid(array)) return false;
    filter.subroot = pg::plan_subquery(root, keys_of(root, filter, conditions));
    filter.keys = get_cheapest_fractional_path(fetch_upper_rel(filter.subroot, UPPERREL_FINAL, nullptr), 0);
    if (filter.keys->rows > most_keys) return false;
    filter.array = SS_make_initplan_output_param(root, array, -1, exprCollation(key));
    filter.share = share_of_rows(root, filter);
    return true;
}

// The scans that have the condition ask for the keys in an InitPlan of the query's. Its cost is in their
// costs; plans without it do not run it.
void make_init_plan(PlannerInfo* root, const JoinFilter& filter) {
    Plan* const plan = create_plan(filter.subroot, filter.keys);
    SS_make_initplan_from_plan(root, filter.subroot, plan, filter.array);
    auto* const made = llast_node(SubPlan, root->init_plans);
    made->subLinkType = ARRAY_SUBLINK;
    made->startup_cost = made->per_call_cost = 0;
    made->unknownEqFalse = true;
}

// -------------------------------------------------------------------------------------------- the filters

bool can_be_joined(PlannerInfo* root, const EquivalenceMember* member) {
    int table;
    if (!pg::is_of_every_row(member) || !bms_get_singleton_member(member->em_relids, &table) ||
        plain_column(member->em_expr) == nullptr)
        return false;
    const RangeTblEntry* const rte = planner_rt_fetch(table, root);
    const RelOptInfo* const rel = root->simple_rel_array[table];
    return rel != nullptr && rel->reloptkind == RELOPT_BASEREL && rel->baserestrictinfo != NIL &&
           rte->rtekind == RTE_RELATION && rte->tablesample == nullptr &&
           (rte->relkind == RELKIND_RELATION || rte->relkind == RELKIND_MATVIEW ||
            rte->relkind == RELKIND_PARTITIONED_TABLE);
}

// Is it worth planning? Not where the keys alone take longer than to walk to as many rows as are asked for
// without them.
bool may_pay(const PlannerInfo* root, const RelOptInfo* rel, const List* paths, const RelOptInfo* joined) {
    if (root->limit_tuples < 0) return true;
    const Path& walk = linitial_node(IndexPath, paths)->path;
    const double of_all = root->limit_tuples * Max(1.0, joined->tuples) / Max(1.0, joined->rows) /
                          Max(1.0, rel->rows);
    const Cost walking = walk.startup_cost + (walk.total_cost - walk.startup_cost) * Min(1.0, of_all);
    return joined->rows * (cpu_tuple_cost + operators_per_key * cpu_operator_cost) < 4 * walking;
}

bool any_index_has(const JoinFilter& filter, const List* paths) {
    ListCell* cell;
    foreach (cell, paths)
        if (column_for(filter, lfirst_node(IndexPath, cell)->indexinfo).number >= 0) return true;
    return false;
}

// Of one class of equal expressions: with every other table that has a member.
List* add_filters_of(PlannerInfo* root, const RelOptInfo* rel, const List* paths,
                     const EquivalenceClass* equal, List* filters) {
    ListCell *cell, *other_cell;
    foreach (cell, equal->ec_members) {
        const auto* const ours = lfirst_node(EquivalenceMember, cell);
        int table;
        if (ours->em_is_child || !pg::is_of_every_row(ours) ||
            !bms_get_singleton_member(ours->em_relids, &table) || static_cast<Index>(table) != rel->relid)
            continue;
        foreach (other_cell, equal->ec_members) {
            const auto* const theirs = lfirst_node(EquivalenceMember, other_cell);
            if (theirs->em_is_child || bms_equal(theirs->em_relids, ours->em_relids) ||
                !can_be_joined(root, theirs))
                continue;
            JoinFilter filter{};
            filter.equal = equal;
            filter.ours = ours->em_expr;
            filter.theirs = theirs;
            filter.table = find_base_rel(root, bms_singleton_member(theirs->em_relids));
            if (!may_pay(root, rel, paths, filter.table) || !any_index_has(filter, paths) ||
                !plan_keys(root, filter))
                continue;
            auto* const kept = static_cast<JoinFilter*>(palloc(sizeof(JoinFilter)));
            *kept = filter;
            filters = lappend(filters, kept);
        }
    }
    return filters;
}

List* find_filters(PlannerInfo* root, const RelOptInfo* rel, const List* paths) {
    List* filters = NIL;
    ListCell* cell;
    foreach (cell, root->eq_classes) {
        const auto* const equal = lfirst_node(EquivalenceClass, cell);
        // (What equals a constant is a condition already.)
        if (equal->ec_has_const || equal->ec_has_volatile || list_length(equal->ec_members) < 2 ||
            !bms_is_member(static_cast<int>(rel->relid), equal->ec_relids) || !pg::is_of_every_row(equal))
            continue;
        filters = add_filters_of(root, rel, paths, equal, filters);
    }
    return filters;
}

// ours = ANY (array). It is tested by the index's keys and then by the join: the scan need not look for the
// row's value in the array, so that any function which says yes will do where it does.
IndexClause* clause_of(PlannerInfo* root, const JoinFilter& filter, const IndexOptInfo* index,
                       const IndexColumn& column) {
    ScalarArrayOpExpr* const any = makeNode(ScalarArrayOpExpr);
    any->opno = column.equality;
    any->opfuncid = F_BTEQUALIMAGE;
    any->useOr = true;
    any->inputcollid = index->indexcollations[column.number];
    any->args = list_make2(copyObjectImpl(filter.ours), copyObjectImpl(filter.array));
    any->location = -1;
    IndexClause* const clause = makeNode(IndexClause);
    clause->rinfo = make_simple_restrictinfo(root, reinterpret_cast<Expr*>(any));
    clause->rinfo->norm_selec = filter.share;  // nobody else could tell
    clause->indexquals = list_make1(clause->rinfo);
    clause->lossy = false;
    clause->indexcol = static_cast<AttrNumber>(column.number);
    return clause;
}

// The path with these conditions.
void add_filtered_path(PlannerInfo* root, RelOptInfo* rel, const IndexPath* path, const List* filters) {
    List* clauses = list_copy(path->indexclauses);
    Cost gathering = 0;
    double rows = path->path.rows;
    ListCell* cell;
    foreach (cell, filters) {
        const auto& filter = *static_cast<JoinFilter*>(lfirst(cell));
        clauses = lappend(clauses,
                          clause_of(root, filter, path->indexinfo, column_for(filter, path->indexinfo)));
        gathering += caution * (std::fmod(filter.keys->total_cost, cost_of_disabled) +
                                filter.keys->rows * operators_per_key * cpu_operator_cost);
        rows *= filter.share;
    }
    list_sort(clauses, by_index_column);
    IndexPath* const filtered = create_index_path(root, path->indexinfo, clauses, path->indexorderbys,
                                                  path->indexorderbycols, path->path.pathkeys,
                                                  path->indexscandir, false, nullptr, 1.0, false);
    filtered->path.startup_cost += gathering;
    filtered->path.total_cost += gathering;
    filtered->path.rows = clamp_row_est(rows);
    filtered->path.parallel_safe = false;
    add_path(rel, &filtered->path);
    foreach (cell, filters) {
        auto& filter = *static_cast<JoinFilter*>(lfirst(cell));
        filter.paths = lappend(filter.paths, filtered);
    }
}

// A condition of the query's own, as the planner makes conditions of an index. Null where it is none.
IndexClause* comparison(PlannerInfo* root, RestrictInfo* rinfo, IndexOptInfo* index) {
    if (rinfo->pseudoconstant || !IsA(rinfo->clause, OpExpr)) return nullptr;
    const auto* const op = reinterpret_cast<OpExpr*>(rinfo->clause);
    if (list_length(op->args) != 2 || !restriction_is_securely_promotable(rinfo, index->rel)) return nullptr;
    auto* const value = static_cast<Node*>(lsecond(op->args));
    if (!bms_is_empty(pull_varnos(root, value)) || contain_volatile_functions(value)) return nullptr;
    for (int column = 1; column < index->nkeycolumns; ++column) {
        if (!match_index_to_operand(static_cast<Node*>(linitial(op->args)), column, index) ||
            !op_in_opfamily(op->opno, index->opfamily[column]) ||
            (OidIsValid(index->indexcollations[column]) && index->indexcollations[column] != op->inputcollid))
            continue;
        IndexClause* const clause = makeNode(IndexClause);
        clause->rinfo = rinfo;
        clause->indexquals = list_make1(rinfo);
        clause->indexcol = static_cast<AttrNumber>(column);
        return clause;
    }
    return nullptr;
}

// The path by another index that has the order of this one. It may have been as good, or worse, as long as
// there was no more to test in it.
IndexPath* path_by(PlannerInfo* root, const RelOptInfo* rel, const IndexPath* like, IndexOptInfo* index) {
    const auto* const order = reinterpret_cast<OpExpr*>(linitial(like->indexorderbys));
    if (!is_our_index(index) || (index->indpred != NIL && !index->predOK) || index->nkeycolumns < 2 ||
        !SearchSysCacheExists3(AMOPOPID, ObjectIdGetDatum(order->opno), CharGetDatum(AMOP_ORDER),
                               ObjectIdGetDatum(index->opfamily[0])) ||
        !match_index_to_operand(static_cast<Node*>(linitial(order->args)), 0, index))
        return nullptr;
    List* clauses = NIL;
    ListCell* cell;
    foreach (cell, rel->baserestrictinfo) {
        IndexClause* const clause = comparison(root, lfirst_node(RestrictInfo, cell), index);
        if (clause != nullptr) clauses = lappend(clauses, clause);
    }
    list_sort(clauses, by_index_column);
    return create_index_path(root, index, clauses, like->indexorderbys, like->indexorderbycols,
                             like->path.pathkeys, like->indexscandir, false, nullptr, 1.0, false);
}

bool any_by(const List* paths, const IndexOptInfo* index) {
    ListCell* cell;
    foreach (cell, paths)
        if (lfirst_node(IndexPath, cell)->indexinfo == index) return true;
    return false;
}

// Paths in the order of a distance, by every index that has it.
List* ordered_paths(PlannerInfo* root, const RelOptInfo* rel) {
    List* paths = NIL;
    ListCell* cell;
    foreach (cell, rel->pathlist) {
        auto* const path = static_cast<IndexPath*>(lfirst(cell));
        if (IsA(path, IndexPath) && list_length(path->indexorderbys) == 1 && is_our_index(path->indexinfo) &&
            path->path.param_info == nullptr)
            paths = lappend(paths, path);
    }
    if (paths == NIL) return NIL;
    const auto* const first = linitial_node(IndexPath, paths);
    foreach (cell, rel->indexlist) {
        auto* const index = lfirst_node(IndexOptInfo, cell);
        IndexPath* const path = any_by(paths, index) ? nullptr : path_by(root, rel, first, index);
        if (path != nullptr) paths = lappend(paths, path);
    }
    return paths;
}

// With every filter that the path's index can test alone, and with all of them.
void add_filtered_paths(PlannerInfo* root, RelOptInfo* rel, const IndexPath* path, const List* filters) {
    List* tested = NIL;
    ListCell* cell;
    foreach (cell, filters)
        if (column_for(*static_cast<JoinFilter*>(lfirst(cell)), path->indexinfo).number >= 0)
            tested = lappend(tested, lfirst(cell));
    foreach (cell, tested) add_filtered_path(root, rel, path, list_make1(lfirst(cell)));
    if (list_length(tested) > 1) add_filtered_path(root, rel, path, tested);
}

bool has_path(const RelOptInfo* rel, const JoinFilter& filter) {
    ListCell* cell;
    foreach (cell, filter.paths)
        if (list_member_ptr(rel->pathlist, lfirst(cell))) return true;
    return false;
}

}  // namespace

// (unknownEqFalse says something of IN alone, and is a mark on an array.)
bool asks_for_joined_keys(const SubPlan* plan) {
    return plan->subLinkType == ARRAY_SUBLINK && plan->unknownEqFalse;
}

// Nothing here has a destructor: errors of the planner may pass through.
void add_join_filters(PlannerInfo* root, RelOptInfo* rel) {
    if (!enabled || rel->reloptkind != RELOPT_BASEREL || root->parse->limitCount == nullptr ||
        !only_reads(root))
        return;
    const List* const paths = ordered_paths(root, rel);
    if (paths == NIL) return;
    const List* const filters = find_filters(root, rel, paths);
    ListCell* cell;
    foreach (cell, paths) add_filtered_paths(root, rel, lfirst_node(IndexPath, cell), filters);
    foreach (cell, filters) {
        const auto& filter = *static_cast<JoinFilter*>(lfirst(cell));
        if (has_path(rel, filter)) make_init_plan(root, filter);
    }
}

void define_join_filters() {
    DefineCustomBoolVariable("vecstore.join_filters", "Tests conditions on joined tables in the index",
                             "Where an index has the joined column to filter by.", &enabled, true,
                             PGC_USERSET, 0, nullptr, nullptr, nullptr);
}

}  // namespace vecstore::am

using namespace vecstore;

// Functions that 0.1.0 added to queries. Its catalogs name these functions until they are updated.
VECSTORE_FUNCTION(joined) { PG_RETURN_BOOL(true); }
VECSTORE_FUNCTION(joined_support) { PG_RETURN_POINTER(nullptr); }
