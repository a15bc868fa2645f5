// JSON text, written piece by piece.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace vecstore::core::io {

// text must be UTF-8.
void append_json_text(std::string& out, std::string_view text);
// The shortest digits that read back as the same number; NaN and infinities, which JSON lacks, as texts.
void append_json_number(std::string& out, double value);
void append_json_number(std::string& out, int64_t value);

}  // namespace vecstore::core::io
