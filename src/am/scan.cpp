// Ordered scans.
#include "am/callbacks.hpp"
#include "am/opclass.hpp"

#include "am/access_method.hpp"
#include "am/column_type.hpp"
#include "am/filter_type.hpp"
#include "am/heap_rows.hpp"
#include "am/heap_vectors.hpp"
#include "am/index_state.hpp"
#include "core/hnsw/beside/unplaced.hpp"
#include "core/hnsw/scan/ordered_scan.hpp"
#include "pg/temporary_file.hpp"

#include <cmath>
#include <limits>
#include <optional>

extern "C" {
#include "access/relscan.h"
#include "pgstat.h"
#include "storage/bufmgr.h"
#include "storage/lmgr.h"
#include "storage/predicate.h"
}

namespace vecstore::am {

namespace {

// One execution of a scan: from the first row asked for to the next rescan.
class ScanRun {
  public:
    // query: null for one that no order follows from. memory: that lives as long as this.
    ScanRun(IndexScanDesc scan, std::shared_ptr<IndexState> state, const core::RawVector* query, Datum datum,
            MemoryContext memory)
        : files_(memory),
          state_(std::move(state)),
          store_(scan->indexRelation,
                 RelationUsesLocalBuffers(scan->indexRelation) ? nullptr : &state_->recent),
          heap_(scan, datum),
          rows_(scan->indexRelation, scan->heapRelation) {
        const bool ordered = query_.prepare_scan(state_->encoder, query,
                                                 core::typical_length(store_, state_->encoder));
        const Relation index = scan->indexRelation;
        const size_t slots = state_->encoder.layout().slots_per_page();
        const bool asks_rows = pg::pg_call([&] { return &method_of(index) == &ivfflat_method; });
        const uint64_t few_rows = asks_rows ? core::count_few_rows(store_, state_->encoder.layout()) : 0;
        const std::function<uint64_t()> rows = [=] {
            return few_rows > 0 ? few_rows : uint64_t{RelationGetNumberOfBlocks(index)} * slots;
        };
        core::ScanOptions options = pg::pg_call([&] { return method_of(index).scan_options(index, rows); });
        options.strict_order &= ordered;
        for (int i = 0; i < scan->numberOfKeys; ++i) {
            const ScanKeyData& key = scan->keyData[i];
            if (key.sk_attno > 1)
                add_condition(index, key, filter_);
            else
                add_vector_condition(key, options);
        }
        if (!filter_.empty()) options.filter = &filter_;
        options.row_memory = static_cast<size_t>(work_mem) * 1024;
        options.spill = [this] { return files_.make(); };
        scan_.emplace(store_, state_->encoder, query_, *memory_, options);
    }

    bool next(core::HeapTid& tid) {
        const bool found = find_next(tid);
        if (found) rows_.expect(tid);
        return found;
    }

    // The query has come to an end that nobody told the scan of.
    void forget_files() { files_.forget(); }

  private:
    bool find_next(core::HeapTid& tid) {
        if (!unplaced_) {
            const auto rerank = [&](const core::HeapTid& t) {
                rows_.expect(t);
                return heap_.rerank(t);
            };
            if (wants_placed_ && scan_->next(rerank, tid)) return true;
            unplaced_.emplace(store_, state_->encoder.layout(), filter_.empty() ? nullptr : &filter_,
                              unplaced_wanted());
        }
        return unplaced_->next(tid);
    }

    // Throws for a key of a kind that it does not know: taking it for something else would lose rows.
    void add_vector_condition(const ScanKeyData& key, core::ScanOptions& options) {
        if (key.sk_flags == (SK_ISNULL | SK_SEARCHNOTNULL)) {
            wants_nulls_ = false;
            return;
        }
        if (key.sk_flags == (SK_ISNULL | SK_SEARCHNULL)) {
            if (!state_->keeps_unplaced)  // the planner knows (can_scan)
                throw core::Error(core::ErrorCode::internal, "the index does not know rows without a vector",
                                  {}, "REINDEX it.");
            wants_placed_ = false;
            return;
        }
        const bool is_limit = key.sk_strategy == strategy_within || key.sk_strategy == strategy_all_within;
        if ((key.sk_flags & ~SK_ISNULL) != 0 || !is_limit)
            throw core::Error(core::ErrorCode::internal,
                              "unexpected condition on the vector of an index: flags " +
                                  std::to_string(key.sk_flags) + ", strategy " +
                                  std::to_string(key.sk_strategy));
        if ((key.sk_flags & SK_ISNULL) != 0) {  // no distance is below NULL
            filter_.set_never();
            return;
        }
        limit_distance(DatumGetFloat8(key.sk_argument), options);
        options.exhaustive |= key.sk_strategy == strategy_all_within;
    }

    // NaN is above all distances, and only a limit of NaN lets it pass (index_paths.cpp). The condition
    // itself is tested again on every row, so that a limit may be a little too far; it must not be too near,
    // where it was computed (index_paths.cpp).
    void limit_distance(double limit, core::ScanOptions& options) {
        if (std::isnan(limit)) {
            nan_passes_ = true;
            return;
        }
        if (std::isfinite(limit)) limit += 4 * std::numeric_limits<double>::epsilon() * std::abs(limit);
        options.max_distance = std::min(options.max_distance, limit);
        limited_ |= options.max_distance < std::numeric_limits<double>::infinity();
    }

    // Of rows without a place in the graph, once all others are out.
    core::UnplacedWanted unplaced_wanted() const {
        if (filter_.never() || (wants_placed_ && !scan_->complete())) return {false, false};
        return {wants_placed_ && (!limited_ || nan_passes_), wants_nulls_ && !limited_};
    }

    pg::TemporaryFiles files_;  // dies after scan_
    std::shared_ptr<IndexState> state_;
    pg::BufmgrStore store_;
    HeapVectors heap_;
    HeapRows rows_;
    core::Query query_;
    core::RowFilter filter_;
    Pooled<core::ScanMemory> memory_;
    std::optional<core::OrderedScan<pg::BufmgrStore>> scan_;
    std::optional<core::UnplacedRows<pg::BufmgrStore>> unplaced_;  // when scan_ has come to its end
    bool wants_placed_ = true;                                     // rows that have a vector
    bool wants_nulls_ = true;
    bool limited_ = false;     // the distance is
    bool nan_passes_ = false;  // for all that
};

// In scan->opaque. Plain memory, except for `run`, which a reset callback of its memory context deletes
// when an error or the end of the query gets there first.
struct ScanOpaque {
    ScanRun* run;
    MemoryContext context;  // of the query
    MemoryContextCallback on_reset;
};

void end_run(ScanOpaque* opaque) {
    ScanRun* const run = opaque->run;
    opaque->run = nullptr;
    delete run;
}

// The query is copied to the memory of the scan: that of the caller may be gone by the next row. NULL,
// and a zero vector where only directions count, are equally far from everything: such scans return the rows
// in any order.
ScanRun* start_run(IndexScanDesc scan, ScanOpaque* opaque) {
    std::shared_ptr<IndexState> state = index_state(scan->indexRelation);
    const ScanKey key = scan->orderByData;
    if ((key->sk_flags & SK_ISNULL) != 0)
        return new ScanRun(scan, std::move(state), nullptr, 0, opaque->context);
    const ColumnType& type = column_type(state->encoder.geometry().kind);
    Datum copy = 0;
    const ColumnValue value = pg::pg_call([&] {
        MemoryContextReset(opaque->context);
        const MemoryContext old = MemoryContextSwitchTo(opaque->context);
        copy = PointerGetDatum(PG_DETOAST_DATUM_COPY(key->sk_argument));
        const ColumnValue read = type.read(copy);
        MemoryContextSwitchTo(old);
        return read;
    });
    const uint32_t dims = state->encoder.geometry().dims;
    if (value.dims != dims)
        throw core::Error(core::ErrorCode::data_exception, std::string("different ") + type.name +
                                                               " dimensions " + std::to_string(value.dims) +
                                                               " and " + std::to_string(dims));
    return new ScanRun(scan, std::move(state), &value.raw, copy, opaque->context);
}

}  // namespace

IndexScanDesc begin_scan(Relation index, int nkeys, int norderbys) {
    IndexScanDesc scan = RelationGetIndexScan(index, nkeys, norderbys);
    auto* opaque = static_cast<ScanOpaque*>(palloc0(sizeof(ScanOpaque)));
    opaque->context = AllocSetContextCreate(CurrentMemoryContext, "vecstore scan", ALLOCSET_SMALL_SIZES);
    opaque->on_reset.func = [](void* arg) {
        auto* gone = static_cast<ScanOpaque*>(arg);
        if (gone->run != nullptr) gone->run->forget_files();
        end_run(gone);
    };
    opaque->on_reset.arg = opaque;
    MemoryContextRegisterResetCallback(CurrentMemoryContext, &opaque->on_reset);
    scan->opaque = opaque;
    return scan;
}

void rescan(IndexScanDesc scan, ScanKey keys, int, ScanKey orderbys, int) {
    auto* opaque = static_cast<ScanOpaque*>(scan->opaque);
    end_run(opaque);
    if (keys != nullptr && scan->numberOfKeys > 0)
        memmove(scan->keyData, keys, scan->numberOfKeys * sizeof(ScanKeyData));
    if (orderbys != nullptr && scan->numberOfOrderBys > 0)
        memmove(scan->orderByData, orderbys, scan->numberOfOrderBys * sizeof(ScanKeyData));
}

bool get_tuple(IndexScanDesc scan, ScanDirection) {
    auto* opaque = static_cast<ScanOpaque*>(scan->opaque);
    if (opaque->run == nullptr) {
        if (scan->numberOfOrderBys == 0) elog(ERROR, "cannot scan a vector index without order");
        pgstat_count_index_scan(scan->indexRelation);
        opaque->run = start_run(scan, opaque);
    }
    core::HeapTid tid;
    if (!opaque->run->next(tid)) return false;
    ItemPointerSet(&scan->xs_heaptid, tid.block, tid.offset);
    // Keys may be coarser than values.
    scan->xs_recheck = scan->numberOfKeys > 0;
    scan->xs_recheckorderby = false;
    return true;
}

void end_scan(IndexScanDesc scan) {
    // The reset callback stays registered with the memory context: it finds nothing left to do.
    auto* opaque = static_cast<ScanOpaque*>(scan->opaque);
    end_run(opaque);
}

}  // namespace vecstore::am
