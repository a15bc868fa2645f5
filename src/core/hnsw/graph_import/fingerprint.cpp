#include "core/hnsw/graph_import/fingerprint.hpp"

#include <algorithm>
#include <cmath>
#include <random>

#include "core/distance/kernels.hpp"

namespace vecstore::core {

VectorFingerprinter::VectorFingerprinter(size_t dims) : signs_(dims) {
    std::mt19937_64 random(20261121);
    for (float& sign : signs_) sign = (random() & 1) != 0 ? 1.0f : -1.0f;
}

VectorFingerprint VectorFingerprinter::operator()(const float* values) const {
    const size_t dims = signs_.size();
    VectorFingerprint fingerprint{};
    size_t i = 0;
    for (; i + VectorFingerprint::lanes <= dims; i += VectorFingerprint::lanes)
        for (size_t lane = 0; lane < VectorFingerprint::lanes; ++lane)
            fingerprint.sums[lane] += signs_[i + lane] * values[i + lane];
    for (; i < dims; ++i) fingerprint.sums[i % VectorFingerprint::lanes] += signs_[i] * values[i];
    fingerprint.norm2 = kernels().inner_product(values, values, dims);
    return fingerprint;
}

bool alike(const VectorFingerprint& a, const VectorFingerprint& b, float tolerance, bool by_direction) {
    double of_a = 1, of_b = 1, norm2 = std::max(a.norm2, b.norm2);
    if (!std::isfinite(norm2)) return false;
    if (by_direction) {
        of_a = 1 / std::sqrt(static_cast<double>(a.norm2));
        of_b = 1 / std::sqrt(static_cast<double>(b.norm2));
        norm2 = 1;
    }
    double distance = 0;
    for (size_t lane = 0; lane < VectorFingerprint::lanes; ++lane) {
        const double difference = a.sums[lane] * of_a - b.sums[lane] * of_b;
        distance += difference * difference;
    }
    // Not a number where one of them has no direction.
    return distance <= static_cast<double>(tolerance) * tolerance * norm2;
}

}  // namespace vecstore::core
