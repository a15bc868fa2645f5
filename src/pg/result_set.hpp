// The rows of a set-returning function, spooled (to disk beyond work_mem).
#pragma once

#include "pg/postgres.hpp"

extern "C" {
#include "funcapi.h"
#include "utils/tuplestore.h"
}

namespace vecstore::pg {

class ResultSet {
  public:
    // Raises where the caller cannot take a set. To be called before there is anything to destroy.
    explicit ResultSet(FunctionCallInfo fcinfo) {
        auto* const info = reinterpret_cast<ReturnSetInfo*>(fcinfo->resultinfo);
        if (info == nullptr || !IsA(info, ReturnSetInfo) || (info->allowedModes & SFRM_Materialize) == 0)
            ereport(ERROR, (errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
                            errmsg("set-valued function called in context that cannot accept a set")));
        const MemoryContext old = MemoryContextSwitchTo(info->econtext->ecxt_per_query_memory);
        if (get_call_result_type(fcinfo, nullptr, &descriptor_) != TYPEFUNC_COMPOSITE)
            elog(ERROR, "function must return rows");
        store_ = tuplestore_begin_heap((info->allowedModes & SFRM_Materialize_Random) != 0, false, work_mem);
        MemoryContextSwitchTo(old);
        info->returnMode = SFRM_Materialize;
        info->setResult = store_;
        info->setDesc = descriptor_;
    }

    // May raise: call it within pg_call where there is something to destroy.
    void add(Datum* values, bool* nulls) const { tuplestore_putvalues(store_, descriptor_, values, nulls); }
    int columns() const { return descriptor_->natts; }

  private:
    Tuplestorestate* store_;
    TupleDesc descriptor_;
};

}  // namespace vecstore::pg
