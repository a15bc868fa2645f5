// The common parts of the text forms of the vector types: numbers, spaces, type modifiers, and the errors of
// input functions. Those raise at once and never return, as the ones of checks.hpp.
#pragma once

#include "pg/guard.hpp"

extern "C" {
#include "utils/array.h"
}

namespace vecstore::types {

struct ParsedNumber {
    float value;
    const char* end;  // first character after the number; the start when there is no number
    bool too_large;   // for any float; value is infinite
    bool too_small;   // not zero, but nearer to it than any float; value is 0
};

// The longest number at the start of [at, limit), *limit being the terminating zero.
ParsedNumber parse_number(const char* at, const char* limit);

// Writes the shortest decimal that reads back to the same float, without a terminating zero; at most 15
// characters.
char* append_number(char* to, float value);

// Space as the SQL scanner sees it, whatever the locale.
inline bool is_space(char c) { return c == ' ' || (c >= '\t' && c <= '\r'); }

inline const char* skip_space(const char* at) {
    while (is_space(*at)) at++;
    return at;
}

// 22P02 with the whole literal in the message.
[[noreturn]] void raise_syntax(const char* type, const char* literal, const char* detail);
[[noreturn]] void raise_bad_number(const char* type, const char* literal, int position);
// 22003 with the number in the message.
[[noreturn]] void raise_number_out_of_range(const char* type, const char* number, size_t length);

// The number of dimensions from a type modifier such as the 3 of vector(3); 22023 when out of range.
int32 parse_typmod(ArrayType* modifiers, const char* type, int max_dims);

}  // namespace vecstore::types
