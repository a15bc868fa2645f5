// EntryTable: that every node of level 1 has one, that searches get by them to where the walk down leads, and
// what becomes of them when rows go, or pages are damaged.
#include <algorithm>
#include <map>
#include <memory>
#include <set>
#include <thread>

#include <gtest/gtest.h>

#include "core/hnsw/build/insert_batch.hpp"
#include "core/hnsw/write/vacuum.hpp"
#include "hnsw_graph.hpp"

namespace vecstore::core {
namespace {

TEST(NearestFew, AreTheNearestInOrder) {
    std::mt19937 random(3);
    for (const size_t shown : {0, 1, 7, 8, 9, 300}) {
        NearestFew<int, 8> few;
        std::vector<std::pair<float, int>> all;
        for (size_t i = 0; i < shown; ++i) {
            all.emplace_back(static_cast<float>(random()), static_cast<int>(i));
            few.add(all.back().first, all.back().second);
        }
        few.add(NAN, -1);
        std::sort(all.begin(), all.end());
        if (shown > 8) {
            ASSERT_EQ(few.size(), 8u);
            EXPECT_EQ(few.limit(), all[7].first);
            for (size_t i = 0; i < 8; ++i) EXPECT_EQ(few[i], all[i].second);
        }
    }
}

struct Case {
    const char* name;
    size_t dims;
    Metric metric;
    bool compact;
    uint16_t filter_columns;
};

constexpr size_t all_rows = 9000, few_rows = 3000, query_count = 100;

// Of rows so far apart in this order.
double mean_distance(const Data& data, const std::vector<size_t>& rows, size_t apart) {
    double sum = 0;
    for (size_t i = 0; i + apart < rows.size(); ++i)
        sum += std::sqrt(kernels().l2_squared(data.row(rows[i]), data.row(rows[i + apart]), data.dims));
    return sum / static_cast<double>(rows.size() - apart);
}

class EntryTableOf : public testing::TestWithParam<Case> {
  protected:
    void SetUp() override {
        data_ = latent_data(all_rows + query_count, GetParam().dims, 5);
        if (GetParam().metric != Metric::l2) normalize(data_);
        queries_ = rows_from(data_, all_rows);
        data_ = first_rows(data_, all_rows);
        options_.metric = GetParam().metric;
        options_.compact = GetParam().compact;
        options_.filter_columns = GetParam().filter_columns;
        options_.filter_key = [](size_t row, size_t) { return 1 + row; };
        index_ = std::make_unique<TestIndex>(data_.dims, options_);
    }

    void build(size_t rows) { build_in_order(first_rows(data_, rows), 2, *index_); }
    void insert(size_t begin, size_t end) {
        for (size_t row = begin; row < end; ++row) index_->insert(data_.row(row), row, memory_);
    }
    template <class IsDead>
    void vacuum(IsDead&& is_dead) {
        Vacuum<MemStore> run(index_->store(), index_->encoder(), 64, memory_);
        run.run([&](const HeapTid& tid) { return is_dead(TestIndex::row_of(tid)); });
    }

    std::vector<uint32_t> pages() {
        std::vector<uint32_t> pages;
        for_each_entry_page(
            index_->store(), index_->layout(), index_->meta().entry_map,
            [&](uint32_t block) { pages.push_back(block); },
            [](uint32_t block, const std::string& text) { ADD_FAILURE() << block << ": " << text; });
        return pages;
    }
    std::vector<uint64_t> entries() {
        std::vector<uint64_t> ids;
        const OriginCodePage<Link> place = EntryTableLayout(index_->layout()).entries();
        for (const uint32_t block : pages())
            for (size_t i = 0; i < page_head(index_->store().payload(block)).reserved; ++i)
                ids.push_back(index_->layout().node_id(place.more(index_->store().payload(block), i)));
        std::sort(ids.begin(), ids.end());
        return ids;
    }
    // Those that there should be.
    std::vector<uint64_t> below_level_1() {
        std::vector<uint64_t> ids;
        for (const Link& link : index_->nodes(1))
            if (index_->node(link).live())
                ids.push_back(index_->layout().node_id(index_->node(link).head().down));
        std::sort(ids.begin(), ids.end());
        return ids;
    }

    struct Found {
        double recall;
        uint64_t visits, upper_visits;
    };
    Found find(const Data& rows, bool with_entry_table = true) {
        const uint32_t map = index_->meta().entry_map;
        if (!with_entry_table) index_->meta_in_place().entry_map = 0;
        Found found{recall(*index_, rows, queries_, 10, {}), 0, 0};
        for (size_t q = 0; q < queries_.rows(); ++q) {
            index_->scan(queries_.row(q), 10, {}, &rows);
            found.visits += index_->last_visits();
            found.upper_visits += index_->last_counts().visits - index_->last_visits();
        }
        index_->meta_in_place().entry_map = map;
        return found;
    }
    void expect_as_good_as_the_walk(const Data& rows) {
        const auto checked = index_->check();
        EXPECT_TRUE(checked.problems.empty()) << checked.all();
        const Found by_entry_table = find(rows), by_walk = find(rows, false);
        EXPECT_EQ(by_entry_table.upper_visits, 0u);
        EXPECT_GT(by_walk.upper_visits, 5 * query_count);
        EXPECT_GE(by_entry_table.recall, by_walk.recall - 0.01);
        EXPECT_LE(by_entry_table.visits,
                  by_walk.visits * 23 / 20);  // entries that cannot be told apart are all looked at
    }

    Data data_{0, {}}, queries_{0, {}};
    IndexOptions options_;
    std::unique_ptr<TestIndex> index_;
    InsertMemory memory_;
};

TEST_P(EntryTableOf, ABuild) {
    build(all_rows);
    EXPECT_EQ(entries(), below_level_1());
    EXPECT_GT(pages().size(), 4u);
    expect_as_good_as_the_walk(data_);
}

TEST_P(EntryTableOf, AnIndexThatGrewFromNothing) {
    insert(0, all_rows);
    EXPECT_EQ(entries(), below_level_1());
    EXPECT_GT(pages().size(), 2u);
    expect_as_good_as_the_walk(data_);
}

TEST_P(EntryTableOf, ABuildThatGrew) {
    build(few_rows);
    const size_t before = pages().size();
    insert(few_rows, all_rows);
    EXPECT_EQ(entries(), below_level_1());
    EXPECT_GT(pages().size(), before);
    expect_as_good_as_the_walk(data_);
}

// As a build goes on whose graph no longer fits into memory.
TEST_P(EntryTableOf, RowsInBatches) {
    build(few_rows);
    BatchInserter<MemStore> inserter(index_->store(), index_->encoder(), 64, memory_, nullptr);
    RowBuffer batch(index_->layout());
    size_t begin = few_rows;
    for (const size_t end : {few_rows + 1, few_rows + 3000, all_rows}) {
        batch.clear();
        for (size_t row = begin; row < end; ++row) index_->encode_into(data_.row(row), row, batch);
        EXPECT_EQ(batch.size(), end - begin);
        inserter.insert(batch);
        begin = end;
    }
    EXPECT_EQ(entries(), below_level_1());
    expect_as_good_as_the_walk(data_);
    std::vector<size_t> rows;
    for (const Link& link : index_->nodes())
        if (const size_t row = index_->row_at(link); row >= few_rows + 3000) rows.push_back(row);
    ASSERT_EQ(rows.size(), all_rows - few_rows - 3000);
    EXPECT_LT(mean_distance(data_, rows, 5), mean_distance(data_, rows, 1000) * 0.7);
}

TEST_P(EntryTableOf, WhatVacuumLeaves) {
    build(all_rows);
    vacuum([](size_t row) { return row >= few_rows; });
    EXPECT_EQ(entries(), below_level_1());
    expect_as_good_as_the_walk(first_rows(data_, few_rows));
    insert(few_rows, all_rows);
    EXPECT_EQ(entries(), below_level_1());
    expect_as_good_as_the_walk(data_);
    vacuum([](size_t) { return true; });
    EXPECT_TRUE(entries().empty());
    EXPECT_TRUE(index_->scan(queries_.row(0), 10, {}, &data_).empty());
    insert(0, few_rows);
    EXPECT_EQ(entries(), below_level_1());
    expect_as_good_as_the_walk(first_rows(data_, few_rows));
}

TEST_P(EntryTableOf, RowsOfSeveralThreads) {
    insert(0, 200);  // (of two that begin at once, one's are lost)
    std::vector<std::thread> threads;
    for (size_t t = 0; t < 4; ++t)
        threads.emplace_back([&, t] {
            InsertMemory memory;
            CalibrationSamples samples;
            RowMemory row;
            Inserter<MemStore> inserter(index_->store(), index_->encoder(), 64, memory);
            for (size_t i = 200 + t; i < all_rows; i += 4) {
                const OwnVector own = index_->encoder().encode_row(data_.row(i), row);
                const auto level = static_cast<uint8_t>(i % 12 == 0);
                const FilterKey keys[] = {1 + i};
                inserter.insert(
                    {row.internal.data(), row.own_bytes.data(), own, TestIndex::tid_of(i), level, keys});
                after_insert(index_->store(), index_->encoder(), memory, level, inserter.last_placed(),
                             samples);
            }
        });
    for (std::thread& thread : threads) thread.join();
    EXPECT_EQ(entries(), below_level_1());
    expect_as_good_as_the_walk(data_);
}

TEST_P(EntryTableOf, DamageIsFoundAndHarmless) {
    build(all_rows);
    const EntryTableLayout places(index_->layout());
    std::vector<uint32_t> groups;
    read_entry_groups(index_->store(), places, index_->meta().entry_map, groups);
    const std::vector<uint32_t> entries = pages();
    const auto payload = [&](uint32_t block) { return const_cast<uint8_t*>(index_->store().payload(block)); };
    const auto expect_found = [&](const char* text, const std::function<void()>& damage) {
        SCOPED_TRACE(text);
        std::vector<uint32_t> all = entries;
        all.insert(all.end(), groups.begin(), groups.end());
        all.insert(all.end(), {meta_block, index_->meta().entry_map});
        const KeptPages kept(*index_, all);
        damage();
        EXPECT_TRUE(index_->check().has(text)) << index_->check().all();
        for (size_t q = 0; q < 10; ++q) EXPECT_EQ(index_->scan(queries_.row(q), 10, {}, &data_).size(), 10u);
        index_->insert(data_.row(7), 7, memory_, 2);
    };
    const uint32_t map = index_->meta().entry_map;
    expect_found("is no map of entry points", [&] { page_head(payload(map)).kind = PageKind::unused; });
    expect_found("is no map of entry points",
                 [&] { EntryTableLayout::map_head(payload(map))->pages = 1u << 30; });
    expect_found("is no map of entry points", [&] { EntryTableLayout::map_head(payload(map))->groups = 0; });
    expect_found("does not hold groups of entry points",
                 [&] { page_head(payload(groups[0])).kind = PageKind::unused; });
    expect_found("does not hold entry points",
                 [&] { page_head(payload(entries[0])).kind = PageKind::unused; });
    expect_found("an impossible number of entry points",
                 [&] { page_head(payload(entries[0])).reserved = 60000; });
    const uint8_t nothing[512] = {};
    expect_found("is not on a page of nodes", [&] {
        for (const uint32_t block : entries)
            places.entries().put(payload(block), 0, nothing, nothing, Link{map, 0, 0});
    });
    expect_found("is of level 1", [&] {
        const Link upper = index_->nodes(1).at(0);
        places.entries().put(payload(entries[0]), 0, nothing, nothing, upper);
    });
}

INSTANTIATE_TEST_SUITE_P(Kinds, EntryTableOf,
                         testing::Values(Case{"l2", 256, Metric::l2, false, 0},
                                         Case{"cosine", 768, Metric::cosine, true, 0},
                                         Case{"product", 256, Metric::inner_product, false, 0},
                                         Case{"filters", 256, Metric::l2, false, 1}),
                         [](const auto& info) { return info.param.name; });

TEST(EntryTable, AreNotBegunWhereNodesWouldHaveNone) {
    const Data data = latent_data(4000, 256, 5);
    TestIndex index(256, {});
    index.build(data, 2);
    index.meta_in_place().entry_map = 0;  // as older builds left it
    InsertMemory memory;
    for (size_t row = 0; row < 20; ++row) index.insert(data.row(row), row, memory, 2);
    EXPECT_EQ(+index.meta().entry_map, 0u);
}

// So that searches of inserts stay in the cache: not only rows of the same entry come together, but those of
// entry points near each other, too.
TEST(EntryTable, PutRowsInOrder) {
    const Data data = latent_data(9000, 256, 5);
    TestIndex index(256, {});
    index.build(data, 1);
    const std::vector<Link> nodes = index.nodes();
    std::vector<size_t> rows;
    for (size_t i = nodes.size() / 4; i < nodes.size(); ++i)
        rows.push_back(index.row_at(nodes[i]));  // behind those of upper levels
    EXPECT_LT(mean_distance(data, rows, 50), mean_distance(data, rows, 3000) * 0.7);
}

// The entry candidates that rows are inserted from, and queries begin with.
struct EntryCandidates {
    explicit EntryCandidates(const Data& data, const IndexOptions& options = {})
        : rows(data), queries(take_queries(rows, 100)), index(data.dims, options) {
        index.build(rows, 2);
    }

    // Of each query on average, those whose distance is not known: they are looked at first, whatever else is
    // there.
    double unknown() {
        SearchMemory memory;
        Query query;
        EntryTable<MemStore> table(index.store(), index.layout(), query, memory);
        size_t count = 0;
        for (size_t q = 0; q < queries.rows(); ++q) {
            const RawVector raw = queries.row(q);
            query.prepare_scan(index.encoder(), &raw, 0);
            EXPECT_TRUE(table.find(index.meta().entry_map));
            count += std::count_if(
                memory.entry_candidates.begin(), memory.entry_candidates.end(),
                [](const EntryCandidate& candidate) { return std::isinf(candidate.distance); });
        }
        return static_cast<double>(count) / static_cast<double>(queries.rows());
    }

    Data rows, queries;
    TestIndex index;
};

// Of 256 dimensions all of which vary, a code of a bit each says little about who is nearest.
TEST(EntryTable, OfRandomRowsManyCannotBeToldApart) {
    const Data data = normal_data(3100, 256, 11, 40);
    IndexOptions one_bit;
    one_bit.code_bits = 1;
    const double unknown = EntryCandidates(data, one_bit).unknown();
    EXPECT_GT(unknown, 3);
    // Two bits say more.
    EXPECT_LT(EntryCandidates(data).unknown(), unknown);
}

TEST(EntryTable, OfEmbeddingsMostCanBeToldApart) {
    const double unknown = EntryCandidates(latent_data(3100, 256, 11)).unknown();
    EXPECT_GE(unknown, 1);
    EXPECT_LT(unknown, 4);
}

TEST(EntryTable, SeveralAreCandidatesForARow) {
    EntryCandidates entry_candidates(latent_data(3100, 256, 11));
    const RowBuffer rows = entry_candidates.index.encode(entry_candidates.queries);
    CandidateFinder<MemStore> finder(entry_candidates.index.store(), entry_candidates.index.encoder());
    for (size_t row = 0; row < rows.size(); ++row) {
        OrderedRow ordered;
        ordered.row = static_cast<uint32_t>(row);
        ASSERT_TRUE(finder.find(rows, ordered));
        std::set<uint64_t> nodes;
        for (size_t i = 0; i < ordered.near.count; ++i)
            nodes.insert(entry_candidates.index.layout().node_id(ordered.near.entry_candidates[i].link));
        EXPECT_GE(nodes.size(), 4u);
    }
}

TEST(EntryTable, NoneWithoutCodesOrOfFewNodes) {
    for (const bool plain : {false, true}) {
        IndexOptions options;
        if (plain) options.mode = StorageMode::plain;
        const Data data = normal_data(plain ? 4000 : 300, 64, 3);
        TestIndex index(64, options);
        build_in_order(data, 1, index);
        EXPECT_EQ(+index.meta().entry_map, 0u);
        EXPECT_TRUE(index.check().problems.empty()) << index.check().all();
    }
}

}  // namespace
}  // namespace vecstore::core
