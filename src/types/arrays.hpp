// One-dimensional SQL arrays without NULLs, as plain memory.
#pragma once

#include "pg/guard.hpp"

extern "C" {
#include "catalog/pg_type.h"
#include "utils/array.h"
}

namespace vecstore::types {

// A new array {[1:count]} in the current memory context, its elements not set: fill them at ARR_DATA_PTR.
inline ArrayType* new_array(Oid element_type, size_t element_size, int count) {
    const size_t size = ARR_OVERHEAD_NONULLS(1) + element_size * static_cast<size_t>(count);
    auto* array = static_cast<ArrayType*>(palloc(size));
    SET_VARSIZE(array, size);
    array->ndim = 1;
    array->dataoffset = 0;
    array->elemtype = element_type;
    ARR_DIMS(array)[0] = count;
    ARR_LBOUND(array)[0] = 1;
    return array;
}

// Number of elements of an array that must have one dimension (or none: 0) and no NULLs; 22000 and 22004
// otherwise.
inline int plain_array_length(ArrayType* array) {
    if (ARR_NDIM(array) > 1) {
        ereport(ERROR, (errcode(ERRCODE_DATA_EXCEPTION), errmsg("array must be 1-D"),
                        errdetail("The array has %d dimensions.", ARR_NDIM(array))));
    }
    if (ARR_HASNULL(array) && array_contains_nulls(array)) {
        ereport(ERROR, (errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED), errmsg("array must not contain nulls")));
    }
    return ARR_NDIM(array) == 0 ? 0 : ARR_DIMS(array)[0];
}

template <class T>
inline T* array_data(ArrayType* array) {
    return reinterpret_cast<T*>(ARR_DATA_PTR(array));
}

// The elements of a plain integer[], real[], double precision[] or numeric[], rounded to floats: infinite
// where a double is too large (a numeric that is raises 22003). 22000, naming the type it was to be cast to,
// for arrays of anything else.
const float* array_floats(ArrayType* array, const char* type);

}  // namespace vecstore::types
