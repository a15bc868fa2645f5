// Neighbor selection: HNSW's algorithm 4. A candidate is kept when it is nearer to the base than to every
// candidate kept before it, so that neighbors point in different directions; what is rejected fills the
// places that remain, nearest first.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <vector>

#include "core/base/float_order.hpp"
#include "core/storage/format.hpp"

namespace vecstore::core {

constexpr size_t max_candidates = 1024;  // more than this are not worth their time

// Orders the candidates 0..n-1, which come nearest first, by how much a list of neighbors needs them: the
// kept ones first, then the rejected ones, each nearest first. Returns how many were kept, at most `limit`.
// occluded(i, kept): is candidate i nearer to one of these than to the base? Of more than max_candidates the
// nearest are looked at, and the others are not in the order.
template <class Occluded>
size_t order_by_occlusion(size_t candidates, size_t limit, Occluded&& occluded,
                          std::vector<uint16_t>& order) {
    const size_t n = std::min(candidates, max_candidates);
    order.clear();
    for (size_t i = 0; i < n && order.size() < limit; ++i)
        if (!occluded(i, order)) order.push_back(static_cast<uint16_t>(i));
    const size_t kept = order.size();
    for (size_t i = 0, next = 0; i < n; ++i) {
        if (next < kept && order[next] == i)
            ++next;
        else
            order.push_back(static_cast<uint16_t>(i));
    }
    return kept;
}

// The same from distances: distance[i] is that of candidate i from the base, pair(i, j) that between two
// candidates.
template <class Pair>
size_t order_by_need(const std::vector<float>& distance, size_t limit, Pair&& pair,
                     std::vector<uint16_t>& order) {
    return order_by_occlusion(
        distance.size(), limit,
        [&](size_t i, const std::vector<uint16_t>& kept) {
            return std::any_of(kept.begin(), kept.end(),
                               [&](uint16_t k) { return !(pair(i, k) >= distance[i]); });
        },
        order);
}

// The order to go by where two orders count alike: `limit` of both in turn, each from its best on, nothing
// twice. (Of numbers below 2^16; taken: memory.)
inline void take_in_turn(const std::vector<uint16_t>& a, const std::vector<uint16_t>& b, size_t limit,
                         std::vector<uint8_t>& taken, std::vector<uint16_t>& out) {
    size_t numbers = 0;
    for (const auto* order : {&a, &b})
        for (const uint16_t i : *order) numbers = std::max<size_t>(numbers, i + 1);
    taken.assign(numbers, 0);
    out.clear();
    const std::vector<uint16_t>* const orders[] = {&a, &b};
    size_t next[] = {0, 0};
    for (size_t turn = 0; out.size() < limit && (next[0] < a.size() || next[1] < b.size()); turn = 1 - turn) {
        size_t& at = next[turn];
        while (at < orders[turn]->size() && taken[(*orders[turn])[at]]) ++at;
        if (at == orders[turn]->size()) continue;
        const uint16_t i = (*orders[turn])[at++];
        taken[i] = 1;
        out.push_back(i);
    }
}

// Neighbors where distances are inner products: every other one of those that are needed as the nearest,
// which are the longest ones around, and of those that are needed nearby (VectorSpace::nearby). Lists of the
// nearest alone are the same for all nodes where all directions are alike, and lead nowhere else: of 10,000
// rows of three components between 0 and 1 searches found .82 of the nearest 20. Lists of those nearby alone
// do not know of long rows that are far from everybody: of 10,000 x 128, of all directions and .3 to 3 long,
// .60 instead of .77.
struct ProductOrder {
    std::vector<float> distance, sorted;
    std::vector<uint64_t> by_distance;
    std::vector<uint16_t> by_need, nearest, nearby;
    std::vector<uint8_t> taken;

    // Of numbers 0..n-1: by their distance in `distance`, from the nearest, what is needed first; into
    // `order`. Returns how many the heuristic kept. most: of the nearest, no more are looked at.
    template <class Pair>
    size_t find(size_t n, size_t most, size_t limit, Pair&& pair, std::vector<uint16_t>& order) {
        sort_numbers(
            n, [&](size_t i) { return distance[i]; }, by_distance);
        by_distance.resize(std::min(n, most));
        sorted.clear();
        for (const uint64_t i : by_distance) sorted.push_back(distance[number_of(i)]);
        const size_t kept = order_by_need(
            sorted, limit,
            [&](size_t i, size_t j) { return pair(number_of(by_distance[i]), number_of(by_distance[j])); },
            by_need);
        order.clear();
        for (const uint16_t i : by_need) order.push_back(static_cast<uint16_t>(number_of(by_distance[i])));
        return kept;
    }
};

// A list's neighbors and, as the last one, x, at these distances from the list's node; from_x: the neighbors'
// from x. Is x wanted? If so, those that it occludes are so no longer. wanted: bit i is neighbor i.
inline bool want_last(const std::vector<float>& distance, const std::vector<float>& from_x,
                      uint64_t& wanted) {
    const size_t degree = distance.size() - 1;
    const float x = distance[degree];
    uint64_t occluding_x = 0, occluded_by_x = 0;
    for (size_t i = 0; i < degree; ++i) {
        const bool occlusion = from_x[i] < std::max(x, distance[i]);
        occluding_x |= static_cast<uint64_t>(occlusion & (distance[i] <= x)) << i;
        occluded_by_x |= static_cast<uint64_t>(occlusion & (distance[i] > x)) << i;
    }
    const bool x_wanted = (occluding_x & wanted) == 0;
    if (x_wanted) wanted &= ~occluded_by_x;
    return x_wanted;
}

// Where each of the same list comes in the order that the list needs them in: what is wanted first, each
// nearest first. Those whose distances differ by less than a part in 2^15 count as equal. At most max_degree
// of them and x.
//
// Each comes where as many come before it. That takes some hundred comparisons, several at a time, where a
// sort would mispredict half of its branches.
inline void rank_by_need(const std::vector<float>& distance, uint64_t wanted, bool x_wanted, uint8_t* ranks) {
    const size_t count = distance.size(), degree = count - 1;
    constexpr int index_bits = 7;
    constexpr size_t together = 16;
    int32_t keys[(max_degree + 1 + together - 1) / together * together];
    const size_t padded = (count + together - 1) / together * together;
    static_assert(max_degree + together < 1 << index_bits);
    for (size_t i = 0; i < padded; ++i) {
        const bool first = i == degree ? x_wanted : ((wanted >> (i % max_degree)) & 1) != 0;
        const uint32_t bits = i < count ? order_bits(distance[i]) : UINT32_MAX;
        const uint32_t key = bits >> (index_bits + 1) << index_bits | static_cast<uint32_t>(i);
        keys[i] = static_cast<int32_t>(key) | (i < count && first ? INT32_MIN : 0);
    }
    for (size_t i = 0; i < count; ++i) {
        int32_t before = 0;
        for (size_t j = 0; j < padded; ++j) before += keys[j] < keys[i];
        ranks[i] = static_cast<uint8_t>(before);
    }
}

}  // namespace vecstore::core
