// The SQL functions of a dense type, all of them: VECSTORE_DENSE_TYPE(vector, VectorFormat) exports
// vecstore_vector_in, vecstore_vector_add and so on, each an instance of the template of the same name.
// Use it once per type, at global scope.
#pragma once

#include "types/dense_aggregates.hpp"
#include "types/dense_binary.hpp"
#include "types/dense_casts.hpp"
#include "types/dense_exchange.hpp"
#include "types/dense_math.hpp"
#include "types/dense_text.hpp"

#define VECSTORE_DENSE_FUNCTION(type, Format, name) \
    VECSTORE_FUNCTION(type##_##name) { return ::vecstore::types::dense::name<Format>(fcinfo); }

#define VECSTORE_DENSE_TYPE(type, Format)                         \
    /* input and output */                                        \
    VECSTORE_DENSE_FUNCTION(type, Format, in)                     \
    VECSTORE_DENSE_FUNCTION(type, Format, out)                    \
    VECSTORE_DENSE_FUNCTION(type, Format, recv)                   \
    VECSTORE_DENSE_FUNCTION(type, Format, send)                   \
    VECSTORE_DENSE_FUNCTION(type, Format, typmod_in)              \
    /* casts */                                                   \
    VECSTORE_DENSE_FUNCTION(type, Format, coerce)                 \
    VECSTORE_DENSE_FUNCTION(type, Format, from_array)             \
    VECSTORE_DENSE_FUNCTION(type, Format, to_float4)              \
    VECSTORE_DENSE_FUNCTION(type, Format, from_bytea)             \
    VECSTORE_DENSE_FUNCTION(type, Format, to_bytea)               \
    VECSTORE_DENSE_FUNCTION(type, Format, from_jsonb)             \
    VECSTORE_DENSE_FUNCTION(type, Format, to_jsonb)               \
    /* distances */                                               \
    VECSTORE_DENSE_FUNCTION(type, Format, l2_distance)            \
    VECSTORE_DENSE_FUNCTION(type, Format, l2_squared_distance)    \
    VECSTORE_DENSE_FUNCTION(type, Format, inner_product)          \
    VECSTORE_DENSE_FUNCTION(type, Format, negative_inner_product) \
    VECSTORE_DENSE_FUNCTION(type, Format, cosine_distance)        \
    VECSTORE_DENSE_FUNCTION(type, Format, spherical_distance)     \
    VECSTORE_DENSE_FUNCTION(type, Format, l1_distance)            \
    /* one vector */                                              \
    VECSTORE_DENSE_FUNCTION(type, Format, dims)                   \
    VECSTORE_DENSE_FUNCTION(type, Format, norm)                   \
    VECSTORE_DENSE_FUNCTION(type, Format, l2_normalize)           \
    VECSTORE_DENSE_FUNCTION(type, Format, binary_quantize)        \
    VECSTORE_DENSE_FUNCTION(type, Format, subvector)              \
    /* arithmetic */                                              \
    VECSTORE_DENSE_FUNCTION(type, Format, add)                    \
    VECSTORE_DENSE_FUNCTION(type, Format, sub)                    \
    VECSTORE_DENSE_FUNCTION(type, Format, mul)                    \
    VECSTORE_DENSE_FUNCTION(type, Format, concat)                 \
    /* comparison */                                              \
    VECSTORE_DENSE_FUNCTION(type, Format, cmp)                    \
    VECSTORE_DENSE_FUNCTION(type, Format, lt)                     \
    VECSTORE_DENSE_FUNCTION(type, Format, le)                     \
    VECSTORE_DENSE_FUNCTION(type, Format, eq)                     \
    VECSTORE_DENSE_FUNCTION(type, Format, ne)                     \
    VECSTORE_DENSE_FUNCTION(type, Format, ge)                     \
    VECSTORE_DENSE_FUNCTION(type, Format, gt)                     \
    /* aggregates */                                              \
    VECSTORE_DENSE_FUNCTION(type, Format, accum)                  \
    VECSTORE_DENSE_FUNCTION(type, Format, combine)                \
    VECSTORE_DENSE_FUNCTION(type, Format, avg)
