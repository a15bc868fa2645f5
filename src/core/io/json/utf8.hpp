// Texts from elsewhere, made storable.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace vecstore::core::io {

// PostgreSQL's texts are UTF-8 without U+0000.
bool is_storable(std::string_view text);

// Takes U+0000 out and puts U+FFFD where there is no UTF-8
// (stray bytes, surrogates). Returns whether anything was changed.
bool make_storable(std::string& text);

// A character by its number, which is below 2^21; a surrogate's three bytes too.
void append_utf8(std::string& text, uint32_t code);

}  // namespace vecstore::core::io
