// Locks. On a primary: ShareUpdateExclusiveLock on the table, which lets everybody read and write, and keeps
// vacuum out. On a standby: AccessShareLock; no vacuum that is replayed removes a row that this statement's
// snapshot sees.
//
// The file is FAISS's IndexIDMap over IndexHNSWFlat: header, graph, vectors, ids. Rows are numbered in the
// order of the index's pages. Vectors and ids are fetched from the table while that is done, and wait in
// temporary files until the graph, whose size is known only then, is written before them.
#include "import/export/export_graph.hpp"

#include "am/heap_rows.hpp"
#include "am/index_meta.hpp"
#include "am/index_reader.hpp"
#include "core/export/graph_export.hpp"
#include "core/export/vector_writer.hpp"
#include "pg/as_owner.hpp"
#include "pg/guard.hpp"
#include "types/halfvec.hpp"
#include "types/vector.hpp"

#include <optional>

extern "C" {
#include "access/tableam.h"
#include "access/xlog.h"
#include "catalog/index.h"
#include "catalog/pg_type.h"
#include "executor/executor.h"
#include "nodes/execnodes.h"
#include "utils/acl.h"
#include "utils/lsyscache.h"
#include "utils/rls.h"
#include "utils/snapmgr.h"
}

namespace vecstore::import {

namespace {

const core::MetricInfo& metric_of(const core::MetaData& meta) {
    const bool dense = meta.geometry.kind == core::VectorKind::vector ||
                       meta.geometry.kind == core::VectorKind::halfvec;
    const core::MetricInfo& metric = core::metric_info(meta.geometry.metric);
    if (dense && metric.faiss >= 0) return metric;
    throw core::Error(core::ErrorCode::file_not_supported,
                      "FAISS has no HNSW index for what this index holds", {},
                      "Graphs of vector and halfvec columns can be exported.");
}

// The table's rows behind the index's entries.
class IndexedRows {
  public:
    // May raise, as everything here: to be called in pg_call().
    void open(const am::OpenIndex& index, core::VectorKind kind, const char* id_column) {
        kind_ = kind;
        id_at_ = get_attnum(RelationGetRelid(index.heap), id_column);
        if (id_at_ <= 0) {
            ereport(ERROR, (errcode(ERRCODE_UNDEFINED_COLUMN),
                            errmsg("column \"%s\" of relation \"%s\" does not exist", id_column,
                                   RelationGetRelationName(index.heap))));
        }
        id_type_ = getBaseType(get_atttype(RelationGetRelid(index.heap), id_at_));
        if (id_type_ != INT2OID && id_type_ != INT4OID && id_type_ != INT8OID) {
            ereport(ERROR, (errcode(ERRCODE_DATATYPE_MISMATCH),
                            errmsg("column \"%s\" is of type %s", id_column, format_type_be(id_type_)),
                            errdetail("Ids must be bigint, integer or smallint.")));
        }
        info_ = BuildIndexInfo(index.index);
        estate_ = CreateExecutorState();
        slot_ = table_slot_create(index.heap, nullptr);
        fetch_ = table_index_fetch_begin(index.heap);
        GetPerTupleExprContext(estate_)->ecxt_scantuple = slot_;
    }

    void close() {
        ExecDropSingleTupleTableSlot(slot_);
        table_index_fetch_end(fetch_);
        FreeExecutorState(estate_);
    }

    // The row's id, and its vector into values (room for `dims`); false where this statement does not see it.
    bool read(const core::HeapTid& tid, size_t dims, int64_t* id, float* values) {
        CHECK_FOR_INTERRUPTS();
        ItemPointerData pointer;
        ItemPointerSet(&pointer, tid.block, tid.offset);
        bool call_again = false;
        bool all_dead = false;
        if (!table_index_fetch_tuple(fetch_, &pointer, GetActiveSnapshot(), slot_, &call_again, &all_dead))
            return false;
        const MemoryContext old = MemoryContextSwitchTo(GetPerTupleMemoryContext(estate_));
        Datum keys[INDEX_MAX_KEYS];
        bool nulls[INDEX_MAX_KEYS];
        FormIndexDatum(info_, slot_, estate_, keys, nulls);
        if (nulls[0])
            ereport(ERROR, (errcode(ERRCODE_INDEX_CORRUPTED), errmsg("a row of the index has no vector"),
                            errhint("REINDEX makes the index anew from its table.")));
        copy_vector(keys[0], dims, values);
        *id = read_id();
        MemoryContextSwitchTo(old);
        ExecClearTuple(slot_);
        ResetPerTupleExprContext(estate_);
        return true;
    }

  private:
    int64_t read_id() {
        bool is_null;
        const Datum id = slot_getattr(slot_, id_at_, &is_null);
        if (is_null)
            ereport(ERROR,
                    (errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED), errmsg("a row of the index has a NULL id")));
        return id_type_ == INT8OID   ? DatumGetInt64(id)
               : id_type_ == INT4OID ? DatumGetInt32(id)
                                     : DatumGetInt16(id);
    }

    void copy_vector(Datum datum, size_t dims, float* values) {
        if (kind_ == core::VectorKind::halfvec) {
            const auto* const value = types::datum_get_dense<types::HalfFormat>(datum);
            check_dims(static_cast<size_t>(value->dims()), dims);
            types::HalfFormat::widen_all(value->data(), values, dims);
        } else {
            const types::Vector* const value = types::datum_get_vector(datum);
            check_dims(static_cast<size_t>(value->dims()), dims);
            memcpy(values, value->data(), dims * sizeof(float));
        }
    }

    static void check_dims(size_t found, size_t expected) {
        if (found != expected) elog(ERROR, "a row of the index has %zu dimensions, not %zu", found, expected);
    }

    core::VectorKind kind_;
    AttrNumber id_at_;
    Oid id_type_;
    IndexInfo* info_;
    EState* estate_;
    TupleTableSlot* slot_;
    IndexFetchTableData* fetch_;
};

// May the user read the rows? To open the index does not check that.
void check_may_read(Relation table) {
    if (pg_class_aclcheck(RelationGetRelid(table), GetUserId(), ACL_SELECT) != ACLCHECK_OK)
        aclcheck_error(ACLCHECK_NO_PRIV, OBJECT_TABLE, RelationGetRelationName(table));
    if (check_enable_rls(RelationGetRelid(table), InvalidOid, false) == RLS_ENABLED)
        ereport(ERROR, (errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
                        errmsg("cannot export the graph of \"%s\", which has row-level security",
                               RelationGetRelationName(table)),
                        errhint("Export its rows without \"index\": the policies are applied to them.")));
}

am::OpenIndex open_checked(const GraphRequest& request) {
    const am::OpenIndex open = am::open_index(
        request.index, RecoveryInProgress() ? AccessShareLock : ShareUpdateExclusiveLock);
    check_may_read(open.heap);
    if (table_of_source(request.rows.source.c_str()) != RelationGetRelid(open.heap))
        ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
                        errmsg("\"%s\" is an index of table \"%s\", not of what is to be exported",
                               RelationGetRelationName(open.index), RelationGetRelationName(open.heap)),
                        errhint("With \"index\", the source is the name of the index's table.")));
    if (request.rows.id_column.empty())
        ereport(ERROR,
                (errcode(ERRCODE_INVALID_PARAMETER_VALUE), errmsg("an index's graph is exported with ids"),
                 errdetail("Its rows have no order of their own."),
                 errhint("Name their column: id_column => '...'.")));
    return open;
}

}  // namespace

GraphReport export_graph(OutputFile& file, const GraphRequest& request) {
    const am::OpenIndex open = pg::pg_call([&] { return open_checked(request); });
    am::IndexReader reader(open.index, pg::pg_call([] { return GetAccessStrategy(BAS_BULKREAD); }));
    const core::MetaData meta = am::read_index_meta(open.index, reader);
    const core::MetricInfo& metric = metric_of(meta);
    const size_t dims = meta.geometry.dims;

    GraphReport report;
    ServerScratch vectors;
    ServerScratch ids;
    std::vector<float> values(dims);
    IndexedRows table;
    am::HeapRows known_rows(open.index, open.heap);
    std::optional<pg::AsOwner> as_owner;  // for index expressions, already where constants in them are folded
    pg::pg_call([&] {
        as_owner.emplace(open.heap->rd_rel->relowner);
        table.open(open, meta.geometry.kind, request.rows.id_column.c_str());
    });
    core::exports::GraphExport<am::IndexReader> graph(reader, meta);
    graph.number_rows([&](const std::vector<core::HeapTid>& tids) {
        uint64_t rows = 0;
        for (const core::HeapTid& tid : tids) {
            int64_t id = 0;
            known_rows.expect(tid);
            if (!pg::pg_call([&] { return table.read(tid, dims, &id, values.data()); })) continue;
            if (metric.of_units && core::exports::make_unit(values.data(), dims)) report.made_unit++;
            core::exports::to_little_endian(values.data(), dims);
            core::exports::to_little_endian(&id, 1);
            vectors.write(values.data(), dims * sizeof(float));
            ids.write(&id, sizeof(id));
            rows++;
        }
        return rows;
    });
    pg::pg_call([&] {
        as_owner->end();
        table.close();
    });
    report.rows = graph.rows();

    core::exports::put_faiss_header(file, "IxMp", dims, metric, report.rows);
    core::exports::put_faiss_header(file, "IHNf", dims, metric, report.rows);
    graph.write_faiss(file, meta.ef_construction);
    core::exports::put_faiss_header(file, metric.faiss_flat, dims, metric, report.rows);
    file.put(report.rows * dims);
    vectors.rewind();
    core::exports::copy(vectors, file, report.rows * dims * sizeof(float));
    file.put(report.rows);
    ids.rewind();
    core::exports::copy(ids, file, report.rows * sizeof(int64_t));
    pg::pg_call([&] { am::close_index(open); });
    return report;
}

}  // namespace vecstore::import
