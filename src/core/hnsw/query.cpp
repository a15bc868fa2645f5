#include "core/hnsw/query.hpp"

#include <cmath>

namespace vecstore::core {

void Query::prepare(const VectorEncoder& encoder, const float* raw) {
    internal_.resize(encoder.geometry().stored_dims);
    work_.resize(encoder.geometry().dims);
    const float norm2 = encoder.transform(raw, internal_.data(), work_.data());
    prepare_internal(encoder, internal_.data(), norm2);
}

void Query::prepare_internal(const VectorEncoder& encoder, const float* internal, float norm2) {
    const NodeLayout& layout = encoder.layout();
    const Geometry& g = layout.geometry();
    k_ = &kernels();
    own_format_ = g.own_format;
    metric_ = g.metric;
    plain_product_ = g.metric == Metric::inner_product && g.mode == StorageMode::plain;
    size_ = g.stored_dims;
    rounding_ = encoder.rounding();
    if (internal != internal_.data()) internal_.assign(internal, internal + size_);
    norm2_ = norm2;
    norm_ = std::sqrt(k_->inner_product(internal_.data(), internal_.data(), size_));
    // What a distance can be wrong by is the part of the rounding error e = x - x' that points along q - x.
    // Vectors are rotated at random, so that |<e, u>| > t |e| has a probability below 2 exp(-D t^2 / 2):
    // with this t, below 1e-14. Where nothing is rotated the whole of |e| is assumed.
    error_share_ = layout.coded() ? std::min(1.0f, std::sqrt(66.0f / static_cast<float>(size_))) : 1.0f;
    if (layout.coded()) make_code(g.code_dims);
}

void Query::make_code(uint32_t code_dims) {
    plane_memory_.resize(QueryCode::storage_bytes(code_dims) + 63);
    const auto address = reinterpret_cast<uintptr_t>(plane_memory_.data());
    code_ = QueryCode(internal_.data(), code_dims, reinterpret_cast<uint8_t*>((address + 63) / 64 * 64));
}

// Relative error of a distance as an operator computes it in float arithmetic.
constexpr float operator_rounding = 1e-6f;

// With x' stored for x, e = x - x' and |e| <= bound: |q-x'|^2 = |q-x|^2 + 2 <q-x, e> + |e|^2. The product is at
// most error_share_ of what it could be; near x the last term is what counts.
float Query::distance_error(float distance, float bound) const {
    const float shortest = std::sqrt(std::max(0.0f, (distance - bound) * (distance + bound)));
    return std::min(bound, distance - shortest + bound * error_share_);
}

RowKey Query::row_key(float distance, const NodeHead& head) const {
    if (plain_product_) {
        const double error = static_cast<double>(norm_) * head.error + rounding_ * (norm2_ + head.norm2);
        return {distance - error, distance + error};
    }
    const float length = std::sqrt(std::max(distance, 0.0f));
    const double stored_error = distance_error(length, head.error);
    if (metric_ == Metric::inner_product) {
        const double key = 0.5 * (static_cast<double>(distance) - norm2_ - head.norm2);
        double error = stored_error * (length + 0.5 * stored_error) + rounding_ * (norm2_ + head.norm2);
        // Rows of one node need not be equally long, and norm2 is that of the first.
        if (head.tid_count > 1 || head.overflow.valid())
            error += 2 * head.error * (std::sqrt(head.norm2) + head.error);
        return {key - error, key + error};
    }
    const double error = stored_error + rounding_ * (norm_ + length) + operator_rounding * length;
    const double low = std::max(0.0, length - error);
    const double high = length + error;
    if (metric_ == Metric::l2) return {low, high};
    // 1 - cos = |a - b|^2 / 2 for unit vectors; the operator's own rounding is absolute here.
    return {0.5 * low * low - operator_rounding, 0.5 * high * high + operator_rounding};
}

}  // namespace vecstore::core
