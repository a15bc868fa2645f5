// Distances from 1-bit codes (RaBitQ's estimator, used per node: docs/architecture.md, "Why one page for each
// step").
//
// For a node c and its neighbor x, both rotated, the residual is r = x - c, its code s the signs of r (+1 or
// -1), and x' = s / sqrt(D) a unit vector. With k = <r/|r|, x'>,
//     |q-x|^2  ~  |q-c|^2 + f_add + f_rescale * <q, x'>
//     f_rescale = -2 |r| / k,    f_add = |r|^2 - f_rescale * <c, x'>
// is an unbiased estimate over random rotations. D is the number of dimensions coded; it may be less than the
// vectors have (only the first D rotated components are coded): then |r| is still that of the whole residual.
#pragma once

#include <cassert>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstring>

#include "core/base/half.hpp"
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

// |r|^2 from stored factors; center_dot is Kernels::signed_sum(c, code). Exact but for the rounding of f_add
// (1/512 of it).
inline float residual_norm_squared(Factors factors, float center_dot, uint32_t code_dims) {
    const float root = std::sqrt(static_cast<float>(code_dims));
    const float norm = factors.f_add + factors.f_rescale * (center_dot / root);
    return norm > 0 ? norm : 0;
}

// A rotated query, quantized once to four bit planes, to be compared with many codes.
class QueryCode {
  public:
    // Bytes of storage that the constructor needs, 64-byte aligned.
    static size_t storage_bytes(uint32_t code_dims) { return 4 * plane_bytes(code_dims); }

    // An empty one, to be assigned to.
    QueryCode() = default;

    // rotated: at least code_dims floats, not kept. storage: kept and written, must live as long as this.
    // code_dims: a multiple of 8.
    QueryCode(const float* rotated, uint32_t code_dims, uint8_t* storage)
        : planes_(storage), code_bytes_(code_dims / 8) {
        assert(reinterpret_cast<uintptr_t>(storage) % 64 == 0 && code_dims % 8 == 0);
        const float step = quantization_step(rotated, code_dims);
        v_sum_ = kernels().make_planes(rotated, code_dims, step, storage, plane_bytes(code_dims));
        scale_ = step / std::sqrt(static_cast<float>(code_dims));
    }

    size_t code_bytes() const { return code_bytes_; }

    // The sums that the estimates are made of, for `count` codes that lie one after the other. Up to 63 bytes
    // beyond the last one may be read.
    void score(const Kernels& k, const uint8_t* codes, size_t count, int32_t* sums) const {
        k.score_codes(planes_, codes, code_bytes_, count, sums);
    }

    // Estimates of |q-x|^2 for the `count` neighbors of a node at center_distance_squared = |q-c|^2.
    // They can be below 0. factors: kFactorBytes for each.
    void estimates(const Kernels& k, const int32_t* sums, const uint8_t* factors, size_t count,
                   float center_distance_squared, float* out) const {
        k.finish_estimates(sums, factors, count, center_distance_squared, scale_, v_sum_, out);
    }

    // The same for one neighbor.
    float estimate(float center_distance_squared, Factors factors, int32_t sum) const {
        const float dot = scale_ * static_cast<float>(2 * sum - v_sum_);
        return center_distance_squared + factors.f_add + factors.f_rescale * dot;
    }

  private:
    static size_t plane_bytes(uint32_t code_dims) { return (code_dims / 8 + 63) / 64 * 64; }

    // The rotation makes components nearly normal, for which this step has the least squared error (0.0118 of
    // the variance at 768 dimensions, against 0.0169 when the largest component is not clipped).
    static float quantization_step(const float* rotated, uint32_t code_dims) {
        const Kernels& k = kernels();
        const float sum = k.inner_product(rotated, rotated, code_dims);
        float step = 0.335f * std::sqrt(sum / static_cast<float>(code_dims));
        // The squares leave a float's range sooner than the components do.
        if (!std::isnormal(sum)) step = k.max_abs(rotated, code_dims) / 7.5f;
        return std::isnormal(step) ? step : 1.0f;
    }

    const uint8_t* planes_ = nullptr;
    size_t code_bytes_ = 0;
    int32_t v_sum_ = 0;
    float scale_ = 0;
};

}  // namespace vecstore::core
