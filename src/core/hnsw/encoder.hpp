// From a user's vector to what the index works with, and back.
//
//   raw       `dims` floats as the user gave them
//   internal  `stored_dims` floats: normalised for cosine, centred by the index's mean, rotated (coded
//             mode). Rotations and shifts keep L2 distances, so L2 and cosine searches work on internal
//             vectors alone; for inner product the original norm is kept beside.
//   own       the internal vector as a node stores it: fp32, fp16 or int8 with a scale.
#pragma once

#include <memory>
#include <vector>

#include "core/distance/kernels.hpp"
#include "core/hnsw/select.hpp"
#include "core/quantize/rotation.hpp"
#include "core/storage/layout.hpp"

namespace vecstore::core {

// What a node records of its own vector beside the components.
struct OwnVector {
    float scale = 1;
    float error = 0;    // |internal - stored| at most, float rounding of the transform included
    float norm2 = 0;    // squared norm of the raw (for cosine: normalised) vector
};

class VectorEncoder {
  public:
    // mean: `dims` floats to subtract, or empty.
    VectorEncoder(const Geometry& geometry, uint64_t seed, std::vector<float> mean);

    const NodeLayout& layout() const { return layout_; }
    const Geometry& geometry() const { return layout_.geometry(); }
    const std::vector<float>& mean() const { return mean_; }

    // raw (dims) -> internal (stored_dims). Returns the norm2 of OwnVector. `work` holds dims floats.
    // The vector must be indexable().
    float transform(const float* raw, float* internal, float* work) const;

    // Cosine knows no direction of a zero vector: such rows are not in the index.
    // Throws core::Error (out_of_range) when the vector's squared norm exceeds max_norm2.
    bool indexable(const float* raw) const;

    // Longer vectors' squared distances would leave the range of a float.
    static constexpr float max_norm2 = 1e37f;

    // internal -> own_bytes() bytes.
    OwnVector encode(const float* internal, float norm2, uint8_t* own) const;

    // own -> internal (stored_dims floats)
    void decode(const uint8_t* own, float scale, float* internal) const;
    void decode(const ConstNode& node, float* internal) const { decode(node.own(), node.head().scale, internal); }

    // Coded mode: the code of a node's stored vector as seen from `center` (stored_dims floats), and what its
    // factors are made of; norm_squared is of the whole residual, whatever part of it is coded.
    ResidualSums encode_stored(const ConstNode& node, const float* center, uint8_t* code) const;

    // Coded mode: angles between neighbors.
    const CodeAngles& angles() const { return angles_; }

    // Relative float rounding of an internal vector against exact arithmetic, in units of its norm.
    float rounding() const { return rounding_; }

  private:
    NodeLayout layout_;
    std::vector<float> mean_;
    std::unique_ptr<Rotation> rotation_;   // none in plain mode
    CodeAngles angles_;
    float rounding_ = 0;
};

// Writes code and factor of neighbor `x` as seen from `center` (both internal, stored_dims floats).
// Returns |x - center|^2.
float encode_link(const NodeLayout& layout, const float* x, const float* center, uint8_t* code,
                  uint8_t* factor);

// The factors of a code, factor_bytes.
void store_link_factors(const NodeLayout& layout, const ResidualSums& sums, uint8_t* factor);

// What x sees of c, from what c sees of x: the residual is the same but for its sign, so that the code is the
// complement, and the sums follow without either vector.
inline ResidualSums reversed(const ResidualSums& sums) {
    return {sums.norm_squared, sums.abs_sum, -(sums.abs_sum + sums.center_dot)};
}

}  // namespace vecstore::core
