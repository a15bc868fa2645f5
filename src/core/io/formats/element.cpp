#include "core/io/formats/element.hpp"

#include "core/base/byte_order.hpp"
#include "core/base/half.hpp"

#include <cmath>
#include <cstring>

namespace vecstore::core::io {

namespace {

// Any byte but 0 counts as true, as in numpy.
float widen_boolean(uint8_t byte) { return byte != 0 ? 1.0f : 0.0f; }

template <class T>
float widen_number(T value) {
    return static_cast<float>(value);
}

template <class Stored, float (*Widen)(Stored), bool Swap>
void convert(const uint8_t* from, size_t count, float* to, size_t stride) {
    for (size_t i = 0; i < count; i++) {
        Stored stored;
        std::memcpy(&stored, from + i * sizeof(Stored), sizeof(Stored));
        if constexpr (Swap) stored = byte_swapped(stored);
        to[i * stride] = Widen(stored);
    }
}

using ConvertFunction = void (*)(const uint8_t*, size_t, float*, size_t);

struct ElementTraits {
    const char* name;
    uint8_t size;
    bool narrows;
    ConvertFunction native;
    ConvertFunction swapped;
};

template <class Stored, float (*Widen)(Stored) = widen_number<Stored>>
constexpr ElementTraits describe(const char* name, bool narrows) {
    return {name, sizeof(Stored), narrows, convert<Stored, Widen, false>, convert<Stored, Widen, true>};
}

// In the order of ElementType.
const ElementTraits element_traits[] = {
    describe<uint8_t, widen_boolean>("bool", false),
    describe<int8_t>("int8", false),
    describe<int16_t>("int16", false),
    describe<int32_t>("int32", true),
    describe<int64_t>("int64", true),
    describe<uint8_t>("uint8", false),
    describe<uint16_t>("uint16", false),
    describe<uint32_t>("uint32", true),
    describe<uint64_t>("uint64", true),
    describe<uint16_t, f16_to_float>("float16", false),
    describe<float>("float32", false),
    describe<double>("float64", true),
    describe<uint8_t, widen_boolean>("bit", false),
};

const ElementTraits& traits_of(ElementType type) { return element_traits[static_cast<size_t>(type)]; }

}  // namespace

size_t element_size(ElementType type) { return traits_of(type).size; }
const char* element_name(ElementType type) { return traits_of(type).name; }
bool narrows_to_float32(ElementType type) { return traits_of(type).narrows; }

void to_float32(ElementType type, bool big_endian, const uint8_t* from, size_t count, float* to,
                size_t stride) {
    const bool swap = big_endian != native_is_big_endian;
    const ElementTraits& traits = traits_of(type);
    (swap ? traits.swapped : traits.native)(from, count, to, stride);
}

void bits_to_float32(const uint8_t* from, size_t count, float* to) {
    for (size_t i = 0; i < count; i++) to[i] = static_cast<float>(from[i / 8] >> (7 - i % 8) & 1);
}

size_t find_non_finite(const float* values, size_t count) {
    constexpr uint32_t exponent_mask = 0x7f800000;
    constexpr size_t block = 256;
    // A block at a time without a branch inside, so that the compiler makes SIMD of it.
    for (size_t start = 0; start < count; start += block) {
        const size_t end = count - start < block ? count : start + block;
        uint32_t found = 0;
        for (size_t i = start; i < end; i++) {
            uint32_t bits;
            std::memcpy(&bits, values + i, sizeof(bits));
            found |= static_cast<uint32_t>((bits & exponent_mask) == exponent_mask);
        }
        if (found == 0) continue;
        for (size_t i = start; i < end; i++) {
            if (!std::isfinite(values[i])) return i;
        }
    }
    return count;
}

}  // namespace vecstore::core::io
