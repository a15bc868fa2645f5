// Indexes whose graph comes from elsewhere: whatever that graph is, the index must be a good one.
#include "hnsw_graph.hpp"
#include "io_files.hpp"

#include "core/hnsw/build/nearby_order.hpp"
#include "core/hnsw/graph_import/graph_match.hpp"
#include "core/hnsw/graph_import/preload.hpp"
#include "core/io/source/content_hash.hpp"

#include <gtest/gtest.h>

#include <chrono>
#include <cmath>
#include <numeric>
#include <set>

namespace vecstore::core {
namespace {

using vecstore::test::Bytes;
using vecstore::test::faiss_flat;
using vecstore::test::faiss_header;
using vecstore::test::faiss_id_map;
using vecstore::test::raw;
using vecstore::test::raw_all;

Data clustered(size_t rows, size_t dims) {
    Data data = normal_data(rows, dims, 7, 40);
    normalize(data);
    return data;
}

// The `degree` nearest of each row: what the libraries would find, and CAGRA keeps.
Lists nearest_lists(const Data& data, size_t degree) {
    Lists lists(data.rows());
    for (size_t i = 0; i < data.rows(); ++i) {
        std::vector<std::pair<float, uint32_t>> all;
        for (size_t k = 0; k < data.rows(); ++k)
            if (k != i)
                all.emplace_back(kernels().l2_squared(data.row(i), data.row(k), data.dims),
                                 static_cast<uint32_t>(k));
        std::partial_sort(all.begin(), all.begin() + static_cast<std::ptrdiff_t>(degree), all.end());
        for (size_t k = 0; k < degree; ++k) lists[i].push_back(all[k].second);
    }
    return lists;
}

// Level 0 of an index that was built of these rows.
Lists built_lists(const Data& data, const IndexOptions& options) {
    TestIndex index(data.dims, options);
    index.build(data, 1);
    return index.neighbor_rows(data.rows());
}

Lists random_lists(size_t rows, size_t degree) {
    std::mt19937 random(3);
    Lists lists(rows);
    for (auto& list : lists)
        for (size_t k = 0; k < degree; ++k) list.push_back(static_cast<uint32_t>(random() % rows));
    return lists;
}

void expect_sound(TestIndex& index, size_t rows) {
    const auto checked = index.check();
    EXPECT_TRUE(checked.problems.empty()) << checked.all();
    EXPECT_EQ(checked.counts.rows, rows);
    EXPECT_EQ(checked.counts.unattached, 0u);
}

double built_recall(const Data& data, const Data& queries, const IndexOptions& options,
                    const ScanOptions& scan) {
    TestIndex index(data.dims, options);
    index.build(data, 1);
    return recall(index, data, queries, 10, scan);
}

struct Case {
    const char* name;
    size_t dims;
    Metric metric;
    StorageMode mode;
    size_t threads;
};

class GraphImported : public testing::TestWithParam<Case> {};

TEST_P(GraphImported, IsSearchedAsWellAsBuilt) {
    const Case& c = GetParam();
    Data data = clustered(3100, c.dims);
    const Data queries = take_queries(data, 100);
    IndexOptions options;
    options.metric = c.metric;
    options.mode = c.mode;
    ScanOptions scan;
    scan.iterative = false;
    TestIndex index(c.dims, options);
    ASSERT_TRUE(index.import_graph(data, file_graph(built_lists(data, options)), c.threads));
    expect_sound(index, data.rows());
    // (A build searches anew, from several entry candidates for each row: of rows as hard to tell apart as
    // these that is worth .01.)
    EXPECT_GE(recall(index, data, queries, 10, scan), built_recall(data, queries, options, scan) - 0.02);
}

INSTANTIATE_TEST_SUITE_P(Kinds, GraphImported,
                         testing::Values(Case{"coded", 256, Metric::l2, StorageMode::coded, 1},
                                         Case{"cosine", 256, Metric::cosine, StorageMode::coded, 2},
                                         Case{"product", 256, Metric::inner_product, StorageMode::coded, 2},
                                         Case{"plain", 32, Metric::l2, StorageMode::plain, 2},
                                         Case{"plainproduct", 32, Metric::inner_product, StorageMode::plain,
                                              1}),
                         [](const auto& info) { return info.param.name; });

TEST(GraphImport, OfShortOneSidedLists) {
    Data data = clustered(2100, 256);
    const Data queries = take_queries(data, 100);
    ScanOptions scan;
    scan.iterative = false;
    TestIndex index(data.dims, {});
    // Clusters that no link connects: joined by searches.
    ASSERT_TRUE(index.import_graph(data, file_graph(nearest_lists(data, 8))));
    expect_sound(index, data.rows());
    EXPECT_GE(recall(index, data, queries, 10, scan), built_recall(data, queries, {}, scan) - 0.05);
}

TEST(GraphImport, OfMoreNeighborsThanTheIndexHasRoomFor) {
    const Data data = clustered(1000, 64);
    IndexOptions options;
    options.m = 3;
    options.mode = StorageMode::plain;
    TestIndex index(data.dims, options);
    ASSERT_TRUE(index.import_graph(data, file_graph(nearest_lists(data, 80))));
    expect_sound(index, data.rows());
}

// GraphImported, the index is sound, and finds next to as much as a built one.
void expect_nearly_built(const Data& data, const FileGraph& graph, const Data& queries) {
    ScanOptions scan;
    scan.iterative = false;
    TestIndex index(data.dims, {});
    ASSERT_TRUE(index.import_graph(data, graph));
    expect_sound(index, data.rows());
    EXPECT_GE(recall(index, data, queries, 10, scan), built_recall(data, queries, {}, scan) - 0.02);
}

TEST(GraphImport, RowsThatTheFileDoesNotHaveAreInserted) {
    Data data = clustered(2100, 256);
    const Data queries = take_queries(data, 100);
    FileGraph graph = file_graph(built_lists(data, {}));
    for (size_t node = 0; node < graph.nodes(); node += 7) graph.row_of[node] = FileGraph::no_row;
    expect_nearly_built(data, graph, queries);
}

TEST(GraphImport, NodesOfNoRowAreBridgedOver) {
    Data all = clustered(2100, 256);
    const Data queries = take_queries(all, 100);
    FileGraph graph = file_graph(built_lists(all, {}));
    // Every third node has no row; the others are rows in the opposite order.
    Data data{all.dims, {}};
    for (size_t node = graph.nodes(); node-- > 0;) {
        graph.row_of[node] = node % 3 == 0 ? FileGraph::no_row : static_cast<uint32_t>(data.rows());
        if (node % 3 != 0) data.values.insert(data.values.end(), all.row(node), all.row(node) + all.dims);
    }
    expect_nearly_built(data, graph, queries);
}

TEST(GraphImport, LinksThatMeanNothingLeaveASoundIndex) {
    const Data data = clustered(1000, 256);
    TestIndex index(data.dims, {});
    ASSERT_TRUE(index.import_graph(data, file_graph(random_lists(data.rows(), 5)), 2));
    expect_sound(index, data.rows());
}

TEST(GraphImport, EqualRowsShareANode) {
    Data data = clustered(600, 256);
    for (size_t i = 0; i < 60; ++i)
        std::copy_n(data.row(i % 6), data.dims, &data.values[(300 + i) * data.dims]);
    IndexOptions options;
    options.filter_columns = 1;
    options.filter_key = [](size_t row, size_t) { return FilterKey{row % 2 + 1}; };
    TestIndex index(data.dims, options);
    FileGraph graph = file_graph(nearest_lists(data, 20));
    graph.row_of[350] = FileGraph::no_row;  // one of the equal ones is not in the file
    ASSERT_TRUE(index.import_graph(data, graph));
    expect_sound(index, data.rows());
    // Copies have the keys of what they are copies of: 300 and 6 are even.
    EXPECT_EQ(index.nodes().size(), 540u);
}

TEST(GraphImport, OfFewRowsOrNone) {
    for (const size_t rows : {1, 2, 3}) {
        const Data data = clustered(rows, 256);
        TestIndex index(data.dims, {});
        Lists lists(rows);
        for (uint32_t i = 1; i < rows; ++i) lists[i] = {i - 1};
        ASSERT_TRUE(index.import_graph(data, file_graph(lists)));
        expect_sound(index, rows);
    }
    const Data data = clustered(3, 256);
    TestIndex index(data.dims, {});
    ASSERT_TRUE(index.import_graph(data, FileGraph{}));  // knows none of them
    expect_sound(index, 3);
}

// ---------------------------------------------------------------------------------------- which row is which
// node

// FAISS's IndexHNSWFlat; ids: of an IndexIDMap around it, or none.
Bytes faiss_file(const Data& data, const Lists& lists, size_t degree, int32_t metric = 1,
                 const std::vector<int64_t>& ids = {}) {
    std::vector<int32_t> neighbors;
    std::vector<uint64_t> offsets{0};
    for (const auto& list : lists) {
        for (size_t i = 0; i < degree; ++i)
            neighbors.push_back(i < list.size() ? static_cast<int32_t>(list[i]) : -1);
        offsets.push_back(neighbors.size());
    }
    const auto sized = [](const auto& values) {
        return raw(static_cast<uint64_t>(values.size())) + raw_all(values);
    };
    const auto dims = static_cast<int32_t>(data.dims);
    const auto rows = static_cast<int64_t>(data.rows());
    const Bytes inner = faiss_header("IHNf", dims, rows, metric) + sized(std::vector<double>{1}) +
                        sized(std::vector<int32_t>{0, static_cast<int32_t>(degree)}) +
                        sized(std::vector<int32_t>(data.rows(), 1)) + sized(offsets) + sized(neighbors) +
                        raw(int32_t{0}) + raw(int32_t{0}) + raw(int32_t{40}) + raw(int32_t{16}) +
                        raw(int32_t{1}) +
                        faiss_flat(metric == 1 ? "IxF2" : "IxFI", dims, data.values, metric);
    return ids.empty() ? inner : faiss_id_map("IxMp", inner, rows, ids);
}

// A file that is not to be read again.
class ReadOnce : public io::MemorySource {
  public:
    explicit ReadOnce(const Bytes& file) : io::MemorySource("test file", file.data(), file.size()) {}
    bool is_read = false;

  protected:
    size_t read_some(uint64_t offset, void* out, size_t length) override {
        EXPECT_FALSE(is_read) << "at " << offset;
        return io::MemorySource::read_some(offset, out, length);
    }
};

// Rows that the table has, by ids and in their order.
// with_content: so that equal vectors need not be compared.
GraphMatch match(const Bytes& file, const Data& table, const std::vector<int64_t>& ids,
                 Metric metric = Metric::l2, bool with_content = true) {
    ReadOnce source(file);
    const auto vectors = io::open_vectors(source);
    const auto graph = io::open_graph(source);
    IndexOptions options;
    options.metric = metric;
    const TestIndex index(table.dims, options);
    const RowBuffer rows = index.encode(table);
    std::vector<int64_t> order(table.rows());
    std::iota(order.begin(), order.end(), 0);
    std::vector<uint64_t> content(table.rows());
    for (size_t i = 0; with_content && i < table.rows(); ++i)
        content[i] = io::hash_row(0, table.row(i), table.dims);
    const VectorFingerprinter fingerprint_of(table.dims);
    std::vector<VectorFingerprint> fingerprints;
    for (size_t i = 0; i < table.rows(); ++i) fingerprints.push_back(fingerprint_of(table.row(i)));
    const auto nodes = [&] {
        FileNodes read = read_nodes(*vectors, *graph, [] {});
        source.is_read = true;
        return read;
    };
    return match_graph({*vectors,
                        graph->info(),
                        nodes,
                        rows,
                        index.encoder(),
                        {{"ids", ids, false}, {"order", order, true}},
                        content,
                        fingerprints,
                        [] {}});
}

TEST(GraphMatch, ByIds) {
    const Data data = clustered(400, 256);
    std::vector<int64_t> ids(400), shuffled(400);
    for (size_t i = 0; i < 400; ++i) ids[i] = static_cast<int64_t>(i * 77 % 400) - 5;
    const Bytes file = faiss_file(data, nearest_lists(data, 16), 16, 1, ids);
    // The table in the order of the ids.
    Data table{data.dims, std::vector<float>(data.values.size())};
    for (size_t i = 0; i < 400; ++i) {
        std::copy_n(data.row(i), data.dims, &table.values[static_cast<size_t>(ids[i] + 5) * data.dims]);
        shuffled[i] = static_cast<int64_t>(i) - 5;
    }
    const GraphMatch found = match(file, table, shuffled);
    EXPECT_EQ(found.misfit, "");
    EXPECT_EQ(found.matched, 400u);
    EXPECT_EQ(found.without_row, 0u);
    EXPECT_EQ(found.graph.row_of[3], static_cast<uint32_t>(ids[3] + 5));
    EXPECT_EQ(found.graph.begin.size(), 401u);
}

TEST(GraphMatch, ByOrderWhereIdsAreOthers) {
    const Data data = clustered(400, 256);
    const std::vector<int64_t> ids(400, 12345);
    const GraphMatch found = match(faiss_file(data, nearest_lists(data, 16), 16), data, ids);
    EXPECT_EQ(found.misfit, "");
    EXPECT_EQ(found.matched, 400u);
}

TEST(GraphMatch, RowsWithOtherVectorsAreNotTheFiles) {
    const Data data = clustered(400, 256);
    Data table = data;
    for (size_t i = 0; i < 40; ++i) table.values[i * data.dims] += 1;
    const std::vector<int64_t> none(400, -1);
    const Bytes file = faiss_file(data, nearest_lists(data, 16), 16);
    const GraphMatch found = match(file, table, none);
    EXPECT_EQ(found.misfit, "");
    EXPECT_EQ(found.matched, 360u);
    EXPECT_EQ(found.without_row, 40u);
    for (size_t i = 40; i < 120; ++i) table.values[i * data.dims] += 1;
    EXPECT_NE(match(file, table, none).misfit, "");
}

TEST(GraphMatch, AnIdMayBeThereTwice) {
    const Data data = clustered(400, 256);
    std::vector<int64_t> ids(400);
    std::iota(ids.begin(), ids.end(), 1000);
    std::vector<int64_t> in_file = ids;
    for (size_t i = 0; i < 20; ++i) in_file[399 - i] = 1000;
    Data repeated = data;
    for (size_t i = 0; i < 20; ++i)
        std::copy_n(data.row(0), data.dims, &repeated.values[(399 - i) * data.dims]);
    const GraphMatch found = match(faiss_file(repeated, nearest_lists(repeated, 16), 16, 1, in_file), data,
                                   ids);
    EXPECT_EQ(found.misfit, "");
    EXPECT_EQ(found.matched, 380u);
    EXPECT_EQ(found.without_row, 20u);
}

TEST(GraphMatch, RefusesWhatDoesNotFit) {
    const Data data = clustered(400, 256);
    const std::vector<int64_t> none(400, -1);
    const Lists lists = nearest_lists(data, 16);
    EXPECT_NE(match(faiss_file(clustered(400, 192), lists, 16), data, none).misfit.find("192 dimensions"),
              std::string::npos);
    EXPECT_NE(match(faiss_file(data, random_lists(400, 16), 16), data, none).misfit.find("does not link"),
              std::string::npos);
    // Of one length: the metric does not matter. Else it does.
    EXPECT_EQ(match(faiss_file(data, lists, 16, 0), data, none, Metric::cosine).misfit, "");
    EXPECT_EQ(match(faiss_file(data, lists, 16, 0), data, none, Metric::cosine, false).misfit, "");
    const Data longer = normal_data(400, 256, 9, 10, 3);
    const Lists by_l2 = nearest_lists(longer, 16);
    EXPECT_NE(match(faiss_file(longer, by_l2, 16, 0), longer, none).misfit.find("another distance"),
              std::string::npos);
    EXPECT_EQ(match(faiss_file(longer, by_l2, 16, 1), longer, none).misfit, "");
    // Twice as many vectors as rows, and one more.
    Data half{data.dims, {data.values.begin(), data.values.begin() + 199 * 256}};
    EXPECT_NE(match(faiss_file(data, lists, 16), half, std::vector<int64_t>(199, -1)).misfit, "");
}

// hnswlib's files for cosine distance hold the vectors as directions.
TEST(GraphMatch, VectorsOfOtherLengthsHaveTheSameDirection) {
    const Data data = clustered(400, 256);
    Data table = data;
    for (size_t i = 0; i < table.rows(); ++i)
        for (size_t k = 0; k < table.dims; ++k)
            table.values[i * table.dims + k] *= 0.1f + static_cast<float>(i);
    const std::vector<int64_t> none(400, -1);
    const Bytes file = faiss_file(data, nearest_lists(data, 16), 16, 0);
    EXPECT_EQ(match(file, table, none, Metric::cosine).matched, 400u);
    EXPECT_EQ(match(file, table, none, Metric::cosine).misfit, "");
    EXPECT_NE(match(file, table, none, Metric::l2).misfit, "");
}

TEST(VectorFingerprint, TellsVectorsApart) {
    for (const size_t dims : {3, 64, 771}) {
        const Data data = normal_data(200, dims, 11);
        const VectorFingerprinter fingerprint_of(dims);
        std::mt19937 random(5);
        std::normal_distribution<float> normal;
        for (size_t i = 1; i < data.rows(); ++i) {
            const std::vector<float> x(data.row(i), data.row(i) + dims);
            const VectorFingerprint one = fingerprint_of(x.data());
            const float length = std::sqrt(one.norm2);
            std::vector<float> rounded = x, moved = x, scaled = x;
            for (float& value : rounded) value += length * 2e-5f * normal(random);
            moved[i % dims] += length * 0.02f;
            for (float& value : scaled) value *= 3;
            EXPECT_TRUE(alike(one, fingerprint_of(rounded.data()), 2e-3f, false));
            EXPECT_TRUE(alike(one, fingerprint_of(scaled.data()), 2e-3f, true));
            EXPECT_FALSE(alike(one, fingerprint_of(moved.data()), 2e-3f, false));
            EXPECT_FALSE(alike(one, fingerprint_of(scaled.data()), 2e-3f, false));
            EXPECT_FALSE(alike(one, fingerprint_of(data.row(i - 1)), 2e-3f, false));
        }
    }
}

TEST(VectorFingerprint, WithoutDirectionOrTooLong) {
    const VectorFingerprinter fingerprint_of(4);
    const std::vector<float> zero(4), some{1, 0, 2, 0}, longest(4, 1e30f);
    EXPECT_TRUE(alike(fingerprint_of(zero.data()), fingerprint_of(zero.data()), 2e-3f, false));
    EXPECT_FALSE(alike(fingerprint_of(zero.data()), fingerprint_of(some.data()), 2e-3f, true));
    EXPECT_FALSE(alike(fingerprint_of(zero.data()), fingerprint_of(zero.data()), 2e-3f, true));
    EXPECT_FALSE(alike(fingerprint_of(longest.data()), fingerprint_of(longest.data()), 2e-3f, false));
    EXPECT_FALSE(alike(fingerprint_of(longest.data()), fingerprint_of(some.data()), 2e-3f, true));
}

// ------------------------------------------------------------------------------------------------ order of
// nodes

std::vector<uint32_t> nearby_order(const Lists& lists) {
    const FileGraph graph = file_graph(lists);
    return core::nearby_order(graph.begin, graph.neighbors, [] {});
}

TEST(NearbyOrder, PutsNeighborsTogether) {
    // Groups of 20, whose members are each other's neighbors; numbers mean nothing.
    constexpr uint32_t groups = 100, members = 20;
    Lists lists(groups * members);
    for (uint32_t i = 0; i < lists.size(); ++i) {
        for (uint32_t k = 0; k < members; ++k)
            if (k != i / groups) lists[i].push_back(k * groups + i % groups);
        if (i < groups) lists[i].push_back((i + 37) % groups);
    }
    const std::vector<uint32_t> order = nearby_order(lists);
    ASSERT_EQ(order.size(), lists.size());
    EXPECT_EQ(std::set<uint32_t>(order.begin(), order.end()).size(), lists.size());
    size_t changes = 0;
    for (size_t i = 1; i < order.size(); ++i) changes += order[i] % groups != order[i - 1] % groups;
    EXPECT_LE(changes, 2 * groups);
}

TEST(NearbyOrder, OfGraphsInComponents) {
    EXPECT_TRUE(nearby_order(Lists{}).empty());
    EXPECT_EQ(nearby_order({{}, {2}, {}}), (std::vector<uint32_t>{0, 1, 2}));
    EXPECT_EQ(nearby_order({{2, 2}, {1}, {0}}), (std::vector<uint32_t>{0, 2, 1}));
}

// A node with very many neighbors is not gone through again for each of them.
TEST(NearbyOrder, OfAHub) {
    Lists lists(300000);
    for (uint32_t i = 1; i < lists.size(); ++i) lists[0].push_back(i);
    size_t steps = 0;
    const FileGraph graph = file_graph(lists);
    const auto began = std::chrono::steady_clock::now();
    EXPECT_EQ(core::nearby_order(graph.begin, graph.neighbors, [&] { ++steps; }).size(), lists.size());
    EXPECT_LT(std::chrono::steady_clock::now() - began, std::chrono::seconds(20));
    EXPECT_GE(steps, lists.size() / 4096);
}

// ------------------------------------------------------------------------------------- what is done beside
// the scan

struct GraphFile {
    explicit GraphFile(Bytes&&) = delete;  // it reads from the bytes as long as it is there
    explicit GraphFile(const Bytes& content)
        : source("test file", content.data(), content.size()),
          vectors(io::open_vectors(source)),
          graph(io::open_graph(source)) {}
    io::MemorySource source;
    std::unique_ptr<io::VectorReader> vectors;
    std::unique_ptr<io::GraphReader> graph;
};

TEST(Preload, ReadsTheFileOnAThreadOrWhenAsked) {
    const Data data = clustered(3000, 64);
    const Bytes content = faiss_file(data, random_lists(data.rows(), 8), 8);
    for (const bool threaded : {true, false}) {
        GraphFile file(content);
        Preload ahead(file.vectors.get(), file.graph.get(), threaded);
        const FileNodes nodes = ahead.take_nodes([] {});
        ASSERT_EQ(nodes.nodes.size(), data.rows());
        EXPECT_EQ(nodes.nodes[77].number, 77u);
        EXPECT_EQ(nodes.nodes[77].content, io::hash_row(0, data.row(77), data.dims));
        EXPECT_EQ(nodes.begin.size(), data.rows() + 1);
        EXPECT_EQ(nodes.neighbors.size(), 8 * data.rows());
        EXPECT_EQ(nodes.order.size(), data.rows());
        EXPECT_NEAR(nodes.least_norm2, 1, 1e-4);
        EXPECT_NEAR(nodes.most_norm2, 1, 1e-4);
    }
}

TEST(Preload, ThrowsWhatReadingThrew) {
    const Data data = clustered(300, 64);
    Lists lists = random_lists(data.rows(), 8);
    lists[200][3] = 4000;
    const Bytes content = faiss_file(data, lists, 8);
    for (const bool threaded : {true, false}) {
        GraphFile file(content);
        Preload ahead(file.vectors.get(), file.graph.get(), threaded);
        EXPECT_THROW(ahead.take_nodes([] {}), Error);
    }
}

TEST(Preload, EndsWhenItIsStopped) {
    const Data data = clustered(3000, 64);
    const Bytes content = faiss_file(data, random_lists(data.rows(), 8), 8);
    GraphFile file(content);
    Preload ahead(file.vectors.get(), file.graph.get(), true);
    ahead.stop();
    ahead.stop();
    GraphFile other(content);
    Preload waited_for(other.vectors.get(), other.graph.get(), false);
    EXPECT_THROW(waited_for.take_nodes([] { throw std::runtime_error("canceled"); }), std::runtime_error);
}

TEST(Preload, MemoryMadeReadyIsTheStores) {
    constexpr size_t pages = 3 * PageBlocks::pages_per_block;
    Preload ahead(nullptr, nullptr, true);
    MemStore store(pages, &ahead.memory());
    ahead.expect_pages(pages);
    std::vector<std::thread> threads;
    for (int t = 0; t < 3; ++t)
        threads.emplace_back([&] {
            for (size_t i = 0; i < pages / 3; ++i) {
                auto page = store.append(PageKind::nodes);
                page.modify()[100] = static_cast<uint8_t>(page.block());
                page.commit(101);
            }
        });
    for (std::thread& thread : threads) thread.join();
    ahead.stop();
    ASSERT_EQ(store.page_count(), pages);
    for (uint32_t block = 0; block < pages; ++block) {
        EXPECT_EQ(store.payload(block)[100], static_cast<uint8_t>(block));
        EXPECT_EQ(store.payload(block)[200], 0);
    }
    EXPECT_THROW(store.append(PageKind::nodes), Error);
}

}  // namespace
}  // namespace vecstore::core
