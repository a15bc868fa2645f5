#include "core/io/json/json_flat.hpp"

#include "core/io/json/utf8.hpp"

namespace vecstore::core::io {

namespace {

// Longer numbers are left to Postgres.
constexpr size_t max_number = 40;

bool is_digit(char c) { return c >= '0' && c <= '9'; }

bool is_zero(std::string_view number) { return number.find_first_of("123456789") == std::string_view::npos; }

}  // namespace

FlatJson::FlatJson(const std::vector<JsonField>& fields) : unescaped_(fields.size() + 1) {
    for (const JsonField& field : fields) names_.push_back(field.name.substr(1, field.name.size() - 2));
}

void FlatJson::skip_space() {
    while (at_ < end_ && (*at_ == ' ' || *at_ == '\n' || *at_ == '\r' || *at_ == '\t')) at_++;
}

bool FlatJson::accept(char c) {
    skip_space();
    if (at_ == end_ || *at_ != c) return false;
    at_++;
    return true;
}

// Members mostly come in the same order in all records. names_.size() for one that is not wanted.
size_t FlatJson::find_field(std::string_view name) {
    for (size_t i = 0; i < names_.size(); i++) {
        const size_t field = (expected_ + i) % names_.size();
        if (names_[field] != name) continue;
        expected_ = field + 1;
        return field;
    }
    return names_.size();
}

bool FlatJson::parse_object(std::string_view text, std::vector<FlatValue>& values) {
    at_ = text.data();
    end_ = at_ + text.size();
    values.assign(names_.size(), FlatValue{});
    expected_ = 0;
    if (!accept('{')) return false;
    if (!accept('}')) {
        do {
            skip_space();
            std::string_view name;
            const char* const start = at_;
            // A name with an escape may be the same as one without.
            if (!take_string(names_.size(), name) || name.data() != start + 1) return false;
            if (!accept(':')) return false;
            const size_t field = find_field(name);
            FlatValue unwanted;
            if (!take_value(field, field < names_.size() ? values[field] : unwanted)) return false;
        } while (accept(','));
        if (!accept('}')) return false;
    }
    skip_space();
    return at_ == end_;
}

bool FlatJson::parse_value(std::string_view text, size_t field, FlatValue& value) {
    at_ = text.data();
    end_ = at_ + text.size();
    if (!take_value(field, value)) return false;
    skip_space();
    return at_ == end_;
}

bool FlatJson::take_value(size_t slot, FlatValue& value) {
    skip_space();
    switch (at_ < end_ ? *at_ : '\0') {
        case '"': value.kind = json_string; return take_string(slot, value.text);
        case 't': return take_word("true", json_boolean, value);
        case 'f': return take_word("false", json_boolean, value);
        case 'n': return take_word("null", json_null, value);
        default: return take_number(value);
    }
}

bool FlatJson::take_word(std::string_view word, JsonKind kind, FlatValue& value) {
    if (std::string_view(at_, static_cast<size_t>(end_ - at_)).substr(0, word.size()) != word) return false;
    value = {kind, word};
    at_ += word.size();
    return true;
}

// A number's digits are those of its text in SQL, but for a zero's sign, which numeric has not.
bool FlatJson::take_number(FlatValue& value) {
    const char* const start = at_;
    const auto take_digits = [&] {
        const char* const first = at_;
        while (at_ < end_ && is_digit(*at_)) at_++;
        return at_ > first;
    };
    if (at_ < end_ && *at_ == '-') at_++;
    const char* const first = at_;
    if (!take_digits() || (*first == '0' && at_ > first + 1)) return false;
    value.kind = json_integer;
    if (at_ < end_ && *at_ == '.') {
        at_++;
        if (!take_digits()) return false;
        value.kind = json_real;
    }
    if (at_ < end_ && (*at_ == 'e' || *at_ == 'E')) return false;
    value.text = std::string_view(start, static_cast<size_t>(at_ - start));
    return value.text.size() <= max_number && (*start != '-' || !is_zero(value.text));
}

bool FlatJson::take_string(size_t slot, std::string_view& content) {
    if (at_ == end_ || *at_ != '"') return false;
    const char* const start = ++at_;
    unsigned char bits = 0;
    while (at_ < end_ && *at_ != '"' && *at_ != '\\') {
        const auto c = static_cast<unsigned char>(*at_);
        if (c < 0x20) return false;
        bits |= c;
        at_++;
    }
    if (at_ == end_) return false;
    content = std::string_view(start, static_cast<size_t>(at_ - start));
    if (*at_ == '\\') {
        std::string& unescaped = unescaped_[slot];
        unescaped.assign(content);
        if (!take_escaped(unescaped)) return false;
        content = unescaped;
        bits = 0x80;
    }
    at_++;
    return bits < 0x80 || is_storable(content);
}

// From the first escape to the quote at the end.
bool FlatJson::take_escaped(std::string& content) {
    for (; at_ < end_ && *at_ != '"'; at_++) {
        if (static_cast<unsigned char>(*at_) < 0x20) return false;
        if (*at_ != '\\') {
            content += *at_;
        } else if (!take_escape(content)) {
            return false;
        }
    }
    return at_ < end_;
}

// Ends at the escape's last character.
bool FlatJson::take_escape(std::string& content) {
    if (++at_ == end_) return false;
    constexpr std::string_view letters = "\"\\/bfnrt";
    constexpr std::string_view meanings = "\"\\/\b\f\n\r\t";
    const size_t letter = letters.find(*at_);
    if (letter != std::string_view::npos) {
        content += meanings[letter];
        return true;
    }
    unsigned code;
    if (*at_ != 'u' || !take_code_unit(code) || code == 0) return false;
    if (code >= 0xd800 && code < 0xe000) {
        unsigned low;
        if (code >= 0xdc00 || end_ - at_ < 3 || at_[1] != '\\' || at_[2] != 'u') return false;
        at_ += 2;
        if (!take_code_unit(low) || low < 0xdc00 || low >= 0xe000) return false;
        code = 0x10000 + ((code - 0xd800) << 10) + (low - 0xdc00);
    }
    append_utf8(content, code);
    return true;
}

// Four hexadecimal digits behind a u.
bool FlatJson::take_code_unit(unsigned& unit) {
    if (end_ - at_ < 5) return false;
    unit = 0;
    for (int i = 0; i < 4; i++) {
        const char c = *++at_;
        const bool letter = (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
        if (!letter && !is_digit(c)) return false;
        unit = unit << 4 | static_cast<unsigned>(letter ? (c | 0x20) - 'a' + 10 : c - '0');
    }
    return true;
}

}  // namespace vecstore::core::io
