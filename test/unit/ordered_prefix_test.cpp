// Numbers in the order of strings: against memcmp (std::string compares so).
#include "core/base/ordered_prefix.hpp"

#include <random>
#include <set>
#include <string>
#include <vector>

#include <gtest/gtest.h>

namespace vecstore::core {
namespace {

NumberRange of(const std::string& s) { return ordered_prefix(s.data(), s.size()); }

uint64_t number(const std::string& s) { return of(s).low >> (64 - ordered_prefix_bits); }

// Strings that often share a beginning, of letters, bytes of longer characters, anything; with zeros.
std::vector<std::string> strings(size_t count) {
    std::mt19937_64 random(7);
    std::vector<std::string> made = {"",  std::string(1, '\0'),  std::string(30, '\0'),
                                     "a", std::string("a\0", 2), std::string(30, '\xFF')};
    while (made.size() < count) {
        std::string s = random() % 2 == 0 ? made[random() % made.size()].substr(0, random() % 12) : "";
        const size_t alphabet = random() % 4;
        for (size_t n = random() % 9; n > 0; --n)
            s += static_cast<char>(alphabet == 0   ? 'a' + random() % 26
                                   : alphabet == 1 ? '.' + random() % 12
                                   : alphabet == 2 ? 0x80 + random() % 0x75
                                                   : random() % 256);
        made.push_back(s);
    }
    return made;
}

TEST(OrderedPrefix, IsInTheOrderOfBytes) {
    const std::vector<std::string> all = strings(700);
    size_t told_apart = 0, pairs = 0;
    for (const std::string& a : all)
        for (const std::string& b : all) {
            if (!(a < b)) continue;
            ASSERT_LE(of(a).low, of(b).low) << testing::PrintToString(a) << ' ' << testing::PrintToString(b);
            ++pairs;
            told_apart += number(a) < number(b);
        }
    EXPECT_GT(told_apart, pairs * 9 / 10);
}

TEST(OrderedPrefix, HasWhatBeginsSoInItsRange) {
    const std::vector<std::string> all = strings(700);
    size_t inside = 0, outside = 0;
    for (const std::string& start : all) {
        const NumberRange range = of(start);
        ASSERT_LE(range.low, range.high);
        for (const std::string& s : all) {
            const bool in_range = range.low <= of(s).low && of(s).low <= range.high;
            if (s.compare(0, start.size(), start) == 0) {
                ASSERT_TRUE(in_range) << testing::PrintToString(start) << ' ' << testing::PrintToString(s);
                ++inside;
            } else {
                outside += !in_range;
            }
        }
    }
    EXPECT_GT(inside, all.size());
    EXPECT_GT(outside, all.size() * all.size() * 9 / 10);
}

// Their purpose: more than the five bytes that would fit as they are.
TEST(OrderedPrefix, ReachesFurtherThanPlainBytes) {
    std::set<uint64_t> words, days, names;
    for (char c = 'a'; c <= 'z'; ++c) words.insert(number(std::string("longes") + c));
    EXPECT_EQ(words.size(), 26u);
    for (int month = 1; month <= 12; ++month)
        days.insert(number((month < 10 ? "2024-0" : "2024-") + std::to_string(month) + "-17"));
    EXPECT_EQ(days.size(), 12u);
    for (const char* name : {"Ла", "Лб", "Лв", "Ма"}) names.insert(number(name));
    EXPECT_EQ(names.size(), 4u);
    EXPECT_EQ(number("https://example.com/a"), number("https://example.com/b"))
        << "no longer what the comment says";
}

}  // namespace
}  // namespace vecstore::core
