// Numbers and texts as the lines of protocol 0 have them, decoded. A line that is none fails the pickle.
#pragma once

#include "core/io/pickle/pickle_bytes.hpp"

#include <string>

namespace vecstore::core::io {

struct PickleInteger {
    int64_t value = 0;
    std::string big;  // where it has more than 64 bits: little-endian two's complement
};

// In decimal digits, perhaps with an L at the end.
PickleInteger parse_pickle_integer(const PickleBytes& pickle, std::string digits);
double parse_pickle_real(const PickleBytes& pickle, const std::string& digits);
uint64_t parse_memo_key(const PickleBytes& pickle, const std::string& digits);

// Python's raw-unicode-escape: Latin-1, with \uXXXX and \UXXXXXXXX. As UTF-8.
std::string decode_unicode_line(const PickleBytes& pickle, const std::string& raw);
// A Python 2 str as its repr: quoted, with escapes.
std::string decode_string_line(const PickleBytes& pickle, const std::string& raw);
// The bytes that protocols below 3 write as the text (in UTF-8) of their Latin-1 characters.
std::string decode_latin1(const PickleBytes& pickle, const std::string& text);

}  // namespace vecstore::core::io
