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
#include "utils/inet.h"
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

// The greatest and the least value have to share their keys with others: 0 is NULL's.
constexpr FilterKey least_key = 1;
constexpr FilterKey greatest_key = ~FilterKey{0};

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

FilterKey of_hash(uint64 hash) { return std::max<FilterKey>(least_key, hash); }

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
    if (date > PG_INT64_MAX / day) return greatest_key - 1;   // beyond what a timestamp can be
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
    const auto label = [&](int i) { return reinterpret_cast<Form_pg_enum>(GETSTRUCT(&labels->members[i]->tuple)); };
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

// By the hash function that the type's hash indexes go by. One key for all where there is none.
FilterKey hash_key(Datum value, Oid type, Oid collation) {
    const TypeCacheEntry* const entry = lookup_type_cache(type, TYPECACHE_HASH_EXTENDED_PROC_FINFO);
    if (!OidIsValid(entry->hash_extended_proc_finfo.fn_oid)) return least_key;
    auto* const function = const_cast<FmgrInfo*>(&entry->hash_extended_proc_finfo);
    return of_hash(DatumGetUInt64(FunctionCall2Coll(function, collation, value, Int64GetDatum(0))));
}

// ------------------------------------------------------------------------------ sets of things, as bits

// Two of 63 bits for each thing in the set; the last one says that it is not NULL.
constexpr FilterKey not_null_bit = uint64{1} << 63;

FilterKey bits_of(uint64 hash) {
    return uint64{1} << (hash % 63) | uint64{1} << ((hash >> 32) % 63) | not_null_bit;
}

// One key for each element of an array; null elements have none.
template <class Visit>
void for_each_element(Datum array, Oid collation, Visit&& visit) {
    ArrayType* const value = DatumGetArrayTypeP(array);
    const Oid type = ARR_ELEMTYPE(value);
    int16 length;
    bool by_value;
    char align;
    get_typlenbyvalalign(type, &length, &by_value, &align);
    Datum* elements;
    bool* nulls;
    int count;
    deconstruct_array(value, type, length, by_value, align, &elements, &nulls, &count);
    for (int i = 0; i < count; ++i)
        if (!nulls[i]) visit(hash_key(elements[i], type, collation));
}

FilterKey array_key(Datum value, Oid, Oid collation) {
    FilterKey key = not_null_bit;
    for_each_element(value, collation, [&](FilterKey hash) { key |= bits_of(hash); });
    return key;
}

uint64 hash_of_scalar(const JsonbValue& value) {
    switch (value.type) {
        case jbvString:
            return hash_bytes_extended(reinterpret_cast<const unsigned char*>(value.val.string.val), value.val.string.len, 1);
        case jbvNumeric:   // equal numbers have equal hashes, however many zeros they end in
            return DatumGetUInt64(DirectFunctionCall2(hash_numeric_extended, NumericGetDatum(value.val.numeric),
                                                      Int64GetDatum(2)));
        case jbvBool: return value.val.boolean ? 3 : 4;
        default: return 5;
    }
}

// Every scalar in the document, together with the names on the way to it; arrays on the way do not count. If a
// document contains another, it has all of the other's scalars on the same ways.
FilterKey jsonb_key(Datum datum, Oid, Oid) {
    Jsonb* const document = DatumGetJsonbP(datum);
    FilterKey key = not_null_bit;
    List* ways = NIL;   // hashes of the ways that lead to what is open
    uint64 way = 0;
    JsonbIterator* it = JsonbIteratorInit(&document->root);
    JsonbValue value;
    for (JsonbIteratorToken token; (token = JsonbIteratorNext(&it, &value, false)) != WJB_DONE;) {
        const uint64 above = ways == NIL ? 0 : *static_cast<uint64*>(linitial(ways));
        switch (token) {
            case WJB_BEGIN_ARRAY:
            case WJB_BEGIN_OBJECT: {
                auto* const kept = static_cast<uint64*>(palloc(sizeof(uint64)));
                *kept = way;
                ways = lcons(kept, ways);
                break;
            }
            case WJB_END_ARRAY:
            case WJB_END_OBJECT:
                ways = list_delete_first(ways);
                way = ways == NIL ? 0 : *static_cast<uint64*>(linitial(ways));
                break;
            case WJB_KEY: way = hash_combine64(above, hash_of_scalar(value)); break;
            case WJB_ELEM:
            case WJB_VALUE: key |= bits_of(hash_combine64(way, hash_of_scalar(value))); break;
            default: break;
        }
    }
    return key;
}

// ------------------------------------------------------------------------------------------------ types

constexpr FilterType integer_type{"integer", integer_key, true, false};
constexpr FilterType float_type{"float", float_key, true, false};
constexpr FilterType numeric_type{"numeric", numeric_key, false, false};
constexpr FilterType bool_type{"boolean", bool_key, true, false};
constexpr FilterType timestamp_type{"timestamp", timestamp_key, true, false};
constexpr FilterType time_type{"time", time_key, true, false};
constexpr FilterType uuid_type{"uuid", uuid_key, false, false};
constexpr FilterType enum_type{"enum", enum_key, false, false, enum_matching};
constexpr FilterType hashed_type{"hash", hash_key, false, false};
constexpr FilterType array_type{"array", array_key, false, true};
constexpr FilterType jsonb_type{"jsonb", jsonb_key, false, true};

const FilterType& filter_type(Relation index, int attribute) {
    if (!OidIsValid(index_getprocid(index, static_cast<AttrNumber>(attribute), filter_type_proc)))
        ereport(ERROR, (errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
                        errmsg("column %d of index \"%s\" is no column to filter by", attribute,
                               RelationGetRelationName(index)),
                        errhint("An index has one vector, its first column. Make another index for the other vector.")));
    FmgrInfo* const function = index_getprocinfo(index, static_cast<AttrNumber>(attribute), filter_type_proc);
    return *reinterpret_cast<const FilterType*>(DatumGetPointer(FunctionCall1(function, PointerGetDatum(nullptr))));
}

// The operator class's, not the column's: that may be a domain.
Oid column_type_of(Relation index, int attribute) {
    const Oid type = index->rd_opcintype[attribute - 1];
    return IsPolymorphicType(type) ? TupleDescAttr(RelationGetDescr(index), attribute - 1)->atttypid : type;
}

using Kind = core::FilterCondition::Kind;

core::FilterCondition range_of(uint16 column, FilterKey low, FilterKey high) {
    core::FilterCondition condition;
    condition.column = column;
    condition.low = low;
    condition.high = high;
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

// column <strategy> a value with this key. exact: values that differ have keys that differ.
core::FilterCondition compared(uint16 column, StrategyNumber strategy, FilterKey key, bool exact) {
    const bool strict = exact && key > least_key && key < greatest_key - 1;
    switch (strategy) {
        case filter_less: return range_of(column, least_key, strict ? key - 1 : key);
        case filter_less_equal: return range_of(column, least_key, key);
        case filter_greater_equal: return range_of(column, key, greatest_key);
        case filter_greater: return range_of(column, strict ? key + 1 : key, greatest_key);
        default: return range_of(column, key, key);
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

KeyList element_keys(const Comparison& c, Datum array, bool of_elements) {
    ArrayType* const value = DatumGetArrayTypeP(array);
    KeyList list{static_cast<FilterKey*>(palloc(sizeof(FilterKey) * Max(1, ArrayGetNItems(ARR_NDIM(value), ARR_DIMS(value))))),
                 0};
    if (of_elements) {
        for_each_element(array, c.collation, [&](FilterKey hash) { list.keys[list.count++] = bits_of(hash); });
        return list;
    }
    int16 length;
    bool by_value;
    char align;
    get_typlenbyvalalign(ARR_ELEMTYPE(value), &length, &by_value, &align);
    Datum* elements;
    bool* nulls;
    int count;
    deconstruct_array(value, ARR_ELEMTYPE(value), length, by_value, align, &elements, &nulls, &count);
    for (int i = 0; i < count; ++i)
        if (!nulls[i]) list.keys[list.count++] = c.type->key(elements[i], ARR_ELEMTYPE(value), c.collation);
    return list;
}

// column <strategy> ANY (array), of which these are the keys.
void add_any(const Comparison& c, const KeyList& list, core::RowFilter& filter) {
    if (list.count == 0) {
        filter.set_never();
        return;
    }
    std::vector<FilterKey> keys(list.keys, list.keys + list.count);
    const auto [least, greatest] = std::minmax_element(keys.begin(), keys.end());
    const bool ordered = c.type->matching == nullptr;
    switch (ordered || c.strategy == filter_equal ? c.strategy : InvalidStrategy) {
        case filter_less:
        case filter_less_equal: filter.add(compared(c.column, c.strategy, *greatest, c.type->exact)); return;
        case filter_greater:
        case filter_greater_equal: filter.add(compared(c.column, c.strategy, *least, c.type->exact)); return;
        case filter_equal: filter.add(one_of(c.column, Kind::among, std::move(keys))); return;
        default: filter.add(range_of(c.column, least_key, greatest_key)); return;   // the rows themselves will tell
    }
}

}  // namespace

int filter_columns(Relation index) { return IndexRelationGetNumberOfKeyAttributes(index) - 1; }

void check_filter_columns(Relation index) {
    for (int column = 1; column <= filter_columns(index); ++column) filter_type(index, column + 1);
}

void filter_keys(Relation index, const Datum* values, const bool* isnull, core::FilterKey* keys) {
    for (int column = 1; column <= filter_columns(index); ++column) {
        const Oid collation = index->rd_indcollation[column];
        keys[column - 1] = isnull[column] ? core::null_filter_key
                                          : filter_type(index, column + 1)
                                                .key(values[column], column_type_of(index, column + 1), collation);
    }
}

// What Postgres may raise is done before the filter is touched.
void add_condition(Relation index, const ScanKeyData& key, core::RowFilter& filter) {
    const auto column = static_cast<uint16>(key.sk_attno - 2);
    if ((key.sk_flags & SK_SEARCHNULL) != 0) {
        filter.add(range_of(column, core::null_filter_key, core::null_filter_key));
        return;
    }
    if ((key.sk_flags & SK_SEARCHNOTNULL) != 0) {
        filter.add(range_of(column, least_key, greatest_key));
        return;
    }
    if ((key.sk_flags & SK_ISNULL) != 0) {   // nothing compares with NULL
        filter.set_never();
        return;
    }
    Comparison c{column, key.sk_strategy, nullptr, key.sk_subtype, key.sk_collation};
    FilterKey one = 0;
    KeyList list{nullptr, 0};
    const bool any = (key.sk_flags & SK_SEARCHARRAY) != 0;
    pg::pg_call([&] {
        c.type = &filter_type(index, key.sk_attno);
        const Oid subtype = c.argument_type;
        if (!OidIsValid(subtype) || IsPolymorphicType(subtype)) c.argument_type = column_type_of(index, key.sk_attno);
        if (!OidIsValid(c.collation)) c.collation = index->rd_indcollation[key.sk_attno - 1];
        if (any && !c.type->bits)
            list = element_keys(c, key.sk_argument, false);
        else if (!any && c.strategy == filter_overlaps)
            list = element_keys(c, key.sk_argument, true);
        else if (!any && c.type->matching != nullptr)
            list = c.type->matching(key.sk_argument, c.argument_type, c.strategy);
        else if (!any)
            one = c.type->key(key.sk_argument, c.argument_type, c.collation);
    });
    if (any)
        add_any(c, list, filter);
    else if (c.type->matching != nullptr)
        filter.add(one_of(column, Kind::among, std::vector<FilterKey>(list.keys, list.keys + list.count)));
    else if (c.strategy == filter_overlaps)
        filter.add(one_of(column, Kind::bits, std::vector<FilterKey>(list.keys, list.keys + list.count)));
    else if (c.type->bits)
        filter.add(one_of(column, Kind::bits, {one}));
    else
        filter.add(compared(column, c.strategy, one, c.type->exact && c.argument_type != NUMERICOID));
}

}  // namespace vecstore::am

using namespace vecstore;

// Support functions of the operator classes. SQL cannot call them: their argument is internal.
VECSTORE_FUNCTION(filter_integer) { PG_RETURN_POINTER(&am::integer_type); }
VECSTORE_FUNCTION(filter_float) { PG_RETURN_POINTER(&am::float_type); }
VECSTORE_FUNCTION(filter_numeric) { PG_RETURN_POINTER(&am::numeric_type); }
VECSTORE_FUNCTION(filter_boolean) { PG_RETURN_POINTER(&am::bool_type); }
VECSTORE_FUNCTION(filter_timestamp) { PG_RETURN_POINTER(&am::timestamp_type); }
VECSTORE_FUNCTION(filter_time) { PG_RETURN_POINTER(&am::time_type); }
VECSTORE_FUNCTION(filter_uuid) { PG_RETURN_POINTER(&am::uuid_type); }
VECSTORE_FUNCTION(filter_enum) { PG_RETURN_POINTER(&am::enum_type); }
VECSTORE_FUNCTION(filter_hash) { PG_RETURN_POINTER(&am::hashed_type); }
VECSTORE_FUNCTION(filter_array) { PG_RETURN_POINTER(&am::array_type); }
VECSTORE_FUNCTION(filter_jsonb) { PG_RETURN_POINTER(&am::jsonb_type); }
