// Columns to filter by: scans under conditions against brute force.
#include <map>

#include <gtest/gtest.h>

#include "core/hnsw/write/vacuum.hpp"
#include "filter_conditions.hpp"

namespace vecstore::core {
namespace {

struct Shape {
    const char* name;
    uint32_t dims;
    StorageMode mode;
    Metric metric = Metric::l2;
    bool compact = false;
    VectorKind kind = VectorKind::vector;
    size_t rows = 2000;
};

void PrintTo(const Shape& shape, std::ostream* out) { *out << shape.name; }

// Rows of one kind, with their distances in double arithmetic.
class Corpus {
  public:
    Corpus(const Shape& shape, size_t rows, uint32_t seed)
        : shape_(shape), data_(latent_data(rows, shape.dims, seed)) {
        for (size_t i = 0; i < rows; ++i) {
            float* const x = &data_.values[i * shape.dims];
            if (shape.kind == VectorKind::bit) bits_.emplace_back((shape.dims + 7) / 8);
            if (shape.kind == VectorKind::sparsevec) indices_.emplace_back(), values_.emplace_back();
            for (uint32_t j = 0; j < shape.dims; ++j) {
                if (shape.kind == VectorKind::bit) {
                    bits_[i][j / 8] |= static_cast<uint8_t>((x[j] > 0) << (7 - j % 8));
                    x[j] = x[j] > 0;
                } else if (shape.kind == VectorKind::sparsevec) {
                    if (x[j] < 5) x[j] = 0;
                    if (x[j] == 0) continue;
                    indices_[i].push_back(static_cast<int32_t>(j));
                    values_[i].push_back(x[j]);
                }
            }
        }
    }

    size_t rows() const { return data_.rows(); }

    RawVector row(size_t i) const {
        switch (shape_.kind) {
            case VectorKind::bit: return RawVector::of_bits(bits_[i].data());
            case VectorKind::sparsevec:
                return RawVector::of_sparse(indices_[i].data(), values_[i].data(),
                                            static_cast<uint32_t>(indices_[i].size()));
            default: return data_.row(i);
        }
    }
    double key(size_t i, size_t j) const {
        return shape_.metric == Metric::hamming
                   ? true_distance(Metric::l1, data_.row(i), data_.row(j), data_.dims)
                   : true_distance(shape_.metric, data_.row(i), data_.row(j), data_.dims);
    }

  private:
    Shape shape_;
    Data data_;
    std::vector<std::vector<uint8_t>> bits_;
    std::vector<std::vector<int32_t>> indices_;
    std::vector<std::vector<float>> values_;
};

constexpr size_t queries = 60;  // the last rows
enum Column : uint16_t { uncorrelated, correlated, few_values, tags, columns };

// An index of a corpus without its queries, with columns of all sorts.
class Filtered : public testing::TestWithParam<Shape> {
  protected:
    void make(const Shape& shape, uint32_t seed = 1) {
        shape_ = shape;
        corpus_ = std::make_unique<Corpus>(shape, shape.rows + queries, seed);
        // How near each row is to row 0: its rank.
        std::vector<size_t> order(shape.rows);
        for (size_t i = 0; i < shape.rows; ++i) order[i] = i;
        std::vector<double> from_anchor(corpus_->rows());
        for (size_t i = 0; i < corpus_->rows(); ++i) from_anchor[i] = corpus_->key(0, i);
        std::sort(order.begin(), order.end(),
                  [&](size_t a, size_t b) { return from_anchor[a] < from_anchor[b]; });
        rank_.resize(shape.rows);
        for (size_t i = 0; i < shape.rows; ++i) rank_[order[i]] = i;
        for (size_t q = shape.rows; q < corpus_->rows(); ++q) near_anchor_.push_back(q);
        std::sort(near_anchor_.begin(), near_anchor_.end(),
                  [&](size_t a, size_t b) { return from_anchor[a] < from_anchor[b]; });
        for (size_t row = 0; row < shape.rows; ++row)
            for (size_t c = 0; c < columns; ++c) keys_.push_back(drawn_key(row, c));
        index_ = std::make_unique<TestIndex>(shape.dims, options());
    }
    void SetUp() override { make(GetParam()); }

    IndexOptions options() const {
        IndexOptions options;
        options.metric = shape_.metric;
        options.mode = shape_.mode;
        options.compact = shape_.compact;
        options.kind = shape_.kind;
        options.sparse_elements = 40;
        options.filter_columns = columns;
        options.filter_key = [this](size_t row, size_t column) { return key_of(row, column); };
        return options;
    }
    FilterKey key_of(size_t row, size_t column) const { return keys_[row * columns + column]; }
    FilterKey drawn_key(size_t row, size_t column) const {
        std::mt19937_64 random(row + 1);
        random.discard(3);
        switch (column) {
            case uncorrelated: return 1 + random() % 10000;
            case correlated: return 1 + rank_[row];
            case few_values: return row % 7;
            default:
                return uint64_t{1} << (random() % 20) | uint64_t{1} << (random() % 20) | uint64_t{1} << 63;
        }
    }
    std::vector<FilterKey> keys_of_row(size_t row) const {
        return {keys_.begin() + static_cast<std::ptrdiff_t>(row * columns),
                keys_.begin() + static_cast<std::ptrdiff_t>((row + 1) * columns)};
    }

    struct Indexed {
        const Corpus& corpus;
        size_t count;
        size_t rows() const { return count; }
        RawVector row(size_t i) const { return corpus.row(i); }
    };
    Indexed indexed() const { return {*corpus_, shape_.rows}; }

    double distance(size_t query, size_t row) {
        std::vector<double>& known = distances_[query];
        if (known.empty())
            for (size_t i = 0; i < shape_.rows; ++i) known.push_back(corpus_->key(query, i));
        return known[row];
    }
    double slack(double key) const { return 1e-5 * std::fabs(key) + 1e-9; }

    using Conditions = std::vector<FilterCondition>;
    using IsThere = std::function<bool(size_t)>;
    static bool all_there(size_t) { return true; }

    // The rows that meet all conditions, nearest first.
    std::vector<size_t> matching(const Conditions& conditions, size_t query,
                                 const IsThere& is_there = all_there) {
        std::vector<std::pair<double, size_t>> found;
        for (size_t i = 0; i < shape_.rows; ++i)
            if (is_there(i) && meet_all(conditions, keys_of_row(i))) found.push_back({distance(query, i), i});
        std::sort(found.begin(), found.end());
        std::vector<size_t> rows;
        for (const auto& f : found) rows.push_back(f.second);
        return rows;
    }

    std::vector<size_t> scan(const Conditions& conditions, size_t query, size_t limit,
                             ScanOptions options = {}) {
        RowFilter filter = filter_of(conditions);
        if (!conditions.empty()) options.filter = &filter;
        return index_->scan_for(corpus_->row(query), limit, options,
                                [&](size_t i) { return distance(query, i); });
    }

    // Rows that pass, each once, in order; but for those that were found too late to be in order, which come
    // last. A scan that does not go on to the end has none.
    void expect_sound(const std::vector<size_t>& rows, const Conditions& conditions, size_t query,
                      size_t most_late = 0) {
        double last = -INFINITY;
        std::set<size_t> seen;
        size_t late = 0;
        for (const size_t row : rows) {
            ASSERT_TRUE(meet_all(conditions, keys_of_row(row))) << "row " << row << " does not pass";
            ASSERT_TRUE(seen.insert(row).second) << "row " << row << " came twice";
            const double key = distance(query, row);
            late += late > 0 || key < last - slack(last);
            last = key;
        }
        ASSERT_LE(late, most_late) << "of " << rows.size() << " rows";
    }

    // Share of the ten nearest that are among the first ten; and what comes is what should.
    double recall(const Conditions& conditions, const std::vector<size_t>& asked,
                  const IsThere& is_there = all_there) {
        size_t hits = 0, all = 0;
        for (const size_t query : asked) {
            const auto wanted = matching(conditions, query, is_there);
            const size_t k = std::min<size_t>(10, wanted.size());
            const auto found = scan(conditions, query, 10);
            expect_sound(found, conditions, query);
            EXPECT_EQ(found.size(), k) << wanted.size() << " rows match";
            all += k;
            if (k == 0) continue;
            const double bound = distance(query, wanted[k - 1]);
            for (const size_t row : found) {
                EXPECT_TRUE(is_there(row)) << row;
                hits += distance(query, row) <= bound + slack(bound);
            }
        }
        return all == 0 ? 1 : static_cast<double>(hits) / static_cast<double>(all);
    }

    // Asked for more than there is.
    void expect_all(const Conditions& conditions, size_t query, const IsThere& is_there = all_there) {
        const auto wanted = matching(conditions, query, is_there);
        const auto found = scan(conditions, query, SIZE_MAX);
        EXPECT_EQ(std::set<size_t>(found.begin(), found.end()),
                  std::set<size_t>(wanted.begin(), wanted.end()));
        EXPECT_EQ(found.size(), wanted.size());
    }

    std::vector<size_t> any_queries(size_t count) const {
        std::vector<size_t> asked;
        for (size_t q = 0; q < count; ++q) asked.push_back(shape_.rows + q);
        return asked;
    }
    std::vector<size_t> queries_near_anchor(size_t count) const {
        return {near_anchor_.begin(), near_anchor_.begin() + static_cast<std::ptrdiff_t>(count)};
    }

    struct Case {
        std::string name;
        Conditions conditions;
        std::vector<size_t> asked;
    };
    std::vector<Case> cases() const {
        const size_t n = shape_.rows;
        std::vector<Case> all;
        for (const double share : {1.0, 0.5, 0.1, 0.01, 0.001}) {
            const auto some = std::max<FilterKey>(1, static_cast<FilterKey>(share * 10000));
            const auto many = std::max<FilterKey>(1, static_cast<FilterKey>(share * static_cast<double>(n)));
            const std::string name = "share " + std::to_string(share);
            all.push_back({name, {range(uncorrelated, 1, some)}, any_queries(20)});
            all.push_back({name + ", near the query", {range(correlated, 1, many)}, queries_near_anchor(20)});
            all.push_back({name + ", far from the query",
                           {range(correlated, n - many + 1, n)},
                           queries_near_anchor(20)});
        }
        all.push_back({"few values", {keys_of(few_values, Kind::among, {2, 5})}, any_queries(20)});
        all.push_back({"tags", {keys_of(tags, Kind::bits, {1u << 3, 1u << 7 | 1u << 8})}, any_queries(20)});
        all.push_back({"three columns",
                       {range(uncorrelated, 1, 3000), range(correlated, 1, n / 2),
                        keys_of(few_values, Kind::among, {0, 1, 2, 3})},
                       any_queries(20)});
        all.push_back({"nothing", {keys_of(few_values, Kind::among, {9})}, any_queries(5)});
        return all;
    }

    Shape shape_{};
    std::unique_ptr<Corpus> corpus_;
    std::vector<size_t> rank_, near_anchor_;
    std::vector<FilterKey> keys_;
    std::map<size_t, std::vector<double>> distances_;
    std::unique_ptr<TestIndex> index_;
};

INSTANTIATE_TEST_SUITE_P(
    All, Filtered,
    testing::Values(Shape{"Plain", 16, StorageMode::plain},
                    Shape{"PlainCosine", 64, StorageMode::plain, Metric::cosine},
                    Shape{"Coded", 256, StorageMode::coded},
                    Shape{"CodedCosine", 384, StorageMode::coded, Metric::cosine},
                    Shape{"Compact", 384, StorageMode::coded, Metric::l2, true},
                    Shape{"CutCodes", 3072, StorageMode::coded, Metric::l2, false, VectorKind::vector, 600},
                    Shape{"Halfvec", 200, StorageMode::coded, Metric::l2, false, VectorKind::halfvec},
                    Shape{"L1", 64, StorageMode::plain, Metric::l1},
                    Shape{"Bit", 300, StorageMode::plain, Metric::hamming, false, VectorKind::bit},
                    Shape{"BitCoded", 300, StorageMode::coded_bits, Metric::hamming, false, VectorKind::bit},
                    Shape{"Sparse", 300, StorageMode::plain, Metric::l2, false, VectorKind::sparsevec}),
    [](const auto& info) { return info.param.name; });

TEST_P(Filtered, BuiltHasRecallAndAllRows) {
    index_->build(indexed(), 2);
    expect_keys_of_rows(*index_);
    for (const Case& c : cases()) {
        SCOPED_TRACE(c.name);
        const double found = recall(c.conditions, c.asked);
        RecordProperty(c.name, std::to_string(found));
        EXPECT_GE(found, 0.95);
        expect_all(c.conditions, c.asked[0]);
        expect_all(c.conditions, c.asked[4]);
        if (HasFatalFailure()) return;
    }
}

TEST_P(Filtered, InsertedVacuumedAndInsertedAgain) {
    index_->insert(indexed());
    expect_keys_of_rows(*index_);
    const auto expect_good = [&](const char* when, const IsThere& is_there) {
        for (const Case& c : cases()) {
            SCOPED_TRACE(std::string(when) + ", " + c.name);
            EXPECT_GE(recall(c.conditions, c.asked, is_there), 0.95);
            expect_all(c.conditions, c.asked[0], is_there);
        }
    };
    expect_good("inserted", all_there);

    const IsThere is_left = [](size_t row) { return row % 3 == 0; };
    {
        InsertMemory memory;
        Vacuum<MemStore> vacuum(index_->store(), index_->encoder(), index_->options().ef_construction,
                                memory);
        vacuum.run([&](const HeapTid& tid) { return !is_left(TestIndex::row_of(tid)); });
    }
    expect_good("vacuumed", is_left);

    // The rest come back, last ones first: into slots that had other rows' keys.
    const uint32_t pages = index_->store().page_count();
    InsertMemory memory;
    for (size_t i = shape_.rows; i-- > 0;)
        if (!is_left(i)) index_->insert(corpus_->row(i), i, memory);
    EXPECT_LT(index_->store().page_count(), pages * 5 / 4) << "no slots were used again";
    expect_keys_of_rows(*index_);
    expect_good("inserted again", all_there);
    const auto checked = index_->check();
    EXPECT_TRUE(checked.problems.empty()) << checked.all();
}

// Scans that may not go on end after ef_search rows: all that pass, and in order.
// ------------------------------------------------------------------------------------------- plans

TEST(FilterPlan, IsNotMisledByChance) {
    const FilteredSearch search{200000, 600, 0.1, 40, true};
    const double usual = guide_width(search, search.share);
    // Of 250 seen 25 are expected; 16 are as few as one search in thirty meets.
    EXPECT_LT(guide_width(search, share_near(search.share, 16, 250)), 2 * usual);
    EXPECT_FALSE(plan_filter(search, share_near(search.share, 16, 250)).enumerate);
    // But it is led by what is certain.
    EXPECT_GT(guide_width(search, share_near(search.share, 2, 250)), 8 * usual);
    EXPECT_LT(guide_width(search, share_near(search.share, 900, 1000)), 0.2 * usual);
    EXPECT_TRUE(plan_filter(search, share_near(search.share, 0, 1000)).enumerate);
}

TEST_P(Filtered, WithoutIterationReturnsEfSearchRowsAtMost) {
    index_->build(indexed(), 2);
    for (const size_t ef_search : {1, 10, 40, 200})
        for (const Case& c : cases()) {
            SCOPED_TRACE(c.name + ", ef_search " + std::to_string(ef_search));
            ScanOptions options;
            options.ef_search = ef_search;
            options.iterative = false;
            const size_t query = c.asked[1];
            const size_t there = matching(c.conditions, query).size();
            const auto found = scan(c.conditions, query, SIZE_MAX, options);
            expect_sound(found, c.conditions, query);
            EXPECT_LE(found.size(), ef_search);
            // Conditions do not make it return fewer.
            EXPECT_GE(found.size(), std::min(ef_search, there) * 9 / 10);
        }
}

TEST_P(Filtered, EqualVectorsWithOtherKeysAreOtherNodes) {
    constexpr size_t different = 40, copies = 6;
    Corpus& corpus = *corpus_;
    IndexOptions own = options();
    own.filter_columns = 2;
    // Of six copies two each have the same keys.
    own.filter_key = [](size_t row, size_t column) { return column == 0 ? 1 + (row / different) % 3 : 7; };
    TestIndex index(shape_.dims, own);
    InsertMemory memory;
    for (size_t i = 0; i < different * copies; ++i) index.insert(corpus.row(i % different), i, memory);
    EXPECT_EQ(index.check().problems, std::vector<std::string>());
    EXPECT_EQ(index.nodes().size(), different * 3);
    expect_keys_of_rows(index);
    for (FilterKey wanted = 1; wanted <= 3; ++wanted) {
        const RowFilter filter = filter_of({range(0, wanted, wanted)});
        ScanOptions options;
        options.filter = &filter;
        const auto found = index.scan_for(corpus.row(3), SIZE_MAX, options,
                                          [&](size_t i) { return corpus.key(3, i % different); });
        EXPECT_EQ(std::set<size_t>(found.begin(), found.end()).size(), different * 2);
        ASSERT_EQ(found.size(), different * 2);
        for (const size_t row : found) EXPECT_EQ(own.filter_key(row, 0), wanted);
        for (size_t i = 0; i < 2; ++i) EXPECT_EQ(found[i] % different, 3u);
    }
}

// Rows of one vector and one key that do not fit into a node.
TEST_P(Filtered, ChainsOfRows) {
    index_->build(Indexed{*corpus_, 200}, 1);
    InsertMemory memory;
    IndexOptions own = options();
    own.filter_key = [](size_t row, size_t) { return row < 300 ? 5 : 6; };
    TestIndex index(shape_.dims, own);
    for (size_t i = 0; i < 300; ++i) index.insert(corpus_->row(i % 2), i, memory);
    for (size_t i = 300; i < 310; ++i) index.insert(corpus_->row(0), i, memory);
    for (const auto& [key, count] : {std::pair(5, 300u), std::pair(6, 10u)}) {
        const RowFilter filter = filter_of({range(0, key, key)});
        ScanOptions options;
        options.filter = &filter;
        const auto found = index.scan_for(corpus_->row(0), SIZE_MAX, options,
                                          [&](size_t i) { return corpus_->key(0, i < 300 ? i % 2 : 0); });
        EXPECT_EQ(std::set<size_t>(found.begin(), found.end()).size(), count);
        EXPECT_EQ(found.size(), count);
    }
}

// -------------------------------------------------------------------------------------------- distance
// limits

TEST_P(Filtered, EndsAtTheDistanceLimit) {
    index_->build(indexed(), 2);
    for (const Conditions& conditions :
         {Conditions{}, Conditions{range(uncorrelated, 1, 5000)}, Conditions{range(uncorrelated, 1, 200)},
          Conditions{range(correlated, 1, 300)}})
        for (const size_t query : any_queries(6)) {
            const auto wanted = matching(conditions, query);
            for (const size_t place : {size_t{0}, size_t{5}, wanted.size() / 2, wanted.size() - 1}) {
                ScanOptions options;
                const double limit = distance(query, wanted[place]);
                options.max_distance = limit + slack(limit);
                const auto within = [&](size_t row) { return distance(query, row) <= options.max_distance; };
                const auto count = static_cast<size_t>(std::count_if(wanted.begin(), wanted.end(), within));
                for (const bool exhaustive : {false, true}) {
                    SCOPED_TRACE(testing::Message() << wanted.size() << " rows, limit at " << place
                                                    << (exhaustive ? ", all" : ""));
                    options.exhaustive = exhaustive;
                    auto found = scan(conditions, query, SIZE_MAX, options);
                    const size_t returned = found.size();
                    found.erase(
                        std::remove_if(found.begin(), found.end(), [&](size_t row) { return !within(row); }),
                        found.end());
                    expect_sound(found, conditions, query, exhaustive ? 0 : found.size() / 5);
                    // Those of which the index does not know better.
                    EXPECT_LE(returned - found.size(), returned / 5 + 5);
                    EXPECT_LE(found.size(), count);
                    EXPECT_GE(found.size(), exhaustive ? count : count * 8 / 10);
                }
            }
        }
}

TEST_P(Filtered, ALimitThatNoRowIsWithin) {
    index_->build(indexed(), 2);
    const size_t query = shape_.rows;
    for (const bool exhaustive : {false, true}) {
        ScanOptions options;
        options.exhaustive = exhaustive;
        options.max_distance = -1e9;
        EXPECT_TRUE(scan({}, query, SIZE_MAX, options).empty());
        EXPECT_TRUE(scan({range(uncorrelated, 1, 5000)}, query, SIZE_MAX, options).empty());
    }
}

// -------------------------------------------------------------------------------------------- rows that are
// cut off

// Takes every link to these nodes away.
void cut_off(TestIndex& index, const std::set<uint64_t>& nodes) {
    for (int level = 0; level < 8; ++level)
        for (const Link& link : index.nodes(level)) {
            const OpenNode node = index.node(link);
            for (size_t i = 0; i < node.head().degree; ++i)
                if (nodes.count(index.layout().node_id(node.links()[i])) > 0) ++node.links()[i].generation;
            if (level > 0 && nodes.count(index.layout().node_id(node.head().down)) > 0)
                ++node.head().down.generation;
        }
}

TEST_P(Filtered, FindsRowsThatNothingLeadsTo) {
    index_->insert(indexed());
    const auto nodes = index_->nodes();
    std::set<uint64_t> lost;
    for (size_t i = 0; i < nodes.size(); i += 9) lost.insert(index_->layout().node_id(nodes[i]));
    cut_off(*index_, lost);
    const size_t query = shape_.rows + 3;
    const auto expect_everything = [&] {
        expect_all({}, query);
        for (const Case& c : cases()) {
            SCOPED_TRACE(c.name);
            expect_all(c.conditions, query);
            expect_all(c.conditions, c.asked[0]);
        }
    };
    expect_everything();
    // And where the entry point leads nowhere.
    ++index_->meta_in_place().entry_point.generation;
    expect_everything();
}

// But not for a scan that may not go on so far.
TEST_P(Filtered, StopsAtMostVisits) {
    index_->build(indexed(), 2);
    const size_t query = shape_.rows + 1;
    for (const Conditions& conditions : {Conditions{}, Conditions{range(uncorrelated, 1, 9000)}}) {
        size_t last = 0;
        for (const uint64_t most : {uint64_t{1}, uint64_t{200}, UINT64_MAX}) {
            ScanOptions options;
            options.max_visits = most;
            const auto found = scan(conditions, query, SIZE_MAX, options);
            expect_sound(found, conditions, query, found.size() / 5);
            EXPECT_GE(found.size(), 20u) << most;  // the first beam, at least
            EXPECT_GT(found.size(), last) << most;
            if (most < UINT64_MAX) {
                EXPECT_LE(found.size(), 400u) << most;
            }
            last = found.size();
        }
        EXPECT_EQ(last, matching(conditions, query).size());
    }
}

}  // namespace
}  // namespace vecstore::core
