#include "types/json_numbers.hpp"

#include "types/text.hpp"

extern "C" {
#include "utils/fmgrprotos.h"
#include "utils/numeric.h"
}

namespace vecstore::types {
namespace {

// With its article.
const char* kind_of(const JsonbValue& value) {
    switch (value.type) {
        case jbvNull: return "null";
        case jbvString: return "a string";
        case jbvNumeric: return "a number";
        case jbvBool: return "a boolean";
        default:
            return value.type == jbvBinary && JsonContainerIsArray(value.val.binary.data) ? "an array"
                                                                                          : "an object";
    }
}

[[noreturn]] void raise_no_array(Jsonb* json, const char* type) {
    JsonbValue value;
    const char* const kind = JB_ROOT_IS_SCALAR(json) && JsonbExtractScalar(&json->root, &value)
                                 ? kind_of(value)
                                 : "an object";
    ereport(ERROR,
            (errcode(ERRCODE_INVALID_PARAMETER_VALUE), errmsg("cannot cast this jsonb to type %s", type),
             errdetail("The value is %s, not an array of numbers.", kind)));
    pg_unreachable();
}

float read_number(const JsonbValue& value, const char* type, int position) {
    if (likely(value.type == jbvNumeric)) {
        // As text input does: what is too near to zero is 0, where numeric's own cast to real raises an
        // error.
        char* const text = DatumGetCString(
            DirectFunctionCall1(numeric_out, NumericGetDatum(value.val.numeric)));
        const size_t length = strlen(text);
        const ParsedNumber number = parse_number(text, text + length);
        if (unlikely(number.too_large)) raise_number_out_of_range(type, text, length);
        pfree(text);
        return number.value;
    }
    if (value.type == jbvNull) {
        ereport(ERROR, (errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED), errmsg("array must not contain nulls"),
                        errdetail("Element %d is null.", position)));
    }
    ereport(ERROR,
            (errcode(ERRCODE_INVALID_PARAMETER_VALUE), errmsg("cannot cast this jsonb to type %s", type),
             errdetail("Element %d is %s, not a number.", position, kind_of(value))));
    pg_unreachable();
}

}  // namespace

bool is_json_null(Jsonb* json) {
    JsonbValue value;
    return JB_ROOT_IS_SCALAR(json) && JsonbExtractScalar(&json->root, &value) && value.type == jbvNull;
}

int64 json_array_length(Jsonb* json, const char* type) {
    // A scalar is stored as an array of one.
    if (!JB_ROOT_IS_ARRAY(json) || JB_ROOT_IS_SCALAR(json)) raise_no_array(json, type);
    return JB_ROOT_COUNT(json);
}

void read_json_numbers(Jsonb* json, const char* type, float* to) {
    JsonbIterator* it = JsonbIteratorInit(&json->root);
    JsonbValue value;
    int count = 0;
    // Nested arrays are not entered: each is one element, of a kind that is refused.
    for (JsonbIteratorToken token; (token = JsonbIteratorNext(&it, &value, true)) != WJB_DONE;) {
        if (token != WJB_ELEM) continue;
        to[count] = read_number(value, type, count + 1);
        count++;
    }
}

}  // namespace vecstore::types
