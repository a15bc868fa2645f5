#include "types/aggregate_state.hpp"

#include "types/dense.hpp"

extern "C" {
#include "utils/float.h"
}

namespace vecstore::types {

SumState sum_state_arg(FunctionCallInfo fcinfo, int n, const char* type, const char* function) {
    ArrayType* const array = PG_GETARG_ARRAYTYPE_P(n);
    if (ARR_NDIM(array) != 1 || ARR_DIMS(array)[0] < 1 || ARR_HASNULL(array) ||
        ARR_ELEMTYPE(array) != FLOAT8OID)
        ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
                        errmsg("%s_%s: expected state array", type, function)));
    return {array};
}

SumState new_sum_state(int dims) { return {new_array(FLOAT8OID, sizeof(float8), dims + 1)}; }

SumState transition_target(FunctionCallInfo fcinfo, const SumState& state) {
    return AggCheckCallContext(fcinfo, nullptr) ? state : new_sum_state(state.dims());
}

void check_sums(const SumState& state) {
    const int n = state.dims();
    const double* const sums = state.sums();
    uint64 infinite = 0;
    for (int i = 0; i < n; i++) {
        uint64 bits;
        memcpy(&bits, &sums[i], sizeof(bits));
        infinite |= (bits & ~(UINT64CONST(1) << 63)) == UINT64CONST(0x7ff) << 52;
    }
    if (unlikely(infinite != 0)) float_overflow_error();
}

SumState combine_states(FunctionCallInfo fcinfo, const SumState& a, const SumState& b) {
    // A parallel worker that met no row hands in {0}.
    if (a.rows() == 0) return b;
    if (b.rows() == 0) return a;
    if (a.dims() != b.dims()) raise_unexpected_dims(a.dims(), b.dims());
    const SumState result = transition_target(fcinfo, a);
    result.rows() = a.rows() + b.rows();
    const int n = a.dims();
    for (int i = 0; i < n; i++) result.sums()[i] = a.sums()[i] + b.sums()[i];
    check_sums(result);
    return result;
}

}  // namespace vecstore::types
