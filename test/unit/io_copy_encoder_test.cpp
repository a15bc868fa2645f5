// Rows and their metadata as a COPY stream; and which JSON is read without Postgres.
#include "core/io/copy/copy_encoder.hpp"
#include "core/io/source/content_hash.hpp"
#include "io_files.hpp"

#include <gtest/gtest.h>

namespace {

using namespace vecstore;
using namespace vecstore::core::io;
using namespace vecstore::test;

// A field of the stream: its length, big-endian, then its bytes.
Bytes field(const Bytes& bytes) { return reversed(raw(static_cast<int32_t>(bytes.size()))) + bytes; }
const Bytes null_field = "\xff\xff\xff\xff";

struct Encoded {
    std::vector<CopyBlock> blocks;
    std::string error;
};

struct Encoding {
    size_t rows = 10;
    RowLayout layout;
    std::string json = {};
    BlockEnds ends = {10, 10, 10};
    size_t first = 0;
    float odd_value = 1.0f;  // in the last row
};

Encoded encode(const Encoding& what) {
    std::vector<float> values(what.rows * 2);
    for (size_t i = 0; i < values.size(); i++) values[i] = static_cast<float>(i);
    values.back() = what.odd_value;
    const Bytes file = npy(npy_dict("<f4", "(" + std::to_string(what.rows) + ", 2)"), raw_all(values));
    MemorySource source("the file", file.data(), file.size());
    MemorySource json_source("the metadata", what.json.data(), what.json.size());
    const auto reader = open_vectors(source);
    reader->seek(what.first);
    const JsonSurvey survey = what.json.empty() ? JsonSurvey{} : survey_json(json_source, what.rows);
    CopyEncoder encoder(*reader, what.layout, {&json_source, &survey}, what.ends);
    Encoded out;
    try {
        CopyBlock block;
        while (encoder.fill(block)) out.blocks.push_back(block);
    } catch (const core::Error& e) {
        out.error = e.message();
    }
    return out;
}

// The fields of one row, or "gap".
Bytes fields_of(const std::string& record, const std::vector<FieldEncoding>& encodings,
                const std::string& json = {}) {
    Encoding what;
    what.rows = 1;
    what.ends = {1, 1, 1};
    what.json = json.empty() ? "[" + record + "]" : json;
    what.layout.texts_are_utf8 = true;
    for (size_t i = 0; i < encodings.size(); i++)
        what.layout.fields.push_back({static_cast<int>(i), encodings[i]});
    const CopyBlock block = encode(what).blocks.at(0);
    if (!block.gaps.empty()) {
        EXPECT_EQ(block.gaps[0].at, block.bytes.size());
        EXPECT_EQ(block.content_sum, 0u);
        return "gap";
    }
    const Bytes bytes(block.bytes.begin(), block.bytes.end());
    return bytes.substr(2 + 4 + 4 + 8);
}

Bytes field_of(const std::string& value, FieldEncoding encoding) {
    return fields_of("{\"a\": " + value + "}", {encoding});
}

TEST(CopyEncoder, CutsBlocksWhereBatchesEnd) {
    Encoding what;
    what.ends = {3, 4, 10};
    what.first = 1;
    const Encoded encoded = encode(what);
    ASSERT_EQ(encoded.blocks.size(), 3u);
    uint64_t sum = 0;
    for (uint64_t row = 1; row < 10; row++) {
        const float values[] = {static_cast<float>(2 * row),
                                row == 9 ? 1.0f : static_cast<float>(2 * row + 1)};
        sum += hash_row(0, values, 2);
    }
    uint64_t found = 0;
    for (const CopyBlock& block : encoded.blocks) found += block.content_sum;
    EXPECT_EQ(found, sum);
    EXPECT_EQ(encoded.blocks[0].end, 3u);
    EXPECT_EQ(encoded.blocks[0].rows, 2u);
    EXPECT_EQ(encoded.blocks[1].end, 7u);
    EXPECT_EQ(encoded.blocks[2].end, 10u);
    EXPECT_EQ(encoded.blocks[2].rows, 3u);
}

TEST(CopyEncoder, CutsLargeBlocks) {
    Encoding what;
    what.rows = 100000;
    what.ends = {100000, 1, 100000};
    const Encoded encoded = encode(what);
    EXPECT_GT(encoded.blocks.size(), 5u);
    uint64_t rows = 0;
    for (const CopyBlock& block : encoded.blocks) {
        rows += block.rows;
        EXPECT_EQ(block.end, rows);
        EXPECT_LT(block.bytes.size(), 300u * 1024);
    }
    EXPECT_EQ(rows, 100000u);
}

TEST(CopyEncoder, ThrowsBehindTheRowsBeforeTheError) {
    Encoding what;
    what.odd_value = 1e6f;
    what.layout.vector = VectorEncoding::halfvec;
    const Encoded encoded = encode(what);
    ASSERT_EQ(encoded.blocks.size(), 1u);
    EXPECT_EQ(encoded.blocks[0].rows, 9u);
    EXPECT_EQ(encoded.blocks[0].bytes.size(), 9 * (2 + 4 + 4 + 2 * 2u));
    EXPECT_NE(encoded.error.find("in row 9 does not fit into a halfvec"), std::string::npos);
}

TEST(CopyEncoder, ThrowsForIdsThatDoNotFit) {
    Encoding what;
    what.rows = 32769;
    what.ends = {32769, 1, 32769};
    what.layout.id = IdEncoding::int2;
    what.layout.id_column = "n";
    EXPECT_EQ(encode(what).error, "id 32768 does not fit into column \"n\"");
}

TEST(CopyEncoder, EncodesPlainMetadataAsPostgresDoes) {
    EXPECT_EQ(field_of("\"x\"", FieldEncoding::text), field("x"));
    EXPECT_EQ(field_of("\"\"", FieldEncoding::text), field(""));
    EXPECT_EQ(field_of(R"("a\"\\\/\b\f\n\r\tz")", FieldEncoding::text), field("a\"\\/\b\f\n\r\tz"));
    EXPECT_EQ(field_of(R"("\u00e4\u20AC\ud83d\ude00 \u0041")", FieldEncoding::text),
              field("\xc3\xa4\xe2\x82\xac\xf0\x9f\x98\x80 A"));
    EXPECT_EQ(field_of("\"\xc3\xa4\"", FieldEncoding::text), field("\xc3\xa4"));
    EXPECT_EQ(field_of("-12.50", FieldEncoding::text), field("-12.50"));
    EXPECT_EQ(field_of("true", FieldEncoding::text), field("true"));
    EXPECT_EQ(field_of("-2", FieldEncoding::int2), field("\xff\xfe"));
    EXPECT_EQ(field_of("258", FieldEncoding::int4), field(Bytes("\0\0\1\2", 4)));
    EXPECT_EQ(field_of("-9223372036854775808", FieldEncoding::int8), field(Bytes("\x80\0\0\0\0\0\0\0", 8)));
    EXPECT_EQ(field_of("0.1", FieldEncoding::float8), field(reversed(raw(0.1))));
    EXPECT_EQ(field_of("0.1", FieldEncoding::float4), field(reversed(raw(0.1f))));
    EXPECT_EQ(field_of("3", FieldEncoding::float8), field(reversed(raw(3.0))));
    EXPECT_EQ(field_of("false", FieldEncoding::boolean), field(Bytes(1, '\0')));
    EXPECT_EQ(field_of("null", FieldEncoding::other), null_field);
}

TEST(CopyEncoder, LeavesTheRestToPostgres) {
    const std::pair<const char*, FieldEncoding> left[] = {
        {"\"x\"", FieldEncoding::other},
        {"[1]", FieldEncoding::text},
        {"{\"b\": 1}", FieldEncoding::text},
        {"\"\\u0000\"", FieldEncoding::text},
        {"\"\\ud83d\"", FieldEncoding::text},
        {"\"\\ude00\"", FieldEncoding::text},
        {"\"\\ud83dx\"", FieldEncoding::text},
        {"\"\\x\"", FieldEncoding::text},
        {"\"\\u12g4\"", FieldEncoding::text},
        {"\"a\nb\"", FieldEncoding::text},
        {"\"\xc3\"", FieldEncoding::text},
        {"\"\xed\xa0\x80\"", FieldEncoding::text},
        {"1e3", FieldEncoding::float8},
        {"-0", FieldEncoding::text},
        {"-0.0", FieldEncoding::float8},
        {"01", FieldEncoding::int8},
        {"1.", FieldEncoding::float8},
        {".5", FieldEncoding::float8},
        {"+1", FieldEncoding::int8},
        {"1.0", FieldEncoding::int8},
        {"32768", FieldEncoding::int2},
        {"9223372036854775808", FieldEncoding::int8},
        {"\"1\"", FieldEncoding::int8},
        {"1", FieldEncoding::boolean},
        {"\"true\"", FieldEncoding::boolean},
        {"true", FieldEncoding::int4},
        {"yes", FieldEncoding::text},
        {"truex", FieldEncoding::text},
        {"12345678901234567890123456789012345678901", FieldEncoding::text}};
    for (const auto& [value, encoding] : left) EXPECT_EQ(field_of(value, encoding), "gap") << value;
}

TEST(CopyEncoder, FindsMembersInAnyOrderAndTheLastOfOneName) {
    const std::vector<FieldEncoding> both = {FieldEncoding::int2, FieldEncoding::text};
    const Bytes expected = field(Bytes("\0\1", 2)) + field("x");
    EXPECT_EQ(fields_of(R"({"a": 1, "b": "x"})", both), expected);
    EXPECT_EQ(fields_of(R"({"a": 2, "b": "x", "a": 1})", both), expected);
    EXPECT_EQ(fields_of(R"({"a": "\n", "b": "y\n", "a": 1, "b": "x"})", both), expected);
    // A name with an escape, a member that is not wanted and nested, something behind the object.
    EXPECT_EQ(fields_of(R"({"\u0061": 1, "b": "x"})", both), "gap");
    EXPECT_EQ(fields_of(R"({"a": 1, "b": "x", "c": [1]})", both), "gap");
    EXPECT_EQ(fields_of(R"({"a": 1, "b": "x", "c": null})", both), expected);
}

TEST(CopyEncoder, ReadsArraysOfFields) {
    const std::vector<FieldEncoding> both = {FieldEncoding::int2, FieldEncoding::text};
    EXPECT_EQ(fields_of({}, both, R"({"a": [1], "b": ["\t"]})"), field(Bytes("\0\1", 2)) + field("\t"));
    EXPECT_EQ(fields_of({}, both, R"({"a": [1], "b": [["x"]]})"), "gap");
}

TEST(CopyEncoder, HashesFieldsWithTheirRow) {
    Encoding what;
    what.rows = 1;
    what.ends = {1, 1, 1};
    what.json = R"([{"a": "xyz", "b": null}])";
    what.layout.texts_are_utf8 = true;
    what.layout.fields = {{0, FieldEncoding::text}, {1, FieldEncoding::int2}};
    const float values[] = {0.0f, 1.0f};
    const uint64_t plain = hash_row(0, values, 2);
    const uint64_t whole = hash_field(hash_field(plain, "xyz", 3), nullptr, 0);
    EXPECT_EQ(encode(what).blocks.at(0).content_sum, whole);
    // In another encoding, Postgres sees all records.
    what.layout.texts_are_utf8 = false;
    const CopyBlock block = encode(what).blocks.at(0);
    ASSERT_EQ(block.gaps.size(), 1u);
    EXPECT_EQ(block.gaps[0].hash, plain);
    EXPECT_EQ(block.gaps[0].record, 0u);
    EXPECT_EQ(block.gaps[0].texts.at(0), R"({"a": "xyz", "b": null})");
    EXPECT_EQ(block.rows, 1u);
}

// Strings that quotes and backslashes end in all places of a scanner's words and blocks.
TEST(JsonScanner, FindsTheEndsOfStrings) {
    for (size_t length = 0; length < 40; length++) {
        for (const std::string end : {"", "\\\"", "\\\\", "\\\\\\\"", "!\xa2\xdc"}) {
            const std::string text = "\"" + std::string(length, 'x') + end + "\"";
            const std::string file = std::string(64 * 1024 - 20, ' ') + text + ",";
            MemorySource source("the file", file.data(), file.size());
            JsonScanner scanner(source);
            std::string found;
            EXPECT_EQ(scanner.take_value(&found), json_string);
            EXPECT_EQ(found, text);
            EXPECT_TRUE(scanner.accept(','));
        }
    }
}

}  // namespace
