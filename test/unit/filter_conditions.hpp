// Conditions on filter columns, for tests: how they are made, and what they mean. And the keys of an index.
#pragma once

#include <gtest/gtest.h>

#include "hnsw_graph.hpp"

namespace vecstore::core {

using Kind = FilterCondition::Kind;

inline FilterCondition keys_of(uint16_t column, Kind kind, std::vector<FilterKey> keys) {
    FilterCondition condition;
    condition.column = column;
    condition.kind = kind;
    std::sort(keys.begin(), keys.end());
    condition.keys = std::move(keys);
    return condition;
}

// The meaning of a condition, said once more.
inline bool meets(const FilterCondition& c, FilterKey key) {
    if (c.kind == Kind::range) return c.low <= key && key <= c.high;
    for (const FilterKey k : c.keys)
        if (c.kind == Kind::among ? key == k : (key & k) == k) return true;
    return false;
}

inline bool meet_all(const std::vector<FilterCondition>& conditions, const std::vector<FilterKey>& keys) {
    return std::all_of(conditions.begin(), conditions.end(),
                       [&](const FilterCondition& c) { return meets(c, keys[c.column]); });
}

// Keys of every node there is are those of its rows.
inline void expect_keys_of_rows(TestIndex& index) {
    size_t rows = 0;
    std::vector<FilterKey> keys(index.options().filter_columns);
    for (const Link& link : index.nodes()) {
        const OpenNode node = index.node(link);
        const NodeHead& head = node.head();
        if ((head.flags & node_dead) != 0) continue;
        ASSERT_TRUE(read_filter_keys(index.store(), index.layout(), link, keys.data()));
        for (size_t i = 0; i < head.tid_count; ++i, ++rows)
            ASSERT_EQ(keys, index.filter_keys(TestIndex::row_of(head.tids[i])))
                << "row " << TestIndex::row_of(head.tids[i]);
    }
    EXPECT_GT(rows, 0u);
}

}  // namespace vecstore::core
