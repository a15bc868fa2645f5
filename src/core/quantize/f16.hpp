// Own vectors as half precision numbers with a common scale.
#pragma once

#include <cstddef>
#include <cstdint>

#include "core/quantize/scaled_vector.hpp"

namespace vecstore::core {

// Writes n halves. The scale is the power of two that brings max |x_i| into [1, 2), so components neither
// overflow nor lose bits whatever their magnitude (those below 2^-14 of the largest lose some: at most 2^-25
// of the largest). x must be finite. The zero vector has scale 1.
ScaledVector encode_f16(const float* x, size_t n, uint16_t* out);

}  // namespace vecstore::core
