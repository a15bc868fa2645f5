// avg() of the dense types. (sum() needs nothing of its own: its state is a vector, its transition is +.)
#pragma once

#include "types/aggregate_state.hpp"
#include "types/dense.hpp"

namespace vecstore::types::dense {

template <class Format>
Datum accum(FunctionCallInfo fcinfo) {
    const SumState state = sum_state_arg(fcinfo, 0, Format::name, "accum");
    const DenseVector<Format>* const v = dense_arg<Format>(fcinfo, 1);
    const auto* const x = v->data();
    const int n = v->dims();

    if (state.dims() == 0) {  // the first row tells the dimensions
        const SumState first = new_sum_state(n);
        first.rows() = state.rows() + 1;
        double* const to = first.sums();
        for (int i = 0; i < n; i++) to[i] = Format::widen(x[i]);
        PG_RETURN_ARRAYTYPE_P(first.array);
    }
    check_expected_dims(state.dims(), n);
    const SumState result = transition_target(fcinfo, state);
    result.rows() = state.rows() + 1;
    const double* const from = state.sums();
    double* const to = result.sums();
    for (int i = 0; i < n; i++) to[i] = from[i] + Format::widen(x[i]);
    check_sums(result);
    PG_RETURN_ARRAYTYPE_P(result.array);
}

template <class Format>
Datum combine(FunctionCallInfo fcinfo) {
    const SumState a = sum_state_arg(fcinfo, 0, Format::name, "combine");
    const SumState b = sum_state_arg(fcinfo, 1, Format::name, "combine");
    const SumState result = combine_states(fcinfo, a, b);
    if (result.rows() != 0 || result.dims() != 0) check_dims<Format>(result.dims());
    PG_RETURN_ARRAYTYPE_P(result.array);
}

// NULL over no rows, as SQL has it.
template <class Format>
Datum avg(FunctionCallInfo fcinfo) {
    const SumState state = sum_state_arg(fcinfo, 0, Format::name, "avg");
    if (state.rows() == 0) PG_RETURN_NULL();
    check_dims<Format>(state.dims());
    DenseVector<Format>* const result = new_dense<Format>(state.dims());
    const int n = state.dims();
    for (int i = 0; i < n; i++)
        result->data()[i] = narrow_checked<Format>(static_cast<float>(state.sums()[i] / state.rows()));
    check_elements<Format>(result->data(), n);
    PG_RETURN_POINTER(result);
}

}  // namespace vecstore::types::dense
