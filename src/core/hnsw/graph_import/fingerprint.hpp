// Few numbers of a vector that tell how far it is from another: so that vectors of two sources can be told to
// be the same one, but for rounding, without having both at hand.
//
// Each number is the sum of an eighth of the components with signs drawn by chance ("count sketch"): the
// squared distance of two fingerprints is that of their vectors on average, and within a factor of a hundred
// next to always.
#pragma once

#include <cstddef>
#include <vector>

namespace vecstore::core {

struct VectorFingerprint {
    static constexpr size_t lanes = 8;
    float sums[lanes];
    float norm2;  // of the vector
};

class VectorFingerprinter {
  public:
    explicit VectorFingerprinter(size_t dims);
    VectorFingerprint operator()(const float* values) const;

  private:
    std::vector<float> signs_;  // 1 or -1 by dimension, the same in all fingerprinters
};

// Are these one vector, but for differences of `tolerance` of its length? by_direction: whatever their
// lengths are.
bool alike(const VectorFingerprint& a, const VectorFingerprint& b, float tolerance, bool by_direction);

}  // namespace vecstore::core
