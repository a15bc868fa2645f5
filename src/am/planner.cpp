// A planner hook that spares the executor work whose result nobody sees.
//
// In SELECT id FROM t ORDER BY v <=> $1 LIMIT 10 the planner lets the index scan compute v <=> $1 for every row it
// returns, for sorts above it that are not there: the scan is ordered already. For a vector that TOAST keeps out
// of line that costs more than finding the row did (some 5 us of 10 for 768 dimensions). Where the column is marked
// as junk (left out of the query's result) and nothing but a plain LIMIT lies between the scan and the result, the
// expression is replaced by a null constant.
#include "am/access_method.hpp"
#include "am/hnsw.hpp"

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
        if (var->varno != OUTER_VAR || var->varattno < 1 || var->varattno > list_length(child->targetlist)) continue;
        auto* source = static_cast<TargetEntry*>(list_nth(child->targetlist, var->varattno - 1));
        if (!orders_by(scan, source->expr)) continue;
        source->expr = reinterpret_cast<Expr*>(makeNullConst(var->vartype, var->vartypmod, var->varcollid));
    }
}

void walk(Plan* plan) {
    if (plan == nullptr) return;
    check_stack_depth();
    if (IsA(plan, Limit)) drop_unseen_distances(reinterpret_cast<Limit*>(plan));
    walk(plan->lefttree);
    walk(plan->righttree);
    List* children = NIL;
    if (IsA(plan, SubqueryScan)) walk(reinterpret_cast<SubqueryScan*>(plan)->subplan);
    if (IsA(plan, Append)) children = reinterpret_cast<Append*>(plan)->appendplans;
    if (IsA(plan, MergeAppend)) children = reinterpret_cast<MergeAppend*>(plan)->mergeplans;
    ListCell* cell;
    foreach (cell, children) walk(static_cast<Plan*>(lfirst(cell)));
}

// Nothing here has a destructor: errors of the planner may pass through.
PlannedStmt* plan_as_it_is(Query* parse, const char* query_string, int cursor_options, ParamListInfo params) {
    return previous_planner != nullptr ? previous_planner(parse, query_string, cursor_options, params)
                                       : standard_planner(parse, query_string, cursor_options, params);
}

// With conditions on joined tables tested in the index, or above it: in one plan the sub-select that looks for the joined
// keys is what costs, in the other the rows that the join throws away. Of 200,000 x 768 joined with 10,000 rows of which
// 100, 50, 20 and 10% are asked for, a query takes 674, 554, 235 and 163 us with the sub-select, and 60, 100, 331 and
// 1,289 us without, for which the planner expects 358, 358, 280 and 229, and 23, 26, 35 and 53.
constexpr double cost_of_walk = 10;   // beside what the planner takes it for
// Up to PostgreSQL 17 a plan costs as much where enable_seqscan = off forbids to read the joined table: that says nothing.
constexpr Cost forbidden = 1e9;

PlannedStmt* plan_joins(Query* parse, const char* query_string, int cursor_options, ParamListInfo params) {
    if (!push_join_filters(parse, false)) return plan_as_it_is(parse, query_string, cursor_options, params);
    auto* const pushed = static_cast<Query*>(copyObjectImpl(parse));
    push_join_filters(pushed, true);
    PlannedStmt* const filtered = plan_as_it_is(pushed, query_string, cursor_options, params);
    PlannedStmt* const as_written = plan_as_it_is(parse, query_string, cursor_options, params);
    const Cost cost = filtered->planTree->total_cost;
    return cost < forbidden && cost_of_walk * as_written->planTree->total_cost < cost ? as_written : filtered;
}

PlannedStmt* plan_statement(Query* parse, const char* query_string, int cursor_options, ParamListInfo params) {
    PlannedStmt* statement = plan_joins(parse, query_string, cursor_options, params);
    // A row that is updated or locked may be evaluated again from its new version: leave such statements alone.
    if (statement->commandType == CMD_SELECT && statement->rowMarks == NIL) {
        walk(statement->planTree);
        ListCell* cell;
        foreach (cell, statement->subplans) walk(static_cast<Plan*>(lfirst(cell)));
    }
    return statement;
}

}  // namespace

void install_planner_hook() {
    previous_planner = planner_hook;
    planner_hook = plan_statement;
}

}  // namespace vecstore::am
