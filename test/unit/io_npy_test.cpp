#include "io_files.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <numeric>

using namespace vecstore;
using namespace vecstore::test;
using core::ErrorCode;

namespace {

std::vector<float> counting(size_t n, float start = 0) {
    std::vector<float> values(n);
    std::iota(values.begin(), values.end(), start);
    return values;
}

void expect_error(const Bytes& file, ErrorCode code, const std::string& part,
                  const std::string& format = "npy") {
    const core::Error error = error_of(file, format);
    EXPECT_EQ(static_cast<int>(error.code()), static_cast<int>(code)) << error.message();
    EXPECT_NE(error.message().find(part), std::string::npos) << error.message();
}

TEST(Npy, ReadsFloat32RowsInAnyBatchSize) {
    const auto values = counting(30, -7.5f);
    const Bytes file = npy(npy_dict("<f4", "(10, 3)"), raw_all(values));
    for (const size_t batch : {1, 3, 10, 100}) {
        const Contents contents = read_all(file, batch);
        EXPECT_EQ(contents.values, values);
        EXPECT_EQ(contents.info.rows, 10u);
        EXPECT_EQ(contents.info.dims, 3u);
        EXPECT_EQ(contents.info.format, "npy");
        EXPECT_FALSE(contents.info.has_ids);
        ASSERT_EQ(contents.ids.size(), 10u);
        for (int64_t i = 0; i < 10; i++) EXPECT_EQ(contents.ids[static_cast<size_t>(i)], i);
    }
}

TEST(Npy, SeeksToARow) {
    const auto values = counting(30);
    const Bytes file = npy(npy_dict("<f4", "(10, 3)"), raw_all(values));
    const Contents contents = read_all(file, 2, "auto", 7);
    EXPECT_EQ(contents.values, counting(9, 21));
    EXPECT_EQ(contents.ids, (std::vector<int64_t>{7, 8, 9}));
    EXPECT_TRUE(read_all(file, 2, "auto", 10).values.empty());
    EXPECT_THROW(read_all(file, 2, "auto", 11), core::Error);
}

TEST(Npy, ReadsEveryVersion) {
    for (const int major : {1, 2, 3}) {
        const Contents contents = read_all(npy(npy_dict("<f4", "(1, 2)"), raw_all<float>({1, 2}), major));
        EXPECT_EQ(contents.values, (std::vector<float>{1, 2})) << major;
    }
    expect_error(npy(npy_dict("<f4", "(1, 2)"), raw_all<float>({1, 2}), 4), ErrorCode::file_not_supported,
                 "version 4.0");
}

template <class T>
void check_type(const Bytes& letter, const std::vector<T>& values) {
    Bytes little, big;
    std::vector<float> expected;
    for (const T value : values) {
        little += raw(value);
        big += reversed(raw(value));
        expected.push_back(static_cast<float>(value));
    }
    const Bytes shape = "(1, " + std::to_string(values.size()) + ")";
    EXPECT_EQ(read_all(npy(npy_dict("<" + letter, shape), little)).values, expected) << letter;
    EXPECT_EQ(read_all(npy(npy_dict(">" + letter, shape), big)).values, expected) << letter;
    if (sizeof(T) == 1) {
        EXPECT_EQ(read_all(npy(npy_dict("|" + letter, shape), little)).values, expected) << letter;
    }
}

TEST(Npy, ReadsEveryNumericType) {
    check_type<int8_t>("i1", {-128, -1, 0, 127});
    check_type<uint8_t>("u1", {0, 1, 128, 255});
    check_type<int16_t>("i2", {-32768, -2, 258, 32767});
    check_type<uint16_t>("u2", {0, 258, 65535});
    check_type<int32_t>("i4", {-16777217, 66051, 2147483647});
    check_type<uint32_t>("u4", {0, 66051, 4294967295});
    check_type<int64_t>("i8", {-9007199254740993, 66051});
    check_type<uint64_t>("u8", {18446744073709551615u, 66051});
    check_type<float>("f4", {-1.5f, 3e-42f, 3.4e38f});
    check_type<double>("f8", {-1.5, 0.1, 1e-300});
}

TEST(Npy, ReadsBooleansAsZeroAndOne) {
    EXPECT_EQ(read_all(npy(npy_dict("|b1", "(1, 3)"), Bytes("\0\1\2", 3))).values,
              (std::vector<float>{0, 1, 1}));
}

TEST(Npy, ReadsHalfPrecisionExactly) {
    // 1, -2, the largest, the smallest normal, the smallest subnormal, -0
    const std::vector<uint16_t> bits = {0x3c00, 0xc000, 0x7bff, 0x0400, 0x0001, 0x8000};
    const auto values = read_all(npy(npy_dict("<f2", "(2, 3)"), raw_all(bits))).values;
    EXPECT_EQ(values, (std::vector<float>{1, -2, 65504, 0x1p-14f, 0x1p-24f, -0.0f}));
    EXPECT_TRUE(std::signbit(values[5]));
}

TEST(Npy, WarnsWhereTypesNarrow) {
    EXPECT_EQ(read_all(npy(npy_dict("<f8", "(1, 1)"), raw(0.1))).info.warnings.size(), 1u);
    EXPECT_EQ(read_all(npy(npy_dict("<f4", "(1, 1)"), raw(0.1f))).info.warnings.size(), 0u);
}

TEST(Npy, ReadsFortranOrder) {
    // 3 rows of 2, stored column after column
    const Bytes data = raw_all<float>({1, 2, 3, 10, 20, 30});
    for (const size_t batch : {1, 2, 3}) {
        EXPECT_EQ(read_all(npy(npy_dict("<f4", "(3, 2)", true), data), batch).values,
                  (std::vector<float>{1, 10, 2, 20, 3, 30}));
    }
    EXPECT_EQ(read_all(npy(npy_dict("<f4", "(6, 1)", true), data)).values,
              (std::vector<float>{1, 2, 3, 10, 20, 30}));
}

TEST(Npy, ReadsOneDimensionAsOneVector) {
    const Contents contents = read_all(npy(npy_dict("<f4", "(4,)"), raw_all(counting(4))));
    EXPECT_EQ(contents.info.rows, 1u);
    EXPECT_EQ(contents.info.dims, 4u);
    EXPECT_EQ(contents.values, counting(4));
}

TEST(Npy, ReadsNoRows) {
    EXPECT_EQ(read_all(npy(npy_dict("<f4", "(0, 384)"), "")).info.dims, 384u);
    EXPECT_EQ(read_all(npy(npy_dict("<f4", "(0,)"), "")).info.rows, 0u);
    EXPECT_EQ(read_all(npy(npy_dict("<f4", "(0, 0)"), "")).info.rows, 0u);
}

TEST(Npy, UnderstandsOldAndOddHeaders) {
    const Bytes data = raw_all<float>({1, 2});
    for (const Bytes& dict :
         {Bytes("{'descr': '<f4', 'fortran_order': False, 'shape': (2L,), }\n"),
          Bytes("{\"shape\":(1,2),\"descr\":u'<f4',\"fortran_order\":False}"),
          Bytes("  { 'fortran_order' : False , 'shape' : ( 1 , 2 ) , 'descr' : 'f4' } \r\n ")}) {
        EXPECT_EQ(read_all(npy(dict, data)).values, (std::vector<float>{1, 2})) << dict;
    }
}

TEST(Npy, IgnoresTrailingBytesWithAWarning) {
    const Contents contents = read_all(npy(npy_dict("<f4", "(1, 1)"), raw(1.0f) + "0123456789abcdef"));
    EXPECT_EQ(contents.values, (std::vector<float>{1}));
    ASSERT_EQ(contents.info.warnings.size(), 1u);
    EXPECT_NE(contents.info.warnings[0].find("16 bytes"), std::string::npos);
}

TEST(Npy, RefusesEveryTruncation) {
    for (const int major : {1, 2}) {
        const Bytes file = npy(npy_dict("<f4", "(2, 3)"), raw_all(counting(6)), major);
        for (size_t length = 0; length < file.size(); length++) {
            expect_error(file.substr(0, length), ErrorCode::bad_file, "byte");
        }
    }
}

TEST(Npy, RefusesBadHeaders) {
    const Bytes data = raw_all(counting(6));
    const struct {
        Bytes dict;
        ErrorCode code;
        const char* part;
    } cases[] = {
        {"", ErrorCode::bad_file, "expected \"{\""},
        {"garbage", ErrorCode::bad_file, "expected \"{\""},
        {"{'descr': '<f4', 'fortran_order': False, 'shape': (2, 3)", ErrorCode::bad_file, "expected"},
        {"{'descr': '<f4', 'fortran_order': False}", ErrorCode::bad_file, "lacks"},
        {"{'descr': '<f4', 'descr': '<f4', 'fortran_order': False, 'shape': (2, 3)}", ErrorCode::bad_file,
         "repeated"},
        {"{'descr': '<f4', 'fortran_order': False, 'shape': (2, 3), 'x': 1}", ErrorCode::bad_file,
         "unexpected"},
        {"{'descr': '<f4', 'fortran_order': 1, 'shape': (2, 3)}", ErrorCode::bad_file, "True or False"},
        {"{'descr': '<f4', 'fortran_order': False, 'shape': (-2, 3)}", ErrorCode::bad_file, "negative"},
        {"{'descr': '<f4', 'fortran_order': False, 'shape': 6}", ErrorCode::bad_file, "expected \"(\""},
        {"{'descr': '<f4', 'fortran_order': False, 'shape': (2 3)}", ErrorCode::bad_file, "expected"},
        {"{'descr': '<f4', 'fortran_order': False, 'shape': (2, 3)} x", ErrorCode::bad_file, "after"},
        {"{'descr': '<f4, 'fortran_order': False, 'shape': (2, 3)}", ErrorCode::bad_file, "expected"},
        {"{'descr': '', 'fortran_order': False, 'shape': (2, 3)}", ErrorCode::bad_file, "element type"},
        {"{'descr': '|O', 'fortran_order': False, 'shape': (3,)}", ErrorCode::file_not_supported, "pickle"},
        {"{'descr': '<U12', 'fortran_order': False, 'shape': (3,)}", ErrorCode::file_not_supported,
         "strings"},
        {"{'descr': '<c8', 'fortran_order': False, 'shape': (3,)}", ErrorCode::file_not_supported, "complex"},
        {"{'descr': '<f16', 'fortran_order': False, 'shape': (3,)}", ErrorCode::file_not_supported, "<f16"},
        {"{'descr': [('x', '<f4')], 'fortran_order': False, 'shape': (3,)}", ErrorCode::file_not_supported,
         "structured"},
        {"{'descr': '<f4', 'fortran_order': False, 'shape': ()}", ErrorCode::file_not_supported,
         "shape is ()"},
        {"{'descr': '<f4', 'fortran_order': False, 'shape': (1, 2, 3)}", ErrorCode::file_not_supported,
         "(1, 2, 3)"},
        {"{'descr': '<f4', 'fortran_order': False, 'shape': (5, 0)}", ErrorCode::bad_file,
         "without components"},
        {"{'descr': '<f4', 'fortran_order': False, 'shape': (65536, 65536)}", ErrorCode::bad_file,
         "17179869184"},
        {"{'descr': '<f4', 'fortran_order': False, 'shape': (4294967296, 4294967296)}", ErrorCode::bad_file,
         "overflows"},
        {"{'descr': '<f4', 'fortran_order': False, 'shape': (4611686018427387904, 1)}", ErrorCode::bad_file,
         "overflows"},
        {"{'descr': '<f4', 'fortran_order': False, 'shape': (9223372036854775808, 1)}", ErrorCode::bad_file,
         "too large"},
        {"{'descr': '<f4', 'fortran_order': False, 'shape': (99999999999999999999999, 1)}",
         ErrorCode::bad_file, "too large"},
    };
    for (const auto& test : cases) expect_error(npy(test.dict, data), test.code, test.part);
    expect_error("\x93NUMPZ" + npy("", "").substr(6), ErrorCode::bad_file, "not an .npy");
    Bytes many = "{'descr': '<f4', 'fortran_order': False, 'shape': (";
    for (int i = 0; i < 100; i++) many += "1,";
    expect_error(npy(many + ")}", data), ErrorCode::bad_file, "too many");
}

TEST(Npy, BoundsTheHeader) {
    Bytes file = npy(npy_dict("<f4", "(1, 1)"), raw(1.0f), 2);
    const uint32_t huge = 0xffffffff;
    std::memcpy(file.data() + 8, &huge, 4);
    expect_error(file, ErrorCode::bad_file, "4294967295");
}

TEST(Npy, NamesTheRowThatIsNotFinite) {
    auto values = counting(3000);
    values[2 * 300 + 299] = std::numeric_limits<float>::quiet_NaN();
    expect_error(npy(npy_dict("<f4", "(10, 300)"), raw_all(values)), ErrorCode::data_exception,
                 "row 2 of test file has NaN in component 299");
    values = counting(3000);
    values[9 * 300] = -std::numeric_limits<float>::infinity();
    expect_error(npy(npy_dict("<f4", "(10, 300)"), raw_all(values)), ErrorCode::data_exception,
                 "row 9 of test file has an infinite value in component 0");
    expect_error(npy(npy_dict("<f8", "(1, 1)"), raw(1e300)), ErrorCode::data_exception, "row 0");
}

TEST(Npy, DescribesButDoesNotReadVectorsThatAreTooLong) {
    const Bytes file = npy(npy_dict("|u1", "(70000,)"), Bytes(70000, '\1'));
    core::io::MemorySource source("test file", file.data(), file.size());
    EXPECT_EQ(core::io::open_vectors(source)->info().dims, 70000u);
    expect_error(file, ErrorCode::limit_exceeded, "70000");
}

TEST(Npy, MemoryOfABatchIsBounded) {
    const size_t rows = 5000, dims = 1000;
    const Bytes file = npy(npy_dict("|u1", "(5000, 1000)"), Bytes(rows * dims, '\7'));
    core::io::MemorySource source("test file", file.data(), file.size());
    auto reader = core::io::open_vectors(source);
    core::io::VectorBatch batch;
    size_t total = 0;
    while (reader->read(batch, SIZE_MAX)) {
        EXPECT_LE(batch.values.capacity() * sizeof(float), core::io::VectorReader::block_bytes);
        total += batch.rows;
    }
    EXPECT_EQ(total, rows);
}

TEST(Formats, AreRecognisedOrRefused) {
    expect_error("", ErrorCode::bad_file, "empty", "auto");
    expect_error("version https://git-lfs.github.com/spec/v1\noid", ErrorCode::bad_file, "Git LFS", "auto");
    expect_error("PK\x03\x04rest", ErrorCode::bad_file, "directory is missing", "auto");
    expect_error(Bytes("\x01\x02hello", 7), ErrorCode::file_not_supported, "\\x01\\x02hello", "auto");
    expect_error("x", ErrorCode::invalid_parameter, "tiff", "tiff");
}

}  // namespace
