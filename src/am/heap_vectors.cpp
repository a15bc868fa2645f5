#include "am/heap_vectors.hpp"

extern "C" {
#include "access/tableam.h"
#include "access/xact.h"
#include "catalog/index.h"
#include "executor/executor.h"
#include "utils/snapmgr.h"
}

namespace vecstore::am {

HeapVectors::~HeapVectors() {
    if (context_ == nullptr) return;
    // Nothing here can raise: it gives back what open() took. During an abort the fetch and the slot still
    // hold their pins as resources of the transaction, which gives them back itself; the memory then goes
    // with the scan's context.
    if (IsTransactionState()) {
        ExecDropSingleTupleTableSlot(slot_);
        table_index_fetch_end(fetch_);
        FreeExecutorState(estate_);
        MemoryContextDelete(context_);
    }
}

// Called within pg_call.
void HeapVectors::open() {
    context_ = AllocSetContextCreate(GetMemoryChunkContext(scan_), "vecstore heap vectors",
                                     ALLOCSET_SMALL_SIZES);
    const MemoryContext old = MemoryContextSwitchTo(context_);
    row_context_ = AllocSetContextCreate(context_, "vecstore heap vector", ALLOCSET_SMALL_SIZES);
    info_ = BuildIndexInfo(scan_->indexRelation);
    estate_ = CreateExecutorState();
    slot_ = table_slot_create(scan_->heapRelation, nullptr);
    fetch_ = table_index_fetch_begin(scan_->heapRelation);
    GetPerTupleExprContext(estate_)->ecxt_scantuple = slot_;
    MemoryContextSwitchTo(old);
}

// The row's vector, in row_context_ or in the slot; false when the row is not visible. Called within pg_call.
bool HeapVectors::fetch(const core::HeapTid& tid, Datum& value) {
    ItemPointerData pointer;
    ItemPointerSet(&pointer, tid.block, tid.offset);
    bool call_again = false;
    bool all_dead = false;
    if (!table_index_fetch_tuple(fetch_, &pointer, scan_->xs_snapshot, slot_, &call_again, &all_dead))
        return false;
    Datum values[INDEX_MAX_KEYS];
    bool nulls[INDEX_MAX_KEYS];
    FormIndexDatum(info_, slot_, estate_, values, nulls);
    value = values[0];
    return !nulls[0];
}

core::Reranked HeapVectors::rerank(const core::HeapTid& tid) {
    return pg::pg_call([&]() -> core::Reranked {
        if (context_ == nullptr) open();
        const MemoryContext old = MemoryContextSwitchTo(row_context_);
        core::Reranked reranked{false, 0};
        Datum value;
        if (fetch(tid, value)) {
            ScanKey key = scan_->orderByData;
            reranked = {true,
                        DatumGetFloat8(FunctionCall2Coll(&key->sk_func, key->sk_collation, value, query_))};
        }
        MemoryContextSwitchTo(old);
        ExecClearTuple(slot_);
        ResetPerTupleExprContext(estate_);
        MemoryContextReset(row_context_);
        return reranked;
    });
}

}  // namespace vecstore::am
