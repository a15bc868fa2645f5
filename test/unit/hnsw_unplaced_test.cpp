// Rows without a place in the graph: adding, reading, removing, and the use of what was freed.
#include <thread>

#include <gtest/gtest.h>

#include "core/hnsw/beside/unplaced.hpp"
#include "hnsw_graph.hpp"

namespace vecstore::core {
namespace {

using Kind = UnplacedKind;

struct UnplacedIndex {
    explicit UnplacedIndex(uint16_t columns)
        : geometry(choose_geometry(
              {3, Metric::cosine, StorageMode::plain, false, 16, VectorKind::vector, 0, columns})),
          layout(geometry),
          store(2000) {
        create_index_pages(store, geometry, 1, 64, {});
    }

    void add(uint32_t row, Kind kind) {
        const FilterKey keys[] = {row % 10, row % 3};
        add_unplaced(store, layout, {{row, 1}, kind, 0}, keys);
    }
    std::vector<uint32_t> read(const RowFilter* filter, const UnplacedWanted& wanted) {
        UnplacedRows<MemStore> rows(store, layout, filter, wanted);
        std::vector<uint32_t> found;
        for (HeapTid tid; rows.next(tid);) found.push_back(tid.block);
        return found;
    }
    std::vector<uint32_t> read_sorted(const RowFilter* filter = nullptr, const UnplacedWanted& wanted = {}) {
        std::vector<uint32_t> found = read(filter, wanted);
        std::sort(found.begin(), found.end());
        return found;
    }
    template <class IsDead>
    UnplacedCounts vacuum(IsDead&& is_dead) {
        return vacuum_unplaced(store, layout, [&](const HeapTid& tid) { return is_dead(tid.block); });
    }
    Geometry geometry;
    NodeLayout layout;
    MemStore store;
};

std::vector<uint32_t> numbers(uint32_t end, const std::function<bool(uint32_t)>& wanted) {
    std::vector<uint32_t> all;
    for (uint32_t i = 0; i < end; ++i)
        if (wanted(i)) all.push_back(i);
    return all;
}

Kind kind_of(uint32_t row) { return row % 4 == 0 ? Kind::no_direction : Kind::no_vector; }

TEST(Unplaced, AreReadByKindAndByKeys) {
    for (const uint16_t columns : {uint16_t{0}, uint16_t{2}}) {
        UnplacedIndex index(columns);
        EXPECT_TRUE(index.read(nullptr, {}).empty());
        constexpr uint32_t rows = 3000;
        for (uint32_t i = 0; i < rows; ++i) index.add(i, kind_of(i));
        EXPECT_EQ(index.read_sorted(), numbers(rows, [](uint32_t) { return true; }));
        EXPECT_EQ(index.read_sorted(nullptr, {true, false}),
                  numbers(rows, [](uint32_t i) { return i % 4 == 0; }));
        EXPECT_EQ(index.read_sorted(nullptr, {false, true}),
                  numbers(rows, [](uint32_t i) { return i % 4 != 0; }));
        EXPECT_TRUE(index.read(nullptr, {false, false}).empty());
        // NaN comes before NULL.
        const std::vector<uint32_t> order = index.read(nullptr, {});
        EXPECT_TRUE(std::is_partitioned(order.begin(), order.end(), [](uint32_t i) { return i % 4 == 0; }));
        if (columns == 0) continue;
        RowFilter filter;
        FilterCondition condition;
        condition.column = 0;
        condition.low = condition.high = 7;
        filter.add(condition);
        EXPECT_EQ(index.read_sorted(&filter), numbers(rows, [](uint32_t i) { return i % 10 == 7; }));
    }
}

TEST(Unplaced, VacuumRemovesTheDeadAndMakesRoom) {
    UnplacedIndex index(2);
    constexpr uint32_t rows = 3000;
    for (uint32_t i = 0; i < rows; ++i) index.add(i, kind_of(i));
    const auto is_dead = [](uint32_t i) { return i % 3 != 0 || (i > 1000 && i < 2000); };
    const UnplacedCounts counts = index.vacuum(is_dead);
    const std::vector<uint32_t> left = numbers(rows, [&](uint32_t i) { return !is_dead(i); });
    EXPECT_EQ(index.read_sorted(), left);
    EXPECT_EQ(counts.rows_left, left.size());
    EXPECT_EQ(counts.rows_removed, rows - left.size());
    EXPECT_EQ(index.vacuum([](uint32_t) { return false; }).rows_removed, 0u);

    // The same over and over takes no more pages.
    const uint32_t pages = index.store.page_count();
    for (uint32_t round = 1; round <= 20; ++round) {
        for (uint32_t i = 0; i < rows / 2; ++i) index.add(round * rows + i, Kind::no_vector);
        EXPECT_EQ(index.read(nullptr, {}).size(), left.size() + rows / 2);
        index.vacuum([&](uint32_t i) { return i >= rows; });
        EXPECT_EQ(index.read_sorted(), left);
    }
    EXPECT_LE(index.store.page_count(), pages + 1);
    index.vacuum([](uint32_t) { return true; });
    EXPECT_TRUE(index.read(nullptr, {}).empty());
}

TEST(Unplaced, ABuildWritesWholePages) {
    UnplacedIndex index(2);
    const UnplacedLayout layout(index.layout);
    for (const size_t rows : {size_t{0}, size_t{1}, layout.capacity(), 3 * layout.capacity() + 1}) {
        UnplacedIndex built(2);
        UnplacedWriter<MemStore> writer(built.store, built.layout);
        std::vector<uint8_t> entry(layout.entry_bytes());
        for (uint32_t i = 0; i < rows; ++i) {
            const FilterKey keys[] = {i, i};
            layout.write({{i, 1}, Kind::no_vector, 0}, keys, entry.data());
            writer.add(entry.data());
        }
        writer.finish();
        EXPECT_EQ(built.read(nullptr, {}).size(), rows);
        for (uint32_t i = 0; i < 10; ++i) built.add(1000000 + i, Kind::no_direction);
        EXPECT_EQ(built.read(nullptr, {}).size(), rows + 10);
    }
}

// Inserts go on while vacuum removes: nothing that lives is lost, and nothing met twice.
TEST(Unplaced, InsertsAndVacuumAtATime) {
    UnplacedIndex index(2);
    constexpr uint32_t rows = 20000;
    std::vector<std::thread> threads;
    for (uint32_t t = 0; t < 3; ++t)
        threads.emplace_back([&, t] {
            for (uint32_t i = t; i < rows; i += 3) index.add(i, kind_of(i));
        });
    for (int i = 0; i < 20; ++i) index.vacuum([](uint32_t row) { return row % 5 != 0; });
    for (std::thread& thread : threads) thread.join();
    index.vacuum([](uint32_t row) { return row % 5 != 0; });
    EXPECT_EQ(index.read_sorted(), numbers(rows, [](uint32_t i) { return i % 5 == 0; }));
}

// A list that comes back to itself, and a page of another kind, are errors.
TEST(Unplaced, DamageIsAnError) {
    UnplacedIndex index(2);
    for (uint32_t i = 0; i < 3000; ++i) index.add(i, Kind::no_vector);
    uint32_t first, second;
    {
        auto meta = index.store.read(meta_block);
        first = meta_of(meta.payload()).unplaced;
        auto page = index.store.read(first);
        second = UnplacedLayout::head(page.payload()).next;
    }
    {
        auto page = index.store.write(second);
        UnplacedLayout::head(page.modify()).next = first;
        page.commit();
    }
    EXPECT_THROW(index.read(nullptr, {}), Error);
    EXPECT_THROW(index.vacuum([](uint32_t) { return false; }), Error);
    {
        auto page = index.store.write(first);
        UnplacedLayout::head(page.modify()).count = 60000;
        page.commit();
    }
    EXPECT_THROW(index.read(nullptr, {}), Error);
    EXPECT_THROW(index.vacuum([](uint32_t) { return false; }), Error);
}

}  // namespace
}  // namespace vecstore::core
