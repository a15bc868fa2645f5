// The types of the columns that an index has beside its vectors, to filter by: how their values become keys
// (core/storage/filter_layout.hpp), and conditions on them conditions on keys.
//
// To add one: the function that makes its keys and a VECSTORE_FILTER_TYPE, in filter_type.cpp or a file
// beside it, and its support function and operator class in src/sql. Nothing else knows the types.
#pragma once

#include "pg/guard.hpp"

#include "core/hnsw/filter/row_filter.hpp"

#include <initializer_list>

extern "C" {
#include "access/skey.h"
#include "nodes/pathnodes.h"
#include "utils/rel.h"
}

namespace vecstore::am {

// Strategies of the operator classes.
enum FilterStrategy : StrategyNumber {
    filter_less = 1,
    filter_less_equal = 2,
    filter_equal = 3,
    filter_greater_equal = 4,
    filter_greater = 5,
    filter_overlaps = 6,
    filter_contains = 7,
    filter_begins_with = 8,
    filter_inside = 9,  // a network in another
    filter_inside_equal = 10,
};

// Sets of strategies.
constexpr uint32_t strategy_set(std::initializer_list<FilterStrategy> strategies) {
    uint32_t set = 0;
    for (const FilterStrategy strategy : strategies) set |= uint32_t{1} << strategy;
    return set;
}
constexpr uint32_t by_order = strategy_set(
    {filter_less, filter_less_equal, filter_equal, filter_greater_equal, filter_greater});

// Support function of the operator classes that tells which type they are for.
constexpr int filter_type_proc = 4;

// Keys in Postgres's memory.
struct KeyList {
    core::FilterKey* keys;
    int count;
};

// Of all rows that pass. The least and the greatest value of a type share their keys with others: 0 is
// NULL's.
struct KeyRange {
    core::FilterKey low, high;
};
constexpr core::FilterKey least_key = 1;
constexpr core::FilterKey greatest_key = ~core::FilterKey{0};
constexpr KeyRange any_key{least_key, greatest_key};

struct FilterType {
    const char* name;
    // The strategies that its operator classes may have. Keys say nothing of other operators, whoever adds
    // them to a family.
    uint32_t strategies;
    // The key of a value, which may be toasted, of this type (the column's, or that of an operator's right
    // side) under this collation. May raise; may leave memory behind.
    core::FilterKey (*key)(Datum value, Oid type, Oid collation);
    // Different values of the type itself have different keys, but for the extremes.
    bool exact;
    // Keys are bits, of which a value that contains another has all the other's.
    bool bits;
    // For types of few values whose keys are in another order: the keys of all values that compare so with
    // this one.
    KeyList (*matching)(Datum value, Oid type, StrategyNumber strategy) = nullptr;
    // For types whose keys are not just in the order of values: those of all values that compare so with this
    // one. May raise; may leave memory behind.
    KeyRange (*range)(Datum value, Oid type, Oid collation, StrategyNumber strategy) = nullptr;
    // For types whose order depends on a collation: do keys tell which values compare so with another?
    bool (*tests)(StrategyNumber strategy, Oid collation) = nullptr;
};

// A type by its name and the members after that, as the support function vecstore_filter_NAME of its operator
// classes. SQL cannot call it: its argument is internal. At global scope.
#define VECSTORE_FILTER_TYPE(type_name, ...)                                       \
    VECSTORE_FUNCTION(filter_##type_name) {                                        \
        static constexpr ::vecstore::am::FilterType type{#type_name, __VA_ARGS__}; \
        PG_RETURN_POINTER(&type);                                                  \
    }

// By the hash function that the type's hash indexes go by. One number for all where there is none. May raise.
uint64 hash_of_value(Datum value, Oid type, Oid collation);

// For the planner: do conditions with this operator of the column's family sort out rows in the index? The
// column's number is that among the index's, from 0. May raise.
bool tests_in_index(const IndexOptInfo* index, int column, Oid op);

// How many filter columns an index has.
int filter_columns(Relation index);

// Raises an error if a column after the first is none to filter by.
void check_filter_columns(Relation index);

// The keys of a row: values[1..] of the index's columns. `keys` has room for filter_columns(). May raise.
void filter_keys(Relation index, const Datum* values, const bool* isnull, core::FilterKey* keys);

// Adds what a scan key on a filter column asks for. Raises an error for one of a kind that it does not know:
// taking it for something else would lose rows.
void add_condition(Relation index, const ScanKeyData& key, core::RowFilter& filter);

}  // namespace vecstore::am
