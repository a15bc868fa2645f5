#include "core/io/json/utf8.hpp"

#include <cstddef>
#include <cstdint>

namespace vecstore::core::io {

namespace {

// Bytes of the character at `at`, or 0 where there is none: overlong forms, surrogates and codes beyond
// U+10FFFF are none.
size_t character_length(std::string_view text, size_t at) {
    const auto byte = [&](size_t i) -> uint8_t {
        return at + i < text.size() ? static_cast<uint8_t>(text[at + i]) : 0;
    };
    const uint8_t head = byte(0);
    if (head < 0x80) return 1;
    const size_t length = head >= 0xf0 && head <= 0xf4 ? 4 : head >= 0xe0 ? 3 : head >= 0xc2 ? 2 : 0;
    if (length == 0 || head > 0xf4) return 0;
    for (size_t i = 1; i < length; i++) {
        if ((byte(i) & 0xc0) != 0x80) return 0;
    }
    if (head == 0xe0 && byte(1) < 0xa0) return 0;
    if (head == 0xed && byte(1) >= 0xa0) return 0;
    if (head == 0xf0 && byte(1) < 0x90) return 0;
    if (head == 0xf4 && byte(1) >= 0x90) return 0;
    return length;
}

}  // namespace

bool is_storable(std::string_view text) {
    for (size_t i = 0; i < text.size();) {
        const size_t length = text[i] == '\0' ? 0 : character_length(text, i);
        if (length == 0) return false;
        i += length;
    }
    return true;
}

bool make_storable(std::string& text) {
    if (is_storable(text)) return false;
    std::string out;
    for (size_t i = 0; i < text.size();) {
        const size_t length = character_length(text, i);
        if (length == 0) {
            out += "\xef\xbf\xbd";
            i++;
            while (i < text.size() && (static_cast<uint8_t>(text[i]) & 0xc0) == 0x80) i++;
            continue;
        }
        if (text[i] != '\0') out.append(text, i, length);
        i += length;
    }
    text = std::move(out);
    return true;
}

void append_utf8(std::string& text, uint32_t code) {
    const auto tail = [&](unsigned shift) { text += static_cast<char>(0x80 | (code >> shift & 0x3f)); };
    if (code < 0x80) {
        text += static_cast<char>(code);
    } else if (code < 0x800) {
        text += static_cast<char>(0xc0 | code >> 6);
        tail(0);
    } else if (code < 0x10000) {
        text += static_cast<char>(0xe0 | code >> 12);
        tail(6);
        tail(0);
    } else {
        text += static_cast<char>(0xf0 | code >> 18);
        tail(12);
        tail(6);
        tail(0);
    }
}

}  // namespace vecstore::core::io
