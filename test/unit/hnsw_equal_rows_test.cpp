// Many rows of one vector: chains of TidChunks under inserts, scans, vacuum and crashes; and how far a scan
// reads into them.
#include <gtest/gtest.h>

#include "core/hnsw/write/vacuum.hpp"
#include "hnsw_graph.hpp"
#include "vacuum_stores.hpp"

namespace vecstore::core {
namespace {

constexpr size_t dims = 200;

// Of rows that all have one vector, but for the last of `others`.
class EqualRows : public testing::Test {
  protected:
    EqualRows() : index_(dims, {}, 4096), vectors_(normal_data(50, dims, 5)) {}

    void insert(size_t row) { index_.insert(vectors_.row(0), row, memory_); }

    template <class Store, class IsDead>
    VacuumCounts vacuum(TestIndex& index, Store& store, IsDead&& is_dead) {
        InsertMemory memory;
        Vacuum<Store> vacuum(store, index.encoder(), 64, memory);
        vacuum.run([&](const HeapTid& tid) { return is_dead(TestIndex::row_of(tid)); });
        return vacuum.counts();
    }
    template <class IsDead>
    VacuumCounts vacuum(IsDead&& is_dead) {
        return vacuum(index_, index_.store(), is_dead);
    }
    // All rows from `first` to before `end` are there, and no chunk is lost.
    void expect_rows(TestIndex& index, size_t first, size_t end) {
        const auto checked = index.check(true, [&](GraphCheck<MemStore>& check) {
            for (size_t i = first; i < end; ++i) check.require_row(TestIndex::tid_of(i));
        });
        EXPECT_TRUE(checked.problems.empty()) << checked.all();
        EXPECT_EQ(checked.counts.rows, end - first);
        EXPECT_EQ(checked.counts.lost_chunks, 0u);
    }
    std::unique_ptr<TestIndex> copy_of(TestIndex& from) {
        auto index = std::make_unique<TestIndex>(dims, IndexOptions{}, 4096);
        copy_pages(from, *index);
        return index;
    }
    std::vector<size_t> scan(TestIndex& index, size_t limit, ScanOptions options = {}) {
        return index.scan_for(vectors_.row(0), limit, options, [](size_t) { return 0.0; });
    }

    TestIndex index_;
    Data vectors_;
    InsertMemory memory_;
};

// Every row is replaced again and again, as by UPDATE, and vacuum comes after each round.
TEST_F(EqualRows, ReplacedForEverTakeNoMorePages) {
    constexpr size_t rows = 3000;
    for (size_t i = 0; i < rows; ++i) insert(i);
    uint32_t pages = 0;
    for (size_t round = 1; round <= 20; ++round) {
        for (size_t i = 0; i < rows; ++i) insert(round * rows + i);
        vacuum([&](size_t row) { return row < round * rows; });
        if (round == 1) pages = index_.store().page_count();
        expect_rows(index_, round * rows, (round + 1) * rows);
        if (HasFailure()) return;
    }
    EXPECT_LE(index_.store().page_count(), pages + 1);
    EXPECT_EQ(+index_.meta().vacuum_pending, 0);
}

// One row of every twenty stays: chunks go wherever they are in the chain, and the next rows take them.
TEST_F(EqualRows, ChunksGoFromTheMiddleOfAChain) {
    constexpr size_t rows = 5000;
    for (size_t i = 0; i < rows; ++i) insert(i);
    const uint32_t pages = index_.store().page_count();
    vacuum([](size_t row) { return row % 100 != 0; });
    const auto checked = index_.check(true, [&](GraphCheck<MemStore>& check) {
        for (size_t i = 0; i < rows; i += 100) check.require_row(TestIndex::tid_of(i));
    });
    EXPECT_TRUE(checked.problems.empty()) << checked.all();
    EXPECT_LE(checked.counts.pages.chunks, rows / 100 + 1);
    EXPECT_EQ(checked.counts.lost_chunks, 0u);
    for (size_t i = rows; i < 2 * rows - rows / 10; ++i) insert(i);
    EXPECT_EQ(index_.store().page_count(), pages);
    EXPECT_EQ(scan(index_, SIZE_MAX).size(), rows / 100 + rows - rows / 10);
}

// The pages that a scan reads, and the rows that it looks up, do not grow with rows it is not asked for.
TEST_F(EqualRows, AScanReadsOnlyWhatItIsAskedFor) {
    constexpr size_t rows = 10000;
    for (size_t i = 0; i < rows; ++i) insert(i);
    for (size_t i = 1; i < vectors_.rows(); ++i) index_.insert(vectors_.row(i), rows + i, memory_);
    for (const bool strict : {true, false}) {
        ScanOptions options;
        options.strict_order = strict;
        CountingStore store(index_.store());
        ScanMemory memory;
        Query query;
        query.prepare(index_.encoder(), vectors_.row(1));
        OrderedScan<CountingStore> scan(store, index_.encoder(), query, memory, options);
        size_t reranked = 0;
        const auto rerank = [&](const HeapTid& tid) {
            ++reranked;
            const size_t row = TestIndex::row_of(tid);
            return Reranked{true, true_distance(Metric::l2, vectors_.row(1),
                                                vectors_.row(row < rows ? 0 : row - rows), dims)};
        };
        std::set<size_t> found;
        HeapTid tid;
        for (size_t i = 0; i < 60; ++i) {
            ASSERT_TRUE(scan.next(rerank, tid));
            found.insert(TestIndex::row_of(tid));
        }
        EXPECT_EQ(found.size(), 60u);
        EXPECT_LE(reranked, 60u);
        EXPECT_LE(store.reads(), 250u);
        // And all of them, if it is asked for all.
        while (scan.next(rerank, tid)) found.insert(TestIndex::row_of(tid));
        EXPECT_EQ(found.size(), rows + vectors_.rows() - 1);
        EXPECT_LE(reranked, strict ? 2 * vectors_.rows() : 0u);
    }
}

// Vectors that differ by less than what is lost in storing them: their order is still that of their
// distances, and a chain of equal ones is not given up for them.
TEST_F(EqualRows, RowsRoundedAlikeComeInTheOrderOfTheirDistances) {
    constexpr size_t equal = 300, near = 200;
    Data data = repeated(first_rows(vectors_, 1), equal + near);
    for (size_t i = 0; i < near; ++i)
        data.values[(equal + i) * dims] *= 1 + 1e-6f * static_cast<float>(1 + i);
    for (const bool built : {false, true}) {
        TestIndex index(dims, {});
        if (built)
            index.build(data, 1);
        else
            index.insert(data);
        EXPECT_EQ(index.check().problems, std::vector<std::string>());
        size_t of_one_vector = 0;
        for (const Link& link : index.nodes()) of_one_vector += index.node(link).head().all_rows.known();
        EXPECT_GE(of_one_vector, 1u);
        const std::vector<size_t> rows = index.scan(vectors_.row(7), SIZE_MAX, {}, &data);
        ASSERT_EQ(std::set<size_t>(rows.begin(), rows.end()).size(), equal + near);
        double last = -1;
        size_t descents = 0;
        // (Rows that the beam met too late come last.)
        for (const size_t row : rows) {
            const double key = true_distance(Metric::l2, vectors_.row(7), data.row(row), dims);
            descents += key < last;
            last = key;
        }
        EXPECT_EQ(descents, 0u) << (built ? "built" : "inserted");
        EXPECT_LE(index.reranked(), equal + near);
        index.scan(vectors_.row(7), 10, {}, &data);
        EXPECT_LE(index.reranked(), near + 60);
    }
}

// A node of an index written before there were fingerprints takes few rows more; equal ones then have a node
// of their own.
TEST_F(EqualRows, NodesWithoutFingerprintAreReadAndLeft) {
    for (size_t i = 0; i < 40; ++i) insert(i);
    index_.node(index_.nodes()[0]).head().all_rows = Fingerprint{};
    for (size_t i = 40; i < 500; ++i) insert(i);
    EXPECT_EQ(index_.nodes().size(), 2u);
    expect_rows(index_, 0, 500);
    const auto rows = scan(index_, SIZE_MAX);
    EXPECT_EQ(std::set<size_t>(rows.begin(), rows.end()).size(), 500u);
    EXPECT_LE(index_.reranked(), 60u);
}

// A scan stands in the middle of a chain while vacuum takes chunks out of it and inserts use them again.
TEST_F(EqualRows, AScanGoesOnWhereVacuumTookChunksAway) {
    constexpr size_t rows = 2000;
    for (size_t i = 0; i < rows; ++i) insert(i);
    for (const size_t stop : {1u, 10u, 100u, 700u, 1500u, 1990u}) {
        const auto index = copy_of(index_);
        ScanMemory memory;
        Query query;
        query.prepare(index->encoder(), vectors_.row(0));
        OrderedScan<MemStore> scan(index->store(), index->encoder(), query, memory, {});
        const auto rerank = [](const HeapTid&) { return Reranked{true, 0.0}; };
        std::vector<size_t> found;
        HeapTid tid;
        while (found.size() < stop && scan.next(rerank, tid)) found.push_back(TestIndex::row_of(tid));
        // Of the rows it still sees, one of every 40.
        vacuum(*index, index->store(), [](size_t row) { return row % 40 != 0; });
        InsertMemory inserts;
        for (size_t i = rows; i < 2 * rows; ++i) index->insert(vectors_.row(0), i, inserts);
        vacuum(*index, index->store(), [](size_t row) { return row < rows && row % 80 != 0; });
        while (scan.next(rerank, tid)) found.push_back(TestIndex::row_of(tid));
        const std::set<size_t> once(found.begin(), found.end());
        EXPECT_EQ(once.size(), found.size()) << "rows come twice, stopped at " << stop;
        for (size_t i = 0; i < rows; i += 80) EXPECT_EQ(once.count(i), 1u) << i << ", stopped at " << stop;
    }
}

TEST_F(EqualRows, BesideInsertsAndScansStepByStep) {
    constexpr size_t before = 160, after = 260;
    for (size_t i = 0; i < before; ++i) insert(i);
    for (uint32_t seed = 0; seed < 100; ++seed) {
        SCOPED_TRACE("seed " + std::to_string(seed));
        const auto index = copy_of(index_);
        Turns turns(seed);
        TurnStore store(index->store(), turns);
        size_t next = before;
        const auto is_dead = [&](size_t row) { return row < before && row % 16 != 0; };
        const auto insert_some = [&] {
            InsertMemory own;
            RowMemory encoded;
            while (next < after) {
                const size_t row = next++;
                const OwnVector vector = index->encoder().encode_row(vectors_.row(0), encoded);
                Inserter<TurnStore> inserter(store, index->encoder(), 64, own);
                inserter.insert(
                    {encoded.internal.data(), encoded.own_bytes.data(), vector, TestIndex::tid_of(row), 0});
            }
        };
        std::multiset<size_t> found;
        const auto read = [&] {
            ScanMemory memory;
            Query query;
            query.prepare(index->encoder(), vectors_.row(0));
            OrderedScan<TurnStore> scan(store, index->encoder(), query, memory, {});
            HeapTid tid;
            while (scan.next([](const HeapTid&) { return Reranked{true, 0.0}; }, tid))
                found.insert(TestIndex::row_of(tid));
        };
        turns.run({insert_some,
                   [&] {
                       vacuum(*index, store, [&](size_t row) { return is_dead(row) && row % 3 == 0; });
                       vacuum(*index, store, is_dead);
                   },
                   read, insert_some});
        for (size_t i = 0; i < before; i += 16) EXPECT_EQ(found.count(i), 1u) << i;
        for (const size_t row : found) EXPECT_EQ(found.count(row), 1u) << row;
        vacuum(*index, index->store(), is_dead);
        const auto checked = index->check(true, [&](GraphCheck<MemStore>& check) {
            for (size_t i = 0; i < after; ++i)
                if (!is_dead(i)) check.require_row(TestIndex::tid_of(i));
        });
        EXPECT_TRUE(checked.problems.empty()) << checked.all();
        EXPECT_EQ(checked.counts.rows, before / 16 + after - before);
        EXPECT_EQ(checked.counts.lost_chunks, 0u);
        if (HasFailure()) return;
    }
}

// Inserts take a chunk that vacuum has just freed, for the chain that it was in, in front of one that vacuum
// has not met.
TEST_F(EqualRows, RowsComeWhileChunksAreFreed) {
    constexpr size_t before = inline_tids + 2 * chunks_per_page * chunk_tids;  // two pages full
    for (size_t i = 0; i < before; ++i) insert(i);
    const auto chunk_of = [](size_t row) {
        return row < inline_tids ? SIZE_MAX : (row - inline_tids) / chunk_tids;
    };
    // A few free chunks at the end of both pages, of which inserts know; then the first ones of the first
    // page leave.
    const auto dead_before = [&](size_t row) {
        return row < before && chunk_of(row) != SIZE_MAX &&
               chunk_of(row) % chunks_per_page >= chunks_per_page - 2;
    };
    const auto dead = [&](size_t row) { return dead_before(row) || (row < before && chunk_of(row) < 5); };
    vacuum(dead_before);
    const auto pages_of = [&](TestIndex& index, std::function<void()> pause) {
        PausingStore store(index.store(), std::move(pause));
        return vacuum(index, store, dead);
    };
    size_t asked_for = 0;
    pages_of(*copy_of(index_), [&] { ++asked_for; });
    constexpr size_t last = 24;  // of the pages that vacuum asks for: where it frees chunks
    ASSERT_GT(asked_for, last);
    const size_t come_first = 2 * chunk_tids, come_then = 3 * chunk_tids,
                 after = before + come_first + come_then;
    for (size_t first = asked_for - last; first < asked_for; ++first) {
        for (size_t second = first; second < asked_for; ++second) {
            SCOPED_TRACE("before pages " + std::to_string(first) + " and " + std::to_string(second));
            const auto index = copy_of(index_);
            const auto come = [&](size_t from, size_t end) {
                InsertMemory own;
                for (size_t i = from; i < end; ++i) index->insert(vectors_.row(0), i, own);
            };
            Once some(first, [&] { come(before, before + come_first); }),
                more(second, [&] { come(before + come_first, after); });
            pages_of(*index, [&] { some(), more(); });
            vacuum(*index, index->store(), dead);
            size_t rows = 0;
            const auto checked = index->check(true, [&](GraphCheck<MemStore>& check) {
                for (size_t i = 0; i < after; ++i)
                    if (!dead(i)) check.require_row(TestIndex::tid_of(i)), ++rows;
            });
            EXPECT_TRUE(checked.problems.empty()) << checked.all();
            EXPECT_EQ(checked.counts.rows, rows);
            EXPECT_EQ(checked.counts.lost_chunks, 0u);
            if (HasFailure()) return;
        }
    }
}

// No matter which page was written last: all rows are there, and the next vacuum finds the chunks that belong
// to nobody.
TEST_F(EqualRows, VacuumAndInsertsMayCrashAnywhere) {
    constexpr size_t rows = 400;
    for (size_t i = 0; i < rows; ++i) insert(i);
    const auto is_dead = [](size_t row) { return row < rows && row % 25 != 0; };
    for (size_t commits = 0;; ++commits) {
        SCOPED_TRACE("crash after " + std::to_string(commits) + " pages");
        const auto victim = copy_of(index_);
        CrashingStore store(victim->store(), commits);
        bool done = true;
        try {
            vacuum(*victim, store, is_dead);
            RowMemory encoded;
            InsertMemory memory;
            const OwnVector vector = victim->encoder().encode_row(vectors_.row(0), encoded);
            Inserter<CrashingStore> inserter(store, victim->encoder(), 64, memory);
            for (size_t i = rows; i < rows + 40; ++i)
                inserter.insert(
                    {encoded.internal.data(), encoded.own_bytes.data(), vector, TestIndex::tid_of(i), 0});
        } catch (const Crash&) {
            done = false;
        }
        auto found = scan(*victim, SIZE_MAX);
        EXPECT_EQ(std::set<size_t>(found.begin(), found.end()).size(), found.size());
        for (size_t i = 0; i < rows; i += 25) EXPECT_EQ(std::count(found.begin(), found.end(), i), 1) << i;
        // The nodes of the crash are dead.
        vacuum(*victim, victim->store(), [&](size_t row) { return is_dead(row) || (!done && row >= rows); });
        const auto checked = victim->check(true, [&](GraphCheck<MemStore>& check) {
            for (size_t i = 0; i < rows; i += 25) check.require_row(TestIndex::tid_of(i));
        });
        EXPECT_TRUE(checked.problems.empty()) << checked.all();
        EXPECT_EQ(checked.counts.lost_chunks, 0u);
        EXPECT_LE(checked.counts.pages.chunks, rows / 25 + 5);
        EXPECT_FALSE(checked.counts.vacuum_pending);
        // And every free chunk is known to inserts.
        const uint32_t pages = victim->store().page_count();
        InsertMemory memory;
        for (size_t i = 0; i < rows; ++i) victim->insert(vectors_.row(0), 1000 + i, memory);
        EXPECT_EQ(victim->store().page_count(), pages);
        if (done || HasFailure()) return;
    }
}

// A chain that was damaged is an error, for scans and for vacuum, however it is damaged; and the walker says
// how.
TEST_F(EqualRows, ADamagedChainIsAnError) {
    for (size_t i = 0; i < 200; ++i) insert(i);
    const Link node = index_.nodes()[0];
    const auto chunk = [&](TestIndex& index, const Link& at) -> TidChunk& {
        return chunk_at(const_cast<uint8_t*>(index.store().payload(at.block)), at.slot);
    };
    const std::vector<std::pair<ChunkFault, std::function<void(TestIndex&, TidChunk&)>>> damages = {
        {ChunkFault::endless,
         [&](TestIndex& index, TidChunk& c) { c.next = index.node(node).head().overflow; }},
        {ChunkFault::another_node, [&](TestIndex&, TidChunk& c) { c.owner.slot ^= 1; }},
        {ChunkFault::free, [&](TestIndex&, TidChunk& c) { c.used = chunk_free; }},
        {ChunkFault::overfull, [&](TestIndex&, TidChunk& c) { c.count = 200; }},
        {ChunkFault::no_chunk, [&](TestIndex&, TidChunk& c) { c.next = node; }},
        {ChunkFault::no_chunk, [&](TestIndex&, TidChunk& c) { c.next.slot = 200; }},
        {ChunkFault::beyond_end, [&](TestIndex&, TidChunk& c) { c.next.block = 1000000; }}};
    for (const auto& [expected, damage] : damages) {
        SCOPED_TRACE(static_cast<int>(expected));
        const auto index = copy_of(index_);
        const Link first = index->node(node).head().overflow, second = chunk(*index, first).next;
        damage(*index, chunk(*index, second));
        ChunkFault fault = ChunkFault::none;
        for (ChainWalk<MemStore> walk(index->store(), node, first); walk && fault == ChunkFault::none;)
            fault = walk.try_visit([](const TidChunk&) {});
        EXPECT_EQ(fault, expected);
        EXPECT_THROW(scan(*index, SIZE_MAX), Error);
        EXPECT_THROW(vacuum(*index, index->store(), [](size_t) { return false; }), Error);
        EXPECT_EQ(scan(*index, 5).size(), 5u);
    }
}

// ---------------------------------------------------------------------------------------------- changes of
// keys

// Rows of a few vectors whose filter keys are changed again and again, as by UPDATE: version v of row r has
// number v * rows + r.
class ChangedKeys : public testing::Test {
  protected:
    static constexpr size_t rows = 24, few_dims = 16;

    static IndexOptions options() {
        IndexOptions options;
        options.mode = StorageMode::plain;
        options.filter_columns = 1;
        options.filter_key = [](size_t number, size_t) {
            return static_cast<FilterKey>(1 + number / rows % 5);
        };
        return options;
    }
    ChangedKeys() : index_(few_dims, options(), 4096), vectors_(normal_data(rows, few_dims, 9)) {}

    template <class Store>
    void insert(TestIndex& index, Store& store, size_t number, InsertMemory& memory,
                const std::function<bool(size_t)>& is_gone) {
        RowMemory encoded;
        const OwnVector vector = index.encoder().encode_row(vectors_.row(number % rows), encoded);
        Inserter<Store> inserter(store, index.encoder(), 64, memory);
        inserter.use_nodes_of_gone_rows([&](const HeapTid& tid) { return is_gone(TestIndex::row_of(tid)); });
        inserter.insert({encoded.internal.data(), encoded.own_bytes.data(), vector, TestIndex::tid_of(number),
                         0, index.filter_keys(number).data()});
    }
    void expect_keys_of_rows(TestIndex& index) {
        for (const Link& link : index.nodes()) {
            FilterKey key;
            ASSERT_TRUE(read_filter_keys(index.store(), index.layout(), link, &key));
            const OpenNode node = index.node(link);
            const NodeHead& head = node.head();
            for (size_t i = 0; i < head.tid_count; ++i)
                EXPECT_EQ(options().filter_key(TestIndex::row_of(head.tids[i]), 0), key);
        }
    }

    TestIndex index_;
    Data vectors_;
    InsertMemory memory_;
};

// Nodes of versions that nobody sees any more are used for the next.
TEST_F(ChangedKeys, LeaveNoMoreNodesBehindThanVersionsInUse) {
    constexpr size_t versions = 12;
    for (size_t number = 0; number < versions * rows; ++number)
        insert(index_, index_.store(), number, memory_,
               [&](size_t other) { return other + 2 * rows <= number; });
    EXPECT_LE(index_.nodes().size(), 3 * rows);
    expect_keys_of_rows(index_);
    EXPECT_EQ(index_
                  .check(true,
                         [](GraphCheck<MemStore>& check) {
                             for (size_t i = (versions - 2) * rows; i < versions * rows; ++i)
                                 check.require_row(TestIndex::tid_of(i));
                         })
                  .problems,
              std::vector<std::string>());
    const RowFilter filter = filter_of({range(0, options().filter_key((versions - 1) * rows, 0),
                                              options().filter_key((versions - 1) * rows, 0))});
    ScanOptions scan;
    scan.filter = &filter;
    const auto found = index_.scan_for(vectors_.row(3), SIZE_MAX, scan, [&](size_t number) {
        return true_distance(Metric::l2, vectors_.row(3), vectors_.row(number % rows), few_dims);
    });
    EXPECT_EQ(found.size(), rows);
    for (const size_t number : found) EXPECT_GE(number, (versions - 1) * rows);
    // Without, each change makes a node.
    TestIndex other(few_dims, options(), 4096);
    for (size_t number = 0; number < versions * rows; ++number)
        insert(other, other.store(), number, memory_, [](size_t) { return false; });
    EXPECT_GT(other.nodes().size(), 4 * rows);
}

// Some want to join a node while others take it over, and vacuum comes by: every row ends with its own keys.
TEST_F(ChangedKeys, NobodyJoinsANodeThatIsTakenOver) {
    for (size_t number = 0; number < 3 * rows; ++number)
        insert(index_, index_.store(), number, memory_, [](size_t) { return false; });
    // Those of the first versions are gone.
    const auto is_gone = [](size_t other) { return other < rows; };
    for (uint32_t seed = 0; seed < 64; ++seed) {
        SCOPED_TRACE("seed " + std::to_string(seed));
        TestIndex index(few_dims, options(), 4096);
        copy_pages(index_, index);
        Turns turns(seed);
        TurnStore store(index.store(), turns);
        // Of the fourth version, which has other keys, and of the sixth, which has the first one's.
        const auto insert_version = [&](size_t version) {
            return [&, version] {
                InsertMemory own;
                for (size_t r = 0; r < rows; ++r) insert(index, store, version * rows + r, own, is_gone);
            };
        };
        turns.run({insert_version(3), insert_version(5), insert_version(8)});
        expect_keys_of_rows(index);
        const auto checked = index.check(true, [](GraphCheck<MemStore>& check) {
            for (const size_t version : {1u, 2u, 3u, 5u, 8u})
                for (size_t r = 0; r < rows; ++r) check.require_row(TestIndex::tid_of(version * rows + r));
        });
        EXPECT_TRUE(checked.problems.empty()) << checked.all();
        if (HasFailure()) return;
    }
}

}  // namespace
}  // namespace vecstore::core
