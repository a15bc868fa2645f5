// The random rotation that codes are made in: a fixed orthogonal transform, so that lengths, distances and
// inner products stay what they were, while every vector's components become much alike in size (which 1-bit
// codes need).
//
// This is an on-disk format. Stored vectors are rotated, so the transform of a pair (dims, seed) must never
// change. It is defined as follows, with D = padded_dims() and p the largest power of two <= D:
//   - the input is padded with zeros to D components;
//   - kRounds rounds follow, each of:
//       1. random sign changes, then an orthonormal Hadamard transform of the components [0, p);
//       2. where p < D: random sign changes, then such a transform of the components [D-p, D);
//       3. where p < D: a step of Kac's walk: the components i and i + D/2, for each i < D/2, become
//          (a + b) / sqrt 2 and (a - b) / sqrt 2.
//   - sign changes number s = 0, 1, ... (two in a round, the second one unused where p = D) change
//     component i where bit i % 64 of random word s * ceil(D/64) + i / 64 is set;
//   - random word k is output number k of splitmix64 started at `seed` (word 0 is the first output).
// The tables of kernels add in the same order, so results agree to the last bit between CPUs.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

namespace vecstore::core {

class Rotation {
  public:
    // dims >= 1.
    Rotation(uint32_t dims, uint64_t seed);

    uint32_t dims() const { return dims_; }
    uint32_t padded_dims() const { return padded_dims_; }  // dims rounded up to a multiple of 16
    static uint32_t padded_dims(uint32_t dims) { return (dims + 15) / 16 * 16; }

    // Reads dims() floats, writes padded_dims(). `in` may be `out` where there is room for padded_dims().
    void apply(const float* in, float* out) const;

  private:
    static constexpr uint32_t kRounds = 3;

    void flip_signs(uint32_t number, float* x) const;

    uint32_t dims_;
    uint32_t padded_dims_;
    uint32_t block_;              // p
    size_t sign_bytes_;           // of one set of sign changes
    std::vector<uint8_t> signs_;  // 2 * kRounds sets
};

}  // namespace vecstore::core
