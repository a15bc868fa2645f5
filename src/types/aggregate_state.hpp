// State of avg() over dense vectors: a double precision[] of the number of rows, then the sum of every
// dimension. {0} is no row yet, of dimensions not known yet.
#pragma once

#include "types/arrays.hpp"

namespace vecstore::types {

struct SumState {
    ArrayType* array;

    double& rows() const { return array_data<double>(array)[0]; }
    double* sums() const { return array_data<double>(array) + 1; }
    int dims() const { return ARR_DIMS(array)[0] - 1; }
};

// The argument, which anyone could have typed; the error names the SQL function <type>_<function>.
SumState sum_state_arg(FunctionCallInfo fcinfo, int n, const char* type, const char* function);

SumState new_sum_state(int dims);

// The state to write the result of a transition to: the old one itself inside an aggregate, which is the
// aggregate's own copy, and a new one when the function was called by hand.
SumState transition_target(FunctionCallInfo fcinfo, const SumState& state);

// 22003 when a sum of doubles is infinite.
void check_sums(const SumState& state);

// Sum of two states, either of which may be without rows.
SumState combine_states(FunctionCallInfo fcinfo, const SumState& a, const SumState& b);

}  // namespace vecstore::types
