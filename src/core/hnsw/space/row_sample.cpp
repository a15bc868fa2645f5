#include "core/hnsw/space/row_sample.hpp"

#include <algorithm>
#include <cmath>

#include "core/hnsw/space/centroid.hpp"
#include "core/hnsw/space/lengths.hpp"

namespace vecstore::core {

namespace {

double norm_of(const float* x, uint32_t dims) {
    double norm2 = 0;
    for (uint32_t j = 0; j < dims; ++j) norm2 += static_cast<double>(x[j]) * x[j];
    return std::sqrt(norm2);
}

// Of inner products: can they be told from L2 distances? Where q is as long as the rows, <q,x> = (|q|^2 +
// |x|^2 - |q-x|^2) / 2: where the rows' squared norms differ by little, and by little of what their distances
// differ by. (Vectors around a point far from the origin have norms within a per cent of each other, and the
// differences decide which is the nearest.) A few that are much shorter, such as those of nothing but zeros,
// do no harm: they are among the nearest when hardly any others are. A longer one does, however few there
// are, if it is in the graph (lengths.hpp).
bool are_equal(std::vector<double> norms, double variance) {
    constexpr double shorter = 0.9, most_shorter = 0.05, deviation = 0.02, of_distances = 0.04;
    const auto middle = norms.begin() + static_cast<std::ptrdiff_t>(norms.size() / 2);
    std::nth_element(norms.begin(), middle, norms.end());
    const double usual = *middle;
    double sum = 0, squares = 0, n = 0;
    for (const double norm : norms) {
        if (norm < shorter * usual) continue;
        const double difference = norm - usual;
        sum += difference;
        squares += difference * difference;
        ++n;
    }
    if (n < (1 - most_shorter) * static_cast<double>(norms.size())) return false;
    const double deviates = std::sqrt(std::max(0.0, squares / n - sum * sum / (n * n)));
    return deviates <= deviation * usual && usual * deviates <= of_distances * variance;
}

void profile_dense(const RowSample& sample, uint32_t dims, Metric metric, DataProfile& profile) {
    std::vector<double> norms(sample.size());
    for (size_t i = 0; i < sample.size(); ++i) norms[i] = norm_of(sample.raw(i).values, dims);
    Centroid centroid = find_centroid(sample.size(), dims, [&](size_t i, float* x) {
        const double factor = metric_info(metric).of_units && norms[i] > 0 ? 1 / norms[i] : 1;
        for (uint32_t j = 0; j < dims; ++j) x[j] = static_cast<float>(sample.raw(i).values[j] * factor);
    });
    if (profile.high_length > 0) {
        const double most = profile.high_length * double{beyond_high_length(StorageMode::coded)};
        norms.erase(std::remove_if(norms.begin(), norms.end(), [=](double norm) { return norm > most; }),
                    norms.end());
        profile.long_rows = sample.size() - norms.size();
    }
    profile.equal_norms = are_equal(std::move(norms), centroid.variance);
    profile.mean = std::move(centroid.center);
}

float high_length_of(const RowSample& sample, uint32_t dims) {
    std::vector<float> lengths;
    for (size_t i = 0; i < sample.size(); ++i) {
        const RawVector raw = sample.raw(i);
        lengths.push_back(static_cast<float>(norm_of(raw.values, raw.indices != nullptr ? raw.count : dims)));
    }
    return high_length(lengths);
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
    if (bytes > 0)
        std::memcpy(words_.data() + begin, words, bytes);  // (A vector without elements may have none.)
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
            return RawVector::of_sparse(reinterpret_cast<const int32_t*>(words), words + row.count,
                                        row.count);
        default: return words;
    }
}

DataProfile RowSample::profile(Metric metric) const {
    DataProfile profile;
    profile.rows = size();
    if (metric_info(metric).is_product()) profile.high_length = high_length_of(*this, dims_);
    if (kind_ == VectorKind::sparsevec) {
        profile.sparse_elements = usual_elements(*this);
    } else if (kind_ != VectorKind::bit && size() > 0) {
        profile_dense(*this, dims_, metric, profile);
    }
    return profile;
}

}  // namespace vecstore::core
