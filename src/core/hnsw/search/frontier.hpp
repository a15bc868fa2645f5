// The two sets every search keeps: which nodes it has met, and which it might visit next.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <limits>
#include <vector>

#include "core/distance/kernels.hpp"
#include "core/storage/format.hpp"

namespace vecstore::core {

// A set of slot ids that is emptied in constant time: an entry belongs to the set only while it carries
// the current epoch. Open addressing, linear probing, at most a quarter full, so that the first look nearly
// always decides.
class VisitedSet {
  public:
    VisitedSet() { reset(1 << 12); }

    void clear() {
        count_ = 0;
        if (++epoch_ > max_epoch) reset(entries_.size());
    }

    // True when the id was not in the set before.
    bool insert(uint64_t id) {
        reserve(1);
        const bool fresh = reserved().insert(id);
        count_ += fresh;
        return fresh;
    }

    // Room for so many Reserved::insert().
    void reserve(size_t more) {
        while ((count_ + more) * 4 > entries_.size()) grow();
    }
    // Brings what insert(id) looks at into the cache.
    void prefetch(uint64_t id) const { __builtin_prefetch(&entries_[place(id)], 1); }

    // Inserts without the book-keeping, after a reserve(): the caller counts what was new and tells added().
    // It is to be kept in a local variable: nothing that its user writes can then change it, and it stays in
    // registers.
    class Reserved {
      public:
        // True when the id was not in the set before. Whether it was is hard to foretell, so that the usual
        // cases (it is there, or its place is empty) share one path.
        bool insert(uint64_t id) const {
            const uint64_t wanted = (id << epoch_bits) | epoch_;
            uint64_t* entry = &entries_[place_of(id, shift_)];
            bool fresh = (*entry & max_epoch) != epoch_;
            if (__builtin_expect(!fresh & (*entry != wanted), 0)) {
                do {
                    entry = entry == last_ ? entries_ : entry + 1;
                    fresh = (*entry & max_epoch) != epoch_;
                } while (!fresh && *entry != wanted);
            }
            *entry = wanted;
            return fresh;
        }

      private:
        friend class VisitedSet;
        explicit Reserved(VisitedSet& set)
            : entries_(set.entries_.data()),
              last_(&set.entries_.back()),
              epoch_(set.epoch_),
              shift_(set.shift_) {}
        uint64_t* entries_;
        uint64_t* last_;
        uint64_t epoch_;
        int shift_;
    };
    Reserved reserved() { return Reserved(*this); }
    void added(size_t fresh) { count_ += fresh; }

    size_t size() const { return count_; }
    size_t memory() const { return entries_.size() * sizeof(uint64_t); }

  private:
    static constexpr int epoch_bits = 16;  // ids have up to 48 bits: block, slot, generation
    static constexpr uint64_t max_epoch = (1u << epoch_bits) - 1;

    static size_t place_of(uint64_t id, int shift) { return (id * 0x9E3779B97F4A7C15ull) >> shift; }
    size_t place(uint64_t id) const { return place_of(id, shift_); }

    void reset(size_t capacity) {
        entries_.assign(capacity, 0);
        epoch_ = 1;
        count_ = 0;
        shift_ = 64 - __builtin_ctzll(capacity);
    }

    void grow() {
        std::vector<uint64_t> old;
        old.swap(entries_);
        const uint64_t epoch = epoch_;
        reset(old.size() * 2);
        const Reserved all = reserved();
        for (uint64_t entry : old)
            if ((entry & max_epoch) == epoch) count_ += all.insert(entry >> epoch_bits);
    }

    std::vector<uint64_t> entries_;
    uint64_t epoch_ = 1;
    size_t count_ = 0;
    int shift_ = 0;
};

struct Candidate {
    float distance;  // estimated (coded) or exact (plain), in navigation terms
    Link link;
    uint16_t met;  // already in the visited set
};
static_assert(sizeof(Candidate) == 12);

// Candidates not yet visited. The near ones lie unsorted: putting one there costs next to nothing, and the
// nearest of some hundred is found by a vector scan sooner than a sorted order is kept. Candidates from
// `limit` on wait in `far` until the near ones are used up or farther than they are, which in most searches
// never happens. Nothing is ever thrown away: a scan that is asked for more rows goes on from here.
class Frontier {
  public:
    void clear(size_t width) {
        capacity_ = std::clamp<size_t>(width, 64, max_near);
        // Room for one node's neighbors beyond the size at which the far half leaves, and for those that
        // refill() adds.
        if (distances_.size() < 3 * capacity_ + max_degree) {
            distances_.resize(3 * capacity_ + max_degree);
            links_.resize(distances_.size());
        }
        count_ = far_count_ = 0;
        far_is_heap_ = false;
        limit_ = std::numeric_limits<float>::infinity();
    }

    // Of `count` neighbors (at most max_degree) at these distances takes those that is_new(link) has not seen
    // before, which is asked of the near ones only; met: they have been looked up already, all of them. Those
    // from `bound` on need not count as near.
    // expect(link) is told of the near ones that were new; returns their number.
    template <class IsNew, class Expect>
    size_t push(const float* distances, const Link* links, size_t count, float bound, bool met,
                IsNew&& is_new, Expect&& expect) {
        if (!far_is_heap_) limit_ = std::min(limit_, bound);
        const float limit = limit_;
        // Which are near and which are new is hard to foretell: so it is worked out without branches.
        uint8_t near[max_degree], far[max_degree];
        size_t near_count = 0, far_count = 0;
        for (size_t i = 0; i < count; ++i) {
            const bool is_near = distances[i] < limit;
            near[near_count] = far[far_count] = static_cast<uint8_t>(i);
            near_count += is_near;
            far_count += !is_near;
        }
        float* const free_distances = distances_.data() + count_;
        Link* const free_links = links_.data() + count_;
        size_t added = 0;
        for (size_t k = 0; k < near_count; ++k) {
            free_distances[added] = distances[near[k]];
            free_links[added] = links[near[k]];
            added += is_new(links[near[k]]);
        }
        for (size_t k = 0; k < added; ++k) expect(free_links[k]);
        count_ += added;
        reserve_far(far_count);
        for (size_t k = 0; k < far_count; ++k) append_far(distances[far[k]], links[far[k]], met);
        while (count_ > 2 * capacity_) shed();
        return added;
    }

    // One that has been looked up.
    void push_near(float distance, const Link& link) {
        distances_[count_] = distance;
        links_[count_] = link;
        ++count_;
        while (count_ > 2 * capacity_) shed();
    }

    // Takes the nearest. `is_new(link)` decides whether a candidate that was never looked up may still be
    // visited. False when there is none nearer than `bound`, or at it.
    template <class IsNew>
    bool pop(const Kernels& k, float bound, IsNew&& is_new, Candidate& out) {
        for (;;) {
            const size_t i = count_ > 0 ? k.smallest(distances_.data(), count_) : 0;
            if (far_count_ > 0 && (limit_ < bound || std::isinf(bound)) &&
                (count_ == 0 || distances_[i] > limit_)) {
                refill(is_new);
                continue;
            }
            if (count_ == 0 || distances_[i] > bound) return false;
            out.distance = distances_[i];
            out.link = links_[i];
            --count_;
            distances_[i] = distances_[count_];
            links_[i] = links_[count_];
            return true;
        }
    }

    size_t memory() const {
        return far_.capacity() * sizeof(Candidate) + distances_.size() * (sizeof(float) + sizeof(Link));
    }

  private:
    static constexpr size_t max_near = 512;

    static bool farther(const Candidate& a, const Candidate& b) { return a.distance > b.distance; }

    void reserve_far(size_t more) {
        if (far_count_ + more > far_.size()) far_.resize(2 * (far_count_ + more) + 256);
    }

    void append_far(float distance, const Link& link, uint16_t met) {
        // Field by field: copied as a whole it would be read again before it is written.
        Candidate& c = far_[far_count_++];
        c.distance = distance;
        c.link = link;
        c.met = met;
        if (far_is_heap_) std::push_heap(far_.begin(), far_.begin() + far_count_, farther);
    }

    // Moves the nearest far candidates to the near ones.
    template <class IsNew>
    void refill(IsNew&& is_new) {
        const auto begin = far_.begin();
        if (!far_is_heap_) std::make_heap(begin, begin + far_count_, farther);
        far_is_heap_ = true;
        for (size_t moved = 0; moved < capacity_ / 2 && far_count_ > 0;) {
            std::pop_heap(begin, begin + far_count_, farther);
            const Candidate c = far_[--far_count_];
            if (std::isnan(c.distance) || !(c.met || is_new(c.link))) continue;  // NaN: of a damaged page
            distances_[count_] = c.distance;
            links_[count_++] = c.link;
            ++moved;
        }
        limit_ = far_count_ == 0 ? std::numeric_limits<float>::infinity() : far_.front().distance;
        while (count_ > 2 * capacity_) shed();
    }

    // Moves about half of the near candidates, the farther ones, to the far ones; at least a few. (Of near
    // ones none is NaN.)
    void shed() {
        constexpr size_t samples = 32;
        float sample[samples];
        for (size_t i = 0; i < samples; ++i) sample[i] = distances_[i * count_ / samples];
        std::nth_element(sample, sample + samples / 2, sample + samples);
        const float limit = sample[samples / 2];
        reserve_far(count_);
        size_t kept = 0, before = far_count_;
        for (size_t i = 0; i < count_; ++i) {
            const float distance = distances_[i];
            const Link link = links_[i];
            far_[far_count_].distance = distances_[kept] = distance;
            far_[far_count_].link = links_[kept] = link;
            far_[far_count_].met = 1;
            const bool near = distance < limit;
            kept += near;
            far_count_ += !near;
        }
        count_ = kept;
        limit_ = std::min(limit_, limit);
        if (far_is_heap_)
            for (; before < far_count_; ++before)
                std::push_heap(far_.begin(), far_.begin() + before + 1, farther);
    }

    std::vector<float> distances_;
    std::vector<Link> links_;
    size_t count_ = 0;
    size_t capacity_ = 0;
    float limit_ = std::numeric_limits<float>::infinity();  // no far candidate is nearer
    std::vector<Candidate> far_;
    size_t far_count_ = 0;
    bool far_is_heap_ = false;
};

}  // namespace vecstore::core
