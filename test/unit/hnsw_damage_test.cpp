// Damaged pages: whatever is on them, each thing that is done to an index gives an answer or says that the
// index is damaged. None crashes, waits for itself, goes on without end, or takes memory without end.
//
// Small indexes that have pages of every kind, and many rounds: in each some bytes change, at random or with
// a mind to what they mean, and then everything is done to the index that there is. VECSTORE_DAMAGE_ROUNDS:
// how many rounds for each index; VECSTORE_DAMAGE_SEED: the first one's number; VECSTORE_DAMAGE_TRACE: say of
// each what it does.
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <new>

#include <gtest/gtest.h>

#include "allocations.hpp"
#include "core/export/graph_export.hpp"
#include "core/hnsw/beside/long_rows.hpp"
#include "core/hnsw/beside/unplaced.hpp"
#include "core/hnsw/write/vacuum.hpp"
#include "core/storage/mean_pages.hpp"
#include "damaged_index.hpp"

// Memory that one thing may take at once, where there is a limit. (The address sanitizer has its own
// operators.)
static thread_local size_t most_at_once = SIZE_MAX;

#ifndef __SANITIZE_ADDRESS__
[[gnu::noinline]] void* operator new(size_t size) {
    if (size > most_at_once || vecstore::testing_memory::fails()) throw std::bad_alloc();
    if (void* const memory = std::malloc(size > 0 ? size : 1)) return memory;
    throw std::bad_alloc();
}
[[gnu::noinline]] void operator delete(void* memory) noexcept { std::free(memory); }
[[gnu::noinline]] void operator delete(void* memory, size_t) noexcept { std::free(memory); }
#endif

namespace vecstore::core {
namespace {

size_t setting(const char* name, size_t otherwise) {
    const char* const text = std::getenv(name);
    return text == nullptr ? otherwise : std::strtoull(text, nullptr, 10);
}

// ----------------------------------------------------------------------- what is done to the index

// How often each thing gave an answer, and how often it said that the index is damaged.
struct Tally {
    std::map<std::string, std::pair<size_t, size_t>> done;
    size_t faults = 0;
};

class Round {
  public:
    Round(Sound& index, uint64_t seed, DamagedPages pages, Tally& tally)
        : index_(index), store_(index.store()), random_(seed), pages_(pages), tally_(tally) {}

    // The fault; empty: none.
    std::string run() {
        store_.restore();
        Damage damage(index_, random_, pages_);
        for (size_t n = 1 + random_() % 4; n > 0; --n) damage.add();
        std::vector<std::pair<const char*, void (Round::*)()>> things{
            {"search", &Round::search},      {"scan", &Round::scan_all}, {"filtered", &Round::filtered},
            {"insert", &Round::insert},      {"vacuum", &Round::vacuum}, {"check", &Round::check},
            {"export", &Round::write_graph}, {"few", &Round::count_few}};
        std::shuffle(things.begin(), things.end(), random_);
        for (const auto& [name, thing] : things) {
            const std::string wrong = attempt(name, thing);
            if (!wrong.empty()) return std::string(name) + ": " + wrong;
        }
        return {};
    }

  private:
    static constexpr DamagedStore::Limits limits{2000000, 400};
    static constexpr size_t most_memory = size_t{64} << 20;

    std::string attempt(const char* name, void (Round::*thing)()) {
        static const bool trace = setting("VECSTORE_DAMAGE_TRACE", 0) != 0;
        if (trace) std::fprintf(stderr, "  %s\n", name);
        store_.begin(limits);
        auto& counts = tally_.done[name];
        std::string wrong;
        most_at_once = most_memory;
        try {
            open();
            (this->*thing)();
            ++counts.first;
        } catch (const Error& e) {
            // (A row that finds no place before a vacuum that was interrupted is ended may say so.)
            // And features that are no known ones may be those of a later version.
            if (e.code() != ErrorCode::corrupted_index && e.code() != ErrorCode::not_now &&
                e.code() != ErrorCode::newer_format)
                wrong = std::string("another error: ") + e.what();
            if (e.code() == ErrorCode::corrupted_index && trace) std::fprintf(stderr, "    %s\n", e.what());
            ++counts.second;
        } catch (const Fault& fault) {
            wrong = fault.what;
        } catch (const std::exception& e) {
            wrong = e.what();
        }
        most_at_once = SIZE_MAX;
        try {
            if (wrong.empty()) store_.expect_no_locks();
        } catch (const Fault& fault) {
            wrong = fault.what;
        }
        store_.forget_locks();
        return wrong;
    }

    // As a server opens an index (am/index_state.cpp): once the metapage is found to be sound.
    void open() {
        MetaData meta;
        {
            auto page = store_.read(meta_block);
            meta = meta_of(page.payload());
        }
        const Geometry &now = meta.geometry, &due = index_.meta().geometry;
        std::string problem = meta_problem(meta, store_.page_count());
        if (problem.empty() && (now.dims != due.dims || now.kind != due.kind || now.metric != due.metric ||
                                now.filter_columns != due.filter_columns))
            problem = "another index";
        if (!problem.empty()) throw Error(ErrorCode::corrupted_index, problem);
        const std::vector<float> mean = read_mean(store_, meta);
        if (encoder_ && std::memcmp(&meta_.geometry, &meta.geometry, sizeof(Geometry)) == 0 &&
            meta_.seed == meta.seed) {
            meta_ = meta;
            return;
        }
        meta_ = meta;
        encoder_.emplace(meta.geometry, uint64_t{meta.seed}, mean);
    }

    void search() { read_rows(30, 20, false, nullptr); }
    void scan_all() { read_rows(SIZE_MAX, 20 + random_() % 40, true, nullptr); }
    void filtered() {
        const FilterKey most = 1 + random_() % 12;
        const RowFilter filter = filter_of({range(0, 1, most)});
        if (index_.of().options.filter_columns == 0) return read_rows(5, 1, true, nullptr);
        read_rows(random_() % 2 == 0 ? 20 : SIZE_MAX, 20, true, &filter);
    }

    void read_rows(size_t limit, size_t ef_search, bool iterative, const RowFilter* filter) {
        ScanMemory memory;
        Query query;
        ScanOptions options;
        options.ef_search = ef_search;
        options.iterative = iterative;
        options.filter = filter;
        options.exhaustive = random_() % 4 == 0;
        const AnyVector vector = index_.vector(random_() % 1000);
        const RawVector raw = vector.raw();
        options.strict_order = query.prepare_scan(*encoder_, &raw, typical_length(store_, *encoder_)) &&
                               random_() % 3 > 0;
        OrderedScan<DamagedStore> scan(store_, *encoder_, query, memory, options);
        const auto rerank = [&](const HeapTid& tid) {
            return Reranked{tid.key() % 11 != 0,
                            tid.key() % 7 == 0 ? NAN : static_cast<double>(tid.key() % 101)};
        };
        HeapTid tid;
        size_t rows = 0;
        while (rows < limit && scan.next(rerank, tid)) count_row(rows);
        if (rows == limit) return;
        UnplacedRows<DamagedStore> unplaced(store_, encoder_->layout(), filter, {});
        while (unplaced.next(tid)) count_row(rows);
    }
    static void count_row(size_t& rows) {
        if (++rows > 200000) throw Fault{"gives rows without end"};
    }

    void insert() {
        InsertMemory memory;
        CalibrationSamples samples;
        for (size_t i = 0; i < 8; ++i) {
            const bool is_long = i % 4 == 1 && index_.of().options.high_length > 0;
            const AnyVector vector = is_long ? index_.long_vector(random_())
                                             : index_.vector(i < 4 ? random_() % 3 : random_());
            const std::vector<FilterKey> keys(index_.of().options.filter_columns, 1 + random_() % 3);
            const HeapTid tid{static_cast<uint32_t>(50000 + i), 1};
            RowMemory encoded;
            const OwnVector own = encoder_->encode_row(vector.raw(), encoded);
            Inserter<DamagedStore> inserter(store_, *encoder_, 40, memory);
            if (!keys.empty())
                inserter.use_nodes_of_gone_rows([](const HeapTid& t) { return t.key() % 3 == 0; });
            const auto level = static_cast<uint8_t>(i % 4 == 3 ? random_() % 3 : 0);
            const NewRow row{encoded.internal.data(), encoded.own_bytes.data(), own, tid, level, keys.data()};
            if (keep_long(store_, *encoder_, row)) continue;
            inserter.insert(row);
            after_insert(store_, *encoder_, memory, level, inserter.last_placed(), samples);
            if (i % 3 == 0)
                add_unplaced(store_, encoder_->layout(), {tid, UnplacedKind::no_vector, 0}, keys.data());
        }
    }

    void vacuum() {
        InsertMemory memory;
        const uint64_t share = 2 + random_() % 6;
        const auto is_dead = [&](const HeapTid& tid) { return (tid.key() * 2654435761u >> 7) % share == 0; };
        Vacuum<DamagedStore> vacuum(store_, *encoder_, 40, memory);
        vacuum.run(is_dead);
        vacuum_unplaced(store_, encoder_->layout(), is_dead);
    }

    void check() {
        CheckOptions options;
        options.deep = true;
        size_t problems = 0;
        GraphCheck<DamagedStore> check(store_, meta_, *encoder_, options,
                                       [&](const Problem&) { ++problems; });
        check.read_pages();
        const AnyVector vector = index_.vector(5);
        for (size_t row = 0; row < 40; ++row) check.require_row(TestIndex::tid_of(row), vector.raw());
        check.require_all_rows();
        check.check_graph();
    }

    void write_graph() {
        exports::MemorySink sink;
        exports::GraphExport<DamagedStore> graph(store_, meta_);
        graph.number_rows([](const std::vector<HeapTid>& tids) { return tids.size(); });
        graph.write_faiss(sink, 40);
    }

    void count_few() {
        count_few_rows(store_, encoder_->layout());
        SearchMemory memory;
        note_calibration(store_, *encoder_, memory);
    }

    Sound& index_;
    DamagedStore& store_;
    Random random_;
    DamagedPages pages_;
    Tally& tally_;
    MetaData meta_{};
    std::optional<VectorEncoder> encoder_;
};

class Damaged : public testing::TestWithParam<Case> {
  protected:
    void expect_answers_or_errors(DamagedPages pages);
};

void Damaged::expect_answers_or_errors(DamagedPages pages) {
    Sound index(GetParam());
    const size_t rounds = setting("VECSTORE_DAMAGE_ROUNDS", 40), first = setting("VECSTORE_DAMAGE_SEED", 1);
    const bool trace = setting("VECSTORE_DAMAGE_TRACE", 0) != 0;
    Tally tally;
    std::map<std::string, size_t> faults;
    for (size_t seed = first; seed < first + rounds; ++seed) {
        if (trace) std::fprintf(stderr, "%s: round %zu\n", GetParam().name, seed);
        const std::string wrong = Round(index, seed, pages, tally).run();
        if (wrong.empty()) continue;
        if (++faults[wrong.substr(0, wrong.find_first_of("0123456789"))] <= 3)
            ADD_FAILURE() << GetParam().name << ", round " << seed << ": " << wrong;
    }
    for (const auto& [wrong, times] : faults) std::printf("%6zu times: %s\n", times, wrong.c_str());
    if (rounds > 40)
        for (const auto& [name, counts] : tally.done)
            std::printf("%-10s %zu answers, %zu errors\n", name.c_str(), counts.first, counts.second);
}

TEST_P(Damaged, GivesAnAnswerOrAnError) { expect_answers_or_errors(DamagedPages::all); }
// Everything begins there, and one byte of it may change what all others mean.
TEST_P(Damaged, OnTheMetapageAloneGivesAnAnswerOrAnError) {
    expect_answers_or_errors(DamagedPages::metapage);
}

IndexOptions options(StorageMode mode, Metric metric, uint16_t m, uint16_t filter_columns = 0) {
    IndexOptions o;
    o.mode = mode;
    o.metric = metric;
    o.m = m;
    o.ef_construction = 40;
    o.filter_columns = filter_columns;
    o.filter_key = [](size_t row, size_t column) { return column == 0 ? 1 + row % 12 : 1 + row; };
    return o;
}
IndexOptions with_mean(IndexOptions o, size_t dims) {
    o.mean.assign(dims, 0.25f);
    return o;
}
IndexOptions of_kind(IndexOptions o, VectorKind kind, uint32_t elements = 0) {
    o.kind = kind;
    o.sparse_elements = elements;
    return o;
}
IndexOptions with_long_rows(IndexOptions o, float high_length) {
    o.high_length = high_length;
    return o;
}
IndexOptions compact(IndexOptions o) {
    o.compact = true;
    return o;
}

INSTANTIATE_TEST_SUITE_P(
    Kinds, Damaged,
    testing::Values(
        Case{"coded", 128, 500, with_mean(options(StorageMode::coded, Metric::l2, 4, 2), 128)},
        Case{"compact", 64, 400, compact(options(StorageMode::coded, Metric::cosine, 4))},
        Case{"product_codes", 64, 500, options(StorageMode::coded_products, Metric::inner_product, 4, 1)},
        Case{"planes", 6000, 70, options(StorageMode::coded, Metric::l2, 12)},
        Case{"plain", 8, 500, options(StorageMode::plain, Metric::l2, 4)},
        Case{"filtered", 8, 500, options(StorageMode::plain, Metric::l1, 4, 1)},
        Case{"products", 6, 400,
             with_long_rows(options(StorageMode::plain, Metric::inner_product, 4, 1), 20)},
        Case{"coded_products", 64, 300,
             with_long_rows(options(StorageMode::coded, Metric::inner_product, 4), 40)},
        Case{"sparse", 60, 300,
             of_kind(options(StorageMode::plain, Metric::l2, 6), VectorKind::sparsevec, 20)},
        Case{"coded_bits", 200, 300,
             of_kind(options(StorageMode::coded_bits, Metric::hamming, 6), VectorKind::bit)},
        Case{"bits", 200, 300, of_kind(options(StorageMode::plain, Metric::jaccard, 6), VectorKind::bit)}),
    [](const auto& info) { return info.param.name; });

}  // namespace
}  // namespace vecstore::core
