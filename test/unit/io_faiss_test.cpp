#include "io_files.hpp"

#include "core/io/source/content_hash.hpp"

#include <gtest/gtest.h>

#include <random>
#include <set>

using namespace vecstore;
using namespace vecstore::test;
using core::ErrorCode;
using core::Metric;
using core::io::FileMetric;

namespace {

const std::vector<float> six = {1, 2, 3, 4, 5, 6};

void expect_error(const Bytes& file, ErrorCode code, const std::string& part) {
    const core::Error error = error_of(file, "faiss");
    EXPECT_EQ(static_cast<int>(error.code()), static_cast<int>(code)) << error.message();
    EXPECT_NE(error.message().find(part), std::string::npos) << error.message();
}

TEST(Faiss, ReadsFlatIndexes) {
    const struct {
        const char* code;
        int32_t metric;
        FileMetric expected;
    } cases[] = {{"IxF2", 1, Metric::l2},
                 {"IxFI", 0, Metric::inner_product},
                 {"IxFl", 2, Metric::l1},
                 {"IxFl", 3, FileMetric::other()},
                 {"IxFl", 21, FileMetric::other()}};
    for (const auto& test : cases) {
        const Contents contents = read_all(faiss_flat(test.code, 3, six, test.metric));
        EXPECT_EQ(contents.values, six) << test.code;
        EXPECT_STREQ(contents.info.metric.name(), test.expected.name()) << test.code;
        EXPECT_EQ(contents.info.rows, 2u);
        EXPECT_EQ(contents.info.dims, 3u);
        EXPECT_FALSE(contents.info.has_ids);
        EXPECT_TRUE(contents.info.warnings.empty());
    }
}

TEST(Faiss, ReadsIdMaps) {
    for (const char* code : {"IxMp", "IxM2"}) {
        const Bytes file = faiss_id_map(code, faiss_flat("IxFI", 2, six, 0), 3, {-5, 1LL << 40, 7});
        for (const size_t batch : {1, 2, 3}) {
            const Contents contents = read_all(file, batch);
            EXPECT_EQ(contents.values, six);
            EXPECT_EQ(contents.ids, (std::vector<int64_t>{-5, 1LL << 40, 7}));
            EXPECT_TRUE(contents.info.has_ids);
            EXPECT_EQ(contents.info.dims, 2u);  // from the inner index: the outer one has 0
            EXPECT_TRUE(contents.info.metric.is(Metric::inner_product));
        }
        EXPECT_EQ(read_all(file, 1, "faiss", 2).ids, (std::vector<int64_t>{7}));
    }
}

TEST(Faiss, ReadsEmptyIndexes) {
    const Bytes flat = faiss_header("IxFI", 384, 0, 0) + raw(uint64_t{0});
    EXPECT_EQ(read_all(flat).info.rows, 0u);
    EXPECT_EQ(read_all(faiss_id_map("IxMp", flat, 0, {})).info.dims, 384u);
}

TEST(Faiss, WarnsOfFootersAndDisagreement) {
    EXPECT_EQ(read_all(faiss_flat("IxF2", 3, six, 1) + Bytes(16, 'f')).info.warnings.size(), 1u);
    EXPECT_EQ(read_all(faiss_id_map("IxMp", faiss_flat("IxF2", 3, six, 1), 99, {1, 2})).info.warnings.size(),
              1u);
}

TEST(Faiss, RefusesEveryTruncation) {
    for (const Bytes& file : {faiss_flat("IxF2", 3, six, 1), faiss_flat("IxFl", 3, six, 4),
                              faiss_id_map("IxMp", faiss_flat("IxFI", 2, six, 0), 3, {1, 2, 3})}) {
        for (size_t length = 0; length < file.size(); length++) {
            expect_error(file.substr(0, length), ErrorCode::bad_file, "byte");
        }
    }
}

TEST(Faiss, RefusesBadNumbers) {
    const Bytes body = raw(uint64_t{6}) + raw_all(six);
    expect_error(faiss_header("IxF2", -3, 2, 1) + body, ErrorCode::bad_file, "-3 dimensions");
    expect_error(faiss_header("IxF2", 0, 2, 1) + body, ErrorCode::bad_file, "0 dimensions");
    expect_error(faiss_header("IxF2", 3, -2, 1) + body, ErrorCode::bad_file, "-2 vectors");
    expect_error(faiss_header("IxF2", 3, 3, 1) + body, ErrorCode::bad_file, "holds 6 values");
    expect_error(faiss_header("IxF2", INT32_MAX, INT64_MAX, 1) + body, ErrorCode::bad_file, "holds 6 values");
    for (const uint64_t count : {UINT64_MAX, UINT64_MAX / 4 + 1, uint64_t{1} << 62, uint64_t{7}}) {
        expect_error(faiss_header("IxF2", 3, 2, 1) + raw(count) + raw_all(six), ErrorCode::bad_file, "holds");
    }
    // Agreeing, and far more than there is.
    const int64_t many = int64_t{1} << 61;
    expect_error(faiss_header("IxF2", 1, many, 1) + raw(many) + raw_all(six), ErrorCode::bad_file,
                 "9223372036854775808 bytes are needed");
    expect_error(faiss_header("IxF2", 4, many, 1) + raw(static_cast<uint64_t>(many) * 4) + raw_all(six),
                 ErrorCode::bad_file, "overflows");
}

TEST(Faiss, RefusesBadIdMaps) {
    const Bytes inner = faiss_flat("IxF2", 3, six, 1);
    expect_error(faiss_id_map("IxMp", inner, 2, {1}), ErrorCode::bad_file, "1 ids for 2 vectors");
    expect_error(faiss_id_map("IxMp", inner, 2, {1, 2, 3}), ErrorCode::bad_file, "3 ids for 2 vectors");
    expect_error(faiss_header("IxMp", 3, 2, 1) + inner + raw(UINT64_MAX), ErrorCode::bad_file,
                 "ids for 2 vectors");
}

TEST(Faiss, RefusesNestedIdMapsHoweverDeep) {
    Bytes bomb;
    for (int i = 0; i < 100000; i++) bomb += faiss_header("IxMp", 3, 2, 1);
    expect_error(bomb, ErrorCode::file_not_supported, "inside an id map");
}

TEST(Faiss, NamesTheKindsItRefuses) {
    expect_error("INSfxxxxxxxxxxxxxxxx", ErrorCode::file_not_supported,
                 "NSG index with flat storage (FAISS \"INSf\")");
    expect_error("IwPfxxxxxxxxxxxxxxxx", ErrorCode::file_not_supported, "IwPf");
    expect_error("IxHexxxxxxxxxxxxxxxx", ErrorCode::file_not_supported, "keeps no vectors");
    expect_error(faiss_header("IxMp", 3, 2, 1) + "INSf", ErrorCode::file_not_supported, "INSf");
    expect_error(faiss_header("IxMp", 3, 2, 1) + "null", ErrorCode::file_not_supported, "not saved");
    expect_error("ABCDxxxxxxxxxxxxxxxx", ErrorCode::bad_file, "ABCD");
    expect_error(Bytes("\x08\0\0\0xxxxxx", 10), ErrorCode::bad_file, "\\x08\\x00\\x00\\x00");
}

// Any bytes of a file lead to an answer or a core::Error, and rows that agree with the announcement.
TEST(Faiss, SurvivesEveryByteChanged) {
    const Bytes good[] = {faiss_id_map("IxM2", faiss_flat("IxFI", 2, six, 0), 3, {1, 2, 3}),
                          npy(npy_dict("<f4", "(2, 3)"), raw_all(six))};
    for (const Bytes& file : good) {
        for (size_t at = 0; at < file.size(); at++) {
            for (const int change : {0x01, 0x80, 0xff, 0x20}) {
                Bytes bad = file;
                bad[at] = static_cast<char>(bad[at] ^ change);
                try {
                    const Contents contents = read_all(bad);
                    EXPECT_EQ(contents.values.size(), contents.info.rows * contents.info.dims);
                    EXPECT_LE(contents.values.size() * sizeof(float), bad.size() * 4);
                } catch (const core::Error& error) {
                    EXPECT_FALSE(error.message().empty());
                }
            }
        }
    }
}

TEST(ContentHash, DependsOnEveryBitAndOnTheId) {
    std::mt19937 random(1);
    std::uniform_real_distribution<float> uniform(-1, 1);
    for (const size_t dims : {0u, 1u, 2u, 7u, 8u, 9u, 63u, 384u}) {
        std::vector<float> values(dims);
        for (float& value : values) value = uniform(random);
        std::set<uint64_t> seen;
        seen.insert(core::io::hash_row(0, values.data(), dims));
        for (int bit = 0; bit < 64; bit++)
            seen.insert(core::io::hash_row(int64_t(1ULL << bit), values.data(), dims));
        size_t expected = 65;
        for (size_t i = 0; i < dims; i++) {
            for (int bit = 0; bit < 32; bit++) {
                auto changed = values;
                uint32_t bits;
                std::memcpy(&bits, &changed[i], 4);
                bits ^= 1u << bit;
                std::memcpy(&changed[i], &bits, 4);
                seen.insert(core::io::hash_row(0, changed.data(), dims));
                expected++;
            }
        }
        EXPECT_EQ(seen.size(), expected) << dims;
    }
}

TEST(ContentHash, TellsWhereAValueStands) {
    std::set<uint64_t> seen;
    for (size_t i = 0; i < 100; i++) {
        std::vector<float> values(100, 0.0f);
        values[i] = 1;
        seen.insert(core::io::hash_row(0, values.data(), values.size()));
        seen.insert(core::io::hash_row(0, values.data(), i));  // zeros, of another length
    }
    EXPECT_EQ(seen.size(), 200u);
}

// The sums are kept in tables: a hash that changes would break the verification of a resumed import.
TEST(ContentHash, NeverChanges) {
    const float values[] = {1, -2.5f, 0, 1e-20f, 5, 6, 7, 8, 9, 10};
    EXPECT_EQ(core::io::hash_row(42, values, 10), 5788899917655395014u);
}

TEST(Fingerprint, DependsOnSizeAndContent) {
    std::set<uint64_t> seen;
    size_t expected = 0;
    for (const size_t size : {0u, 1u, 2u, 4095u, 4096u, 4097u, 100000u, 262144u, 262145u, 1000000u}) {
        Bytes file(size, '\0');
        for (const size_t at : {size_t{0}, size - 1, size / 2, size}) {
            if (size > 262144 && at == size / 2) continue;  // may lie between two samples
            if (at < size) file[at] = static_cast<char>(file[at] + 1);
            core::io::MemorySource source("test file", file.data(), file.size());
            seen.insert(core::io::fingerprint(source));
            expected += at < size || size == 0;
            if (size == 0) break;
        }
    }
    EXPECT_GE(seen.size(), expected);
}

}  // namespace
