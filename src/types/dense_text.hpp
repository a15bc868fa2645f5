// Text form of the dense types: "[1,2.5,-3]", shortest decimals that read back to the same float.
#pragma once

#include "types/dense.hpp"
#include "types/text.hpp"

namespace vecstore::types::dense {

// Reads numbers up to the closing bracket into `to`, which has room for `capacity` of them: the commas of
// the literal plus one, at most the type's limit. Sets *end behind the bracket and returns the count.
template <class Format>
int parse_elements(const char* literal, const char* at, typename Format::Element* to, int capacity,
                   const char** end) {
    const char* const limit = at + strlen(at);
    for (int count = 0;;) {
        if (count == capacity) {
            const int64 commas = std::count(at, limit, ',');
            raise_dims_out_of_range(Format::name, capacity + commas + 1, Format::max_dims);
        }
        at = skip_space(at);
        const ParsedNumber number = parse_number(at, limit);
        if (number.end == at) raise_bad_number(Format::name, literal, count + 1);
        const typename Format::Element element = Format::narrow(number.value);
        if (number.too_large || (std::isfinite(number.value) && !std::isfinite(Format::widen(element))))
            raise_number_out_of_range(Format::name, at, static_cast<size_t>(number.end - at));
        check_element<Format>(number.value, count + 1);
        to[count++] = element;
        at = skip_space(number.end);
        if (*at == ']') {
            *end = at + 1;
            return count;
        }
        if (*at != ',') raise_bad_number(Format::name, literal, count);
        at++;
    }
}

// The input function: cstring, oid (ignored), typmod.
template <class Format>
Datum in(FunctionCallInfo fcinfo) {
    const char* const literal = PG_GETARG_CSTRING(0);
    const int32 typmod = PG_GETARG_INT32(2);

    const char* at = skip_space(literal);
    if (*at != '[') raise_syntax(Format::name, literal, "The value must begin with \"[\".");
    at = skip_space(at + 1);
    if (*at == ']') raise_dims_out_of_range(Format::name, 0, Format::max_dims);

    // Commas tell the size, so elements go straight to their place.
    const int64 commas = std::count(at, at + strlen(at), ',');
    const int capacity = static_cast<int>(std::min<int64>(commas + 1, Format::max_dims));
    DenseVector<Format>* const result = new_dense<Format>(capacity);
    const int dims = parse_elements<Format>(literal, at, result->data(), capacity, &at);

    if (*skip_space(at) != '\0')
        raise_syntax(Format::name, literal, "Only spaces may follow the closing \"]\".");
    check_expected_dims(typmod, dims);
    result->set_dims(dims);
    PG_RETURN_POINTER(result);
}

template <class Format>
Datum out(FunctionCallInfo fcinfo) {
    const DenseVector<Format>* const v = dense_arg<Format>(fcinfo, 0);
    const int dims = v->dims();
    // A number and its comma take at most 16 characters.
    char* const text = static_cast<char*>(palloc(static_cast<size_t>(dims) * 16 + 3));
    char* to = text;
    *to++ = '[';
    for (int i = 0; i < dims; i++) {
        if (i > 0) *to++ = ',';
        to = append_number(to, Format::widen(v->data()[i]));
    }
    *to++ = ']';
    *to = '\0';
    PG_RETURN_CSTRING(text);
}

template <class Format>
Datum typmod_in(FunctionCallInfo fcinfo) {
    PG_RETURN_INT32(parse_typmod(PG_GETARG_ARRAYTYPE_P(0), Format::name, Format::max_dims));
}

}  // namespace vecstore::types::dense
