// The kinds of numbers that vector files hold, and their way to float32.
#pragma once

#include <cstddef>
#include <cstdint>

namespace vecstore::core::io {

enum class ElementType {
    boolean,
    int8,
    int16,
    int32,
    int64,
    uint8,
    uint16,
    uint32,
    uint64,
    float16,
    float32,
    float64,
    bit,  // packed, the first component in a byte's highest bit; comes as 0 or 1
};

size_t element_size(ElementType type);
const char* element_name(ElementType type);
// Whether a float32 can differ from the number it was made of.
bool narrows_to_float32(ElementType type);

// Converts count elements, one after the other in `from` (no alignment needed), to float32; to[i * stride]
// gets element i. Rounds to nearest; what is beyond float32's range becomes infinity.
void to_float32(ElementType type, bool big_endian, const uint8_t* from, size_t count, float* to,
                size_t stride = 1);

// Unpacks bits, the highest of each byte first, to 0 and 1.
void bits_to_float32(const uint8_t* from, size_t count, float* to);

// Position of the first NaN or infinity, or count when there is none.
size_t find_non_finite(const float* values, size_t count);

}  // namespace vecstore::core::io
