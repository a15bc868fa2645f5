// The beginning of a string as a number in the order of its bytes.
#pragma once

#include <cstddef>
#include <cstdint>

namespace vecstore::core {

struct NumberRange {
    uint64_t low, high;  // both belong to it
};

// The numbers of all byte strings that begin with these bytes; that of the string itself is `low`. Of two
// strings the lesser one, as memcmp has it, has no greater number. Only the first 44 bits of a number mean
// something.
//
// It is what an arithmetic coder makes of the bytes, with fixed frequencies of what keys and words are
// written in, so that strings have to differ not within their first 5 bytes but within some 8 of ASCII (or 3
// letters of two bytes each).
NumberRange ordered_prefix(const char* bytes, size_t size);

constexpr int ordered_prefix_bits = 44;

}  // namespace vecstore::core
