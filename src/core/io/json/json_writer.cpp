#include "core/io/json/json_writer.hpp"

#include <charconv>
#include <cmath>

namespace vecstore::core::io {

void append_json_text(std::string& out, std::string_view text) {
    static constexpr char hex[] = "0123456789abcdef";
    out += '"';
    for (const char c : text) {
        if (c == '"' || c == '\\') {
            out += '\\';
            out += c;
        } else if (static_cast<unsigned char>(c) < 0x20) {
            out += "\\u00";
            out += hex[c >> 4];
            out += hex[c & 15];
        } else {
            out += c;
        }
    }
    out += '"';
}

void append_json_number(std::string& out, double value) {
    if (std::isnan(value)) {
        out += "\"NaN\"";
    } else if (std::isinf(value)) {
        out += value > 0 ? "\"Infinity\"" : "\"-Infinity\"";
    } else {
        char digits[32];
        const auto end = std::to_chars(digits, digits + sizeof(digits), value).ptr;
        const std::string_view text(digits, static_cast<size_t>(end - digits));
        out += text;
        // As Python writes it: a float stays one that can be told from an integer.
        if (text.find_first_of(".e") == std::string_view::npos) out += ".0";
    }
}

void append_json_number(std::string& out, int64_t value) { out += std::to_string(value); }

}  // namespace vecstore::core::io
