// Arrays of numbers in jsonb.
#pragma once

#include "pg/guard.hpp"

extern "C" {
#include "utils/jsonb.h"
}

namespace vecstore::types {

// Is it the JSON value null?
bool is_json_null(Jsonb* json);

// Number of elements of what must be an array; 22023, naming the type it was to be cast to, otherwise.
int64 json_array_length(Jsonb* json, const char* type);

// The elements of an array, rounded to floats, into `to`, which has room for all of them. All must be
// numbers: 22004 for a null, 22023 for anything else, 22003 beyond a float.
void read_json_numbers(Jsonb* json, const char* type, float* to);

}  // namespace vecstore::types
