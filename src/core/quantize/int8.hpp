// Own vectors as 8-bit integers with a common scale.
#pragma once

#include <cstddef>
#include <cstdint>

#include "core/quantize/scaled_vector.hpp"

namespace vecstore::core {

// Writes n values in [-127, 127]; the scale is max |x_i| / 127. x must be finite. A vector of 0, or of values
// below 1e-36 (whose scale would have no exact inverse), becomes 0 with scale 1; `error` says what is lost.
ScaledVector encode_int8(const float* x, size_t n, int8_t* out);

}  // namespace vecstore::core
