#include "import/staging.hpp"

extern "C" {
#include "access/table.h"
#include "catalog/namespace.h"
#include "catalog/pg_operator.h"
#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "nodes/makefuncs.h"
#include "utils/lsyscache.h"
#include "utils/syscache.h"
#include "utils/typcache.h"
}

namespace vecstore::import {

namespace {

constexpr char staging_name[] = "vecstore_import_staging";
constexpr char staging_table[] = "pg_temp.vecstore_import_staging";

Oid find_staging() {
    RangeVar* const name = makeRangeVar(pstrdup("pg_temp"), pstrdup(staging_name), -1);
    return RangeVarGetRelid(name, NoLock, true);
}

void run(const char* text) { run_in_session({text, 0, nullptr, nullptr}); }

void append_column(StringInfo columns, const Target& target, AttrNumber number, const char* name) {
    Oid type, collation;
    int32 typmod;
    get_atttypetypmodcoll(target.relation, number, &type, &typmod, &collation);
    appendStringInfo(
        columns, ", %s %s", quote_identifier(name),
        format_type_extended(type, typmod, FORMAT_TYPE_TYPEMOD_GIVEN | FORMAT_TYPE_FORCE_QUALIFY));
}

// col = EXCLUDED.col, for all columns but the key.
const char* assignments(const Target& target) {
    StringInfoData list;
    initStringInfo(&list);
    const char* column = quote_identifier(NameStr(target.vector_column));
    appendStringInfo(&list, "%s = EXCLUDED.%s", column, column);
    for (int i = 0; i < target.field_count; i++) {
        if (strcmp(NameStr(target.fields[i].column), NameStr(target.id_column)) == 0) continue;
        column = quote_identifier(NameStr(target.fields[i].column));
        appendStringInfo(&list, ", %s = EXCLUDED.%s", column, column);
    }
    return list.data;
}

struct Sum {
    int64 rows;
    uint64 hashes;
};

// Of a query with the columns count(*) and the sum in digits.
Sum read_sum() {
    bool is_null;
    const HeapTuple row = SPI_tuptable->vals[0];
    const char* const digits = SPI_getvalue(row, SPI_tuptable->tupdesc, 2);
    return {DatumGetInt64(SPI_getbinval(row, SPI_tuptable->tupdesc, 1, &is_null)),
            digits == nullptr ? 0 : parse_sum(digits)};
}

// The operator that compares ids, with its schema: another schema may have one of the same name.
const char* equality(const Target& target) {
    const Oid type = get_atttype(target.relation, get_attnum(target.relation, NameStr(target.id_column)));
    const Oid found = lookup_type_cache(type, TYPECACHE_EQ_OPR)->eq_opr;
    const HeapTuple tuple = SearchSysCache1(OPEROID, ObjectIdGetDatum(found));
    if (!HeapTupleIsValid(tuple))
        ereport(ERROR, (errcode(ERRCODE_UNDEFINED_FUNCTION),
                        errmsg("could not identify an equality operator for type %s", format_type_be(type))));
    const auto row = reinterpret_cast<Form_pg_operator>(GETSTRUCT(tuple));
    const char* const name = psprintf(
        "OPERATOR(%s.%s)", quote_identifier(get_namespace_name(row->oprnamespace)), NameStr(row->oprname));
    ReleaseSysCache(tuple);
    return name;
}

// Rows of earlier batches of this import that are about to be replaced.
Sum sum_replaced(const ImportedRows& rows) {
    const auto& [tables, target, job] = rows;
    Oid types[] = {get_array_type(XIDOID)};
    Datum values[] = {transactions_of(tables, job)};
    const char* const id = quote_identifier(NameStr(target.id_column));
    run_query({psprintf("SELECT count(*), mod(sum(%s), 18446744073709551616)::text "
                        "FROM %s t WHERE t.xmin = ANY ($1) AND t.%s %s ANY (SELECT s.%s FROM %s s)",
                        row_hash_expression(tables, target, "t"), qualified_name(target), id,
                        equality(target), id, staging_table),
               lengthof(values), types, values});
    return read_sum();
}

// Staged rows whose id another row of this import has, of an earlier batch or of this one.
int64 count_doubled(const ImportedRows& rows, int64 written) {
    const auto& [tables, target, job] = rows;
    const char* const id = NameStr(target.id_column);
    if (*id == '\0') return 0;
    Oid types[] = {get_array_type(XIDOID)};
    Datum values[] = {transactions_of(tables, job)};
    const char* const column = quote_identifier(id);
    run_query(
        {psprintf(
             "SELECT count(*), 0 FROM %s s WHERE s.%s %s ANY (SELECT t.%s FROM %s t WHERE t.xmin = ANY ($1) "
             "OR t.xmin = pg_current_xact_id()::xid)",
             staging_table, column, equality(target), column, qualified_name(target)),
         lengthof(values), types, values});
    return read_sum().rows - written;
}

int64 count_staged() {
    run_query({psprintf("SELECT count(*), 0 FROM %s", staging_table), 0, nullptr, nullptr});
    return read_sum().rows;
}

}  // namespace

void create_staging(const Target& target) {
    drop_staging();
    StringInfoData columns;
    initStringInfo(&columns);
    append_column(&columns, target, target.vector_number, NameStr(target.vector_column));
    if (target.id_encoding != IdEncoding::none) {
        append_column(&columns, target, target.id_number, NameStr(target.id_column));
    }
    for (int i = 0; i < target.field_count; i++) {
        append_column(&columns, target, target.fields[i].number, NameStr(target.fields[i].column));
    }
    run(
        psprintf("CREATE TEMPORARY TABLE %s (\"vecstore import row\" bigint GENERATED ALWAYS AS IDENTITY%s) "
                 "ON COMMIT DELETE ROWS",
                 staging_name, columns.data));
}

void drop_staging() {
    if (OidIsValid(find_staging())) run(psprintf("DROP TABLE %s", staging_table));
}

Relation open_staging() { return table_open(find_staging(), RowExclusiveLock); }

StagedBatch insert_staged(const ImportedRows& rows, OnConflict on_conflict) {
    const auto& [tables, target, job] = rows;
    const bool update = on_conflict == OnConflict::update;
    const Sum replaced = update ? sum_replaced(rows) : Sum{0, 0};
    const char* const columns = target_columns(target);
    const char* const id = quote_identifier(NameStr(target.id_column));
    const char* const source =
        update ? psprintf("SELECT DISTINCT ON (%s) %s FROM %s ORDER BY %s, \"vecstore import row\" DESC", id,
                          columns, staging_table, id)
               : psprintf("SELECT %s FROM %s ORDER BY \"vecstore import row\"", columns, staging_table);
    const char* const action = update ? psprintf("ON CONFLICT (%s) DO UPDATE SET %s", id, assignments(target))
                                      : "ON CONFLICT DO NOTHING";
    run_in_session(
        {psprintf("WITH staged AS (%s), written AS (INSERT INTO %s AS t (%s) SELECT %s FROM staged %s "
                  "RETURNING %s AS hash) SELECT pg_catalog.count(*), "
                  "pg_catalog.mod(pg_catalog.sum(hash), 18446744073709551616)::pg_catalog.text FROM written",
                  source, qualified_name(target), columns, columns, action,
                  row_hash_expression(tables, target, "t")),
         0, nullptr, nullptr});
    const Sum written = read_sum();
    StagedBatch staged = {};
    staged.batch.rows_written = written.rows - replaced.rows;
    staged.batch.written_sum = written.hashes - replaced.hashes;
    const int64 left = count_staged() - staged.batch.rows_written;
    if (left > 0) staged.doubled = update ? left : count_doubled(rows, written.rows);
    return staged;
}

}  // namespace vecstore::import
