#include "core/hnsw/vector_sketch.hpp"

#include <algorithm>
#include <cmath>
#include <random>

#include "core/distance/kernels.hpp"

namespace vecstore::core {

VectorSketcher::VectorSketcher(size_t dims) : signs_(dims) {
    std::mt19937_64 random(20261121);
    for (float& sign : signs_) sign = (random() & 1) != 0 ? 1.0f : -1.0f;
}

VectorSketch VectorSketcher::operator()(const float* values) const {
    const size_t dims = signs_.size();
    VectorSketch sketch{};
    size_t i = 0;
    for (; i + VectorSketch::lanes <= dims; i += VectorSketch::lanes)
        for (size_t lane = 0; lane < VectorSketch::lanes; ++lane) sketch.sums[lane] += signs_[i + lane] * values[i + lane];
    for (; i < dims; ++i) sketch.sums[i % VectorSketch::lanes] += signs_[i] * values[i];
    sketch.norm2 = kernels().inner_product(values, values, dims);
    return sketch;
}

bool alike(const VectorSketch& a, const VectorSketch& b, float tolerance, bool by_direction) {
    double of_a = 1, of_b = 1, norm2 = std::max(a.norm2, b.norm2);
    if (!std::isfinite(norm2)) return false;
    if (by_direction) {
        of_a = 1 / std::sqrt(static_cast<double>(a.norm2));
        of_b = 1 / std::sqrt(static_cast<double>(b.norm2));
        norm2 = 1;
    }
    double distance = 0;
    for (size_t lane = 0; lane < VectorSketch::lanes; ++lane) {
        const double difference = a.sums[lane] * of_a - b.sums[lane] * of_b;
        distance += difference * difference;
    }
    // Not a number where one of them has no direction.
    return distance <= static_cast<double>(tolerance) * tolerance * norm2;
}

}  // namespace vecstore::core
