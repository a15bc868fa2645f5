// A hook that gives the planner paths it does not think of itself: index scans in the order of distance that
// also test, in the index,
//   column IN (...), column = ANY (...)   which PostgreSQL drops from ordered paths up to 16
//   conditions on a boolean column        which PostgreSQL up to 15 knows of its own index types only
//   column LIKE 'beginning%'              which PostgreSQL tells of a range in the collation "C" only;
//                                         starts_with()
//   distance < limit                      after which the scan ends: also limit > distance, 1 - distance >
//                                         limit
//
// And for ORDER BY distance, something more: scans in the order of the distance alone, which an incremental
// sort puts into the order asked for. PostgreSQL 16 and later think of that themselves, unless what comes
// second is a distance, too.
//
// Each such path is one of the planner's own with conditions added, so that it competes with it and all
// others. Only where all rows are asked for does one take the other's place: the scan then looks at all of
// them before it returns the first, which costs less than the way to all of them through the graph, and has
// them in order.
#include "am/access_method.hpp"
#include "am/filter_type.hpp"
#include "am/index_state.hpp"
#include "am/opclass.hpp"
#include "am/planner/planner.hpp"

#include <cmath>
#include <limits>

extern "C" {
#include "access/stratnum.h"
#include "catalog/pg_attribute.h"
#include "catalog/pg_operator.h"
#include "catalog/pg_type.h"
#include "nodes/makefuncs.h"
#include "nodes/nodeFuncs.h"
#include "optimizer/optimizer.h"
#include "optimizer/pathnode.h"
#include "optimizer/paths.h"
#include "optimizer/restrictinfo.h"
#include "parser/parsetree.h"
#include "utils/builtins.h"
#include "utils/float.h"
#include "utils/fmgroids.h"
#include "utils/fmgrprotos.h"
#include "utils/lsyscache.h"
#include "utils/syscache.h"
}

namespace vecstore::am {

namespace {

set_rel_pathlist_hook_type previous_hook = nullptr;

// A path being given conditions. All of this is Postgres's memory.
struct Extension {
    PlannerInfo* root;
    RelOptInfo* rel;
    IndexPath* path;
    List* clauses;  // of IndexClause: those it had and those added
    bool added;
};

// Has the index been made since indexes keep rows that have no place in the graph? May raise.
bool keeps_unplaced(const IndexOptInfo* info) {
    if (info->hypothetical) return true;  // the index may not exist: one of hypopg's
    return pg::guarded([&] {
        const Relation index = pg::pg_call(
            [&] { return index_open(info->indexoid, NoLock); });  // the planner holds the lock
        const bool keeps = index_state(index)->keeps_unplaced;
        pg::pg_call([&] { index_close(index, NoLock); });
        return keeps;
    });
}

bool is_null_test(const Node* qual, NullTestType type) {
    return IsA(qual, NullTest) && reinterpret_cast<const NullTest*>(qual)->nulltesttype == type;
}

bool is_there(const Extension& e, const RestrictInfo* rinfo) {
    ListCell* cell;
    foreach (cell, e.clauses)
        if (lfirst_node(IndexClause, cell)->rinfo == rinfo) return true;
    return false;
}

void add(Extension& e, RestrictInfo* rinfo, int column, Expr* qual, bool lossy) {
    IndexClause* const clause = makeNode(IndexClause);
    clause->rinfo = rinfo;
    // The planner expects the clause itself where it is one that the index can test.
    clause->indexquals = list_make1(reinterpret_cast<Node*>(qual) == reinterpret_cast<Node*>(rinfo->clause)
                                        ? rinfo
                                        : make_simple_restrictinfo(e.root, qual));
    clause->lossy = lossy;
    clause->indexcol = static_cast<AttrNumber>(column);
    clause->indexcols = NIL;
    e.clauses = lappend(e.clauses, clause);
    e.added = true;
}

// Known before the scan begins?
bool is_fixed(const Extension& e, Node* node) {
    return bms_is_empty(pull_varnos(e.root, node)) && !contain_volatile_functions(node);
}

bool add_any(Extension& e, RestrictInfo* rinfo, int column) {
    if (!IsA(rinfo->clause, ScalarArrayOpExpr)) return false;
    auto* const any = reinterpret_cast<ScalarArrayOpExpr*>(rinfo->clause);
    const IndexOptInfo* const index = e.path->indexinfo;
    if (!any->useOr || !OidIsValid(index->opfamily[column])) return false;
    auto* const array = static_cast<Node*>(lsecond(any->args));
    if (!match_index_to_operand(static_cast<Node*>(linitial(any->args)), column,
                                const_cast<IndexOptInfo*>(index)) ||
        !op_in_opfamily(any->opno, index->opfamily[column]) || !is_fixed(e, array))
        return false;
    if (OidIsValid(index->indexcollations[column]) && index->indexcollations[column] != any->inputcollid)
        return false;
    add(e, rinfo, column, rinfo->clause, false);
    return true;
}

// b, NOT b, b IS TRUE, b IS FALSE
bool add_boolean(Extension& e, RestrictInfo* rinfo, int column) {
    IndexOptInfo* const index = e.path->indexinfo;
    if (!op_in_opfamily(BooleanEqualOperator, index->opfamily[column])) return false;
    auto* operand = reinterpret_cast<Node*>(rinfo->clause);
    bool wanted = true;
    if (is_notclause(operand)) {
        operand = reinterpret_cast<Node*>(get_notclausearg(operand));
        wanted = false;
    } else if (IsA(operand, BooleanTest)) {
        const auto* const test = reinterpret_cast<BooleanTest*>(operand);
        if (test->booltesttype != IS_TRUE && test->booltesttype != IS_FALSE) return false;
        wanted = test->booltesttype == IS_TRUE;
        operand = reinterpret_cast<Node*>(test->arg);
    }
    if (!match_index_to_operand(operand, column, index)) return false;
    add(e, rinfo, column,
        make_opclause(BooleanEqualOperator, BOOLOID, false, reinterpret_cast<Expr*>(operand),
                      reinterpret_cast<Expr*>(makeBoolConst(wanted, false)), InvalidOid, InvalidOid),
        false);
    return true;
}

// The beginning of a pattern of LIKE, up to its first wildcard; null where it is nothing.
Const* beginning_of_pattern(const Const* pattern) {
    if (pattern->constisnull) return nullptr;
    char* const bytes = TextDatumGetCString(pattern->constvalue);
    size_t length = 0;
    for (const char* c = bytes; *c != 0 && *c != '%' && *c != '_'; ++c) {
        if (*c == '\\' && *++c == 0) break;
        bytes[length++] = *c;
    }
    if (length == 0) return nullptr;
    const Datum text = PointerGetDatum(cstring_to_text_with_len(bytes, static_cast<int>(length)));
    return makeConst(TEXTOID, -1, pattern->constcollid, -1, text, false, false);
}

// The operator of the index's family that says what a text begins with, if the column is one of such texts.
Oid begins_with_operator(const IndexOptInfo* index, int column) {
    const Oid type = index->opcintype[column];
    return type == TEXTOID ? get_opfamily_member(index->opfamily[column], type, type, filter_begins_with)
                           : InvalidOid;
}

// column LIKE 'beginning%', starts_with(column, beginning). (The operator ^@ PostgreSQL knows itself.)
bool add_beginning(Extension& e, RestrictInfo* rinfo, int column) {
    IndexOptInfo* const index = e.path->indexinfo;
    const Node* const clause = reinterpret_cast<Node*>(rinfo->clause);
    const bool like = IsA(clause, OpExpr) &&
                      get_opcode(reinterpret_cast<const OpExpr*>(clause)->opno) == F_TEXTLIKE;
    const bool starts = IsA(clause, FuncExpr) &&
                        reinterpret_cast<const FuncExpr*>(clause)->funcid == F_STARTS_WITH;
    if (!like && !starts) return false;
    const List* const args = like ? reinterpret_cast<const OpExpr*>(clause)->args
                                  : reinterpret_cast<const FuncExpr*>(clause)->args;
    auto* const text = static_cast<Node*>(linitial(args));
    auto* beginning = static_cast<Node*>(lsecond(args));
    if (!match_index_to_operand(text, column, index)) return false;
    // Elsewhere texts of other bytes may be alike.
    const Oid collation = exprInputCollation(clause);
    if (!OidIsValid(collation) || !get_collation_isdeterministic(collation)) return false;
    if (like)
        beginning = IsA(beginning, Const)
                        ? reinterpret_cast<Node*>(beginning_of_pattern(reinterpret_cast<Const*>(beginning)))
                        : nullptr;
    if (beginning == nullptr || !is_fixed(e, beginning)) return false;
    const Oid op = begins_with_operator(index, column);
    if (!OidIsValid(op) || !tests_in_index(index, column, op)) return false;
    add(e, rinfo, column,
        make_opclause(op, BOOLOID, false, reinterpret_cast<Expr*>(text), reinterpret_cast<Expr*>(beginning),
                      InvalidOid, index->indexcollations[column]),
        like);
    return true;
}

// Is this what the path is ordered by?
bool is_distance(const Extension& e, const Node* node) {
    return list_length(e.path->indexorderbys) == 1 && equal(linitial(e.path->indexorderbys), node);
}

// Does the metric give NaN, for vectors that have no direction? Its operator classes have a norm to tell them
// by.
bool has_nan(const IndexOptInfo* index) {
    return OidIsValid(
        get_opfamily_proc(index->opfamily[0], index->opcintype[0], index->opcintype[0], norm_proc));
}

Expr* constant(float8 value) {
    return reinterpret_cast<Expr*>(
        makeConst(FLOAT8OID, -1, InvalidOid, sizeof(float8), Float8GetDatum(value), false, FLOAT8PASSBYVAL));
}

// The constant of `constant - distance >= limit`, greater by what the differences may have been rounded by
// (the other part is the scan's, in proportion to the limit): a row that the condition takes must not lie
// beyond the limit. Null if it is none, or one so large that a difference could overflow, which the condition
// itself does not.
Const* somewhat_more(Node* node) {
    if (!IsA(node, Const)) return nullptr;
    const auto* const constant = reinterpret_cast<Const*>(node);
    if (constant->consttype != FLOAT8OID || constant->constisnull) return nullptr;
    const float8 value = DatumGetFloat8(constant->constvalue);
    if (!(std::abs(value) < 1e290)) return nullptr;
    auto* const more = static_cast<Const*>(copyObjectImpl(constant));
    more->constvalue = Float8GetDatum(value + 4 * std::numeric_limits<double>::epsilon() * std::abs(value));
    return more;
}

// The limit of a condition that says that the distance is below it; null if it is none. nan_passes: also if
// it is NaN, where that may be.
Expr* limit_of(const Extension& e, const OpExpr* op, bool& nan_passes) {
    nan_passes = false;
    if (list_length(op->args) != 2) return nullptr;
    auto* left = static_cast<Node*>(linitial(op->args));
    auto* right = static_cast<Node*>(lsecond(op->args));
    const Oid function = get_opcode(op->opno);
    bool less = function == F_FLOAT8LT || function == F_FLOAT8LE;
    if (!less && function != F_FLOAT8GT && function != F_FLOAT8GE) return nullptr;
    if (is_fixed(e, left)) {
        Node* const other = left;
        left = right;
        right = other;
        less = !less;
    }
    if (!is_fixed(e, right)) return nullptr;
    if (less) return is_distance(e, left) ? reinterpret_cast<Expr*>(right) : nullptr;
    // constant - distance > limit is distance < constant - limit.
    if (!IsA(left, OpExpr)) return nullptr;
    const auto* const difference = reinterpret_cast<OpExpr*>(left);
    if (get_opcode(difference->opno) != F_FLOAT8MI || list_length(difference->args) != 2) return nullptr;
    Const* const whole = somewhat_more(static_cast<Node*>(linitial(difference->args)));
    if (whole == nullptr || !is_distance(e, static_cast<Node*>(lsecond(difference->args)))) return nullptr;
    OpExpr* const limit = static_cast<OpExpr*>(copyObjectImpl(left));
    limit->args = list_make2(whole, right);
    nan_passes = has_nan(e.path->indexinfo);  // it is greater than everything
    return &limit->xpr;
}

// The operator of the index's family for conditions on distance: its left side is the vector.
Oid within_operator(const IndexOptInfo* index, StrategyNumber strategy) {
    return get_opfamily_member(index->opfamily[0], index->opcintype[0], FLOAT8OID,
                               static_cast<int16>(strategy));
}

// LIMIT $1 in a plan made for any value, where rows are not counted by anything between.
bool has_limit_parameter(const Query* query) {
    return query->limitCount != nullptr && !IsA(query->limitCount, Const) && query->groupClause == NIL &&
           query->groupingSets == NIL && !query->hasAggs && !query->hasWindowFuncs && !query->hasTargetSRFs &&
           query->distinctClause == NIL && query->setOperations == nullptr && query->havingQual == nullptr;
}

bool may_call(Oid function) {
    return DatumGetBool(DirectFunctionCall2(has_function_privilege_id, ObjectIdGetDatum(function),
                                            PointerGetDatum(cstring_to_text("EXECUTE"))));
}

// The condition that the distance is below the limit, as the index knows it; null if it does not.
Expr* within(const Extension& e, StrategyNumber strategy, Expr* limit) {
    if (list_length(e.path->indexorderbys) != 1) return nullptr;
    const Oid op = within_operator(e.path->indexinfo, strategy);
    // (The operator's function is the extension's. Who may not call it has not asked to.)
    if (!OidIsValid(op) || !may_call(get_opcode(op))) return nullptr;
    const auto* const order = reinterpret_cast<OpExpr*>(linitial(e.path->indexorderbys));
    auto* vector = static_cast<Node*>(linitial(order->args));
    if (!match_index_to_operand(vector, 0, e.path->indexinfo))
        vector = static_cast<Node*>(lsecond(order->args));
    if (!match_index_to_operand(vector, 0, e.path->indexinfo)) return nullptr;
    return make_opclause(op, BOOLOID, false, reinterpret_cast<Expr*>(vector), limit, InvalidOid, InvalidOid);
}

// Are rows put together by their distance alone? Those of a distance have to come one after the other then: a
// row that the scan meets too late would be a group of its own. (The path is ordered by the first of the keys
// that are asked for. Where rows are grouped by one column it is that, unless the column is a constant.)
bool groups_by_distance(const PlannerInfo* root) {
    const Query* const query = root->parse;
    return (root->distinct_pathkeys != NIL && list_length(query->distinctClause) == 1) ||
           (root->group_pathkeys != NIL && list_length(query->groupClause) == 1 &&
            query->groupingSets == NIL);
}

// Are all rows asked for, or so many that there may be no more? Not by a cursor, which may be closed after
// the first.
bool wants_all(const Extension& e) {
    if (groups_by_distance(e.root)) return true;
    if (has_limit_parameter(e.root->parse)) return false;
    if (e.root->limit_tuples >= 0) return e.rel->rows <= 2 * e.root->limit_tuples;
    return e.root->tuple_fraction <= 0;
}

// Are rows promised in order (ScanOptions::strict_order), which takes to know all before the first is
// returned?
bool promises_order(const Extension& e) {
    const core::ScanOptions options = planned_scan(e.path->indexinfo);
    return options.iterative && options.strict_order && !options.exhaustive;
}

bool add_distance(Extension& e, RestrictInfo* rinfo) {
    if (!IsA(rinfo->clause, OpExpr) || list_length(e.path->indexorderbys) != 1) return false;
    bool nan_passes;
    Expr* const limit = limit_of(e, reinterpret_cast<OpExpr*>(rinfo->clause), nan_passes);
    if (limit == nullptr) return false;
    // Without LIMIT all rows within the distance are asked for, and not only those that a search finds.
    const bool all = (e.root->limit_tuples < 0 && !has_limit_parameter(e.root->parse)) ||
                     (wants_all(e) && promises_order(e));
    Expr* const condition = within(e, all ? strategy_all_within : strategy_within, limit);
    if (condition == nullptr) return false;
    add(e, rinfo, 0, condition, true);
    if (nan_passes) {
        auto* const clause = llast_node(IndexClause, e.clauses);
        Expr* const nan = within(e, strategy_within, constant(get_float8_nan()));
        clause->indexquals = lappend(clause->indexquals, make_simple_restrictinfo(e.root, nan));
    }
    return true;
}

// The index's vector: is it declared, or asked for, to be no NULL?
bool is_not_null(const Extension& e) {
    const int column = e.path->indexinfo->indexkeys[0];
    const Oid table = planner_rt_fetch(e.rel->relid, e.root)->relid;
    const HeapTuple tuple = column == 0
                                ? nullptr
                                : SearchSysCache2(ATTNUM, ObjectIdGetDatum(table), Int16GetDatum(column));
    if (HeapTupleIsValid(tuple)) {
        const bool declared = reinterpret_cast<Form_pg_attribute>(GETSTRUCT(tuple))->attnotnull;
        ReleaseSysCache(tuple);
        if (declared) return true;
    }
    ListCell* cell;
    foreach (cell, e.clauses) {
        const auto* const clause = lfirst_node(IndexClause, cell);
        if (clause->indexcol == 0 &&
            is_null_test(reinterpret_cast<const Node*>(clause->rinfo->clause), IS_NOT_NULL))
            return true;
    }
    return false;
}

// Has the index all rows that may be asked for?
bool has_all_rows(const Extension& e) {
    return keeps_unplaced(e.path->indexinfo) || (is_not_null(e) && !has_nan(e.path->indexinfo));
}

void add_completeness(Extension& e) {
    if (!wants_all(e) || finds_all(e.path->indexinfo, e.clauses) || !promises_order(e) || !has_all_rows(e))
        return;
    Expr* const condition = within(e, strategy_all_within, constant(get_float8_infinity()));
    if (condition != nullptr) add(e, make_simple_restrictinfo(e.root, condition), 0, condition, false);
}

void extend(Extension& e) {
    ListCell* cell;
    foreach (cell, e.rel->baserestrictinfo) {
        auto* const rinfo = lfirst_node(RestrictInfo, cell);
        if (rinfo->pseudoconstant || is_there(e, rinfo)) continue;
        if (!restriction_is_securely_promotable(rinfo, e.rel) || add_distance(e, rinfo)) continue;
        for (int column = 1; column < e.path->indexinfo->nkeycolumns; ++column)
            if (add_any(e, rinfo, column) || add_boolean(e, rinfo, column) || add_beginning(e, rinfo, column))
                break;
    }
}

// Paths that no scan can follow (can_scan); the planner keeps them for their order, whatever they cost.
void remove_impossible(RelOptInfo* rel) {
    ListCell* cell;
    foreach (cell, rel->pathlist) {
        auto* const path = static_cast<IndexPath*>(lfirst(cell));
        if (IsA(path, IndexPath) && is_our_index(path->indexinfo) && !can_scan(path) &&
            list_length(rel->pathlist) > 1)
            rel->pathlist = foreach_delete_current(rel->pathlist, cell);
    }
}

List* our_indexes(const RelOptInfo* rel) {
    List* ours = NIL;
    ListCell* cell;
    foreach (cell, rel->indexlist)
        if (is_our_index(lfirst_node(IndexOptInfo, cell))) ours = lappend(ours, lfirst(cell));
    return ours;
}

// The planner's own paths once more, as if the query was ordered by the first of its keys alone.
void add_partly_ordered(PlannerInfo* root, RelOptInfo* rel, List* ours) {
    List* const pathkeys = root->query_pathkeys;
    List* const indexes = rel->indexlist;
    root->query_pathkeys = list_truncate(list_copy(pathkeys), 1);
    rel->indexlist = ours;
    create_index_paths(root, rel);
    rel->indexlist = indexes;
    root->query_pathkeys = pathkeys;
}

// Nothing here has a destructor: errors of the planner may pass through.
void add_paths(PlannerInfo* root, RelOptInfo* rel, Index rti, RangeTblEntry* rte) {
    if (previous_hook != nullptr) previous_hook(root, rel, rti, rte);
    if (IS_DUMMY_REL(rel)) return;  // It has no rows, as WHERE false says, and a scan would not test that.
    List* const ours = our_indexes(rel);
    if (ours == NIL) return;
    if (list_length(root->query_pathkeys) > 1) add_partly_ordered(root, rel, ours);
    remove_impossible(rel);
    List* const paths = list_copy(rel->pathlist);
    ListCell* cell;
    foreach (cell, paths) {
        auto* const path = static_cast<IndexPath*>(lfirst(cell));
        if (!IsA(path, IndexPath) || path->indexorderbys == NIL || !is_our_index(path->indexinfo)) continue;
        Extension e{root, rel, path, list_copy(path->indexclauses), false};
        extend(e);
        add_completeness(e);
        if (!e.added) continue;
        if (finds_all(path->indexinfo, e.clauses)) rel->pathlist = list_delete_ptr(rel->pathlist, path);
        list_sort(e.clauses, by_index_column);  // as the planner has them
        add_path(rel, reinterpret_cast<Path*>(
                          create_index_path(root, path->indexinfo, e.clauses, path->indexorderbys,
                                            path->indexorderbycols, path->path.pathkeys, path->indexscandir,
                                            false, PATH_REQ_OUTER(&path->path), 1.0, false)));
    }
    add_join_filters(root, rel);
}

}  // namespace

bool finds_all(const IndexOptInfo* index, List* clauses) {
    ListCell* cell;
    foreach (cell, clauses) {
        const auto* const clause = lfirst_node(IndexClause, cell);
        if (clause->indexcol != 0 || clause->indexquals == NIL) continue;
        const Expr* const qual = linitial_node(RestrictInfo, clause->indexquals)->clause;
        if (IsA(qual, OpExpr) &&
            reinterpret_cast<const OpExpr*>(qual)->opno == within_operator(index, strategy_all_within))
            return true;
    }
    return false;
}

bool wants_nulls_only(List* clauses) {
    ListCell* cell;
    foreach (cell, clauses) {
        const auto* const clause = lfirst_node(IndexClause, cell);
        if (clause->indexcol == 0 &&
            is_null_test(reinterpret_cast<const Node*>(clause->rinfo->clause), IS_NULL))
            return true;
    }
    return false;
}

bool can_scan(const IndexPath* path) {
    if (list_length(path->indexorderbys) != 1) return false;
    ListCell* cell;
    foreach (cell, path->indexclauses) {
        const auto* const clause = lfirst_node(IndexClause, cell);
        if (clause->indexcol != 0 || clause->indexquals == NIL) continue;
        const Node* const qual = reinterpret_cast<const Node*>(
            linitial_node(RestrictInfo, clause->indexquals)->clause);
        if (is_null_test(qual, IS_NOT_NULL) ||
            (is_null_test(qual, IS_NULL) && keeps_unplaced(path->indexinfo)))
            continue;
        if (!IsA(qual, OpExpr)) return false;
    }
    return true;
}

int by_index_column(const ListCell* a, const ListCell* b) {
    return lfirst_node(IndexClause, a)->indexcol - lfirst_node(IndexClause, b)->indexcol;
}

bool is_our_index(const IndexOptInfo* index) {
    return reinterpret_cast<void*>(index->amcostestimate) == reinterpret_cast<void*>(cost_estimate_callback);
}

void install_path_hook() {
    previous_hook = set_rel_pathlist_hook;
    set_rel_pathlist_hook = add_paths;
}

}  // namespace vecstore::am

using namespace vecstore;

VECSTORE_FUNCTION(within) { PG_RETURN_BOOL(true); }
