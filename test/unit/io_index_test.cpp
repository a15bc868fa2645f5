// Indexes with graphs and codes, archives and JSON, written field by field; what the real libraries write is
// compared in test/t/043_import_kinds.pl.
#include "io_files.hpp"

#include "core/io/formats/formats.hpp"
#include "core/io/json/json_records.hpp"

#include <gtest/gtest.h>

using namespace vecstore;
using namespace vecstore::test;
using core::ErrorCode;
using core::io::GraphReader;
using core::io::JsonRecords;
using core::io::JsonSurvey;

namespace {

const std::vector<float> six = {1, 2, 3, 4, 5, 6};

template <class T>
Bytes sized(const std::vector<T>& values) {
    return raw(static_cast<uint64_t>(values.size())) + raw_all(values);
}

// Three nodes, of which node 1 is on level 1 as well; two links on level 0, one above.
Bytes faiss_hnsw(const std::vector<int32_t>& neighbors, int32_t entry_point = 1) {
    return faiss_header("IHNf", 2, 3, 1) + sized<double>({0.9, 0.1}) + sized<int32_t>({0, 2, 3}) +
           sized<int32_t>({1, 2, 1}) + sized<uint64_t>({0, 2, 5, 7}) + sized<int32_t>(neighbors) +
           raw(entry_point) + raw(int32_t{1}) + raw(int32_t{40}) + raw(int32_t{16}) + raw(int32_t{1}) +
           faiss_flat("IxF2", 2, six, 1);
}

// Labels 7, 8, 9; element 2 is marked as deleted; element 1 is on level 1.
Bytes hnswlib_index(uint32_t upper_link = 0) {
    Bytes out = raw_all<uint64_t>({0, 5, 3, 28, 20, 12}) + raw(int32_t{1}) + raw(uint32_t{1}) +
                raw_all<uint64_t>({1, 2, 1}) + raw(0.5) + raw(uint64_t{100});
    const uint32_t links[3][3] = {{1, 1, 0}, {2, 0, 2}, {1 | 1 << 16, 1, 0}};
    for (uint64_t i = 0; i < 3; i++) {
        for (const uint32_t word : links[i]) out += raw(word);
        out += raw(six[2 * i]) + raw(six[2 * i + 1]) + raw(i + 7);
    }
    return out + raw(uint32_t{0}) + raw(uint32_t{8}) + raw(uint32_t{1}) + raw(upper_link) + raw(uint32_t{0});
}

std::unique_ptr<GraphReader> graph_of(core::io::MemorySource& source) { return core::io::open_graph(source); }

std::vector<uint32_t> links_of(GraphReader& graph, uint64_t node, int level) {
    std::vector<uint32_t> links = {99};
    graph.neighbors(node, level, links);
    return links;
}

using Links = std::vector<uint32_t>;

TEST(Graph, OfFaissIsReadByNode) {
    const Bytes file = faiss_hnsw({1, 2, 0, -1, 2, 1, -1});
    core::io::MemorySource source("test file", file.data(), file.size());
    const auto graph = graph_of(source);
    ASSERT_NE(graph, nullptr);
    EXPECT_EQ(graph->info().nodes, 3u);
    EXPECT_EQ(graph->info().max_level, 1);
    EXPECT_TRUE(graph->info().has_entry_point);
    EXPECT_EQ(graph->info().entry_point, 1u);
    EXPECT_EQ(graph->info().max_neighbors0, 2u);
    EXPECT_EQ(graph->info().max_neighbors, 1u);
    EXPECT_EQ(graph->info().ef_construction, 40);
    EXPECT_EQ(graph->level(0), 0);
    EXPECT_EQ(graph->level(1), 1);
    EXPECT_EQ(links_of(*graph, 0, 0), (Links{1, 2}));
    EXPECT_EQ(links_of(*graph, 1, 0), (Links{0}));
    EXPECT_EQ(links_of(*graph, 1, 1), (Links{2}));
    EXPECT_EQ(links_of(*graph, 2, 0), (Links{1}));
    EXPECT_EQ(links_of(*graph, 2, 1), (Links{}));
    EXPECT_EQ(links_of(*graph, 3, 0), (Links{}));
    EXPECT_EQ(read_all(file).values, six);
}

TEST(Graph, WithoutAnEntryPointHasOneLevel) {
    const Bytes file = faiss_hnsw({1, 2, 0, -1, 2, 1, -1}, -1);
    core::io::MemorySource source("test file", file.data(), file.size());
    const auto graph = graph_of(source);
    EXPECT_FALSE(graph->info().has_entry_point);
    EXPECT_EQ(graph->info().max_level, 0);
    EXPECT_EQ(graph->level(1), 0);
}

TEST(Graph, OfHnswlibIsReadByNode) {
    const Bytes file = hnswlib_index();
    core::io::MemorySource source("test file", file.data(), file.size());
    const auto graph = graph_of(source);
    ASSERT_NE(graph, nullptr);
    EXPECT_EQ(graph->info().nodes, 3u);
    EXPECT_EQ(graph->info().max_level, 1);
    EXPECT_EQ(graph->info().entry_point, 1u);
    EXPECT_EQ(graph->level(1), 1);
    EXPECT_EQ(graph->level(2), 0);
    EXPECT_EQ(links_of(*graph, 1, 0), (Links{0, 2}));
    EXPECT_EQ(links_of(*graph, 1, 1), (Links{0}));
    EXPECT_EQ(links_of(*graph, 2, 0), (Links{1}));
    const Contents contents = read_all(file);
    EXPECT_EQ(contents.values, (std::vector<float>{1, 2, 3, 4}));
    EXPECT_EQ(contents.ids, (std::vector<int64_t>{7, 8}));
    EXPECT_EQ(core::io::open_vectors(source)->count_deleted(), 1u);
}

TEST(Graph, RefusesLinksThatLeadNowhere) {
    const Bytes files[] = {faiss_hnsw({3, 2, 0, -1, 2, 1, -1}), faiss_hnsw({-2, 2, 0, -1, 2, 1, -1})};
    for (const Bytes& file : files) {
        core::io::MemorySource source("test file", file.data(), file.size());
        EXPECT_THROW(links_of(*graph_of(source), 0, 0), core::Error);
    }
    const Bytes upper = hnswlib_index(3);
    core::io::MemorySource source("test file", upper.data(), upper.size());
    EXPECT_THROW(links_of(*graph_of(source), 1, 1), core::Error);
    const Bytes flat = faiss_flat("IxF2", 2, six, 1);
    core::io::MemorySource without("test file", flat.data(), flat.size());
    EXPECT_EQ(graph_of(without), nullptr);
}

TEST(Indexes, RefuseEveryTruncation) {
    for (const Bytes& file : {faiss_hnsw({1, 2, 0, -1, 2, 1, -1}), hnswlib_index()}) {
        const std::string format = file[0] == 'I' ? "faiss" : "hnswlib";
        for (size_t length = 0; length < file.size(); length++) {
            const core::Error error = error_of(file.substr(0, length), format);
            EXPECT_EQ(static_cast<int>(error.code()), static_cast<int>(ErrorCode::bad_file))
                << format << length;
        }
    }
}

TEST(Readers, LeaveOutRowsThatAreNotFinite) {
    const float nan = std::numeric_limits<float>::quiet_NaN();
    const Bytes file = npy(npy_dict("<f4", "(4, 2)"), raw_all<float>({1, nan, 3, 4, nan, nan, 7, 8}));
    core::io::MemorySource source("test file", file.data(), file.size());
    core::io::ReadOptions options;
    options.skip_not_finite = true;
    for (const size_t batch_rows : {1, 2, 100}) {
        const auto reader = core::io::open_vectors(source, options);
        core::io::VectorBatch batch;
        std::vector<float> values;
        std::vector<uint64_t> positions;
        while (reader->read(batch, batch_rows)) {
            values.insert(values.end(), batch.values.begin(), batch.values.end());
            positions.insert(positions.end(), batch.positions.begin(), batch.positions.end());
        }
        EXPECT_EQ(values, (std::vector<float>{3, 4, 7, 8}));
        EXPECT_EQ(positions, (std::vector<uint64_t>{1, 3}));
        EXPECT_EQ(reader->skipped().not_finite, 2u);
    }
}

// --- JSON
// ----------------------------------------------------------------------------------------------------

std::vector<std::string> records_of(const Bytes& file, uint64_t rows, JsonSurvey* survey = nullptr) {
    core::io::MemorySource source("test file", file.data(), file.size());
    const JsonSurvey found = core::io::survey_json(source, rows);
    if (survey != nullptr) *survey = found;
    JsonRecords forwards(source, found), anywhere(source, found);
    std::vector<std::string> all, texts;
    for (uint64_t i = 0; i < found.records; i++) {
        forwards.next(texts);
        std::string record;
        for (const std::string& text : texts) record += (record.empty() ? "" : "|") + text;
        all.push_back(record);
    }
    for (uint64_t i = found.records; i > 0; i--) {
        anywhere.get(i - 1, texts);
        std::string record;
        for (const std::string& text : texts) record += (record.empty() ? "" : "|") + text;
        EXPECT_EQ(record, all[i - 1]);
    }
    return all;
}

using Texts = std::vector<std::string>;

TEST(Json, RecordsOfAllLayouts) {
    const Texts expected = {R"({"a":1,"b":"x, \"]"})", R"({"a":[2,{"c":null}]})"};
    JsonSurvey survey;
    EXPECT_EQ(
        records_of("\xef\xbb\xbf [{\"a\":1,\"b\":\"x, \\\"]\"},\n{\"a\":[2,{\"c\":null}]}]\n", 2, &survey),
        expected);
    EXPECT_EQ(survey.layout, JsonSurvey::Layout::array);
    ASSERT_EQ(survey.fields.size(), 2u);
    EXPECT_EQ(survey.fields[0].name, "\"a\"");
    EXPECT_EQ(survey.fields[0].kinds, core::io::json_integer | core::io::json_array);
    EXPECT_EQ(survey.fields[1].count, 1u);
    EXPECT_EQ(records_of("{\"a\":1,\"b\":\"x, \\\"]\"}\n\n{\"a\":[2,{\"c\":null}]}", 2, &survey), expected);
    EXPECT_EQ(survey.layout, JsonSurvey::Layout::lines);
    EXPECT_EQ(
        records_of("{\"m\":\"x\",\"r\":[{\"a\":1,\"b\":\"x, \\\"]\"},{\"a\":[2,{\"c\":null}]}],\"n\":[1]}", 2,
                   &survey),
        expected);
    EXPECT_EQ(survey.ignored, (Texts{"\"m\"", "\"n\""}));
    EXPECT_EQ(records_of(R"({"a": [1, 2.5, true], "b": ["x", null, {}], "c": 7})", 3, &survey),
              (Texts{R"(1|"x")", "2.5|null", "true|{}"}));
    EXPECT_EQ(survey.layout, JsonSurvey::Layout::columns);
    // Of another number of rows, and of no number.
    EXPECT_EQ(records_of(R"({"a": [1, 2], "c": 7, "b": [3, 4], "d": []})", 2), (Texts{"1|3", "2|4"}));
    EXPECT_EQ(records_of(R"({"a": [1, 2], "b": ["x", 4]})", 3, &survey), (Texts{R"(1|"x")", "2|4"}));
    EXPECT_EQ(survey.fields.size(), 2u);
    EXPECT_EQ(records_of(R"({"a": [1, 2], "b": [3]})", 3, &survey), (Texts{"", ""}));
    EXPECT_TRUE(survey.fields.empty());
    EXPECT_EQ(records_of(R"(["x", 1, [2, 3]])", 3), (Texts{R"("x")", "1", "[2, 3]"}));
    EXPECT_EQ(records_of(R"({"a": "one record"})", 1).size(), 1u);
    EXPECT_EQ(records_of("[]", 0).size(), 0u);
}

TEST(Json, ValuesLongerThanABlock) {
    const std::string text = "\"" + std::string(200000, 'x') + "\\\"\"";
    EXPECT_EQ(records_of("[" + text + ", " + text + "]", 2), (Texts{text, text}));
    const std::string longest = "[\"" + std::string(core::io::JsonScanner::max_value_bytes, 'x') + "\"]";
    EXPECT_THROW(records_of(longest, 1), core::Error);
}

TEST(Json, WhiteSpaceDoesNotJoinNumbers) {
    EXPECT_EQ(records_of("[[1 2]]", 1)[0].find("12"), std::string::npos);
}

TEST(Json, RefusesWhatIsNotRecords) {
    for (const Bytes file : {"",      "x",      "1",       "[",           "[1",    "[1,",  "[1,]",
                             "{",     "{\"a\"", "{\"a\":", "{\"a\":1",    "[{]",   "[{]}", "\"x",
                             "[\"x]", "[1] 2",  "[1]]",    "{\"a\":1} 5", "{1:2}", "[,]"}) {
        EXPECT_THROW(records_of(file, 1), core::Error) << file;
    }
    EXPECT_THROW(records_of(std::string(5000, '['), 1), core::Error);
}

}  // namespace
