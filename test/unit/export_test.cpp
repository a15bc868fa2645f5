// Written files against our own readers, and the graph as FAISS would find it: lists that lead only to rows
// of their level, and a way to every row; with equal rows, rows that are not visible, and dead nodes. (That
// the real libraries read them: test/t/047_export.pl.)
#include "core/export/graph_export.hpp"
#include "core/export/vector_writer.hpp"
#include "hnsw_graph.hpp"
#include "io_files.hpp"

#include <gtest/gtest.h>

namespace vecstore::test {

namespace {

using namespace core::exports;
using core::Data;
using core::HeapTid;
using core::TestIndex;

Contents written_and_read(size_t rows, size_t dims,
                          const std::function<std::unique_ptr<VectorWriter>(ByteSink&)>& open) {
    MemorySink sink;
    const auto writer = open(sink);
    std::vector<float> row(dims);
    for (size_t i = 0; i < rows; i++) {
        for (size_t j = 0; j < dims; j++) row[j] = static_cast<float>(i) + 0.25f * static_cast<float>(j);
        writer->add(static_cast<int64_t>(1000 - i), row.data());
    }
    writer->finish();
    return read_all(sink.bytes());
}

void check_contents(const Contents& contents, size_t rows, size_t dims, bool ids) {
    ASSERT_EQ(contents.info.rows, rows);
    EXPECT_EQ(contents.info.dims, dims);
    EXPECT_TRUE(contents.info.warnings.empty());
    for (size_t i = 0; i < rows; i++) {
        EXPECT_EQ(contents.ids[i], static_cast<int64_t>(ids ? 1000 - i : i));
        for (size_t j = 0; j < dims; j++)
            EXPECT_EQ(contents.values[i * dims + j], static_cast<float>(i) + 0.25f * static_cast<float>(j));
    }
}

TEST(Export, WritesNpy) {
    for (const NumberFormat format : {NumberFormat::float32, NumberFormat::float16})
        for (const size_t rows : {0, 1, 300})
            check_contents(
                written_and_read(rows, 5, [&](ByteSink& sink) { return write_npy(sink, 5, format); }), rows,
                5, false);
}

TEST(Export, WritesFaissFlat) {
    for (const core::Metric metric : {core::Metric::l2, core::Metric::inner_product, core::Metric::l1})
        for (const bool ids : {false, true}) {
            MemoryScratch scratch;
            check_contents(written_and_read(300, 5,
                                            [&](ByteSink& sink) {
                                                return write_faiss_flat(sink, 5, core::metric_info(metric),
                                                                        ids ? &scratch : nullptr);
                                            }),
                           300, 5, ids);
        }
}

TEST(Export, ScalesToUnitLengthOnlyWhatIsNot) {
    float unit[] = {0.6f, 0.8f};
    EXPECT_FALSE(make_unit(unit, 2));
    EXPECT_EQ(unit[0], 0.6f);
    float longer[] = {3, 4};
    EXPECT_TRUE(make_unit(longer, 2));
    EXPECT_FLOAT_EQ(longer[0], 0.6f);
    float zero[] = {0, 0};
    EXPECT_FALSE(make_unit(zero, 2));
}

// FAISS's structure, read back field by field.
struct FaissGraph {
    std::vector<double> shares;
    std::vector<int32_t> widths, levels, neighbors;
    std::vector<uint64_t> offsets;
    int32_t entry, top, ef_construction, ef_search, beam;

    explicit FaissGraph(const std::string& bytes) {
        core::io::MemorySource source("a graph", bytes.data(), bytes.size());
        core::io::Cursor cursor(source);
        read(cursor, shares);
        read(cursor, widths);
        read(cursor, levels);
        read(cursor, offsets);
        read(cursor, neighbors);
        for (int32_t* field : {&entry, &top, &ef_construction, &ef_search, &beam})
            *field = cursor.read<int32_t>("a field");
        EXPECT_EQ(cursor.remaining(), 0u);
    }

    std::vector<int32_t> list(size_t row, size_t level) const {
        const auto from = neighbors.begin() + static_cast<std::ptrdiff_t>(offsets[row]);
        std::vector<int32_t> rows(from + widths[level], from + widths[level + 1]);
        rows.erase(std::find(rows.begin(), rows.end(), -1), rows.end());
        return rows;
    }

    void check(size_t rows) const {
        ASSERT_EQ(levels.size(), rows);
        ASSERT_EQ(offsets.size(), rows + 1);
        EXPECT_EQ(offsets.back(), neighbors.size());
        EXPECT_EQ(widths.size(), shares.size() + 1);
        EXPECT_EQ(levels[static_cast<size_t>(entry)], top + 1);
        for (size_t row = 0; row < rows; row++)
            for (int level = 0; level < levels[row]; level++) check_list(row, static_cast<size_t>(level));
        EXPECT_EQ(reached(), rows);
    }

    void check_list(size_t row, size_t level) const {
        const std::vector<int32_t> rows = list(row, level);
        EXPECT_EQ(std::set<int32_t>(rows.begin(), rows.end()).size(), rows.size());
        for (const int32_t other : rows) {
            ASSERT_GE(other, 0);
            ASSERT_LT(static_cast<size_t>(other), levels.size());
            EXPECT_NE(static_cast<size_t>(other), row);
            EXPECT_GT(levels[static_cast<size_t>(other)], static_cast<int32_t>(level));
        }
    }

    size_t reached() const {
        std::set<int32_t> seen{entry};
        std::vector<int32_t> todo{entry};
        while (!todo.empty()) {
            const int32_t row = todo.back();
            todo.pop_back();
            for (const int32_t other : list(static_cast<size_t>(row), 0))
                if (seen.insert(other).second) todo.push_back(other);
        }
        return seen.size();
    }

  private:
    template <class T>
    static void read(core::io::Cursor& cursor, std::vector<T>& values) {
        values.resize(cursor.read<uint64_t>("a count"));
        for (T& value : values) value = cursor.read<T>("an element");
    }
};

// Exports the rows that are visible; `rows` gets their numbers in the order of the file.
std::string export_graph(TestIndex& index, const std::function<bool(size_t)>& visible,
                         std::vector<size_t>& rows) {
    MemorySink sink;
    GraphExport<core::MemStore> graph(index.store(), index.meta());
    graph.number_rows([&](const std::vector<HeapTid>& tids) {
        uint64_t count = 0;
        for (const HeapTid& tid : tids) {
            const size_t row = TestIndex::row_of(tid);
            if (!visible(row)) continue;
            rows.push_back(row);
            count++;
        }
        return count;
    });
    EXPECT_EQ(graph.rows(), rows.size());
    graph.write_faiss(sink, 64);
    return sink.bytes();
}

TEST(GraphExport, NumbersRowsAndKeepsLevels) {
    for (const bool coded : {true, false}) {
        const Data data = core::normal_data(2000, coded ? 192 : 24, 1, 10);
        core::IndexOptions options;
        options.mode = coded ? core::StorageMode::coded : core::StorageMode::plain;
        TestIndex index(data.dims, options);
        index.build(data, 2);
        std::vector<size_t> rows;
        const FaissGraph graph(export_graph(
            index, [](size_t) { return true; }, rows));
        EXPECT_EQ(std::set<size_t>(rows.begin(), rows.end()).size(), data.rows());
        graph.check(data.rows());
        EXPECT_EQ(graph.top, index.meta().entry_level);
        EXPECT_GT(graph.top, 0);
        // Links are the index's: mostly between near rows.
        size_t near = 0, all = 0;
        for (size_t row = 0; row < 50; row++) {
            const double bound = core::kth_distance(data, core::Metric::l2, data.row(rows[row]), 200);
            for (const int32_t other : graph.list(row, 0)) {
                near += core::true_distance(core::Metric::l2, data.row(rows[row]),
                                            data.row(rows[static_cast<size_t>(other)]), data.dims) <= bound;
                all++;
            }
        }
        EXPECT_GT(near, all / 2);  // of any rows it would be a tenth
    }
}

TEST(GraphExport, BypassesNodesWithoutRows) {
    const Data data = core::normal_data(3000, 24, 2);
    core::IndexOptions options;
    options.mode = core::StorageMode::plain;
    TestIndex index(data.dims, options);
    index.build(data, 2);
    for (const size_t keep : {2, 3, 10}) {  // one row in so many
        std::vector<size_t> rows;
        const FaissGraph graph(export_graph(
            index, [&](size_t row) { return row % keep == 0; }, rows));
        graph.check(rows.size());
    }
    for (const core::Link& link : index.nodes())
        if (TestIndex::row_of(index.node(link).head().tids[0]) % 4 == 1)
            index.node(link).head().flags |= core::node_dead;
    std::vector<size_t> rows;
    const FaissGraph graph(export_graph(
        index, [](size_t) { return true; }, rows));
    EXPECT_EQ(rows.size(), 2250u);
    graph.check(rows.size());
}

TEST(GraphExport, ChainsEqualRows) {
    Data data = core::normal_data(500, 24, 3);
    for (size_t copy = 0; copy < 60; copy++)  // more than fit into a node
        data.values.insert(data.values.end(), data.row(7), data.row(7) + 24);
    core::IndexOptions options;
    options.mode = core::StorageMode::plain;
    TestIndex index(data.dims, options);
    index.insert(data);
    std::vector<size_t> rows;
    const FaissGraph graph(export_graph(
        index, [](size_t) { return true; }, rows));
    EXPECT_EQ(std::set<size_t>(rows.begin(), rows.end()).size(), 560u);
    graph.check(560);
    rows.clear();
    const FaissGraph few(export_graph(
        index, [](size_t row) { return row % 7 == 0; }, rows));
    few.check(rows.size());
}

TEST(GraphExport, WritesEmptyGraphs) {
    TestIndex index(24, {});
    std::vector<size_t> rows;
    const FaissGraph graph(export_graph(
        index, [](size_t) { return true; }, rows));
    EXPECT_EQ(graph.levels.size(), 0u);
    EXPECT_EQ(graph.entry, -1);
}

}  // namespace
}  // namespace vecstore::test
