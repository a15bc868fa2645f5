// A planner hook that spares the executor work whose result nobody sees.
//
// Keys of joined tables (join_filters.cpp) are asked for in an InitPlan that is there before the planner has
// chosen. Where it chose a plan that does not need them, that goes.
//
// In SELECT id FROM t ORDER BY v <=> $1 LIMIT 10 the planner lets the index scan compute v <=> $1 for every
// row it returns, for sorts above it that are not there: the scan is ordered already. For a vector that TOAST
// keeps out of line that costs more than finding the row did (some 5 us of 10 for 768 dimensions). Where the
// column is marked as junk (left out of the query's result) and nothing but a plain LIMIT lies between the
// scan and the result, the expression is replaced by a null constant.
#include "am/planner/planner.hpp"
#include "am/access_method.hpp"

extern "C" {
#include "catalog/pg_class.h"
#include "nodes/makefuncs.h"
#include "nodes/nodeFuncs.h"
#include "optimizer/planner.h"
#include "utils/syscache.h"
}

namespace vecstore::am {

namespace {

planner_hook_type previous_planner = nullptr;

bool is_our_index(Oid index) {
    HeapTuple tuple = SearchSysCache1(RELOID, ObjectIdGetDatum(index));
    if (!HeapTupleIsValid(tuple)) return false;
    const Oid method = reinterpret_cast<Form_pg_class>(GETSTRUCT(tuple))->relam;
    ReleaseSysCache(tuple);
    IndexAmRoutine* routine = GetIndexAmRoutineByAmId(method, true);
    return routine != nullptr && find_method(routine) != nullptr;
}

// Is this an expression that the scan orders by?
bool orders_by(const IndexScan* scan, const Expr* expression) {
    ListCell* cell;
    foreach (cell, scan->indexorderbyorig)
        if (equal(lfirst(cell), expression)) return true;
    return false;
}

void drop_unseen_distances(Limit* limit) {
    Plan* const child = outerPlan(&limit->plan);
    // WITH TIES compares the column to know where to stop.
    if (limit->limitOption != LIMIT_OPTION_COUNT || child == nullptr || !IsA(child, IndexScan)) return;
    auto* scan = reinterpret_cast<IndexScan*>(child);
    if (scan->indexorderbyorig == NIL || !is_our_index(scan->indexid)) return;
    ListCell* cell;
    foreach (cell, limit->plan.targetlist) {
        auto* entry = static_cast<TargetEntry*>(lfirst(cell));
        if (!entry->resjunk || !IsA(entry->expr, Var)) continue;
        const auto* var = reinterpret_cast<Var*>(entry->expr);
        if (var->varno != OUTER_VAR || var->varattno < 1 || var->varattno > list_length(child->targetlist))
            continue;
        auto* source = static_cast<TargetEntry*>(list_nth(child->targetlist, var->varattno - 1));
        if (!orders_by(scan, source->expr)) continue;
        source->expr = reinterpret_cast<Expr*>(makeNullConst(var->vartype, var->vartypmod, var->varcollid));
    }
}

// Does the plan below this node use a parameter? Of a node that is not known to compute no conditions of an
// index: it may.
bool is_used_below(const Plan* plan, int param) {
    switch (nodeTag(plan)) {
        case T_Limit:
        case T_Sort:
        case T_IncrementalSort:
        case T_Result:
        case T_ProjectSet:
        case T_Unique:
        case T_Group:
        case T_Agg:
        case T_WindowAgg:
        case T_NestLoop:
        case T_MergeJoin:
        case T_HashJoin:
        case T_Gather:
        case T_GatherMerge: break;
        default: return true;
    }
    return (plan->lefttree != nullptr && bms_is_member(param, plan->lefttree->allParam)) ||
           (plan->righttree != nullptr && bms_is_member(param, plan->righttree->allParam));
}

// Keys that nothing asks for are not looked for, but would be shown and prepared.
void drop_unused_keys(PlannedStmt* statement, Plan* plan) {
    ListCell* cell;
    foreach (cell, plan->initPlan) {
        const auto* const made = lfirst_node(SubPlan, cell);
        if (!asks_for_joined_keys(made) || is_used_below(plan, linitial_int(made->setParam))) continue;
        lfirst(list_nth_cell(statement->subplans, made->plan_id - 1)) = nullptr;
        plan->initPlan = foreach_delete_current(plan->initPlan, cell);
    }
}

void walk(PlannedStmt* statement, Plan* plan) {
    if (plan == nullptr) return;
    check_stack_depth();
    drop_unused_keys(statement, plan);
    if (IsA(plan, Limit)) drop_unseen_distances(reinterpret_cast<Limit*>(plan));
    walk(statement, plan->lefttree);
    walk(statement, plan->righttree);
    List* children = NIL;
    if (IsA(plan, SubqueryScan)) walk(statement, reinterpret_cast<SubqueryScan*>(plan)->subplan);
    if (IsA(plan, Append)) children = reinterpret_cast<Append*>(plan)->appendplans;
    if (IsA(plan, MergeAppend)) children = reinterpret_cast<MergeAppend*>(plan)->mergeplans;
    ListCell* cell;
    foreach (cell, children) walk(statement, static_cast<Plan*>(lfirst(cell)));
}

// Nothing here has a destructor: errors of the planner may pass through.
PlannedStmt* plan_as_it_is(Query* parse, const char* query_string, int cursor_options, ParamListInfo params) {
    return previous_planner != nullptr ? previous_planner(parse, query_string, cursor_options, params)
                                       : standard_planner(parse, query_string, cursor_options, params);
}

PlannedStmt* plan_statement(Query* parse, const char* query_string, int cursor_options,
                            ParamListInfo params) {
    PlannedStmt* statement = plan_as_it_is(parse, query_string, cursor_options, params);
    // A row that is updated or locked may be evaluated again from its new version: leave such statements
    // alone.
    if (statement->commandType == CMD_SELECT && statement->rowMarks == NIL) {
        walk(statement, statement->planTree);
        ListCell* cell;
        foreach (cell, statement->subplans) walk(statement, static_cast<Plan*>(lfirst(cell)));
    }
    return statement;
}

}  // namespace

void install_planner_hook() {
    previous_planner = planner_hook;
    planner_hook = plan_statement;
}

}  // namespace vecstore::am
