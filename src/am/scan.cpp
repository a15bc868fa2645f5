// Ordered scans.
#include "am/hnsw.hpp"

#include "am/heap_vectors.hpp"
#include "am/index_state.hpp"
#include "core/hnsw/ordered_scan.hpp"
#include "types/vector.hpp"

#include <climits>
#include <optional>

extern "C" {
#include "access/relscan.h"
#include "pgstat.h"
#include "storage/lmgr.h"
#include "storage/predicate.h"
}

namespace vecstore::am {

namespace {

// One execution of a scan: from the first row asked for to the next rescan.
class ScanRun {
  public:
    ScanRun(IndexScanDesc scan, const float* raw, bool ordered)
        : state_(index_state(scan->indexRelation)),
          store_(scan->indexRelation, RelationUsesLocalBuffers(scan->indexRelation) ? nullptr : &state_->recent),
          raw_(raw),
          heap_(scan, state_->encoder.geometry().metric, state_->encoder.geometry().dims) {
        query_.prepare(state_->encoder, raw);
        core::ScanOptions options;
        options.ef_search = static_cast<size_t>(ef_search);
        options.iterative = iterative_scan != iterative_off;
        options.strict_order = ordered && iterative_scan != iterative_relaxed;
        if (max_scan_tuples != INT_MAX) options.max_visits = static_cast<uint64_t>(max_scan_tuples);
        scan_.emplace(store_, state_->encoder, query_, *memory_, options);
    }

    bool next(core::HeapTid& tid) {
        return scan_->next([&](const core::HeapTid& t) { return heap_.settle(t, raw_); }, tid);
    }

  private:
    std::shared_ptr<IndexState> state_;
    pg::BufmgrStore store_;
    const float* raw_;
    HeapVectors heap_;
    core::Query query_;
    Pooled<core::SearchMemory> memory_;
    std::optional<core::OrderedScan<pg::BufmgrStore>> scan_;
};

// In scan->opaque. Plain memory, except for `run`, which a reset callback of its memory context deletes
// when an error or the end of the query gets there first.
struct ScanOpaque {
    ScanRun* run;
    const float* query;   // dims floats; null until the first rescan
    bool ordered;         // false: the query has no direction, any order will do
    MemoryContext context;
    MemoryContextCallback on_reset;
};

void end_run(ScanOpaque* opaque) {
    ScanRun* const run = opaque->run;
    opaque->run = nullptr;
    delete run;
}

// False when no order can be told from this query, which then becomes one that the graph can be walked with:
// a zero vector where only directions count, or one so long that all its distances overflow.
bool make_navigable(float* query, uint32_t dims, core::Metric metric) {
    double norm2 = 0;
    for (uint32_t i = 0; i < dims; ++i) norm2 += static_cast<double>(query[i]) * query[i];
    if (norm2 == 0 && metric == core::Metric::cosine) {
        query[0] = 1;
        return false;
    }
    if (norm2 <= core::VectorEncoder::max_norm2 || metric == core::Metric::cosine) return true;
    const auto factor = static_cast<float>(1 / std::sqrt(norm2));
    for (uint32_t i = 0; i < dims; ++i) query[i] *= factor;
    return false;
}

// The query as dims floats in the scan's memory. NULL, and a zero vector where only directions count, are
// equally far from everything: such scans return the rows in any order.
void take_query(IndexScanDesc scan, ScanOpaque* opaque, uint32_t dims, core::Metric metric) {
    ScanKey key = scan->orderByData;
    MemoryContextReset(opaque->context);
    const MemoryContext old = MemoryContextSwitchTo(opaque->context);
    auto* copy = static_cast<float*>(palloc0(dims * sizeof(float)));
    opaque->ordered = (key->sk_flags & SK_ISNULL) == 0;
    if (opaque->ordered) {
        const types::Vector* value = types::datum_get_vector(key->sk_argument);
        if (value->dims() != static_cast<int>(dims))
            ereport(ERROR, (errcode(ERRCODE_DATA_EXCEPTION),
                            errmsg("different vector dimensions %d and %u", value->dims(), dims)));
        memcpy(copy, value->data(), dims * sizeof(float));
    }
    if (!opaque->ordered || !make_navigable(copy, dims, metric)) opaque->ordered = false;
    opaque->query = copy;
    MemoryContextSwitchTo(old);
}

}  // namespace

IndexScanDesc begin_scan(Relation index, int nkeys, int norderbys) {
    IndexScanDesc scan = RelationGetIndexScan(index, nkeys, norderbys);
    auto* opaque = static_cast<ScanOpaque*>(palloc0(sizeof(ScanOpaque)));
    opaque->context = AllocSetContextCreate(CurrentMemoryContext, "hnsw scan", ALLOCSET_SMALL_SIZES);
    opaque->on_reset.func = [](void* arg) { end_run(static_cast<ScanOpaque*>(arg)); };
    opaque->on_reset.arg = opaque;
    MemoryContextRegisterResetCallback(CurrentMemoryContext, &opaque->on_reset);
    scan->opaque = opaque;
    return scan;
}

void rescan(IndexScanDesc scan, ScanKey keys, int, ScanKey orderbys, int) {
    auto* opaque = static_cast<ScanOpaque*>(scan->opaque);
    end_run(opaque);
    opaque->query = nullptr;
    if (keys != nullptr && scan->numberOfKeys > 0)
        memmove(scan->keyData, keys, scan->numberOfKeys * sizeof(ScanKeyData));
    if (orderbys != nullptr && scan->numberOfOrderBys > 0)
        memmove(scan->orderByData, orderbys, scan->numberOfOrderBys * sizeof(ScanKeyData));
}

bool get_tuple(IndexScanDesc scan, ScanDirection) {
    auto* opaque = static_cast<ScanOpaque*>(scan->opaque);
    if (opaque->run == nullptr) {
        if (scan->numberOfOrderBys == 0) elog(ERROR, "cannot scan hnsw index without order");
        pgstat_count_index_scan(scan->indexRelation);
        uint32_t dims;
        core::Metric metric;
        {
            const std::shared_ptr<IndexState> state = index_state(scan->indexRelation);
            dims = state->encoder.geometry().dims;
            metric = state->encoder.geometry().metric;
        }
        take_query(scan, opaque, dims, metric);
        opaque->run = new ScanRun(scan, opaque->query, opaque->ordered);
    }
    core::HeapTid tid;
    if (!opaque->run->next(tid)) return false;
    ItemPointerSet(&scan->xs_heaptid, tid.block, tid.offset);
    scan->xs_recheck = false;
    scan->xs_recheckorderby = false;
    return true;
}

void end_scan(IndexScanDesc scan) {
    // The reset callback stays registered with the memory context: it finds nothing left to do.
    auto* opaque = static_cast<ScanOpaque*>(scan->opaque);
    end_run(opaque);
}

}  // namespace vecstore::am
