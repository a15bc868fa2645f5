#include "core/hnsw/row_sample.hpp"

#include <algorithm>
#include <cmath>

namespace vecstore::core {

namespace {

void profile_dense(const RowSample& sample, uint32_t dims, Metric metric, DataProfile& profile) {
    std::vector<double> sum(dims, 0.0);
    double norm_sum = 0, norm_squares = 0;
    for (size_t i = 0; i < sample.size(); ++i) {
        const float* const x = sample.raw(i).values;
        double norm2 = 0;
        for (uint32_t j = 0; j < dims; ++j) norm2 += static_cast<double>(x[j]) * x[j];
        const double norm = std::sqrt(norm2);
        norm_sum += norm;
        norm_squares += norm2;
        const double factor = metric == Metric::cosine && norm > 0 ? 1 / norm : 1;
        for (uint32_t j = 0; j < dims; ++j) sum[j] += x[j] * factor;
    }
    const double n = static_cast<double>(sample.size());
    const double mean_norm = norm_sum / n;
    const double variance = std::max(0.0, norm_squares / n - mean_norm * mean_norm);
    profile.equal_norms = std::sqrt(variance) <= 0.02 * mean_norm;
    profile.mean.resize(dims);
    for (uint32_t j = 0; j < dims; ++j) profile.mean[j] = static_cast<float>(sum[j] / n);
}

uint32_t usual_elements(const RowSample& sample) {
    // With no rows to judge by, or few: documents in the vocabulary of a language model.
    constexpr uint32_t expected = 290;
    std::vector<uint32_t> counts;
    for (size_t i = 0; i < sample.size(); ++i) counts.push_back(sample.raw(i).count);
    if (counts.empty()) return expected;
    const auto at = counts.begin() + static_cast<std::ptrdiff_t>((counts.size() - 1) * 99 / 100);
    std::nth_element(counts.begin(), at, counts.end());
    return counts.size() < 100 ? std::max(*at, expected) : *at;
}

}  // namespace

void RowSample::append(const void* words, size_t bytes) {
    const size_t begin = words_.size();
    words_.resize(begin + (bytes + sizeof(float) - 1) / sizeof(float));
    std::memcpy(words_.data() + begin, words, bytes);
}

void RowSample::add(const RawVector& raw, const HeapTid& tid) {
    rows_.push_back({tid, words_.size(), raw.count});
    switch (kind_) {
        case VectorKind::vector:
        case VectorKind::halfvec: append(raw.values, dims_ * sizeof(float)); break;
        case VectorKind::bit: append(raw.bits, (dims_ + 7) / 8); break;
        case VectorKind::sparsevec:
            append(raw.indices, raw.count * sizeof(int32_t));
            append(raw.values, raw.count * sizeof(float));
            break;
    }
}

RawVector RowSample::raw(size_t i) const {
    const Row& row = rows_[i];
    const float* const words = words_.data() + row.begin;
    switch (kind_) {
        case VectorKind::bit: return RawVector::of_bits(reinterpret_cast<const uint8_t*>(words));
        case VectorKind::sparsevec:
            return RawVector::of_sparse(reinterpret_cast<const int32_t*>(words), words + row.count, row.count);
        default: return words;
    }
}

DataProfile RowSample::profile(Metric metric) const {
    DataProfile profile;
    profile.rows = size();
    if (kind_ == VectorKind::sparsevec) {
        profile.sparse_elements = usual_elements(*this);
    } else if (kind_ != VectorKind::bit && size() > 0) {
        profile_dense(*this, dims_, metric, profile);
    }
    return profile;
}

}  // namespace vecstore::core
