// The table of SIMD kernels. One table exists per instruction set; the best one the CPU has is chosen
// once, when it is first asked for (see kernels()). Everything outside this folder calls through the
// table and contains no intrinsics.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "core/distance/sparse_view.hpp"

namespace vecstore::core {

// The figures that encode_residual finds out about a residual r = x - c on its one pass over it.
struct ResidualSums {
    float norm_squared;  // |r|^2
    float abs_sum;       // sum |r_i|, so <r, code/sqrt(D)> = abs_sum / sqrt(D)
    float center_dot;    // sum c_i * s_i with s_i = +1 where r_i >= 0, else -1 (s = the code's signs)
};

// Bits that are set in both of two strings, and in at least one of them.
struct BitOverlap {
    uint32_t both;
    uint32_t either;
};

// n components (a multiple of 16) of 2 to 6 bits each: plane p holds bit p of all of them, component i's in
// bit i%8 of byte i/8. A component stands for its number less (2^bits - 1) / 2: ..., -1.5, -0.5, 0.5, 1.5,
// ...
struct BitPlanes {
    const uint8_t* planes;  // one after the other
    size_t plane_bytes;     // from one to the next
    uint32_t bits;
};

// Of codes of several bits: how many they have, and how far apart their levels are, in units of the root mean
// square of the residual's components.
struct LevelStep {
    uint32_t bits;
    float relative;
};

// Spreads keys over a sieve (Kernels::keep_sifted): 2^64 divided by the golden ratio.
constexpr uint64_t key_multiplier = 0x9E3779B97F4A7C15ull;

struct Kernels {
    const char* name;  // "scalar", "avx2", "avx512", ...

    // --- float32, any length n >= 0, no alignment needed -------------------------------------------
    float (*l2_squared)(const float* a, const float* b, size_t n);
    float (*inner_product)(const float* a, const float* b, size_t n);
    float (*l1)(const float* a, const float* b, size_t n);
    // out[0] = <a,b>, out[1] = |a|^2, out[2] = |b|^2
    void (*cosine_sums)(const float* a, const float* b, size_t n, float out[3]);

    // --- half precision (IEEE binary16 in uint16_t), any length ------------------------------------
    void (*f32_to_f16)(const float* in, uint16_t* out, size_t n);  // round to nearest even
    void (*f16_to_f32)(const uint16_t* in, float* out, size_t n);
    // |q - scale * x|^2
    float (*l2_squared_f16)(const float* q, const uint16_t* x, float scale, size_t n);
    // scale * <q, x>
    float (*inner_product_f16)(const float* q, const uint16_t* x, float scale, size_t n);
    // sum |q_i - scale * x_i|
    float (*l1_f16)(const float* q, const uint16_t* x, float scale, size_t n);
    // The distances of two vectors of half precision numbers; differences, products and sums are floats.
    float (*l2_squared_halves)(const uint16_t* a, const uint16_t* b, size_t n);
    float (*inner_product_halves)(const uint16_t* a, const uint16_t* b, size_t n);
    float (*l1_halves)(const uint16_t* a, const uint16_t* b, size_t n);
    // out[0] = <a,b>, out[1] = |a|^2, out[2] = |b|^2
    void (*cosine_sums_halves)(const uint16_t* a, const uint16_t* b, size_t n, float out[3]);

    // --- int8 own vectors, any length --------------------------------------------------------------
    float (*l2_squared_i8)(const float* q, const int8_t* x, float scale, size_t n);
    float (*inner_product_i8)(const float* q, const int8_t* x, float scale, size_t n);
    float (*l1_i8)(const float* q, const int8_t* x, float scale, size_t n);

    // --- own vectors of few bits, n a multiple of 16 -------------------------------------------------
    float (*l2_squared_planes)(const float* q, BitPlanes x, float scale, size_t n);
    float (*inner_product_planes)(const float* q, BitPlanes x, float scale, size_t n);
    float (*l1_planes)(const float* q, BitPlanes x, float scale, size_t n);
    void (*planes_to_f32)(BitPlanes x, float* out, size_t n);

    // --- 1-bit codes ---------------------------------------------------------------------------------
    // Bit i of a code (bit i%8 of byte i/8) is 1 where the rotated residual's component i is >= 0.
    //
    // For `count` codes of `code_bytes` bytes each, one after the other, writes
    //     sums[k] = sum over set bits i of code k of v_i
    // where the query's quantized components v_i in [-8, 7] are given as four bit planes in two's
    // complement: v_i = b0 + 2 b1 + 4 b2 - 8 b3. Each plane is `plane_bytes` = code_bytes rounded up
    // to a multiple of 64 bytes, zero beyond code_bytes; plane p starts at planes + p * plane_bytes,
    // 64-byte aligned. Codes may be read up to 63 bytes beyond the last one (never written): the node
    // layout keeps other bytes of the page there.
    void (*score_codes)(const uint8_t* planes, const uint8_t* codes, size_t code_bytes, size_t count,
                        int32_t* sums);
    // Number of differing bits of two codes of code_bytes bytes; reads exactly code_bytes.
    uint32_t (*hamming)(const uint8_t* a, const uint8_t* b, size_t code_bytes);
    // The same of one code and each of `count` that lie one after the other.
    void (*hamming_each)(const uint8_t* code, const uint8_t* codes, size_t code_bytes, size_t count,
                         uint32_t* out);
    // Of two bit strings of `bytes` bytes: how many bits are set in both, and in at least one.
    BitOverlap (*bit_overlap)(const uint8_t* a, const uint8_t* b, size_t bytes);
    // Distances of two bit strings of `bytes` bytes: how many bits differ; and 1 - the share that the bits
    // set in both have of those set in at least one, 0 where none is set.
    float (*hamming_distance)(const uint8_t* a, const uint8_t* b, size_t bytes);
    float (*jaccard_distance)(const uint8_t* a, const uint8_t* b, size_t bytes);
    // Code of the residual x - c over n components (n a multiple of 8): writes n/8 bytes.
    ResidualSums (*encode_residual)(const float* x, const float* c, size_t n, uint8_t* code);
    // The same of the residual scale * x - c of a stored vector.
    ResidualSums (*encode_residual_f16)(const uint16_t* x, float scale, const float* c, size_t n,
                                        uint8_t* code);
    ResidualSums (*encode_residual_i8)(const int8_t* x, float scale, const float* c, size_t n, uint8_t* code);
    // n a multiple of 16.
    ResidualSums (*encode_residual_planes)(BitPlanes x, float scale, const float* c, size_t n, uint8_t* code);
    // sum c_i * s_i, s_i = +1 where bit i of the code is set, else -1; n a multiple of 8. What
    // encode_residual gave as center_dot, for a code that is already stored.
    float (*signed_sum)(const float* c, const uint8_t* code, size_t n);
    // Quantizes q (n components, a multiple of 8) to v_i = clamp(round(q_i * (1/step)), -8, 7), ties to
    // even, and writes the four planes described above (plane_bytes each, zero padded). Returns the sum of
    // v_i. step must be a normal positive number.
    int32_t (*make_planes)(const float* q, size_t n, float step, uint8_t* planes, size_t plane_bytes);
    // max |q_i|
    float (*max_abs)(const float* q, size_t n);
    // Turns the sums of score_codes into estimates of squared distances:
    //     out[k] = base + f_add_k + f_rescale_k * scale * (2 * sums[k] - v_sum)
    // (and those of score_levels, with v_sum times the highest level)
    // factors: 4 bytes for each of `count` neighbors, bf16 f_add then bf16 f_rescale, little endian;
    // base = |q-c|^2, scale = step / sqrt(dims of the code) (see quantize/code.hpp).
    void (*finish_estimates)(const int32_t* sums, const uint8_t* factors, size_t count, float base,
                             float scale, int32_t v_sum, float* out);

    // --- codes of several bits -------------------------------------------------------------------------
    // A component's level u is one of 2^bits, for bits 2, 4 or 7, and stands for the odd number y = 2u -
    // (2^bits - 1): for the residual r of a component, y / 2 is r / step rounded to a half. A byte has 4, 2
    // or 1 levels, the first one in the lowest bits: with n components and b bytes, byte j has the levels of
    // components j, j + b, j + 2b, ... n is a multiple of 16.
    //
    // Code of the residual x - c. The sums are as of encode_residual, with y for the signs: norm_squared,
    // abs_sum = sum r_i y_i, center_dot = sum c_i y_i. The step follows from norm_squared
    // (inverse_level_step).
    ResidualSums (*encode_levels)(const float* x, const float* c, size_t n, LevelStep step, uint8_t* code);
    ResidualSums (*encode_levels_f16)(const uint16_t* x, float scale, const float* c, size_t n,
                                      LevelStep step, uint8_t* code);
    ResidualSums (*encode_levels_i8)(const int8_t* x, float scale, const float* c, size_t n, LevelStep step,
                                     uint8_t* code);
    // out_i = clamp(round(q_i * (1/step)), -127, 127), ties to even. Returns the sum. step must be a normal
    // positive number.
    int32_t (*make_i8)(const float* q, size_t n, float step, int8_t* out);
    // The odd numbers of a code, 2 u_i less the highest level, as the query of score_levels, zeros included;
    // returns their sum.
    int32_t (*level_numbers)(const uint8_t* code, size_t code_bytes, uint32_t bits, int8_t* out);
    // For `count` codes, one after the other: sums[k] = sum v_i u_i. query: the v_i of each byte's first
    // level, then those of its second, ...; each of these parts is code_bytes long and followed by zeros up
    // to a multiple of 64 bytes. Codes may be read up to 63 bytes beyond the last one, as by score_codes.
    void (*score_levels)(const int8_t* query, const uint8_t* codes, size_t code_bytes, uint32_t bits,
                         size_t count, int32_t* sums);

    // Index of the smallest of n floats, one of them where several are equal; n > 0, no NaN.
    size_t (*smallest)(const float* x, size_t n);

    // Clears bit i%64 of bits[i/64] for each of `count` keys that is not in low ... low + span (which may
    // wrap around); bits beyond the last key are left as they are or cleared.
    void (*keep_in_range)(const uint64_t* keys, size_t count, uint64_t low, uint64_t span, uint64_t* bits);

    // The same for each key whose bit in the sieve is not set: of 1 << (64 - shift) bits, with shift in 1 ...
    // 58, its number is the key times key_multiplier, modulo 2^64, shifted right.
    void (*keep_sifted)(const uint64_t* keys, size_t count, const uint64_t* sieve, int shift, uint64_t* bits);

    // --- sparse vectors --------------------------------------------------------------------------------
    // <a, b>
    float (*sparse_product)(const SparseView& a, const SparseView& b);
    // For every element of a, b's value in that dimension or 0; and b's values, but 0 where a has that
    // dimension.
    void (*sparse_align)(const SparseView& a, const SparseView& b, float* partners, float* rest);

    // --- rotation ------------------------------------------------------------------------------------
    // In-place orthonormal fast Hadamard transform, n a power of two.
    void (*hadamard)(float* x, size_t n);
    // x_i = -x_i where bit i of signs is set (bit i%8 of byte i/8); n a multiple of 8
    void (*flip_signs)(float* x, const uint8_t* signs, size_t n);
    // A step of Kac's walk: (a_i, b_i) = ((a_i + b_i) / sqrt 2, (a_i - b_i) / sqrt 2)
    void (*kac_step)(float* a, float* b, size_t n);
};

// All kernels in the order of Kernels: the functions of these names where it is used.
#define VECSTORE_KERNELS                                                                                     \
    l2_squared, inner_product, l1, cosine_sums, f32_to_f16, f16_to_f32, l2_squared_f16, inner_product_f16,   \
        l1_f16, l2_squared_halves, inner_product_halves, l1_halves, cosine_sums_halves, l2_squared_i8,       \
        inner_product_i8, l1_i8, l2_squared_planes, inner_product_planes, l1_planes, planes_to_f32,          \
        score_codes, hamming, hamming_each, bit_overlap, hamming_distance, jaccard_distance,                 \
        encode_residual, encode_residual_f16, encode_residual_i8, encode_residual_planes, signed_sum,        \
        make_planes, max_abs, finish_estimates, encode_levels, encode_levels_f16, encode_levels_i8, make_i8, \
        level_numbers, score_levels, smallest, keep_in_range, keep_sifted, sparse_product, sparse_align,     \
        hadamard, flip_signs, kac_step

// The table in use: the best the CPU supports, or the one forced by force_kernels.
const Kernels& kernels();

// Every table this CPU can run, the scalar one first, the best last.
std::vector<const Kernels*> available_kernels();

// For tests and the setting vecstore.simd: "auto" or the name of an available table.
// Returns false (and changes nothing) when this CPU cannot run it or the name is unknown.
bool force_kernels(const char* name);

}  // namespace vecstore::core
