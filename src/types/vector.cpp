#include "types/vector.hpp"

#include "types/dense_functions.hpp"

VECSTORE_DENSE_TYPE(vector, vecstore::types::VectorFormat)
