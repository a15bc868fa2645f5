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

#include "core/export/graph_export.hpp"
#include "core/hnsw/beside/long_rows.hpp"
#include "core/hnsw/beside/unplaced.hpp"
#include "core/hnsw/write/vacuum.hpp"
#include "damaged_store.hpp"
#include "hnsw_graph.hpp"

// Memory that one thing may take at once, where there is a limit. (The address sanitizer has its own
// operators.)
static thread_local size_t most_at_once = SIZE_MAX;

#ifndef __SANITIZE_ADDRESS__
[[gnu::noinline]] void* operator new(size_t size) {
    if (size > most_at_once) throw std::bad_alloc();
    if (void* const memory = std::malloc(size > 0 ? size : 1)) return memory;
    throw std::bad_alloc();
}
[[gnu::noinline]] void operator delete(void* memory) noexcept { std::free(memory); }
[[gnu::noinline]] void operator delete(void* memory, size_t) noexcept { std::free(memory); }
#endif

namespace vecstore::core {
namespace {

using Random = std::mt19937_64;

size_t setting(const char* name, size_t otherwise) {
    const char* const text = std::getenv(name);
    return text == nullptr ? otherwise : std::strtoull(text, nullptr, 10);
}

struct Case {
    const char* name;
    size_t dims, rows;
    IndexOptions options;
};
void PrintTo(const Case& c, std::ostream* out) { *out << c.name; }

// ------------------------------------------------------------------------------------------------- what is
// made

// A vector of any kind, made from floats.
struct AnyVector {
    std::vector<float> values;
    std::vector<int32_t> indices;
    std::vector<uint8_t> bits;

    AnyVector(VectorKind kind, const float* x, size_t dims) {
        if (kind == VectorKind::bit) {
            bits.resize((dims + 7) / 8);
            for (size_t i = 0; i < dims; ++i) bits[i / 8] |= static_cast<uint8_t>((x[i] > 0) << (7 - i % 8));
        } else if (kind == VectorKind::sparsevec) {
            for (size_t i = 0; i < dims; ++i) {
                if (x[i] < 1) continue;
                indices.push_back(static_cast<int32_t>(i));
                values.push_back(x[i]);
            }
        } else {
            values.assign(x, x + dims);
        }
    }
    RawVector raw() const {
        if (!bits.empty()) return RawVector::of_bits(bits.data());
        if (!indices.empty())
            return RawVector::of_sparse(indices.data(), values.data(), static_cast<uint32_t>(indices.size()));
        return values.data();
    }
};

// An index with rows of its own, rows of equal vectors, and rows without a vector.
class Sound {
  public:
    explicit Sound(const Case& c) : case_(c), data_(normal_data(c.rows + queries, c.dims, 7, 5)) {
        if (c.options.metric == Metric::cosine) normalize(data_);
        TestIndex index(c.dims, c.options);
        for (size_t row = 0; row < c.rows; ++row)
            vectors_.emplace_back(c.options.kind, data_.row(row), c.dims);
        struct {
            const std::vector<AnyVector>& all;
            size_t rows() const { return all.size(); }
            RawVector row(size_t i) const { return all[i].raw(); }
        } rows{vectors_};
        InsertMemory memory;
        if (c.options.mode == StorageMode::coded) {
            TestIndex built(c.dims, c.options);
            built.build(rows, 1);
            write_in_order(built, PageOrder(built.store(), built.encoder(), [] {}), index);
        } else {
            index.insert(rows);
        }
        for (size_t i = 0; i < equal_rows; ++i) index.insert(vectors_[i % 3].raw(), c.rows + i, memory, 0);
        const std::vector<FilterKey> keys(c.options.filter_columns, 3);
        for (uint32_t i = 0; i < 1500; ++i)
            add_unplaced(index.store(), index.layout(),
                         {{i, 9}, i % 2 ? UnplacedKind::no_vector : UnplacedKind::no_direction, 0},
                         keys.data());
        for (size_t i = 0; i < long_rows && c.options.high_length > 0; ++i)
            index.insert(long_vector(i).raw(), c.rows + equal_rows + i, memory);
        if (c.options.filter_columns > 0 && c.options.mode == StorageMode::coded) make_clusters(index);
        EXPECT_TRUE(index.check().problems.empty()) << index.check().all();
        for (uint32_t block = 0; block < index.store().page_count(); ++block)
            store_.add_page(index.store().payload(block));
        meta_ = index.meta();
    }

    static constexpr size_t queries = 40, equal_rows = 60, long_rows = 300;

    DamagedStore& store() { return store_; }
    const Case& of() const { return case_; }
    const MetaData& meta() const { return meta_; }
    AnyVector vector(size_t i) const {
        return AnyVector(case_.options.kind, data_.row(i % data_.rows()), case_.dims);
    }
    // Much longer than the others.
    AnyVector long_vector(size_t i) const {
        AnyVector vector = this->vector(i);
        for (float& x : vector.values) x *= 1000;
        return vector;
    }

  private:
    // As a build of more rows would.
    void make_clusters(TestIndex& index) {
        const uint32_t end = index.store().page_count();
        std::vector<Cluster> clusters;
        std::vector<float> origin(index.encoder().geometry().stored_dims, 0.5f);
        for (uint32_t block = first_free_block(index.layout()); block < end; block += 5)
            clusters.push_back({block, origin.data()});
        write_clusters(index.store(), index.layout(), clusters, end);
    }

    Case case_;
    Data data_;
    std::vector<AnyVector> vectors_;
    DamagedStore store_;
    MetaData meta_;
};

// --------------------------------------------------------------------------------------------------- the
// damage

class Damage {
  public:
    Damage(Sound& index, Random& random)
        : store_(index.store()), layout_(index.meta().geometry), random_(random) {}

    // Some damage, of one kind.
    void add() {
        const uint32_t block = random_() % 8 == 0 ? 0 : any_page();
        uint8_t* const payload = store_.damage(block);
        if (random_() % 2 == 0) {
            bytes(payload);
        } else if (random_() % 6 == 0) {
            whole(payload);
        } else {
            meant(payload, block);
        }
    }

  private:
    size_t below(size_t n) { return random_() % n; }
    uint32_t any_page() { return static_cast<uint32_t>(below(store_.page_count())); }

    uint32_t any_block() {
        switch (below(8)) {
            case 0: return invalid_block;
            case 1: return 0;
            case 2: return invalid_block - 1 - static_cast<uint32_t>(below(3));
            case 3: return store_.page_count() + static_cast<uint32_t>(below(3));
            case 4: return static_cast<uint32_t>(random_());
            default: return any_page();
        }
    }
    Link any_link(uint32_t self) {
        Link link{below(4) == 0 ? self : any_block(),
                  static_cast<uint8_t>(below(3) > 0 ? below(layout_.slots_per_page()) : below(256)), 0};
        // One that leads to a node, mostly.
        if (link.block < store_.page_count() && link.slot < layout_.slots_per_page() && below(4) > 0)
            link.generation =
                ConstNode(layout_, layout_.raw_slot(store_.payload(link.block), link.slot)).head().generation;
        return link;
    }
    float any_float() {
        constexpr float special[] = {NAN, -NAN, INFINITY, -INFINITY, 3e38f, -3e38f, 0, -0.0f, 1e-40f, -1, 1};
        if (below(8) > 0) return special[below(std::size(special))];
        const auto bits = static_cast<uint32_t>(random_());
        float value;
        std::memcpy(&value, &bits, sizeof(value));
        return value;
    }
    template <class T>
    void put(uint8_t* at, T value) {
        std::memcpy(at, &value, sizeof(value));
    }

    void bytes(uint8_t* payload) {
        // Near the beginning of a page there is more that matters.
        const size_t within = below(2) == 0 ? 256 : page_payload_size;
        for (size_t n = 1 + below(8); n > 0; --n) payload[below(within)] = static_cast<uint8_t>(random_());
    }

    void whole(uint8_t* payload) {
        switch (below(4)) {
            case 0: std::memset(payload, below(2) == 0 ? 0 : 0xFF, page_payload_size); break;
            case 1: std::memcpy(payload, store_.payload(any_page()), page_payload_size); break;
            case 2: std::memcpy(store_.damage(any_page()), payload, page_payload_size); break;
            default: page_head(payload).kind = static_cast<PageKind>(below(15)); break;
        }
    }

    void meant(uint8_t* payload, uint32_t block) {
        uint8_t* const body = payload + sizeof(PageHead);
        switch (page_head(payload).kind) {
            case PageKind::meta: return meta(payload);
            case PageKind::nodes: return nodes(payload, block);
            case PageKind::tids:
                return chunk(chunk_at(payload, below(3) > 0 ? below(3) : below(chunks_per_page)), block);
            case PageKind::cluster_map:
            case PageKind::entry_map:
                return put(body + 4 * below(12),
                           below(2) == 0 ? any_block() : static_cast<uint32_t>(below(3000)));
            case PageKind::entries:
                if (below(2) == 0) page_head(payload).reserved = static_cast<uint16_t>(random_());
                return origin_codes<Link>(payload, [&] { return any_link(block); });
            case PageKind::clusters:
            case PageKind::entry_groups: return origin_codes<uint32_t>(payload, [&] { return any_block(); });
            case PageKind::unclustered:
                page_head(payload).reserved2 = static_cast<uint32_t>(below(2));
                return put(body + 8 * below(page_room / 8), random_());
            case PageKind::unplaced: return listed(payload, UnplacedLayout(layout_));
            case PageKind::long_rows: return listed(payload, LongLayout(layout_));
            case PageKind::mean: return put(body + 4 * below(8), any_float());
            default: return put(body + 4 * below(page_room / 4), any_float());
        }
    }

    template <class More, class Make>
    void origin_codes(uint8_t* payload, Make&& make) {
        const OriginCodePage<More> place(layout_.code_bytes());
        for (size_t n = below(3) == 0 ? place.capacity() : 1; n > 0; --n) {
            const size_t i = n > 1 ? n - 1 : below(8);
            if (below(2) == 0)
                place.set_more(payload, i, make());
            else
                put(place.factor(payload, i), static_cast<uint32_t>(below(2) == 0 ? 0x7FC07FC0u : random_()));
        }
    }

    void meta(uint8_t* payload) {
        MetaData& m = meta_of(payload);
        switch (below(18)) {
            case 0: m.entry_point = any_link(1); break;
            case 1: m.entry_level = static_cast<uint8_t>(below(30)); break;
            case 2: m.tid_page = any_block(); break;
            case 3: m.cluster_map = any_block(); break;
            case 4: m.clustered_blocks = any_block(); break;
            case 5: m.entry_map = any_block(); break;
            case 6: m.unplaced = any_block(); break;
            case 7: m.unplaced_room = any_block(); break;
            case 8: m.vacuum_pending = 1; break;
            case 9: m.calibration.length = any_float(); break;
            case 10: m.calibration.log_factor[below(calibration_points)] = any_float(); break;
            case 11: m.removed_nodes = static_cast<uint32_t>(random_()); break;
            case 12: m.mean_block = any_block(); break;
            case 13: m.long_rows = any_block(); break;
            case 14: m.long_room = any_block(); break;
            case 15: m.long_from = any_float(); break;
            case 16: m.misfits = static_cast<uint8_t>(below(4)); break;
            default:
                payload[sizeof(PageHead) + below(sizeof(MetaData))] = static_cast<uint8_t>(random_());
                break;
        }
    }

    // The same of one node, or of all on the page.
    void nodes(uint8_t* payload, uint32_t block) {
        const size_t what = below(19);
        const bool all = below(3) == 0;
        for (size_t s = 0; s < layout_.slots_per_page(); ++s)
            if (all || s == below(layout_.slots_per_page()))
                node(Node(layout_, payload + layout_.slot_offset(s)), block, what);
    }
    void node(const Node& node, uint32_t block, size_t what) {
        NodeHead& head = node.head();
        const size_t i = below(layout_.max_neighbors());
        switch (what) {
            case 0: head.flags = static_cast<uint8_t>(below(5)); break;
            case 1: head.generation = static_cast<uint8_t>(random_()); break;
            case 2: head.level = static_cast<uint8_t>(below(3) > 0 ? below(3) : random_()); break;
            case 3:
                head.degree = static_cast<uint8_t>(below(2) > 0 ? below(layout_.max_neighbors() + 1)
                                                                : random_());
                break;
            case 4: head.tid_count = static_cast<uint8_t>(below(2) > 0 ? below(5) : random_()); break;
            case 5: head.scale = any_float(); break;
            case 6: head.error = any_float(); break;
            case 7: head.norm2 = any_float(); break;
            case 8: head.down = any_link(block); break;
            case 9: head.overflow = any_link(block); break;
            case 10: head.overflow = {any_chunk_page(), static_cast<uint8_t>(below(4)), 0}; break;
            case 11: head.tree_edges_or_epoch = below(2) == 0 ? ~uint64_t{0} : random_(); break;
            case 12: head.tids[below(inline_tids)] = {any_block(), static_cast<uint16_t>(random_())}; break;
            case 13: node.links()[i] = any_link(block); break;
            case 14:
                for (size_t k = 0; k < layout_.max_neighbors(); ++k) node.links()[k] = any_link(block);
                break;
            case 15: factors(node); break;
            case 16: own(node); break;
            case 17: put(node.own(), any_block()); break;  // the number of a sparse vector's elements
            default:
                std::memset(node.codes(), static_cast<int>(random_()),
                            layout_.max_neighbors() * layout_.code_bytes());
                break;
        }
    }
    uint32_t any_chunk_page() {
        for (int tries = 0; tries < 200; ++tries) {
            const uint32_t block = any_page();
            if (page_head(store_.payload(block)).kind == PageKind::tids) return block;
        }
        return any_page();
    }
    void factors(const Node& node) {
        const bool all = below(2) == 0;
        for (size_t k = 0; k < layout_.max_neighbors(); ++k) {
            if (!all && below(4) > 0) continue;
            // Of codes two halves of floats.
            if (layout_.coded())
                put(node.factor(k), static_cast<uint32_t>(below(2) == 0 ? 0x7FC0FF80u : random_()));
            else
                put(node.factor(k), any_float());
        }
    }
    void own(const Node& node) {
        const size_t words = layout_.own_bytes() / 4;
        for (size_t n = 1 + below(8); n > 0 && words > 0; --n)
            put(node.own() + 4 * below(words), below(2) == 0 ? any_float() : static_cast<float>(0));
        if (below(3) == 0) std::memset(node.own(), 0xFF, layout_.own_bytes());
    }

    void chunk(TidChunk& chunk, uint32_t block) {
        switch (below(6)) {
            case 0: chunk.next = {any_chunk_page(), static_cast<uint8_t>(below(4)), 0}; break;
            case 1: chunk.next = any_link(block); break;
            case 2: chunk.used = static_cast<uint8_t>(below(5)); break;
            case 3:
                chunk.count = static_cast<uint8_t>(below(2) == 0 ? below(chunk_tids + 1) : random_());
                break;
            case 4: chunk.owner = any_link(block); break;
            default: chunk.tids[below(chunk_tids)] = {any_block(), static_cast<uint16_t>(random_())}; break;
        }
        if (below(4) == 0) page_head(store_.damage(block)).reserved2 = any_block();
    }

    template <class Layout>
    void listed(uint8_t* payload, const Layout& layout) {
        UnplacedHead& head = Layout::head(payload);
        switch (below(4)) {
            case 0: head.next = any_block(); break;
            case 1: head.next_room = any_block(); break;
            case 2: head.count = static_cast<uint16_t>(random_()); break;
            default:
                put(layout.entry(payload, below(layout.capacity())) + 4 * below(layout.entry_bytes() / 8),
                    random_());
                break;
        }
    }

    DamagedStore& store_;
    NodeLayout layout_;
    Random& random_;
};

// ------------------------------------------------------------------------------------- what is done to the
// index

// How often each thing gave an answer, and how often it said that the index is damaged.
struct Tally {
    std::map<std::string, std::pair<size_t, size_t>> done;
    size_t faults = 0;
};

class Round {
  public:
    Round(Sound& index, uint64_t seed, Tally& tally)
        : index_(index), store_(index.store()), random_(seed), tally_(tally) {}

    // What went wrong; empty: nothing.
    std::string run() {
        store_.restore();
        Damage damage(index_, random_);
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
            if (e.code() != ErrorCode::corrupted_index && e.code() != ErrorCode::not_now)
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
    Tally& tally_;
    MetaData meta_{};
    std::optional<VectorEncoder> encoder_;
};

class Damaged : public testing::TestWithParam<Case> {};

TEST_P(Damaged, GivesAnAnswerOrAnError) {
    Sound index(GetParam());
    const size_t rounds = setting("VECSTORE_DAMAGE_ROUNDS", 40), first = setting("VECSTORE_DAMAGE_SEED", 1);
    const bool trace = setting("VECSTORE_DAMAGE_TRACE", 0) != 0;
    Tally tally;
    std::map<std::string, size_t> faults;
    for (size_t seed = first; seed < first + rounds; ++seed) {
        if (trace) std::fprintf(stderr, "%s: round %zu\n", GetParam().name, seed);
        const std::string wrong = Round(index, seed, tally).run();
        if (wrong.empty()) continue;
        if (++faults[wrong.substr(0, wrong.find_first_of("0123456789"))] <= 3)
            ADD_FAILURE() << GetParam().name << ", round " << seed << ": " << wrong;
    }
    for (const auto& [wrong, times] : faults) std::printf("%6zu times: %s\n", times, wrong.c_str());
    if (rounds > 40)
        for (const auto& [name, counts] : tally.done)
            std::printf("%-10s %zu answers, %zu errors\n", name.c_str(), counts.first, counts.second);
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
    testing::Values(Case{"coded", 128, 500, with_mean(options(StorageMode::coded, Metric::l2, 4, 2), 128)},
                    Case{"compact", 64, 400, compact(options(StorageMode::coded, Metric::cosine, 4))},
                    Case{"planes", 6000, 70, options(StorageMode::coded, Metric::l2, 12)},
                    Case{"plain", 8, 500, options(StorageMode::plain, Metric::l2, 4)},
                    Case{"filtered", 8, 500, options(StorageMode::plain, Metric::l1, 4, 1)},
                    Case{"products", 6, 400,
                         with_long_rows(options(StorageMode::plain, Metric::inner_product, 4, 1), 20)},
                    Case{"coded_products", 64, 300,
                         with_long_rows(options(StorageMode::coded, Metric::inner_product, 4), 40)},
                    Case{"sparse", 60, 300,
                         of_kind(options(StorageMode::plain, Metric::l2, 6), VectorKind::sparsevec, 20)},
                    Case{"bits", 200, 300,
                         of_kind(options(StorageMode::plain, Metric::jaccard, 6), VectorKind::bit)}),
    [](const auto& info) { return info.param.name; });

}  // namespace
}  // namespace vecstore::core
