#include "import/export/export_source.hpp"

#include "import/target.hpp"
#include "pg/guard.hpp"
#include "types/halfvec.hpp"
#include "types/vector.hpp"

extern "C" {
#include "access/relation.h"
#include "catalog/namespace.h"
#include "catalog/pg_type.h"
#include "nodes/makefuncs.h"
#include "utils/lsyscache.h"
#include "utils/syscache.h"
#include "utils/varlena.h"
}

namespace vecstore::import {

namespace {

constexpr long rows_per_fetch = 200;

bool is_vector(const ExportTypes& types, Oid type) {
    const Oid base = getBaseType(type);
    return base == types.vector || base == types.halfvec;
}

bool is_integer(Oid type) { return type == INT2OID || type == INT4OID || type == INT8OID; }

// The columns that rows can be exported by; 0 where a query has none of the name. Raises.
int find_vector_column(TupleDesc descriptor, const ExportTypes& types, const char* wanted) {
    int found = 0;
    for (int i = 1; i <= descriptor->natts; i++) {
        const Form_pg_attribute attribute = TupleDescAttr(descriptor, i - 1);
        if (attribute->attisdropped) continue;
        const char* const name = NameStr(attribute->attname);
        if (wanted[0] != '\0' && strcmp(name, wanted) != 0) continue;
        if (!is_vector(types, attribute->atttypid)) {
            if (wanted[0] == '\0') continue;
            ereport(ERROR, (errcode(ERRCODE_DATATYPE_MISMATCH),
                            errmsg("column \"%s\" is of type %s", name, format_type_be(attribute->atttypid)),
                            errdetail("It must be vector or halfvec of this extension."),
                            errhint("Cast it in a query: SELECT %s::vector ...", quote_identifier(name))));
        }
        if (found != 0) {
            ereport(ERROR, (errcode(ERRCODE_AMBIGUOUS_COLUMN),
                            errmsg("there are several columns of vectors, such as \"%s\" and \"%s\"",
                                   NameStr(TupleDescAttr(descriptor, found - 1)->attname), name),
                            errhint("Say which one: \"column\" => '%s'.", name)));
        }
        found = i;
    }
    if (found == 0) {
        ereport(ERROR,
                (errcode(ERRCODE_UNDEFINED_COLUMN),
                 wanted[0] != '\0' ? errmsg("there is no column \"%s\" to export", wanted)
                                   : errmsg("there is no column of type vector or halfvec to export")));
    }
    return found;
}

int find_id_column(TupleDesc descriptor, const char* wanted) {
    for (int i = 1; i <= descriptor->natts; i++) {
        const Form_pg_attribute attribute = TupleDescAttr(descriptor, i - 1);
        if (attribute->attisdropped || strcmp(NameStr(attribute->attname), wanted) != 0) continue;
        if (is_integer(getBaseType(attribute->atttypid))) return i;
        ereport(ERROR, (errcode(ERRCODE_DATATYPE_MISMATCH),
                        errmsg("column \"%s\" is of type %s", wanted, format_type_be(attribute->atttypid)),
                        errdetail("Ids must be bigint, integer or smallint.")));
    }
    ereport(ERROR, (errcode(ERRCODE_UNDEFINED_COLUMN), errmsg("there is no column \"%s\" of ids", wanted)));
    pg_unreachable();
}

// The query that a table's name stands for.
const char* query_of_table(Oid table, const ExportRequest& request, const ExportTypes& types) {
    const Relation relation = relation_open(table, AccessShareLock);
    const TupleDesc descriptor = RelationGetDescr(relation);
    const int at = find_vector_column(descriptor, types, request.vector_column.c_str());
    if (!request.id_column.empty()) find_id_column(descriptor, request.id_column.c_str());
    const char* const ids = request.id_column.empty()
                                ? ""
                                : psprintf(", %s", quote_identifier(request.id_column.c_str()));
    const char* const sql = psprintf(
        "SELECT %s%s FROM %s", quote_identifier(NameStr(TupleDescAttr(descriptor, at - 1)->attname)), ids,
        quote_qualified_identifier(get_namespace_name(RelationGetNamespace(relation)),
                                   RelationGetRelationName(relation)));
    relation_close(relation, NoLock);
    return sql;
}

}  // namespace

ExportTypes export_types_beside(Oid function) {
    return {type_beside(function, "vector"), type_beside(function, "halfvec")};
}

Oid table_of_source(const char* source) {
    List* names = NIL;
    if (!SplitIdentifierString(pstrdup(source), '.', &names) || names == NIL) return InvalidOid;
    return RangeVarGetRelid(makeRangeVarFromNameList(textToQualifiedNameList(cstring_to_text(source))),
                            AccessShareLock, false);
}

ExportSource::ExportSource(const ExportRequest& request, const ExportTypes& types)
    : request_(request), types_(types) {
    pg::pg_call([&] {
        SPI_connect();
        const Oid table = table_of_source(request_.source.c_str());
        open(OidIsValid(table) ? query_of_table(table, request_, types_) : request_.source.c_str());
        find_columns(request_.vector_column.c_str(), request_.id_column.c_str());
        context_ = AllocSetContextCreate(CurrentMemoryContext, "vecstore export", ALLOCSET_DEFAULT_SIZES);
    });
}

void ExportSource::open(const char* sql) {
    portal_ = SPI_cursor_open_with_args(nullptr, sql, 0, nullptr, nullptr, nullptr, true,
                                        CURSOR_OPT_NO_SCROLL);
    if (portal_ == nullptr)
        elog(ERROR, "the query could not be opened: %s", SPI_result_code_string(SPI_result));
    if (portal_->tupDesc == nullptr)
        ereport(ERROR, (errcode(ERRCODE_FEATURE_NOT_SUPPORTED), errmsg("the query to export gives no rows")));
}

void ExportSource::find_columns(const char* vector_column, const char* id_column) {
    const TupleDesc descriptor = portal_->tupDesc;
    vector_at_ = find_vector_column(descriptor, types_, vector_column);
    const Form_pg_attribute attribute = TupleDescAttr(descriptor, vector_at_ - 1);
    int32 typmod = attribute->atttypmod;
    is_half_ = getBaseTypeAndTypmod(attribute->atttypid, &typmod) == types_.halfvec;
    if (typmod > 0) dims_ = static_cast<size_t>(typmod);
    if (id_column[0] == '\0') return;
    id_at_ = find_id_column(descriptor, id_column);
    id_type_ = getBaseType(TupleDescAttr(descriptor, id_at_ - 1)->atttypid);
}

bool ExportSource::fetch() {
    if (SPI_tuptable != nullptr) SPI_freetuptable(SPI_tuptable);
    MemoryContextReset(context_);
    SPI_cursor_fetch(portal_, true, rows_per_fetch);
    next_ = 0;
    batch_ = SPI_processed;
    return batch_ > 0;
}

bool ExportSource::next() {
    for (;;) {
        const bool more = pg::pg_call([&] {
            CHECK_FOR_INTERRUPTS();
            return next_ < batch_ || fetch();
        });
        if (!more) return false;
        // Room is made first: nothing may throw while Postgres code runs.
        values_.resize(types::VectorFormat::max_dims);
        if (pg::pg_call([&] { return take_row(SPI_tuptable->vals[next_++]); })) return true;
        skipped_++;
    }
}

void ExportSource::raise_null(const char* what) const {
    ereport(
        ERROR,
        (errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
         errmsg("row " UINT64_FORMAT " has a NULL %s", rows_ + 1, what),
         errhint("Rows are counted from 1. Leave such rows out with a query, or those without a vector with "
                 "skip_nulls => true.")));
    pg_unreachable();
}

// False for a row that is to be left out.
bool ExportSource::take_row(HeapTuple tuple) {
    const TupleDesc descriptor = SPI_tuptable->tupdesc;
    bool is_null;
    const Datum vector = SPI_getbinval(tuple, descriptor, vector_at_, &is_null);
    if (is_null && request_.skip_nulls) return false;
    if (is_null) raise_null("vector");
    id_ = static_cast<int64_t>(rows_);
    if (id_at_ != 0) {
        const Datum id = SPI_getbinval(tuple, descriptor, id_at_, &is_null);
        if (is_null) raise_null("id");
        id_ = id_type_ == INT8OID   ? DatumGetInt64(id)
              : id_type_ == INT4OID ? DatumGetInt32(id)
                                    : DatumGetInt16(id);
    }
    const MemoryContext old = MemoryContextSwitchTo(context_);
    take_vector(vector);
    MemoryContextSwitchTo(old);
    rows_++;
    return true;
}

void ExportSource::take_vector(Datum datum) {
    size_t dims;
    if (is_half_) {
        const auto* const value = types::datum_get_dense<types::HalfFormat>(datum);
        dims = static_cast<size_t>(value->dims());
        types::HalfFormat::widen_all(value->data(), values_.data(), dims);
    } else {
        const types::Vector* const value = types::datum_get_vector(datum);
        dims = static_cast<size_t>(value->dims());
        memcpy(values_.data(), value->data(), dims * sizeof(float));
    }
    if (dims_ == 0) dims_ = dims;
    if (dims == dims_) return;
    ereport(ERROR, (errcode(ERRCODE_DATA_EXCEPTION),
                    errmsg("row " UINT64_FORMAT " has %zu dimensions, those before it have %zu", rows_ + 1,
                           dims, dims_),
                    errdetail("Vectors in one file must have the same dimensions."),
                    errhint("Export them by a query with WHERE vector_dims(...) = %zu.", dims_)));
}

void ExportSource::close() {
    pg::pg_call([&] {
        SPI_cursor_close(portal_);
        SPI_finish();
    });
}

}  // namespace vecstore::import
