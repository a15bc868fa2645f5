#include "types/arrays.hpp"

extern "C" {
#include "utils/fmgrprotos.h"
}

namespace vecstore::types {

namespace {

template <class Source>
const float* converted(ArrayType* array, int count) {
    const Source* const from = array_data<const Source>(array);
    float* const to = static_cast<float*>(palloc(sizeof(float) * static_cast<size_t>(count)));
    for (int i = 0; i < count; i++) to[i] = static_cast<float>(from[i]);
    return to;
}

const float* converted_numerics(ArrayType* array) {
    Datum* elements;
    int count;
    deconstruct_array(array, NUMERICOID, -1, false, TYPALIGN_INT, &elements, nullptr, &count);
    float* const to = static_cast<float*>(palloc(sizeof(float) * static_cast<size_t>(count)));
    for (int i = 0; i < count; i++) to[i] = DatumGetFloat4(DirectFunctionCall1(numeric_float4, elements[i]));
    pfree(elements);
    return to;
}

}  // namespace

const float* array_floats(ArrayType* array, const char* type) {
    const int count = ArrayGetNItems(ARR_NDIM(array), ARR_DIMS(array));
    switch (ARR_ELEMTYPE(array)) {
        case INT4OID: return converted<int32>(array, count);
        case FLOAT4OID: return array_data<const float>(array);
        case FLOAT8OID: return converted<float8>(array, count);
        case NUMERICOID: return converted_numerics(array);
        default:
            // The SQL functions are declared for these types only, but anyone may declare more of them.
            ereport(ERROR, (errcode(ERRCODE_DATA_EXCEPTION), errmsg("unsupported array type"),
                            errdetail("Arrays of type %s cannot be cast to %s.",
                                      format_type_be(ARR_ELEMTYPE(array)), type)));
    }
    pg_unreachable();
}

}  // namespace vecstore::types
