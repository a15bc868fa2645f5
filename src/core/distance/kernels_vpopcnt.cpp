// score_codes and bit counts for x86 CPUs that count bits in vectors (AVX-512 BITALG and VPOPCNTDQ, with VNNI
// for the weighting): raw intrinsics, because Highway 1.0 has neither the weighting step nor the tail packing
// below and its target for these CPUs also asks for instructions that they do not all have. All other kernels
// are those of the table "avx512".
#include <cstring>

#include "core/distance/tables.hpp"

#if defined(__x86_64__)
// GCC 12 warns of its own headers' undefined pass-through operands, wherever they are inlined.
#if defined(__GNUC__) && !defined(__clang__)
#pragma GCC diagnostic ignored "-Wuninitialized"
#pragma GCC diagnostic ignored "-Wmaybe-uninitialized"
#endif
#include <immintrin.h>

// On every function here: only CPUs that append_vpopcnt_kernels has asked run them.
#define VECSTORE_VPOPCNT \
    __attribute__((      \
        target("avx512f,avx512bw,avx512vl,avx512dq,avx512vnni,avx512bitalg,avx512vpopcntdq,bmi2,popcnt")))
#define VECSTORE_VPOPCNT_INLINE VECSTORE_VPOPCNT inline __attribute__((always_inline))

namespace vecstore::core {

namespace {

struct Planes {
    const uint8_t* start;
    size_t plane_bytes;
    size_t code_bytes;
};

// The same 64 bytes of the four planes.
struct PlaneBlock {
    __m512i bit0, bit1, bit2, bit3;
};

VECSTORE_VPOPCNT_INLINE PlaneBlock load_planes(const Planes& planes, size_t offset) {
    const uint8_t* at = planes.start + offset;
    return {_mm512_load_si512(at), _mm512_load_si512(at + planes.plane_bytes),
            _mm512_load_si512(at + 2 * planes.plane_bytes), _mm512_load_si512(at + 3 * planes.plane_bytes)};
}

VECSTORE_VPOPCNT_INLINE __m512i load_half_plane(const uint8_t* at) {
    return _mm512_broadcast_i64x4(_mm256_load_si256(reinterpret_cast<const __m256i*>(at)));
}

// 32 bytes of each plane, in both halves of the vector.
VECSTORE_VPOPCNT_INLINE PlaneBlock load_half_planes(const Planes& planes, size_t offset) {
    const uint8_t* at = planes.start + offset;
    return {load_half_plane(at), load_half_plane(at + planes.plane_bytes),
            load_half_plane(at + 2 * planes.plane_bytes), load_half_plane(at + 3 * planes.plane_bytes)};
}

VECSTORE_VPOPCNT_INLINE __m512i count(__m512i code, __m512i plane) {
    return _mm512_popcnt_epi8(_mm512_and_si512(code, plane));
}

// Adds to each 4-byte lane of `sum` that lane's part of sum over set bits of v_i, for 64 bytes of code.
VECSTORE_VPOPCNT_INLINE __m512i add_block(__m512i sum, __m512i code, const PlaneBlock& plane) {
    sum = _mm512_dpbusd_epi32(sum, count(code, plane.bit0), _mm512_set1_epi8(1));
    sum = _mm512_dpbusd_epi32(sum, count(code, plane.bit1), _mm512_set1_epi8(2));
    sum = _mm512_dpbusd_epi32(sum, count(code, plane.bit2), _mm512_set1_epi8(4));
    return _mm512_dpbusd_epi32(sum, count(code, plane.bit3), _mm512_set1_epi8(-8));
}

VECSTORE_VPOPCNT_INLINE __m512i load_pair(const uint8_t* a, const uint8_t* b) {
    const __m256i low = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(a));
    const __m256i high = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(b));
    return _mm512_inserti64x4(_mm512_castsi256_si512(low), high, 1);
}

// Two vectors of partial sums as one: the lower half of the result is of a, the upper half of b.
VECSTORE_VPOPCNT_INLINE __m512i fold(__m512i a, __m512i b) {
    return _mm512_add_epi32(_mm512_shuffle_i64x2(a, b, 0x44), _mm512_shuffle_i64x2(a, b, 0xee));
}

// The sums of four codes, from their partial sums, folded two by two.
VECSTORE_VPOPCNT_INLINE __m128i finish(__m512i ab, __m512i cd) {
    const __m512i quarters = _mm512_add_epi32(_mm512_shuffle_i64x2(ab, cd, 0x88),
                                              _mm512_shuffle_i64x2(ab, cd, 0xdd));
    const __m512i halves = _mm512_add_epi32(quarters, _mm512_shuffle_epi32(quarters, _MM_PERM_BADC));
    const __m512i sums = _mm512_add_epi32(halves, _mm512_shuffle_epi32(halves, _MM_PERM_CDAB));
    const __m512i lanes = _mm512_setr_epi32(0, 4, 8, 12, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0);
    return _mm512_castsi512_si128(_mm512_permutexvar_epi32(lanes, sums));
}

// The sums of four codes. A tail of at most 32 bytes costs half: two codes' tails are counted in one vector.
VECSTORE_VPOPCNT_INLINE __m128i score_four(const Planes& planes, const uint8_t* const (&code)[4]) {
    const size_t tail = planes.code_bytes % 64;
    const size_t whole = tail > 32 ? planes.plane_bytes : planes.code_bytes - tail;
    __m512i a = _mm512_setzero_si512(), b = a, c = a, d = a;
    for (size_t i = 0; i < whole; i += 64) {
        const PlaneBlock plane = load_planes(planes, i);
        a = add_block(a, _mm512_loadu_si512(code[0] + i), plane);
        b = add_block(b, _mm512_loadu_si512(code[1] + i), plane);
        c = add_block(c, _mm512_loadu_si512(code[2] + i), plane);
        d = add_block(d, _mm512_loadu_si512(code[3] + i), plane);
    }
    __m512i ab = fold(a, b), cd = fold(c, d);
    if (whole < planes.code_bytes) {
        const PlaneBlock plane = load_half_planes(planes, whole);
        ab = add_block(ab, load_pair(code[0] + whole, code[1] + whole), plane);
        cd = add_block(cd, load_pair(code[2] + whole, code[3] + whole), plane);
    }
    return finish(ab, cd);
}

VECSTORE_VPOPCNT void score_codes(const uint8_t* planes, const uint8_t* codes, size_t code_bytes,
                                  size_t count, int32_t* sums) {
    const Planes p{planes, padded_code_bytes(code_bytes), code_bytes};
    size_t k = 0;
    for (; k + 4 <= count; k += 4) {
        const uint8_t* at = codes + k * code_bytes;
        const uint8_t* const four[4] = {at, at + code_bytes, at + 2 * code_bytes, at + 3 * code_bytes};
        _mm_storeu_si128(reinterpret_cast<__m128i*>(sums + k), score_four(p, four));
    }
    if (k == count) return;
    const uint8_t* four[4];
    for (size_t i = 0; i < 4; ++i) four[i] = codes + (k + i < count ? k + i : k) * code_bytes;
    alignas(16) int32_t buffer[4];
    _mm_store_si128(reinterpret_cast<__m128i*>(buffer), score_four(p, {four[0], four[1], four[2], four[3]}));
    std::memcpy(sums + k, buffer, (count - k) * sizeof *sums);
}

// --- codes of several bits
// -------------------------------------------------------------------------------------

// Adds to each 4-byte lane that lane's part of the sum over levels times the query's components.
template <int bits>
VECSTORE_VPOPCNT_INLINE __m512i add_levels(__m512i sum, __m512i code, const __m512i* query) {
    if (bits == 7) return _mm512_dpbusd_epi32(sum, code, query[0]);
    const __m512i mask = _mm512_set1_epi8(LevelShape<bits>::mask);
    for (size_t s = 0; s < LevelShape<bits>::segments; ++s) {
        const __m512i levels = s == 0 ? code : _mm512_srli_epi16(code, static_cast<unsigned>(s * bits));
        sum = _mm512_dpbusd_epi32(sum, _mm512_and_si512(levels, mask), query[s]);
    }
    return sum;
}

// The sums of four codes; as score_four. (In the tails of two codes in one vector, bytes beyond a code meet
// zeros of the query.)
template <int bits>
VECSTORE_VPOPCNT_INLINE __m128i score_four_levels(const int8_t* query, size_t code_bytes,
                                                  const uint8_t* const (&code)[4]) {
    constexpr size_t segments = LevelShape<bits>::segments;
    const size_t stride = padded_code_bytes(code_bytes), tail = code_bytes % 64;
    const size_t whole = tail > 32 ? stride : code_bytes - tail;
    __m512i a = _mm512_setzero_si512(), b = a, c = a, d = a;
    __m512i q[segments];
    for (size_t i = 0; i < whole; i += 64) {
        for (size_t s = 0; s < segments; ++s) q[s] = _mm512_loadu_si512(query + s * stride + i);
        a = add_levels<bits>(a, _mm512_loadu_si512(code[0] + i), q);
        b = add_levels<bits>(b, _mm512_loadu_si512(code[1] + i), q);
        c = add_levels<bits>(c, _mm512_loadu_si512(code[2] + i), q);
        d = add_levels<bits>(d, _mm512_loadu_si512(code[3] + i), q);
    }
    __m512i ab = fold(a, b), cd = fold(c, d);
    if (whole < code_bytes) {
        for (size_t s = 0; s < segments; ++s)
            q[s] = _mm512_broadcast_i64x4(
                _mm256_loadu_si256(reinterpret_cast<const __m256i*>(query + s * stride + whole)));
        ab = add_levels<bits>(ab, load_pair(code[0] + whole, code[1] + whole), q);
        cd = add_levels<bits>(cd, load_pair(code[2] + whole, code[3] + whole), q);
    }
    return finish(ab, cd);
}

template <int bits>
VECSTORE_VPOPCNT void score_all_levels(const int8_t* query, const uint8_t* codes, size_t code_bytes,
                                       size_t count, int32_t* sums) {
    size_t k = 0;
    for (; k + 4 <= count; k += 4) {
        const uint8_t* at = codes + k * code_bytes;
        const uint8_t* const four[4] = {at, at + code_bytes, at + 2 * code_bytes, at + 3 * code_bytes};
        _mm_storeu_si128(reinterpret_cast<__m128i*>(sums + k),
                         score_four_levels<bits>(query, code_bytes, four));
    }
    if (k == count) return;
    const uint8_t* four[4];
    for (size_t i = 0; i < 4; ++i) four[i] = codes + (k + i < count ? k + i : k) * code_bytes;
    alignas(16) int32_t buffer[4];
    _mm_store_si128(reinterpret_cast<__m128i*>(buffer),
                    score_four_levels<bits>(query, code_bytes, {four[0], four[1], four[2], four[3]}));
    std::memcpy(sums + k, buffer, (count - k) * sizeof *sums);
}

void score_levels(const int8_t* query, const uint8_t* codes, size_t code_bytes, uint32_t bits, size_t count,
                  int32_t* sums) {
    switch (bits) {
        case 2: return score_all_levels<2>(query, codes, code_bytes, count, sums);
        case 4: return score_all_levels<4>(query, codes, code_bytes, count, sums);
        default: return score_all_levels<7>(query, codes, code_bytes, count, sums);
    }
}

// Differing bits, in eight partial sums.
VECSTORE_VPOPCNT_INLINE __m512i count_differences(const uint8_t* a, const uint8_t* b, size_t code_bytes) {
    __m512i total = _mm512_setzero_si512();
    size_t i = 0;
    for (; i + 64 <= code_bytes; i += 64) {
        const __m512i x = _mm512_xor_si512(_mm512_loadu_si512(a + i), _mm512_loadu_si512(b + i));
        total = _mm512_add_epi64(total, _mm512_popcnt_epi64(x));
    }
    if (i < code_bytes) {
        const __mmask64 rest = _bzhi_u64(~uint64_t{0}, static_cast<unsigned>(code_bytes - i));
        const __m512i x = _mm512_xor_si512(_mm512_maskz_loadu_epi8(rest, a + i),
                                           _mm512_maskz_loadu_epi8(rest, b + i));
        total = _mm512_add_epi64(total, _mm512_popcnt_epi64(x));
    }
    return total;
}

VECSTORE_VPOPCNT uint32_t hamming(const uint8_t* a, const uint8_t* b, size_t code_bytes) {
    return static_cast<uint32_t>(_mm512_reduce_add_epi64(count_differences(a, b, code_bytes)));
}

VECSTORE_VPOPCNT void hamming_each(const uint8_t* code, const uint8_t* codes, size_t code_bytes, size_t count,
                                   uint32_t* out) {
    size_t k = 0;
    for (; k + 4 <= count; k += 4) {
        const uint8_t* at = codes + k * code_bytes;
        const __m512i a = count_differences(code, at, code_bytes);
        const __m512i b = count_differences(code, at + code_bytes, code_bytes);
        const __m512i c = count_differences(code, at + 2 * code_bytes, code_bytes);
        const __m512i d = count_differences(code, at + 3 * code_bytes, code_bytes);
        // Each count fits the lower half of its lane, so that these may be added as lanes of half the width.
        _mm_storeu_si128(reinterpret_cast<__m128i*>(out + k), finish(fold(a, b), fold(c, d)));
    }
    for (; k < count; ++k) out[k] = hamming(code, codes + k * code_bytes, code_bytes);
}

VECSTORE_VPOPCNT BitOverlap bit_overlap(const uint8_t* a, const uint8_t* b, size_t bytes) {
    __m512i both = _mm512_setzero_si512(), either = both;
    size_t i = 0;
    for (; i + 64 <= bytes; i += 64) {
        const __m512i x = _mm512_loadu_si512(a + i), y = _mm512_loadu_si512(b + i);
        both = _mm512_add_epi64(both, _mm512_popcnt_epi64(_mm512_and_si512(x, y)));
        either = _mm512_add_epi64(either, _mm512_popcnt_epi64(_mm512_or_si512(x, y)));
    }
    if (i < bytes) {
        const __mmask64 rest = _bzhi_u64(~uint64_t{0}, static_cast<unsigned>(bytes - i));
        const __m512i x = _mm512_maskz_loadu_epi8(rest, a + i), y = _mm512_maskz_loadu_epi8(rest, b + i);
        both = _mm512_add_epi64(both, _mm512_popcnt_epi64(_mm512_and_si512(x, y)));
        either = _mm512_add_epi64(either, _mm512_popcnt_epi64(_mm512_or_si512(x, y)));
    }
    return {static_cast<uint32_t>(_mm512_reduce_add_epi64(both)),
            static_cast<uint32_t>(_mm512_reduce_add_epi64(either))};
}

VECSTORE_VPOPCNT float hamming_distance(const uint8_t* a, const uint8_t* b, size_t bytes) {
    return static_cast<float>(hamming(a, b, bytes));
}

VECSTORE_VPOPCNT float jaccard_distance(const uint8_t* a, const uint8_t* b, size_t bytes) {
    return jaccard_of(bit_overlap(a, b, bytes));
}

}  // namespace

void append_vpopcnt_kernels(std::vector<const Kernels*>& tables) {
    if (std::strcmp(tables.back()->name, "avx512") != 0) return;
    if (!__builtin_cpu_supports("avx512vnni") || !__builtin_cpu_supports("avx512bitalg") ||
        !__builtin_cpu_supports("avx512vpopcntdq")) {
        return;
    }
    static const Kernels table = [&] {
        Kernels made = *tables.back();
        made.name = "avx512_vpopcnt";
        made.score_codes = score_codes;
        made.score_levels = score_levels;
        made.hamming = hamming;
        made.hamming_each = hamming_each;
        made.bit_overlap = bit_overlap;
        made.hamming_distance = hamming_distance;
        made.jaccard_distance = jaccard_distance;
        return made;
    }();
    tables.push_back(&table);
}

}  // namespace vecstore::core

#else

namespace vecstore::core {
void append_vpopcnt_kernels(std::vector<const Kernels*>&) {}
}  // namespace vecstore::core

#endif
