// Neighbor selection: HNSW's algorithm 4. A candidate is kept when it is nearer to the base than to every
// candidate kept before it, so that neighbors point in different directions; what is rejected fills the
// places that remain, nearest first.
#pragma once

#include <cmath>
#include <cstdint>
#include <vector>

#include "core/distance/kernels.hpp"
#include "core/storage/layout.hpp"

namespace vecstore::core {

constexpr size_t max_candidates = 1024;   // more than this are never selected from

// Orders the candidates 0..n-1 (which come nearest first, distance[i] from the base) by how much a list of
// neighbors needs them: the kept ones first, then the rejected ones, each nearest first. Returns how many
// were kept. pair(i, j): distance between two candidates; nothing is asked beyond `limit` kept ones.
template <class Pair>
size_t order_by_need(const std::vector<float>& distance, size_t limit, Pair&& pair,
                     std::vector<uint16_t>& order) {
    const size_t n = distance.size();
    order.clear();
    uint16_t rejected[max_candidates];
    size_t rejected_count = 0;
    for (size_t i = 0; i < n; ++i) {
        bool keep = order.size() < limit;
        for (size_t k = 0; keep && k < order.size(); ++k) keep = pair(i, order[k]) >= distance[i];
        if (keep)
            order.push_back(static_cast<uint16_t>(i));
        else
            rejected[rejected_count++] = static_cast<uint16_t>(i);
    }
    const size_t kept = order.size();
    order.insert(order.end(), rejected, rejected + rejected_count);
    return kept;
}

// Distances between neighbors of one node from their codes alone: between residuals of one node the angle
// is about pi * hamming / D, so no neighbor's vector is read.
class CodeAngles {
  public:
    explicit CodeAngles(const NodeLayout& layout)
        : code_bytes_(layout.code_bytes()), cosine_(layout.geometry().code_dims + 1) {
        for (size_t h = 0; h < cosine_.size(); ++h)
            cosine_[h] = static_cast<float>(std::cos(M_PI * static_cast<double>(h) / (cosine_.size() - 1)));
    }

    // Squared distance of two neighbors at distances a, b from their node.
    float squared(float a, float b, const uint8_t* code_a, const uint8_t* code_b) const {
        return squared(kernels(), a, b, code_a, code_b);
    }
    float squared(const Kernels& k, float a, float b, const uint8_t* code_a, const uint8_t* code_b) const {
        return a * a + b * b - 2 * a * b * cosine_[k.hamming(code_a, code_b, code_bytes_)];
    }

    // Cosine of the angle of two codes with so many differing bits.
    float cosine(uint32_t hamming) const { return cosine_[hamming]; }

  private:
    size_t code_bytes_;
    std::vector<float> cosine_;
};

}  // namespace vecstore::core
