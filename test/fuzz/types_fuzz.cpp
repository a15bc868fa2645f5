// Text, binary form, arrays, bytes and arithmetic of the types, against what each says about the others: a
// value that is taken prints and reads back to the same bits, is sent and received as the same bytes, and its
// text is what strtof() says. The functions are those of the server's library; server_stubs.cpp has the rest
// of the server.
#include "server_stubs.hpp"

#include "core/base/half.hpp"
#include "types/halfvec.hpp"
#include "types/sparsevec.hpp"
#include "types/vector.hpp"

#include <cctype>
#include <cstdio>
#include <cstdlib>
#include <optional>
#include <string>
#include <type_traits>

using namespace vecstore;
using namespace vecstore::types;
using vecstore::fuzz::raised_state;

#define DECLARE(name) extern "C" Datum vecstore_##name(PG_FUNCTION_ARGS)
#define DECLARE_TYPE(t)                  \
    DECLARE(t##_in);                     \
    DECLARE(t##_out);                    \
    DECLARE(t##_recv);                   \
    DECLARE(t##_send);                   \
    DECLARE(t##_coerce);                 \
    DECLARE(t##_from_array);             \
    DECLARE(t##_l2_distance);            \
    DECLARE(t##_l2_squared_distance);    \
    DECLARE(t##_inner_product);          \
    DECLARE(t##_negative_inner_product); \
    DECLARE(t##_cosine_distance);        \
    DECLARE(t##_l1_distance);            \
    DECLARE(t##_norm);                   \
    DECLARE(t##_l2_normalize);           \
    DECLARE(t##_cmp);                    \
    DECLARE(t##_lt);                     \
    DECLARE(t##_le);                     \
    DECLARE(t##_eq);                     \
    DECLARE(t##_ne);                     \
    DECLARE(t##_ge);                     \
    DECLARE(t##_gt)
#define DECLARE_DENSE(t)             \
    DECLARE_TYPE(t);                 \
    DECLARE(t##_to_float4);          \
    DECLARE(t##_from_bytea);         \
    DECLARE(t##_to_bytea);           \
    DECLARE(t##_spherical_distance); \
    DECLARE(t##_dims);               \
    DECLARE(t##_binary_quantize);    \
    DECLARE(t##_subvector);          \
    DECLARE(t##_add);                \
    DECLARE(t##_sub);                \
    DECLARE(t##_mul);                \
    DECLARE(t##_concat);             \
    DECLARE(t##_accum);              \
    DECLARE(t##_combine);            \
    DECLARE(t##_avg)
DECLARE_DENSE(vector);
DECLARE_DENSE(halfvec);
DECLARE_TYPE(sparsevec);
DECLARE(vector_to_halfvec);
DECLARE(halfvec_to_vector);
DECLARE(vector_to_sparsevec);
DECLARE(sparsevec_to_vector);
DECLARE(halfvec_to_sparsevec);
DECLARE(sparsevec_to_halfvec);
DECLARE(bit_hamming_distance);
DECLARE(bit_jaccard_distance);

namespace {

#define REQUIRE(condition)                                                  \
    do {                                                                    \
        if (!(condition)) {                                                 \
            fprintf(stderr, "line %d: not so: %s\n", __LINE__, #condition); \
            abort();                                                        \
        }                                                                   \
    } while (false)

// ------------------------------------------------------------------------------------------------- calls

// States that a user may see. All others are faults.
bool is_proper(int state) {
    switch (state) {
        case ERRCODE_DATA_EXCEPTION:
        case ERRCODE_INVALID_TEXT_REPRESENTATION:
        case ERRCODE_INVALID_BINARY_REPRESENTATION:
        case ERRCODE_NUMERIC_VALUE_OUT_OF_RANGE:
        case ERRCODE_PROGRAM_LIMIT_EXCEEDED:
        case ERRCODE_PROTOCOL_VIOLATION:
        case ERRCODE_NULL_VALUE_NOT_ALLOWED:
        case ERRCODE_INVALID_PARAMETER_VALUE: return true;
        default: return false;
    }
}

bool was_null;

// The answer, or none after an error.
template <class... Datums>
std::optional<Datum> call(PGFunction function, Datums... arguments) {
    LOCAL_FCINFO(fcinfo, 8);
    const Datum values[] = {arguments...};
    memset(fcinfo, 0, SizeForFunctionCallInfo(8));
    fcinfo->nargs = sizeof...(arguments);
    for (int i = 0; i < fcinfo->nargs; i++) fcinfo->args[i].value = values[i];
    sigjmp_buf handler;
    PG_exception_stack = &handler;
    if (sigsetjmp(handler, 0) != 0) {
        REQUIRE(is_proper(raised_state));
        return std::nullopt;
    }
    const Datum result = function(fcinfo);
    was_null = fcinfo->isnull;
    return result;
}

template <class... Datums>
Datum must(PGFunction function, Datums... arguments) {
    const std::optional<Datum> result = call(function, arguments...);
    REQUIRE(result.has_value());
    return *result;
}

// ------------------------------------------------------------------------------------------------ inputs

struct Input {
    const uint8_t* at;
    size_t left;

    uint8_t byte() { return left == 0 ? 0 : (left--, *at++); }
    template <class T>
    T take() {
        T value{};
        for (size_t i = 0; i < sizeof(T); i++) reinterpret_cast<uint8_t*>(&value)[i] = byte();
        return value;
    }
    std::string bytes(size_t most) {
        const size_t n = std::min(most, left);
        std::string taken(reinterpret_cast<const char*>(at), n);
        at += n;
        left -= n;
        return taken;
    }
};

// A varlena with these bytes behind its header.
Datum make_varlena(const std::string& content) {
    char* const value = static_cast<char*>(palloc(VARHDRSZ + content.size()));
    SET_VARSIZE(value, VARHDRSZ + content.size());
    memcpy(VARDATA(value), content.data(), content.size());
    return PointerGetDatum(value);
}

std::string content_of(Datum varlena) {
    const char* const value = DatumGetPointer(varlena);
    return {VARDATA(value), VARSIZE(value) - VARHDRSZ};
}

Datum make_array(Oid type, size_t size, const std::string& content, bool none = false) {
    const int n = static_cast<int>(content.size() / size);
    const size_t length = ARR_OVERHEAD_NONULLS(none ? 0 : 1) + size * n;
    auto* const array = static_cast<ArrayType*>(palloc0(length));
    SET_VARSIZE(array, length);
    array->ndim = none ? 0 : 1;
    array->elemtype = type;
    if (!none) {
        ARR_DIMS(array)[0] = n;
        ARR_LBOUND(array)[0] = 1;
    }
    memcpy(ARR_DATA_PTR(array), content.data(), size * n);
    return PointerGetDatum(array);
}

// ------------------------------------------------------------------------------------------------- types

// A type's functions, and where its values lie.
struct Type {
    PGFunction in, out, recv, send, coerce, from_array, cmp, lt, le, eq, ne, ge, gt, norm, normalize;
    PGFunction distances[7];
};
#define COMMON(t)                                                                                           \
    vecstore_##t##_in, vecstore_##t##_out, vecstore_##t##_recv, vecstore_##t##_send, vecstore_##t##_coerce, \
        vecstore_##t##_from_array, vecstore_##t##_cmp, vecstore_##t##_lt, vecstore_##t##_le,                \
        vecstore_##t##_eq, vecstore_##t##_ne, vecstore_##t##_ge, vecstore_##t##_gt, vecstore_##t##_norm,    \
        vecstore_##t##_l2_normalize
#define DISTANCES(t)                                                                              \
    vecstore_##t##_l2_distance, vecstore_##t##_l2_squared_distance, vecstore_##t##_inner_product, \
        vecstore_##t##_negative_inner_product, vecstore_##t##_cosine_distance, vecstore_##t##_l1_distance
const Type types_[] = {{COMMON(vector), {DISTANCES(vector), vecstore_vector_spherical_distance}},
                       {COMMON(halfvec), {DISTANCES(halfvec), vecstore_halfvec_spherical_distance}},
                       {COMMON(sparsevec), {DISTANCES(sparsevec)}}};
enum { VECTOR, HALFVEC, SPARSEVEC };

int dims_of(int kind, Datum value) {
    if (kind == SPARSEVEC) return datum_get_sparse(value)->dims();
    return datum_get_vector(value)->dims();  // The head is the same for halfvec.
}

// The rules of stored values.
void require_sound(int kind, Datum value) {
    const size_t size = VARSIZE(DatumGetPointer(value));
    const int dims = dims_of(kind, value);
    if (kind == SPARSEVEC) {
        const SparseVector* const v = datum_get_sparse(value);
        REQUIRE(dims >= 1 && dims <= SparseVector::max_dims && v->unused == 0);
        REQUIRE(v->count() >= 0 && v->count() <= SparseVector::max_elements && v->count() <= dims);
        REQUIRE(size == SparseVector::size_of(v->count()));
        for (int i = 0; i < v->count(); i++) {
            REQUIRE(v->indices[i] >= (i == 0 ? 0 : v->indices[i - 1] + 1) && v->indices[i] < dims);
            REQUIRE(std::isfinite(v->values()[i]) && v->values()[i] != 0);
        }
        return;
    }
    REQUIRE(dims >= 1 && dims <= 16000 && datum_get_vector(value)->unused == 0);
    REQUIRE(size == (kind == VECTOR ? Vector::size_of(dims) : HalfVector::size_of(dims)));
    for (int i = 0; i < dims; i++)
        REQUIRE(std::isfinite(kind == VECTOR
                                  ? datum_get_vector(value)->data()[i]
                                  : HalfFormat::widen(datum_get_dense<HalfFormat>(value)->data()[i])));
}

bool same(Datum a, Datum b) { return content_of(a) == content_of(b); }

Datum receive(int kind, const std::string& wire, int32 typmod) {
    // The terminating zero of a real message is left out, so that a read of it shows.
    char* const copy = static_cast<char*>(palloc(wire.size()));
    memcpy(copy, wire.data(), wire.size());
    StringInfoData message{copy, static_cast<int>(wire.size()), static_cast<int>(wire.size()), 0};
    const std::optional<Datum> value = call(types_[kind].recv, PointerGetDatum(&message), Datum{0},
                                            Int32GetDatum(typmod));
    if (!value) return 0;
    // The server would refuse bytes that are left.
    return message.cursor == message.len ? *value : 0;
}

// A value that came in is sound, and the same through every form. Returns its text.
std::string round_trips(int kind, Datum value) {
    const Type& type = types_[kind];
    require_sound(kind, value);
    const std::string text = DatumGetCString(must(type.out, value));
    const int dims = dims_of(kind, value);
    REQUIRE(same(value, must(type.in, CStringGetDatum(text.c_str()), Datum{0}, Int32GetDatum(dims))));
    REQUIRE(!call(type.in, CStringGetDatum(text.c_str()), Datum{0}, Int32GetDatum(dims + 1)));
    const Datum received = receive(kind, content_of(must(type.send, value)), dims);
    REQUIRE(received != 0 && same(value, received));
    REQUIRE(must(type.coerce, value, Int32GetDatum(dims), Datum{0}) == value);
    REQUIRE(DatumGetInt32(must(type.cmp, value, received)) == 0);
    return text;
}

// --------------------------------------------------------------------------------- text, and what it
// means

struct Oracle {
    bool is_good = false;
    std::vector<float> values;
    std::vector<int64> indices;
    int64 dims = 0;
};

struct Reader {
    const char* at;
    void space() {
        while (*at == ' ' || (*at >= 9 && *at <= 13)) at++;
    }
    bool take(char c) {
        space();
        if (*at != c) return false;
        at++;
        return true;
    }
    bool number(float* to) {
        space();
        char* end;
        *to = strtof(at, &end);
        const bool there = end != at;
        at = end;
        return there;
    }
    bool integer(int64* to) {
        space();
        char* end;
        *to = std::max<int64>(strtoll(at, &end, 10), PG_INT32_MIN);
        const bool there = end != at;
        at = end;
        return there;
    }
    bool ends() {
        space();
        return *at == 0;
    }
};

Oracle read_dense(const char* text) {
    Oracle read;
    Reader reader{text};
    if (!reader.take('[')) return read;
    do {
        float value;
        if (!reader.number(&value) || !std::isfinite(value)) return read;
        read.values.push_back(value);
    } while (reader.take(','));
    read.dims = static_cast<int64>(read.values.size());
    read.is_good = reader.take(']') && reader.ends() && read.dims <= 16000;
    return read;
}

Oracle read_sparse(const char* text) {
    Oracle read;
    Reader reader{text};
    if (!reader.take('{')) return read;
    bool more = !reader.take('}');
    const bool is_empty = !more;
    while (more) {
        int64 index;
        float value;
        if (!reader.integer(&index) || !reader.take(':')) return read;
        errno = 0;
        if (!reader.number(&value) || !std::isfinite(value) || (errno == ERANGE && value == 0)) return read;
        if (value != 0) {
            read.indices.push_back(index - 1);
            read.values.push_back(value);
        }
        more = reader.take(',');
    }
    if (!is_empty && !reader.take('}')) return read;
    if (!reader.take('/') || !reader.integer(&read.dims) || !reader.ends()) return read;
    // Twice the same index, one out of bounds, too many: the type's to say, seen by require_sound().
    read.is_good = true;
    return read;
}

void try_text(int kind, const std::string& literal, int32 typmod) {
    const char* const copy = static_cast<const char*>(
        memcpy(palloc(literal.size() + 1), literal.c_str(), literal.size() + 1));
    const std::optional<Datum> value = call(types_[kind].in, CStringGetDatum(copy), Datum{0},
                                            Int32GetDatum(typmod));
    const Oracle wanted = kind == SPARSEVEC ? read_sparse(copy) : read_dense(copy);
    if (!value) {
        if (kind == VECTOR && typmod == -1) REQUIRE(!wanted.is_good);
        return;
    }
    REQUIRE(wanted.is_good);
    REQUIRE(wanted.dims == dims_of(kind, *value) && (typmod == -1 || typmod == wanted.dims));
    if (kind == VECTOR) {
        REQUIRE(memcmp(datum_get_vector(*value)->data(), wanted.values.data(), 4 * wanted.values.size()) ==
                0);
    } else if (kind == HALFVEC) {
        for (int i = 0; i < wanted.dims; i++)
            REQUIRE(datum_get_dense<HalfFormat>(*value)->data()[i] == HalfFormat::narrow(wanted.values[i]));
    } else {
        const SparseVector* const v = datum_get_sparse(*value);
        REQUIRE(v->count() == static_cast<int>(wanted.values.size()));
        for (size_t k = 0; k < wanted.values.size(); k++) {
            const int32* const found = std::lower_bound(v->indices, v->indices + v->count(),
                                                        wanted.indices[k]);
            REQUIRE(found != v->indices + v->count() && *found == wanted.indices[k]);
            REQUIRE(v->values()[found - v->indices] == wanted.values[k]);
        }
    }
    round_trips(kind, *value);
}

void try_binary(int kind, const std::string& wire, int32 typmod) {
    const Datum value = receive(kind, wire, typmod);
    if (value == 0) return;
    REQUIRE(typmod == -1 || typmod == dims_of(kind, value));
    REQUIRE(content_of(must(types_[kind].send, value)) == wire);
    round_trips(kind, value);
}

// -------------------------------------------------------------------------- arrays, bytes, other types

// A value from what bytes there are, by one of the ways that are quick; 0 where they make none.
Datum any_value(int kind, Input& input, size_t most) {
    const std::string numbers = input.bytes(most);
    std::optional<Datum> value;
    if (kind == SPARSEVEC) {
        value = call(types_[kind].from_array, make_array(FLOAT4OID, 4, numbers), Int32GetDatum(-1), Datum{0});
    } else {
        const PGFunction from = kind == VECTOR ? vecstore_vector_from_bytea : vecstore_halfvec_from_bytea;
        value = call(from, make_varlena(numbers), Int32GetDatum(-1), Datum{0});
    }
    return value.value_or(0);
}

void from_array(int kind, Input& input) {
    const uint8_t what = input.byte();
    const std::string content = input.bytes(80000);
    const Oid type = what % 3 == 0 ? INT4OID : what % 3 == 1 ? FLOAT4OID : FLOAT8OID;
    const size_t size = type == FLOAT8OID ? 8 : 4;
    const bool none = what >= 250;
    const Datum array = make_array(type, size, none ? "" : content, none);
    const std::optional<Datum> value = call(types_[kind].from_array, array, Int32GetDatum(-1), Datum{0});
    if (!value) return;
    REQUIRE(dims_of(kind, *value) == static_cast<int>(content.size() / size));
    round_trips(kind, *value);
}

void casts(int kind, Input& input) {
    const Datum value = any_value(kind, input, 70000);
    if (value == 0) return;
    require_sound(kind, value);
    const Datum dims = Int32GetDatum(dims_of(kind, value));
    if (kind == SPARSEVEC) {
        // Of what was an array, so that it has few enough dimensions.
        if (DatumGetInt32(dims) <= 16000)
            REQUIRE(
                same(value, must(vecstore_vector_to_sparsevec,
                                 must(vecstore_sparsevec_to_vector, value, dims, Datum{0}), dims, Datum{0})));
        const std::optional<Datum> half = call(vecstore_sparsevec_to_halfvec, value, dims, Datum{0});
        if (half) {
            require_sound(HALFVEC, *half);
            require_sound(SPARSEVEC, must(vecstore_halfvec_to_sparsevec, *half, dims, Datum{0}));
        }
        return;
    }
    const bool is_half = kind == HALFVEC;
    const Datum array = must(is_half ? vecstore_halfvec_to_float4 : vecstore_vector_to_float4, value, dims,
                             Datum{0});
    REQUIRE(same(value, must(types_[kind].from_array, array, dims, Datum{0})));
    const Datum bytes = must(is_half ? vecstore_halfvec_to_bytea : vecstore_vector_to_bytea, value);
    REQUIRE(same(value, must(is_half ? vecstore_halfvec_from_bytea : vecstore_vector_from_bytea, bytes, dims,
                             Datum{0})));
    const Datum sparse = must(is_half ? vecstore_halfvec_to_sparsevec : vecstore_vector_to_sparsevec, value,
                              dims, Datum{0});
    require_sound(SPARSEVEC, sparse);
    const Datum back = must(is_half ? vecstore_sparsevec_to_halfvec : vecstore_sparsevec_to_vector, sparse,
                            dims, Datum{0});
    REQUIRE(DatumGetInt32(must(types_[kind].cmp, value, back)) == 0);  // (But for the signs of zeros.)
    if (is_half) {
        REQUIRE(same(value, must(vecstore_vector_to_halfvec,
                                 must(vecstore_halfvec_to_vector, value, dims, Datum{0}), dims, Datum{0})));
    } else if (const std::optional<Datum> half = call(vecstore_vector_to_halfvec, value, dims, Datum{0})) {
        require_sound(HALFVEC, *half);
    }
    const Datum bits = must(is_half ? vecstore_halfvec_binary_quantize : vecstore_vector_binary_quantize,
                            value);
    REQUIRE(VARBITLEN(DatumGetPointer(bits)) == DatumGetInt32(dims));
    REQUIRE(DatumGetFloat8(must(vecstore_bit_hamming_distance, bits, bits)) == 0);
    REQUIRE(DatumGetInt32(must(is_half ? vecstore_halfvec_dims : vecstore_vector_dims, value)) ==
            DatumGetInt32(dims));
}

// ----------------------------------------------------------------------------------------- two values

void comparisons(const Type& type, Datum a, Datum b) {
    const int order = DatumGetInt32(must(type.cmp, a, b));
    REQUIRE(DatumGetInt32(must(type.cmp, b, a)) == -order && order >= -1 && order <= 1);
    REQUIRE(DatumGetBool(must(type.lt, a, b)) == (order < 0) &&
            DatumGetBool(must(type.le, a, b)) == (order <= 0));
    REQUIRE(DatumGetBool(must(type.eq, a, b)) == (order == 0) &&
            DatumGetBool(must(type.ne, a, b)) == (order != 0));
    REQUIRE(DatumGetBool(must(type.ge, a, b)) == (order >= 0) &&
            DatumGetBool(must(type.gt, a, b)) == (order > 0));
}

// Sums over sparse vectors are in an order that depends on which comes first.
bool same_number(double a, double b, double slack) {
    return a == b || (std::isnan(a) && std::isnan(b)) ||
           std::fabs(a - b) <= slack * std::max(std::fabs(a), std::fabs(b));
}

void arithmetic(int kind, Datum a, Datum b, Input& input) {
    const bool is_half = kind == HALFVEC;
    const Datum dims_a = Int32GetDatum(dims_of(kind, a)), dims_b = Int32GetDatum(dims_of(kind, b));
    for (const PGFunction operation : {is_half ? vecstore_halfvec_add : vecstore_vector_add,
                                       is_half ? vecstore_halfvec_sub : vecstore_vector_sub,
                                       is_half ? vecstore_halfvec_mul : vecstore_vector_mul})
        if (const std::optional<Datum> result = call(operation, a, b)) require_sound(kind, *result);
    const PGFunction part = is_half ? vecstore_halfvec_subvector : vecstore_vector_subvector;
    if (const std::optional<Datum> both = call(is_half ? vecstore_halfvec_concat : vecstore_vector_concat, a,
                                               b)) {
        require_sound(kind, *both);
        REQUIRE(same(a, must(part, *both, Int32GetDatum(1), dims_a)));
        REQUIRE(same(b, must(part, *both, Int32GetDatum(DatumGetInt32(dims_a) + 1), dims_b)));
    }
    const Datum start = Int32GetDatum(input.take<int32>()), count = Int32GetDatum(input.take<int32>());
    if (const std::optional<Datum> some = call(part, a, start, count)) require_sound(kind, *some);
}

void pairs(int kind, Input& input) {
    const Type& type = types_[kind];
    const size_t size = kind == HALFVEC ? 2 : 4;
    const size_t first = size * (1 + input.byte());
    const Datum a = any_value(kind, input, first), b = any_value(kind, input, first);
    if (a == 0 || b == 0) return;
    const bool fit = dims_of(kind, a) == dims_of(kind, b);
    for (const PGFunction distance : type.distances) {
        if (distance == nullptr) continue;
        const std::optional<Datum> there = call(distance, a, b), back = call(distance, b, a);
        REQUIRE(there.has_value() == fit && back.has_value() == fit);
        const bool is_product = distance == vecstore_sparsevec_inner_product ||
                                distance == vecstore_sparsevec_negative_inner_product ||
                                distance == vecstore_sparsevec_cosine_distance;
        if (fit && !is_product)
            REQUIRE(same_number(DatumGetFloat8(*there), DatumGetFloat8(*back), kind == SPARSEVEC ? 1e-5 : 0));
    }
    comparisons(type, a, b);
    for (const Datum value : {a, b}) {
        REQUIRE(DatumGetFloat8(must(type.norm, value)) >= 0);
        const Datum unit = must(type.normalize, value);
        require_sound(kind, unit);
        const double norm = DatumGetFloat8(must(type.norm, unit));
        REQUIRE(norm == 0 || kind == HALFVEC || std::fabs(norm - 1) < 1e-5);
    }
    if (kind != SPARSEVEC) arithmetic(kind, a, b, input);
}

// ----------------------------------------------------------------------------------- aggregates, bit
// strings

void aggregates(int kind, Input& input) {
    const bool is_half = kind == HALFVEC;
    fuzz::in_aggregate = input.byte() % 2 == 1;
    const size_t first = 8 * (input.byte() % 40), second = 8 * (input.byte() % 40);
    const std::string a = input.bytes(first), b = input.bytes(second);
    const PGFunction combine = is_half ? vecstore_halfvec_combine : vecstore_vector_combine;
    const PGFunction average = is_half ? vecstore_halfvec_avg : vecstore_vector_avg;
    std::vector<Datum> states{make_array(FLOAT8OID, 8, a, a.empty()), make_array(FLOAT8OID, 8, b, b.empty())};
    if (const std::optional<Datum> sum = call(combine, make_array(FLOAT8OID, 8, a, a.empty()), states[1]))
        states.push_back(*sum);
    if (const Datum value = any_value(kind, input, 200)) {
        for (int again = 0; again < 3; again++)
            if (const std::optional<Datum> next = call(
                    is_half ? vecstore_halfvec_accum : vecstore_vector_accum,
                    make_array(FLOAT8OID, 8, a, a.empty()), value))
                states.push_back(*next);
    }
    for (const Datum state : states) {
        const std::optional<Datum> mean = call(average, state);
        if (mean && !was_null) require_sound(kind, *mean);
    }
    fuzz::in_aggregate = false;
}

Datum any_bits(Input& input) {
    const int n = input.take<uint16>() % 2000;
    auto* const value = static_cast<VarBit*>(palloc0(VARBITTOTALLEN(n)));
    SET_VARSIZE(value, VARBITTOTALLEN(n));
    VARBITLEN(value) = n;
    for (int i = 0; i < n; i++)
        if (i % 8 == 0) VARBITS(value)[i / 8] = input.byte();
    if (n % 8 != 0) VARBITS(value)[n / 8] &= 0xff << (8 - n % 8);
    return PointerGetDatum(value);
}

void bits(Input& input) {
    const Datum a = any_bits(input), b = any_bits(input);
    const bool fit = VARBITLEN(DatumGetPointer(a)) == VARBITLEN(DatumGetPointer(b));
    double differ = 0, either = 0, both = 0;
    for (int i = 0; fit && i < VARBITLEN(DatumGetPointer(a)); i++) {
        const bool x = VARBITS(DatumGetPointer(a))[i / 8] >> (7 - i % 8) & 1,
                   y = VARBITS(DatumGetPointer(b))[i / 8] >> (7 - i % 8) & 1;
        differ += x != y;
        either += x || y;
        both += x && y;
    }
    const std::optional<Datum> hamming = call(vecstore_bit_hamming_distance, a, b),
                               jaccard = call(vecstore_bit_jaccard_distance, a, b);
    REQUIRE(hamming.has_value() == fit && jaccard.has_value() == fit);
    if (!fit) return;
    REQUIRE(DatumGetFloat8(*hamming) == differ);
    REQUIRE(DatumGetFloat8(*jaccard) == (both == 0 ? 1 : 1 - both / either));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
    Input input{data, size};
    const uint8_t choice = input.byte();
    const int kind = choice % 3, way = choice / 3 % 8;
    const int32 typmod = choice >= 240 ? 3 : -1;
    if (way <= 1) {
        std::string literal = input.bytes(size);
        try_text(kind, literal.substr(0, literal.find('\0')), typmod);
    } else if (way == 2) {
        try_binary(kind, input.bytes(size), typmod);
    } else if (way == 3) {
        from_array(kind, input);
    } else if (way == 4) {
        casts(kind, input);
    } else if (way == 5) {
        pairs(kind, input);
    } else if (way == 6) {
        aggregates(kind % 2, input);
    } else {
        bits(input);
    }
    fuzz::free_memory();
    return 0;
}
