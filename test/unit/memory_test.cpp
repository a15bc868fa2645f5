// These keep within a limit of memory: sets of many numbers, rows that wait, scans, builds that are told to
// stop.
#include <algorithm>
#include <chrono>
#include <random>
#include <set>
#include <thread>

#include <gtest/gtest.h>

#include "core/base/disjoint_sets.hpp"
#include "core/hnsw/beside/waiting_rows.hpp"
#include "hnsw_graph.hpp"

namespace vecstore::core {
namespace {

// ------------------------------------------------------------------------------------------ disjoint sets

// As DisjointSets beyond 2^32, in little: numbers of which the low part alone does not tell.
TEST(DisjointSets, TellApartMoreNumbersThanTheirLowPartsCan) {
    constexpr size_t count = 3000;
    BasicDisjointSets<uint8_t, uint8_t> sets;
    sets.reset(count);
    for (size_t i = 0; i < count; ++i) ASSERT_EQ(sets.find(i), i);
    for (size_t i = 0; i + 7 < count; ++i) EXPECT_TRUE(sets.unite(i, i + 7));
    std::set<uint64_t> left;
    for (size_t i = 0; i < count; ++i) {
        left.insert(sets.find(i));
        EXPECT_EQ(sets.find(i), sets.find(i % 7));
    }
    EXPECT_EQ(left.size(), 7u);
    EXPECT_FALSE(sets.unite(0, 2996));
}

TEST(DisjointSets, TakeTheHighPartsOnlyWhereThereAreAny) {
    size_t bytes = 0;
    const Scratch counted([&](size_t n) {
        bytes += n;
        return Scratch::on_heap(n);
    });
    BasicDisjointSets<uint8_t, uint8_t> sets;
    sets.reset(256, counted);
    EXPECT_EQ(bytes, 256u);
    bytes = 0;
    sets.reset(257, counted);
    EXPECT_EQ(bytes, 2 * 257u);
    sets.reset(0, counted);
}

// ----------------------------------------------------------------------------------------- rows that wait

struct Files {
    size_t made = 0, open = 0, bytes = 0;
};

class FakeFile final : public SpillFile {
  public:
    explicit FakeFile(Files& files) : files_(files) {
        ++files.made;
        ++files.open;
    }
    ~FakeFile() override { --files_.open; }
    void write(const void* bytes, size_t size) override {
        const auto* const p = static_cast<const uint8_t*>(bytes);
        content_.insert(content_.end(), p, p + size);
        files_.bytes += size;
    }
    void rewind() override { at_ = 0; }
    void read(void* bytes, size_t size) override {
        ASSERT_LE(at_ + size, content_.size());
        std::copy_n(content_.begin() + static_cast<ptrdiff_t>(at_), size, static_cast<uint8_t*>(bytes));
        at_ += size;
    }

  private:
    Files& files_;
    std::vector<uint8_t> content_;
    size_t at_ = 0;
};

SpillTo spill_to(Files& files) {
    return [&files] { return std::make_unique<FakeFile>(files); };
}

struct Waiting {
    double low;
    uint32_t number;
};

TEST(WaitingRows, ComeInOrderOutOfFilesAndMemory) {
    constexpr size_t rows = 100000, memory = 20000 * sizeof(Waiting);
    Files files;
    WaitingRows<Waiting> waiting(memory, spill_to(files));
    std::mt19937 random(5);
    std::set<uint32_t> out;
    double last = -1;
    size_t number = 0;
    const auto take = [&] {
        const double front = waiting.front().low;
        const Waiting row = waiting.pop();
        EXPECT_EQ(row.low, front);
        EXPECT_GE(row.low, last);
        last = row.low;
        EXPECT_TRUE(out.insert(row.number).second);
    };
    // Most at first; some later, that are not nearer than those that are out.
    for (; number < rows; ++number)
        waiting.push({static_cast<double>(random() % 5000), static_cast<uint32_t>(number)});
    EXPECT_EQ(files.made, 4u);
    EXPECT_LE(waiting.memory(), memory);
    while (!waiting.empty()) {
        take();
        if (number < rows + 30000) waiting.push({last + random() % 100, static_cast<uint32_t>(number++)});
    }
    EXPECT_EQ(out.size(), number);
    EXPECT_EQ(files.open, 0u);
    EXPECT_LE(waiting.memory(), memory);
}

TEST(WaitingRows, StayInMemoryWhereThereAreNoFiles) {
    WaitingRows<Waiting> waiting(1, {});
    for (uint32_t i = 0; i < 50000; ++i) waiting.push({static_cast<double>(50000 - i), i});
    for (uint32_t i = 0; i < 50000; ++i) ASSERT_EQ(waiting.pop().number, 49999 - i);
    EXPECT_TRUE(waiting.empty());
}

TEST(WaitingRows, LeaveTheirFilesWhenTheyAreCleared) {
    Files files;
    {
        WaitingRows<Waiting> waiting(0, spill_to(files));
        for (uint32_t i = 0; i < 40000; ++i) waiting.push({1, i});
        EXPECT_GT(files.open, 1u);
        waiting.clear();
        EXPECT_EQ(files.open, 0u);
        EXPECT_TRUE(waiting.empty());
        for (uint32_t i = 0; i < 40000; ++i) waiting.push({1, i});
    }
    EXPECT_EQ(files.open, 0u);
}

// -------------------------------------------------------------------------------------------------- scans

TEST(ScanMemory, RowsThatDoNotFitComeOutOfFiles) {
    const Data data = normal_data(20000, 4, 1);
    TestIndex index(data.dims, {}, 1 << 14);
    index.build(data, 2);
    const Data query = normal_data(1, data.dims, 2);
    ScanOptions options;
    options.exhaustive = true;
    const std::vector<size_t> expected = index.scan(query.row(0), SIZE_MAX, options, &data);
    ASSERT_EQ(expected.size(), data.rows());
    Files files;
    options.row_memory = 1;
    options.spill = spill_to(files);
    EXPECT_EQ(index.scan(query.row(0), SIZE_MAX, options, &data), expected);
    EXPECT_GE(files.made, 2u);
    EXPECT_EQ(files.open, 0u);
    // The same of a scan that goes on as long as there are rows.
    options.exhaustive = false;
    const std::vector<size_t> on = index.scan(query.row(0), SIZE_MAX, options, &data);
    EXPECT_EQ(std::set<size_t>(on.begin(), on.end()).size(), data.rows());
    EXPECT_EQ(files.open, 0u);
}

TEST(ScanMemory, AScanThatGoesOnEndsWhereItsMemoryDoes) {
    const Data data = normal_data(20000, 4, 1);
    TestIndex index(data.dims, {}, 1 << 14);
    index.build(data, 2);
    ScanOptions options;
    size_t asked = 0;
    options.node_memory = [&] {
        ++asked;
        return size_t{1} << 18;
    };
    EXPECT_EQ(index.scan(data.row(0), 10, options, &data).size(), 10u);
    EXPECT_EQ(asked, 0u);
    const size_t rows = index.scan(data.row(0), SIZE_MAX, options, &data).size();
    EXPECT_EQ(asked, 1u);
    EXPECT_GT(rows, 1000u);
    EXPECT_LT(rows, 12000u);
}

// ------------------------------------------------------------------------------------------------- builds

// A call that ends the process does not return from `progress`: the threads must have ended by themselves.
TEST(StoppedBuild, HasNoThreadAtWork) {
    const Data data = normal_data(12000, 16, 1);
    for (const size_t calls_before : {1, 500, 2000}) {
        TestIndex index(data.dims, {}, 1 << 14);
        const RowBuffer rows = index.encode(data);
        GraphBuilder builder(index.encoder(), {64, 4});
        struct Exit {};
        size_t calls = 0;
        EXPECT_THROW(builder.build(rows, index.store(),
                                   [&](size_t) {
                                       if (++calls < calls_before) return;
                                       builder.stop();
                                       const uint32_t pages = index.store().page_count();
                                       std::this_thread::sleep_for(std::chrono::milliseconds(20));
                                       EXPECT_EQ(index.store().page_count(), pages);
                                       throw Exit();
                                   }),
                     Exit);
    }
}

TEST(StoppedBuild, AsksWithEveryRow) {
    const Data data = normal_data(3000, 16, 1);
    TestIndex index(data.dims, {}, 1 << 14);
    const RowBuffer rows = index.encode(data);
    GraphBuilder builder(index.encoder(), {64, 1});
    size_t calls = 0;
    builder.build(rows, index.store(), [&](size_t) { ++calls; });
    EXPECT_GE(calls, data.rows());
}

}  // namespace
}  // namespace vecstore::core
