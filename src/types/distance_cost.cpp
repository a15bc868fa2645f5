// The cost of a distance, for the planner: by the number of dimensions, and by whether TOAST keeps
// the vectors out of line. Without it a sort of a whole table by a distance of a thousand dimensions looks as
// cheap as one by the sum of two numbers, and is preferred to an index where it takes a hundred times as
// long.
#include "pg/guard.hpp"

extern "C" {
#include "access/heaptoast.h"
#include "nodes/nodeFuncs.h"
#include "nodes/pathnodes.h"
#include "nodes/supportnodes.h"
#include "optimizer/optimizer.h"
#include "parser/parsetree.h"
#include "utils/lsyscache.h"
}

namespace vecstore::types {

namespace {

// In units of cpu_operator_cost, some 20 ns, measured beside a sort of short rows: a distance with the call,
// what each kilobyte of vector adds; and fetching a value that TOAST keeps, with what each of its chunks
// adds.
constexpr double operators_per_distance = 4;
constexpr double operators_per_kilobyte = 2;
constexpr double operators_per_fetch = 50;
constexpr double operators_per_chunk = 15;

// A value that TOAST keeps is seen by statistics as a pointer of this size.
constexpr int32 seen_of_toasted = 18;

// The size of a column's values, bytes. Where statistics know only pointers it follows from the dimensions,
// where the type says how many they are.
double value_bytes(PlannerInfo* root, const Var* var) {
    constexpr double unknown = 1024 * sizeof(float);  // as embeddings go
    if (root == nullptr || var->varlevelsup != 0 || var->varattno <= 0 || IS_SPECIAL_VARNO(var->varno))
        return 0;
    const RangeTblEntry* const rte = planner_rt_fetch(var->varno, root);
    const int32 seen = rte->rtekind == RTE_RELATION ? get_attavgwidth(rte->relid, var->varattno) : 0;
    if (seen > seen_of_toasted) return seen;
    // vector has 4 bytes for each dimension, halfvec 2: what both are stored as is rounded up.
    return var->vartypmod > 0 ? var->vartypmod * static_cast<double>(sizeof(float)) : unknown;
}

double operators_for(PlannerInfo* root, Node* argument) {
    while (IsA(argument, RelabelType))
        argument = reinterpret_cast<Node*>(reinterpret_cast<RelabelType*>(argument)->arg);
    if (!IsA(argument, Var)) return 0;
    const double bytes = value_bytes(root, reinterpret_cast<Var*>(argument));
    const double reading = bytes / 1024 * operators_per_kilobyte;
    if (bytes <= TOAST_TUPLE_THRESHOLD) return reading;
    return reading + operators_per_fetch + bytes / TOAST_MAX_CHUNK_SIZE * operators_per_chunk;
}

List* arguments_of(Node* call) {
    if (call == nullptr) return NIL;
    if (IsA(call, OpExpr)) return reinterpret_cast<OpExpr*>(call)->args;
    return IsA(call, FuncExpr) ? reinterpret_cast<FuncExpr*>(call)->args : NIL;
}

}  // namespace

}  // namespace vecstore::types

using namespace vecstore;

VECSTORE_FUNCTION(distance_support) {
    auto* const node = reinterpret_cast<Node*>(PG_GETARG_POINTER(0));
    if (!IsA(node, SupportRequestCost)) PG_RETURN_POINTER(nullptr);
    auto* const request = reinterpret_cast<SupportRequestCost*>(node);
    double operators = types::operators_per_distance;
    ListCell* cell;
    foreach (cell, types::arguments_of(request->node))
        operators += types::operators_for(request->root, static_cast<Node*>(lfirst(cell)));
    request->startup = 0;
    request->per_tuple = operators * cpu_operator_cost;
    PG_RETURN_POINTER(request);
}
