// Shared by the tests of core/hnsw: data, indexes in memory, exact answers.
#pragma once

#include <algorithm>
#include <cmath>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <random>
#include <set>
#include <string>
#include <vector>

#include "core/hnsw/beside/long_rows.hpp"
#include "core/hnsw/build/builder.hpp"
#include "core/hnsw/build/page_order.hpp"
#include "core/hnsw/check/validate.hpp"
#include "core/hnsw/graph_import/row_graph.hpp"
#include "core/hnsw/scan/ordered_scan.hpp"
#include "core/hnsw/write/after_insert.hpp"
#include "core/io/source/content_hash.hpp"
#include "core/storage/mem_store.hpp"

namespace vecstore::core {

// `rows` vectors of `dims` floats each, one after the other.
struct Data {
    size_t dims;
    std::vector<float> values;

    size_t rows() const { return values.size() / dims; }
    const float* row(size_t i) const { return &values[i * dims]; }
};

// Normally distributed around `clusters` centers (0: around the origin), all times `magnitude`.
inline Data normal_data(size_t rows, size_t dims, uint32_t seed, size_t clusters = 0, float magnitude = 1) {
    std::mt19937 random(seed);
    std::normal_distribution<float> normal;
    std::vector<float> centers(clusters * dims);
    for (float& x : centers) x = 2 * normal(random);
    Data data{dims, std::vector<float>(rows * dims)};
    for (size_t i = 0; i < rows; ++i) {
        const size_t cluster = clusters > 0 ? random() % clusters : 0;
        for (size_t j = 0; j < dims; ++j)
            data.values[i * dims + j] = magnitude *
                                        (normal(random) + (clusters > 0 ? centers[cluster * dims + j] : 0));
    }
    return data;
}

// Takes the last `count` rows away, as queries of the same distribution.
inline Data take_queries(Data& data, size_t count) {
    const auto from = data.values.end() - static_cast<std::ptrdiff_t>(count * data.dims);
    Data queries{data.dims, {from, data.values.end()}};
    data.values.erase(from, data.values.end());
    return queries;
}

inline void normalize(Data& data) {
    for (size_t i = 0; i < data.rows(); ++i) {
        float* const x = &data.values[i * data.dims];
        double sum = 0;
        for (size_t j = 0; j < data.dims; ++j) sum += static_cast<double>(x[j]) * x[j];
        for (size_t j = 0; j < data.dims; ++j) x[j] = static_cast<float>(x[j] / std::sqrt(sum));
    }
}

// A random linear map of few latent dimensions around cluster centers, and a little noise: what embeddings
// are like.
inline Data latent_data(size_t rows, size_t dims, uint32_t seed) {
    constexpr size_t latent = 12;
    const Data few = normal_data(rows, latent, seed, 12), map = normal_data(latent, dims, seed + 1),
               noise = normal_data(rows, dims, seed + 2);
    Data data{dims, std::vector<float>(rows * dims)};
    for (size_t i = 0; i < rows; ++i) {
        float* const x = &data.values[i * dims];
        for (size_t k = 0; k < latent; ++k)
            for (size_t j = 0; j < dims; ++j) x[j] += few.row(i)[k] * map.row(k)[j];
        for (size_t j = 0; j < dims; ++j) x[j] += 0.3f * noise.row(i)[j];
    }
    return data;
}

// All rows again and again, as often in all.
inline Data repeated(const Data& data, size_t times) {
    Data all{data.dims, {}};
    for (; times > 0; --times) all.values.insert(all.values.end(), data.values.begin(), data.values.end());
    return all;
}

// Some rows of them, from the first.
inline Data first_rows(const Data& data, size_t rows) {
    return {data.dims,
            {data.values.begin(), data.values.begin() + static_cast<std::ptrdiff_t>(rows * data.dims)}};
}

// And the rest of them.
inline Data rows_from(const Data& data, size_t first) {
    return {data.dims,
            {data.values.begin() + static_cast<std::ptrdiff_t>(first * data.dims), data.values.end()}};
}

inline FilterCondition range(uint16_t column, FilterKey low, FilterKey high) {
    FilterCondition condition;
    condition.column = column;
    condition.low = low;
    condition.high = high;
    return condition;
}

inline RowFilter filter_of(const std::vector<FilterCondition>& conditions) {
    RowFilter filter;
    for (const FilterCondition& c : conditions) filter.add(c);
    return filter;
}

// Of each row, or node, others.
using Lists = std::vector<std::vector<uint32_t>>;

// A file's graph whose nodes are the rows.
inline FileGraph file_graph(const Lists& lists) {
    FileGraph graph;
    for (size_t i = 0; i < lists.size(); ++i) {
        graph.neighbors.insert(graph.neighbors.end(), lists[i].begin(), lists[i].end());
        graph.begin.push_back(graph.neighbors.size());
        graph.row_of.push_back(static_cast<uint32_t>(i));
    }
    return graph;
}

// The result of the operator, in double arithmetic.
inline double true_distance(Metric metric, const float* a, const float* b, size_t dims) {
    double l2 = 0, l1 = 0, dot = 0, aa = 0, bb = 0;
    for (size_t i = 0; i < dims; ++i) {
        const double x = a[i], y = b[i];
        l2 += (x - y) * (x - y);
        l1 += std::fabs(x - y);
        dot += x * y;
        aa += x * x;
        bb += y * y;
    }
    switch (metric) {
        case Metric::l2: return std::sqrt(l2);
        case Metric::inner_product: return -dot;
        case Metric::cosine: return 1 - dot / std::sqrt(aa * bb);
        case Metric::l1: return l1;
        default: return NAN;  // of other kinds of vectors
    }
}

struct IndexOptions {
    Metric metric = Metric::l2;
    StorageMode mode = StorageMode::coded;
    bool compact = false;
    uint16_t m = 16;
    size_t ef_construction = 64;
    std::vector<float> mean = {};
    float high_length = 0;  // DataProfile's
    VectorKind kind = VectorKind::vector;
    uint32_t sparse_elements = 0;
    // Of the filter columns, of which there are so many: the key of a row in a column.
    uint16_t filter_columns = 0;
    std::function<FilterKey(size_t row, size_t column)> filter_key = {};
    uint32_t code_bits = 0;  // GeometryRequest's
};

// A node whose neighbors can be written to one byte at a time, for tests that break things.
struct OpenNode : Node {
    using Node::Node;
    Link* links() const { return const_cast<Link*>(Node::links()); }
    uint8_t* codes() const { return const_cast<uint8_t*>(Node::codes()); }
    uint8_t* code(size_t i) const { return const_cast<uint8_t*>(Node::code(i)); }
    uint8_t* factor(size_t i) const { return const_cast<uint8_t*>(Node::factor(i)); }
};

// An index in memory. The TID of row i is tid_of(i).
class TestIndex {
  public:
    TestIndex(size_t dims, const IndexOptions& options, size_t max_pages = 1 << 16)
        : options_(options),
          encoder_(choose_geometry({static_cast<uint32_t>(dims), options.metric, options.mode,
                                    options.compact, options.m, options.kind, options.sparse_elements,
                                    options.filter_columns, options.code_bits}),
                   42, options.mean),
          store_(max_pages) {
        create_index_pages(store_, encoder_.geometry(), 42, static_cast<uint16_t>(options.ef_construction),
                           options.mean, long_from(options.high_length, encoder_.geometry()));
    }

    static HeapTid tid_of(size_t row) {
        return {static_cast<uint32_t>(row / 100), static_cast<uint16_t>(row % 100 + 1)};
    }
    static size_t row_of(const HeapTid& tid) { return tid.block * size_t{100} + tid.offset - 1; }

    const VectorEncoder& encoder() const { return encoder_; }
    const NodeLayout& layout() const { return encoder_.layout(); }
    MemStore& store() { return store_; }
    const IndexOptions& options() const { return options_; }

    std::vector<FilterKey> filter_keys(size_t row) const {
        std::vector<FilterKey> keys(options_.filter_columns);
        for (size_t c = 0; c < keys.size(); ++c) keys[c] = options_.filter_key(row, c);
        return keys;
    }

    // As a server inserts a row. Level: drawn, or given. near: as for Inserter::insert().
    void insert(const RawVector& raw, size_t row, InsertMemory& memory, int level = -1,
                NeedMap* needs = nullptr, const NearCandidates& near = {}) {
        const auto [placed, chosen] = insert_alone(raw, row, memory, level, needs, near);
        const std::lock_guard<std::mutex> guard(samples_mutex_);  // of other threads that insert
        after_insert(store_, encoder_, memory, chosen, placed, samples_);
    }
    // The row and no more. Returns where it was placed, and its level.
    std::pair<Link, uint8_t> insert_alone(const RawVector& raw, size_t row, InsertMemory& memory,
                                          int level = -1, NeedMap* needs = nullptr,
                                          const NearCandidates& near = {}) {
        RowMemory encoded;
        const OwnVector vector = encoder_.encode_row(raw, encoded);
        Inserter<MemStore> inserter(store_, encoder_, options_.ef_construction, memory, needs);
        const auto chosen = static_cast<uint8_t>(level < 0 ? drawn_level(row) : level);
        const std::vector<FilterKey> keys = filter_keys(row);
        const NewRow new_row{
            encoded.internal.data(), encoded.own_bytes.data(), vector, tid_of(row), chosen, keys.data()};
        if (keep_long(store_, encoder_, new_row)) return {Link{}, 0};
        inserter.insert(new_row, near);
        return {inserter.last_placed(), chosen};
    }
    template <class Rows>
    void insert(const Rows& data) {
        InsertMemory memory;
        for (size_t i = 0; i < data.rows(); ++i) insert(data.row(i), i, memory);
    }

    template <class Rows>
    RowBuffer encode(const Rows& data, LongBuffer* beside = nullptr) const {
        RowBuffer rows(layout());
        for (size_t i = 0; i < data.rows(); ++i) encode_into(data.row(i), i, rows, beside);
        return rows;
    }
    void encode_into(const RawVector& raw, size_t row, RowBuffer& rows, LongBuffer* beside = nullptr) const {
        RowMemory encoded;
        const OwnVector vector = encoder_.encode_row(raw, encoded);
        const std::vector<FilterKey> keys = filter_keys(row);
        const NewRow new_row{nullptr,     encoded.own_bytes.data(), vector,
                             tid_of(row), drawn_level(row),         keys.data()};
        if (beside == nullptr || !beside->take(new_row)) rows.add(new_row);
    }

    // As CREATE INDEX does.
    template <class Rows>
    void build(const Rows& data, size_t threads) {
        LongBuffer beside(layout(), meta().long_from);
        const RowBuffer rows = encode(data, &beside);
        GraphBuilder builder(encoder_, {options_.ef_construction, threads});
        builder.build(rows, store_, [](size_t) {});
        beside.write(store_, layout());
    }
    template <class Rows>
    bool import_graph(const Rows& data, const FileGraph& graph, size_t threads = 1) {
        const RowBuffer rows = encode(data);
        GraphBuilder builder(encoder_, {options_.ef_construction, threads});
        std::vector<uint64_t> content(rows.size());
        for (size_t i = 0; i < rows.size(); ++i)
            content[i] = io::hash_field(0, rows.own_bytes(i), rows.row_bytes() - rows.key_bytes());
        return builder.import_graph(rows, RowGraph(graph, rows, content, [] {}), store_, [](size_t) {});
    }

    // The first `limit` rows of a scan, reranked from `data`, as a server does from the table.
    std::vector<size_t> scan(const float* query, size_t limit, ScanOptions options, const Data* data) {
        return scan_for(query, limit, options, [&](size_t row) {
            return true_distance(options_.metric, query, data->row(row), data->dims);
        });
    }
    // The same of any kind of vector; distance_of(row): what the operator returns.
    template <class DistanceOf>
    std::vector<size_t> scan_for(const RawVector& query, size_t limit, ScanOptions options,
                                 DistanceOf&& distance_of) {
        ScanMemory memory;
        Query prepared;
        options.strict_order &= prepared.prepare_scan(encoder_, &query, typical_length(store_, encoder_));
        OrderedScan<MemStore> scan(store_, encoder_, prepared, memory, options);
        reranked_ = 0;
        const auto rerank = [&](const HeapTid& tid) {
            ++reranked_;
            return Reranked{true, distance_of(row_of(tid))};
        };
        std::vector<size_t> rows;
        HeapTid tid;
        while (rows.size() < limit && scan.next(rerank, tid)) rows.push_back(row_of(tid));
        last_counts_ = scan.counts();
        last_visits_ = scan.visits();
        return rows;
    }
    // Rows of the last scan whose order the index could not tell.
    size_t reranked() const { return reranked_; }
    const SearchCounts& last_counts() const { return last_counts_; }
    uint64_t last_visits() const { return last_visits_; }

    MetaData meta() {
        auto page = store_.read(meta_block);
        return meta_of(page.payload());
    }

    struct Checked {
        std::vector<std::string> problems;
        CheckCounts counts;
        bool has(const std::string& text) const {
            return std::any_of(problems.begin(), problems.end(),
                               [&](const std::string& p) { return p.find(text) != std::string::npos; });
        }
        std::string all() const {
            std::string text;
            for (size_t i = 0; i < problems.size() && i < 10; ++i) text += problems[i] + "\n";
            return text;
        }
    };
    // require: the rows that must be found; all when empty.
    Checked check(bool deep = true, const std::function<void(GraphCheck<MemStore>&)>& require = {}) {
        Checked result;
        CheckOptions options;
        options.deep = deep;
        GraphCheck<MemStore> check(store_, meta(), encoder_, options, [&](const Problem& p) {
            result.problems.push_back(to_text(Link{p.block, static_cast<uint8_t>(p.slot), 0}) + ": " +
                                      p.text);
        });
        check.read_pages();
        if (require)
            require(check);
        else
            check.require_all_rows();
        check.check_graph();
        result.counts = check.counts();
        return result;
    }

    // The node's slot, for tests that break things.
    OpenNode node(const Link& link) {
        return {layout(), layout().raw_slot(const_cast<uint8_t*>(store_.payload(link.block)), link.slot)};
    }
    MetaData& meta_in_place() { return meta_of(const_cast<uint8_t*>(store_.payload(meta_block))); }
    // All nodes in use, in physical order.
    std::vector<Link> nodes(int level = 0) {
        std::vector<Link> links;
        for (uint32_t block = 0; block < store_.page_count(); ++block) {
            if (page_head(store_.payload(block)).kind != PageKind::nodes) continue;
            for (size_t s = 0; s < layout().slots_per_page(); ++s) {
                const ConstNode n(layout(), layout().raw_slot(store_.payload(block), s));
                if (n.used() && n.head().level == level)
                    links.push_back({block, static_cast<uint8_t>(s), n.head().generation});
            }
        }
        return links;
    }

    // The first row of the node there.
    size_t row_at(const Link& link) { return row_of(node(link).head().tids[0]); }
    // Of each of so many rows, those that its node on level 0 links to, in the order of the links.
    Lists neighbor_rows(size_t rows) {
        Lists lists(rows);
        for (const Link& link : nodes())
            for (size_t i = 0; i < node(link).head().degree; ++i)
                lists[row_at(link)].push_back(static_cast<uint32_t>(row_at(node(link).links()[i])));
        return lists;
    }

  private:
    uint8_t drawn_level(size_t row) const {
        std::mt19937_64 random(row * 7919 + 13);
        return draw_level(std::uniform_real_distribution<double>(0.0, 1.0)(random), options_.m);
    }

    IndexOptions options_;
    VectorEncoder encoder_;
    MemStore store_;
    CalibrationSamples samples_;
    std::mutex samples_mutex_;
    SearchCounts last_counts_;
    uint64_t last_visits_ = 0;
    size_t reranked_ = 0;
};

// As a build writes its pages out, some of which are there already.
inline void write_in_order(TestIndex& from, const PageOrder& order, TestIndex& to) {
    for (uint32_t block = 0; block < from.store().page_count(); ++block) {
        auto page = block < to.store().page_count() ? to.store().write(block)
                                                    : to.store().append(PageKind::unused);
        const size_t used = order.copy_page(block, page.modify());
        page.commit(used);
    }
}

// The same as CREATE INDEX does it all, into an empty index.
inline void build_in_order(const Data& data, size_t threads, TestIndex& index) {
    TestIndex built(data.dims, index.options());
    built.build(data, threads);
    write_in_order(built, PageOrder(built.store(), built.encoder(), [] {}), index);
}

// Pages that a test damages: as they were, when it is through.
class KeptPages {
  public:
    KeptPages(TestIndex& index, const std::vector<uint32_t>& blocks) : index_(index) {
        for (const uint32_t block : blocks)
            kept_[block].assign(payload(block), payload(block) + page_payload_size);
    }
    ~KeptPages() {
        for (const auto& [block, bytes] : kept_) std::copy(bytes.begin(), bytes.end(), payload(block));
    }
    KeptPages(const KeptPages&) = delete;
    KeptPages& operator=(const KeptPages&) = delete;

  private:
    uint8_t* payload(uint32_t block) { return const_cast<uint8_t*>(index_.store().payload(block)); }

    TestIndex& index_;
    std::map<uint32_t, std::vector<uint8_t>> kept_;
};

// The k nearest rows, and the distance of the k-th.
inline double kth_distance(const Data& data, Metric metric, const float* query, size_t k) {
    std::vector<double> distances(data.rows());
    for (size_t i = 0; i < data.rows(); ++i)
        distances[i] = true_distance(metric, query, data.row(i), data.dims);
    std::nth_element(distances.begin(), distances.begin() + (k - 1), distances.end());
    return distances[k - 1];
}

// Share of the k rows returned that are among the k nearest (ties count).
inline double recall(TestIndex& index, const Data& data, const Data& queries, size_t k,
                     const ScanOptions& options) {
    const Metric metric = index.options().metric;
    size_t hits = 0;
    for (size_t q = 0; q < queries.rows(); ++q) {
        const double bound = kth_distance(data, metric, queries.row(q), k);
        for (size_t row : index.scan(queries.row(q), k, options, &data))
            hits += true_distance(metric, queries.row(q), data.row(row), data.dims) <=
                    bound + 1e-6 * std::fabs(bound);
    }
    return static_cast<double>(hits) / static_cast<double>(k * queries.rows());
}

}  // namespace vecstore::core
