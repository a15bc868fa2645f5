// Vacuum, and crashes: of inserts and of vacuum, at every page they write.
#include <gtest/gtest.h>

#include <thread>

#include "core/hnsw/write/vacuum.hpp"
#include "hnsw_graph.hpp"
#include "vacuum_stores.hpp"

namespace vecstore::core {
namespace {

struct Case {
    const char* name;
    size_t dims;
    StorageMode mode;
    uint16_t m;
};

void PrintTo(const Case& shape, std::ostream* out) { *out << shape.name; }

class Vacuumed : public testing::TestWithParam<Case> {
  protected:
    std::unique_ptr<TestIndex> empty_index() {
        IndexOptions options;
        options.mode = GetParam().mode;
        options.m = GetParam().m;
        return std::make_unique<TestIndex>(GetParam().dims, options, 4096);
    }
    // One that the rows were inserted into, or built of.
    std::unique_ptr<TestIndex> index_of(const Data& data) {
        auto index = empty_index();
        index->insert(data);
        return index;
    }
    std::unique_ptr<TestIndex> built_of(const Data& data, size_t threads = 1) {
        auto index = empty_index();
        index->build(data, threads);
        return index;
    }
    // One with the first rows, each on as many levels as level_of(row) says.
    template <class LevelOf>
    std::unique_ptr<TestIndex> index_of(const Data& data, size_t count, LevelOf&& level_of) {
        auto index = empty_index();
        InsertMemory memory;
        for (size_t i = 0; i < count; ++i)
            insert_into(*index, index->store(), data.row(i), i, level_of(i), memory);
        return index;
    }
    // Clusters, and rows with many equal ones.
    Data rows(size_t count, uint32_t seed) {
        Data data = normal_data(count, GetParam().dims, seed, 5);
        for (size_t i = 0; i < count; i += 4)
            std::copy_n(data.row(i % 12), data.dims, &data.values[i * data.dims]);
        return data;
    }
    std::unique_ptr<TestIndex> copy_of(TestIndex& from) {
        auto index = empty_index();
        copy_pages(from, *index);
        return index;
    }

    using IsDead = std::function<bool(size_t)>;

    template <class Store>
    static VacuumCounts vacuum(TestIndex& index, Store& store, const IsDead& is_dead) {
        InsertMemory memory;
        Vacuum<Store> vacuum(store, index.encoder(), index.options().ef_construction, memory);
        vacuum.run([&](const HeapTid& tid) { return is_dead(TestIndex::row_of(tid)); });
        return vacuum.counts();
    }
    static VacuumCounts vacuum(TestIndex& index, const IsDead& is_dead) {
        return vacuum(index, index.store(), is_dead);
    }

    // As TestIndex::insert, into another store.
    template <class Store>
    static void insert_into(TestIndex& index, Store& store, const float* raw, size_t row, int level,
                            InsertMemory& memory) {
        const VectorEncoder& encoder = index.encoder();
        RowMemory encoded;
        const OwnVector vector = encoder.encode_row(raw, encoded);
        Inserter<Store> inserter(store, encoder, index.options().ef_construction, memory);
        inserter.insert({encoded.internal.data(), encoded.own_bytes.data(), vector, TestIndex::tid_of(row),
                         static_cast<uint8_t>(level)});
    }

    // The same on a server that crashes after so many pages. False: it did.
    static bool insert_unless_crashed(TestIndex& index, size_t commits, const float* raw, size_t row,
                                      int level) {
        CrashingStore store(index.store(), commits);
        InsertMemory memory;
        try {
            insert_into(index, store, raw, row, level, memory);
        } catch (const Crash&) {
            return false;
        }
        return true;
    }

    // All rows of [0, count) that live are in the index and found, and nothing is wrong with it. Others may
    // be there (rows that crashed) unless it was just vacuumed.
    static TestIndex::Checked expect_sound(TestIndex& index, size_t count, const IsDead& is_dead) {
        const auto checked = index.check(true, [&](GraphCheck<MemStore>& check) {
            for (size_t i = 0; i < count; ++i)
                if (!is_dead(i)) check.require_row(TestIndex::tid_of(i));
        });
        EXPECT_TRUE(checked.problems.empty()) << checked.all();
        return checked;
    }
    static void expect_vacuumed(TestIndex& index, size_t count, const IsDead& is_dead) {
        const auto checked = expect_sound(index, count, is_dead);
        size_t live = 0;
        for (size_t i = 0; i < count; ++i) live += !is_dead(i);
        EXPECT_EQ(checked.counts.rows, live);
        EXPECT_EQ(checked.counts.pages.dead_nodes, 0u);
        EXPECT_EQ(checked.counts.unattached, 0u);
        EXPECT_EQ(checked.counts.cut_off, 0u);
        EXPECT_EQ(checked.counts.lost_chunks, 0u);
        EXPECT_FALSE(checked.counts.vacuum_pending);
    }
    static void expect_scan_returns_the_living(TestIndex& index, const Data& data, const IsDead& is_dead) {
        std::set<size_t> living;
        for (size_t i = 0; i < data.rows(); ++i)
            if (!is_dead(i)) living.insert(i);
        const std::vector<size_t> rows = index.scan(data.row(0), SIZE_MAX, {}, &data);
        EXPECT_EQ(rows.size(), living.size());
        EXPECT_EQ(std::set<size_t>(rows.begin(), rows.end()), living);
    }
};

INSTANTIATE_TEST_SUITE_P(Shapes, Vacuumed,
                         testing::Values(Case{"Plain", 8, StorageMode::plain, 8},
                                         Case{"Coded", 200, StorageMode::coded, 8},
                                         Case{"FewLinks", 8, StorageMode::plain, 2}),
                         [](const auto& info) { return info.param.name; });

TEST_P(Vacuumed, HalfOfTheRows) {
    const Data data = rows(600, 1);
    const auto index = index_of(data);
    const IsDead odd = [](size_t row) { return row % 2 == 1; };
    const VacuumCounts counts = vacuum(*index, odd);
    EXPECT_EQ(counts.rows_removed, 300u);
    EXPECT_EQ(counts.rows_left, 300u);
    expect_vacuumed(*index, 600, odd);
    expect_scan_returns_the_living(*index, data, odd);
}

// The cost of one row does not grow with the index but for passes over its pages; many rows are worth more.
TEST_P(Vacuumed, OneRowTakesAFewPasses) {
    const Data data = normal_data(4000, GetParam().dims, 1);
    const auto index = built_of(data, 2);
    PassCountingStore store(index->store());
    const uint32_t pages = store.page_count();
    size_t died = 0;
    for (size_t row : {77, 1500, 3999}) {
        store.passing = store.others = 0;
        const IsDead one = [=](size_t r) { return r == row; };
        EXPECT_EQ(vacuum(*index, store, one).nodes_died, 1u);
        EXPECT_EQ(+index->meta().removed_nodes, ++died);
        EXPECT_LE(store.passing, 10u * pages);
        EXPECT_LE(store.others, pages + 2000u);
    }
    const IsDead many = [](size_t r) { return r == 77 || r == 1500 || r == 3999 || r % 50 == 3; };
    EXPECT_GT(vacuum(*index, store, many).in_degree_links, 0u);
    EXPECT_EQ(+index->meta().removed_nodes, 0u);
    expect_vacuumed(*index, 4000, many);
}

// However little at a time: rows removed one by one leave the others as easy to find.
TEST_P(Vacuumed, ManyTimesALittle) {
    if (GetParam().m < 4) GTEST_SKIP() << "too few links";
    const Data data = normal_data(2000, GetParam().dims, 4);
    const auto index = index_of(data);
    std::set<size_t> gone;
    for (size_t round = 0; round < 60; ++round) {
        for (size_t i = 0; i < 10; ++i) gone.insert((round * 10 + i) * 3 % 2000);
        vacuum(*index, [&](size_t row) { return gone.count(row) > 0; });
    }
    const IsDead is_gone = [&](size_t row) { return gone.count(row) > 0; };
    expect_vacuumed(*index, 2000, is_gone);
    size_t found = 0, all = 0;
    for (size_t row = 0; row < 2000; ++row) {
        if (is_gone(row)) continue;
        const auto nearest = index->scan(data.row(row), 1, {}, &data);
        found += !nearest.empty() && nearest[0] == row;
        ++all;
    }
    EXPECT_GE(found, all * 98 / 100);
}

// All that it remembers of slots lies where it is told to put it.
TEST_P(Vacuumed, RemembersSlotsInScratchMemory) {
    const Data data = rows(2000, 3);
    const auto index = built_of(data, 2);
    size_t now = 0, most = 0;
    const Scratch counted([&](size_t bytes) {
        most = std::max(most, now += bytes);
        std::shared_ptr<void> memory = Scratch::on_heap(bytes);
        return std::shared_ptr<void>(memory.get(), [&now, bytes, memory](void*) { now -= bytes; });
    });
    const IsDead odd = [](size_t row) { return row % 2 == 1; };
    {
        InsertMemory memory;
        Vacuum<MemStore> vacuum(index->store(), index->encoder(), 64, memory, counted);
        vacuum.run([&](const HeapTid& tid) { return odd(TestIndex::row_of(tid)); });
    }
    const size_t slots = index->store().page_count() * index->layout().slots_per_page();
    EXPECT_EQ(now, 0u);
    EXPECT_GE(most, 7 * slots);
    EXPECT_LE(most, 10 * slots);
    expect_vacuumed(*index, 2000, odd);
}

TEST_P(Vacuumed, NothingIsANoop) {
    const auto index = index_of(rows(100, 1));
    const IsDead none = [](size_t) { return false; };
    const auto before = copy_of(*index);
    EXPECT_EQ(vacuum(*index, none).rows_left, 100u);
    for (uint32_t block = 0; block < index->store().page_count(); ++block)
        EXPECT_EQ(
            std::memcmp(index->store().payload(block), before->store().payload(block), page_payload_size), 0);
}

TEST_P(Vacuumed, EveryRowThenRowsAgain) {
    const Data data = rows(300, 2);
    const auto index = index_of(data);
    vacuum(*index, [](size_t) { return true; });
    expect_vacuumed(*index, 300, [](size_t) { return true; });
    EXPECT_FALSE(index->meta().entry_point.valid());
    EXPECT_TRUE(index->scan(data.row(0), 10, {}, &data).empty());
    const uint32_t pages = index->store().page_count();
    index->insert(data);
    EXPECT_EQ(index->store().page_count(), pages) << "freed slots and chunks are used again";
    expect_vacuumed(*index, 300, [](size_t) { return false; });
}

// A cluster dies, and then all but a few: what remains must hang together.
TEST_P(Vacuumed, ManyRoundsOfChurn) {
    const auto index = empty_index();
    std::vector<bool> dead;
    std::mt19937 random(3);
    Data all{GetParam().dims, {}};
    InsertMemory memory;
    for (int round = 0; round < 12; ++round) {
        const Data more = rows(150, 100 + round);
        for (size_t i = 0; i < more.rows(); ++i) {
            index->insert(more.row(i), dead.size(), memory);
            all.values.insert(all.values.end(), more.row(i), more.row(i) + more.dims);
            dead.push_back(false);
        }
        // Mostly the old ones; in some rounds nearly all.
        const uint32_t share = round % 4 == 3 ? 95 : 40;
        for (size_t i = 0; i < dead.size(); ++i) dead[i] = dead[i] || random() % 100 < share;
        const IsDead is_dead = [&](size_t row) { return dead[row]; };
        vacuum(*index, is_dead);
        expect_vacuumed(*index, dead.size(), is_dead);
        expect_scan_returns_the_living(*index, all, is_dead);
    }
    EXPECT_LT(index->store().page_count(), 250u) << "space is used again";
}

TEST_P(Vacuumed, RecallStaysAfterHalfIsGone) {
    if (GetParam().m < 4) GTEST_SKIP() << "too few links for recall";
    Data data = normal_data(3000, GetParam().dims, 5, 12);
    const Data queries = take_queries(data, 30);
    Data left{data.dims, {}};
    for (size_t i = 0; i < data.rows(); i += 2)
        left.values.insert(left.values.end(), data.row(i), data.row(i) + data.dims);
    const auto hits = [&](TestIndex& index, const Data& rows) {
        size_t count = 0;
        for (size_t q = 0; q < queries.rows(); ++q) {
            const double bound = kth_distance(left, Metric::l2, queries.row(q), 10);
            for (size_t row : index.scan(queries.row(q), 10, {}, &rows))
                count += true_distance(Metric::l2, queries.row(q), rows.row(row), rows.dims) <= bound;
        }
        return count;
    };
    const auto vacuumed = built_of(data), fresh = built_of(left);
    vacuum(*vacuumed, [](size_t row) { return row % 2 == 1; });
    EXPECT_GE(hits(*vacuumed, data) + 9, hits(*fresh, left)) << "of 300";
}

// The links that lead to a node go with the nodes they leave. The other nodes must be found as easily as in
// an index built without them.
TEST_P(Vacuumed, WhatRemainsIsEasyToFind) {
    if (GetParam().m < 4) GTEST_SKIP() << "too few links";
    const Data data = normal_data(3000, GetParam().dims, 11, 12);
    const IsDead is_dead = [](size_t row) { return row % 3 != 0; };
    const auto index = built_of(data);
    vacuum(*index, is_dead);
    size_t missed = 0;
    for (size_t i = 0; i < data.rows(); i += 3)
        missed += index->scan(data.row(i), 1, {}, &data) != std::vector<size_t>{i};
    EXPECT_LE(missed, 1u) << "of 1000 by their own vector";

    std::vector<size_t> links(index->store().page_count() * index->layout().slots_per_page());
    for (const Link& from : index->nodes())
        for (size_t i = 0; i < index->node(from).head().degree; ++i)
            ++links[index->layout().slot_id(index->node(from).links()[i])];
    size_t lonely = 0;
    for (const Link& node : index->nodes()) lonely += links[index->layout().slot_id(node)] < 2;
    EXPECT_LE(lonely, 5u) << "nodes that fewer than two links lead to";
}

// Inserts go on while vacuum runs.
TEST_P(Vacuumed, BesideInserts) {
    const size_t before = 400, after = 1200;
    const Data data = rows(after, 7);
    const auto index = index_of(first_rows(data, before));
    std::atomic<size_t> next{before};
    const auto insert = [&] {
        InsertMemory own;
        for (size_t i; (i = next.fetch_add(1)) < after;) index->insert(data.row(i), i, own);
    };
    std::thread first(insert), second(insert);
    // Rows die only after they are in: a row in the making is not vacuum's.
    const IsDead is_dead = [&](size_t row) { return row < before && row % 3 != 0; };
    const IsDead some = [&](size_t row) { return row < before && row % 3 == 1; };
    vacuum(*index, some);
    vacuum(*index, is_dead);
    first.join();
    second.join();
    const auto checked = expect_sound(*index, after, is_dead);
    EXPECT_EQ(checked.counts.unattached, 0u);
    vacuum(*index, is_dead);
    expect_vacuumed(*index, after, is_dead);
    expect_scan_returns_the_living(*index, data, is_dead);
}

// The same, in many orders of their steps.
TEST_P(Vacuumed, BesideInsertsStepByStep) {
    const size_t before = 80, after = 120;
    const Data data = rows(after, 17);
    const auto original = index_of(first_rows(data, before));
    const IsDead is_dead = [&](size_t row) { return row < before && row % 3 != 0; };
    const IsDead some = [&](size_t row) { return row < before && row % 3 == 1; };
    for (uint32_t seed = 0; seed < 64; ++seed) {
        SCOPED_TRACE("seed " + std::to_string(seed));
        const auto index = copy_of(*original);
        Turns turns(seed);
        TurnStore store(index->store(), turns);
        size_t next = before;
        const auto insert = [&] {
            InsertMemory own;
            while (next < after) {
                const size_t row = next++;
                insert_into(*index, store, data.row(row), row, row % 7 == 0, own);
            }
        };
        turns.run({insert,
                   [&] {
                       vacuum(*index, store, some);
                       vacuum(*index, store, is_dead);
                   },
                   insert});
        expect_sound(*index, after, is_dead);
        vacuum(*index, is_dead);
        expect_vacuumed(*index, after, is_dead);
        if (HasFailure()) return;
    }
}

// Rows that come while vacuum stands somewhere: whatever dies around them, they are found, at once and later.
TEST_P(Vacuumed, RowsComeAnywhere) {
    // Pages that are full: those who come go onto another, which vacuum did not know of when it began.
    const size_t before = 3 * empty_index()->layout().slots_per_page(), after = before + 3;
    Data data = normal_data(after, GetParam().dims, 23, 5);
    for (size_t i = before; i < after; ++i) {
        float* const row = &data.values[i * data.dims];
        std::copy_n(data.row(before - 5 * (after - i)), data.dims, row);  // beside one that dies
        for (size_t j = 0; j < data.dims; ++j) row[j] += 0.01f;
    }
    const auto original = index_of(data, before, [](size_t i) { return i % 30 == 29 ? 1 : 0; });
    const IsDead most = [&](size_t row) {
        return row < before && (row < before / 3 ? row % 2 != 0 : row % 20 != 3);
    };
    const IsDead all = [&](size_t row) { return row < before; };
    for (const IsDead& is_dead : {most, all}) {
        for (size_t page = 0;; page += 1 + page / 24) {
            SCOPED_TRACE("before page " + std::to_string(page));
            const auto index = copy_of(*original);
            Once come(page, [&] {
                InsertMemory own;
                for (size_t i = before; i < after; ++i)
                    insert_into(*index, index->store(), data.row(i), i, i % 2 == 0 ? 2 : 0, own);
            });
            PausingStore store(index->store(), std::ref(come));
            vacuum(*index, store, is_dead);
            if (!come.was_done()) break;
            expect_sound(*index, after, is_dead);
            expect_scan_returns_the_living(*index, data, is_dead);
            vacuum(*index, is_dead);
            expect_vacuumed(*index, after, is_dead);
            if (HasFailure()) return;
        }
    }
}

// A row's insert stands somewhere while vacuum frees what it was on its way through, and another vacuum is
// interrupted.
TEST_P(Vacuumed, ARowWaitsAnywhere) {
    const size_t before = 60;
    for (uint32_t seed = 0; seed < 20; ++seed) {
        const Data data = rows(before + 1, seed);
        std::mt19937 random(seed);
        const auto original = index_of(
            data, before, [&](size_t i) { return static_cast<int>(i % 4 == 0 ? random() % 4 : 0); });
        const uint32_t share = 2 + random() % 8;
        std::vector<uint8_t> dies(before);
        for (uint8_t& when : dies) when = random() % 10 < share ? 1 : random() % 2 > 0 ? 2 : 0;
        const IsDead some = [&](size_t row) { return row < before && dies[row] == 1; };
        const IsDead is_dead = [&](size_t row) { return row < before && dies[row] > 0; };
        for (size_t page = 0, commits = seed % 7;; ++page, commits = (commits + 3) % 25) {
            SCOPED_TRACE("seed " + std::to_string(seed) + ", before page " + std::to_string(page) +
                         ", crash after " + std::to_string(commits) + " pages");
            const auto index = copy_of(*original);
            Once meanwhile(page, [&] {
                vacuum(*index, some);
                CrashingStore crashing(index->store(), commits);
                try {
                    vacuum(*index, crashing, is_dead);
                } catch (const Crash&) {
                }
            });
            PausingStore store(index->store(), std::ref(meanwhile));
            InsertMemory own;
            insert_into(*index, store, data.row(before), before, 0, own);
            if (!meanwhile.was_done()) break;
            expect_sound(*index, before + 1, is_dead);
            vacuum(*index, is_dead);
            expect_vacuumed(*index, before + 1, is_dead);
            expect_scan_returns_the_living(*index, data, is_dead);
            if (HasFailure()) return;
        }
    }
}

// A scan stands somewhere while vacuum frees what it was on its way through.
TEST_P(Vacuumed, AScanWaitsAnywhere) {
    const size_t before = 60;
    const Data data = rows(before, 25);
    const auto original = index_of(data, before, [](size_t i) { return i % 3 == 0 ? 2 : 0; });
    const IsDead most = [](size_t row) { return row % 12 != 5; };
    for (const bool iterative : {true, false}) {
        for (size_t page = 0;; ++page) {
            SCOPED_TRACE("before page " + std::to_string(page));
            const auto index = copy_of(*original);
            Once meanwhile(page, [&] { vacuum(*index, most); });
            PausingStore store(index->store(), std::ref(meanwhile));
            Query query;
            query.prepare(index->encoder(), data.row(0));
            ScanMemory search;
            ScanOptions options;
            options.iterative = iterative;
            OrderedScan<PausingStore> scan(store, index->encoder(), query, search, options);
            std::set<size_t> found;
            const auto visible = [&](const HeapTid& tid) {
                const size_t row = TestIndex::row_of(tid);
                return Reranked{!most(row), true_distance(Metric::l2, data.row(0), data.row(row), data.dims)};
            };
            for (HeapTid tid; scan.next(visible, tid);) {
                if (!most(TestIndex::row_of(tid))) found.insert(TestIndex::row_of(tid));
            }
            if (!meanwhile.was_done()) break;
            if (iterative)
                EXPECT_EQ(found.size(), 5u);
            else
                EXPECT_GE(found.size(), 1u);
            if (HasFailure()) return;
        }
    }
}

// ------------------------------------------------------------------------------------------------ crashes

TEST_P(Vacuumed, AnInsertMayCrashAnywhere) {
    const size_t count = 60;
    const Data data = rows(count + 30, 8);
    const auto index = index_of(first_rows(data, count));
    const IsDead crashed = [&](size_t row) { return row == count; };
    // Rows: a new one on several levels, and copies of existing ones, which go into nodes and chunks.
    for (const auto& [row, level] :
         {std::pair(count + 1, 0), std::pair(count + 2, 3), std::pair(size_t{0}, 0)}) {
        for (size_t commits = 0;; ++commits) {
            SCOPED_TRACE("crash after " + std::to_string(commits) + " pages, level " + std::to_string(level));
            const auto victim = copy_of(*index);
            const bool done = insert_unless_crashed(*victim, commits, data.row(row), count, level);
            expect_sound(*victim, count, [](size_t) { return false; });
            // Life goes on, then vacuum clears up.
            InsertMemory later;
            for (size_t i = count + 5; i < count + 25; ++i) victim->insert(data.row(i), i - 4, later);
            expect_sound(*victim, count + 21, crashed);
            vacuum(*victim, crashed);
            expect_vacuumed(*victim, count + 21, crashed);
            if (done) {
                EXPECT_GT(commits, 0u);
                break;
            }
            if (HasFailure()) return;
        }
    }
}

// A later row with the same vector joins the node that the crash left, even one above the entry point.
TEST_P(Vacuumed, ANodeOfACrashMayServeAnotherRow) {
    const size_t count = 61, top = 9;  // the last row is like no other
    const Data data = rows(count + 1, 8);
    const auto index = index_of(first_rows(data, count));
    const IsDead crashed = [&](size_t row) { return row == count; };
    const size_t nodes = index->nodes().size();
    size_t shared_above_entry = 0;
    for (size_t commits = 0;; ++commits) {
        SCOPED_TRACE("crash after " + std::to_string(commits) + " pages");
        const auto victim = copy_of(*index);
        const bool done = insert_unless_crashed(*victim, commits, data.row(count), count, top);
        InsertMemory later;
        victim->insert(data.row(count), count + 1, later, 0);
        const bool is_shared = victim->nodes().size() == nodes + 1;
        shared_above_entry += is_shared && !done && !victim->nodes(top).empty();
        expect_sound(*victim, count + 2, crashed);
        vacuum(*victim, crashed);
        expect_vacuumed(*victim, count + 2, crashed);
        EXPECT_EQ(victim->meta().entry_level == top, !victim->nodes(top).empty());
        if (done || HasFailure()) break;
    }
    EXPECT_GT(shared_above_entry, 0u);
}

TEST_P(Vacuumed, ItMayCrashAnywhere) {
    const size_t count = 90;
    const Data data = rows(count + 20, 9);
    const auto index = index_of(first_rows(data, count));
    const IsDead is_dead = [](size_t row) { return row < 90 && row % 3 != 0; };
    const IsDead none = [](size_t) { return false; };
    uint64_t most_cut_off = 0;
    for (size_t commits = 0;; ++commits) {
        SCOPED_TRACE("crash after " + std::to_string(commits) + " pages");
        const auto victim = copy_of(*index);
        bool done = true;
        CrashingStore store(victim->store(), commits);
        try {
            vacuum(*victim, store, is_dead);
        } catch (const Crash&) {
            done = false;
        }
        const auto checked = expect_sound(*victim, count, is_dead);
        most_cut_off = std::max(most_cut_off, checked.counts.cut_off);
        InsertMemory later;
        for (size_t i = count; i < count + 20; ++i) victim->insert(data.row(i), i, later);
        expect_sound(*victim, count + 20, is_dead);
        // The next vacuum is told of the same rows, as long as the table still has them.
        vacuum(*victim, is_dead);
        expect_vacuumed(*victim, count + 20, is_dead);
        // Or, where only its clean-up remained, of none.
        if (!done && checked.counts.rows == 30) {
            const auto other = copy_of(*index);
            CrashingStore again(other->store(), commits);
            EXPECT_THROW(vacuum(*other, again, is_dead), Crash);
            vacuum(*other, none);
            expect_vacuumed(*other, count, is_dead);
        }
        if (done) break;
        if (HasFailure()) return;
    }
    EXPECT_EQ(most_cut_off, 0u) << "rows that cannot be found until the next vacuum";
}

}  // namespace
}  // namespace vecstore::core
