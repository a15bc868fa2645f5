#include "core/hnsw/space/query.hpp"

#include <cmath>
#include <limits>

namespace vecstore::core {

void Query::prepare(const VectorEncoder& encoder, const RawVector& raw) {
    internal_.resize(encoder.internal_size(raw));
    work_.resize(encoder.space().dense() ? encoder.geometry().dims : 0);
    const Transformed transformed = encoder.transform(raw, internal_.data(), work_.data());
    prepare_internal(encoder, internal_.data(), transformed.norm2);
    lost_ = transformed.lost;
}

bool Query::prepare_scan(const VectorEncoder& encoder, const RawVector* raw, float length) {
    if (raw == nullptr || !encoder.gives_order(*raw)) {
        prepare_any(encoder);
        return false;
    }
    if (encoder.length_matters() && length > 0)
        prepare_as_long(encoder, *raw, length);
    else
        prepare(encoder, *raw);
    const Geometry& g = encoder.geometry();
    if (encoder.layout().residual_codes() && space_->is_product())
        optimism_ = optimism_of_products(norm_, g.code_dims, g.code_bits());
    return true;
}

// Made as long as the rows, which changes nothing in their order. From a query much shorter, or longer, all
// rows are about as far, and codes cannot tell which is nearer: of 12,000 x 256 a twentieth of the length
// found .81 of the ten nearest with 1,500 visits, where now it finds as many as any with 40.
void Query::prepare_as_long(const VectorEncoder& encoder, const RawVector& raw, double length) {
    const size_t dims = encoder.geometry().dims;
    double norm2 = 0;
    for (size_t i = 0; i < dims; ++i) norm2 += static_cast<double>(raw.values[i]) * raw.values[i];
    const double scale = length / std::sqrt(norm2);
    std::vector<float> scaled(raw.values, raw.values + dims);
    if (std::isfinite(scale) && scale > 0)
        for (float& x : scaled) x = static_cast<float>(x * scale);
    prepare(encoder, scaled.data());
    if (std::isfinite(scale) && scale > 0) distance_scale_ = 1 / scale;
}

// A query from which the rows are not all equally far: then a beam would never find its end.
void Query::prepare_any(const VectorEncoder& encoder) {
    const uint32_t dims = encoder.geometry().dims;
    if (encoder.geometry().kind == VectorKind::bit) {
        const std::vector<uint8_t> ones((dims + 7) / 8, 0xff);
        return prepare(encoder, RawVector::of_bits(ones.data()));
    }
    if (encoder.geometry().kind == VectorKind::sparsevec) {
        const int32_t first = 0;
        const float one = 1;
        return prepare(encoder, RawVector::of_sparse(&first, &one, 1));
    }
    std::vector<float> axis(dims, 0.0f);
    axis[0] = 1;
    prepare(encoder, axis.data());
}

void Query::prepare_internal(const VectorEncoder& encoder, const float* internal, float norm2) {
    const NodeLayout& layout = encoder.layout();
    const Geometry& g = layout.geometry();
    ++serial_;
    k_ = &kernels();
    space_ = &encoder.space();
    result_ = metric_info(g.metric).result;
    size_ = g.own_format == OwnFormat::sparse ? sparse_words(VectorSpace::view(internal).count)
                                              : g.stored_dims;
    rounding_ = encoder.rounding();
    distance_scale_ = 1;
    nearby_ = false;
    lost_ = 0;
    optimism_ = 0;
    bit_code_.clear();
    if (internal != internal_.data()) internal_.assign(internal, internal + size_);
    norm2_ = norm2;
    const float stored_norm2 = space_->dense()
                                   ? k_->inner_product(internal_.data(), internal_.data(), g.stored_dims)
                                   : norm2;
    norm_ = std::sqrt(stored_norm2);
    // A distance can be wrong by the part of the rounding error e = x - x' that points along q - x.
    // Vectors are rotated at random, so that |<e, u>| > t |e| has a probability below 2 exp(-D t^2 / 2):
    // with this t, below 1e-14. Where nothing is rotated the whole of |e| is assumed.
    error_share_ = g.rotated() ? std::min(1.0f, std::sqrt(66.0f / static_cast<float>(g.stored_dims))) : 1.0f;
    if (layout.residual_codes()) {
        code_.set(internal_.data(), g.code_dims, g.code_bits());
    } else if (layout.coded()) {
        bit_code_.resize(layout.code_bytes());
        space_->sample_bits(internal_.data(), bit_code_.data());
    }
}

float Query::distance_to_origin() const {
    if (space_->is_product()) return 0;
    return k_->inner_product(internal_.data(), internal_.data(), size_);
}

void Query::estimate_products(const int32_t* sums, const uint8_t* factors, size_t count, float distance,
                              float* out) const {
    code_->products(sums, factors, count, distance, optimism_, out);
    if (!nearby_) return;
    // The place of f_add has the neighbor's squared norm.
    for (size_t i = 0; i < count; ++i)
        out[i] = VectorSpace::nearby(out[i], norm2_, load_factors(factors + i * factor_bytes).f_add);
}

// Of what no float holds: only the table's vector tells.
constexpr DistanceBounds unknown_bounds = {-std::numeric_limits<double>::infinity(),
                                           std::numeric_limits<double>::infinity()};

// Relative error of a distance as an operator computes it in float arithmetic.
constexpr float operator_rounding = 1e-6f;

// With x' stored for x, e = x - x' and |e| <= bound: |q-x'|^2 = |q-x|^2 + 2 <q-x, e> + |e|^2. The product is
// at most error_share_ of what it could be; near x the last term is what counts.
float Query::distance_error(float distance, float bound) const {
    const float shortest = std::sqrt(std::max(0.0f, (distance - bound) * (distance + bound)));
    return std::min(bound, distance - shortest + bound * error_share_);
}

[[gnu::always_inline]] inline DistanceBounds Query::bounds_of(float distance, const NodeHead& head) const {
    if (space_->is_product()) return product_bounds(distance, head);
    switch (result_) {
        case OperatorResult::norm: return norm_bounds(distance, head.error);
        case OperatorResult::count: return {distance, static_cast<double>(distance) + head.error};
        case OperatorResult::share: return share_bounds(distance, head);
        default: break;
    }
    const float length = std::sqrt(std::max(distance, 0.0f));
    const double stored_error = distance_error(length, head.error) + lost_;
    if (result_ == OperatorResult::product) {
        if (!std::isfinite(norm2_ + head.norm2)) return unknown_bounds;
        const double product = 0.5 * (static_cast<double>(distance) - norm2_ - head.norm2);
        double error = stored_error * (length + 0.5 * stored_error) + rounding_ * (norm2_ + head.norm2);
        // Rows of one node need not be equally long, and norm2 is that of the first.
        if (!head.all_rows.known() && (head.tid_count > 1 || head.overflow.valid()))
            error += 2 * head.error * (std::sqrt(head.norm2) + head.error);
        return {distance_scale_ * (product - error), distance_scale_ * (product + error)};
    }
    const double error = stored_error + rounding_ * (norm_ + length) + operator_rounding * length;
    const double low = std::max(0.0, length - error);
    const double high = length + error;
    if (result_ == OperatorResult::root) return {low, high};
    // 1 - cos = |a - b|^2 / 2 for unit vectors; the operator's own rounding is absolute here.
    return {0.5 * low * low - operator_rounding, 0.5 * high * high + operator_rounding};
}

DistanceBounds Query::distance_bounds(float distance, const NodeHead& head) const {
    const DistanceBounds bounds = bounds_of(distance, head);
    return {std::isnan(bounds.low) ? unknown_bounds.low : bounds.low,
            std::isnan(bounds.high) ? unknown_bounds.high : bounds.high};
}

double Query::likely_distance(float distance) const {
    switch (result_) {
        case OperatorResult::product: return unknown_bounds.low;
        case OperatorResult::root: return std::sqrt(std::max(distance, 0.0f));
        case OperatorResult::half: return 0.5 * distance;
        default: return distance;
    }
}

// <q, x> = <q, x'> + <q, e>
DistanceBounds Query::product_bounds(float distance, const NodeHead& head) const {
    if (!std::isfinite(norm2_ + head.norm2)) return unknown_bounds;
    const double error = static_cast<double>(norm_) * head.error * error_share_ +
                         rounding_ * (norm2_ + head.norm2) +
                         lost_ * std::sqrt(static_cast<double>(head.norm2));
    return {distance - error, distance + error};
}

// | |q-x| - |q-x'| | <= |e|, in the distance's own norm. Sums of thousands of floats, here and in the
// operator.
DistanceBounds Query::norm_bounds(float distance, float error) const {
    constexpr double sum_rounding = 4e-6;
    const double wrong = error + lost_ + sum_rounding * distance;
    return {std::max(0.0, distance - wrong), distance + wrong};
}

// head.error bits of each are not stored: at best all of them are common, at worst none is, and one of the
// two has each. The numbers of bits follow from the distance and the stored bits of both, so that the
// distance of a bit string stored whole is the operator's result.
DistanceBounds Query::share_bounds(float distance, const NodeHead& head) const {
    const double bits = static_cast<double>(norm2_) + head.norm2;
    const double share = 1.0 - distance;
    const double either = std::round(bits / (1 + share)), both = bits - either;
    if (either == 0) return {head.error > 0 ? 0.0 : 1.0, 1.0};
    const double low = 1 - (both + head.error) / (either + head.error);
    return {low, 1 - both / (either + head.error)};
}

}  // namespace vecstore::core
