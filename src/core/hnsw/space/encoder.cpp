#include "core/hnsw/space/encoder.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

#include "core/distance/kernels.hpp"
#include "core/io/source/content_hash.hpp"
#include "core/quantize/bit_planes.hpp"
#include "core/quantize/code.hpp"
#include "core/quantize/f16.hpp"
#include "core/quantize/int8.hpp"

namespace vecstore::core {

namespace {

double squared_norm(const float* x, size_t n) {
    // Several sums, so that no addition waits for the one before.
    constexpr size_t lanes = 8;
    double sums[lanes] = {};
    size_t i = 0;
    for (; i + lanes <= n; i += lanes)
        for (size_t lane = 0; lane < lanes; ++lane)
            sums[lane] += static_cast<double>(x[i + lane]) * x[i + lane];
    for (; i < n; ++i) sums[0] += static_cast<double>(x[i]) * x[i];
    return std::accumulate(sums, sums + lanes, 0.0);
}

template <class Number>
bool all_zero(const Number* x, size_t n) {
    return std::all_of(x, x + n, [](Number number) { return number == 0; });
}

bool is_zero(const Geometry& g, const RawVector& raw) {
    if (g.kind == VectorKind::bit) return all_zero(raw.bits, (g.dims + 7) / 8);
    return all_zero(raw.values, g.kind == VectorKind::sparsevec ? raw.count : g.dims);
}

double inverse_norm(double norm2) { return 1 / std::sqrt(norm2); }

// 1, but of vectors that are too long.
double shortening(double norm2) {
    return norm2 > max_internal_norm2 ? std::sqrt(max_internal_norm2 / norm2) : 1;
}

// Does the operator tell the angle of such a vector? It adds up squares of floats, as pgvector's does: of
// very short vectors those are 0, and of very long ones infinite, whatever the direction. Then only the
// operator knows what it says, and an index has to ask it.
bool angle_is_told(double norm2) {
    constexpr double least = 1e-30, most = 1e37;
    return norm2 >= least && norm2 <= most;
}

float lost_angle(double norm2) { return angle_is_told(norm2) ? 0 : std::numeric_limits<float>::infinity(); }

// Infinite where there would be no room for sums: then nothing is known.
float limited_error(double error) {
    constexpr double largest = 1e38;
    return error < largest ? static_cast<float>(error) : std::numeric_limits<float>::infinity();
}

}  // namespace

VectorEncoder::VectorEncoder(const Geometry& geometry, uint64_t seed, std::vector<float> mean)
    : layout_(geometry), space_(geometry), mean_(std::move(mean)), angles_(layout_) {
    if (geometry.rotated()) {
        rotation_ = std::make_unique<Rotation>(geometry.dims, seed);
        // Measured against double arithmetic: below 1e-6 for up to 16,000 dimensions.
        rounding_ = 2e-6f;
    } else {
        rounding_ = metric().rounding;
    }
}

bool VectorEncoder::indexable(const RawVector& raw) const {
    return !metric().of_units || !is_zero(geometry(), raw);
}

bool VectorEncoder::gives_order(const RawVector& query) const {
    return metric().zero_gives_order || !is_zero(geometry(), query);
}

Transformed VectorEncoder::transform(const RawVector& raw, float* internal, float* work) const {
    switch (geometry().kind) {
        case VectorKind::vector:
        case VectorKind::halfvec: break;
        case VectorKind::bit: return {transform_bits(raw.bits, internal), 0};
        case VectorKind::sparsevec: return transform_sparse(raw, internal);
    }
    return transform_dense(raw.values, internal, work);
}

Transformed VectorEncoder::transform_dense(const float* raw, float* internal, float* work) const {
    const Geometry& g = geometry();
    Transformed out{1, 0};
    float* target = rotation_ ? work : internal;
    if (metric().of_units) {
        out.lost = lost_angle(normalize(raw, target));
    } else {
        out.norm2 = kernels().inner_product(raw, raw, g.dims);
        if (!(out.norm2 <= 0.25f * max_internal_norm2))
            out.lost = center_and_shorten(raw, target);
        else if (mean_.empty())
            std::copy_n(raw, g.dims, target);
        else
            for (size_t i = 0; i < g.dims; ++i) target[i] = raw[i] - mean_[i];
    }
    if (rotation_) {
        rotation_->apply(work, internal);
    } else {
        std::fill(internal + g.dims, internal + g.stored_dims, 0.0f);
    }
    return out;
}

// (Values whose squares leave the range of a float have a direction all the same; so have those whose norm's
// inverse does.)
double VectorEncoder::normalize(const float* raw, float* target) const {
    const double norm2 = squared_norm(raw, geometry().dims), exact = inverse_norm(norm2);
    const auto scale = [&](auto factor) {
        if (mean_.empty())
            for (size_t i = 0; i < geometry().dims; ++i) target[i] = static_cast<float>(raw[i] * factor);
        else
            for (size_t i = 0; i < geometry().dims; ++i)
                target[i] = static_cast<float>(raw[i] * factor) - mean_[i];
    };
    if (exact <= std::numeric_limits<float>::max())
        scale(static_cast<float>(exact));
    else
        scale(exact);
    return norm2;
}

// Returns what is lost. (The mean is shorter than half of what there is room for: find_centroid().)
float VectorEncoder::center_and_shorten(const float* raw, float* target) const {
    const auto centered = [&](size_t i) {
        return mean_.empty() ? raw[i] : static_cast<double>(raw[i]) - mean_[i];
    };
    double norm2 = 0;
    for (size_t i = 0; i < geometry().dims; ++i) norm2 += centered(i) * centered(i);
    const double factor = shortening(norm2);
    for (size_t i = 0; i < geometry().dims; ++i) target[i] = static_cast<float>(centered(i) * factor);
    return error_of_lost((1 - factor) * std::sqrt(norm2));
}

float VectorEncoder::error_of_lost(double lost) const {
    const Geometry& g = geometry();
    lost *= space_.error_norm().of_l2(g.dims);
    // It points where the vector does: all of it may be along a query (Query::distance_error()).
    if (g.rotated()) lost *= std::max(1.0, std::sqrt(g.stored_dims / 66.0));
    return limited_error(lost * (1 + 1e-6));
}

float VectorEncoder::transform_bits(const uint8_t* raw, float* internal) const {
    const size_t whole = (geometry().dims + 7) / 8, room = space_.bit_bytes();
    std::memset(internal, 0, room);
    std::memcpy(internal, raw, std::min(whole, room));
    const auto* const bits = reinterpret_cast<const uint8_t*>(internal);
    return static_cast<float>(kernels().bit_overlap(bits, bits, room).both);
}

Transformed VectorEncoder::transform_sparse(const RawVector& raw, float* internal) const {
    const double norm2 = squared_norm(raw.values, raw.count);
    const bool of_units = metric().of_units;
    const double factor = of_units ? inverse_norm(norm2) : shortening(norm2);
    std::memcpy(internal, &raw.count, sizeof(raw.count));
    std::memcpy(internal + 1, raw.indices, raw.count * sizeof(int32_t));
    float* const values = internal + 1 + raw.count;
    for (size_t i = 0; i < raw.count; ++i) values[i] = static_cast<float>(raw.values[i] * factor);
    if (of_units) return {1, lost_angle(norm2)};
    return {static_cast<float>(norm2), factor < 1 ? error_of_lost((1 - factor) * std::sqrt(norm2)) : 0};
}

OwnVector VectorEncoder::encode_row(const RawVector& raw, RowMemory& memory) const {
    memory.internal.resize(internal_size(raw));
    memory.work.resize(space_.dense() ? geometry().dims : 0);
    memory.own_bytes.resize(layout_.own_bytes());
    const Transformed transformed = transform(raw, memory.internal.data(), memory.work.data());
    OwnVector own = encode(memory.internal.data(), transformed, memory.own_bytes.data());
    own.fingerprint = fingerprint(raw);
    // Where what is stored is another vector than the one it stands for, the graph is one of stored vectors.
    if (links_stored_vectors()) decode(memory.own_bytes.data(), own.scale, memory.internal.data());
    return own;
}

Fingerprint VectorEncoder::fingerprint(const RawVector& raw) const {
    uint64_t hash = 0;
    switch (geometry().kind) {
        case VectorKind::vector:
        case VectorKind::halfvec: hash = io::hash_row(0, raw.values, geometry().dims); break;
        case VectorKind::bit: hash = io::hash_field(0, raw.bits, (geometry().dims + 7) / 8); break;
        case VectorKind::sparsevec:
            hash = io::hash_row(0, raw.values, raw.count);
            if (raw.count > 0) hash = io::hash_field(hash, raw.indices, raw.count * sizeof(int32_t));
            break;
    }
    Fingerprint print;
    print.low = std::min(static_cast<uint32_t>(hash), invalid_block - 1);
    print.high = static_cast<uint16_t>(hash >> 32);
    return print;
}

OwnVector VectorEncoder::encode(const float* internal, const Transformed& transformed, uint8_t* own) const {
    OwnVector out = encode_whole(internal, transformed.norm2, own);
    if (transformed.lost > 0) out.error = limited_error(out.error + double{transformed.lost});
    return out;
}

OwnVector VectorEncoder::encode_whole(const float* internal, float norm2, uint8_t* own) const {
    const Geometry& g = geometry();
    if (g.own_format == OwnFormat::sparse) return encode_sparse(internal, norm2, own);
    OwnVector out;
    out.norm2 = norm2;
    if (g.own_format == OwnFormat::bits) {
        std::memcpy(own, internal, space_.bit_bytes());
        const size_t stored = space_.bit_bytes() * 8;
        out.error = g.dims > stored ? static_cast<float>(g.dims - stored) : 0;
        return out;
    }
    const ScaledVector encoded = encode_dense(internal, own);
    out.scale = encoded.scale;
    out.error = encoded.error;
    if (space_.is_norm()) out.error = space_.distance(kernels(), internal, own, out.scale);
    out.error += rounding_ * std::sqrt(kernels().inner_product(internal, internal, g.stored_dims));
    return out;
}

ScaledVector VectorEncoder::encode_dense(const float* internal, uint8_t* own) const {
    const Geometry& g = geometry();
    switch (g.own_format) {
        case OwnFormat::f16: return encode_f16(internal, g.stored_dims, reinterpret_cast<uint16_t*>(own));
        case OwnFormat::i8: return encode_int8(internal, g.stored_dims, reinterpret_cast<int8_t*>(own));
        case OwnFormat::planes:
            return encode_bit_planes(internal, g.stored_dims, g.own_bits, g.rotated(), own);
        default: break;
    }
    std::memcpy(own, internal, g.stored_dims * sizeof(float));
    return {1, 0};
}

// The largest elements, as many as there is room for.
OwnVector VectorEncoder::encode_sparse(const float* internal, float norm2, uint8_t* own) const {
    const SparseView all = VectorSpace::view(internal);
    const size_t room = sparse_elements(geometry().stored_dims);
    std::vector<uint32_t> kept(all.count);
    for (size_t i = 0; i < kept.size(); ++i) kept[i] = static_cast<uint32_t>(i);
    const ErrorNorm& norm = space_.error_norm();
    double lost = 0;
    if (kept.size() > room) {
        const auto larger = [&](uint32_t a, uint32_t b) {
            const float x = std::fabs(all.values[a]), y = std::fabs(all.values[b]);
            return x != y ? x > y : a < b;
        };
        std::nth_element(kept.begin(), kept.begin() + static_cast<std::ptrdiff_t>(room), kept.end(), larger);
        for (size_t i = room; i < kept.size(); ++i) lost = norm.add(lost, all.values[kept[i]]);
        kept.resize(room);
        std::sort(kept.begin(), kept.end());
    }
    std::memset(own, 0, layout_.own_bytes());
    const auto count = static_cast<uint32_t>(kept.size());
    std::memcpy(own, &count, sizeof(count));
    for (size_t i = 0; i < kept.size(); ++i) {
        const int32_t index = all.indices[kept[i]];
        const float value = all.values[kept[i]];
        std::memcpy(own + sizeof(float) * (1 + i), &index, sizeof(index));
        std::memcpy(own + sizeof(float) * (1 + count + i), &value, sizeof(value));
    }
    OwnVector out;
    out.norm2 = norm2;
    out.error = static_cast<float>(norm.of_sum(lost) * (1 + 1e-6));
    out.error += rounding_ * std::sqrt(std::min(norm2, max_internal_norm2));
    return out;
}

void VectorEncoder::decode(const uint8_t* own, float scale, float* internal) const {
    const size_t n = geometry().stored_dims;
    switch (geometry().own_format) {
        case OwnFormat::f32:
        case OwnFormat::bits: std::memcpy(internal, own, n * sizeof(float)); return;
        case OwnFormat::sparse: {
            const SparseView stored = space_.stored_view(own);
            const auto count = static_cast<uint32_t>(stored.count);
            std::memcpy(internal, &count, sizeof(count));
            std::memcpy(internal + 1, stored.indices, count * sizeof(float));
            std::memcpy(internal + 1 + count, stored.values, count * sizeof(float));
            return;
        }
        case OwnFormat::f16: kernels().f16_to_f32(reinterpret_cast<const uint16_t*>(own), internal, n); break;
        case OwnFormat::i8: {
            const auto* values = reinterpret_cast<const int8_t*>(own);
            for (size_t i = 0; i < n; ++i) internal[i] = values[i];
            break;
        }
        case OwnFormat::planes: kernels().planes_to_f32(space_.planes(own), internal, n); break;
    }
    for (size_t i = 0; i < n; ++i) internal[i] *= scale;
}

ResidualSums encode_code(const NodeLayout& layout, const float* x, const float* center, uint8_t* code) {
    const Geometry& g = layout.geometry();
    const Kernels& k = kernels();
    ResidualSums sums = g.code_bits() == 1
                            ? k.encode_residual(x, center, g.code_dims, code)
                            : k.encode_levels(x, center, g.code_dims, level_step(g.code_bits()), code);
    // A code that was cut speaks for the whole residual.
    if (g.code_dims != g.stored_dims) sums.norm_squared = k.l2_squared(x, center, g.stored_dims);
    return sums;
}

float encode_link(const NodeLayout& layout, const float* x, const float* center, uint8_t* code,
                  uint8_t* factor) {
    const Geometry& g = layout.geometry();
    const ResidualSums sums = encode_code(layout, x, center, code);
    const bool products = g.mode == StorageMode::coded_products;
    store_link_factors(layout, sums, products ? kernels().inner_product(x, x, g.stored_dims) : 0, factor);
    return sums.norm_squared;
}

void store_link_factors(const NodeLayout& layout, const ResidualSums& sums, float norm2, uint8_t* factor) {
    const Geometry& g = layout.geometry();
    store_factors(g.mode == StorageMode::coded_products ? make_product_factors(sums, norm2, g.code_dims)
                                                        : make_factors(sums, g.code_dims),
                  factor);
}

ResidualSums VectorEncoder::encode_stored(const ConstNode& node, const float* center, uint8_t* code) const {
    const Geometry& g = geometry();
    const Kernels& k = kernels();
    const float scale = node.head().scale;
    const size_t coded = g.code_dims, rest = g.stored_dims - g.code_dims;
    const LevelStep step = level_step(g.code_bits());
    ResidualSums sums;
    switch (g.own_format) {
        case OwnFormat::f32:
            return encode_code(layout_, reinterpret_cast<const float*>(node.own()), center, code);
        case OwnFormat::f16: {
            const auto* own = reinterpret_cast<const uint16_t*>(node.own());
            sums = g.code_bits() == 1 ? k.encode_residual_f16(own, scale, center, coded, code)
                                      : k.encode_levels_f16(own, scale, center, coded, step, code);
            if (rest > 0) sums.norm_squared += k.l2_squared_f16(center + coded, own + coded, scale, rest);
            break;
        }
        case OwnFormat::planes:
            sums = k.encode_residual_planes(space_.planes(node.own()), scale, center, coded, code);
            if (rest > 0)
                sums.norm_squared += k.l2_squared_planes(center + coded, space_.planes(node.own(), coded),
                                                         scale, rest);
            break;
        default: {
            const auto* own = reinterpret_cast<const int8_t*>(node.own());
            sums = g.code_bits() == 1 ? k.encode_residual_i8(own, scale, center, coded, code)
                                      : k.encode_levels_i8(own, scale, center, coded, step, code);
            if (rest > 0) sums.norm_squared += k.l2_squared_i8(center + coded, own + coded, scale, rest);
        }
    }
    return sums;
}

}  // namespace vecstore::core
