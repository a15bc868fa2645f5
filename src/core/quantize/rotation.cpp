#include "core/quantize/rotation.hpp"

#include <algorithm>
#include <cstring>

#include "core/distance/kernels.hpp"

namespace vecstore::core {

namespace {

// Output number `index` of splitmix64 (a counter put through a mixing function), which is all it takes to be
// the same everywhere for ever.
uint64_t random_word(uint64_t seed, uint64_t index) {
    uint64_t z = seed + (index + 1) * 0x9e3779b97f4a7c15u;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
}

}  // namespace

Rotation::Rotation(uint32_t dims, uint64_t seed)
    : dims_(dims),
      padded_dims_(padded_dims(dims)),
      block_(1),
      sign_bytes_((size_t{padded_dims_} + 63) / 64 * 8) {
    while (block_ <= padded_dims_ / 2) block_ *= 2;
    signs_.resize(size_t{2} * kRounds * sign_bytes_);
    for (size_t byte = 0; byte < signs_.size(); ++byte) {
        signs_[byte] = static_cast<uint8_t>(random_word(seed, byte / 8) >> (byte % 8 * 8));
    }
}

void Rotation::flip_signs(uint32_t number, float* x) const {
    kernels().flip_signs(x, signs_.data() + number * sign_bytes_, padded_dims_);
}

void Rotation::apply(const float* in, float* out) const {
    const Kernels& k = kernels();
    std::memmove(out, in, dims_ * sizeof(float));
    std::fill(out + dims_, out + padded_dims_, 0.0f);
    const size_t half = padded_dims_ / 2;
    for (uint32_t round = 0; round < kRounds; ++round) {
        flip_signs(2 * round, out);
        k.hadamard(out, block_);
        if (block_ == padded_dims_) continue;
        flip_signs(2 * round + 1, out);
        k.hadamard(out + (padded_dims_ - block_), block_);
        k.kac_step(out, out + half, half);
    }
}

}  // namespace vecstore::core
