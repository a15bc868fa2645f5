// Where a beam ends.
#pragma once

#include <algorithm>
#include <cstddef>
#include <limits>
#include <vector>

namespace vecstore::core {

// How far a search looks beyond what it has found: as far as the node of rank `width` among those visited,
// or, where `factor` is greater than 1, so many times as far as that of rank `sure`.
//
// The second follows Al-Jazzazi et al., "Distance Adaptive Beam Search for Provably Accurate Graph-Based
// Nearest Neighbor Search" (2025): a query whose neighbors are all about as far as each other needs a wider
// beam than one with a few that are clearly nearest, and by rank both get the same. Which factor stands for
// which width on average: beam_calibration.hpp.
struct BeamExtent {
    size_t width = 0;
    size_t sure = 0;
    float factor = 1;
};

// The bound of a beam, from the distances of the nodes visited.
class BeamBound {
  public:
    // However far the factor reaches: a query that is unlike the rows is about as far from all of them.
    static constexpr size_t most_widths = 3;

    void clear(size_t width) { clear(BeamExtent{width}); }
    void clear(const BeamExtent& extent) {
        extent_ = extent;
        seen_.clear();
        nearest_.clear();
        most_.clear();
        get_ = infinity;
    }

    // No less than before. One by rank does not end before it has seen as many more.
    void widen(size_t width) { widen(BeamExtent{std::max(width, extent_.width)}); }
    void widen(const BeamExtent& extent) {
        if (is_adaptive()) fill(nearest_, extent.factor > 1 ? extent.sure : extent_.width);
        extent_ = extent;
        if (is_adaptive() && seen_.size() >= most()) fill(most_, most());
        if (is_adaptive() && seen_.size() < most()) most_.clear();
        find_bound();
    }
    // By rank, to less, too.
    void resize(size_t width) {
        extent_ = BeamExtent{width};
        for (; nearest_.size() > width; nearest_.pop_back()) std::pop_heap(nearest_.begin(), nearest_.end());
        find_bound();
    }

    // distance: never NaN (Query::distance).
    void add(float distance) {
        const bool is_near = put(nearest_, rank(), distance);
        if (is_adaptive()) {
            seen_.push_back(distance);
            if (seen_.size() == most())
                fill(most_, most());
            else if (seen_.size() > most())
                put(most_, most(), distance);
            find_bound();
        } else if (is_near) {
            get_ = bound_of(nearest_, rank());
        }
    }

    // A search may stop when its nearest candidate is farther away than this.
    float get() const { return get_; }

    size_t memory() const {
        return (seen_.capacity() + nearest_.capacity() + most_.capacity()) * sizeof(float);
    }

  private:
    static constexpr float infinity = std::numeric_limits<float>::infinity();

    bool is_adaptive() const { return extent_.factor > 1; }
    size_t rank() const { return is_adaptive() ? extent_.sure : extent_.width; }
    // The first few visits do not tell reliably where the neighbors are.
    size_t least() const { return extent_.width / 2; }
    size_t most() const { return extent_.width * most_widths; }

    static float bound_of(const std::vector<float>& heap, size_t full) {
        return heap.size() >= full && full > 0 ? heap.front() : infinity;
    }

    // Into a heap of the smallest `full`. False: it is not among those.
    static bool put(std::vector<float>& heap, size_t full, float distance) {
        if (heap.size() >= full) {
            if (full == 0 || !(distance < heap.front())) return false;
            std::pop_heap(heap.begin(), heap.end());
            heap.back() = distance;
        } else {
            heap.push_back(distance);
        }
        std::push_heap(heap.begin(), heap.end());
        return true;
    }

    // Makes it one of all distances seen.
    void fill(std::vector<float>& heap, size_t full) const {
        heap = seen_;
        if (heap.size() > full) {
            std::nth_element(heap.begin(), heap.begin() + static_cast<std::ptrdiff_t>(full), heap.end());
            heap.resize(full);
        }
        std::make_heap(heap.begin(), heap.end());
    }

    void find_bound() {
        get_ = bound_of(nearest_, rank());
        if (!is_adaptive()) return;
        get_ = seen_.size() < least() ? infinity : std::min(get_ * extent_.factor, bound_of(most_, most()));
    }

    BeamExtent extent_;
    std::vector<float> nearest_;  // heap: the smallest of rank()
    // Where there is a factor: all, and a heap of the smallest of most(), once there are as many.
    std::vector<float> seen_, most_;
    float get_ = infinity;
};

}  // namespace vecstore::core
