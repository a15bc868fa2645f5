// Pickles: every opcode of plain data, in all protocols' forms; what is refused; and that no mutation of a
// real pickle does anything but be read or refused.
#include "core/io/json/utf8.hpp"
#include "core/io/pickle/pickle.hpp"
#include "core/io/pickle/pickle_json.hpp"
#include "io_files.hpp"

#include <gtest/gtest.h>

#include <random>

namespace vecstore::test {

namespace {

using core::Error;
using core::ErrorCode;
using core::io::MemorySource;
using core::io::PickleLimits;
using namespace std::string_literals;

// The whole of a pickle, as JSON.
std::string json_of(const Bytes& pickle, PickleLimits limits = {}) {
    MemorySource source("a pickle", pickle.data(), pickle.size());
    const auto data = core::io::read_pickle(source, limits);
    return core::io::json_text(data, data.root()).json;
}

// The error's code; internal where there is none.
ErrorCode refused(const Bytes& pickle, PickleLimits limits = {}) {
    try {
        json_of(pickle, limits);
    } catch (const Error& error) {
        return error.code();
    }
    return ErrorCode::internal;
}

TEST(Pickle, ReadsScalarsOfAllProtocols) {
    const std::pair<Bytes, Bytes> cases[] = {
        {"N.", "null"},
        {"\x88.", "true"},
        {"\x89.", "false"},
        {"I01\n.", "true"},
        {"I00\n.", "false"},
        {"I-12\n.", "-12"},
        {"L12345678901L\n.", "12345678901"},
        {"K\xff.", "255"},
        {"M\x01\x02.", "513"},
        {"J\xfe\xff\xff\xff.", "-2"},
        {"\x8a\x00."s, "0"},
        {"\x8a\x01\xff.", "-1"},
        {"\x8a\x02\xff\x00."s, "255"},
        {"\x8a\x09\x00\x00\x00\x00\x00\x00\x00\x00\x01."s, "18446744073709551616"},
        {"\x8a\x09\x00\x00\x00\x00\x00\x00\x00\x00\xff."s, "-18446744073709551616"},
        {"L18446744073709551617L\n.", "18446744073709551617"},
        {"L-18446744073709551617L\n.", "-18446744073709551617"},
        {"F1.5\n.", "1.5"},
        {"G\x3f\xf8\x00\x00\x00\x00\x00\x00."s, "1.5"},
        {"G\x7f\xf0\x00\x00\x00\x00\x00\x00."s, "\"Infinity\""},
        {"S'a\\x41\\n\\''\n.", "\"aA\\u000a'\""},
        {"Vx\\u00e9\\U0001f600\xe9\n.", "\"x\xc3\xa9\xf0\x9f\x98\x80\xc3\xa9\""},
        {"U\x02hi.", "\"hi\""},
        {"T\x02\x00\x00\x00hi."s, "\"hi\""},
        {"\x8c\x02hi.", "\"hi\""},
        {"X\x02\x00\x00\x00hi."s, "\"hi\""},
        {"\x8d\x02\x00\x00\x00\x00\x00\x00\x00hi."s, "\"hi\""},
        {"C\x02\x00\xff."s, "\"\\\\x00ff\""},
        {"B\x01\x00\x00\x00\x0a."s, "\"\\\\x0a\""},
        {"\x96\x01\x00\x00\x00\x00\x00\x00\x00\x0a."s, "\"\\\\x0a\""},
    };
    for (const auto& [pickle, json] : cases) EXPECT_EQ(json_of(pickle), json);
}

TEST(Pickle, ReadsContainersAndMemo) {
    const std::pair<Bytes, Bytes> cases[] = {
        {"].", "[]"},
        {"(I1\nI2\nl.", "[1, 2]"},
        {"]I1\na.", "[1]"},
        {"](I1\nI2\ne.", "[1, 2]"},
        {").", "[]"},
        {"(I1\nt.", "[1]"},
        {"I1\nI2\n\x86.", "[1, 2]"},
        {"}.", "{}"},
        {"(Va\nI1\nd.", "{\"a\": 1}"},
        {"}Va\nI1\ns.", "{\"a\": 1}"},
        {"}(Va\nI1\nI2\nN\x75.", "{\"a\": 1, \"2\": null}"},
        {"\x8f(I1\n\x90.", "[1]"},
        {"(I1\n\x91.", "[1]"},
        {"]p0\n0(g0\ng0\nt.", "[[], []]"},
        {"]q\x05(h\x05l."s, "[[]]"},
        {"]r\x01\x00\x00\x00(j\x01\x00\x00\x00l."s, "[[]]"},
        {"]\x94(h\x00l."s, "[[]]"},
        {"I1\n2\x86.", "[1, 1]"},
        {"(I1\n1N.", "null"},
        {"N(0I1\n.", "1"},
        {"\x80\x04\x95\x03\x00\x00\x00\x00\x00\x00\x00]."s, "[]"},
    };
    for (const auto& [pickle, json] : cases) EXPECT_EQ(json_of(pickle), json);
}

TEST(Pickle, MakesInertRecordsOfKnownClasses) {
    const std::pair<Bytes, Bytes> cases[] = {
        {"clangchain.schema\nDocument\n)R}V__dict__\n}Vpage_content\nVx\nssb.", "{\"page_content\": \"x\"}"},
        {"ccopy_reg\n_reconstructor\n(clangchain.schema\nDocument\nc__builtin__\nobject\nNtR}Va\nI1\nsb.",
         "{\"a\": 1}"},
        {"(ilangchain.schema\nDocument\n}Va\nI1\nsb.", "{\"a\": 1}"},
        {"(clangchain.schema\nDocument\no}Va\nI1\nsb.", "{\"a\": 1}"},
        {"\x8c\x10langchain.schema\x8c\x08"
         "Document\x93)\x81}\x8c\x01"
         "aK\x01sb.",
         "{\"a\": 1}"},
        {"c__builtin__\nset\n((I1\nltR.", "[1]"},
        {"ccollections\nOrderedDict\n(((Va\nI1\ntltR.", "{\"a\": 1}"},
        {"ccollections\nOrderedDict\n)RVa\nI1\ns.", "{\"a\": 1}"},
        {"ccollections\ndefaultdict\n(c__builtin__\nint\ntR.", "{}"},
        {"c_codecs\nencode\n(Va\xff\nVlatin1\ntR.", "\"\\\\x61ff\""},
        {"cdatetime\ndate\n(C\x04\x07\xe8\x02\x1dtR."s, "\"2024-02-29\""},
        {"cdecimal\nDecimal\n(V1.50\ntR.", "\"1.50\""},
        {"cuuid\nUUID\n)\x81}Vint\nI1\nsb.", "\"00000000-0000-0000-0000-000000000001\""},
    };
    for (const auto& [pickle, json] : cases) EXPECT_EQ(json_of(pickle), json) << pickle;
}

TEST(Pickle, RefusesWhatIsNotPlainData) {
    for (const Bytes& pickle : {"cos\nsystem\n."s, "cbuiltins\neval\n."s, "clangchainx\nDocument\n."s,
                                "clangchain.schema\nDocument.x\n."s, "c__builtin__\nobject\n)R."s, "}}b."s,
                                "Va\n)R."s, "P1\n."s, "I1\nQ."s, "\x82\x01."s, "\x97."s, "\x80\x06N."s,
                                "Va\nI1\na."s, "]Va\nI1\ns."s, "c__builtin__\nset\n(I1\ntR."s}) {
        EXPECT_EQ(refused(pickle), ErrorCode::file_not_supported) << pickle;
    }
    for (const Bytes& pickle :
         {""s, "N"s, "."s, "0."s, "t."s, "h\x05."s, "I\n."s, "F\n."s, "Sx\n."s, "X\xff\xff\xff\xff."s,
          "\x8b\xff\xff\xff\xff."s, "\x8d\xff\xff\xff\xff\xff\xff\xff\xffx."s, "N(0R."s, "}(I1\nu."s,
          "g-1\n."s, "\xfe."s}) {
        EXPECT_EQ(refused(pickle), ErrorCode::bad_file) << pickle;
    }
}

TEST(Pickle, BoundsMemoryAndOutput) {
    const PickleLimits little{size_t{1} << 16, 100};
    Bytes many = "(";
    for (int i = 0; i < 100000; i++) many += 'N';
    EXPECT_EQ(refused(many + "l.", little), ErrorCode::limit_exceeded);
    Bytes keys = "N";
    for (int i = 0; i < 10000; i++) keys += 'r' + raw(static_cast<uint32_t>(1000000 + i));
    EXPECT_EQ(refused(keys + ".", little), ErrorCode::limit_exceeded);
    EXPECT_EQ(refused(Bytes(100000, '(') + ".", little), ErrorCode::limit_exceeded);
    EXPECT_EQ(refused("X\xc8\x00\x00\x00"s + Bytes(200, 'x') + ".", little), ErrorCode::limit_exceeded);
    // A list of ten lists of ten lists ... : small as a pickle, and endless as text.
    Bytes bomb = "]p0\n0";
    for (int level = 1; level <= 30; level++) {
        bomb += "(";
        for (int i = 0; i < 10; i++) bomb += "g" + std::to_string(level - 1) + "\n";
        bomb += "lp" + std::to_string(level) + "\n0";
    }
    EXPECT_EQ(refused(bomb + "g30\n."), ErrorCode::limit_exceeded);
    EXPECT_EQ(refused("]p0\ng0\na."), ErrorCode::limit_exceeded);  // a list in itself
}

// Real pickles' ways, all in one.
Bytes sample() {
    return "\x80\x04\x95\x10\x00\x00\x00\x00\x00\x00\x00"s +
           "\x8c\x26langchain_community.docstore.in_memory\x94\x8c\x10InMemoryDocstore\x94\x93\x94)\x81\x94}"
           "\x94\x8c\x05_dict\x94}\x94(\x8c\x02id\x94\x8c\x10langchain.schema\x94\x8c\x08"
           "Document\x94\x93\x94)\x81\x94}\x94(\x8c\x08__dict__\x94}\x94("
           "\x8c\x0cpage_content\x94\x8c\x05hello\x94\x8c\x08metadata\x94}\x94(\x8c\x01"
           "aK\x01\x8c\x01"
           "bG?\xf8\x00\x00\x00\x00\x00\x00\x8c\x01"
           "c\x8a\x09"
           "\x00\x00\x00\x00\x00\x00\x00\x00\x01uu\x8c\x0e__fields_set__\x94\x8f(h\x0c\x90ububsb}\x94K\x00h\x06s\x86\x94."s;
}

TEST(Pickle, SurvivesMutations) {
    std::mt19937 random(5);
    const Bytes original = sample();
    int read = 0, errors = 0;
    for (int round = 0; round < 30000; round++) {
        Bytes pickle = original;
        const size_t changes = 1 + random() % 4;
        for (size_t i = 0; i < changes; i++) {
            const size_t at = random() % pickle.size();
            switch (random() % 4) {
                case 0: pickle[at] = static_cast<char>(random()); break;
                case 1: pickle.erase(at, 1 + random() % 8); break;
                case 2: pickle.insert(at, pickle.substr(random() % pickle.size(), random() % 20)); break;
                default: pickle[at] = "(.0122tRbduse}]ch"[random() % 17]; break;
            }
            if (pickle.empty()) pickle = "N";
        }
        const ErrorCode code = refused(pickle, {size_t{1} << 20, 10000});
        (code == ErrorCode::internal ? read : errors)++;
    }
    EXPECT_GT(read, 300);
    EXPECT_GT(errors, 1000);
}

TEST(Utf8, MakesTextsStorable) {
    const std::pair<Bytes, Bytes> cases[] = {
        {"plain \xc3\xa9 \xf0\x9f\x98\x80", "plain \xc3\xa9 \xf0\x9f\x98\x80"},
        {"a\0b"s, "ab"},
        {"\xff", "\xef\xbf\xbd"},
        {"\xed\xa0\x80x", "\xef\xbf\xbdx"},
        {"\xc0\x80", "\xef\xbf\xbd"},
        {"\xf4\x90\x80\x80", "\xef\xbf\xbd"},
        {"\xe2\x82", "\xef\xbf\xbd"},
    };
    for (const auto& [from, to] : cases) {
        Bytes text = from;
        EXPECT_EQ(core::io::make_storable(text), from != to);
        EXPECT_EQ(text, to);
    }
}

}  // namespace
}  // namespace vecstore::test
