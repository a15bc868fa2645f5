#include "types/checks.hpp"

#include "types/text.hpp"

namespace vecstore::types {

void raise_dims_differ(const char* type, int left, int right) {
    ereport(ERROR,
            (errcode(ERRCODE_DATA_EXCEPTION), errmsg("different %s dimensions %d and %d", type, left, right),
             errhint("Both sides must have the same number of dimensions: look for rows or parameters "
                     "that come from another embedding model.")));
    pg_unreachable();
}

void raise_unexpected_dims(int expected, int dims) {
    ereport(ERROR,
            (errcode(ERRCODE_DATA_EXCEPTION), errmsg("expected %d dimensions, not %d", expected, dims)));
    pg_unreachable();
}

void raise_dims_out_of_range(const char* type, int64 dims, int max_dims) {
    if (dims < 1) {
        ereport(ERROR, (errcode(ERRCODE_DATA_EXCEPTION), errmsg("%s must have at least 1 dimension", type),
                        errhint("Store NULL where there is no vector.")));
    }
    ereport(ERROR, (errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
                    errmsg("%s cannot have more than %d dimensions", type, max_dims),
                    errdetail("The value has %lld dimensions.", static_cast<long long>(dims))));
    pg_unreachable();
}

void raise_not_finite(const char* type, float value, int position) {
    const char* const hint = "Every element must be a finite number; store NULL where there is no vector.";
    if (std::isnan(value)) {
        ereport(ERROR, (errcode(ERRCODE_DATA_EXCEPTION), errmsg("NaN not allowed in %s", type),
                        errdetail("Element %d is NaN.", position), errhint("%s", hint)));
    }
    ereport(ERROR,
            (errcode(ERRCODE_DATA_EXCEPTION), errmsg("infinite value not allowed in %s", type),
             errdetail("Element %d is infinite, or too large for the type.", position), errhint("%s", hint)));
    pg_unreachable();
}

void raise_value_out_of_range(const char* type, float value) {
    char number[16];
    const char* const end = append_number(number, value);
    raise_number_out_of_range(type, number, static_cast<size_t>(end - number));
}

void raise_overflow(const RangeFailure& f) {
    ereport(ERROR, (errcode(ERRCODE_NUMERIC_VALUE_OUT_OF_RANGE), errmsg("value out of range: overflow"),
                    errdetail("Element %d: %g %c %g is too large for type %s.", f.position, f.left, f.op,
                              f.right, f.type)));
    pg_unreachable();
}

void raise_underflow(const RangeFailure& f) {
    ereport(ERROR, (errcode(ERRCODE_NUMERIC_VALUE_OUT_OF_RANGE), errmsg("value out of range: underflow"),
                    errdetail("Element %d: %g %c %g is too close to zero for type %s.", f.position, f.left,
                              f.op, f.right, f.type)));
    pg_unreachable();
}

}  // namespace vecstore::types
