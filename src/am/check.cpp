// vecstore_check: the index's graph by itself (core/hnsw/check/validate.hpp), and against its table.
//
// Locks. On a primary: ShareUpdateExclusiveLock on the table, which lets everybody read and write, and keeps
// vacuum out (it waits, autovacuum gives way). On a standby: AccessShareLock; vacuum's changes may be
// replayed meanwhile, and the check reads again whatever looks wrong.
//
// Rows. The snapshot is taken first. All rows that it sees were in the index before the check reads its first
// page, so each must be found, and the node that holds it must be reachable. Rows inserted later, and
// those of inserts that failed, may be anywhere; they only must have a line pointer in the table.
#include "am/column_type.hpp"
#include "am/filter_type.hpp"
#include "am/index_meta.hpp"
#include "am/index_reader.hpp"

#include "core/hnsw/check/validate.hpp"
#include "core/hnsw/filter/filter_pages.hpp"
#include "core/storage/mean_pages.hpp"
#include "pg/as_owner.hpp"
#include "pg/result_set.hpp"

extern "C" {
#include "access/htup_details.h"
#include "access/tableam.h"
#include "access/transam.h"
#include "access/xact.h"
#include "access/xlog.h"
#include "catalog/index.h"
#include "catalog/pg_am.h"
#include "utils/snapmgr.h"
}

namespace vecstore::am {

namespace {

using GraphCheck = core::GraphCheck<IndexReader>;

void add_problem(const pg::ResultSet& results, const core::Problem& problem) {
    pg::pg_call([&] {
        Datum values[] = {Int64GetDatum(problem.block), Int32GetDatum(problem.slot),
                          CStringGetTextDatum(problem.text.c_str())};
        bool nulls[] = {problem.block == core::invalid_block, problem.slot < 0, false};
        results.add(values, nulls);
        pfree(DatumGetPointer(values[2]));
    });
}

Snapshot take_snapshot(Relation index) {
    const Snapshot snapshot = RegisterSnapshot(GetTransactionSnapshot());
    // An older snapshot may see rows of HOT chains that the index was built without.
    if (IsolationUsesXactSnapshot() && index->rd_index->indcheckxmin &&
        !TransactionIdPrecedes(HeapTupleHeaderGetXmin(index->rd_indextuple->t_data), snapshot->xmin))
        ereport(ERROR, (errcode(ERRCODE_T_R_SERIALIZATION_FAILURE),
                        errmsg("index \"%s\" cannot be checked using this transaction's snapshot",
                               RelationGetRelationName(index)),
                        errhint("Check it in a transaction that began after its creation.")));
    return snapshot;
}

// The rows that the snapshot sees, told to the check.
class TableRows {
  public:
    TableRows(const OpenIndex& open, IndexReader& reader, GraphCheck& check,
              const core::VectorEncoder& encoder, bool deep)
        : open_(open),
          reader_(reader),
          check_(check),
          encoder_(encoder),
          type_(column_type(encoder.geometry().kind)),
          deep_(deep),
          filter_columns_(encoder.layout().filters().columns()) {}

    void require_all(Snapshot snapshot) {
        pg::pg_call([&] {
            IndexInfo* const info = BuildIndexInfo(open_.index);
            info->ii_Concurrent = true;  // go by the snapshot, and report the roots of HOT chains
            info->ii_Unique = false;
            info->ii_ExclusionOps = nullptr;
            context_ = AllocSetContextCreate(CurrentMemoryContext, "vecstore_check row",
                                             ALLOCSET_DEFAULT_SIZES);
            // The build scan ends the table scan.
            const TableScanDesc scan = table_beginscan_strat(open_.heap, snapshot, 0, nullptr, true, false);
            table_index_build_scan(open_.heap, open_.index, info, false, false, callback, this, scan);
            MemoryContextDelete(context_);
        });
    }

  private:
    static void callback(Relation, ItemPointer tid, Datum* values, bool* nulls, bool, void* state) {
        CHECK_FOR_INTERRUPTS();
        if (nulls[0]) return;
        auto* const self = static_cast<TableRows*>(state);
        const core::HeapTid row{ItemPointerGetBlockNumber(tid), ItemPointerGetOffsetNumber(tid)};
        const MemoryContext old = MemoryContextSwitchTo(self->context_);
        // The vector is looked at only where it matters: it may be toasted.
        const bool wanted = self->deep_ || !self->check_.has_row(row);
        const ColumnValue value = wanted ? self->type_.read(values[0]) : ColumnValue{nullptr, 0};
        core::FilterKey keys[INDEX_MAX_KEYS];
        if (self->filter_columns_ > 0) filter_keys(self->open_.index, values, nulls, keys);
        pg::guarded([&] {
            self->require(row, wanted ? &value : nullptr);
            if (self->filter_columns_ > 0) self->compare_keys(row, keys);
        });
        MemoryContextSwitchTo(old);
        MemoryContextReset(self->context_);
    }

    void require(const core::HeapTid& row, const ColumnValue* value) {
        if (value == nullptr) {
            check_.require_row(row);
        } else if (value->dims != encoder_.geometry().dims) {
            check_.report(core::invalid_block, -1,
                          "row " + core::to_text(row) + " has " + std::to_string(value->dims) +
                              " dimensions, the index " + std::to_string(encoder_.geometry().dims));
        } else if (encoder_.indexable(value->raw)) {
            check_.require_row(row, value->raw);
        }
    }

    // (On a standby the row may leave its node, and the node its slot, while this looks.)
    void compare_keys(const core::HeapTid& row, const core::FilterKey* keys) {
        core::Link at, still_at;
        core::FilterKey stored[INDEX_MAX_KEYS];
        if (!check_.still_has(row, at)) return;
        if (core::read_filter_keys(reader_, encoder_.layout(), at, stored) &&
            std::equal(keys, keys + filter_columns_, stored))
            return;
        if (check_.still_has(row, still_at))
            check_.report(at.block, at.slot,
                          "row " + core::to_text(row) + " has other filter values than its node");
    }

    const OpenIndex& open_;
    IndexReader& reader_;
    GraphCheck& check_;
    const core::VectorEncoder& encoder_;
    const ColumnType& type_;
    bool deep_;
    size_t filter_columns_;
    MemoryContext context_ = nullptr;
};

// Has the table a line pointer, not an unused one, at this place?
class LinePointers {
  public:
    LinePointers(Relation heap, BufferAccessStrategy strategy) : heap_(heap), strategy_(strategy) {}
    ~LinePointers() { release(); }
    LinePointers(const LinePointers&) = delete;
    LinePointers& operator=(const LinePointers&) = delete;

    bool used(const core::HeapTid& row) {
        return pg::pg_call([&] {
            if (buffer_ == InvalidBuffer || BufferGetBlockNumber(buffer_) != row.block) {
                release();
                if (row.block >= RelationGetNumberOfBlocks(heap_)) return false;
                buffer_ = ReadBufferExtended(heap_, MAIN_FORKNUM, row.block, RBM_NORMAL, strategy_);
            }
            LockBuffer(buffer_, BUFFER_LOCK_SHARE);
            const Page page = BufferGetPage(buffer_);
            const bool is_used = row.offset >= FirstOffsetNumber &&
                                 row.offset <= PageGetMaxOffsetNumber(page) &&
                                 ItemIdIsUsed(PageGetItemId(page, row.offset));
            LockBuffer(buffer_, BUFFER_LOCK_UNLOCK);
            return is_used;
        });
    }

  private:
    void release() {
        if (buffer_ != InvalidBuffer) ReleaseBuffer(buffer_);
        buffer_ = InvalidBuffer;
    }

    Relation heap_;
    BufferAccessStrategy strategy_;
    Buffer buffer_ = InvalidBuffer;
};

// Rows of the index that the snapshot did not see.
void check_other_rows(const OpenIndex& open, GraphCheck& check, BufferAccessStrategy strategy) {
    if (open.heap->rd_rel->relam != HEAP_TABLE_AM_OID) return;
    LinePointers pointers(open.heap, strategy);
    check.for_each_other_row([&](const core::HeapTid& row) {
        pg::check_interrupts();
        core::Link at;
        // On a standby vacuum may take a row from the index, then from the table, between two looks.
        if (pointers.used(row) || !check.still_has(row, at) || pointers.used(row)) return;
        check.report(at.block, at.slot, "row " + core::to_text(row) + " is not in the table");
    });
}

void report_cut_off(Relation index, const core::CheckCounts& counts) {
    if (counts.cut_off == 0) return;
    pg::pg_call([&] {
        ereport(NOTICE, (errmsg("a vacuum of index \"%s\" was interrupted", RelationGetRelationName(index)),
                         errdetail("Until it is finished searches may miss " UINT64_FORMAT " of the rows.",
                                   counts.cut_off),
                         errhint("VACUUM the table.")));
    });
}

// They hold no rows that anybody sees, and take room.
void report_lost_chunks(Relation index, const core::CheckCounts& counts) {
    if (counts.lost_chunks == 0) return;
    pg::pg_call([&] {
        ereport(NOTICE, (errmsg("index \"%s\" has " UINT64_FORMAT " chunks of rows in no chain",
                                RelationGetRelationName(index), counts.lost_chunks),
                         errdetail("An insert or a vacuum was interrupted, or is under way."),
                         errhint("The next vacuum that removes rows frees them.")));
    });
}

// The mean and the form of storage are chosen when an index is made. Rows that come later may lie elsewhere.
void report_rough(Relation index, const core::CheckCounts& counts) {
    constexpr uint64_t share_expected = 10;  // one in so many
    if (counts.rough * share_expected <= counts.pages.nodes) return;
    pg::pg_call([&] {
        ereport(NOTICE,
                (errmsg("index \"%s\" no longer fits its rows", RelationGetRelationName(index)),
                 errdetail("Of " UINT64_FORMAT " vectors " UINT64_FORMAT
                           " are stored so roughly that searches can hardly tell them from their neighbors.",
                           counts.pages.nodes, counts.rough),
                 errhint("REINDEX it. Should that not help, the vectors are too much alike for its storage: "
                         "use storage = plain.")));
    });
}

void check_index(const OpenIndex& open, bool deep, Snapshot snapshot, BufferAccessStrategy strategy,
                 const pg::ResultSet& results) {
    IndexReader reader(open.index, strategy);
    const core::MetaData meta = read_first_meta(reader);
    expect_known_format(open.index, meta, core::Access::change);  // (A check has to know all of it.)
    std::string problem = core::meta_problem(meta, reader.page_count());
    if (problem.empty()) problem = definition_problem(open.index, meta);
    std::vector<float> mean;
    if (problem.empty()) {
        try {
            mean = core::read_mean(reader, meta);
        } catch (const core::Error& e) {
            problem = e.message();
        }
    }
    if (!problem.empty()) {
        add_problem(results, {core::meta_block, -1, problem});
        return;
    }
    const core::VectorEncoder encoder(meta.geometry, meta.seed, std::move(mean));
    core::CheckOptions options;
    options.deep = deep;
    GraphCheck check(reader, meta, encoder, options,
                     [&](const core::Problem& p) { add_problem(results, p); });
    check.read_pages();
    TableRows(open, reader, check, encoder, deep).require_all(snapshot);
    check_other_rows(open, check, strategy);
    check.check_graph();
    report_cut_off(open.index, check.counts());
    report_lost_chunks(open.index, check.counts());
    report_rough(open.index, check.counts());
}

}  // namespace
}  // namespace vecstore::am

using namespace vecstore;

VECSTORE_FUNCTION(check) {
    if (PG_ARGISNULL(0) || PG_ARGISNULL(1))
        ereport(ERROR, (errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
                        errmsg("arguments of vecstore_check must not be null"),
                        PG_ARGISNULL(0) ? errhint("Is there such an index?") : 0));
    const pg::ResultSet results(fcinfo);
    const am::OpenIndex open = am::open_index(
        PG_GETARG_OID(0), RecoveryInProgress() ? AccessShareLock : ShareUpdateExclusiveLock);
    const pg::AsOwner as_owner(open.heap->rd_rel->relowner);  // index expressions
    const Snapshot snapshot = am::take_snapshot(open.index);
    am::check_index(open, PG_GETARG_BOOL(1), snapshot, GetAccessStrategy(BAS_BULKREAD), results);
    UnregisterSnapshot(snapshot);
    as_owner.end();
    am::close_index(open);
    return static_cast<Datum>(0);
}
