// Planner support of the casts that check dimensions, such as vector(vector, integer, boolean): a value that
// is known to have the wanted dimensions needs no check. Also known is that of a column of pgvector's, made
// ours by a cast without function: its types lie in memory and on disk as ours do, and their typmods mean the
// same. So ALTER TABLE ... ALTER COLUMN ... TYPE rewrites no table there.
#include "pg/guard.hpp"

extern "C" {
#include "catalog/pg_proc.h"
#include "catalog/pg_type.h"
#include "nodes/nodeFuncs.h"
#include "nodes/supportnodes.h"
#include "utils/lsyscache.h"
#include "utils/syscache.h"
}

using namespace vecstore;

namespace {

// The C function that reads a type's modifiers; "" where it has none.
const char* modifier_symbol(Oid type) {
    HeapTuple tuple = SearchSysCache1(TYPEOID, ObjectIdGetDatum(type));
    if (!HeapTupleIsValid(tuple)) return "";
    const Oid function = reinterpret_cast<Form_pg_type>(GETSTRUCT(tuple))->typmodin;
    ReleaseSysCache(tuple);
    tuple = SearchSysCache1(PROCOID, ObjectIdGetDatum(function));
    if (!HeapTupleIsValid(tuple)) return "";
    bool isnull;
    const Datum source = SysCacheGetAttr(PROCOID, tuple, Anum_pg_proc_prosrc, &isnull);
    const char* const symbol = isnull ? "" : TextDatumGetCString(source);
    ReleaseSysCache(tuple);
    return symbol;
}

// Is this pgvector's type of the same name?
bool is_twin(Oid type, Oid own) {
    const char* const symbol = modifier_symbol(type);
    return *symbol != '\0' && strcmp(modifier_symbol(own), psprintf("vecstore_%s", symbol)) == 0;
}

// The expression in place of the cast when it has nothing to check; null otherwise.
Node* simplify(const FuncExpr* cast) {
    auto* const source = static_cast<Node*>(linitial(cast->args));
    const auto* const typmod = static_cast<Node*>(lsecond(cast->args));
    if (!IsA(typmod, Const) || reinterpret_cast<const Const*>(typmod)->constisnull) return nullptr;
    const int32 wanted = DatumGetInt32(reinterpret_cast<const Const*>(typmod)->constvalue);

    const Node* inner = source;
    while (IsA(inner, RelabelType))
        inner = reinterpret_cast<const Node*>(reinterpret_cast<const RelabelType*>(inner)->arg);
    const Oid type = exprType(inner);
    if (wanted >= 0 && (exprTypmod(inner) != wanted ||
                        (type != cast->funcresulttype && !is_twin(type, cast->funcresulttype))))
        return nullptr;
    return relabel_to_typmod(source, wanted);
}

}  // namespace

VECSTORE_FUNCTION(coerce_support) {
    auto* const request = reinterpret_cast<Node*>(PG_GETARG_POINTER(0));
    if (!IsA(request, SupportRequestSimplify)) PG_RETURN_POINTER(nullptr);
    PG_RETURN_POINTER(simplify(reinterpret_cast<SupportRequestSimplify*>(request)->fcall));
}
