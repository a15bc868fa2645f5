#include "import/target.hpp"

#include "import/functions.hpp"

extern "C" {
#include "access/relation.h"
#include "access/sysattr.h"
#include "access/table.h"
#include "catalog/pg_type.h"
#include "executor/executor.h"
#include "nodes/makefuncs.h"
#include "parser/parse_relation.h"
#include "utils/acl.h"
#include "utils/lsyscache.h"
#include "utils/rls.h"
#include "utils/syscache.h"
}

namespace vecstore::import {

namespace {

void check_relation_kind(Relation relation) {
    const char kind = relation->rd_rel->relkind;
    if (kind == RELKIND_RELATION || kind == RELKIND_PARTITIONED_TABLE) return;
    ereport(ERROR,
            (errcode(ERRCODE_WRONG_OBJECT_TYPE),
             errmsg("cannot import into \"%s\"", RelationGetRelationName(relation)),
             errdetail("It is not a table."),
             errhint("Import into a table, or use INSERT ... SELECT FROM vecstore_read_npy(...) or another "
                     "of the vecstore_read functions.")));
}

// Domains count as what they are made of.
Oid base_type_of(Form_pg_attribute attribute, int32* typmod) {
    *typmod = attribute->atttypmod;
    return getBaseTypeAndTypmod(attribute->atttypid, typmod);
}

[[noreturn]] void raise_column_type(Form_pg_attribute attribute, const char* accepted) {
    ereport(ERROR, (errcode(ERRCODE_DATATYPE_MISMATCH),
                    errmsg("column \"%s\" is of type %s", NameStr(attribute->attname),
                           format_type_with_typemod(attribute->atttypid, attribute->atttypmod)),
                    errdetail("It must be %s.", accepted)));
    pg_unreachable();
}

Form_pg_attribute find_column(Relation relation, const char* name) {
    const TupleDesc descriptor = RelationGetDescr(relation);
    for (int i = 0; i < descriptor->natts; i++) {
        const Form_pg_attribute attribute = TupleDescAttr(descriptor, i);
        if (!attribute->attisdropped && strcmp(NameStr(attribute->attname), name) == 0) return attribute;
    }
    ereport(ERROR,
            (errcode(ERRCODE_UNDEFINED_COLUMN), errmsg("column \"%s\" of relation \"%s\" does not exist",
                                                       name, RelationGetRelationName(relation))));
    pg_unreachable();
}

Form_pg_attribute only_vector_column(Relation relation, Oid vector_type) {
    const TupleDesc descriptor = RelationGetDescr(relation);
    Form_pg_attribute found = nullptr;
    for (int i = 0; i < descriptor->natts; i++) {
        const Form_pg_attribute attribute = TupleDescAttr(descriptor, i);
        if (attribute->attisdropped || attribute->attgenerated != '\0') continue;
        int32 typmod;
        if (base_type_of(attribute, &typmod) != vector_type) continue;
        if (found != nullptr) {
            ereport(ERROR,
                    (errcode(ERRCODE_AMBIGUOUS_COLUMN),
                     errmsg("relation \"%s\" has several columns of type vector, such as \"%s\" and \"%s\"",
                            RelationGetRelationName(relation), NameStr(found->attname),
                            NameStr(attribute->attname)),
                     errhint("Say which one: \"column\" => '%s'.", NameStr(found->attname))));
        }
        found = attribute;
    }
    if (found == nullptr) {
        ereport(ERROR,
                (errcode(ERRCODE_UNDEFINED_COLUMN),
                 errmsg("relation \"%s\" has no column of type vector", RelationGetRelationName(relation)),
                 errhint("Add one (ALTER TABLE ... ADD COLUMN embedding vector), or name a column of type "
                         "real[] or double precision[]: \"column\" => '...'.")));
    }
    return found;
}

void resolve_vector_column(Relation relation, const TargetRequest& request, Target* target) {
    const Form_pg_attribute attribute = request.vector_column != nullptr
                                            ? find_column(relation, request.vector_column)
                                            : only_vector_column(relation, request.vector_type);
    const Oid type = base_type_of(attribute, &target->typmod);
    if (type == request.vector_type) {
        target->vector_encoding = VectorEncoding::vector;
    } else if (type == FLOAT4ARRAYOID) {
        target->vector_encoding = VectorEncoding::float4_array;
    } else if (type == FLOAT8ARRAYOID) {
        target->vector_encoding = VectorEncoding::float8_array;
    } else {
        raise_column_type(attribute, "vector (of this extension), real[] or double precision[]");
    }
    target->vector_column = attribute->attname;
    target->vector_number = attribute->attnum;
}

void resolve_id_column(Relation relation, const TargetRequest& request, Target* target) {
    target->id_encoding = IdEncoding::none;
    target->id_number = InvalidAttrNumber;
    memset(&target->id_column, 0, sizeof(target->id_column));
    if (request.id_column == nullptr) return;
    const Form_pg_attribute attribute = find_column(relation, request.id_column);
    int32 typmod;
    switch (base_type_of(attribute, &typmod)) {
        case INT2OID:
            target->id_encoding = IdEncoding::int2;
            break;
        case INT4OID:
            target->id_encoding = IdEncoding::int4;
            break;
        case INT8OID:
            target->id_encoding = IdEncoding::int8;
            break;
        case TEXTOID:
        case VARCHAROID:
            target->id_encoding = IdEncoding::text;
            break;
        default:
            raise_column_type(attribute, "bigint, integer, smallint or text");
    }
    target->id_column = attribute->attname;
    target->id_number = attribute->attnum;
    if (target->id_number == target->vector_number) {
        ereport(ERROR,
                (errcode(ERRCODE_DUPLICATE_COLUMN),
                 errmsg("column \"%s\" cannot hold both the vectors and their ids", request.id_column)));
    }
}

// What DoCopy() does before it calls CopyFrom(), which relies on it.
ParseState* check_may_insert(Relation relation, const Target& target) {
    ParseState* const state = make_parsestate(nullptr);
    ParseNamespaceItem* const item =
        addRangeTableEntryForRelation(state, relation, RowExclusiveLock, nullptr, false, false);
    auto* const permissions = VECSTORE_PERMISSIONS_OF(item);
    permissions->requiredPerms = ACL_INSERT;
    for (const AttrNumber number : {target.vector_number, target.id_number}) {
        if (number == InvalidAttrNumber) continue;
        permissions->insertedCols =
            bms_add_member(permissions->insertedCols, number - FirstLowInvalidHeapAttributeNumber);
    }
    VECSTORE_CHECK_PERMISSIONS(state);
    if (check_enable_rls(RelationGetRelid(relation), InvalidOid, false) == RLS_ENABLED) {
        ereport(ERROR, (errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
                        errmsg("cannot import into \"%s\", which has row-level security",
                               RelationGetRelationName(relation)),
                        errhint("Use INSERT ... SELECT FROM vecstore_read_npy(...) or another of the "
                                "vecstore_read functions: the policies are applied to it.")));
    }
    return state;
}

}  // namespace

OpenTarget open_target(const TargetRequest& request) {
    OpenTarget open;
    open.relation = try_relation_open(request.relation, RowExclusiveLock);
    if (open.relation == nullptr) {
        ereport(ERROR, (errcode(ERRCODE_UNDEFINED_TABLE),
                        errmsg("the table to import into does not exist any more")));
    }
    PreventCommandIfReadOnly("CALL vecstore_import");
    check_relation_kind(open.relation);
    Target& target = open.target;
    target.relation = request.relation;
    resolve_vector_column(open.relation, request, &target);
    resolve_id_column(open.relation, request, &target);
    open.parse_state = check_may_insert(open.relation, target);
    return open;
}

void close_target(const OpenTarget& open) {
    free_parsestate(open.parse_state);
    table_close(open.relation, NoLock);
}

const char* qualified_name(const Target& target) {
    return quote_qualified_identifier(get_namespace_name(get_rel_namespace(target.relation)),
                                      get_rel_name(target.relation));
}

void check_target_dims(const Target& target, uint64 dims, const char* file) {
    if (target.vector_encoding != VectorEncoding::vector) return;
    if (target.typmod != -1 && static_cast<uint64>(target.typmod) != dims) {
        ereport(ERROR, (errcode(ERRCODE_DATA_EXCEPTION),
                        errmsg("the vectors in %s have " UINT64_FORMAT
                               " dimensions, but column \"%s\" is vector(%d)",
                               file, dims, NameStr(target.vector_column), target.typmod),
                        errhint("Import into a column of type vector(" UINT64_FORMAT ").", dims)));
    }
    check_vector_limit(file, dims);
}

Oid vector_type_beside(Oid function) {
    const Oid type = GetSysCacheOid2(TYPENAMENSP, Anum_pg_type_oid, CStringGetDatum("vector"),
                                     ObjectIdGetDatum(get_func_namespace(function)));
    if (!OidIsValid(type)) elog(ERROR, "type vector is missing beside function %u", function);
    return type;
}

}  // namespace vecstore::import
