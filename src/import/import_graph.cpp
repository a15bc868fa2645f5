// vecstore_import_graph: opens the file, then has Postgres build the index as ever, by REINDEX or CREATE
// INDEX; the build finds the graph (am/graph_source.hpp).
#include "import/import_graph.hpp"

#include "am/access_method.hpp"
#include "am/graph_source.hpp"
#include "am/parameters.hpp"
#include "core/io/formats/formats.hpp"
#include "import/functions.hpp"
#include "import/server_file.hpp"
#include "import/target.hpp"
#include "pg/guard.hpp"

extern "C" {
#include "access/genam.h"
#include "access/table.h"
#include "catalog/index.h"
#include "catalog/pg_type.h"
#include "commands/defrem.h"
#include "executor/spi.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
}

namespace vecstore::import {

namespace {

// The index that is to be built. Plain data; names in the current memory context.
struct Subject {
    bool is_index;
    Oid table;
    AttrNumber id_column;  // InvalidAttrNumber: none
    Oid id_type;
    const char* vector_column;  // of a new index
    Oid vector_type;
    const char* opclass_type;  // with which its operator classes' names begin
};

bool is_our_index(Relation index) {
    return index->rd_rel->relkind == RELKIND_INDEX && am::find_method(index->rd_indam) != nullptr;
}

// The table of an index of ours.
Oid table_of_index(Oid relation) {
    const Relation index = index_open(relation, AccessShareLock);
    if (!is_our_index(index))
        ereport(ERROR, (errcode(ERRCODE_WRONG_OBJECT_TYPE),
                        errmsg("\"%s\" is not an hnsw index", RelationGetRelationName(index))));
    const Oid table = index->rd_index->indrelid;
    index_close(index, AccessShareLock);
    return table;
}

void check_relation(Oid relation) {
    const char kind = get_rel_relkind(relation);
    if (kind == RELKIND_RELATION || kind == RELKIND_MATVIEW || kind == RELKIND_INDEX) return;
    const char* const name = get_rel_name(relation);
    if (name == nullptr)
        ereport(ERROR,
                (errcode(ERRCODE_UNDEFINED_OBJECT), errmsg("there is no relation with OID %u", relation)));
    const bool partitioned = kind == RELKIND_PARTITIONED_TABLE || kind == RELKIND_PARTITIONED_INDEX;
    ereport(ERROR, (errcode(ERRCODE_WRONG_OBJECT_TYPE),
                    errmsg("\"%s\" is not a table or an index with rows of its own", name),
                    partitioned ? errhint("A graph is imported by one partition, or its index.") : 0));
}

bool is_integer(Oid type) { return type == INT2OID || type == INT4OID || type == INT8OID; }

// The primary key, where that is one column of integers.
AttrNumber integer_key(Relation table) {
    list_free(RelationGetIndexList(table));
    if (!OidIsValid(table->rd_pkindex)) return InvalidAttrNumber;
    const Relation key = index_open(table->rd_pkindex, AccessShareLock);
    const AttrNumber column = key->rd_index->indnkeyatts == 1 ? key->rd_index->indkey.values[0]
                                                              : InvalidAttrNumber;
    index_close(key, AccessShareLock);
    if (column <= 0) return InvalidAttrNumber;
    const Oid type = getBaseType(TupleDescAttr(RelationGetDescr(table), column - 1)->atttypid);
    return is_integer(type) ? column : InvalidAttrNumber;
}

AttrNumber column_number(Relation table, const char* name) {
    const AttrNumber column = get_attnum(RelationGetRelid(table), name);
    if (column <= 0)
        ereport(ERROR,
                (errcode(ERRCODE_UNDEFINED_COLUMN), errmsg("column \"%s\" of relation \"%s\" does not exist",
                                                           name, RelationGetRelationName(table))));
    return column;
}

Oid type_of(Relation table, AttrNumber column) {
    return getBaseType(TupleDescAttr(RelationGetDescr(table), column - 1)->atttypid);
}

void find_id_column(Relation table, const char* name, Subject& subject) {
    subject.id_column = name == nullptr ? integer_key(table) : column_number(table, name);
    if (subject.id_column == InvalidAttrNumber) return;
    subject.id_type = type_of(table, subject.id_column);
    if (is_integer(subject.id_type)) return;
    ereport(ERROR, (errcode(ERRCODE_DATATYPE_MISMATCH),
                    errmsg("column \"%s\" is of type %s", name, format_type_be(subject.id_type)),
                    errdetail("Ids must be bigint, integer or smallint.")));
}

void find_vector_column(Relation table, const GraphImportRequest& request, Subject& subject) {
    const Oid vector = type_beside(request.function, "vector");
    const Oid halfvec = type_beside(request.function, "halfvec");
    AttrNumber found = InvalidAttrNumber;
    if (!request.vector_column.empty()) found = column_number(table, request.vector_column.c_str());
    const bool named = found != InvalidAttrNumber;
    for (int i = 0; i < RelationGetDescr(table)->natts && !named; ++i) {
        const Form_pg_attribute attribute = TupleDescAttr(RelationGetDescr(table), i);
        const Oid type = getBaseType(attribute->atttypid);
        if (attribute->attisdropped || (type != vector && type != halfvec)) continue;
        if (found != InvalidAttrNumber)
            ereport(ERROR, (errcode(ERRCODE_AMBIGUOUS_COLUMN),
                            errmsg("\"%s\" has more than one vector column", RelationGetRelationName(table)),
                            errhint("Name it: \"column\" => '...'.")));
        found = attribute->attnum;
    }
    const Oid type = found == InvalidAttrNumber ? InvalidOid : type_of(table, found);
    // A bit string is named only: a table has many columns that are none of vectors.
    if (type != vector && type != halfvec && !(named && type == BITOID))
        ereport(ERROR, (errcode(ERRCODE_UNDEFINED_COLUMN),
                        errmsg("\"%s\" has no such column of type vector, halfvec or bit",
                               RelationGetRelationName(table))));
    const Form_pg_attribute attribute = TupleDescAttr(RelationGetDescr(table), found - 1);
    int32 typmod = attribute->atttypmod;
    getBaseTypeAndTypmod(attribute->atttypid, &typmod);
    if (typmod < 0)
        ereport(
            ERROR,
            (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
             errmsg("column \"%s\" has no dimensions, and so can have no index", NameStr(attribute->attname)),
             errhint("Say how many: ALTER TABLE ... ALTER COLUMN ... TYPE %s(n).", format_type_be(type))));
    subject.vector_column = pstrdup(NameStr(attribute->attname));
    subject.vector_type = type;
    subject.opclass_type = type == vector ? "vector" : type == halfvec ? "halfvec" : "bit";
}

// Raises where the relation can have no index, or the user may make none on it.
void check_may_index(Oid relation) {
    check_relation(relation);
    if (!pg::may_maintain(relation)) aclcheck_error(ACLCHECK_NOT_OWNER, OBJECT_TABLE, get_rel_name(relation));
}

// May raise.
Subject find_subject(const GraphImportRequest& request) {
    check_relation(request.relation);
    Subject subject{};
    subject.is_index = get_rel_relkind(request.relation) == RELKIND_INDEX;
    subject.table = subject.is_index ? table_of_index(request.relation) : request.relation;
    check_may_index(subject.table);
    if (subject.is_index &&
        !(request.vector_column.empty() && request.index_name.empty() && request.opclass.empty()))
        ereport(ERROR,
                (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
                 errmsg("\"column\", index_name and opclass are of a new index, and \"%s\" is there already",
                        get_rel_name(request.relation))));
    const Relation table = table_open(subject.table, AccessShareLock);
    find_id_column(table, request.id_column.empty() ? nullptr : request.id_column.c_str(), subject);
    if (!subject.is_index) find_vector_column(table, request, subject);
    table_close(table, AccessShareLock);
    return subject;
}

std::string qualified(Oid relation) {
    return pg::pg_call([&] {
        return quote_qualified_identifier(get_namespace_name(get_rel_namespace(relation)),
                                          get_rel_name(relation));
    });
}

std::string quoted(const std::string& name) {
    return pg::pg_call([&] { return quote_identifier(name.c_str()); });
}

const char* opclass_suffix(const Subject& subject, const core::io::FileMetric& metric) {
    if (subject.vector_type == BITOID) return core::metric_info(core::Metric::hamming).opclass;
    return metric.info() != nullptr ? metric.info()->opclass : core::metric_info(core::Metric::l2).opclass;
}

std::string opclass_name(const GraphImportRequest& request, const Subject& subject,
                         const core::io::FileMetric& metric) {
    if (!request.opclass.empty()) return request.opclass;
    return std::string(subject.opclass_type) + opclass_suffix(subject, metric);
}

// As the graph was built, so that later rows are inserted alike.
std::string index_options(const core::io::GraphInfo& graph) {
    const uint32_t links = graph.max_neighbors > 0 ? graph.max_neighbors : graph.max_neighbors0 / 2;
    const int m = static_cast<int>(std::clamp<uint32_t>(links, am::min_m, am::max_m));
    const int least = std::max(am::default_ef_construction, 2 * m);
    const int ef_construction = std::clamp(graph.ef_construction, least, am::max_ef_construction);
    return " WITH (m = " + std::to_string(m) + ", ef_construction = " + std::to_string(ef_construction) + ")";
}

std::string create_statement(const GraphImportRequest& request, const Subject& subject,
                             const core::io::FileMetric& metric, const core::io::GraphReader* graph) {
    const std::string schema = pg::pg_call(
        [&] { return quote_identifier(get_namespace_name(get_func_namespace(request.function))); });
    const std::string method = pg::pg_call([] { return am::current_name(am::hnsw_method); });
    const std::string opclass = opclass_name(request, subject, metric);
    return "CREATE INDEX " + (request.index_name.empty() ? "" : quoted(request.index_name) + " ") + "ON " +
           qualified(subject.table) + " USING " + quoted(method) + " (" + quoted(subject.vector_column) +
           " " + schema + "." + quoted(opclass) + ")" +
           (graph == nullptr ? "" : index_options(graph->info()));
}

void run_statement(const std::string& statement) {
    pg::pg_call([&] {
        if (SPI_execute(statement.c_str(), false, 0) != SPI_OK_UTILITY)
            elog(ERROR, "could not run \"%s\"", statement.c_str());
    });
}

}  // namespace

void check_can_import_graph(const GraphImportRequest& request, const core::io::FileMetric& metric) {
    const Subject subject = pg::pg_call([&] { return find_subject(request); });
    if (subject.is_index) return;
    const std::string opclass = opclass_name(request, subject, metric);
    pg::pg_call([&, name = opclass.c_str()] {
        const Oid method = get_index_am_oid(am::current_name(am::hnsw_method), false);
        const char* const schema = get_namespace_name(get_func_namespace(request.function));
        const Oid found = get_opclass_oid(
            method, list_make2(makeString(pstrdup(schema)), makeString(pstrdup(name))), false);
        if (get_opclass_input_type(found) != subject.vector_type)
            ereport(ERROR, (errcode(ERRCODE_DATATYPE_MISMATCH),
                            errmsg("operator class \"%s\" does not accept data type %s", name,
                                   format_type_be(subject.vector_type))));
    });
}

Oid import_graph(const GraphImportRequest& request) {
    pg::pg_call([] { require_server_file_privilege(); });
    const Subject subject = pg::pg_call([&] { return find_subject(request); });
    const std::unique_ptr<core::io::ByteSource> file = open_server_file(request.path);
    core::io::ReadOptions read = request.read;
    read.file_name = request.path;
    read.open_sibling = siblings_of(request.path);
    read.skip_not_finite = true;  // such rows are in no index
    const auto vectors = core::io::open_vectors(*file, read);
    const auto graph = core::io::open_graph(*file, read);
    const std::string shown = displayed_path(request.path);
    if (graph == nullptr && request.graph_required)
        throw core::Error(core::ErrorCode::file_not_supported, shown + " holds no HNSW graph",
                          "It is of format " + vectors->info().format + ".",
                          "Graphs are read from " + core::io::names_of_graphs() + ".");
    const std::string statement = subject.is_index ? "REINDEX INDEX " + qualified(request.relation)
                                                   : create_statement(request, subject,
                                                                      vectors->info().metric, graph.get());
    if (graph == nullptr) {
        run_statement(statement);
        return InvalidOid;
    }
    am::GraphSource source(request.relation, shown, *vectors, *graph);
    if (subject.id_column != InvalidAttrNumber) source.use_ids(subject.id_column, subject.id_type);
    run_statement(statement);
    return source.built_index();
}

bool has_graph_index(Oid table_oid, const char* column) {
    const Relation table = table_open(table_oid, AccessShareLock);
    const AttrNumber number = column_number(table, column);
    List* const indexes = RelationGetIndexList(table);
    bool found = false;
    ListCell* cell;
    foreach (cell, indexes) {
        const Relation index = index_open(lfirst_oid(cell), AccessShareLock);
        found |= is_our_index(index) && index->rd_index->indkey.values[0] == number;
        index_close(index, AccessShareLock);
    }
    table_close(table, AccessShareLock);
    return found;
}

namespace {

// In the order of the SQL function.
enum Argument { arg_relation, arg_path, arg_column, arg_id_column, arg_index_name, arg_opclass, arg_format };

}  // namespace
}  // namespace vecstore::import

using namespace vecstore;
using namespace vecstore::import;

VECSTORE_FUNCTION(adopt_graph) {
    for (const Argument required : {arg_relation, arg_path, arg_format})
        if (PG_ARGISNULL(required))
            throw core::Error(core::ErrorCode::invalid_parameter,
                              "relation, path and format must not be null");
    GraphImportRequest request{};
    request.function = fcinfo->flinfo->fn_oid;
    request.relation = PG_GETARG_OID(arg_relation);
    request.path = text_to_string(PG_GETARG_DATUM(arg_path));
    request.read.format = text_to_string(PG_GETARG_DATUM(arg_format));
    request.vector_column = name_argument(fcinfo, arg_column);
    request.id_column = name_argument(fcinfo, arg_id_column);
    request.index_name = name_argument(fcinfo, arg_index_name);
    request.opclass = name_argument(fcinfo, arg_opclass);
    request.graph_required = true;
    pg::pg_call([] { SPI_connect(); });
    const Oid index = import_graph(request);
    pg::pg_call([] { SPI_finish(); });
    PG_RETURN_OID(index);
}
