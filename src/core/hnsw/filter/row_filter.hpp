// Conditions on the filter columns, and which slots meet them.
//
// A row passes when its keys may be those of a row that meets all conditions. Keys are coarser than values
// for some types: the values themselves still have to be tested before a row is returned. No row that meets
// the conditions fails.
#pragma once

#include <cstdint>
#include <vector>

#include "core/storage/layout.hpp"

namespace vecstore::core {

struct FilterCondition {
    enum class Kind : uint8_t {
        range,  // low <= key <= high
        among,  // the key is one of `keys`, which ascend and differ
        bits,   // the key has all bits of one of `keys`
    };
    uint16_t column = 0;  // of the filter columns, from 0
    Kind kind = Kind::range;
    FilterKey low = 0, high = 0;
    std::vector<FilterKey> keys;
};

class RowFilter {
  public:
    void add(FilterCondition condition);
    // No row passes.
    void set_never() { never_ = true; }
    bool never() const { return never_; }
    bool empty() const { return conditions_.empty() && !never_; }

    // keys: one for each column.
    bool passes(const FilterKey* keys) const;
    // Tests all slots of a page of keys: bit i of `bits`, which has room for slots_per_group() rounded up to
    // whole words, says whether slot i passes. Bits beyond mean nothing.
    void test(const FilterLayout& layout, const uint8_t* payload, uint64_t* bits) const;

  private:
    // The sieve sorts out most keys that are not among many, without a search for them. It has so many bits
    // that one in 32 is set, but no more than lie in the fastest cache.
    struct Condition : FilterCondition {
        std::vector<uint64_t> sieve;
        int sieve_shift = 0;
    };
    static void make_sieve(Condition& condition);
    static bool meets(const Condition& condition, FilterKey key);

    std::vector<Condition> conditions_;
    bool never_ = false;
};

}  // namespace vecstore::core
