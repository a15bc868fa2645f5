// How many clusters a search through clusters looks at (matching_rows.hpp): until neither of two things tells
// that those left have some of the nearest rows.
//
// The places where the nearest rows were. Clusters come nearest first, so the nearest rows come early, ever
// more rarely later on. Where the places of the best `width` rows fall off exponentially, and are .22 of the
// clusters looked at on average, 1% of such rows are in those left. Where it makes no difference how near a
// cluster is, as for queries unlike all rows, the average stays at half, and all are looked at.
//
// How far rows are from the centroids of their clusters, as the query sees it. The difference between a row's
// distance and its cluster's is about normally distributed, alike in all clusters. So of each one left it is
// known how many of its rows to expect nearer than the last of those that will be handed out.
//
// Neither alone is enough. Simulated on 200,000 x 768 in 805 clusters, a tenth of the rows matching: where
// those are all far from the query, the places alone end after 254 clusters with .94 of the ten nearest, both
// after 272 with .99 (and the rule before them, to go on until three quarters more clusters than the last
// useful one brought nothing, after 656); for random queries, unlike all rows, the expectation alone ends
// after 87 with .23, both after 650 with .83.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <vector>

#include "core/hnsw/filter/filter_plan.hpp"

namespace vecstore::core {

// A run of blocks, and how far from the query its centroid is.
struct NearCluster {
    float distance;
    uint32_t begin, end;
};

// The share of a normal distribution that is so many standard deviations or more above its mean, to some two
// digits.
class NormalTail {
  public:
    static double beyond(double deviations) {
        static const NormalTail tail;
        const double at = (std::max(deviations, least) - least) * steps;
        return at < static_cast<double>(size) ? tail.share_[static_cast<size_t>(at)] : 0;
    }

  private:
    // At 5 it is one in three million.
    static constexpr double least = -3, most = 5, steps = 64;
    static constexpr size_t size = static_cast<size_t>((most - least) * steps);

    NormalTail() {
        for (size_t i = 0; i < size; ++i)
            share_[i] = 0.5 * std::erfc((least + (static_cast<double>(i) + 0.5) / steps) * M_SQRT1_2);
    }
    double share_[size];
};

class StoppingRule {
  public:
    void clear(size_t width) {
        width_ = first_width_ = width;
        best_.clear();
        others_.clear();
        places_ = sum_ = sum2_ = 0;
        looked_at_ = slots_ = 0;
        next_check_ = first_check;
    }
    // From now on so many are asked for.
    void widen(size_t width) {
        if (width <= width_) return;
        width_ = width;
        while (best_.size() < width_ && !others_.empty()) {
            std::pop_heap(others_.begin(), others_.end(), farther);
            push_best(others_.back());
            others_.pop_back();
        }
        next_check_ = std::max(first_check, looked_at_);
    }

    void enter(const NearCluster& cluster, size_t slots) {
        cluster_ = cluster.distance;
        ++looked_at_;
        slots_ += slots;
    }
    // A row that matches, of the cluster entered last. (Of damaged pages there may be no distance.)
    void add(float distance) {
        if (!std::isfinite(distance)) return;
        const double from_middle = static_cast<double>(distance) - cluster_;
        sum_ += from_middle;
        sum2_ += from_middle * from_middle;
        const Met met{distance, static_cast<float>(looked_at_) - 0.5f};
        if (best_.size() == width_ && !(met < best_.front())) {
            push_other(met);
            return;
        }
        push_best(met);
        if (best_.size() <= width_) return;
        std::pop_heap(best_.begin(), best_.end());
        push_other(best_.back());
        places_ -= best_.back().place;
        best_.pop_back();
    }

    // left: the clusters not entered; slots_of(cluster): slots there; share: of all slots, that match.
    template <class SlotsOf>
    bool is_enough(const std::vector<NearCluster>& left, double share, SlotsOf&& slots_of) {
        if (looked_at_ < next_check_ || best_.size() < width_ ||
            places_ > most_mean_place * static_cast<double>(looked_at_) * static_cast<double>(width_))
            return false;
        next_check_ = looked_at_ + looked_at_ / 8 + 1;
        return expected_in(left, share, slots_of) <= most_expected * reach();
    }

    size_t looked_at() const { return looked_at_; }
    size_t memory() const {
        return (best_.capacity() + others_.capacity()) * sizeof(Met) + distances_.capacity() * sizeof(float);
    }

  private:
    static constexpr size_t first_check = 6;
    static constexpr double most_mean_place = 0.22;
    static constexpr double most_expected = 0.16;  // of the rows handed out

    struct Met {
        float distance;
        float place;  // counted in clusters
        bool operator<(const Met& other) const { return distance < other.distance; }
    };
    static bool farther(const Met& a, const Met& b) { return b < a; }

    void push_best(const Met& met) {
        places_ += met.place;
        best_.push_back(met);
        std::push_heap(best_.begin(), best_.end());
    }

    void push_other(const Met& met) {
        others_.push_back(met);
        std::push_heap(others_.begin(), others_.end(), farther);
    }

    // Rows that will be handed out.
    double reach() const {
        return rows_in_reach(static_cast<double>(width_), static_cast<double>(first_width_));
    }

    // Rows nearer than some that will be handed out.
    template <class SlotsOf>
    double expected_in(const std::vector<NearCluster>& left, double share, SlotsOf& slots_of) {
        const auto rows = static_cast<double>(best_.size() + others_.size());
        // The share of rows that match may be higher near the query, or far from it. No fewer are expected
        // than there may be.
        const double matching = std::max(share, rows / static_cast<double>(slots_));
        const double mean = sum_ / rows, deviation = std::sqrt(std::max(sum2_ / rows - mean * mean, 1e-30));
        distances_.clear();
        for (const Met& m : best_) distances_.push_back(m.distance);
        const auto last = distances_.begin() + static_cast<ptrdiff_t>(std::max(reach(), 1.0)) - 1;
        std::nth_element(distances_.begin(), last, distances_.end());
        const double limit = *last - mean;
        double expected = 0;
        for (const NearCluster& cluster : left)
            expected += NormalTail::beyond((cluster.distance - limit) / deviation) *
                        static_cast<double>(slots_of(cluster));
        return expected * matching;
    }

    size_t width_ = 0, first_width_ = 0;
    std::vector<Met> best_;    // the nearest rows: a heap, the farthest first
    std::vector<Met> others_;  // a heap, the nearest first
    std::vector<float> distances_;
    double places_ = 0;  // of the best, their sum
    double sum_ = 0, sum2_ = 0;
    double cluster_ = 0;
    size_t looked_at_ = 0, slots_ = 0, next_check_ = 0;
};

}  // namespace vecstore::core
