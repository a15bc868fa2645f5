#include "core/hnsw/space/centroid.hpp"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <numeric>
#include <unordered_set>

#include "core/io/source/content_hash.hpp"

namespace vecstore::core {

namespace {

// A few rows' mean is mostly those rows.
constexpr size_t least_rows = 100;

class CentroidFinder {
  public:
    CentroidFinder(size_t count, size_t dims, const std::function<void(size_t, float*)>& row)
        : dims_(dims), row_(row), x_(dims) {
        std::unordered_set<uint64_t> met;
        for (size_t i = 0; i < count; ++i) {
            row_(i, x_.data());
            // Rows without a value often all have the same one.
            if (met.insert(io::hash_row(0, x_.data(), dims_)).second) rows_.push_back(i);
        }
    }

    Centroid find() {
        Centroid found;
        if (rows_.empty()) return found;
        center_ = medians();
        // From the medians to the mean; then again, since the medians of skewed data are not where most rows
        // are.
        for (int round = 0; round < 2; ++round) take_mean(limit2());
        found.variance = variance_;
        if (rows_.size() < least_rows) return found;
        double length2 = 0;
        for (const double c : center_) length2 += c * c;
        // Of rows around 0 the mean is what chance makes it. Nothing is to be gained by that, and much may be
        // lost: that of a few large ones is far from all the small ones that may come.
        const double by_chance = variance_ / static_cast<double>(rows_.size());
        if (length2 > many_chances * by_chance && length2 < most_length2)
            found.center.assign(center_.begin(), center_.end());
        return found;
    }

  private:
    static constexpr size_t most_for_medians = 1000, most_numbers_for_medians = size_t{2} << 20;
    static constexpr double many_chances = 4;
    static constexpr double most_length2 = 1e36;  // beyond that squared distances leave a float's range
    // Rows that are farther away than so many times the nearest quarter's distance are not among those in the
    // middle.
    static constexpr double many_times = 4;

    std::vector<double> medians() {
        const size_t n = std::min(rows_.size(),
                                  std::clamp(most_numbers_for_medians / dims_, least_rows, most_for_medians));
        std::vector<float> columns(dims_ * n);
        for (size_t i = 0; i < n; ++i) {
            row_(rows_[i * rows_.size() / n], x_.data());
            for (size_t d = 0; d < dims_; ++d) columns[d * n + i] = x_[d];
        }
        std::vector<double> medians(dims_);
        for (size_t d = 0; d < dims_; ++d) {
            float* const begin = &columns[d * n];
            std::nth_element(begin, begin + n / 2, begin + n);
            medians[d] = begin[n / 2];
        }
        return medians;
    }

    double limit2() {
        distance2_.resize(rows_.size());
        for (size_t i = 0; i < rows_.size(); ++i) {
            row_(rows_[i], x_.data());
            double sum = 0;
            for (size_t d = 0; d < dims_; ++d) sum += (x_[d] - center_[d]) * (x_[d] - center_[d]);
            distance2_[i] = sum;
        }
        std::vector<double> sorted = distance2_;
        const auto quarter = sorted.begin() + static_cast<std::ptrdiff_t>(sorted.size() / 4);
        std::nth_element(sorted.begin(), quarter, sorted.end());
        return *quarter * many_times * many_times;
    }

    // Of the rows that are no farther away.
    void take_mean(double limit2) {
        std::vector<double> sum(dims_);
        double squares = 0;
        size_t taken = 0;
        for (size_t i = 0; i < rows_.size(); ++i) {
            if (distance2_[i] > limit2) continue;
            row_(rows_[i], x_.data());
            for (size_t d = 0; d < dims_; ++d) sum[d] += x_[d];
            squares += distance2_[i];
            ++taken;
        }
        const auto n = static_cast<double>(taken);
        double moved2 = 0;
        for (size_t d = 0; d < dims_; ++d) {
            const double mean = sum[d] / n;
            moved2 += (mean - center_[d]) * (mean - center_[d]);
            center_[d] = mean;
        }
        variance_ = std::max(0.0, squares / n - moved2);
    }

    size_t dims_;
    const std::function<void(size_t, float*)>& row_;
    std::vector<float> x_;
    std::vector<size_t> rows_;  // the distinct ones
    std::vector<double> center_, distance2_;
    double variance_ = 0;
};

}  // namespace

Centroid find_centroid(size_t count, size_t dims, const std::function<void(size_t, float*)>& row) {
    return CentroidFinder(count, dims, row).find();
}

}  // namespace vecstore::core
