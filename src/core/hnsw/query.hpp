// A vector that distances are asked from: a scan's query, or a vector being inserted.
#pragma once

#include <vector>

#include "core/distance/kernels.hpp"
#include "core/hnsw/encoder.hpp"
#include "core/quantize/code.hpp"

namespace vecstore::core {

// Where a row stands in the order of a scan, as far as its node alone can tell: the operator's result (L2
// distance, negative inner product, 1 - cosine) lies between the two.
struct RowKey {
    double low;
    double high;
};

class Query {
  public:
    // From a raw vector (dims floats), which must be indexable.
    void prepare(const VectorEncoder& encoder, const float* raw);
    // From an internal vector (stored_dims floats) with its norm2.
    void prepare_internal(const VectorEncoder& encoder, const float* internal, float norm2);

    const float* internal() const { return internal_.data(); }
    float norm2() const { return norm2_; }
    const Kernels& kernel_table() const { return *k_; }

    // Distance by which searches navigate: squared L2 of internal vectors; in plain mode with inner
    // product, its negative.
    float distance(const ConstNode& node) const {
        const NodeHead& head = node.head();
        switch (own_format_) {
            case OwnFormat::f16: {
                const auto* own = reinterpret_cast<const uint16_t*>(node.own());
                if (plain_product_) return -head.scale * k_->inner_product_f16(internal_.data(), own, size_);
                return k_->l2_squared_f16(internal_.data(), own, head.scale, size_);
            }
            case OwnFormat::i8:
                return k_->l2_squared_i8(internal_.data(), reinterpret_cast<const int8_t*>(node.own()),
                                         head.scale, size_);
            case OwnFormat::f32: break;
        }
        const auto* own = reinterpret_cast<const float*>(node.own());
        if (plain_product_) return -k_->inner_product(internal_.data(), own, size_);
        return k_->l2_squared(internal_.data(), own, size_);
    }

    // Estimates of distance() to all neighbors of a coded node that is `distance` away: degree floats.
    void estimate(const ConstNode& node, size_t degree, float distance, int32_t* sums, float* out) const {
        code_.score(*k_, node.codes(), degree, sums);
        code_.estimates(*k_, sums, node.factors(), degree, distance, out);
    }

    // The same for one code and factor that are not in a node. The code's buffer is 63 bytes longer.
    float estimate_one(const uint8_t* code, const uint8_t* factor, float distance) const {
        int32_t sum;
        float out;
        code_.score(*k_, code, 1, &sum);
        code_.estimates(*k_, &sum, factor, 1, distance, &out);
        return out;
    }

    RowKey row_key(float distance, const NodeHead& head) const;

  private:
    void make_code(uint32_t code_dims);
    float distance_error(float distance, float bound) const;

    const Kernels* k_ = nullptr;
    OwnFormat own_format_ = OwnFormat::f32;
    Metric metric_ = Metric::l2;
    bool plain_product_ = false;
    size_t size_ = 0;
    std::vector<float> internal_;
    std::vector<float> work_;
    float norm2_ = 0;
    float norm_ = 0;
    float rounding_ = 0;
    float error_share_ = 1;
    std::vector<uint8_t> plane_memory_;
    QueryCode code_;
};

}  // namespace vecstore::core
