// Every metric and kind of vector: built, inserted, searched, vacuumed and checked, against brute force.
#include <map>

#include <gtest/gtest.h>

#include "core/hnsw/write/vacuum.hpp"
#include "hnsw_graph.hpp"

namespace vecstore::core {
namespace {

// Rows of one kind, drawn from clusters that overlap, with their distances in double arithmetic.
class Rows {
  public:
    Rows(VectorKind kind, uint32_t dims) : kind_(kind), dims_(dims) {}

    size_t rows() const { return dense_.size() + bits_.size() + sparse_.size(); }
    uint32_t dims() const { return dims_; }

    RawVector row(size_t i) const {
        switch (kind_) {
            case VectorKind::bit: return RawVector::of_bits(bits_[i].data());
            case VectorKind::sparsevec: {
                const Sparse& s = sparse_[i];
                return RawVector::of_sparse(s.indices.data(), s.values.data(),
                                            static_cast<uint32_t>(s.indices.size()));
            }
            default: return dense_[i].data();
        }
    }

    double distance(Metric metric, size_t i, size_t j) const {
        switch (kind_) {
            case VectorKind::bit: return bit_distance(metric, bits_[i], bits_[j]);
            case VectorKind::sparsevec: return sparse_distance(metric, sparse_[i], sparse_[j]);
            default: return true_distance(metric, dense_[i].data(), dense_[j].data(), dims_);
        }
    }

    // Halves where the kind is halfvec.
    void add_dense(std::vector<float> x) {
        if (kind_ == VectorKind::halfvec)
            for (float& v : x) v = f16_to_float(f16_from_float(v));
        dense_.push_back(std::move(x));
    }
    void add_bits(const std::vector<float>& x) {
        std::vector<uint8_t> bits((dims_ + 7) / 8);
        for (size_t i = 0; i < x.size(); ++i) bits[i / 8] |= static_cast<uint8_t>((x[i] > 0) << (7 - i % 8));
        bits_.push_back(std::move(bits));
    }
    void add_sparse(const std::map<int32_t, float>& elements) {
        Sparse s;
        for (const auto& [index, value] : elements) {
            s.indices.push_back(index);
            s.values.push_back(value);
        }
        sparse_.push_back(std::move(s));
    }

  private:
    struct Sparse {
        std::vector<int32_t> indices;
        std::vector<float> values;
    };

    static double bit_distance(Metric metric, const std::vector<uint8_t>& a, const std::vector<uint8_t>& b) {
        int differ = 0, both = 0, either = 0;
        for (size_t i = 0; i < a.size(); ++i) {
            differ += __builtin_popcount(a[i] ^ b[i]);
            both += __builtin_popcount(a[i] & b[i]);
            either += __builtin_popcount(a[i] | b[i]);
        }
        if (metric == Metric::hamming) return differ;
        return both == 0 ? 1 : 1 - both / static_cast<double>(either);
    }

    static double sparse_distance(Metric metric, const Sparse& a, const Sparse& b) {
        std::map<int32_t, std::pair<float, float>> all;
        for (size_t i = 0; i < a.indices.size(); ++i) all[a.indices[i]].first = a.values[i];
        for (size_t i = 0; i < b.indices.size(); ++i) all[b.indices[i]].second = b.values[i];
        std::vector<float> x, y;
        for (const auto& [index, pair] : all) {
            x.push_back(pair.first);
            y.push_back(pair.second);
        }
        return true_distance(metric, x.data(), y.data(), x.size());
    }

    VectorKind kind_;
    uint32_t dims_;
    std::vector<std::vector<float>> dense_;
    std::vector<std::vector<uint8_t>> bits_;
    std::vector<Sparse> sparse_;
};

// A random linear map of few latent dimensions around cluster centers, and a little noise.
class LatentRows {
  public:
    LatentRows(size_t dims, uint32_t seed) : random_(seed), map_(latent * dims), dims_(dims) {
        for (float& x : map_) x = normal_(random_);
        for (float& x : centers_) x = normal_(random_);
    }
    std::vector<float> next(float length = 1) {
        const size_t center = random_() % clusters;
        float z[latent];
        for (size_t k = 0; k < latent; ++k) z[k] = centers_[center * latent + k] + 0.7f * normal_(random_);
        std::vector<float> x(dims_);
        for (size_t k = 0; k < latent; ++k)
            for (size_t i = 0; i < dims_; ++i) x[i] += z[k] * map_[k * dims_ + i];
        for (float& v : x) v = length * (v + 0.3f * normal_(random_));
        return x;
    }
    std::mt19937& random() { return random_; }

  private:
    static constexpr size_t latent = 12, clusters = 20;
    std::mt19937 random_;
    std::normal_distribution<float> normal_;
    std::vector<float> map_;
    float centers_[latent * clusters];
    size_t dims_;
};

// Like documents: words of a few topics, weights that fall off. `most` elements at most.
Rows documents(size_t rows, uint32_t dims, size_t most, uint32_t seed) {
    Rows data(VectorKind::sparsevec, dims);
    std::mt19937 random(seed);
    std::exponential_distribution<float> weight(1);
    constexpr size_t topics = 30;
    const size_t words = most * 3 / 2;
    for (size_t i = 0; i < rows; ++i) {
        std::map<int32_t, float> elements;
        const size_t topic = random() % topics, other = random() % topics;
        for (size_t k = 0; k < most; ++k) {
            const size_t from = random() % 4 == 0 ? other : topic;
            // The topic's words are spread over all dimensions.
            const uint64_t word = (from * words + random() % words) * 2654435761u % dims;
            elements[static_cast<int32_t>(word)] = 0.05f + weight(random);
        }
        data.add_sparse(elements);
    }
    return data;
}

struct Shape {
    const char* name;
    VectorKind kind;
    Metric metric;
    uint32_t dims;
    StorageMode mode = StorageMode::plain;
    size_t rows = 1200;
    uint32_t sparse_elements = 0;  // room for so many
    bool unequal = false;          // vectors' lengths differ
};

std::ostream& operator<<(std::ostream& out, const Shape& shape) { return out << shape.name; }

constexpr size_t queries = 40;  // the last rows

Rows rows_of(const Shape& shape, uint32_t seed = 5) {
    const size_t count = shape.rows + queries;
    if (shape.kind == VectorKind::sparsevec) return documents(count, shape.dims, 60, seed);
    Rows data(shape.kind, shape.dims);
    LatentRows latent(shape.dims, seed);
    for (size_t i = 0; i < count; ++i) {
        const float length = shape.unequal ? 0.2f + static_cast<float>(latent.random()() % 100) / 50 : 1;
        if (shape.kind == VectorKind::bit)
            data.add_bits(latent.next());
        else
            data.add_dense(latent.next(length));
    }
    return data;
}

class Kinds : public testing::TestWithParam<Shape> {
  protected:
    const Shape& shape() const { return GetParam(); }

    std::unique_ptr<TestIndex> empty_index() const {
        IndexOptions options;
        options.metric = shape().metric;
        options.mode = shape().mode;
        options.kind = shape().kind;
        options.sparse_elements = shape().sparse_elements;
        return std::make_unique<TestIndex>(shape().dims, options);
    }

    // Without the queries.
    struct Indexed {
        const Rows& data;
        size_t count;
        size_t rows() const { return count; }
        RawVector row(size_t i) const { return data.row(i); }
    };
    Indexed indexed(const Rows& data) const { return {data, shape().rows}; }

    double slack(double distance) const { return 1e-5 * std::fabs(distance) + 1e-9; }

    using IsDead = std::function<bool(size_t)>;

    // recall@10 over all queries; and what comes is in order, and is what it should be.
    double recall(
        TestIndex& index, const Rows& data, const IsDead& is_dead = [](size_t) { return false; }) const {
        size_t hits = 0;
        for (size_t q = shape().rows; q < shape().rows + queries; ++q) {
            std::vector<double> distances;
            for (size_t i = 0; i < shape().rows; ++i)
                if (!is_dead(i)) distances.push_back(data.distance(shape().metric, q, i));
            std::nth_element(distances.begin(), distances.begin() + 9, distances.end());
            const double bound = distances[9] + slack(distances[9]);
            double last = -INFINITY;
            const auto found = index.scan_for(data.row(q), 10, {},
                                              [&](size_t i) { return data.distance(shape().metric, q, i); });
            EXPECT_EQ(found.size(), 10u);
            for (const size_t i : found) {
                const double distance = data.distance(shape().metric, q, i);
                EXPECT_FALSE(is_dead(i)) << i;
                EXPECT_GE(distance, last - slack(last)) << "query " << q;
                last = distance;
                hits += distance <= bound;
            }
        }
        return static_cast<double>(hits) / (10 * queries);
    }

    void vacuum(TestIndex& index, const IsDead& is_dead) const {
        InsertMemory memory;
        Vacuum<MemStore> vacuum(index.store(), index.encoder(), index.options().ef_construction, memory);
        vacuum.run([&](const HeapTid& tid) { return is_dead(TestIndex::row_of(tid)); });
    }

    void expect_clean(
        TestIndex& index, const Rows& data, const IsDead& is_dead = [](size_t) { return false; }) const {
        const auto checked = index.check(true, [&](GraphCheck<MemStore>& check) {
            for (size_t i = 0; i < shape().rows; ++i)
                if (!is_dead(i)) check.require_row(TestIndex::tid_of(i), data.row(i));
        });
        EXPECT_TRUE(checked.problems.empty()) << checked.all();
    }
};

INSTANTIATE_TEST_SUITE_P(
    All, Kinds,
    testing::Values(
        Shape{"VectorL1", VectorKind::vector, Metric::l1, 64},
        Shape{"VectorL1Long", VectorKind::vector, Metric::l1, 5000, StorageMode::plain, 250},
        Shape{"VectorL1Longest", VectorKind::vector, Metric::l1, 16000, StorageMode::plain, 150},
        Shape{"HalfvecL2", VectorKind::halfvec, Metric::l2, 100},
        Shape{"HalfvecL2Coded", VectorKind::halfvec, Metric::l2, 384, StorageMode::coded},
        Shape{"HalfvecProduct", VectorKind::halfvec, Metric::inner_product, 100, StorageMode::plain, 1200, 0,
              true},
        Shape{"HalfvecCosineCoded", VectorKind::halfvec, Metric::cosine, 384, StorageMode::coded},
        Shape{"HalfvecL1", VectorKind::halfvec, Metric::l1, 100},
        Shape{"Int8Product", VectorKind::vector, Metric::inner_product, 5000, StorageMode::plain, 250, 0,
              true},
        Shape{"PlanesProduct", VectorKind::vector, Metric::inner_product, 16000, StorageMode::plain, 150, 0,
              true},
        Shape{"PlanesL2", VectorKind::vector, Metric::l2, 8000, StorageMode::coded, 300},
        Shape{"PlanesL2Longest", VectorKind::vector, Metric::l2, 16000, StorageMode::coded, 250},
        Shape{"PlanesCosine", VectorKind::halfvec, Metric::cosine, 12000, StorageMode::coded, 250, 0, true},
        Shape{"BitHamming", VectorKind::bit, Metric::hamming, 768},
        Shape{"BitHammingOdd", VectorKind::bit, Metric::hamming, 77},
        Shape{"BitJaccard", VectorKind::bit, Metric::jaccard, 1000},
        Shape{"BitHammingCut", VectorKind::bit, Metric::hamming, 64000, StorageMode::plain, 200},
        Shape{"BitHammingCoded", VectorKind::bit, Metric::hamming, 768, StorageMode::coded_bits},
        Shape{"BitHammingOddCoded", VectorKind::bit, Metric::hamming, 77, StorageMode::coded_bits},
        Shape{"BitHammingFewCoded", VectorKind::bit, Metric::hamming, 31, StorageMode::coded_bits},
        Shape{"BitJaccardCoded", VectorKind::bit, Metric::jaccard, 1000, StorageMode::coded_bits},
        Shape{"BitHammingSampled", VectorKind::bit, Metric::hamming, 10000, StorageMode::coded_bits, 600},
        Shape{"BitJaccardSampled", VectorKind::bit, Metric::jaccard, 10000, StorageMode::coded_bits, 600},
        Shape{"BitHammingCutCoded", VectorKind::bit, Metric::hamming, 64000, StorageMode::coded_bits, 200},
        Shape{"BitJaccardCutCoded", VectorKind::bit, Metric::jaccard, 64000, StorageMode::coded_bits, 200},
        Shape{"BitJaccardCut", VectorKind::bit, Metric::jaccard, 64000, StorageMode::plain, 200},
        Shape{"SparseL2", VectorKind::sparsevec, Metric::l2, 30000, StorageMode::plain, 1200, 60},
        Shape{"SparseProduct", VectorKind::sparsevec, Metric::inner_product, 30000, StorageMode::plain, 1200,
              60},
        Shape{"SparseCosine", VectorKind::sparsevec, Metric::cosine, 1000000000, StorageMode::plain, 1200,
              60},
        Shape{"SparseL1", VectorKind::sparsevec, Metric::l1, 30000, StorageMode::plain, 1200, 60},
        Shape{"SparseL2Cut", VectorKind::sparsevec, Metric::l2, 30000, StorageMode::plain, 1200, 25},
        Shape{"SparseProductCut", VectorKind::sparsevec, Metric::inner_product, 30000, StorageMode::plain,
              1200, 25},
        Shape{"SparseL1Cut", VectorKind::sparsevec, Metric::l1, 30000, StorageMode::plain, 1200, 25}),
    [](const auto& info) { return info.param.name; });

TEST_P(Kinds, BuiltHasRecall) {
    const Rows data = rows_of(shape());
    const auto index = empty_index();
    index->build(indexed(data), 2);
    expect_clean(*index, data);
    const double found = recall(*index, data);
    RecordProperty("recall", std::to_string(found));
    EXPECT_GE(found, 0.95);
}

TEST_P(Kinds, InsertedVacuumedAndInsertedAgainHasRecall) {
    const Rows data = rows_of(shape(), 6);
    const auto index = empty_index();
    index->insert(indexed(data));
    expect_clean(*index, data);
    EXPECT_GE(recall(*index, data), 0.95);

    const IsDead is_dead = [](size_t row) { return row % 2 == 0; };
    vacuum(*index, is_dead);
    expect_clean(*index, data, is_dead);
    EXPECT_GE(recall(*index, data, is_dead), 0.95);

    InsertMemory memory;
    for (size_t i = 0; i < shape().rows; i += 2) index->insert(data.row(i), i, memory);
    expect_clean(*index, data);
    EXPECT_GE(recall(*index, data), 0.95);
}

TEST_P(Kinds, EqualVectorsShareANode) {
    const Rows data = rows_of(shape(), 7);
    const auto index = empty_index();
    InsertMemory memory;
    const size_t different = 60, copies = 5;
    for (size_t i = 0; i < different * copies; ++i) index->insert(data.row(i % different), i, memory);
    EXPECT_EQ(index->check().problems, std::vector<std::string>());
    // (The negative inner product does not find equal vectors near each other; it tries a few.)
    const size_t nodes = index->nodes().size();
    if (shape().metric == Metric::inner_product)
        EXPECT_LE(nodes, different * copies);
    else
        EXPECT_EQ(nodes, different);
    const auto all = index->scan_for(data.row(0), different * copies, {}, [&](size_t i) {
        return data.distance(shape().metric, 0, i % different);
    });
    EXPECT_EQ(std::set<size_t>(all.begin(), all.end()).size(), different * copies);
}

TEST_P(Kinds, AQueryWithoutAnOrderReturnsAllRows) {
    const Rows data = rows_of(shape(), 8);
    const auto index = empty_index();
    InsertMemory memory;
    const size_t count = std::min<size_t>(200, data.rows());
    for (size_t i = 0; i < count; ++i) index->insert(data.row(i), i, memory);
    Query query;
    EXPECT_FALSE(query.prepare_scan(index->encoder(), nullptr));
    ScanMemory search;
    ScanOptions options;
    options.strict_order = false;
    OrderedScan<MemStore> scan(index->store(), index->encoder(), query, search, options);
    std::set<size_t> rows;
    HeapTid tid;
    const auto rerank = [](const HeapTid&) -> Reranked {
        throw std::logic_error("there is nothing to rerank");
    };
    while (scan.next(rerank, tid)) rows.insert(TestIndex::row_of(tid));
    EXPECT_EQ(rows.size(), count);
}

// Faults that the check must notice.
TEST_P(Kinds, CheckFindsADamagedVector) {
    const Rows data = rows_of(shape(), 9);
    const auto index = empty_index();
    InsertMemory memory;
    for (size_t i = 0; i < 100; ++i) index->insert(data.row(i), i, memory);
    const Link link = index->nodes()[50];
    const Node node = index->node(link);
    if (shape().kind == VectorKind::sparsevec) {
        const uint32_t impossible = 100000;
        std::memcpy(node.own(), &impossible, sizeof(impossible));
    } else {
        for (size_t i = 0; i < index->layout().own_bytes() / 2; ++i) node.own()[i] ^= 0x1b;
    }
    EXPECT_FALSE(index->check().problems.empty());
    EXPECT_TRUE(index->check(false).problems.empty());  // too much to ask of a quick look
}

TEST(Kinds, KeysOfBitStringsNeedNoTable) {
    for (const Metric metric : {Metric::hamming, Metric::jaccard}) {
        const Shape shape{"", VectorKind::bit, metric, 500, StorageMode::plain, 500};
        const Rows data = rows_of(shape);
        IndexOptions options;
        options.metric = metric;
        options.mode = StorageMode::plain;
        options.kind = VectorKind::bit;
        TestIndex index(500, options);
        index.insert(data);
        index.scan_for(data.row(3), 50, {}, [&](size_t i) { return data.distance(metric, 3, i); });
        EXPECT_EQ(index.reranked(), 0u);
        // Each distance is the operator's result, to the last bit.
        Query query;
        query.prepare(index.encoder(), data.row(3));
        for (const Link& link : index.nodes()) {
            const ConstNode node(index.layout(), index.node(link).data());
            const DistanceBounds bounds = query.distance_bounds(query.distance(node), node.head());
            const double expected = data.distance(metric, 3, TestIndex::row_of(node.head().tids[0]));
            EXPECT_EQ(bounds.low, expected);
            EXPECT_EQ(bounds.high, expected);
        }
    }
}

// Two that differ only in what is not stored share a node, and are told apart by the table.
TEST(Kinds, BitsBeyondThoseStoredAreReranked) {
    IndexOptions options;
    options.metric = Metric::hamming;
    options.mode = StorageMode::plain;
    options.kind = VectorKind::bit;
    TestIndex index(64000, options);
    std::vector<uint8_t> a(8000, 0), b = a;
    b.back() = 0xff;
    InsertMemory memory;
    index.insert(RawVector::of_bits(a.data()), 0, memory);
    index.insert(RawVector::of_bits(b.data()), 1, memory);
    EXPECT_EQ(index.nodes().size(), 1u);
    const auto nearest = [&](const std::vector<uint8_t>& query, double to_a) {
        return index.scan_for(RawVector::of_bits(query.data()), 2, {},
                              [&](size_t i) { return i == 0 ? to_a : 8 - to_a; });
    };
    EXPECT_EQ(nearest(a, 0), (std::vector<size_t>{0, 1}));
    EXPECT_EQ(nearest(b, 8), (std::vector<size_t>{1, 0}));
}

// Strings without a bit set: all others, and each other, are at distance 1.
TEST(Kinds, EmptyBitStringsAreFoundByJaccard) {
    IndexOptions options;
    options.metric = Metric::jaccard;
    options.mode = StorageMode::plain;
    options.kind = VectorKind::bit;
    TestIndex index(64, options);
    InsertMemory memory;
    std::vector<uint8_t> bits(8, 0);
    for (size_t i = 0; i < 10; ++i) index.insert(RawVector::of_bits(bits.data()), i, memory);
    bits[3] = 0x11;
    index.insert(RawVector::of_bits(bits.data()), 10, memory);
    EXPECT_EQ(index.nodes().size(), 2u);
    EXPECT_TRUE(index.check().problems.empty());
    const auto found = index.scan_for(RawVector::of_bits(bits.data()), 100, {},
                                      [](size_t i) { return i == 10 ? 0.0 : 1.0; });
    ASSERT_EQ(found.size(), 11u);
    EXPECT_EQ(found[0], 10u);
}

TEST(Kinds, ZeroVectorsAreNotIndexedForCosineOnly) {
    const std::vector<float> zero(10, 0.0f);
    for (const Metric metric : {Metric::l2, Metric::inner_product, Metric::cosine, Metric::l1}) {
        const bool wanted = metric != Metric::cosine;
        const VectorEncoder sparse(
            choose_geometry({10, metric, StorageMode::plain, false, 16, VectorKind::sparsevec, 10}), 1, {});
        EXPECT_EQ(
            sparse.indexable(RawVector::of_sparse(reinterpret_cast<const int32_t*>(&zero), zero.data(), 0)),
            wanted);
        const VectorEncoder half(
            choose_geometry({10, metric, StorageMode::plain, false, 16, VectorKind::halfvec}), 1, {});
        EXPECT_EQ(half.indexable(zero.data()), wanted);
    }
}

}  // namespace
}  // namespace vecstore::core
