// The kernels in plain C++. Sums are kept in kLanes independent partial sums, which compilers can turn into
// baseline vector instructions, and which rounds much like the SIMD tables do.
#include <algorithm>
#include <cmath>
#include <cstring>

#include "core/base/half.hpp"
#include "core/distance/tables.hpp"

namespace vecstore::core {

namespace {

constexpr size_t kLanes = 8;

// Sum over i of term(i).
template <class Term>
float sum_terms(size_t n, Term term) {
    float partial[kLanes] = {};
    size_t i = 0;
    for (; i + kLanes <= n; i += kLanes) {
        for (size_t lane = 0; lane < kLanes; ++lane) partial[lane] += term(i + lane);
    }
    for (; i < n; ++i) partial[0] += term(i);
    float sum = 0;
    for (float p : partial) sum += p;
    return sum;
}

float square(float x) { return x * x; }

float l2_squared(const float* a, const float* b, size_t n) {
    return sum_terms(n, [=](size_t i) { return square(a[i] - b[i]); });
}

float inner_product(const float* a, const float* b, size_t n) {
    return sum_terms(n, [=](size_t i) { return a[i] * b[i]; });
}

float l1(const float* a, const float* b, size_t n) {
    return sum_terms(n, [=](size_t i) { return std::fabs(a[i] - b[i]); });
}

void cosine_sums(const float* a, const float* b, size_t n, float out[3]) {
    out[0] = inner_product(a, b, n);
    out[1] = inner_product(a, a, n);
    out[2] = inner_product(b, b, n);
}

void f32_to_f16(const float* in, uint16_t* out, size_t n) {
    for (size_t i = 0; i < n; ++i) out[i] = f16_from_float(in[i]);
}

void f16_to_f32(const uint16_t* in, float* out, size_t n) {
    for (size_t i = 0; i < n; ++i) out[i] = f16_to_float(in[i]);
}

float l2_squared_f16(const float* q, const uint16_t* x, float scale, size_t n) {
    return sum_terms(n, [=](size_t i) { return square(q[i] - scale * f16_to_float(x[i])); });
}

float inner_product_f16(const float* q, const uint16_t* x, float scale, size_t n) {
    return scale * sum_terms(n, [=](size_t i) { return q[i] * f16_to_float(x[i]); });
}

float l1_f16(const float* q, const uint16_t* x, float scale, size_t n) {
    return sum_terms(n, [=](size_t i) { return std::fabs(q[i] - scale * f16_to_float(x[i])); });
}

float l2_squared_halves(const uint16_t* a, const uint16_t* b, size_t n) {
    return sum_terms(n, [=](size_t i) { return square(f16_to_float(a[i]) - f16_to_float(b[i])); });
}

float inner_product_halves(const uint16_t* a, const uint16_t* b, size_t n) {
    return sum_terms(n, [=](size_t i) { return f16_to_float(a[i]) * f16_to_float(b[i]); });
}

float l1_halves(const uint16_t* a, const uint16_t* b, size_t n) {
    return sum_terms(n, [=](size_t i) { return std::fabs(f16_to_float(a[i]) - f16_to_float(b[i])); });
}

void cosine_sums_halves(const uint16_t* a, const uint16_t* b, size_t n, float out[3]) {
    out[0] = inner_product_halves(a, b, n);
    out[1] = inner_product_halves(a, a, n);
    out[2] = inner_product_halves(b, b, n);
}

float l2_squared_i8(const float* q, const int8_t* x, float scale, size_t n) {
    return sum_terms(n, [=](size_t i) { return square(q[i] - scale * x[i]); });
}

float inner_product_i8(const float* q, const int8_t* x, float scale, size_t n) {
    return scale * sum_terms(n, [=](size_t i) { return q[i] * x[i]; });
}

float l1_i8(const float* q, const int8_t* x, float scale, size_t n) {
    return sum_terms(n, [=](size_t i) { return std::fabs(q[i] - scale * x[i]); });
}

float plane_value(const BitPlanes& x, size_t i) {
    int number = 0;
    for (uint32_t p = 0; p < x.bits; ++p)
        number |= ((x.planes[p * x.plane_bytes + i / 8] >> (i % 8)) & 1) << p;
    return static_cast<float>(number) - 0.5f * static_cast<float>((1 << x.bits) - 1);
}

float l2_squared_planes(const float* q, BitPlanes x, float scale, size_t n) {
    return sum_terms(n, [=](size_t i) { return square(q[i] - scale * plane_value(x, i)); });
}

float inner_product_planes(const float* q, BitPlanes x, float scale, size_t n) {
    return scale * sum_terms(n, [=](size_t i) { return q[i] * plane_value(x, i); });
}

float l1_planes(const float* q, BitPlanes x, float scale, size_t n) {
    return sum_terms(n, [=](size_t i) { return std::fabs(q[i] - scale * plane_value(x, i)); });
}

void planes_to_f32(BitPlanes x, float* out, size_t n) {
    for (size_t i = 0; i < n; ++i) out[i] = plane_value(x, i);
}

// Set bits, counted in fields: of 4 bits, of 8 bits, of the whole word. Baseline x86 has no population count
// instruction.
uint64_t nibble_counts(uint64_t x) {
    x -= (x >> 1) & 0x5555555555555555u;
    return (x & 0x3333333333333333u) + ((x >> 2) & 0x3333333333333333u);
}

uint64_t add_nibbles(uint64_t x) { return (x & 0x0f0f0f0f0f0f0f0fu) + ((x >> 4) & 0x0f0f0f0f0f0f0f0fu); }

uint32_t popcount(uint64_t x) {
    return static_cast<uint32_t>((add_nibbles(nibble_counts(x)) * 0x0101010101010101u) >> 56);
}

// The sum of the eight bytes.
uint32_t add_bytes(uint64_t x) {
    x = (x & 0x00ff00ff00ff00ffu) + ((x >> 8) & 0x00ff00ff00ff00ffu);
    return static_cast<uint32_t>((x * 0x0001000100010001u) >> 48);
}

// Up to 8 bytes as an integer; which byte is where does not matter for counting.
uint64_t load_bytes(const uint8_t* p, size_t bytes) {
    uint64_t word = 0;
    std::memcpy(&word, p, bytes);
    return word;
}

// Bits of a code that are in the planes, times the planes' weights 1, 2, 4 and -8, word by word. Counts of
// two planes fit one field of 4 bits, so that only two words are added up instead of four; the higher ones as
// n2 + 2 * (4 - n3), of 0 to 12.
struct WeightedWords {
    static constexpr size_t room = 8;  // words until a byte may overflow: each adds up to 24

    void add(uint64_t code, uint64_t plane0, uint64_t plane1, uint64_t plane2, uint64_t plane3) {
        const uint64_t n0 = nibble_counts(code & plane0), n1 = nibble_counts(code & plane1);
        const uint64_t n2 = nibble_counts(code & plane2), n3 = nibble_counts(code & plane3);
        low += add_nibbles(n0 + 2 * n1);
        high += add_nibbles(n2 + 0x8888888888888888u - 2 * n3);
    }
    int32_t sum(size_t words) const {
        constexpr int32_t nibbles = 16, surplus = 8;
        return static_cast<int32_t>(add_bytes(low)) +
               4 * (static_cast<int32_t>(add_bytes(high)) - static_cast<int32_t>(words) * nibbles * surplus);
    }

    uint64_t low = 0, high = 0;
};

int32_t weighted_count(const uint8_t* planes, size_t plane_bytes, const uint8_t* code, size_t code_bytes) {
    const auto plane = [=](size_t p, size_t at, size_t bytes) {
        return load_bytes(planes + p * plane_bytes + at, bytes);
    };
    int32_t sum = 0;
    const size_t whole = code_bytes / 8;
    for (size_t begin = 0; begin < whole; begin += WeightedWords::room) {
        const size_t words = std::min(WeightedWords::room, whole - begin);
        WeightedWords counts;
        for (size_t at = 8 * begin; at < 8 * (begin + words); at += 8) {
            counts.add(load_bytes(code + at, 8), plane(0, at, 8), plane(1, at, 8), plane(2, at, 8),
                       plane(3, at, 8));
        }
        sum += counts.sum(words);
    }
    if (const size_t rest = code_bytes % 8) {
        const size_t at = 8 * whole;
        WeightedWords counts;
        counts.add(load_bytes(code + at, rest), plane(0, at, rest), plane(1, at, rest), plane(2, at, rest),
                   plane(3, at, rest));
        sum += counts.sum(1);
    }
    return sum;
}

void score_codes(const uint8_t* planes, const uint8_t* codes, size_t code_bytes, size_t count,
                 int32_t* sums) {
    const size_t plane_bytes = padded_code_bytes(code_bytes);
    for (size_t k = 0; k < count; ++k) {
        sums[k] = weighted_count(planes, plane_bytes, codes + k * code_bytes, code_bytes);
    }
}

uint32_t hamming(const uint8_t* a, const uint8_t* b, size_t code_bytes) {
    uint32_t sum = 0;
    for (size_t i = 0; i < code_bytes; i += 8) {
        const size_t bytes = std::min<size_t>(8, code_bytes - i);
        sum += popcount(load_bytes(a + i, bytes) ^ load_bytes(b + i, bytes));
    }
    return sum;
}

void hamming_each(const uint8_t* code, const uint8_t* codes, size_t code_bytes, size_t count, uint32_t* out) {
    for (size_t k = 0; k < count; ++k) out[k] = hamming(code, codes + k * code_bytes, code_bytes);
}

BitOverlap bit_overlap(const uint8_t* a, const uint8_t* b, size_t bytes) {
    BitOverlap sum{0, 0};
    for (size_t i = 0; i < bytes; i += 8) {
        const size_t count = std::min<size_t>(8, bytes - i);
        const uint64_t x = load_bytes(a + i, count), y = load_bytes(b + i, count);
        sum.both += popcount(x & y);
        sum.either += popcount(x | y);
    }
    return sum;
}

float hamming_distance(const uint8_t* a, const uint8_t* b, size_t bytes) {
    return static_cast<float>(hamming(a, b, bytes));
}

float jaccard_distance(const uint8_t* a, const uint8_t* b, size_t bytes) {
    return jaccard_of(bit_overlap(a, b, bytes));
}

// x(i): component i of what the residual is taken of.
template <class X>
ResidualSums encode(X x, const float* c, size_t n, uint8_t* code) {
    for (size_t byte = 0; byte < n / 8; ++byte) {
        unsigned bits = 0;
        for (size_t bit = 0; bit < 8; ++bit) {
            const size_t i = byte * 8 + bit;
            bits |= static_cast<unsigned>(x(i) - c[i] >= 0) << bit;
        }
        code[byte] = static_cast<uint8_t>(bits);
    }
    ResidualSums sums;
    sums.norm_squared = sum_terms(n, [=](size_t i) { return square(x(i) - c[i]); });
    sums.abs_sum = sum_terms(n, [=](size_t i) { return std::fabs(x(i) - c[i]); });
    sums.center_dot = sum_terms(n, [=](size_t i) { return x(i) - c[i] >= 0 ? c[i] : -c[i]; });
    return sums;
}

ResidualSums encode_residual(const float* x, const float* c, size_t n, uint8_t* code) {
    return encode([=](size_t i) { return x[i]; }, c, n, code);
}

ResidualSums encode_residual_f16(const uint16_t* x, float scale, const float* c, size_t n, uint8_t* code) {
    return encode([=](size_t i) { return scale * f16_to_float(x[i]); }, c, n, code);
}

ResidualSums encode_residual_i8(const int8_t* x, float scale, const float* c, size_t n, uint8_t* code) {
    return encode([=](size_t i) { return scale * x[i]; }, c, n, code);
}

ResidualSums encode_residual_planes(BitPlanes x, float scale, const float* c, size_t n, uint8_t* code) {
    return encode([=](size_t i) { return scale * plane_value(x, i); }, c, n, code);
}

float signed_sum(const float* c, const uint8_t* code, size_t n) {
    return sum_terms(n, [=](size_t i) { return (code[i / 8] >> (i % 8)) & 1 ? c[i] : -c[i]; });
}

int32_t make_planes(const float* q, size_t n, float step, uint8_t* planes, size_t plane_bytes) {
    std::memset(planes, 0, 4 * plane_bytes);
    const float inverse = 1 / step;
    int32_t sum = 0;
    for (size_t i = 0; i < n; ++i) {
        const float clamped = std::min(7.0f, std::max(-8.0f, q[i] * inverse));
        const int32_t v = static_cast<int32_t>(std::lrintf(clamped));
        sum += v;
        for (size_t p = 0; p < 4; ++p) {
            const unsigned bit = (static_cast<unsigned>(v) >> p) & 1;
            planes[p * plane_bytes + i / 8] |= static_cast<uint8_t>(bit << (i % 8));
        }
    }
    return sum;
}

// x(i): component i of what the residual is taken of.
template <int bits, class X>
ResidualSums encode_levels_of(X x, const float* c, size_t n, float relative_step, uint8_t* code) {
    using Shape = LevelShape<bits>;
    const size_t bytes = n / Shape::segments;
    ResidualSums sums;
    sums.norm_squared = sum_terms(n, [=](size_t i) { return square(x(i) - c[i]); });
    const float inverse = inverse_level_step(sums.norm_squared, n, relative_step);
    const auto level = [=](size_t i) {
        const float shifted = (x(i) - c[i]) * inverse + 0.5f * (Shape::most + 1);
        return static_cast<int>(std::min(Shape::most + 0.5f, std::max(0.0f, shifted)));
    };
    const auto number = [=](size_t i) { return static_cast<float>(2 * level(i) - Shape::most); };
    for (size_t j = 0; j < bytes; ++j) {
        unsigned packed = 0;
        for (size_t s = 0; s < Shape::segments; ++s)
            packed |= static_cast<unsigned>(level(s * bytes + j)) << (s * bits);
        code[j] = static_cast<uint8_t>(packed);
    }
    sums.abs_sum = sum_terms(n, [=](size_t i) { return (x(i) - c[i]) * number(i); });
    sums.center_dot = sum_terms(n, [=](size_t i) { return c[i] * number(i); });
    return sums;
}

template <class X>
ResidualSums encode_any_levels(X x, const float* c, size_t n, LevelStep step, uint8_t* code) {
    switch (step.bits) {
        case 2: return encode_levels_of<2>(x, c, n, step.relative, code);
        case 4: return encode_levels_of<4>(x, c, n, step.relative, code);
        default: return encode_levels_of<7>(x, c, n, step.relative, code);
    }
}

ResidualSums encode_levels(const float* x, const float* c, size_t n, LevelStep step, uint8_t* code) {
    return encode_any_levels([=](size_t i) { return x[i]; }, c, n, step, code);
}

ResidualSums encode_levels_f16(const uint16_t* x, float scale, const float* c, size_t n, LevelStep step,
                               uint8_t* code) {
    return encode_any_levels([=](size_t i) { return scale * f16_to_float(x[i]); }, c, n, step, code);
}

ResidualSums encode_levels_i8(const int8_t* x, float scale, const float* c, size_t n, LevelStep step,
                              uint8_t* code) {
    return encode_any_levels([=](size_t i) { return scale * x[i]; }, c, n, step, code);
}

int32_t make_i8(const float* q, size_t n, float step, int8_t* out) {
    const float inverse = 1 / step;
    int32_t sum = 0;
    for (size_t i = 0; i < n; ++i) {
        const float clamped = std::min(127.0f, std::max(-127.0f, q[i] * inverse));
        const int32_t v = static_cast<int32_t>(std::lrintf(clamped));
        out[i] = static_cast<int8_t>(v);
        sum += v;
    }
    return sum;
}

int32_t level_numbers(const uint8_t* code, size_t code_bytes, uint32_t bits, int8_t* out) {
    const size_t stride = padded_code_bytes(code_bytes), segments = levels_per_byte(bits);
    const int most = (1 << bits) - 1;
    int32_t sum = 0;
    for (size_t s = 0; s < segments; ++s, out += stride) {
        for (size_t j = 0; j < code_bytes; ++j) {
            const int number = 2 * ((code[j] >> (s * bits)) & most) - most;
            out[j] = static_cast<int8_t>(number);
            sum += number;
        }
        std::memset(out + code_bytes, 0, stride - code_bytes);
    }
    return sum;
}

void score_levels(const int8_t* query, const uint8_t* codes, size_t code_bytes, uint32_t bits, size_t count,
                  int32_t* sums) {
    const size_t stride = padded_code_bytes(code_bytes), segments = levels_per_byte(bits);
    const int mask = (1 << bits) - 1;
    for (size_t k = 0; k < count; ++k) {
        const uint8_t* const code = codes + k * code_bytes;
        int32_t sum = 0;
        for (size_t s = 0; s < segments; ++s)
            for (size_t j = 0; j < code_bytes; ++j)
                sum += query[s * stride + j] * ((code[j] >> (s * bits)) & mask);
        sums[k] = sum;
    }
}

float max_abs(const float* q, size_t n) {
    float result = 0;
    for (size_t i = 0; i < n; ++i) result = std::max(result, std::fabs(q[i]));
    return result;
}

void finish_estimates(const int32_t* sums, const uint8_t* factors, size_t count, float base, float scale,
                      int32_t v_sum, float* out) {
    for (size_t k = 0; k < count; ++k) {
        uint16_t pair[2];
        std::memcpy(pair, factors + 4 * k, sizeof pair);
        const float dot = scale * static_cast<float>(2 * sums[k] - v_sum);
        out[k] = base + bf16_to_float(pair[0]) + bf16_to_float(pair[1]) * dot;
    }
}

void keep_in_range(const uint64_t* keys, size_t count, uint64_t low, uint64_t span, uint64_t* bits) {
    for (size_t begin = 0; begin < count; begin += 64, ++bits) {
        uint64_t word = 0;
        const size_t n = std::min<size_t>(64, count - begin);
        for (size_t i = 0; i < n; ++i) word |= static_cast<uint64_t>(keys[begin + i] - low <= span) << i;
        *bits &= word;
    }
}

void keep_sifted(const uint64_t* keys, size_t count, const uint64_t* sieve, int shift, uint64_t* bits) {
    for (size_t begin = 0; begin < count; begin += 64, ++bits) {
        uint64_t word = 0;
        const size_t n = std::min<size_t>(64, count - begin);
        for (size_t i = 0; i < n; ++i) {
            const uint64_t place = keys[begin + i] * key_multiplier >> shift;
            word |= (sieve[place / 64] >> (place % 64) & 1) << i;
        }
        *bits &= word;
    }
}

size_t smallest(const float* x, size_t n) { return static_cast<size_t>(std::min_element(x, x + n) - x); }

float sparse_product(const SparseView& a, const SparseView& b) {
    float sum = 0;
    size_t i = 0, j = 0;
    while (i < a.count && j < b.count) {
        const int32_t at_a = a.indices[i];
        const int32_t at_b = b.indices[j];
        // Dimensions in common are few, so that this branch is foreseen; which list is behind is not.
        if (at_a == at_b) sum += a.values[i] * b.values[j];
        i += at_a <= at_b;
        j += at_b <= at_a;
    }
    return sum;
}

void sparse_align(const SparseView& a, const SparseView& b, float* partners, float* rest) {
    std::fill(partners, partners + a.count, 0.0f);
    std::copy(b.values, b.values + b.count, rest);
    size_t i = 0, j = 0;
    while (i < a.count && j < b.count) {
        const int32_t at_a = a.indices[i];
        const int32_t at_b = b.indices[j];
        if (at_a == at_b) {
            partners[i] = b.values[j];
            rest[j] = 0;
        }
        i += at_a <= at_b;
        j += at_b <= at_a;
    }
}

void hadamard(float* x, size_t n) {
    for (size_t half = 1; half < n; half *= 2) {
        for (size_t block = 0; block < n; block += 2 * half) {
            for (size_t i = block; i < block + half; ++i) {
                const float a = x[i];
                const float b = x[i + half];
                x[i] = a + b;
                x[i + half] = a - b;
            }
        }
    }
    const float scale = 1 / std::sqrt(static_cast<float>(n));
    for (size_t i = 0; i < n; ++i) x[i] *= scale;
}

void flip_signs(float* x, const uint8_t* signs, size_t n) {
    for (size_t i = 0; i < n; ++i) {
        const uint32_t flip = static_cast<uint32_t>((signs[i / 8] >> (i % 8)) & 1) << 31;
        x[i] = float_from_bits(float_bits(x[i]) ^ flip);
    }
}

void kac_step(float* a, float* b, size_t n) {
    for (size_t i = 0; i < n; ++i) {
        const float sum = a[i] + b[i];
        b[i] = (a[i] - b[i]) * kInverseRootOfTwo;
        a[i] = sum * kInverseRootOfTwo;
    }
}

}  // namespace

const Kernels& scalar_kernels() {
    static constexpr Kernels kTable = {"scalar", VECSTORE_KERNELS};
    return kTable;
}

}  // namespace vecstore::core
