#include "types/halfvec.hpp"

#include "types/dense_functions.hpp"
#include "types/vector.hpp"

VECSTORE_DENSE_TYPE(halfvec, vecstore::types::HalfFormat)

VECSTORE_FUNCTION(vector_to_halfvec) {
    return vecstore::types::dense::convert<vecstore::types::HalfFormat, vecstore::types::VectorFormat>(
        fcinfo);
}

VECSTORE_FUNCTION(halfvec_to_vector) {
    return vecstore::types::dense::convert<vecstore::types::VectorFormat, vecstore::types::HalfFormat>(
        fcinfo);
}
