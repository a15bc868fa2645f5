#include "pg/postgres.hpp"

#include <cerrno>
#include <charconv>
#include <cstdlib>

extern "C" {
#include "common/shortest_dec.h"
}

#include "types/text.hpp"

namespace vecstore::types {

// The text after a number in a well-formed value, or after one that stands alone.
static bool is_separator(char c) { return c == ',' || c == ']' || c == '}' || c == '\0' || is_space(c); }

ParsedNumber parse_number(const char* at, const char* limit) {
    // from_chars is several times faster than strtof, rounds the same and reads what is really written in
    // vectors. All that it does not consume up to a separator (a plus sign, hexadecimal, a number out
    // of range, garbage) is for strtof to judge, which float4's own input function uses.
    float value;
    const std::from_chars_result fast = std::from_chars(at, limit, value);
    if (fast.ec == std::errc() && is_separator(*fast.ptr)) return {value, fast.ptr, false, false};

    char* end;
    errno = 0;
    value = strtof(at, &end);
    return {value, end, errno == ERANGE && std::isinf(value), errno == ERANGE && value == 0};
}

char* append_number(char* to, float value) { return to + float_to_shortest_decimal_bufn(value, to); }

void raise_syntax(const char* type, const char* literal, const char* detail) {
    ereport(ERROR, (errcode(ERRCODE_INVALID_TEXT_REPRESENTATION),
                    errmsg("invalid input syntax for type %s: \"%s\"", type, literal),
                    errdetail_internal("%s", detail)));
    pg_unreachable();
}

void raise_bad_number(const char* type, const char* literal, int position) {
    ereport(ERROR, (errcode(ERRCODE_INVALID_TEXT_REPRESENTATION),
                    errmsg("invalid input syntax for type %s: \"%s\"", type, literal),
                    errdetail("Element %d is not a number followed by \",\" or \"]\".", position)));
    pg_unreachable();
}

void raise_number_out_of_range(const char* type, const char* number, size_t length) {
    ereport(ERROR, (errcode(ERRCODE_NUMERIC_VALUE_OUT_OF_RANGE),
                    errmsg("\"%.*s\" is out of range for type %s", static_cast<int>(length), number, type)));
    pg_unreachable();
}

int32 parse_typmod(ArrayType* modifiers, const char* type, int max_dims) {
    int count;
    const int32* const values = ArrayGetIntegerTypmods(modifiers, &count);
    if (count != 1) {
        ereport(ERROR,
                (errcode(ERRCODE_INVALID_PARAMETER_VALUE), errmsg("invalid type modifier"),
                 errdetail("Type %s takes one modifier, the number of dimensions, not %d.", type, count),
                 errhint("Write %s(n), with n from 1 to %d.", type, max_dims)));
    }
    if (values[0] < 1) {
        ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
                        errmsg("dimensions for type %s must be at least 1", type),
                        errdetail("%d dimensions were asked for.", values[0])));
    }
    if (values[0] > max_dims) {
        ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
                        errmsg("dimensions for type %s cannot exceed %d", type, max_dims),
                        errdetail("%d dimensions were asked for.", values[0])));
    }
    return values[0];
}

}  // namespace vecstore::types
