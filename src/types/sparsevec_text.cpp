// Text form of sparsevec: '{1:1.5,3:2}/5'.
#include "types/sparsevec.hpp"

#include <climits>
#include <cstdlib>

#include "types/text.hpp"

namespace vecstore::types {
namespace {

struct Element {
    int32 index;  // from 0
    float value;
};

struct ParsedInteger {
    int32 value;      // the nearest there is, for numbers beyond an int32
    const char* end;  // first character after the number; the start when there is no number
};

ParsedInteger parse_integer(const char* at) {
    char* end;
    const long number = strtol(at, &end, 10);
    // Not the smallest: an index of it has 1 taken away.
    return {static_cast<int32>(std::clamp<long>(number, INT_MIN + 1, INT_MAX)), end};
}

// Where in its literal the parser is.
struct Cursor {
    const char* literal;
    const char* at;
    const char* limit;  // the terminating zero

    void skip_space() { at = types::skip_space(at); }
    // Moves behind this character, and spaces before and after it, if it is there.
    bool take(char c) {
        skip_space();
        if (*at != c) return false;
        at++;
        skip_space();
        return true;
    }
};

[[noreturn]] void raise_bad_element(const Cursor& cursor, int position) {
    ereport(ERROR, (errcode(ERRCODE_INVALID_TEXT_REPRESENTATION),
                    errmsg("invalid input syntax for type %s: \"%s\"", SparseVector::name, cursor.literal),
                    errdetail("Element %d is not an index, \":\" and a number, followed by \",\" or \"}\".",
                              position)));
    pg_unreachable();
}

// The cursor is at the element's start and left behind it. position counts from 1.
Element parse_element(Cursor& cursor, int position) {
    const ParsedInteger index = parse_integer(cursor.at);
    if (index.end == cursor.at) raise_bad_element(cursor, position);
    cursor.at = index.end;
    if (!cursor.take(':')) raise_bad_element(cursor, position);

    const ParsedNumber number = parse_number(cursor.at, cursor.limit);
    if (number.end == cursor.at) raise_bad_element(cursor, position);
    // Other than in a dense vector a number that rounds to zero is an error: the element would vanish.
    if (number.too_large || number.too_small)
        raise_number_out_of_range(SparseVector::name, cursor.at, static_cast<size_t>(number.end - cursor.at));
    if (!std::isfinite(number.value)) raise_not_finite(SparseVector::name, number.value, position);
    cursor.at = number.end;
    return {index.value - 1, number.value};
}

// The elements other than zero up to the closing brace, in the order of the literal. Leaves the cursor behind
// the brace and returns their number.
int parse_elements(Cursor& cursor, Element* to) {
    int count = 0;
    if (cursor.take('}')) return count;
    for (int position = 1;; position++) {
        const Element element = parse_element(cursor, position);
        if (element.value != 0) to[count++] = element;
        if (cursor.take('}')) return count;
        if (!cursor.take(',')) raise_bad_element(cursor, position);
    }
}

// The rest after the elements, to the end of the literal.
int parse_dims(Cursor& cursor) {
    const char* const detail = "The elements must be followed by \"/\" and the number of dimensions.";
    if (!cursor.take('/')) raise_syntax(SparseVector::name, cursor.literal, detail);
    const ParsedInteger dims = parse_integer(cursor.at);
    if (dims.end == cursor.at) raise_syntax(SparseVector::name, cursor.literal, detail);
    cursor.at = dims.end;
    cursor.skip_space();
    if (cursor.at != cursor.limit)
        raise_syntax(SparseVector::name, cursor.literal, "Only spaces may follow the number of dimensions.");
    return dims.value;
}

bool precedes(const Element& a, const Element& b) { return a.index < b.index; }

}  // namespace
}  // namespace vecstore::types

using namespace vecstore::types;

// cstring, oid (ignored), typmod.
VECSTORE_FUNCTION(sparsevec_in) {
    const char* const literal = PG_GETARG_CSTRING(0);
    const int32 typmod = PG_GETARG_INT32(2);

    // Commas tell how many elements there can be, zeros among them.
    Cursor cursor{literal, literal, literal + strlen(literal)};
    const int64 capacity = std::count(literal, cursor.limit, ',') + 1;
    check_sparse_count(capacity, INT_MAX);
    Element* const elements = static_cast<Element*>(palloc(sizeof(Element) * static_cast<size_t>(capacity)));

    if (!cursor.take('{')) raise_syntax(SparseVector::name, literal, "The value must begin with \"{\".");
    const int count = parse_elements(cursor, elements);
    const int dims = parse_dims(cursor);
    check_sparse_dims(dims);
    check_expected_dims(typmod, dims);

    if (!std::is_sorted(elements, elements + count, precedes))
        std::sort(elements, elements + count, precedes);
    SparseVector* const result = new_sparse(dims, count);
    float* const values = result->values();
    for (int i = 0; i < count; i++) {
        result->indices[i] = elements[i].index;
        values[i] = elements[i].value;
        check_sparse_index(result->indices, i, dims);
    }
    PG_RETURN_POINTER(result);
}

VECSTORE_FUNCTION(sparsevec_out) {
    const SparseVector* const v = sparse_arg(fcinfo, 0);
    const float* const values = v->values();
    // An index of at most 10 digits, a number of at most 15 characters, a colon and a comma; around them two
    // braces, a slash, the dimensions and the terminating zero.
    char* const text = static_cast<char*>(palloc(static_cast<size_t>(v->count()) * 27 + 15));
    char* to = text;
    *to++ = '{';
    for (int i = 0; i < v->count(); i++) {
        if (i > 0) *to++ = ',';
        to += pg_ltoa(v->indices[i] + 1, to);
        *to++ = ':';
        to = append_number(to, values[i]);
    }
    *to++ = '}';
    *to++ = '/';
    to += pg_ltoa(v->dims(), to);
    *to = '\0';
    PG_RETURN_CSTRING(text);
}

VECSTORE_FUNCTION(sparsevec_typmod_in) {
    PG_RETURN_INT32(parse_typmod(PG_GETARG_ARRAYTYPE_P(0), SparseVector::name, SparseVector::max_dims));
}
