// Own vectors of a few bits a component, for vectors so long that eight bits each do not fit a page.
#pragma once

#include <cstddef>
#include <cstdint>

#include "core/quantize/scaled_vector.hpp"

namespace vecstore::core {

// Writes `bits` (2 to 6) planes of n / 8 bytes each (Kernels, BitPlanes); n a multiple of 16. x must be
// finite. The step between the levels is the one with the least squared error: that for normally distributed
// components, which is right after a rotation, or a wider one, where few components are much larger than the
// others. unbiased: the scale is then chosen so that <x, x'> = |x|^2. The least error is that of an x' which
// is too short
// (<x, x - x'> = |x - x'|^2), so that inner products with vectors that point the same way would all be too
// small.
ScaledVector encode_bit_planes(const float* x, size_t n, uint32_t bits, bool unbiased, uint8_t* out);

}  // namespace vecstore::core
