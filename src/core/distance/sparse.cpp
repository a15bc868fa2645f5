#include "core/distance/sparse.hpp"

#include <cmath>
#include <vector>

#include "core/distance/kernels.hpp"

namespace vecstore::core {

namespace {

// Two vectors as three lists of the same positions: a's values, b's in the same dimensions, and b's in all
// others, which a does not have.
class Aligned {
  public:
    Aligned(const SparseView& a, const SparseView& b) : b_count_(b.count) {
        float* room = small_;
        if (a.count + b.count > kSmall) {
            large_.resize(a.count + b.count);
            room = large_.data();
        }
        partners_ = room;
        rest_ = room + a.count;
        kernels().sparse_align(a, b, partners_, rest_);
    }
    Aligned(const Aligned&) = delete;
    Aligned& operator=(const Aligned&) = delete;

    const float* partners() const { return partners_; }

    float rest_squares() const { return kernels().inner_product(rest_, rest_, b_count_); }

    float rest_absolutes() const {
        constexpr size_t kLanes = 8;
        float partial[kLanes] = {};
        size_t i = 0;
        for (; i + kLanes <= b_count_; i += kLanes) {
            for (size_t lane = 0; lane < kLanes; ++lane) partial[lane] += std::fabs(rest_[i + lane]);
        }
        for (; i < b_count_; ++i) partial[0] += std::fabs(rest_[i]);
        float sum = 0;
        for (const float p : partial) sum += p;
        return sum;
    }

  private:
    static constexpr size_t kSmall = 1024;

    float small_[kSmall];
    std::vector<float> large_;
    float* partners_;
    float* rest_;
    size_t b_count_;
};

float sum_squares(const SparseView& x) { return kernels().inner_product(x.values, x.values, x.count); }

}  // namespace

float sparse_l2_squared(const SparseView& a, const SparseView& b) {
    const Aligned aligned(a, b);
    return kernels().l2_squared(a.values, aligned.partners(), a.count) + aligned.rest_squares();
}

float sparse_inner_product(const SparseView& a, const SparseView& b) {
    return kernels().sparse_product(a, b);
}

float sparse_l1(const SparseView& a, const SparseView& b) {
    const Aligned aligned(a, b);
    return kernels().l1(a.values, aligned.partners(), a.count) + aligned.rest_absolutes();
}

void sparse_cosine_sums(const SparseView& a, const SparseView& b, float out[3]) {
    out[0] = sparse_inner_product(a, b);
    out[1] = sum_squares(a);
    out[2] = sum_squares(b);
}

}  // namespace vecstore::core
