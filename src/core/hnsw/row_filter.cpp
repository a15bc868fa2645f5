#include "core/hnsw/row_filter.hpp"

#include <algorithm>

#include "core/distance/kernels.hpp"

namespace vecstore::core {

void RowFilter::add(FilterCondition condition) {
    const bool none = condition.kind == FilterCondition::Kind::range ? condition.low > condition.high
                                                                     : condition.keys.empty();
    if (none) {
        set_never();
        return;
    }
    Condition made{std::move(condition), {}};
    if (made.kind == FilterCondition::Kind::among) {
        made.sieve.assign(sieve_bits / 64, 0);
        for (const FilterKey key : made.keys) made.sieve[sieve_bit(key) / 64] |= uint64_t{1} << (sieve_bit(key) % 64);
    }
    conditions_.push_back(std::move(made));
}

bool RowFilter::meets(const Condition& condition, FilterKey key) {
    switch (condition.kind) {
        case FilterCondition::Kind::range: return key - condition.low <= condition.high - condition.low;
        case FilterCondition::Kind::among:
            return ((condition.sieve[sieve_bit(key) / 64] >> (sieve_bit(key) % 64)) & 1) &&
                   std::binary_search(condition.keys.begin(), condition.keys.end(), key);
        case FilterCondition::Kind::bits:
            return std::any_of(condition.keys.begin(), condition.keys.end(),
                               [&](FilterKey mask) { return (key & mask) == mask; });
    }
    return true;
}

bool RowFilter::passes(const FilterKey* keys) const {
    if (never_) return false;
    return std::all_of(conditions_.begin(), conditions_.end(),
                       [&](const Condition& c) { return meets(c, keys[c.column]); });
}

namespace {

// One word of bits, from up to 64 keys.
template <class Meets>
void narrow(const FilterKey* keys, size_t count, uint64_t* bits, Meets&& meets) {
    for (size_t begin = 0; begin < count; begin += 64, ++bits) {
        uint64_t word = 0;
        const size_t n = std::min<size_t>(64, count - begin);
        for (size_t i = 0; i < n; ++i) word |= static_cast<uint64_t>(meets(keys[begin + i])) << i;
        *bits &= word;
    }
}

}  // namespace

void RowFilter::test(const FilterLayout& layout, const uint8_t* payload, uint64_t* bits) const {
    const size_t count = layout.slots_per_group();
    std::fill_n(bits, (count + 63) / 64, never_ ? uint64_t{0} : ~uint64_t{0});
    for (const Condition& c : conditions_) {
        const FilterKey* const keys = layout.column(payload, c.column);
        if (c.kind == FilterCondition::Kind::range)
            kernels().keep_in_range(keys, count, c.low, c.high - c.low, bits);
        else if (c.kind == FilterCondition::Kind::bits && c.keys.size() == 1)
            narrow(keys, count, bits, [mask = c.keys[0]](FilterKey key) { return (key & mask) == mask; });
        else
            narrow(keys, count, bits, [&](FilterKey key) { return meets(c, key); });
    }
}

}  // namespace vecstore::core
