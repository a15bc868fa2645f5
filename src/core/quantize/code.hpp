// Distances from codes of neighbors (RaBitQ's estimator, used per node: docs/architecture.md, "Why one page
// for each step").
//
// For a node c and its neighbor x, both rotated, the residual is r = x - c. Its code y has for every
// component an odd number of few bits: of one bit its sign, +1 or -1; of several bits twice what r / step is
// rounded to, to the nearest half (Kernels, "codes of several bits"; extended RaBitQ, SIGMOD 2025). With x' =
// y / sqrt(D) and k = <r/|r|, x'>,
//     |q-x|^2  ~  |q-c|^2 + f_add + f_rescale * <q, x'>
//     f_rescale = -2 |r| / k,    f_add = |r|^2 - f_rescale * <c, x'>
// is an unbiased estimate over random rotations. D is the number of dimensions coded; it may be less than the
// vectors have (only the first D rotated components are coded): then |r| is still that of the whole residual.
// Components are nearly normal after the rotation, so that one relative step serves all residuals, and k is
// nearly the same for all.
#pragma once

#include <cassert>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <vector>

#include "core/base/half.hpp"
#include "core/distance/code_bytes.hpp"
#include "core/distance/kernels.hpp"

namespace vecstore::core {

// Kept as two bf16, which have the exponent range of a float: neither raw pixels nor tiny values overflow.
struct Factors {
    float f_add;
    float f_rescale;
};

constexpr size_t kFactorBytes = 4;

inline void store_factors(Factors factors, uint8_t* out) {
    const uint16_t pair[2] = {bf16_from_float(factors.f_add), bf16_from_float(factors.f_rescale)};
    std::memcpy(out, pair, kFactorBytes);
}

inline Factors load_factors(const uint8_t* in) {
    uint16_t pair[2];
    std::memcpy(pair, in, kFactorBytes);
    return {bf16_to_float(pair[0]), bf16_to_float(pair[1])};
}

// Figures of codes of so many bits, of components that are normal with variance 1: Max, "Quantizing for
// minimum distortion" (1960).
struct CodeConstants {
    float step;         // between two numbers that components are rounded to, with the least squared error
    float correlation;  // k: the mean of a component times its odd number
    float error;        // standard deviation of an estimate of <q, r>, by |q| |r| / sqrt(D)
};
inline CodeConstants code_constants(uint32_t bits) {
    switch (bits) {
        case 1: return {1.5958f, 0.79788f, 0.7555f};
        case 2: return {0.9957f, 1.7699f, 0.3672f};
        case 4: return {0.3352f, 5.8979f, 0.1080f};
        default: return {0.0569f, 35.14f, 0.0174f};
    }
}
inline LevelStep level_step(uint32_t bits) { return {bits, code_constants(bits).step}; }

// The odd number that a code of n components has for component i.
inline int code_number(const uint8_t* code, size_t i, size_t n, uint32_t bits) {
    if (bits == 1) return (code[i / 8] >> (i % 8)) & 1 ? 1 : -1;
    const size_t bytes = code_bytes_of(static_cast<uint32_t>(n), bits);
    const int most = (1 << bits) - 1;
    return 2 * ((code[i % bytes] >> (i / bytes * bits)) & most) - most;
}
// The code of the residual that differs in its sign.
inline uint8_t reversed_code(uint8_t byte, uint32_t bits) {
    return static_cast<uint8_t>(byte ^ (bits == 7 ? 0x7f : 0xff));
}

// Sum of c_i y_i, with the numbers y of a code: what encode_residual or encode_levels gave as center_dot, for
// a code that is already stored. n: code_dims.
inline float code_dot(const float* c, const uint8_t* code, size_t n, uint32_t bits) {
    if (bits == 1) return kernels().signed_sum(c, code, n);
    double sum = 0;
    for (size_t i = 0; i < n; ++i) sum += static_cast<double>(c[i]) * code_number(code, i, n, bits);
    return static_cast<float>(sum);
}

// The factors as they will be stored, that is rounded to bf16. abs_sum and center_dot are sums over the
// code_dims components coded, norm_squared is |r|^2 of the whole residual. A residual of 0 has factors 0: the
// estimate is then |q-c|^2.
inline Factors make_factors(const ResidualSums& sums, uint32_t code_dims) {
    const float root = std::sqrt(static_cast<float>(code_dims));
    if (!(sums.norm_squared > 0) || !(sums.abs_sum > 0)) return {0, 0};
    const float exact = -2 * (sums.norm_squared / sums.abs_sum) * root;
    // f_add is made from the rounded f_rescale, so that the rounding acts on <q-c, x'> and not on <q, x'>,
    // which is larger where the data have a common mean.
    const float f_rescale = bf16_to_float(bf16_from_float(exact));
    const float f_add = sums.norm_squared - f_rescale * (sums.center_dot / root);
    return {bf16_to_float(bf16_from_float(f_add)), f_rescale};
}

// The same where distances are inner products: -<q,x> ~ -<q,c> + f_rescale * <q, x'>. The place of f_add has
// the squared norm of the neighbor.
inline Factors make_product_factors(const ResidualSums& sums, float norm2, uint32_t code_dims) {
    const float root = std::sqrt(static_cast<float>(code_dims));
    const float norm = bf16_to_float(bf16_from_float(norm2));
    if (!(sums.norm_squared > 0) || !(sums.abs_sum > 0)) return {norm, 0};
    return {norm, bf16_to_float(bf16_from_float(-(sums.norm_squared / sums.abs_sum) * root))};
}

// By how much f_rescale an estimate of a scan is nearer than it is found to be: half of a standard deviation.
// A vector much longer than the nodes that it is seen from has about the same residual from all of them, so
// that one error hides it from every search, however wide. Of 4,000 vectors with lengths from 1 to 200 times
// the shortest .95 of the ten nearest were found without it, and .97 with a beam eight times as wide. Where
// lengths are alike it costs visits and finds as much more: the same in the end.
inline float optimism_of_products(float query_norm, uint32_t code_dims, uint32_t bits) {
    const CodeConstants code = code_constants(bits);
    return 0.5f * code.error * code.correlation * query_norm / std::sqrt(static_cast<float>(code_dims));
}

// |r|^2 from stored factors; center_dot is code_dot(c, code). Exact but for the rounding of f_add
// (1/512 of it).
inline float residual_norm_squared(Factors factors, float center_dot, uint32_t code_dims) {
    const float root = std::sqrt(static_cast<float>(code_dims));
    const float norm = factors.f_add + factors.f_rescale * (center_dot / root);
    return norm > 0 ? norm : 0;
}

// The odd numbers of a code of several bits, as the query of Kernels::score_levels.
class CodeNumbers {
  public:
    // Of no more bytes than a neighbor in a node can have.
    void set(const Kernels& k, const uint8_t* code, size_t code_bytes, uint32_t bits) {
        const size_t needed = padded_code_bytes(code_bytes) * levels_per_byte(bits);
        if (numbers_.size() < needed) numbers_.resize(needed);
        const int32_t highest = (1 << bits) - 1;
        highest_times_sum_ = highest * k.level_numbers(code, code_bytes, bits, numbers_.data());
    }
    const int8_t* data() const { return numbers_.data(); }
    int32_t highest_times_sum() const { return highest_times_sum_; }

  private:
    std::vector<int8_t> numbers_;
    int32_t highest_times_sum_ = 0;
};

// A rotated query, quantized once to be compared with many codes: to four bit planes where those have one
// bit, else to int8.
class QueryCode {
  public:
    // Bytes of storage that the constructor needs, 64-byte aligned.
    static size_t storage_bytes(uint32_t code_dims, uint32_t bits) {
        const size_t parts = bits == 1 ? 4 : levels_per_byte(bits);
        return parts * padded_code_bytes(code_bytes_of(code_dims, bits));
    }

    // An empty one, to be assigned to.
    QueryCode() = default;

    // rotated: at least code_dims floats, not kept. storage: kept and written, must live as long as this.
    // code_dims: a multiple of 16, of one bit of 8.
    QueryCode(const float* rotated, uint32_t code_dims, uint32_t bits, uint8_t* storage)
        : storage_(storage), code_bytes_(code_bytes_of(code_dims, bits)), bits_(bits) {
        assert(reinterpret_cast<uintptr_t>(storage) % 64 == 0 && code_dims % 8 == 0);
        const float step = bits == 1 ? make_planes(rotated, code_dims) : make_numbers(rotated, code_dims);
        scale_ = step / std::sqrt(static_cast<float>(code_dims));
    }

    size_t code_bytes() const { return code_bytes_; }

    // The sums that the estimates are made of, for `count` codes that lie one after the other. Up to 63 bytes
    // beyond the last one may be read.
    void score(const Kernels& k, const uint8_t* codes, size_t count, int32_t* sums) const {
        if (bits_ == 1)
            k.score_codes(storage_, codes, code_bytes_, count, sums);
        else
            k.score_levels(reinterpret_cast<const int8_t*>(storage_), codes, code_bytes_, bits_, count, sums);
    }

    // Estimates of |q-x|^2 for the `count` neighbors of a node at center_distance_squared = |q-c|^2.
    // They can be below 0. factors: kFactorBytes for each.
    void estimates(const Kernels& k, const int32_t* sums, const uint8_t* factors, size_t count,
                   float center_distance_squared, float* out) const {
        k.finish_estimates(sums, factors, count, center_distance_squared, scale_, offset_, out);
    }

    // Estimates of -<q,x> for the `count` neighbors of a node at center_product = -<q,c>, from factors of
    // make_product_factors(). optimism: times the query's length, see optimism_of_products(); 0: none.
    void products(const int32_t* sums, const uint8_t* factors, size_t count, float center_product,
                  float optimism, float* out) const {
        for (size_t i = 0; i < count; ++i) {
            const float dot = scale_ * static_cast<float>(2 * sums[i] - offset_) + optimism;
            out[i] = center_product + load_factors(factors + i * kFactorBytes).f_rescale * dot;
        }
    }

    // The same as estimates() for one neighbor.
    float estimate(float center_distance_squared, Factors factors, int32_t sum) const {
        const float dot = scale_ * static_cast<float>(2 * sum - offset_);
        return center_distance_squared + factors.f_add + factors.f_rescale * dot;
    }

  private:
    // Both return the step.
    float make_planes(const float* rotated, uint32_t code_dims) {
        const float step = plane_step(rotated, code_dims);
        offset_ = kernels().make_planes(rotated, code_dims, step, storage_, padded_code_bytes(code_bytes_));
        return step;
    }
    float make_numbers(const float* rotated, uint32_t code_dims) {
        const float largest = kernels().max_abs(rotated, code_dims) / 127;
        const float step = std::isnormal(largest) ? largest : 1.0f;
        int32_t sum = 0;
        const size_t stride = padded_code_bytes(code_bytes_);
        for (size_t from = 0, part = 0; from < code_dims; from += code_bytes_, part += stride) {
            auto* const out = reinterpret_cast<int8_t*>(storage_ + part);
            sum += kernels().make_i8(rotated + from, code_bytes_, step, out);
            std::memset(out + code_bytes_, 0, stride - code_bytes_);
        }
        offset_ = ((1 << bits_) - 1) * sum;
        return step;
    }

    // The rotation makes components nearly normal, for which this step has the least squared error (0.0118 of
    // the variance at 768 dimensions, against 0.0169 when the largest component is not clipped).
    static float plane_step(const float* rotated, uint32_t code_dims) {
        const Kernels& k = kernels();
        const float sum = k.inner_product(rotated, rotated, code_dims);
        float step = 0.335f * std::sqrt(sum / static_cast<float>(code_dims));
        // The squares leave a float's range sooner than the components do.
        if (!std::isnormal(sum)) step = k.max_abs(rotated, code_dims) / 7.5f;
        return std::isnormal(step) ? step : 1.0f;
    }

    uint8_t* storage_ = nullptr;
    size_t code_bytes_ = 0;
    uint32_t bits_ = 1;
    int32_t offset_ = 0;
    float scale_ = 0;
};

// One with its storage, to be used again and again.
class StoredQueryCode {
  public:
    void set(const float* rotated, uint32_t code_dims, uint32_t bits) {
        storage_.resize(QueryCode::storage_bytes(code_dims, bits) + 63);
        const auto address = reinterpret_cast<uintptr_t>(storage_.data());
        code_ = QueryCode(rotated, code_dims, bits, reinterpret_cast<uint8_t*>((address + 63) / 64 * 64));
    }
    const QueryCode& operator*() const { return code_; }
    const QueryCode* operator->() const { return &code_; }

  private:
    std::vector<uint8_t> storage_;
    QueryCode code_;
};

}  // namespace vecstore::core
