// Features tell libraries of other versions which of them may read an index, and which may change it.
#include <gtest/gtest.h>

#include "core/hnsw/beside/unplaced.hpp"
#include "core/hnsw/write/vacuum.hpp"
#include "hnsw_graph.hpp"

namespace vecstore::core {
namespace {

constexpr size_t dims = 64;
constexpr uint16_t no_known_feature = 0x4000;

IndexOptions inner_product() {
    IndexOptions options;
    options.metric = Metric::inner_product;
    options.high_length = 1;
    options.code_bits = 1;  // as all had in format 1
    return options;
}

Data unit_data(size_t rows) {
    Data data = latent_data(rows, dims, 3);
    normalize(data);
    return data;
}

void change_meta(TestIndex& index, const std::function<void(MetaData&)>& change) {
    auto page = index.store().write(meta_block);
    change(meta_of(page.modify()));
    page.commit();
}

void make_format_one(TestIndex& index) {
    change_meta(index, [](MetaData& meta) {
        meta.version = oldest_format_version;
        meta.read_features = meta.write_features = 0;
    });
}

void add_null(TestIndex& index) {
    add_unplaced(index.store(), index.layout(), {{7777, 1}, UnplacedKind::no_vector, 0}, nullptr);
}

void insert_long(TestIndex& index, size_t row) {
    Data garbage = unit_data(1);
    for (float& x : garbage.values) x = 1e5f;
    InsertMemory memory;
    index.insert(garbage.row(0), row, memory);
}

void vacuum(TestIndex& index) {
    InsertMemory memory;
    Vacuum<MemStore>(index.store(), index.encoder(), 64, memory).run([](const HeapTid&) { return true; });
}

std::vector<uint8_t> all_bytes(TestIndex& index) {
    std::vector<uint8_t> bytes;
    for (uint32_t block = 0; block < index.store().page_count(); ++block)
        bytes.insert(bytes.end(), index.store().payload(block),
                     index.store().payload(block) + page_payload_size);
    return bytes;
}

template <class Action>
void expect_newer_format(Action&& action, const char* detail) {
    try {
        action();
        ADD_FAILURE() << "no error: " << detail;
    } catch (const Error& e) {
        EXPECT_EQ(e.code(), ErrorCode::newer_format) << e.what();
        EXPECT_NE(e.detail().find(detail), std::string::npos) << e.detail();
    }
}

TEST(Features, AreThoseThatTheIndexHas) {
    TestIndex index(dims, inner_product());
    const auto expect = [&](uint16_t read, const char* what) {
        EXPECT_EQ(uint32_t{index.meta().version}, format_version) << what;
        EXPECT_EQ(uint16_t{index.meta().read_features}, read) << what;
        EXPECT_EQ(uint16_t{index.meta().write_features}, known_write_features) << what;
        EXPECT_EQ(meta_problem(index.meta()), "") << what;
    };
    expect(0, "an empty index");
    index.insert(unit_data(100));
    expect(0, "rows in the graph");
    insert_long(index, 100);
    expect(has_long_rows, "a long row");
    add_null(index);
    expect(has_long_rows | has_unplaced_rows, "a row without a vector");
    vacuum(index);
    expect(has_long_rows | has_unplaced_rows, "the lists stay when their rows go");
}

TEST(Features, TellOfCodesOfSeveralBits) {
    IndexOptions options;
    options.code_bits = 2;
    TestIndex index(128, options);
    EXPECT_EQ(uint16_t{index.meta().read_features}, has_wide_codes);
    EXPECT_EQ(meta_problem(index.meta()), "");
    change_meta(index, [](MetaData& meta) { meta.read_features = 0; });
    EXPECT_NE(meta_problem(index.meta()), "");
}

// An earlier library, which knows of no features, refuses format 2.
TEST(Features, MakeAnIndexOfFormatOneOneOfFormatTwo) {
    const Data data = unit_data(100);
    struct Change {
        const char* name;
        std::function<void(TestIndex&)> make;
        uint16_t read, write;
    };
    const Change changes[] = {
        {"a row", [&](TestIndex& index) { index.insert(first_rows(data, 1)); }, 0, keeps_fingerprints},
        {"a long row", [](TestIndex& index) { insert_long(index, 100); }, has_long_rows, 0},
        {"a row without a vector", add_null, has_unplaced_rows, 0},
    };
    for (const Change& change : changes) {
        TestIndex index(dims, inner_product());
        index.insert(data);
        make_format_one(index);
        index.scan(data.row(0), 10, {}, &data);
        vacuum(index);
        EXPECT_EQ(uint32_t{index.meta().version}, oldest_format_version) << change.name;
        change.make(index);
        EXPECT_EQ(uint32_t{index.meta().version}, format_version) << change.name;
        EXPECT_EQ(uint16_t{index.meta().read_features}, change.read) << change.name;
        EXPECT_EQ(uint16_t{index.meta().write_features}, change.write) << change.name;
    }
}

TEST(Features, UnknownToBeChangedByLeaveAnIndexReadable) {
    const Data data = unit_data(200);
    TestIndex index(dims, inner_product());
    index.insert(data);
    const std::vector<size_t> before = index.scan(data.row(0), 10, {}, &data);
    change_meta(index, [](MetaData& meta) { meta.write_features |= no_known_feature; });
    EXPECT_EQ(meta_problem(index.meta()), "");
    const std::vector<uint8_t> bytes = all_bytes(index);
    EXPECT_EQ(index.scan(data.row(0), 10, {}, &data), before);
    const char* const detail = "features 0x4000, which a library must know to change it";
    InsertMemory memory;
    expect_newer_format([&] { index.insert(data.row(0), 200, memory); }, detail);
    expect_newer_format([&] { insert_long(index, 201); }, detail);
    expect_newer_format([&] { add_null(index); }, detail);
    expect_newer_format([&] { vacuum(index); }, detail);
    EXPECT_EQ(all_bytes(index), bytes);
}

// At any time: a backend with the library of before an update may have known the index for long.
TEST(Features, UnknownToBeReadByCloseAnIndex) {
    const Data data = unit_data(200);
    TestIndex index(dims, inner_product());
    index.insert(data);
    change_meta(index, [](MetaData& meta) { meta.read_features |= no_known_feature; });
    const char* const detail = "features 0x4000, which a library must know to read it";
    EXPECT_NE(meta_problem(index.meta()).find(detail), std::string::npos);
    InsertMemory memory;
    expect_newer_format([&] { index.scan(data.row(0), 10, {}, &data); }, detail);
    expect_newer_format([&] { index.insert(data.row(0), 200, memory); }, detail);
    expect_newer_format([&] { vacuum(index); }, detail);
}

TEST(Features, OfFormatOneAreDamage) {
    TestIndex index(dims, inner_product());
    for (const bool read : {false, true}) {
        make_format_one(index);
        EXPECT_EQ(meta_problem(index.meta()), "");
        change_meta(index, [&](MetaData& meta) { (read ? meta.read_features : meta.write_features) = 1; });
        EXPECT_NE(meta_problem(index.meta()).find("an index of format version 1 has features"),
                  std::string::npos);
    }
}

}  // namespace
}  // namespace vecstore::core
