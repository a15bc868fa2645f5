#include "core/base/ordered_prefix.hpp"

namespace vecstore::core {

namespace {

constexpr int total_bits = 12;
constexpr uint32_t total = 1 << total_bits;

// The kind of the byte before: something of ASCII or nothing, a small letter, a digit, a byte of a longer
// character (of UTF-8; other encodings have their places too, if larger ones than they need).
enum Context : uint8_t { after_other, after_letter, after_digit, after_long, contexts };

constexpr bool is_letter(int byte) { return byte >= 'a' && byte <= 'z'; }
constexpr bool is_digit(int byte) { return byte >= '0' && byte <= '9'; }

constexpr Context context_after(uint8_t byte) {
    return byte >= 0x80      ? after_long
           : is_letter(byte) ? after_letter
           : is_digit(byte)  ? after_digit
                             : after_other;
}

// How often a byte comes there, of `total`; at least once.
constexpr uint32_t weight(int byte, Context context) {
    struct Weights {
        uint32_t letter, digit, capital, separator, punctuation, begins_long, goes_on;
    };
    constexpr Weights weights[contexts] = {{74, 72, 18, 34, 4, 4, 6},
                                           {112, 30, 6, 60, 3, 2, 2},
                                           {36, 200, 10, 100, 3, 1, 1},
                                           {6, 6, 6, 14, 2, 20, 36}};
    const Weights& w = weights[context];
    if (is_letter(byte)) return w.letter;
    if (is_digit(byte)) return w.digit;
    if (byte >= 'A' && byte <= 'Z') return w.capital;
    if (byte == ' ' || byte == '-' || byte == '_' || byte == '/' || byte == '.' || byte == ':')
        return w.separator;
    if (byte > ' ' && byte < 0x7F) return w.punctuation;
    if (byte >= 0x80 && byte <= 0xBF) return w.goes_on;
    return byte >= 0xC2 && byte <= 0xF4 ? w.begins_long : 1;
}

// Where the share of each byte begins, of `total`. The rest at the front belongs to the end of the
// string.
struct Shares {
    uint32_t begin[257];
};

constexpr Shares make_shares(Context context) {
    Shares shares{};
    shares.begin[256] = total;
    for (int byte = 255; byte >= 0; --byte)
        shares.begin[byte] = shares.begin[byte + 1] - weight(byte, context);
    return shares;
}

constexpr Shares shares_after[contexts] = {make_shares(after_other), make_shares(after_letter),
                                           make_shares(after_digit), make_shares(after_long)};
static_assert(shares_after[after_other].begin[0] - 1 < total / 16 &&
              shares_after[after_letter].begin[0] - 1 < total / 16 &&
              shares_after[after_digit].begin[0] - 1 < total / 16 &&
              shares_after[after_long].begin[0] - 1 < total / 16);

}  // namespace

NumberRange ordered_prefix(const char* bytes, size_t size) {
    uint64_t low = 0, width = ~uint64_t{0};
    Context context = after_other;
    // Until the rest makes no difference to the bits that mean something.
    for (size_t i = 0; i < size && width >> (64 - ordered_prefix_bits) != 0; ++i) {
        const auto byte = static_cast<uint8_t>(bytes[i]);
        const uint32_t* const begin = shares_after[context].begin + byte;
        const uint64_t unit = width >> total_bits;
        low += unit * begin[0];
        width = unit * (begin[1] - begin[0]);
        context = context_after(byte);
    }
    return {low, low + (width - 1)};
}

}  // namespace vecstore::core
