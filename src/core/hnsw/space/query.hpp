// A vector that distances are asked from: a scan's query, or a vector being inserted.
#pragma once

#include <vector>

#include "core/base/float_order.hpp"
#include "core/distance/kernels.hpp"
#include "core/hnsw/space/encoder.hpp"
#include "core/quantize/code.hpp"

namespace vecstore::core {

// Where a row stands in the order of a scan, as far as its node alone can tell: the operator's result (L2
// distance, negative inner product, 1 - cosine, ...) lies between the two.
struct DistanceBounds {
    double low;
    double high;
};

class Query {
  public:
    // From a raw vector, which must be indexable.
    void prepare(const VectorEncoder& encoder, const RawVector& raw);
    // From what a scan is asked for; null: NULL. False when the rows have no order by it (VectorEncoder::
    // gives_order): the query is then another one, by which the graph can be walked. length: see
    // VectorEncoder::length_matters; 0: not known.
    bool prepare_scan(const VectorEncoder& encoder, const RawVector* raw, float length = 0);
    // From an internal vector with its norm2.
    void prepare_internal(const VectorEncoder& encoder, const float* internal, float norm2);

    const float* internal() const { return internal_.data(); }
    float norm2() const { return norm2_; }
    double lost() const { return lost_; }
    double distance_scale() const { return distance_scale_; }
    float error_share() const { return error_share_; }
    const Kernels& kernel_table() const { return *k_; }
    // Another number for each vector that this has been prepared for, from 1 on.
    uint64_t serial() const { return serial_; }

    // Distance by which searches navigate (VectorSpace). Never NaN, whatever is on the page.
    float distance(const ConstNode& node) const { return distance(order_distance(node), node.head().norm2); }
    // The same of a node with this order_distance() and norm2.
    float distance(float order_distance, float norm2) const {
        return nearby_ ? or_farthest(VectorSpace::nearby(order_distance, norm2_, norm2)) : order_distance;
    }
    // By which rows are in order: the same but while a search looks for what is nearby.
    float order_distance(const ConstNode& node) const {
        return or_farthest(space_->distance(*k_, internal_.data(), node.own(), node.head().scale));
    }
    // Searches find what is nearby, not what is nearest, where these differ: VectorSpace::nearby.
    bool looks_nearby() const { return nearby_; }
    void look_nearby(bool nearby) { nearby_ = nearby && space_->is_product(); }

    // Estimates of distance() to all neighbors of a coded node that is `distance` away: degree floats.
    void estimate(const ConstNode& node, size_t degree, float distance, int32_t* sums, float* out) const {
        const float base = nearby_ ? distance - VectorSpace::nearby(0, norm2_, node.head().norm2) : distance;
        estimate(node.codes(), node.factors(), degree, base, sums, out);
    }
    // The same for codes that lie one after the other, and their factors, as seen from a node with this
    // order_distance(). Up to 63 bytes beyond the last code are read.
    void estimate(const uint8_t* codes, const uint8_t* factors, size_t count, float distance, int32_t* sums,
                  float* out) const {
        if (!bit_code_.empty()) {
            space_->code_distances(*k_, bit_code_.data(), codes, count, out);
            return;
        }
        code_->score(*k_, codes, count, sums);
        if (space_->is_product())
            estimate_products(sums, factors, count, distance, out);
        else
            code_->estimates(*k_, sums, factors, count, distance, out);
    }

    // Of a bit string: the code that it has as a neighbor, where neighbors have codes.
    const uint8_t* bit_code() const { return bit_code_.data(); }

    // Of the internal vector: what estimates of origin codes start from.
    float distance_to_origin() const;

    // Of numbers, whatever is on the page; where nothing is known, from the least to the greatest.
    DistanceBounds distance_bounds(float distance, const NodeHead& head) const;
    // The operator's result if the stored vector was the row's: an order for rows of which bounds tell
    // nothing. Of inner products, whose size is then unknown, the least.
    double likely_distance(float distance) const;

  private:
    void estimate_products(const int32_t* sums, const uint8_t* factors, size_t count, float distance,
                           float* out) const;
    void prepare_as_long(const VectorEncoder& encoder, const RawVector& raw, double length);
    void prepare_any(const VectorEncoder& encoder);
    float distance_error(float distance, float bound) const;
    DistanceBounds bounds_of(float distance, const NodeHead& head) const;
    DistanceBounds product_bounds(float distance, const NodeHead& head) const;
    DistanceBounds norm_bounds(float distance, float error) const;
    DistanceBounds share_bounds(float distance, const NodeHead& head) const;

    const Kernels* k_ = nullptr;
    const VectorSpace* space_ = nullptr;  // the encoder's
    OperatorResult result_ = OperatorResult::root;
    size_t size_ = 0;
    std::vector<float> internal_;
    std::vector<float> work_;
    bool nearby_ = false;
    uint64_t serial_ = 0;
    float norm2_ = 0;
    float norm_ = 0;
    float rounding_ = 0;
    float error_share_ = 1;
    double lost_ = 0;            // Transformed::lost
    float optimism_ = 0;         // optimism_of_products()
    double distance_scale_ = 1;  // of distances to what the operator returns
    StoredQueryCode code_;
    std::vector<uint8_t> bit_code_;  // of bit strings
};

}  // namespace vecstore::core
