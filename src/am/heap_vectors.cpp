#include "am/heap_vectors.hpp"

#include "types/dense_math.hpp"
#include "types/vector.hpp"

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
    context_ = AllocSetContextCreate(GetMemoryChunkContext(scan_), "hnsw heap vectors", ALLOCSET_SMALL_SIZES);
    const MemoryContext old = MemoryContextSwitchTo(context_);
    row_context_ = AllocSetContextCreate(context_, "hnsw heap vector", ALLOCSET_SMALL_SIZES);
    info_ = BuildIndexInfo(scan_->indexRelation);
    estate_ = CreateExecutorState();
    slot_ = table_slot_create(scan_->heapRelation, nullptr);
    fetch_ = table_index_fetch_begin(scan_->heapRelation);
    GetPerTupleExprContext(estate_)->ecxt_scantuple = slot_;
    MemoryContextSwitchTo(old);
}

// The row's vector, or null when the row is not visible. In row_context_. Called within pg_call.
const float* HeapVectors::fetch(const core::HeapTid& tid) {
    ItemPointerData pointer;
    ItemPointerSet(&pointer, tid.block, tid.offset);
    bool call_again = false;
    bool all_dead = false;
    if (!table_index_fetch_tuple(fetch_, &pointer, scan_->xs_snapshot, slot_, &call_again, &all_dead)) return nullptr;
    const MemoryContext old = MemoryContextSwitchTo(row_context_);
    Datum values[INDEX_MAX_KEYS];
    bool nulls[INDEX_MAX_KEYS];
    FormIndexDatum(info_, slot_, estate_, values, nulls);
    const types::Vector* value = nulls[0] ? nullptr : types::datum_get_vector(values[0]);
    MemoryContextSwitchTo(old);
    if (value == nullptr || value->dims() != static_cast<int>(dims_)) return nullptr;
    return value->data();
}

core::Settled HeapVectors::settle(const core::HeapTid& tid, const float* query) {
    return pg::pg_call([&]() -> core::Settled {
        if (context_ == nullptr) open();
        const float* x = fetch(tid);
        core::Settled settled{x != nullptr, 0};
        if (x != nullptr) {
            switch (metric_) {
                // To the last bit what the operators return: distances that differ must not tie here.
                case core::Metric::l2:
                    settled.key = types::dense::l2_value<types::VectorFormat>(query, x, dims_);
                    break;
                case core::Metric::inner_product:
                    settled.key = types::dense::negative_product_value<types::VectorFormat>(query, x, dims_);
                    break;
                case core::Metric::cosine:
                    settled.key = types::dense::cosine_value<types::VectorFormat>(query, x, dims_);
                    break;
            }
        }
        ExecClearTuple(slot_);
        ResetPerTupleExprContext(estate_);
        MemoryContextReset(row_context_);
        return settled;
    });
}

}  // namespace vecstore::am
