#include "import/target.hpp"

#include "core/base/option_text.hpp"
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

// A domain counts as its base type.
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

// How the column of the vectors is named; in the current memory context.
const char* option_hint(const char* column) { return pstrdup(core::option_text("column", column).c_str()); }

bool is_bits(Oid type) { return type == BITOID || type == VARBITOID; }

// The only column of these types; null where there is none.
Form_pg_attribute only_column(Relation relation, Oid type, Oid other_type) {
    const TupleDesc descriptor = RelationGetDescr(relation);
    Form_pg_attribute found = nullptr;
    for (int i = 0; i < descriptor->natts; i++) {
        const Form_pg_attribute attribute = TupleDescAttr(descriptor, i);
        if (attribute->attisdropped || attribute->attgenerated != '\0') continue;
        int32 typmod;
        const Oid base = base_type_of(attribute, &typmod);
        if (base != type && base != other_type) continue;
        if (found != nullptr) {
            ereport(ERROR,
                    (errcode(ERRCODE_AMBIGUOUS_COLUMN),
                     errmsg("relation \"%s\" has several columns of type %s, such as \"%s\" and \"%s\"",
                            RelationGetRelationName(relation), is_bits(type) ? "bit" : "vector",
                            NameStr(found->attname), NameStr(attribute->attname)),
                     errhint("Say which one: %s.", option_hint(NameStr(found->attname)))));
        }
        found = attribute;
    }
    return found;
}

Form_pg_attribute only_vector_column(Relation relation, const TargetRequest& request) {
    if (request.prefer_bits) {
        if (const Form_pg_attribute bits = only_column(relation, BITOID, VARBITOID)) return bits;
    }
    Form_pg_attribute found = only_column(relation, request.vector_type, request.halfvec_type);
    if (found == nullptr) found = only_column(relation, BITOID, VARBITOID);
    if (found == nullptr) {
        ereport(ERROR,
                (errcode(ERRCODE_UNDEFINED_COLUMN),
                 errmsg("relation \"%s\" has no column of type vector", RelationGetRelationName(relation)),
                 errhint("Add one (ALTER TABLE ... ADD COLUMN embedding vector), or name a column of type "
                         "halfvec, bit, real[] or double precision[]: %s.",
                         option_hint("..."))));
    }
    return found;
}

void resolve_vector_column(Relation relation, const TargetRequest& request, Target* target) {
    const Form_pg_attribute attribute = request.vector_column != nullptr
                                            ? find_column(relation, request.vector_column)
                                            : only_vector_column(relation, request);
    const Oid type = base_type_of(attribute, &target->typmod);
    target->varying_bits = type == VARBITOID;
    if (type == request.vector_type) {
        target->vector_encoding = VectorEncoding::vector;
    } else if (type == request.halfvec_type) {
        target->vector_encoding = VectorEncoding::halfvec;
    } else if (is_bits(type)) {
        target->vector_encoding = VectorEncoding::bits;
    } else if (type == FLOAT4ARRAYOID) {
        target->vector_encoding = VectorEncoding::float4_array;
    } else if (type == FLOAT8ARRAYOID) {
        target->vector_encoding = VectorEncoding::float8_array;
    } else {
        raise_column_type(attribute,
                          "vector or halfvec (of this extension), bit, real[] or double precision[]");
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
    target->id_column = attribute->attname;
    if (request.id_key != nullptr && attribute->attnum != target->vector_number) return;  // one of the fields
    int32 typmod;
    switch (base_type_of(attribute, &typmod)) {
        case INT2OID: target->id_encoding = IdEncoding::int2; break;
        case INT4OID: target->id_encoding = IdEncoding::int4; break;
        case INT8OID: target->id_encoding = IdEncoding::int8; break;
        case TEXTOID:
        case VARCHAROID: target->id_encoding = IdEncoding::text; break;
        default: raise_column_type(attribute, "bigint, integer, smallint or text");
    }
    target->id_number = attribute->attnum;
    if (target->id_number == target->vector_number) {
        ereport(ERROR,
                (errcode(ERRCODE_DUPLICATE_COLUMN),
                 errmsg("column \"%s\" cannot hold both the vectors and their ids", request.id_column)));
    }
}

void add_field(Relation relation, Target* target, const char* column, int key) {
    const TupleDesc descriptor = RelationGetDescr(relation);
    for (int i = 0; i < descriptor->natts; i++) {
        const Form_pg_attribute attribute = TupleDescAttr(descriptor, i);
        if (attribute->attisdropped || strcmp(NameStr(attribute->attname), column) != 0) continue;
        if (attribute->attnum == target->vector_number || attribute->attnum == target->id_number) return;
        target->fields[target->field_count] = make_field_target(attribute, CurrentMemoryContext);
        target->field_keys[target->field_count] = key;
        target->field_count++;
    }
}

void resolve_fields(Relation relation, const TargetRequest& request, Target* target) {
    target->field_count = 0;
    const int most = request.key_count + 1;
    target->fields = static_cast<FieldTarget*>(palloc0(sizeof(FieldTarget) * static_cast<Size>(most)));
    target->field_keys = static_cast<int*>(palloc0(sizeof(int) * static_cast<Size>(most)));
    for (int key = 0; key < request.key_count; key++) {
        const char* const name = request.keys[key];
        const bool is_id = request.id_key != nullptr && strcmp(name, request.id_key) == 0;
        if (is_id) {
            add_field(relation, target, request.id_column, key);
        } else if (request.metadata_column == nullptr &&
                   (request.id_column == nullptr || strcmp(name, request.id_column) != 0)) {
            add_field(relation, target, name, key);
        }
    }
    if (request.metadata_column == nullptr) return;
    const int before = target->field_count;
    (void)find_column(relation, request.metadata_column);
    add_field(relation, target, request.metadata_column, core::io::RowLayout::whole_record);
    if (target->field_count == before) {
        ereport(ERROR, (errcode(ERRCODE_DUPLICATE_COLUMN),
                        errmsg("column \"%s\" cannot hold both the metadata and the vectors or their ids",
                               request.metadata_column)));
    }
}

// The checks of DoCopy(). CopyFrom() relies on them.
ParseState* check_may_insert(Relation relation, const Target& target) {
    ParseState* const state = make_parsestate(nullptr);
    ParseNamespaceItem* const item = addRangeTableEntryForRelation(state, relation, RowExclusiveLock, nullptr,
                                                                   false, false);
    auto* const permissions = VECSTORE_PERMISSIONS_OF(item);
    permissions->requiredPerms = ACL_INSERT;
    for (const AttrNumber number : {target.vector_number, target.id_number}) {
        if (number == InvalidAttrNumber) continue;
        permissions->insertedCols = bms_add_member(permissions->insertedCols,
                                                   number - FirstLowInvalidHeapAttributeNumber);
    }
    for (int i = 0; i < target.field_count; i++) {
        permissions->insertedCols = bms_add_member(
            permissions->insertedCols, target.fields[i].number - FirstLowInvalidHeapAttributeNumber);
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
    resolve_fields(open.relation, request, &target);
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

const char* target_columns(const Target& target) {
    StringInfoData names;
    initStringInfo(&names);
    appendStringInfoString(&names, quote_identifier(NameStr(target.vector_column)));
    if (target.id_encoding != IdEncoding::none) {
        appendStringInfo(&names, ", %s", quote_identifier(NameStr(target.id_column)));
    }
    for (int i = 0; i < target.field_count; i++) {
        appendStringInfo(&names, ", %s", quote_identifier(NameStr(target.fields[i].column)));
    }
    return names.data;
}

namespace {

const char* type_name(const Target& target) {
    switch (target.vector_encoding) {
        case VectorEncoding::halfvec: return "halfvec";
        case VectorEncoding::bits: return target.varying_bits ? "bit varying" : "bit";
        default: return "vector";
    }
}

}  // namespace

void check_target_dims(const Target& target, uint64 dims, const char* file) {
    if (target.vector_encoding == VectorEncoding::float4_array ||
        target.vector_encoding == VectorEncoding::float8_array) {
        return;
    }
    const bool fits = target.typmod == -1 || static_cast<uint64>(target.typmod) == dims ||
                      (target.varying_bits && static_cast<uint64>(target.typmod) > dims);
    if (!fits) {
        ereport(ERROR,
                (errcode(ERRCODE_DATA_EXCEPTION),
                 errmsg("the vectors in %s have " UINT64_FORMAT " dimensions, but column \"%s\" is %s(%d)",
                        file, dims, NameStr(target.vector_column), type_name(target), target.typmod),
                 errhint("Import into a column of type %s(" UINT64_FORMAT ").", type_name(target), dims)));
    }
    if (target.vector_encoding != VectorEncoding::bits) check_vector_limit(file, dims);
}

Oid type_beside(Oid function, const char* name) {
    const Oid type = GetSysCacheOid2(TYPENAMENSP, Anum_pg_type_oid, CStringGetDatum(name),
                                     ObjectIdGetDatum(get_func_namespace(function)));
    if (!OidIsValid(type)) elog(ERROR, "type %s is missing beside function %u", name, function);
    return type;
}

}  // namespace vecstore::import
