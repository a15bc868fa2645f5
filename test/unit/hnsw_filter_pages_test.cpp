// Columns to filter by: conditions on keys, where keys lie, the memory of scans, and the check.
#include <map>

#include <gtest/gtest.h>

#include "filter_conditions.hpp"

namespace vecstore::core {
namespace {

// ------------------------------------------------------------------------------------------- conditions

// Keys that are small, or large, or anything, or the ends; sometimes those of another draw.
FilterKey random_key(std::mt19937_64& random) {
    switch (random() % 6) {
        case 0: return random() % 8;
        case 1: return ~FilterKey{0} - random() % 8;
        case 2: return (uint64_t{1} << 63) + random() % 8 - 4;
        case 3: return uint64_t{1} << (random() % 64);
        case 4: return random() & random() & random();
        default: return random();
    }
}

FilterCondition random_condition(std::mt19937_64& random, size_t columns,
                                 const std::vector<FilterKey>& page) {
    const auto column = static_cast<uint16_t>(random() % columns);
    const auto key = [&] { return random() % 2 == 0 ? page[random() % page.size()] : random_key(random); };
    const size_t kind = random() % 5;
    if (kind < 2) {
        FilterKey low = key(), high = key();
        if (low > high && random() % 8 != 0) std::swap(low, high);
        return range(column, low, random() % 4 == 0 ? low : high);
    }
    constexpr size_t lengths[] = {1, 2, 3, 16, 17, 300, 5000};
    std::vector<FilterKey> keys(lengths[random() % 7]);
    for (FilterKey& k : keys) k = key();
    return keys_of(column, kind < 4 ? Kind::among : Kind::bits, std::move(keys));
}

struct PageShape {
    uint32_t dims;
    uint16_t columns;
    uint16_t m;
};

NodeLayout layout_of(const PageShape& s) {
    return NodeLayout(choose_geometry(
        {s.dims, Metric::l2, StorageMode::coded, false, s.m, VectorKind::vector, 0, s.columns}));
}

TEST(Conditions, AreWhatTheySay) {
    std::mt19937_64 random(1);
    bool odd_groups = false;
    for (const PageShape& shape : {PageShape{768, 1, 16}, PageShape{768, 3, 16}, PageShape{96, 2, 16},
                                   PageShape{1536, 7, 16}, PageShape{64, 5, 2}, PageShape{3072, 31, 16}}) {
        const NodeLayout layout = layout_of(shape);
        const FilterLayout& filters = layout.filters();
        const size_t slots = filters.slots_per_group();
        odd_groups |= slots % 64 != 0;
        std::vector<uint64_t> payload(page_payload_size / 8);
        auto* const bytes = reinterpret_cast<uint8_t*>(payload.data());
        std::vector<FilterKey> page;
        for (size_t c = 0; c < shape.columns; ++c)
            for (size_t i = 0; i < slots; ++i)
                page.push_back(filters.column(bytes, c)[i] = random_key(random));
        size_t some = 0;
        for (int round = 0; round < 300; ++round) {
            std::vector<FilterCondition> conditions;
            for (size_t n = 1 + random() % 3; n > 0; --n)
                conditions.push_back(random_condition(random, shape.columns, page));
            const RowFilter filter = filter_of(conditions);
            EXPECT_FALSE(filter.empty());
            std::vector<uint64_t> bits((slots + 63) / 64, random());  // what was there before does not matter
            filter.test(filters, bytes, bits.data());
            size_t passed = 0;
            for (size_t i = 0; i < slots; ++i) {
                std::vector<FilterKey> keys(shape.columns);
                for (size_t c = 0; c < shape.columns; ++c) keys[c] = page[c * slots + i];
                const bool wanted = meet_all(conditions, keys);
                passed += wanted;
                ASSERT_EQ((bits[i / 64] >> (i % 64)) & 1, wanted) << "slot " << i << " of " << slots;
                ASSERT_EQ(filter.passes(keys.data()), wanted) << "slot " << i;
            }
            some += passed > 0 && passed < slots;
        }
        EXPECT_GT(some, 60u) << "the conditions are no test";
    }
    EXPECT_TRUE(odd_groups);
}

TEST(Conditions, ThatNoRowMeets) {
    const NodeLayout layout = layout_of({768, 1, 16});
    const FilterKey key = 5;
    std::vector<uint64_t> payload(page_payload_size / 8, key);
    const auto expect_none = [&](const RowFilter& filter) {
        EXPECT_TRUE(filter.never());
        EXPECT_FALSE(filter.empty());
        EXPECT_FALSE(filter.passes(&key));
        std::vector<uint64_t> bits((layout.filters().slots_per_group() + 63) / 64, ~uint64_t{0});
        filter.test(layout.filters(), reinterpret_cast<uint8_t*>(payload.data()), bits.data());
        for (const uint64_t word : bits) EXPECT_EQ(word, 0u);
    };
    expect_none(filter_of({range(0, 6, 5)}));
    expect_none(filter_of({range(0, 0, ~FilterKey{0}), keys_of(0, Kind::among, {})}));
    expect_none(filter_of({keys_of(0, Kind::bits, {})}));
    RowFilter never;
    EXPECT_TRUE(never.empty());
    EXPECT_TRUE(never.passes(&key));
    never.set_never();
    expect_none(never);
}

// ----------------------------------------------------------------------------------- where the entries lie

// Places on pages that are taken; none may be taken twice.
class Places {
  public:
    void take(uint32_t page, const uint8_t* payload, const void* at, size_t bytes) {
        const auto offset = static_cast<size_t>(static_cast<const uint8_t*>(at) - payload);
        ASSERT_GE(offset, sizeof(PageHead));
        ASSERT_LE(offset + bytes, page_payload_size);
        ASSERT_TRUE(taken_.emplace((uint64_t{page} << 16) + offset, bytes).second)
            << "page " << page << ", " << offset;
    }
    void expect_no_overlaps() const {
        uint64_t end = 0;
        for (const auto& [begin, bytes] : taken_) {
            ASSERT_GE(begin, end);
            end = begin + bytes;
        }
    }

  private:
    std::map<uint64_t, size_t> taken_;
};

// All slots of the first three groups.
void expect_own_entries(const FilterLayout& filters, size_t slots_per_page) {
    const std::vector<uint8_t> page(page_payload_size);
    const uint8_t* const payload = page.data();
    const uint32_t blocks = 1 + 3 * filters.blocks_per_group();
    EXPECT_EQ(filters.groups(1), 0u);
    EXPECT_EQ(filters.groups(2), 1u);
    EXPECT_EQ(filters.groups(blocks), 3u);
    EXPECT_EQ(filters.groups(blocks + 1), 4u);
    Places places;
    uint32_t nodes = 0;
    for (uint32_t block = 0; block < blocks; ++block) {
        if (filters.kind_of(block) != PageKind::unused || block == meta_block) continue;
        ++nodes;
        const uint32_t group = filters.group_of(block);
        ASSERT_LT(filters.page_of_keys(group), block);
        ASSERT_EQ(filters.kind_of(filters.page_of_keys(group)), PageKind::filters);
        for (size_t s = 0; s < slots_per_page; ++s) {
            const Link link{block, static_cast<uint8_t>(s), 0};
            const size_t index = filters.index_of(link);
            ASSERT_LT(index, filters.slots_per_group());
            ASSERT_EQ(filters.slot_at(group, index), link);
            for (size_t c = 0; c < filters.columns(); ++c)
                places.take(filters.page_of_keys(group), payload, filters.column(payload, c) + index,
                            sizeof(FilterKey));
            if (!filters.has_origin_codes()) continue;
            const uint32_t codes_page = filters.page_of_origin_code(group, index);
            ASSERT_EQ(filters.kind_of(codes_page), PageKind::origin_codes);
            ASSERT_LT(codes_page, block);
            ASSERT_EQ(filters.group_of(codes_page), group);
            places.take(codes_page, payload, filters.code(payload, index), filters.code_bytes());
            places.take(codes_page, payload, filters.factor(payload, index), factor_bytes);
        }
    }
    places.expect_no_overlaps();
    EXPECT_EQ(nodes, 3 * (filters.blocks_per_group() - filters.first_node_block()));
}

TEST(FilterLayout, GivesEverySlotItsOwnEntry) {
    size_t fit = 0, refused = 0;
    for (const uint32_t dims : {3, 16, 96, 128, 200, 384, 768, 1024, 1536, 2000, 3072, 4096, 8000, 16000})
        for (const StorageMode mode : {StorageMode::plain, StorageMode::coded})
            for (const uint16_t m : {2, 16, 32})
                for (uint16_t columns = 1; columns <= 31; ++columns) {
                    SCOPED_TRACE(testing::Message() << dims << " dimensions, "
                                                    << (mode == StorageMode::plain ? "plain" : "coded")
                                                    << ", m = " << m << ", " << columns << " columns");
                    try {
                        const NodeLayout layout(choose_geometry(
                            {dims, Metric::l2, mode, false, m, VectorKind::vector, 0, columns}));
                        EXPECT_EQ(layout.filters().columns(), columns);
                        EXPECT_EQ(layout.filters().has_origin_codes(), mode == StorageMode::coded);
                        expect_own_entries(layout.filters(), layout.slots_per_page());
                        ++fit;
                    } catch (const Error& e) {
                        EXPECT_EQ(e.code(), ErrorCode::limit_exceeded) << e.message();
                        if (e.message().find("further columns") == std::string::npos)
                            continue;  // too large without, too
                        EXPECT_GT(columns, 4) << e.message();
                        ++refused;
                    }
                    if (HasFatalFailure()) return;
                }
    EXPECT_GT(fit, 1000u);
    EXPECT_GT(refused, 10u);
}

TEST(FilterLayout, RefusesTooManyColumns) {
    try {
        choose_geometry({3, Metric::l2, StorageMode::plain, false, 16, VectorKind::vector, 0, 17});
        choose_geometry({3, Metric::l2, StorageMode::plain, false, 16, VectorKind::vector, 0, 31});
        FAIL() << "31 columns beside nodes of which there are dozens on a page";
    } catch (const Error& e) {
        EXPECT_EQ(e.code(), ErrorCode::limit_exceeded);
        EXPECT_EQ(e.message(), "an index on vectors of 3 dimensions cannot have 31 further columns");
        EXPECT_EQ(e.detail(), "With m = 16 and 20 nodes on a page it has room for 17.");
        EXPECT_NE(e.hint(), "");
    }
}

TEST(FilterLayout, WithoutColumnsThereIsNothing) {
    const NodeLayout layout = layout_of({768, 0, 16});
    EXPECT_EQ(layout.filters().columns(), 0u);
    for (uint32_t block = 0; block < 5000; ++block)
        ASSERT_EQ(layout.filters().kind_of(block), PageKind::unused);
}

// The pages that an index starts with: those of the first group, then the mean. And on into the next groups.
TEST(FilterLayout, LeavesRoomForAMean) {
    for (const PageShape& shape :
         {PageShape{200, 2, 16}, PageShape{768, 1, 16}, PageShape{4096, 20, 16}, PageShape{16000, 3, 16}}) {
        SCOPED_TRACE(testing::Message() << shape.dims << " dimensions, " << shape.columns << " columns");
        IndexOptions options;
        options.mean.assign(shape.dims, 0.25f);
        options.filter_columns = shape.columns;
        options.filter_key = [](size_t row, size_t column) { return row * 100 + column; };
        const NodeLayout layout = layout_of(shape);
        const size_t rows = std::min<size_t>(3 * layout.filters().slots_per_group(),
                                             shape.dims > 8000 ? 150 : 500);
        const Data data = normal_data(rows, shape.dims, 3, 4);
        for (const bool built : {true, false}) {
            TestIndex index(shape.dims, options);
            EXPECT_TRUE(index.check().problems.empty()) << index.check().all();
            EXPECT_EQ(+index.meta().mean_block, 1 + layout.filters().first_node_block());
            if (built)
                index.build(data, 1);
            else
                index.insert(data);
            const auto checked = index.check();
            EXPECT_TRUE(checked.problems.empty()) << checked.all();
            expect_keys_of_rows(index);
        }
    }
}

// ---------------------------------------------------------------------------------------------------- memory

// The memory of a search may come from an index with more groups, or larger ones; and the index may grow
// meanwhile.
TEST(FilterMap, MemoryOfAnotherIndexIsLargeEnough) {
    const RowFilter filter = filter_of({range(0, 1, 100)});
    IndexOptions options;
    options.filter_columns = 1;
    options.filter_key = [](size_t row, size_t) { return 1 + row % 200; };
    // Small groups, and many: 10 of 31 columns.
    IndexOptions small = options;
    small.filter_columns = 31;
    const Data other = normal_data(700, 3072, 2);
    TestIndex long_index(3072, small);
    long_index.build(other, 1);
    const Data data = normal_data(1200, 16, 3);
    TestIndex index(16, options);
    InsertMemory memory;
    for (size_t i = 0; i < 100; ++i) index.insert(data.row(i), i, memory);
    const size_t words = (index.layout().filters().slots_per_group() + 63) / 64;

    FilterMemory shared;
    FilterMap<MemStore> before(long_index.store(), long_index.layout(), filter, shared);
    ASSERT_GT(before.groups(), 4u);
    for (uint32_t g = 0; g < before.groups(); ++g) before.bits_of(g);
    FilterMap<MemStore> map(index.store(), index.layout(), filter, shared);
    ASSERT_EQ(map.groups(), 1u);
    for (size_t i = 100; i < data.rows(); ++i) index.insert(data.row(i), i, memory);
    for (const Link& link : index.nodes()) {
        const size_t row = TestIndex::row_of(index.node(link).head().tids[0]);
        if (index.layout().filters().group_of(link.block) == 0 && row >= 100)
            continue;  // tested before it came
        ASSERT_EQ(map.passes(link), row % 200 < 100) << row;
        ASSERT_GE(shared.bits.size(), (index.layout().filters().group_of(link.block) + 1) * words);
    }
}

// ------------------------------------------------------------------------------------------------- the check

TEST(FilterCheck, FindsPagesOfAnotherKind) {
    IndexOptions options;
    options.filter_columns = 2;
    options.filter_key = [](size_t row, size_t column) { return row + column; };
    const Data data = normal_data(300, 256, 4);
    const auto damaged = [&](const std::function<void(TestIndex&)>& damage) {
        TestIndex index(256, options);
        index.build(data, 1);
        EXPECT_TRUE(index.check().problems.empty());
        damage(index);
        return index.check();
    };
    const auto head_of = [](TestIndex& index, uint32_t block) -> PageHead& {
        return page_head(const_cast<uint8_t*>(index.store().payload(block)));
    };
    const auto keys_gone = damaged([&](TestIndex& x) { head_of(x, 1).kind = PageKind::tids; });
    EXPECT_TRUE(keys_gone.has("(1") && keys_gone.has("does not hold filter keys")) << keys_gone.all();
    const auto swapped = damaged([&](TestIndex& x) { head_of(x, 1).kind = PageKind::origin_codes; });
    EXPECT_TRUE(swapped.has("does not hold filter keys")) << swapped.all();
    const auto codes_gone = damaged([&](TestIndex& x) { head_of(x, 2).kind = PageKind::filters; });
    EXPECT_TRUE(codes_gone.has("does not hold filter keys")) << codes_gone.all();
    const auto misplaced = damaged(
        [&](TestIndex& x) { head_of(x, x.nodes().back().block).kind = PageKind::filters; });
    EXPECT_TRUE(misplaced.has("holds filter keys that are of no pages")) << misplaced.all();
}

}  // namespace
}  // namespace vecstore::core
