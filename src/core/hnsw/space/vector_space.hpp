// The distance by which the searches of an index navigate, and the forms its vectors have there.
//
//   raw       a vector as the table holds it
//   internal  what distances are computed from: an array of stored_dims words of four bytes. Of dense vectors
//             (vector, halfvec) these are floats: normalized for cosine, centered by the index's mean,
//             rotated (see Geometry::rotated). Rotations and shifts keep L2 distances, so L2 and cosine
//             searches work on internal vectors alone; for inner product the original norm is kept beside. Of
//             bit strings they are the bits, and of sparse vectors the number of elements, their indices and
//             their values (SparseView): nobody but this file and the encoder looks into those.
//   own       the internal vector as a node stores it, see OwnFormat.
#pragma once

#include <algorithm>
#include <cstring>

#include "core/distance/kernels.hpp"
#include "core/distance/sparse.hpp"
#include "core/storage/layout.hpp"

namespace vecstore::core {

// A vector as its SQL type holds it. Owns nothing.
struct RawVector {
    // Dense: as many floats as the column has dimensions.
    RawVector(const float* floats) : values(floats) {}  // NOLINT: implicit
    // Of type bit: the first bit is the highest one of the first byte; zeros beyond the last one.
    static RawVector of_bits(const uint8_t* bits) {
        RawVector raw(nullptr);
        raw.bits = bits;
        return raw;
    }
    // Of type sparsevec: `count` indices from 0 on, ascending, and their values.
    static RawVector of_sparse(const int32_t* indices, const float* values, uint32_t count) {
        RawVector raw(values);
        raw.indices = indices;
        raw.count = count;
        return raw;
    }

    const float* values;
    const int32_t* indices = nullptr;
    uint32_t count = 0;
    const uint8_t* bits = nullptr;
};

// How a sparse vector lies in words: the number of its elements, their indices, their values.
constexpr size_t sparse_words(size_t elements) { return 1 + 2 * elements; }
constexpr size_t sparse_elements(size_t words) { return (words - 1) / 2; }
// No more than `most` elements are believed in. words: aligned to four bytes.
inline SparseView sparse_view(const void* words, size_t most) {
    uint32_t count;
    std::memcpy(&count, words, sizeof(count));
    const size_t n = std::min<size_t>(count, most);
    const auto* const indices = static_cast<const int32_t*>(words) + 1;
    return {indices, reinterpret_cast<const float*>(indices + n), n};
}

// Longer vectors' squared distances would leave the range of a float: their internal forms are so long, and
// point where the vectors do.
constexpr float max_internal_norm2 = 1e37f;

class VectorSpace {
  public:
    explicit VectorSpace(const Geometry& g)
        : formula_(formula_of(g)), format_(g.own_format), size_(g.stored_dims), bits_(g.own_bits) {
        if (g.mode == StorageMode::coded_bits) code_words_ = g.code_dims / 32;
    }

    bool dense() const { return format_ != OwnFormat::bits && format_ != OwnFormat::sparse; }
    bool is_product() const { return formula_.is_product; }
    // Distances are a norm of the difference, not its square.
    bool is_norm() const { return formula_.is_norm; }
    // In which it is said how far a stored vector is from its row's.
    const ErrorNorm& error_norm() const { return *formula_.error; }

    // Of two internal vectors: squared L2 (for cosine too), negative inner product, L1, differing bits, or 1
    // - the share of common bits (two without bits are equal: 0).
    float distance(const Kernels& k, const float* a, const float* b) const {
        if (format_ == OwnFormat::bits) return of_bits(k, a, b);
        if (format_ == OwnFormat::sparse) return with_sign(formula_.sparse(view(a), view(b)));
        return with_sign((k.*formula_.f32)(a, b, size_));
    }

    // Inner products have no neighborhoods: nearest to whatever vector are the longest ones. Where a graph
    // needs to know who lives nearby, this is asked instead: among vectors shorter than oneself the product
    // still decides, among longer ones the L2 distance, so that everyone is nearest to itself. product: the
    // negative one, of vectors with these squared norms. (Both parts are what Bachrach et al., "Speeding Up
    // the Xbox Recommender System Using a Euclidean Transformation for Inner-Product Spaces" (2014), get by
    // adding a component that makes all vectors equally long. This takes no longest one, which would have to
    // be known beforehand, and which one row can put far away from all the others.) (What is longer than the
    // internal form of a vector can be is not so there.)
    static float nearby(float product, float norm2_a, float norm2_b) {
        return product + 0.5f * std::min(std::max(norm2_a, norm2_b), max_internal_norm2);
    }

    // The same of an internal vector and a stored one.
    float distance(const Kernels& k, const float* a, const uint8_t* own, float scale) const {
        switch (format_) {
            case OwnFormat::f32: break;
            case OwnFormat::f16:
                return with_sign((k.*formula_.f16)(a, reinterpret_cast<const uint16_t*>(own), scale, size_));
            case OwnFormat::i8:
                return with_sign((k.*formula_.i8)(a, reinterpret_cast<const int8_t*>(own), scale, size_));
            case OwnFormat::planes: return with_sign((k.*formula_.planes)(a, planes(own), scale, size_));
            case OwnFormat::bits: return of_bits(k, a, reinterpret_cast<const float*>(own));
            case OwnFormat::sparse: return with_sign(formula_.sparse(view(a), stored_view(own)));
        }
        return distance(k, a, reinterpret_cast<const float*>(own));
    }

    // own_bits planes of own components from number `from` (a multiple of 16) on.
    BitPlanes planes(const uint8_t* own, size_t from = 0) const { return {own + from / 8, size_ / 8, bits_}; }

    // An internal sparse vector; a query's may have more elements than stored ones.
    static SparseView view(const float* words) { return sparse_view(words, size_t{1} << 24); }
    SparseView stored_view(const uint8_t* own) const { return sparse_view(own, sparse_elements(size_)); }

    // The code of a bit string as a neighbor, StorageMode::coded_bits: its words, or as many of them, evenly
    // spread, as there is room for. words: an internal vector.
    void sample_bits(const void* words, uint8_t* code) const {
        const auto* const from = static_cast<const uint8_t*>(words);
        constexpr size_t word = sizeof(uint32_t);
        for (size_t i = 0; i < code_words_; ++i)
            std::memcpy(code + i * word, from + i * size_ / code_words_ * word, word);
    }
    // Estimates of the distances of one code and of each of `count` that lie one after the other; exact where
    // codes have all stored bits.
    void code_distances(const Kernels& k, const uint8_t* code, const uint8_t* codes, size_t count,
                        float* out) const {
        const size_t bytes = code_words_ * sizeof(uint32_t);
        const float scale = formula_.bits == &Kernels::hamming_distance
                                ? static_cast<float>(size_) / static_cast<float>(code_words_)
                                : 1.0f;
        for (size_t i = 0; i < count; ++i)
            out[i] = scale * (k.*formula_.bits)(code, codes + i * bytes, bytes);
    }

    // Bits of a bit string that are stored.
    size_t bit_bytes() const { return size_ * sizeof(uint32_t); }

  private:
    // In coded mode vectors are equally long where distances are inner products, and codes estimate L2
    // distances.
    static const DistanceFormula& formula_of(const Geometry& g) {
        return g.mode != StorageMode::coded ? *metric_info(g.metric).formula : l2_formula;
    }

    float with_sign(float result) const { return formula_.is_product ? -result : result; }

    float of_bits(const Kernels& k, const float* a, const float* b) const {
        return (k.*formula_.bits)(reinterpret_cast<const uint8_t*>(a), reinterpret_cast<const uint8_t*>(b),
                                  bit_bytes());
    }

    DistanceFormula formula_;
    OwnFormat format_;
    size_t size_;
    uint32_t bits_;
    size_t code_words_ = 0;  // of bit strings
};

}  // namespace vecstore::core
