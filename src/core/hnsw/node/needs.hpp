// The neighbors that the lists of a graph under construction need (select.hpp).
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <vector>

namespace vecstore::core {

// Neighbors that the heuristic keeps: bit i is neighbor i. Where distances are inner products two orders keep
// neighbors, each its own (ProductOrder); elsewhere there is but the first.
struct Wanted {
    uint64_t nearest = 0;
    uint64_t nearby = 0;
};

// Which neighbors of each node the heuristic (select.hpp) wanted when they were added; the others fill the
// list. With this at hand a new neighbor is judged by a comparison with each of the list; without, the whole
// list is selected from anew. A builder keeps it while it builds; an entry is read and changed under its
// page's lock.
class NeedMap {
  public:
    // Of so many slots. most: up to that number they become more when they are asked for, which is for one
    // thread alone. words: of bits for each slot: 2 where distances are inner products, which Wanted::nearby
    // follows.
    explicit NeedMap(size_t slots, size_t most = 0, size_t words = 1)
        : wanted_(slots * words), most_(most), words_(words) {}
    // The slot's entry; null: there are not so many.
    uint64_t* find(uint64_t slot_id) {
        if (slot_id >= wanted_.size() / words_) {
            if (slot_id >= most_) return nullptr;
            wanted_.resize(std::min<size_t>(most_, 2 * slot_id + 1024) * words_);
        }
        return &wanted_[slot_id * words_];
    }
    size_t words() const { return words_; }

    void set(uint64_t* entry, const Wanted& wanted) const {
        entry[0] = wanted.nearest;
        if (words_ > 1) entry[1] = wanted.nearby;
    }

  private:
    std::vector<uint64_t> wanted_;
    size_t most_;
    size_t words_;
};

}  // namespace vecstore::core
