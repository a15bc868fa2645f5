// From a user's vector to what the index works with, and back; vector_space.hpp has the forms.
#pragma once

#include <memory>
#include <vector>

#include "core/distance/kernels.hpp"
#include "core/hnsw/space/code_angles.hpp"
#include "core/hnsw/space/vector_space.hpp"
#include "core/quantize/rotation.hpp"
#include "core/quantize/scaled_vector.hpp"
#include "core/storage/node.hpp"

namespace vecstore::core {

// The numbers that a node records of its own vector beside the components.
struct OwnVector {
    float scale = 1;
    float error = 0;  // |internal - stored| at most (in DistanceFormula::error's norm), float rounding of the
                      // transform included; of a bit string: how many of its bits are not stored
    float norm2 =
        0;  // squared norm of the raw (for cosine: normalized) vector; of a bit string: set bits stored
    Fingerprint fingerprint;  // of the raw vector
};

// The numbers that a transform finds out about the vector beside its internal form.
struct Transformed {
    float norm2 = 0;  // as in OwnVector; infinite where no float holds it
    float lost = 0;  // of a vector whose squared distances no float would hold: by how much it was shortened,
                     // in the terms of OwnVector::error
};

// A row being encoded: memory kept between rows.
struct RowMemory {
    std::vector<float> internal, work;
    std::vector<uint8_t> own_bytes;
};
inline size_t memory_of(const RowMemory& memory) {
    return (memory.internal.capacity() + memory.work.capacity()) * sizeof(float) +
           memory.own_bytes.capacity();
}

class VectorEncoder {
  public:
    // mean: `dims` floats to subtract, or empty.
    VectorEncoder(const Geometry& geometry, uint64_t seed, std::vector<float> mean);

    const NodeLayout& layout() const { return layout_; }
    const Geometry& geometry() const { return layout_.geometry(); }
    const VectorSpace& space() const { return space_; }
    const MetricInfo& metric() const { return metric_info(geometry().metric); }
    const std::vector<float>& mean() const { return mean_; }

    // raw -> internal (internal_size() words). `work` holds dims floats (dense vectors). The vector must be
    // indexable().
    Transformed transform(const RawVector& raw, float* internal, float* work) const;

    // Words of the internal form: stored_dims, but that of a sparse vector has all its elements until it is
    // stored.
    size_t internal_size(const RawVector& raw) const {
        return raw.indices != nullptr ? std::max<size_t>(sparse_words(raw.count), geometry().stored_dims)
                                      : geometry().stored_dims;
    }

    // Are codes and distances in the lists of neighbors those of vectors as they are stored? Where little is
    // lost in storing them, they may be of a vector as it was before.
    bool links_stored_vectors() const {
        return geometry().own_format == OwnFormat::planes || geometry().own_format == OwnFormat::sparse;
    }

    // Two vectors that have the same are equal, to the last bit: what an operator returns for one it does for
    // the other.
    Fingerprint fingerprint(const RawVector& raw) const;

    // A new row's own bytes, and its internal form, from which distances may be computed that are to be
    // stored.
    OwnVector encode_row(const RawVector& raw, RowMemory& memory) const;

    // A vector of zeros has no direction, and where only directions count (MetricInfo::of_units) such rows
    // are not in the index.
    bool indexable(const RawVector& raw) const;

    // Can the rows be ordered by their distance from this query? Not from one of zeros, by some metrics
    // (MetricInfo::zero_gives_order).
    bool gives_order(const RawVector& query) const;
    // Inner products that are told from L2 distances, of rows that are equally long: a query that is not is
    // made so.
    bool length_matters() const { return metric().is_product() && !space().is_product(); }

    // internal -> own_bytes() bytes.
    OwnVector encode(const float* internal, const Transformed& transformed, uint8_t* own) const;

    // own -> internal (stored_dims floats)
    void decode(const uint8_t* own, float scale, float* internal) const;
    void decode(const ConstNode& node, float* internal) const {
        decode(node.own(), node.head().scale, internal);
    }

    // Coded mode: the code of a node's stored vector as seen from `center` (stored_dims floats), and what its
    // factors are made of; norm_squared is of the whole residual, whatever part of it is coded.
    ResidualSums encode_stored(const ConstNode& node, const float* center, uint8_t* code) const;

    // Coded mode: angles between neighbors.
    const CodeAngles& angles() const { return angles_; }

    // Distances of internal vectors, as searches navigate by them.
    float distance(const float* a, const float* b) const { return space_.distance(kernels(), a, b); }
    float distance(const float* a, const ConstNode& node) const {
        return space_.distance(kernels(), a, node.own(), node.head().scale);
    }

    // Relative float rounding of an internal vector against exact arithmetic, in units of its norm.
    float rounding() const { return rounding_; }

  private:
    Transformed transform_dense(const float* raw, float* internal, float* work) const;
    double normalize(const float* raw, float* target) const;  // returns the squared norm
    float center_and_shorten(const float* raw, float* target) const;
    float error_of_lost(double lost) const;
    float transform_bits(const uint8_t* raw, float* internal) const;
    Transformed transform_sparse(const RawVector& raw, float* internal) const;
    OwnVector encode_whole(const float* internal, float norm2, uint8_t* own) const;
    OwnVector encode_sparse(const float* internal, float norm2, uint8_t* own) const;
    ScaledVector encode_dense(const float* internal, uint8_t* own) const;

    NodeLayout layout_;
    VectorSpace space_;
    std::vector<float> mean_;
    std::unique_ptr<Rotation> rotation_;  // where Geometry::rotated
    CodeAngles angles_;
    float rounding_ = 0;
};

// Writes the code of neighbor `x` as seen from `center` (both internal, stored_dims floats); returns what its
// factors are made of.
ResidualSums encode_code(const NodeLayout& layout, const float* x, const float* center, uint8_t* code);

// Writes code and factor of neighbor `x` as seen from `center` (both internal, stored_dims floats).
// Returns |x - center|^2.
float encode_link(const NodeLayout& layout, const float* x, const float* center, uint8_t* code,
                  uint8_t* factor);

// A vector's code as seen from the origin, with its factor: codes of own vectors, of centroids and of entry
// points.
class OriginCode {
  public:
    void encode(const NodeLayout& layout, const float* x) {
        origin_.assign(layout.geometry().stored_dims, 0.0f);
        code_.resize(layout.code_bytes() + 64);
        encode_link(layout, x, origin_.data(), code_.data(), factor_);
    }
    const uint8_t* code() const { return code_.data(); }
    const uint8_t* factor() const { return factor_; }

  private:
    std::vector<float> origin_;
    std::vector<uint8_t> code_;
    uint8_t factor_[factor_bytes] = {};
};

// The factors of a code, factor_bytes. norm2: of the neighbor, where distances are inner products.
void store_link_factors(const NodeLayout& layout, const ResidualSums& sums, float norm2, uint8_t* factor);

// The code of c seen from x, made of that of x seen from c: the residual is the same but for its sign, so
// that the code is the complement, and the sums follow without either vector.
inline ResidualSums reversed(const ResidualSums& sums) {
    return {sums.norm_squared, sums.abs_sum, -(sums.abs_sum + sums.center_dot)};
}

}  // namespace vecstore::core
