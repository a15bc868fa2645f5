// The errors that the vector types have in common. The wording of the messages is what client libraries
// and applications written for pgvector match on; detail and hint say which element, and what to do.
//
// All of them raise at once and never return: call them only where nothing with a destructor is on the stack.
#pragma once

#include "pg/guard.hpp"

namespace vecstore::types {

// 22000: the two vectors of a binary operation have different numbers of dimensions.
[[noreturn]] void raise_dims_differ(const char* type, int left, int right);
// 22000: a value does not have the dimensions its column, cast or aggregate state asks for.
[[noreturn]] void raise_unexpected_dims(int expected, int dims);
// 22000 below 1, 54000 above max_dims.
[[noreturn]] void raise_dims_out_of_range(const char* type, int64 dims, int max_dims);
// 22000: the element at this position (from 1) is NaN or infinite.
[[noreturn]] void raise_not_finite(const char* type, float value, int position);

// 22003: a finite number is larger than any of the type.
[[noreturn]] void raise_value_out_of_range(const char* type, float value);

// 22003: left <op> right, the elements at this position (from 1), leaves the range of the type.
struct RangeFailure {
    const char* type;
    char op;
    float left;
    float right;
    int position;
};
[[noreturn]] void raise_overflow(const RangeFailure& failure);
[[noreturn]] void raise_underflow(const RangeFailure& failure);

}  // namespace vecstore::types
