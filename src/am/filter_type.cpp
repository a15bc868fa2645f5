#include "am/filter_type.hpp"

#include <algorithm>
#include <cmath>

extern "C" {
#include "catalog/pg_collation.h"
#include "catalog/pg_enum.h"
#include "catalog/pg_type.h"
#include "common/hashfn.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/catcache.h"
#include "utils/date.h"
#include "utils/jsonb.h"
#include "utils/lsyscache.h"
#include "utils/syscache.h"
#include "utils/timestamp.h"
#include "utils/typcache.h"
#include "utils/uuid.h"
}

namespace vecstore::am {

namespace {

using core::FilterKey;

FilterKey of_signed(int64 value) {
    return std::max<FilterKey>(least_key, static_cast<uint64>(value) ^ (uint64{1} << 63));
}

// In the order of Postgres: NaN is greater than all and equal to itself, -0 equals 0.
FilterKey of_float(double value) {
    if (std::isnan(value)) return greatest_key;
    if (value == 0) value = 0;
    int64 bits;
    memcpy(&bits, &value, sizeof(bits));
    return of_signed(bits < 0 ? bits ^ PG_INT64_MAX : bits);
}

FilterKey integer_key(Datum value, Oid type, Oid) {
    switch (type) {
        case INT2OID: return of_signed(DatumGetInt16(value));
        case INT4OID: return of_signed(DatumGetInt32(value));
        default: return of_signed(DatumGetInt64(value));
    }
}

// A float4 is the float8 that has its value.
FilterKey float_key(Datum value, Oid type, Oid) {
    return of_float(type == FLOAT4OID ? static_cast<double>(DatumGetFloat4(value)) : DatumGetFloat8(value));
}

// As near as a float8 comes, in the same order.
FilterKey numeric_key(Datum value, Oid, Oid) {
    return of_float(DatumGetFloat8(DirectFunctionCall1(numeric_float8_no_overflow, value)));
}

FilterKey bool_key(Datum value, Oid, Oid) { return DatumGetBool(value) ? 2 : 1; }

// Dates are timestamps of midnight, as comparisons between the two have it.
FilterKey timestamp_key(Datum value, Oid type, Oid) {
    if (type != DATEOID) return of_signed(DatumGetTimestamp(value));
    const DateADT date = DatumGetDateADT(value);
    if (DATE_IS_NOBEGIN(date)) return least_key;
    if (DATE_IS_NOEND(date)) return greatest_key;
    const int64 day = USECS_PER_DAY;
    if (date > PG_INT64_MAX / day) return greatest_key - 1;  // beyond what a timestamp can be
    return of_signed(date * day);
}

FilterKey time_key(Datum value, Oid, Oid) { return of_signed(DatumGetTimeADT(value)); }

// The first eight of the sixteen bytes that it is compared by.
FilterKey uuid_key(Datum value, Oid, Oid) {
    FilterKey key = 0;
    for (int i = 0; i < 8; ++i) key = key << 8 | DatumGetUUIDP(value)->data[i];
    return std::max(least_key, key);
}

FilterKey enum_key(Datum value, Oid, Oid) { return DatumGetObjectId(value); }

KeyList enum_matching(Datum value, Oid type, StrategyNumber strategy) {
    CatCList* const labels = SearchSysCacheList1(ENUMTYPOIDNAME, ObjectIdGetDatum(type));
    const auto label = [&](int i) {
        return reinterpret_cast<Form_pg_enum>(GETSTRUCT(&labels->members[i]->tuple));
    };
    float4 place = 0;
    for (int i = 0; i < labels->n_members; ++i)
        if (label(i)->oid == DatumGetObjectId(value)) place = label(i)->enumsortorder;
    KeyList list{static_cast<FilterKey*>(palloc(sizeof(FilterKey) * Max(1, labels->n_members))), 0};
    for (int i = 0; i < labels->n_members; ++i) {
        const float4 other = label(i)->enumsortorder;
        const bool matches = strategy == filter_less            ? other < place
                             : strategy == filter_less_equal    ? other <= place
                             : strategy == filter_greater_equal ? other >= place
                             : strategy == filter_greater       ? other > place
                                                                : other == place;
        if (matches) list.keys[list.count++] = label(i)->oid;
    }
    ReleaseSysCacheList(labels);
    return list;
}

FilterKey hash_key(Datum value, Oid type, Oid collation) {
    return std::max<FilterKey>(least_key, hash_of_value(value, type, collation));
}

// ------------------------------------------------------------------------------ sets of things, as bits

// Two of 63 bits for each thing in the set; the last one says that it is not NULL.
constexpr FilterKey not_null_bit = uint64{1} << 63;

FilterKey bits_of(uint64 hash) {
    return uint64{1} << (hash % 63) | uint64{1} << ((hash >> 32) % 63) | not_null_bit;
}

// visit(element, type) for each element of an array that is not null; of a domain the type is the one below
// it.
template <class Visit>
void for_each_element(Datum array, Visit&& visit) {
    ArrayType* const value = DatumGetArrayTypeP(array);
    const Oid type = getBaseType(ARR_ELEMTYPE(value));
    int16 length;
    bool by_value;
    char align;
    get_typlenbyvalalign(type, &length, &by_value, &align);
    Datum* elements;
    bool* nulls;
    int count;
    deconstruct_array(value, type, length, by_value, align, &elements, &nulls, &count);
    for (int i = 0; i < count; ++i)
        if (!nulls[i]) visit(elements[i], type);
}

FilterKey array_key(Datum value, Oid, Oid collation) {
    FilterKey key = not_null_bit;
    for_each_element(value,
                     [&](Datum element, Oid type) { key |= bits_of(hash_key(element, type, collation)); });
    return key;
}

uint64 hash_of_scalar(const JsonbValue& value) {
    switch (value.type) {
        case jbvString:
            return hash_bytes_extended(reinterpret_cast<const unsigned char*>(value.val.string.val),
                                       value.val.string.len, 1);
        case jbvNumeric:  // equal numbers have equal hashes, however many zeros they end in
            return DatumGetUInt64(DirectFunctionCall2(hash_numeric_extended,
                                                      NumericGetDatum(value.val.numeric), Int64GetDatum(2)));
        case jbvBool: return value.val.boolean ? 3 : 4;
        default: return 5;
    }
}

// Every scalar in the document, together with the names on the path to it; arrays on the path do not count.
// If a document contains another, it has all of the other's scalars on the same paths.
FilterKey jsonb_key(Datum datum, Oid, Oid) {
    Jsonb* const document = DatumGetJsonbP(datum);
    FilterKey key = not_null_bit;
    List* paths = NIL;  // hashes of the paths that lead to what is open
    uint64 path = 0;
    JsonbIterator* it = JsonbIteratorInit(&document->root);
    JsonbValue value;
    for (JsonbIteratorToken token; (token = JsonbIteratorNext(&it, &value, false)) != WJB_DONE;) {
        const uint64 above = paths == NIL ? 0 : *static_cast<uint64*>(linitial(paths));
        switch (token) {
            case WJB_BEGIN_ARRAY:
            case WJB_BEGIN_OBJECT: {
                auto* const kept = static_cast<uint64*>(palloc(sizeof(uint64)));
                *kept = path;
                paths = lcons(kept, paths);
                break;
            }
            case WJB_END_ARRAY:
            case WJB_END_OBJECT:
                paths = list_delete_first(paths);
                path = paths == NIL ? 0 : *static_cast<uint64*>(linitial(paths));
                break;
            case WJB_KEY: path = hash_combine64(above, hash_of_scalar(value)); break;
            case WJB_ELEM:
            case WJB_VALUE: key |= bits_of(hash_combine64(path, hash_of_scalar(value))); break;
            default: break;
        }
    }
    return key;
}

// The result of a support function of the operator classes.
const FilterType& told_by(Datum pointer) {
    return *reinterpret_cast<const FilterType*>(DatumGetPointer(pointer));
}

const FilterType& filter_type(Relation index, int attribute) {
    if (!OidIsValid(index_getprocid(index, static_cast<AttrNumber>(attribute), filter_type_proc)))
        ereport(
            ERROR,
            (errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
             errmsg("column %d of index \"%s\" is no column to filter by", attribute,
                    RelationGetRelationName(index)),
             errhint("An index has one vector, its first column. Make another index for the other vector.")));
    FmgrInfo* const function = index_getprocinfo(index, static_cast<AttrNumber>(attribute), filter_type_proc);
    return told_by(FunctionCall1(function, PointerGetDatum(nullptr)));
}

// The operator class's, not the column's: that may be a domain.
Oid column_type_of(Relation index, int attribute) {
    const Oid type = index->rd_opcintype[attribute - 1];
    return IsPolymorphicType(type) ? TupleDescAttr(RelationGetDescr(index), attribute - 1)->atttypid : type;
}

using Kind = core::FilterCondition::Kind;

core::FilterCondition range_of(uint16 column, const KeyRange& range) {
    core::FilterCondition condition;
    condition.column = column;
    condition.low = range.low;
    condition.high = range.high;
    return condition;
}

core::FilterCondition one_of(uint16 column, Kind kind, std::vector<FilterKey> keys) {
    core::FilterCondition condition;
    condition.column = column;
    condition.kind = kind;
    std::sort(keys.begin(), keys.end());
    keys.erase(std::unique(keys.begin(), keys.end()), keys.end());
    condition.keys = std::move(keys);
    return condition;
}

// Of values that compare so with one that has this key. exact: values that differ have keys that differ.
KeyRange compared(StrategyNumber strategy, FilterKey key, bool exact) {
    const bool strict = exact && key > least_key && key < greatest_key - 1;
    switch (strategy) {
        case filter_less: return {least_key, strict ? key - 1 : key};
        case filter_less_equal: return {least_key, key};
        case filter_greater_equal: return {key, greatest_key};
        case filter_greater: return {strict ? key + 1 : key, greatest_key};
        default: return {key, key};
    }
}

// Of one condition: its column, the operator, and the type and collation of what is on its right side.
struct Comparison {
    uint16 column;
    StrategyNumber strategy;
    const FilterType* type;
    Oid argument_type;
    Oid collation;
};

KeyRange range_of_keys(const Comparison& c, Datum value, Oid type) {
    if (c.type->range != nullptr) return c.type->range(value, type, c.collation, c.strategy);
    return compared(c.strategy, c.type->key(value, type, c.collation), c.type->exact);
}

// Keys of an array's elements.
KeyList element_keys(const Comparison& c, Datum array, bool as_bits) {
    ArrayType* const value = DatumGetArrayTypeP(array);
    KeyList list{static_cast<FilterKey*>(
                     palloc(sizeof(FilterKey) * Max(1, ArrayGetNItems(ARR_NDIM(value), ARR_DIMS(value))))),
                 0};
    for_each_element(array, [&](Datum element, Oid type) {
        list.keys[list.count++] = as_bits ? bits_of(hash_key(element, type, c.collation))
                                          : c.type->key(element, type, c.collation);
    });
    return list;
}

// column <strategy> ANY (array): from the least to the greatest key that passes for one of the elements.
KeyRange range_of_any(const Comparison& c, Datum array) {
    KeyRange all{greatest_key, least_key};  // no element, no row
    for_each_element(array, [&](Datum element, Oid type) {
        const KeyRange one = range_of_keys(c, element, type);
        all = {std::min(all.low, one.low), std::max(all.high, one.high)};
    });
    return all;
}

// How a condition is tested.
struct Tested {
    Kind kind;
    KeyRange range;  // of Kind::range
    KeyList keys;    // of the others
};

Tested tested(const Comparison& c, Datum argument, bool any) {
    const FilterType& type = *c.type;
    if (any) {
        if (type.bits || c.strategy == filter_equal)
            return {type.bits ? Kind::bits : Kind::among, {}, element_keys(c, argument, false)};
        // Of an enum the rows themselves will tell.
        return {Kind::range, type.matching != nullptr ? any_key : range_of_any(c, argument), {}};
    }
    if (c.strategy == filter_overlaps) return {Kind::bits, {}, element_keys(c, argument, true)};
    if (type.matching != nullptr)
        return {Kind::among, {}, type.matching(argument, c.argument_type, c.strategy)};
    if (!type.bits) return {Kind::range, range_of_keys(c, argument, c.argument_type), {}};
    auto* const key = static_cast<FilterKey*>(palloc(sizeof(FilterKey)));
    *key = type.key(argument, c.argument_type, c.collation);
    return {Kind::bits, {}, {key, 1}};
}

}  // namespace

uint64 hash_of_value(Datum value, Oid type, Oid collation) {
    const TypeCacheEntry* const entry = lookup_type_cache(type, TYPECACHE_HASH_EXTENDED_PROC_FINFO);
    if (!OidIsValid(entry->hash_extended_proc_finfo.fn_oid)) return 0;
    auto* const function = const_cast<FmgrInfo*>(&entry->hash_extended_proc_finfo);
    return DatumGetUInt64(FunctionCall2Coll(function, collation, value, Int64GetDatum(0)));
}

int filter_columns(Relation index) { return IndexRelationGetNumberOfKeyAttributes(index) - 1; }

void check_filter_columns(Relation index) {
    for (int column = 1; column <= filter_columns(index); ++column) filter_type(index, column + 1);
}

void filter_keys(Relation index, const Datum* values, const bool* isnull, core::FilterKey* keys) {
    for (int column = 1; column <= filter_columns(index); ++column) {
        const Oid collation = index->rd_indcollation[column];
        keys[column - 1] = isnull[column]
                               ? core::null_filter_key
                               : filter_type(index, column + 1)
                                     .key(values[column], column_type_of(index, column + 1), collation);
    }
}

namespace {

// The type of a key's right side; that of an array's elements. May raise.
Oid argument_type(Relation index, const ScanKeyData& key) {
    const int column = key.sk_attno - 1;
    const Oid type = key.sk_subtype;
    if (!OidIsValid(type) || IsPolymorphicType(type) || type == index->rd_opcintype[column])
        return column_type_of(index, key.sk_attno);
    // Values of another type of the family have keys as well; those of one that somebody added an operator
    // for have not.
    if (!OidIsValid(get_opfamily_proc(index->rd_opfamily[column], type, type, filter_type_proc)))
        elog(ERROR, "column %d of index \"%s\" cannot be compared with type %s", key.sk_attno,
             RelationGetRelationName(index), format_type_be(type));
    return type;
}

Comparison comparison(Relation index, const ScanKeyData& key) {
    constexpr int known_flags = SK_SEARCHARRAY;
    const FilterType& type = filter_type(index, key.sk_attno);
    if ((key.sk_flags & ~known_flags) != 0 || key.sk_strategy > filter_inside_equal ||
        (type.strategies >> key.sk_strategy & 1) == 0)
        elog(ERROR, "unexpected condition on column %d of index \"%s\": flags %x, strategy %d of %s keys",
             key.sk_attno, RelationGetRelationName(index), static_cast<unsigned>(key.sk_flags),
             key.sk_strategy, type.name);
    Comparison c{static_cast<uint16>(key.sk_attno - 2), key.sk_strategy, &type, argument_type(index, key),
                 key.sk_collation};
    if (!OidIsValid(c.collation)) c.collation = index->rd_indcollation[key.sk_attno - 1];
    return c;
}

}  // namespace

// Calls that may raise come before the filter is touched.
void add_condition(Relation index, const ScanKeyData& key, core::RowFilter& filter) {
    const auto column = static_cast<uint16>(key.sk_attno - 2);
    if ((key.sk_flags & SK_SEARCHNULL) != 0) {
        filter.add(range_of(column, {core::null_filter_key, core::null_filter_key}));
        return;
    }
    if ((key.sk_flags & SK_SEARCHNOTNULL) != 0) {
        filter.add(range_of(column, any_key));
        return;
    }
    if ((key.sk_flags & SK_ISNULL) != 0) {  // nothing compares with NULL
        filter.set_never();
        return;
    }
    const Tested test = pg::pg_call([&] {
        return tested(comparison(index, key), key.sk_argument, (key.sk_flags & SK_SEARCHARRAY) != 0);
    });
    if (test.kind == Kind::range)
        filter.add(range_of(column, test.range));
    else
        filter.add(one_of(column, test.kind,
                          std::vector<FilterKey>(test.keys.keys, test.keys.keys + test.keys.count)));
}

bool tests_in_index(const IndexOptInfo* index, int column, Oid op) {
    const Oid family = index->opfamily[column], type = index->opcintype[column];
    const Oid function = get_opfamily_proc(family, type, type, filter_type_proc);
    if (!OidIsValid(function)) return false;
    const FilterType& told = told_by(OidFunctionCall1(function, PointerGetDatum(nullptr)));
    const int strategy = get_op_opfamily_strategy(op, family);
    return strategy != 0 && (told.tests == nullptr || told.tests(static_cast<StrategyNumber>(strategy),
                                                                 index->indexcollations[column]));
}

}  // namespace vecstore::am

using namespace vecstore::am;

VECSTORE_FILTER_TYPE(integer, by_order, integer_key, true, false)
VECSTORE_FILTER_TYPE(float, by_order, float_key, true, false)
VECSTORE_FILTER_TYPE(numeric, by_order, numeric_key, false, false)
VECSTORE_FILTER_TYPE(boolean, by_order, bool_key, true, false)
VECSTORE_FILTER_TYPE(timestamp, by_order, timestamp_key, true, false)
VECSTORE_FILTER_TYPE(time, by_order, time_key, true, false)
VECSTORE_FILTER_TYPE(uuid, by_order, uuid_key, false, false)
VECSTORE_FILTER_TYPE(enum, by_order, enum_key, false, false, enum_matching)
VECSTORE_FILTER_TYPE(hash, strategy_set({filter_equal}), hash_key, false, false)
VECSTORE_FILTER_TYPE(array, strategy_set({filter_overlaps, filter_contains}), array_key, false, true)
VECSTORE_FILTER_TYPE(jsonb, strategy_set({filter_contains}), jsonb_key, false, true)
