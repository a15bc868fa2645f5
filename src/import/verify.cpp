#include "import/verify.hpp"

#include "pg/citus.hpp"

extern "C" {
#include "catalog/pg_class.h"
#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "utils/acl.h"
#include "utils/lsyscache.h"
}

namespace vecstore::import {

namespace {

// COPY does not insert into children that inherit, but does into partitions.
const char* from_clause(const Target& target) {
    const bool partitioned = get_rel_relkind(target.relation) == RELKIND_PARTITIONED_TABLE;
    return psprintf("%s%s", partitioned ? "" : "ONLY ", qualified_name(target));
}

struct Found {
    int64 rows;
    uint64 content_sum;
};

// Column 1 of a result row says whether the rows it counts are of the import's transactions.
void add_found(HeapTuple tuple, TupleDesc descriptor, Found* mine, Found* all) {
    bool is_null;
    const bool is_mine = DatumGetBool(SPI_getbinval(tuple, descriptor, 1, &is_null));
    const int64 rows = DatumGetInt64(SPI_getbinval(tuple, descriptor, 2, &is_null));
    const char* const digits = SPI_getvalue(tuple, descriptor, 3);
    const uint64 sum = digits == nullptr ? 0 : parse_sum(digits);
    if (is_mine) *mine = {rows, sum};
    all->rows += rows;
    all->content_sum += sum;
}

}  // namespace

// A privilege on the table: privileges on columns do not cover xmin, which is a system column.
bool may_verify(const Target& target) {
    return pg_class_aclcheck(target.relation, GetUserId(), ACL_SELECT) == ACLCHECK_OK;
}

bool table_is_empty(const Target& target) {
    run_query({psprintf("SELECT 1 WHERE EXISTS (SELECT %s FROM %s)",
                        quote_identifier(NameStr(target.vector_column)), from_clause(target)),
               0, nullptr, nullptr});
    return SPI_processed == 0;
}

bool has_rows(const Target& target) {
    run_query({psprintf("SELECT 1 WHERE EXISTS (SELECT %s FROM %s)",
                        quote_identifier(NameStr(target.vector_column)), qualified_name(target)),
               0, nullptr, nullptr});
    return SPI_processed > 0;
}

const char* row_hash_expression(const StateTables& tables, const Target& target, const char* alias) {
    StringInfoData sql;
    initStringInfo(&sql);
    const char* const column = quote_identifier(NameStr(target.vector_column));
    const bool bits = target.vector_encoding == VectorEncoding::bits;
    const bool has_fields = bits || target.field_count > 0;
    // The types of the arguments are exactly the function's. So no other function of that name can fit
    // better.
    appendStringInfo(&sql, "%s.%s(", tables.schema,
                     has_fields ? "vecstore_row_hash_record" : "vecstore_row_hash");
    if (bits) {
        appendStringInfo(&sql, "NULL::%s.vector", tables.schema);
    } else {
        appendStringInfo(&sql, "%s.%s::%s.vector", alias, column, tables.schema);
    }
    if (target.id_encoding == IdEncoding::none) {
        appendStringInfoString(&sql, ", 0::bigint");
    } else {
        appendStringInfo(&sql, ", %s.%s::bigint", alias, quote_identifier(NameStr(target.id_column)));
    }
    const char* separator = ", ROW(";
    if (bits) {
        appendStringInfo(&sql, "%s%s.%s", separator, alias, column);
        separator = ", ";
    }
    for (int i = 0; i < target.field_count; i++) {
        appendStringInfo(&sql, "%s%s.%s", separator, alias,
                         quote_identifier(NameStr(target.fields[i].column)));
        separator = ", ";
    }
    appendStringInfoString(&sql, has_fields ? "))" : ")");
    return sql.data;
}

namespace {

Verification compare(const ImportedRows& rows, bool by_content) {
    const auto& [tables, target, job] = rows;
    if (!may_verify(target)) return {Verification::Outcome::not_allowed, 0};
    if (pg::is_distributed(target.relation)) return {Verification::Outcome::not_comparable, 0};
    const char* const text = psprintf(
        "SELECT mine, count(*), mod(sum(hash), 18446744073709551616)::text FROM "
        "(SELECT t.xmin = ANY ($1) AS mine, %s AS hash FROM %s t %s) rows GROUP BY mine",
        by_content ? row_hash_expression(tables, target, "t") : "0::bigint", from_clause(target),
        job.table_was_empty ? "" : "WHERE t.xmin = ANY ($1)");
    Oid types[] = {get_array_type(XIDOID)};
    Datum values[] = {transactions_of(tables, job)};
    run_query({text, lengthof(values), types, values});
    Found mine = {0, 0};
    Found all = {0, 0};
    for (uint64 i = 0; i < SPI_processed; i++) {
        add_found(SPI_tuptable->vals[i], SPI_tuptable->tupdesc, &mine, &all);
    }
    const Found expected = {job.rows_written, by_content ? job.written_sum : 0};
    const bool equal = mine.rows == expected.rows && mine.content_sum == expected.content_sum;
    const bool all_equal = job.table_was_empty && all.rows == expected.rows &&
                           all.content_sum == expected.content_sum;
    return {equal || all_equal ? Verification::Outcome::equal : Verification::Outcome::different, mine.rows};
}

}  // namespace

Verification verify_import(const ImportedRows& rows) { return compare(rows, true); }

Verification count_import(const ImportedRows& rows) { return compare(rows, false); }

}  // namespace vecstore::import
