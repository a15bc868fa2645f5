#include "core/hnsw/filter/row_filter.hpp"

#include <algorithm>
#include <cstring>

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
        // Numbers without a gap are a range.
        if (made.keys.back() - made.keys.front() < made.keys.size()) {
            made.kind = FilterCondition::Kind::range;
            made.low = made.keys.front();
            made.high = made.keys.back();
        } else {
            make_sieve(made);
        }
    }
    conditions_.push_back(std::move(made));
}

void RowFilter::make_sieve(Condition& condition) {
    constexpr int least = 12, most = 17;
    int bits = least;
    while (bits < most && size_t{32} * condition.keys.size() > size_t{1} << bits) ++bits;
    condition.sieve_shift = 64 - bits;
    condition.sieve.assign((size_t{1} << bits) / 64, 0);
    for (const FilterKey key : condition.keys) {
        const uint64_t place = key * key_multiplier >> condition.sieve_shift;
        condition.sieve[place / 64] |= uint64_t{1} << (place % 64);
    }
}

bool RowFilter::meets(const Condition& condition, FilterKey key) {
    switch (condition.kind) {
        case FilterCondition::Kind::range: return key - condition.low <= condition.high - condition.low;
        case FilterCondition::Kind::among:
            return std::binary_search(condition.keys.begin(), condition.keys.end(), key);
        case FilterCondition::Kind::bits:
            return std::any_of(condition.keys.begin(), condition.keys.end(),
                               [&](FilterKey mask) { return (key & mask) == mask; });
    }
    return true;
}

bool RowFilter::passes(const FilterKey* keys) const {
    if (never_) return false;
    return std::all_of(conditions_.begin(), conditions_.end(), [&](const Condition& c) {
        FilterKey key;  // (On a page it may lie anywhere.)
        std::memcpy(&key, keys + c.column, sizeof(key));
        return meets(c, key);
    });
}

namespace {

// Clears the bits of those that do not, of keys whose bits are set.
template <class Meets>
void narrow(const FilterKey* keys, size_t count, uint64_t* bits, Meets&& meets) {
    for (size_t begin = 0; begin < count; begin += 64, ++bits) {
        const size_t n = std::min<size_t>(64, count - begin);
        uint64_t left = n < 64 ? *bits & ((uint64_t{1} << n) - 1) : *bits;
        for (; left != 0; left &= left - 1) {
            const int i = __builtin_ctzll(left);
            *bits &= ~(static_cast<uint64_t>(!meets(keys[begin + static_cast<size_t>(i)])) << i);
        }
    }
}

}  // namespace

void RowFilter::test(const FilterLayout& layout, const uint8_t* payload, uint64_t* bits) const {
    const size_t count = layout.slots_per_group();
    std::fill_n(bits, (count + 63) / 64, never_ ? uint64_t{0} : ~uint64_t{0});
    for (const Condition& c : conditions_) {
        const FilterKey* const keys = layout.column(payload, c.column);
        if (c.kind == FilterCondition::Kind::range) {
            kernels().keep_in_range(keys, count, c.low, c.high - c.low, bits);
            continue;
        }
        if (!c.sieve.empty()) kernels().keep_sifted(keys, count, c.sieve.data(), c.sieve_shift, bits);
        narrow(keys, count, bits, [&](FilterKey key) { return meets(c, key); });
    }
}

}  // namespace vecstore::core
