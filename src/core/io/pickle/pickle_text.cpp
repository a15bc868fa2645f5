#include "core/io/pickle/pickle_text.hpp"

#include "core/io/json/utf8.hpp"

#include <cerrno>
#include <cstdlib>

namespace vecstore::core::io {

namespace {

constexpr size_t most_digits = 150;

int hex_digit(char c) {
    if (c >= '0' && c <= '9') return c - '0';
    if (c >= 'a' && c <= 'f') return c - 'a' + 10;
    if (c >= 'A' && c <= 'F') return c - 'A' + 10;
    return -1;
}

// A number in decimal digits, checked to be one, as two's complement.
std::string twos_complement(const PickleBytes& pickle, const std::string& digits) {
    if (digits.size() > most_digits)
        pickle.fail("an integer of " + std::to_string(digits.size()) + " digits");
    std::string bytes;
    for (const char digit : digits) {
        if (digit < '0' || digit > '9') continue;
        auto carry = static_cast<uint32_t>(digit - '0');
        for (char& byte : bytes) {
            carry += static_cast<uint8_t>(byte) * 10u;
            byte = static_cast<char>(carry);
            carry >>= 8;
        }
        if (carry != 0) bytes += static_cast<char>(carry);
    }
    bytes += '\0';
    if (digits[0] == '-') {
        bool carry = true;
        for (char& byte : bytes) {
            byte = static_cast<char>(~byte);
            if (carry) carry = ++byte == 0;
        }
    }
    return bytes;
}

}  // namespace

PickleInteger parse_pickle_integer(const PickleBytes& pickle, std::string digits) {
    if (!digits.empty() && digits.back() == 'L') digits.pop_back();
    errno = 0;
    char* end = nullptr;
    const long long value = std::strtoll(digits.c_str(), &end, 10);
    if (digits.empty() || *end != '\0') pickle.fail("an integer is no number");
    PickleInteger integer;
    if (errno == ERANGE) {
        integer.big = twos_complement(pickle, digits);
    } else {
        integer.value = value;
    }
    return integer;
}

double parse_pickle_real(const PickleBytes& pickle, const std::string& digits) {
    char* end = nullptr;
    const double value = std::strtod(digits.c_str(), &end);
    if (digits.empty() || *end != '\0') pickle.fail("a float is no number");
    return value;
}

uint64_t parse_memo_key(const PickleBytes& pickle, const std::string& digits) {
    if (digits.empty() || digits.find_first_not_of("0123456789") != std::string::npos)
        pickle.fail("a memo key is no number");
    return std::strtoull(digits.c_str(), nullptr, 10);
}

std::string decode_unicode_line(const PickleBytes& pickle, const std::string& raw) {
    std::string out;
    for (size_t i = 0; i < raw.size(); i++) {
        const size_t digits = raw[i] != '\\' || i + 1 >= raw.size() ? 0
                              : raw[i + 1] == 'u'                   ? 4
                              : raw[i + 1] == 'U'                   ? 8
                                                                    : 0;
        if (digits == 0) {
            append_utf8(out, static_cast<uint8_t>(raw[i]));
            continue;
        }
        uint32_t code = 0;
        for (size_t d = 0; d < digits; d++) {
            const int digit = i + 2 + d < raw.size() ? hex_digit(raw[i + 2 + d]) : -1;
            if (digit < 0) pickle.fail("a text has a broken escape");
            code = code << 4 | static_cast<uint32_t>(digit);
        }
        if (code > 0x10ffff) pickle.fail("a text has an escape beyond Unicode");
        append_utf8(out, code);
        i += 1 + digits;
    }
    return out;
}

std::string decode_string_line(const PickleBytes& pickle, const std::string& raw) {
    if (raw.size() < 2 || raw.front() != raw.back() || (raw[0] != '\'' && raw[0] != '"'))
        pickle.fail("a string is not quoted");
    std::string out;
    for (size_t i = 1; i + 1 < raw.size(); i++) {
        if (raw[i] != '\\') {
            out += raw[i];
            continue;
        }
        i++;
        if (i + 1 >= raw.size()) pickle.fail("a string has a broken escape");
        static constexpr char codes[] = "\\'\"abfnrtv";
        static constexpr char meanings[] = "\\'\"\a\b\f\n\r\t\v";
        if (const char* const code = std::strchr(codes, raw[i]); code != nullptr && *code != '\0') {
            out += meanings[code - codes];
        } else if (raw[i] == 'x' && i + 3 < raw.size() && hex_digit(raw[i + 1]) >= 0 &&
                   hex_digit(raw[i + 2]) >= 0) {
            out += static_cast<char>(hex_digit(raw[i + 1]) << 4 | hex_digit(raw[i + 2]));
            i += 2;
        } else {
            pickle.fail("a string has an escape that is not known");
        }
    }
    return out;
}

std::string decode_latin1(const PickleBytes& pickle, const std::string& text) {
    std::string out;
    for (size_t i = 0; i < text.size(); i++) {
        const auto byte = static_cast<uint8_t>(text[i]);
        if (byte < 0x80) {
            out += text[i];
        } else if ((byte == 0xc2 || byte == 0xc3) && i + 1 < text.size()) {
            out += static_cast<char>((byte & 3) << 6 | (static_cast<uint8_t>(text[++i]) & 0x3f));
        } else {
            pickle.fail("bytes are written as a text that is not Latin-1");
        }
    }
    return out;
}

}  // namespace vecstore::core::io
