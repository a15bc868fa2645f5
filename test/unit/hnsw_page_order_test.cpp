// The order nodes are written out in: the same graph, with neighbors on one page.
#include <gtest/gtest.h>

#include <map>

#include "hnsw_graph.hpp"

#include "core/hnsw/filter/filter_pages.hpp"

namespace vecstore::core {
namespace {

struct Case {
    const char* name;
    size_t dims;
    StorageMode mode;
    uint16_t filter_columns;
    size_t threads;
};

double share_beside_a_neighbor(TestIndex& index) {
    size_t beside = 0;
    const std::vector<Link> nodes = index.nodes();
    for (const Link& link : nodes) {
        const Node node = index.node(link);
        const Link *const begin = node.links(), *const end = begin + node.head().degree;
        beside += std::any_of(begin, end, [&](const Link& to) { return to.block == link.block; });
    }
    return static_cast<double>(beside) / static_cast<double>(nodes.size());
}

class Written : public testing::TestWithParam<Case> {
  protected:
    IndexOptions options() const {
        IndexOptions options;
        options.mode = GetParam().mode;
        options.filter_columns = GetParam().filter_columns;
        options.filter_key = [](size_t row, size_t column) {
            return static_cast<FilterKey>(row * 10 + column + 1);
        };
        return options;
    }
};

TEST_P(Written, IsTheSameGraphWithNeighborsTogether) {
    const Data data = normal_data(3000, GetParam().dims, 5, 30);
    TestIndex built(data.dims, options()), written(data.dims, options());
    built.build(data, GetParam().threads);
    const Lists before = built.neighbor_rows(data.rows());
    const size_t upper = built.nodes(1).size();
    const PageOrder order(built.store(), built.encoder(), [] {});
    write_in_order(built, order, written);
    const auto checked = written.check();
    EXPECT_TRUE(checked.problems.empty()) << checked.all();
    EXPECT_EQ(checked.counts.rows, data.rows());
    EXPECT_EQ(checked.counts.unattached, 0u);
    EXPECT_EQ(written.neighbor_rows(data.rows()), before);
    EXPECT_EQ(written.nodes(1).size(), upper);
    if (written.layout().slots_per_page() > 1) {
        EXPECT_GT(share_beside_a_neighbor(written), 0.8);
    }
    if (GetParam().filter_columns == 0) return;
    std::vector<FilterKey> keys(GetParam().filter_columns);
    for (const Link& link : written.nodes()) {
        ASSERT_TRUE(read_filter_keys(written.store(), written.layout(), link, keys.data()));
        EXPECT_EQ(keys, written.filter_keys(written.row_at(link)));
    }
    for (const Link& link : written.nodes(1)) {
        ASSERT_TRUE(read_filter_keys(written.store(), written.layout(), link, keys.data()));
        EXPECT_EQ(keys, std::vector<FilterKey>(keys.size())) << "not a row's";
    }
}

TEST_P(Written, OfEqualRowsAndOfFew) {
    for (const size_t rows : {size_t{0}, size_t{1}, size_t{3}, size_t{50}}) {
        const Data data = repeated(normal_data(rows, GetParam().dims, 3), 31);
        IndexOptions equal = options();
        equal.filter_key = [](size_t, size_t) { return FilterKey{7}; };
        TestIndex built(data.dims, equal), written(data.dims, equal);
        built.build(data, 1);
        const PageOrder order(built.store(), built.encoder(), [] {});
        write_in_order(built, order, written);
        const auto checked = written.check();
        EXPECT_TRUE(checked.problems.empty()) << checked.all();
        EXPECT_EQ(checked.counts.rows, data.rows());
    }
}

// As a build goes on that has used up its memory: rows are inserted with what nodes want, or with that of the
// first ones.
TEST_P(Written, TakesFurtherRowsWithWhatNodesWant) {
    const Data all = normal_data(2000, GetParam().dims, 5, 30);
    const Data first = first_rows(all, 1000);
    for (const size_t most : {size_t{1} << 16, size_t{700}, size_t{0}}) {
        TestIndex built(all.dims, options()), written(all.dims, options());
        const RowBuffer rows = built.encode(first);
        GraphBuilder builder(built.encoder(), {built.options().ef_construction, 1});
        builder.build(rows, built.store(), [](size_t) {});
        NeedMap needs = builder.take_needs();
        const PageOrder order(built.store(), built.encoder(), [] {});
        write_in_order(built, order, written);
        NeedMap moved = order.moved(needs, most);
        if (most > 700) {
            std::map<size_t, uint64_t> before, after;
            for (const Link& link : built.nodes())
                before[built.row_at(link)] = *needs.find(built.layout().slot_id(link));
            for (const Link& link : written.nodes())
                after[written.row_at(link)] = *moved.find(written.layout().slot_id(link));
            EXPECT_EQ(after, before);
        }
        EXPECT_EQ(moved.find(most), nullptr);
        InsertMemory memory;
        for (size_t row = first.rows(); row < all.rows(); ++row)
            written.insert(all.row(row), row, memory, 0, &moved);
        const auto checked = written.check();
        EXPECT_TRUE(checked.problems.empty()) << checked.all();
        EXPECT_EQ(checked.counts.rows, all.rows());
        EXPECT_EQ(checked.counts.unattached, 0u);
    }
}

INSTANTIATE_TEST_SUITE_P(Kinds, Written,
                         testing::Values(Case{"two", 768, StorageMode::coded, 0, 2},
                                         Case{"three", 384, StorageMode::coded, 0, 1},
                                         Case{"one", 1536, StorageMode::coded, 0, 1},
                                         Case{"many", 16, StorageMode::plain, 0, 2},
                                         Case{"filtered", 384, StorageMode::coded, 2, 2},
                                         Case{"filteredplain", 32, StorageMode::plain, 1, 1}),
                         [](const auto& info) { return info.param.name; });

}  // namespace
}  // namespace vecstore::core
