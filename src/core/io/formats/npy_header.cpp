#include "core/io/formats/npy_header.hpp"

#include <cctype>
#include <limits>

namespace vecstore::core::io {

namespace {

constexpr char magic[] = "\x93NUMPY";
constexpr size_t magic_length = 6;
// Real headers have about 100 bytes; numpy itself refuses more than 10,000.
constexpr uint32_t max_header_length = 65536;
// numpy's own limit.
constexpr size_t max_shape = 64;

// Reads the literal from left to right. Positions in errors are those of the file.
class DictParser {
  public:
    DictParser(const ByteSource& source, uint64_t start, const std::string& text)
        : source_(source), start_(start), text_(text) {}

    void parse(NpyHeader& header) {
        expect('{');
        bool descr = false, order = false, shape = false;
        while (!accept('}')) {
            const size_t key_at = position_;
            const std::string key = parse_string("a key");
            expect(':');
            if (key == "descr" && !descr) {
                descr = true;
                parse_descr(header);
            } else if (key == "fortran_order" && !order) {
                order = true;
                header.fortran_order = parse_bool();
            } else if (key == "shape" && !shape) {
                shape = true;
                parse_shape(header);
            } else {
                position_ = key_at;
                fail("unexpected or repeated key \"" +
                     printable(key.data(), std::min<size_t>(key.size(), 40)) + "\" in the header");
            }
            if (!accept(',') && !peek('}')) fail("expected \",\" or \"}\" in the header");
        }
        skip_space();
        if (position_ != text_.size()) fail("unexpected text after the header's dict");
        if (!descr || !order || !shape) {
            position_ = 0;
            fail("the header lacks one of \"descr\", \"fortran_order\", \"shape\"");
        }
    }

  private:
    [[noreturn]] void fail(const std::string& reason) const {
        throw_bad_file(source_, start_ + position_, reason);
    }

    void skip_space() {
        while (position_ < text_.size() && (text_[position_] == ' ' || text_[position_] == '\n' ||
                                            text_[position_] == '\r' || text_[position_] == '\t')) {
            position_++;
        }
    }

    bool peek(char c) {
        skip_space();
        return position_ < text_.size() && text_[position_] == c;
    }

    bool accept(char c) {
        if (!peek(c)) return false;
        position_++;
        return true;
    }

    void expect(char c) {
        if (!accept(c)) fail(std::string("expected \"") + c + "\" in the header");
    }

    bool accept_word(const char* word) {
        skip_space();
        const size_t n = std::strlen(word);
        if (text_.compare(position_, n, word) != 0) return false;
        position_ += n;
        return true;
    }

    std::string parse_string(const char* what) {
        skip_space();
        accept_word("u");  // Python 2's u'...'
        const char quote = position_ < text_.size() ? text_[position_] : '\0';
        const size_t end = quote == '\'' || quote == '"' ? text_.find(quote, position_ + 1)
                                                         : std::string::npos;
        if (end == std::string::npos) fail(std::string("expected ") + what + " in quotes in the header");
        std::string value = text_.substr(position_ + 1, end - position_ - 1);
        if (value.find('\\') != std::string::npos) fail("escape sequence in the header");
        position_ = end + 1;
        return value;
    }

    void parse_descr(NpyHeader& header) {
        if (peek('[') || peek('(')) {
            throw_not_supported(source_, "its elements are of a structured type",
                                "Save the vectors alone as a 2-D array of numbers.");
        }
        header.descr = parse_string("an element type");
    }

    bool parse_bool() {
        if (accept_word("True")) return true;
        if (accept_word("False")) return false;
        fail("expected True or False in the header");
    }

    void parse_shape(NpyHeader& header) {
        expect('(');
        while (!accept(')')) {
            if (header.shape.size() == max_shape) fail("the shape has too many dimensions");
            header.shape.push_back(parse_length());
            if (!accept(',') && !peek(')')) fail("expected \",\" or \")\" in the shape");
        }
    }

    uint64_t parse_length() {
        skip_space();
        if (peek('-')) fail("negative length in the shape");
        constexpr uint64_t limit = std::numeric_limits<int64_t>::max();
        const size_t first = position_;
        uint64_t value = 0;
        for (; position_ < text_.size() && text_[position_] >= '0' && text_[position_] <= '9'; position_++) {
            const uint64_t digit = static_cast<uint64_t>(text_[position_] - '0');
            if (value > (limit - digit) / 10) fail("a length in the shape is too large");
            value = value * 10 + digit;
        }
        if (position_ == first) fail("expected a number in the shape");
        accept_word("L");  // Python 2's long
        return value;
    }

    const ByteSource& source_;
    const uint64_t start_;
    const std::string& text_;
    size_t position_ = 0;
};

}  // namespace

NpyHeader read_npy_header(ByteSource& source) {
    Cursor cursor(source);
    char found[magic_length];
    cursor.read_bytes(found, magic_length, "the .npy magic");
    if (std::memcmp(found, magic, magic_length) != 0) {
        throw_bad_file(source, 0,
                       "this is not an .npy file: it starts with \"" + printable(found, magic_length) + "\"");
    }
    NpyHeader header;
    header.major = cursor.read<uint8_t>("the version");
    header.minor = cursor.read<uint8_t>("the version");
    if (header.major < 1 || header.major > 3 || header.minor != 0) {
        throw_not_supported(source,
                            ".npy version " + std::to_string(header.major) + "." +
                                std::to_string(header.minor) + " is unknown",
                            "Versions 1.0, 2.0 and 3.0 can be read.");
    }
    const uint32_t length = header.major == 1 ? cursor.read<uint16_t>("the header's length")
                                              : cursor.read<uint32_t>("the header's length");
    if (length > max_header_length) {
        cursor.fail("a header of " + std::to_string(length) + " bytes is longer than the " +
                        std::to_string(max_header_length) + " that are allowed",
                    header.major == 1 ? 2 : 4);
    }
    const uint64_t start = cursor.offset();
    if (length > cursor.remaining()) {
        cursor.fail("the header needs " + std::to_string(length) + " bytes; there are " +
                    std::to_string(cursor.remaining()));
    }
    std::string text(length, '\0');
    cursor.read_bytes(text.data(), length, "the header");
    DictParser(source, start, text).parse(header);
    header.data_offset = cursor.offset();
    return header;
}

}  // namespace vecstore::core::io
