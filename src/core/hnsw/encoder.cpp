#include "core/hnsw/encoder.hpp"

#include <cmath>

#include "core/base/error.hpp"
#include "core/distance/kernels.hpp"
#include "core/quantize/code.hpp"
#include "core/quantize/f16.hpp"
#include "core/quantize/int8.hpp"

namespace vecstore::core {

VectorEncoder::VectorEncoder(const Geometry& geometry, uint64_t seed, std::vector<float> mean)
    : layout_(geometry), mean_(std::move(mean)), angles_(layout_) {
    if (layout_.coded()) {
        rotation_ = std::make_unique<Rotation>(geometry.dims, seed);
        // Measured against double arithmetic: below 1e-6 for up to 16,000 dimensions.
        rounding_ = 2e-6f;
    } else if (geometry.metric == Metric::cosine) {
        rounding_ = 1e-6f;   // of the normalisation
    } else if (geometry.metric == Metric::inner_product) {
        rounding_ = 1e-6f;   // of the sum, whose terms may cancel
    }
}

bool VectorEncoder::indexable(const float* raw) const {
    if (geometry().metric == Metric::cosine) {
        for (size_t i = 0; i < geometry().dims; ++i)
            if (raw[i] != 0) return true;
        return false;
    }
    const float norm2 = kernels().inner_product(raw, raw, geometry().dims);
    if (norm2 <= max_norm2) return true;
    throw Error(ErrorCode::out_of_range, "vector is too long for an hnsw index",
                "Its squared norm is " + std::to_string(norm2) + ", the limit is 1e37.",
                "Scale the vectors down, or use vector_cosine_ops.");
}

float VectorEncoder::transform(const float* raw, float* internal, float* work) const {
    const Geometry& g = geometry();
    float norm2 = kernels().inner_product(raw, raw, g.dims);
    float factor = 1;
    if (g.metric == Metric::cosine) {
        // Values whose squares leave the range of float have a direction all the same.
        double sum = 0;
        for (size_t i = 0; i < g.dims; ++i) sum += static_cast<double>(raw[i]) * raw[i];
        factor = static_cast<float>(1.0 / std::sqrt(sum));
        norm2 = 1;
    }
    float* target = rotation_ ? work : internal;
    if (mean_.empty()) {
        for (size_t i = 0; i < g.dims; ++i) target[i] = raw[i] * factor;
    } else {
        for (size_t i = 0; i < g.dims; ++i) target[i] = raw[i] * factor - mean_[i];
    }
    if (rotation_) rotation_->apply(work, internal);
    return norm2;
}

OwnVector VectorEncoder::encode(const float* internal, float norm2, uint8_t* own) const {
    const size_t n = geometry().stored_dims;
    OwnVector out;
    out.norm2 = norm2;
    const float norm = std::sqrt(kernels().inner_product(internal, internal, n));
    switch (geometry().own_format) {
        case OwnFormat::f32:
            std::memcpy(own, internal, n * sizeof(float));
            break;
        case OwnFormat::f16: {
            const auto encoded = encode_f16(internal, n, reinterpret_cast<uint16_t*>(own));
            out.scale = encoded.scale;
            out.error = encoded.error;
            break;
        }
        case OwnFormat::i8: {
            const auto encoded = encode_int8(internal, n, reinterpret_cast<int8_t*>(own));
            out.scale = encoded.scale;
            out.error = encoded.error;
            break;
        }
    }
    out.error += rounding_ * norm;
    return out;
}

void VectorEncoder::decode(const uint8_t* own, float scale, float* internal) const {
    const size_t n = geometry().stored_dims;
    switch (geometry().own_format) {
        case OwnFormat::f32:
            std::memcpy(internal, own, n * sizeof(float));
            return;
        case OwnFormat::f16:
            kernels().f16_to_f32(reinterpret_cast<const uint16_t*>(own), internal, n);
            break;
        case OwnFormat::i8: {
            const auto* values = reinterpret_cast<const int8_t*>(own);
            for (size_t i = 0; i < n; ++i) internal[i] = values[i];
            break;
        }
    }
    for (size_t i = 0; i < n; ++i) internal[i] *= scale;
}

float encode_link(const NodeLayout& layout, const float* x, const float* center, uint8_t* code,
                  uint8_t* factor) {
    const Geometry& g = layout.geometry();
    const Kernels& k = kernels();
    ResidualSums sums = k.encode_residual(x, center, g.code_dims, code);
    // A code that was cut speaks for the whole residual.
    if (g.code_dims != g.stored_dims) sums.norm_squared = k.l2_squared(x, center, g.stored_dims);
    store_link_factors(layout, sums, factor);
    return sums.norm_squared;
}

void store_link_factors(const NodeLayout& layout, const ResidualSums& sums, uint8_t* factor) {
    store_factors(make_factors(sums, layout.geometry().code_dims), factor);
}

ResidualSums VectorEncoder::encode_stored(const ConstNode& node, const float* center, uint8_t* code) const {
    const Geometry& g = geometry();
    const Kernels& k = kernels();
    const float scale = node.head().scale;
    ResidualSums sums;
    if (g.own_format == OwnFormat::f16) {
        const auto* own = reinterpret_cast<const uint16_t*>(node.own());
        sums = k.encode_residual_f16(own, scale, center, g.code_dims, code);
        if (g.code_dims != g.stored_dims)
            sums.norm_squared += k.l2_squared_f16(center + g.code_dims, own + g.code_dims, scale,
                                                  g.stored_dims - g.code_dims);
    } else {
        const auto* own = reinterpret_cast<const int8_t*>(node.own());
        sums = k.encode_residual_i8(own, scale, center, g.code_dims, code);
        if (g.code_dims != g.stored_dims)
            sums.norm_squared += k.l2_squared_i8(center + g.code_dims, own + g.code_dims, scale,
                                                 g.stored_dims - g.code_dims);
    }
    return sums;
}

}  // namespace vecstore::core
