// Distances that an insert has measured already. Without codes each takes reading another node's page, and
// the same nodes are asked for again: by the second of the two searches that inner products take, and for the
// lists that the new node joins, whose members are mostly near it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

namespace vecstore::core {

// A table in which a node takes the place of another that hashes alike. Distances that are not there are
// measured again.
class MetNodes {
  public:
    struct Met {
        uint64_t id_and_epoch;
        float distance;  // Query::order_distance
        float norm2;     // NodeHead::norm2
    };

    // From now on of the query with this number (Query::serial).
    void keep_only(uint64_t query) {
        if (query == query_) return;
        query_ = query;
        if (places_.empty()) places_.resize(size_t{1} << bits);
        if (++epoch_ <= max_epoch) return;
        places_.assign(places_.size(), {});
        epoch_ = 1;
    }

    // Null: not known.
    const Met* find(uint64_t node_id) const {
        const Met& met = places_[place(node_id)];
        return met.id_and_epoch == key(node_id) ? &met : nullptr;
    }
    const Met* add(uint64_t node_id, float distance, float norm2) {
        Met& met = places_[place(node_id)];
        met = {key(node_id), distance, norm2};
        return &met;
    }

  private:
    static constexpr int bits = 13, epoch_bits = 16;  // ids have up to 48 bits (VisitedSet)
    static constexpr uint64_t max_epoch = (1u << epoch_bits) - 1;

    uint64_t key(uint64_t node_id) const { return (node_id << epoch_bits) | epoch_; }
    static size_t place(uint64_t node_id) { return (node_id * 0x9E3779B97F4A7C15ull) >> (64 - bits); }

    std::vector<Met> places_;
    uint64_t query_ = 0;
    uint64_t epoch_ = 0;
};

}  // namespace vecstore::core
