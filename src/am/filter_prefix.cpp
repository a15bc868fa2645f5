// Filter columns of text and of networks: a key is the beginning of the value, as far as its order goes, and
// for the rest a hash, by which values that begin alike are told apart where they are asked for by =.
#include "am/filter_type.hpp"

#include "core/base/ordered_prefix.hpp"

#include <sys/socket.h>

#include <algorithm>

extern "C" {
#include "catalog/pg_type.h"
#include "utils/builtins.h"
#include "utils/fmgrprotos.h"
#include "utils/inet.h"
#include "utils/lsyscache.h"
#include "utils/sortsupport.h"
#include "utils/varlena.h"
}

namespace vecstore::am {

namespace {

using core::FilterKey;

constexpr FilterKey hash_bits(int bits) { return (FilterKey{1} << bits) - 1; }

// All keys whose beginnings are from that of `first` to that of `last`, which are in the order of values.
KeyRange from_to(FilterKey first, FilterKey last, FilterKey hash) {
    return {std::max(least_key, first & ~hash), std::max(least_key, last | hash)};
}

KeyRange compared_by_prefix(StrategyNumber strategy, FilterKey prefix, FilterKey hash) {
    switch (strategy) {
        case filter_less:
        case filter_less_equal: return from_to(0, prefix, hash);
        case filter_greater_equal:
        case filter_greater: return from_to(prefix, greatest_key, hash);
        default: return any_key;
    }
}

// A number in the order of values of the type, as PostgreSQL's sorts go by: equal for many. None where those
// do not trust any.
struct SortNumber {
    bool there;
    FilterKey number;
};

template <class Prepare>
SortNumber sort_number(Datum value, Oid collation, Prepare&& prepare) {
    SortSupportData sort;
    MemSet(&sort, 0, sizeof(sort));
    sort.ssup_cxt = CurrentMemoryContext;
    sort.ssup_collation = collation;
    sort.abbreviate = true;
    prepare(&sort);
    if (sort.abbrev_converter == nullptr) return {false, 0};
    constexpr int unused = 64 - 8 * static_cast<int>(sizeof(Datum));
    return {true, static_cast<FilterKey>(sort.abbrev_converter(value, &sort)) << unused};
}

// ------------------------------------------------------------------------------------------------- text

constexpr FilterKey text_hash = hash_bits(64 - core::ordered_prefix_bits);

// The order in which beginnings of keys are:
//   bytes     of the text, which are in its order
//   unsorted  bytes of the text, which are in no order but tell what it begins with
//   weights   of the collation's, in the order of texts
//   nothing   texts of different bytes may be equal, and nothing is known of their order
enum class TextPrefix { bytes, unsorted, weights, nothing };

SortNumber weights_of(Datum text, Oid type, Oid collation) {
    return sort_number(text, collation, [&](SortSupport sort) { varstr_sortsupport(sort, type, collation); });
}

// PostgreSQL's sorts know which collations go by bytes: there the beginning of a text that no other collation
// takes for more than nothing is itself.
TextPrefix find_text_prefix(Oid collation) {
    constexpr char control_characters[] = {1, 0x7F};
    const SortNumber found = weights_of(
        PointerGetDatum(cstring_to_text_with_len(control_characters, sizeof(control_characters))), TEXTOID,
        collation);
    if (found.there) return found.number >> 48 == 0x017F ? TextPrefix::bytes : TextPrefix::weights;
    return get_collation_isdeterministic(collation) ? TextPrefix::unsorted : TextPrefix::nothing;
}

// Asked of every row. A collation stays what it is.
TextPrefix text_prefix(Oid collation) {
    static Oid last = InvalidOid;
    static TextPrefix of_last;
    if (last != collation) {
        of_last = find_text_prefix(collation);
        last = collation;
    }
    return of_last;
}

core::NumberRange text_beginning(Datum value, Oid type, Oid collation) {
    switch (text_prefix(collation)) {
        case TextPrefix::bytes:
        case TextPrefix::unsorted: {
            const text* const string = DatumGetTextPP(value);
            const char* const bytes = VARDATA_ANY(string);
            const int size = static_cast<int>(VARSIZE_ANY_EXHDR(string));
            // Blanks at the end do not count.
            return core::ordered_prefix(
                bytes, static_cast<size_t>(type == BPCHAROID ? bpchartruelen(const_cast<char*>(bytes), size)
                                                             : size));
        }
        case TextPrefix::weights: {
            const FilterKey number = weights_of(value, type, collation).number;
            return {number, number};
        }
        default: return {0, greatest_key};
    }
}

FilterKey text_key(Datum value, Oid type, Oid collation) {
    const FilterKey key = (text_beginning(value, type, collation).low & ~text_hash) |
                          (hash_of_value(value, type, collation) & text_hash);
    return std::max(least_key, key);
}

bool text_tests(StrategyNumber strategy, Oid collation) {
    const TextPrefix prefix = text_prefix(collation);
    if (strategy == filter_equal) return true;
    if (strategy == filter_begins_with) return prefix == TextPrefix::bytes || prefix == TextPrefix::unsorted;
    return prefix == TextPrefix::bytes || prefix == TextPrefix::weights;
}

KeyRange text_range(Datum value, Oid type, Oid collation, StrategyNumber strategy) {
    if (!text_tests(strategy, collation)) return any_key;  // the rows themselves will tell
    if (strategy == filter_equal) {
        const FilterKey key = text_key(value, type, collation);
        return {key, key};
    }
    const core::NumberRange beginning = text_beginning(value, type, collation);
    if (strategy == filter_begins_with) return from_to(beginning.low, beginning.high, text_hash);
    return compared_by_prefix(strategy, beginning.low, text_hash);
}

// --------------------------------------------------------------------------------------------- networks

// Of an address of IPv4 with a mask of seven bits or more nothing is left over. Of IPv6 there are the first
// 48 bits, which are a site's.
FilterKey inet_hash(Datum value) {
    return ip_family(DatumGetInetPP(value)) == PGSQL_AF_INET ? 0 : hash_bits(15);
}

FilterKey inet_beginning(Datum value) {
    return sort_number(
               value, InvalidOid,
               [](SortSupport sort) { DirectFunctionCall1(network_sortsupport, PointerGetDatum(sort)); })
        .number;
}

FilterKey inet_key(Datum value, Oid, Oid) {
    const FilterKey hash = inet_hash(value);
    return std::max(least_key,
                    (inet_beginning(value) & ~hash) | (hash_of_value(value, INETOID, InvalidOid) & hash));
}

KeyRange inet_range(Datum value, Oid, Oid, StrategyNumber strategy) {
    const FilterKey hash = inet_hash(value);
    switch (strategy) {
        case filter_equal: {
            const FilterKey key = inet_key(value, INETOID, InvalidOid);
            return {key, key};
        }
        case filter_inside:
        case filter_inside_equal:
            return from_to(inet_beginning(network_scan_first(value)),
                           inet_beginning(network_scan_last(value)), hash);
        default: return compared_by_prefix(strategy, inet_beginning(value), hash);
    }
}

}  // namespace

}  // namespace vecstore::am

using namespace vecstore::am;

VECSTORE_FILTER_TYPE(text, by_order | strategy_set({filter_begins_with}), text_key, false, false, nullptr,
                     text_range, text_tests)
VECSTORE_FILTER_TYPE(inet, by_order | strategy_set({filter_inside, filter_inside_equal}), inet_key, false,
                     false, nullptr, inet_range)
