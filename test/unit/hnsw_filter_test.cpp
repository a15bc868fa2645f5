// Columns to filter by: conditions on keys, where keys lie, and scans under conditions against brute force.
#include <map>

#include <gtest/gtest.h>

#include "core/hnsw/write/vacuum.hpp"
#include "hnsw_graph.hpp"

namespace vecstore::core {
namespace {

using Kind = FilterCondition::Kind;

FilterCondition keys_of(uint16_t column, Kind kind, std::vector<FilterKey> keys) {
    FilterCondition condition;
    condition.column = column;
    condition.kind = kind;
    std::sort(keys.begin(), keys.end());
    condition.keys = std::move(keys);
    return condition;
}

// The meaning of a condition, said once more.
bool meets(const FilterCondition& c, FilterKey key) {
    if (c.kind == Kind::range) return c.low <= key && key <= c.high;
    for (const FilterKey k : c.keys)
        if (c.kind == Kind::among ? key == k : (key & k) == k) return true;
    return false;
}

bool meet_all(const std::vector<FilterCondition>& conditions, const std::vector<FilterKey>& keys) {
    return std::all_of(conditions.begin(), conditions.end(),
                       [&](const FilterCondition& c) { return meets(c, keys[c.column]); });
}

// ------------------------------------------------------------------------------------------- conditions

// Keys that are small, or large, or anything, or the ends; sometimes those of another draw.
FilterKey random_key(std::mt19937_64& random) {
    switch (random() % 6) {
        case 0: return random() % 8;
        case 1: return ~FilterKey{0} - random() % 8;
        case 2: return (uint64_t{1} << 63) + random() % 8 - 4;
        case 3: return uint64_t{1} << (random() % 64);
        case 4: return random() & random() & random();
        default: return random();
    }
}

FilterCondition random_condition(std::mt19937_64& random, size_t columns,
                                 const std::vector<FilterKey>& page) {
    const auto column = static_cast<uint16_t>(random() % columns);
    const auto key = [&] { return random() % 2 == 0 ? page[random() % page.size()] : random_key(random); };
    const size_t kind = random() % 5;
    if (kind < 2) {
        FilterKey low = key(), high = key();
        if (low > high && random() % 8 != 0) std::swap(low, high);
        return range(column, low, random() % 4 == 0 ? low : high);
    }
    constexpr size_t lengths[] = {1, 2, 3, 16, 17, 300, 5000};
    std::vector<FilterKey> keys(lengths[random() % 7]);
    for (FilterKey& k : keys) k = key();
    return keys_of(column, kind < 4 ? Kind::among : Kind::bits, std::move(keys));
}

struct PageShape {
    uint32_t dims;
    uint16_t columns;
    uint16_t m;
};

NodeLayout layout_of(const PageShape& s) {
    return NodeLayout(choose_geometry(
        {s.dims, Metric::l2, StorageMode::coded, false, s.m, VectorKind::vector, 0, s.columns}));
}

TEST(Conditions, AreWhatTheySay) {
    std::mt19937_64 random(1);
    bool odd_groups = false;
    for (const PageShape& shape : {PageShape{768, 1, 16}, PageShape{768, 3, 16}, PageShape{96, 2, 16},
                                   PageShape{1536, 7, 16}, PageShape{64, 5, 2}, PageShape{3072, 31, 16}}) {
        const NodeLayout layout = layout_of(shape);
        const FilterLayout& filters = layout.filters();
        const size_t slots = filters.slots_per_group();
        odd_groups |= slots % 64 != 0;
        std::vector<uint64_t> payload(page_payload_size / 8);
        auto* const bytes = reinterpret_cast<uint8_t*>(payload.data());
        std::vector<FilterKey> page;
        for (size_t c = 0; c < shape.columns; ++c)
            for (size_t i = 0; i < slots; ++i)
                page.push_back(filters.column(bytes, c)[i] = random_key(random));
        size_t some = 0;
        for (int round = 0; round < 300; ++round) {
            std::vector<FilterCondition> conditions;
            for (size_t n = 1 + random() % 3; n > 0; --n)
                conditions.push_back(random_condition(random, shape.columns, page));
            const RowFilter filter = filter_of(conditions);
            EXPECT_FALSE(filter.empty());
            std::vector<uint64_t> bits((slots + 63) / 64, random());  // what was there before does not matter
            filter.test(filters, bytes, bits.data());
            size_t passed = 0;
            for (size_t i = 0; i < slots; ++i) {
                std::vector<FilterKey> keys(shape.columns);
                for (size_t c = 0; c < shape.columns; ++c) keys[c] = page[c * slots + i];
                const bool wanted = meet_all(conditions, keys);
                passed += wanted;
                ASSERT_EQ((bits[i / 64] >> (i % 64)) & 1, wanted) << "slot " << i << " of " << slots;
                ASSERT_EQ(filter.passes(keys.data()), wanted) << "slot " << i;
            }
            some += passed > 0 && passed < slots;
        }
        EXPECT_GT(some, 60u) << "the conditions are no test";
    }
    EXPECT_TRUE(odd_groups);
}

TEST(Conditions, ThatNoRowMeets) {
    const NodeLayout layout = layout_of({768, 1, 16});
    const FilterKey key = 5;
    std::vector<uint64_t> payload(page_payload_size / 8, key);
    const auto expect_none = [&](const RowFilter& filter) {
        EXPECT_TRUE(filter.never());
        EXPECT_FALSE(filter.empty());
        EXPECT_FALSE(filter.passes(&key));
        std::vector<uint64_t> bits((layout.filters().slots_per_group() + 63) / 64, ~uint64_t{0});
        filter.test(layout.filters(), reinterpret_cast<uint8_t*>(payload.data()), bits.data());
        for (const uint64_t word : bits) EXPECT_EQ(word, 0u);
    };
    expect_none(filter_of({range(0, 6, 5)}));
    expect_none(filter_of({range(0, 0, ~FilterKey{0}), keys_of(0, Kind::among, {})}));
    expect_none(filter_of({keys_of(0, Kind::bits, {})}));
    RowFilter never;
    EXPECT_TRUE(never.empty());
    EXPECT_TRUE(never.passes(&key));
    never.set_never();
    expect_none(never);
}

// ----------------------------------------------------------------------------------- where the entries lie

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

// Places on pages that are taken; none may be taken twice.
class Places {
  public:
    void take(uint32_t page, const uint8_t* payload, const void* at, size_t bytes) {
        const auto offset = static_cast<size_t>(static_cast<const uint8_t*>(at) - payload);
        ASSERT_GE(offset, sizeof(PageHead));
        ASSERT_LE(offset + bytes, page_payload_size);
        ASSERT_TRUE(taken_.emplace((uint64_t{page} << 16) + offset, bytes).second)
            << "page " << page << ", " << offset;
    }
    void expect_no_overlaps() const {
        uint64_t end = 0;
        for (const auto& [begin, bytes] : taken_) {
            ASSERT_GE(begin, end);
            end = begin + bytes;
        }
    }

  private:
    std::map<uint64_t, size_t> taken_;
};

// All slots of the first three groups.
void expect_own_entries(const FilterLayout& filters, size_t slots_per_page) {
    const std::vector<uint8_t> page(page_payload_size);
    const uint8_t* const payload = page.data();
    const uint32_t blocks = 1 + 3 * filters.blocks_per_group();
    EXPECT_EQ(filters.groups(1), 0u);
    EXPECT_EQ(filters.groups(2), 1u);
    EXPECT_EQ(filters.groups(blocks), 3u);
    EXPECT_EQ(filters.groups(blocks + 1), 4u);
    Places places;
    uint32_t nodes = 0;
    for (uint32_t block = 0; block < blocks; ++block) {
        if (filters.kind_of(block) != PageKind::unused || block == meta_block) continue;
        ++nodes;
        const uint32_t group = filters.group_of(block);
        ASSERT_LT(filters.page_of_keys(group), block);
        ASSERT_EQ(filters.kind_of(filters.page_of_keys(group)), PageKind::filters);
        for (size_t s = 0; s < slots_per_page; ++s) {
            const Link link{block, static_cast<uint8_t>(s), 0};
            const size_t index = filters.index_of(link);
            ASSERT_LT(index, filters.slots_per_group());
            ASSERT_EQ(filters.slot_at(group, index), link);
            for (size_t c = 0; c < filters.columns(); ++c)
                places.take(filters.page_of_keys(group), payload, filters.column(payload, c) + index,
                            sizeof(FilterKey));
            if (!filters.has_origin_codes()) continue;
            const uint32_t codes_page = filters.page_of_origin_code(group, index);
            ASSERT_EQ(filters.kind_of(codes_page), PageKind::origin_codes);
            ASSERT_LT(codes_page, block);
            ASSERT_EQ(filters.group_of(codes_page), group);
            places.take(codes_page, payload, filters.code(payload, index), filters.code_bytes());
            places.take(codes_page, payload, filters.factor(payload, index), factor_bytes);
        }
    }
    places.expect_no_overlaps();
    EXPECT_EQ(nodes, 3 * (filters.blocks_per_group() - filters.first_node_block()));
}

TEST(FilterLayout, GivesEverySlotItsOwnEntry) {
    size_t fit = 0, refused = 0;
    for (const uint32_t dims : {3, 16, 96, 128, 200, 384, 768, 1024, 1536, 2000, 3072, 4096, 8000, 16000})
        for (const StorageMode mode : {StorageMode::plain, StorageMode::coded})
            for (const uint16_t m : {2, 16, 32})
                for (uint16_t columns = 1; columns <= 31; ++columns) {
                    SCOPED_TRACE(testing::Message() << dims << " dimensions, "
                                                    << (mode == StorageMode::plain ? "plain" : "coded")
                                                    << ", m = " << m << ", " << columns << " columns");
                    try {
                        const NodeLayout layout(choose_geometry(
                            {dims, Metric::l2, mode, false, m, VectorKind::vector, 0, columns}));
                        EXPECT_EQ(layout.filters().columns(), columns);
                        EXPECT_EQ(layout.filters().has_origin_codes(), mode == StorageMode::coded);
                        expect_own_entries(layout.filters(), layout.slots_per_page());
                        ++fit;
                    } catch (const Error& e) {
                        EXPECT_EQ(e.code(), ErrorCode::limit_exceeded) << e.message();
                        if (e.message().find("further columns") == std::string::npos)
                            continue;  // too large without, too
                        EXPECT_GT(columns, 4) << e.message();
                        ++refused;
                    }
                    if (HasFatalFailure()) return;
                }
    EXPECT_GT(fit, 1000u);
    EXPECT_GT(refused, 10u);
}

TEST(FilterLayout, RefusesTooManyColumns) {
    try {
        choose_geometry({3, Metric::l2, StorageMode::plain, false, 16, VectorKind::vector, 0, 17});
        choose_geometry({3, Metric::l2, StorageMode::plain, false, 16, VectorKind::vector, 0, 31});
        FAIL() << "31 columns beside nodes of which there are dozens on a page";
    } catch (const Error& e) {
        EXPECT_EQ(e.code(), ErrorCode::limit_exceeded);
        EXPECT_EQ(e.message(), "an index on vectors of 3 dimensions cannot have 31 further columns");
        EXPECT_EQ(e.detail(), "With m = 16 and 20 nodes on a page it has room for 17.");
        EXPECT_NE(e.hint(), "");
    }
}

TEST(FilterLayout, WithoutColumnsThereIsNothing) {
    const NodeLayout layout = layout_of({768, 0, 16});
    EXPECT_EQ(layout.filters().columns(), 0u);
    for (uint32_t block = 0; block < 5000; ++block)
        ASSERT_EQ(layout.filters().kind_of(block), PageKind::unused);
}

// Keys of every node there is are those of its rows.
void expect_keys_of_rows(TestIndex& index) {
    size_t rows = 0;
    std::vector<FilterKey> keys(index.options().filter_columns);
    for (const Link& link : index.nodes()) {
        const NodeHead& head = index.node(link).head();
        if ((head.flags & node_dead) != 0) continue;
        ASSERT_TRUE(read_filter_keys(index.store(), index.layout(), link, keys.data()));
        for (size_t i = 0; i < head.tid_count; ++i, ++rows)
            ASSERT_EQ(keys, index.filter_keys(TestIndex::row_of(head.tids[i])))
                << "row " << TestIndex::row_of(head.tids[i]);
    }
    EXPECT_GT(rows, 0u);
}

// The pages that an index starts with: those of the first group, then the mean. And on into the next groups.
TEST(FilterLayout, LeavesRoomForAMean) {
    for (const PageShape& shape :
         {PageShape{200, 2, 16}, PageShape{768, 1, 16}, PageShape{4096, 20, 16}, PageShape{16000, 3, 16}}) {
        SCOPED_TRACE(testing::Message() << shape.dims << " dimensions, " << shape.columns << " columns");
        IndexOptions options;
        options.mean.assign(shape.dims, 0.25f);
        options.filter_columns = shape.columns;
        options.filter_key = [](size_t row, size_t column) { return row * 100 + column; };
        const NodeLayout layout = layout_of(shape);
        const size_t rows = std::min<size_t>(3 * layout.filters().slots_per_group(),
                                             shape.dims > 8000 ? 150 : 500);
        const Data data = normal_data(rows, shape.dims, 3, 4);
        for (const bool built : {true, false}) {
            TestIndex index(shape.dims, options);
            EXPECT_TRUE(index.check().problems.empty()) << index.check().all();
            EXPECT_EQ(index.meta().mean_block, 1 + layout.filters().first_node_block());
            if (built)
                index.build(data, 1);
            else
                index.insert(data);
            const auto checked = index.check();
            EXPECT_TRUE(checked.problems.empty()) << checked.all();
            expect_keys_of_rows(index);
        }
    }
}

// --------------------------------------------------------------------------------------------------- scans

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

// ---------------------------------------------------------------------------------------------------- memory

// The memory of a search may come from an index with more groups, or larger ones; and the index may grow
// meanwhile.
TEST(FilterMap, MemoryOfAnotherIndexIsLargeEnough) {
    const RowFilter filter = filter_of({range(0, 1, 100)});
    IndexOptions options;
    options.filter_columns = 1;
    options.filter_key = [](size_t row, size_t) { return 1 + row % 200; };
    // Small groups, and many: 10 of 31 columns.
    IndexOptions small = options;
    small.filter_columns = 31;
    const Data other = normal_data(700, 3072, 2);
    TestIndex long_index(3072, small);
    long_index.build(other, 1);
    const Data data = normal_data(1200, 16, 3);
    TestIndex index(16, options);
    InsertMemory memory;
    for (size_t i = 0; i < 100; ++i) index.insert(data.row(i), i, memory);
    const size_t words = (index.layout().filters().slots_per_group() + 63) / 64;

    FilterMemory shared;
    FilterMap<MemStore> before(long_index.store(), long_index.layout(), filter, shared);
    ASSERT_GT(before.groups(), 4u);
    for (uint32_t g = 0; g < before.groups(); ++g) before.bits_of(g);
    FilterMap<MemStore> map(index.store(), index.layout(), filter, shared);
    ASSERT_EQ(map.groups(), 1u);
    for (size_t i = 100; i < data.rows(); ++i) index.insert(data.row(i), i, memory);
    for (const Link& link : index.nodes()) {
        const size_t row = TestIndex::row_of(index.node(link).head().tids[0]);
        if (index.layout().filters().group_of(link.block) == 0 && row >= 100)
            continue;  // tested before it came
        ASSERT_EQ(map.passes(link), row % 200 < 100) << row;
        ASSERT_GE(shared.bits.size(), (index.layout().filters().group_of(link.block) + 1) * words);
    }
}

// ------------------------------------------------------------------------------------------------- the check

TEST(FilterCheck, FindsPagesOfAnotherKind) {
    IndexOptions options;
    options.filter_columns = 2;
    options.filter_key = [](size_t row, size_t column) { return row + column; };
    const Data data = normal_data(300, 256, 4);
    const auto damaged = [&](const std::function<void(TestIndex&)>& damage) {
        TestIndex index(256, options);
        index.build(data, 1);
        EXPECT_TRUE(index.check().problems.empty());
        damage(index);
        return index.check();
    };
    const auto head_of = [](TestIndex& index, uint32_t block) -> PageHead& {
        return page_head(const_cast<uint8_t*>(index.store().payload(block)));
    };
    const auto keys_gone = damaged([&](TestIndex& x) { head_of(x, 1).kind = PageKind::tids; });
    EXPECT_TRUE(keys_gone.has("(1") && keys_gone.has("does not hold filter keys")) << keys_gone.all();
    const auto swapped = damaged([&](TestIndex& x) { head_of(x, 1).kind = PageKind::origin_codes; });
    EXPECT_TRUE(swapped.has("does not hold filter keys")) << swapped.all();
    const auto codes_gone = damaged([&](TestIndex& x) { head_of(x, 2).kind = PageKind::filters; });
    EXPECT_TRUE(codes_gone.has("does not hold filter keys")) << codes_gone.all();
    const auto misplaced = damaged(
        [&](TestIndex& x) { head_of(x, x.nodes().back().block).kind = PageKind::filters; });
    EXPECT_TRUE(misplaced.has("holds filter keys that are of no pages")) << misplaced.all();
}

}  // namespace
}  // namespace vecstore::core
