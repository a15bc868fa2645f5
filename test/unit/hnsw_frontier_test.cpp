// The sets of a search, and neighbor selection: each against the plain way to do it.
#include <algorithm>
#include <numeric>
#include <queue>
#include <random>
#include <set>
#include <unordered_set>

#include <gtest/gtest.h>

#include "core/distance/kernels.hpp"
#include "core/hnsw/search/beam_bound.hpp"
#include "core/hnsw/search/frontier.hpp"
#include "core/hnsw/space/select.hpp"

namespace vecstore::core {
namespace {

// ------------------------------------------------------------------------------------------ VisitedSet

TEST(VisitedSet, IsASet) {
    std::mt19937_64 random(1);
    VisitedSet visited;
    std::unordered_set<uint64_t> oracle;
    // Dense ids, ids far apart, and the largest a slot can have.
    for (int i = 0; i < 200000; ++i) {
        uint64_t id = random() % 50000;
        if (i % 3 == 1) id = (random() & 0xFFFFFFFF) * 255;
        if (i % 1000 == 2) id = 0xFFFFFFFFull * 255 + random() % 3;
        ASSERT_EQ(visited.insert(id), oracle.insert(id).second) << id;
    }
    EXPECT_EQ(visited.size(), oracle.size());
}

TEST(VisitedSet, IsEmptyAfterEveryClear) {
    VisitedSet visited;
    std::mt19937_64 random(2);
    for (int round = 0; round < 300; ++round) {
        std::unordered_set<uint64_t> oracle;
        for (int i = 0; i < 200; ++i) {
            const uint64_t id = random() % 400;
            ASSERT_EQ(visited.insert(id), oracle.insert(id).second);
        }
        visited.clear();
        ASSERT_EQ(visited.size(), 0u);
    }
}

TEST(VisitedSet, SurvivesTheEndOfItsEpochs) {
    VisitedSet visited;
    visited.insert(5);
    for (int i = 0; i < (1 << 20) + 10; ++i) {
        visited.clear();
        if (i % 4096 == 0) {
            ASSERT_TRUE(visited.insert(i + 1));
            ASSERT_FALSE(visited.insert(i + 1));
        }
    }
    visited.clear();
    EXPECT_TRUE(visited.insert(5));
}

// -------------------------------------------------------------------------------------------- Frontier

// A frontier driven as Beam drives it, beside a priority queue of all candidates that are new.
class FrontierTest : public testing::Test {
  protected:
    void start(size_t width) {
        frontier_.clear(width);
        met_.clear();
        oracle_ = {};
        met_by_oracle_.clear();
    }

    // (Links are packed: their fields cannot be referred to.)
    void add_to_oracle(float distance, Link link) {
        const uint32_t block = link.block;
        oracle_.push({distance, block});
    }

    // One node's neighbors, as Beam::push_neighbors gives them.
    void push(const std::vector<float>& distances, const std::vector<Link>& links, float bound = infinity) {
        size_t expected = 0;
        const size_t added = frontier_.push(
            distances.data(), links.data(), distances.size(), bound, false,
            [&](Link l) { return met_.insert(uint32_t{l.block}).second; }, [&](const Link&) { ++expected; });
        EXPECT_EQ(added, expected);
        for (size_t i = 0; i < links.size(); ++i) add_to_oracle(distances[i], links[i]);
    }
    // The same in plain mode, where all were looked up before.
    void push_met(const std::vector<float>& distances, std::vector<Link> links, float bound) {
        std::vector<float> kept;
        std::vector<Link> kept_links;
        for (size_t i = 0; i < links.size(); ++i) {
            if (!met_.insert(uint32_t{links[i].block}).second) continue;
            kept.push_back(distances[i]);
            kept_links.push_back(links[i]);
            add_to_oracle(distances[i], links[i]);
        }
        frontier_.push(
            kept.data(), kept_links.data(), kept.size(), bound, true, [](const Link&) { return true; },
            [](const Link&) {});
    }
    void push(float distance, uint32_t block) { push({distance}, {{block, 0, 0}}); }

    bool pop(float& distance, float bound = infinity) {
        Candidate candidate;
        if (!frontier_.pop(
                kernels(), bound, [&](Link l) { return met_.insert(uint32_t{l.block}).second; }, candidate))
            return false;
        distance = candidate.distance;
        popped_ = candidate.link.block;
        return true;
    }

    bool pop_oracle(float& distance) {
        while (!oracle_.empty()) {
            const auto [d, block] = oracle_.top();
            oracle_.pop();
            if (!met_by_oracle_.insert(block).second) continue;
            distance = d;
            return true;
        }
        return false;
    }

    void compare_to_the_end() {
        float a, b;
        while (pop_oracle(b)) {
            ASSERT_TRUE(pop(a));
            ASSERT_EQ(a, b);
        }
        EXPECT_FALSE(pop(a));
    }

    static constexpr float infinity = std::numeric_limits<float>::infinity();
    Frontier frontier_;
    std::set<uint32_t> met_, met_by_oracle_;
    std::priority_queue<std::pair<float, uint32_t>, std::vector<std::pair<float, uint32_t>>, std::greater<>>
        oracle_;
    uint32_t popped_ = 0;
};

TEST_F(FrontierTest, PopsNearestFirst) {
    // Every block once: then the order of distances is the oracle's, whatever waits where.
    std::mt19937 random(3);
    for (const size_t width : {1, 16, 40, 100, 512, 5000}) {
        start(width);
        uint32_t block = 0;
        for (int step = 0; step < 3000; ++step) {
            std::vector<float> distances;
            std::vector<Link> links;
            for (size_t i = step % 7 == 0 ? max_degree : random() % 8; i > 0; --i) {
                distances.push_back(static_cast<float>(random() % 1000000));
                links.push_back({block++, 0, 0});
            }
            push(distances, links);
            if (random() % 3 != 0) continue;
            float a, b;
            const bool has = pop_oracle(b);
            ASSERT_EQ(pop(a), has);
            if (has) {
                ASSERT_EQ(a, b) << "width " << width << ", step " << step;
            }
        }
        compare_to_the_end();
    }
}

TEST_F(FrontierTest, PopsNearestFirstWhenDistancesShrinkAndGrow) {
    for (const float direction : {1.0f, -1.0f}) {
        start(40);
        for (uint32_t i = 0; i < 5000; ++i) {
            push(direction * static_cast<float>(i), i);
            if (i % 3 != 0) continue;
            float a, b;
            ASSERT_TRUE(pop_oracle(b) && pop(a));
            ASSERT_EQ(a, b);
        }
        compare_to_the_end();
    }
}

TEST_F(FrontierTest, KeepsEqualDistances) {
    start(16);
    for (uint32_t i = 0; i < 1000; ++i) push(7, i);
    std::set<uint32_t> blocks;
    float d;
    while (pop(d)) {
        EXPECT_EQ(d, 7);
        EXPECT_TRUE(blocks.insert(popped_).second);
    }
    EXPECT_EQ(blocks.size(), 1000u);
}

TEST_F(FrontierTest, ReturnsEveryBlockOnceHoweverOftenItIsPushed) {
    std::mt19937 random(4);
    start(20);
    std::set<uint32_t> pushed, popped;
    float d;
    for (int i = 0; i < 20000; ++i) {
        const uint32_t block = random() % 2000;
        pushed.insert(block);
        push(static_cast<float>(random() % 5000), block);
        if (i % 4 == 0 && pop(d)) {
            EXPECT_TRUE(popped.insert(popped_).second) << popped_;
        }
    }
    while (pop(d)) EXPECT_TRUE(popped.insert(popped_).second) << popped_;
    EXPECT_EQ(popped, pushed);
}

// A search tells the frontier its bound, and takes nothing beyond it; what it left is there when it is
// widened.
TEST_F(FrontierTest, KeepsWhatIsBeyondTheBound) {
    std::mt19937 random(6);
    for (const auto& [width, met] : {std::pair(16, false), std::pair(16, true), std::pair(100, false),
                                     std::pair(600, false), std::pair(600, true)}) {
        start(static_cast<size_t>(width));
        uint32_t block = 0;
        float bound = 1000;
        for (int step = 0; step < 2000; ++step) {
            std::vector<float> distances;
            std::vector<Link> links;
            for (size_t i = random() % 30; i > 0; --i) {
                distances.push_back(static_cast<float>(random() % 2000));
                links.push_back({block++, 0, 0});
            }
            met ? push_met(distances, links, bound) : push(distances, links, bound);
            float a, b;
            while (random() % 4 != 0 && pop(a, bound)) {
                ASSERT_TRUE(pop_oracle(b));
                ASSERT_EQ(a, b) << "width " << width << ", step " << step;
                ASSERT_LE(a, bound);
            }
            if (step % 50 == 49) bound += static_cast<float>(random() % 50);
        }
        compare_to_the_end();
    }
}

// ------------------------------------------------------------------------------------------- BeamBound

TEST(BeamBound, ExcludesWhatIsFartherThanTheKthNearest) {
    std::mt19937 random(5);
    for (const size_t width : {1, 7, 40}) {
        BeamBound bound;
        bound.clear(width);
        std::vector<float> shown;
        for (int i = 0; i < 500; ++i) {
            const auto d = static_cast<float>(random() % 1000);
            bound.add(d);
            shown.push_back(d);
            std::sort(shown.begin(), shown.end());
            for (const float asked : {0.0f, d, 500.0f, 1001.0f}) {
                const bool expected = shown.size() >= width && asked > shown[width - 1];
                ASSERT_EQ(asked > bound.get(), expected) << "width " << width << ", " << i << ", " << asked;
            }
        }
    }
}

TEST(BeamBound, ResizedIsThatOfItsNearest) {
    BeamBound bound;
    bound.clear(8);
    for (int i = 0; i < 20; ++i) bound.add(static_cast<float>(i * 7 % 20));
    EXPECT_EQ(bound.get(), 7);
    bound.resize(3);
    EXPECT_EQ(bound.get(), 2);
    bound.add(0.5f);
    EXPECT_EQ(bound.get(), 1);
    bound.resize(4);
    EXPECT_EQ(bound.get(), std::numeric_limits<float>::infinity());
    bound.add(9);
    EXPECT_EQ(bound.get(), 9);
}

TEST(BeamBound, ForgetsNothingItNeedsWhenItIsWidened) {
    BeamBound bound;
    bound.clear(2);
    for (const float d : {1.0f, 2.0f}) bound.add(d);
    EXPECT_EQ(bound.get(), 2);
    bound.widen(3);
    EXPECT_EQ(bound.get(), std::numeric_limits<float>::infinity());
    bound.widen(1);  // never narrower
    EXPECT_EQ(bound.get(), std::numeric_limits<float>::infinity());
    bound.add(3);
    EXPECT_EQ(bound.get(), 3);
}

// ---------------------------------------------------------------------------------------- sort_numbers

TEST(SortNumbers, IsTheOrderOfTheFloats) {
    constexpr float infinity = std::numeric_limits<float>::infinity();
    const float nan = std::numeric_limits<float>::quiet_NaN();
    const std::vector<float> values{3, nan, -1e-45f, 0, infinity, 3, -nan, -infinity, 1e-45f, -2, 1e38f};
    std::vector<uint64_t> keys{1, 2, 3};
    sort_numbers(
        values.size(), [&](size_t i) { return values[i]; }, keys);
    std::vector<uint32_t> numbers;
    for (const uint64_t key : keys) numbers.push_back(number_of(key));
    EXPECT_EQ(numbers, (std::vector<uint32_t>{7, 9, 2, 3, 8, 0, 5, 10, 4, 1, 6}));
    sort_numbers(
        0, [](size_t) { return 0.0f; }, keys);
    EXPECT_TRUE(keys.empty());
}

// --------------------------------------------------------------------------------------- order_by_need

struct Points {
    std::vector<std::vector<float>> at;  // sorted by distance from the origin
    std::vector<float> distance;

    Points(size_t count, size_t dims, uint32_t seed) {
        std::mt19937 random(seed);
        std::normal_distribution<float> normal;
        at.resize(count, std::vector<float>(dims));
        for (auto& p : at)
            for (float& x : p) x = normal(random);
        std::sort(at.begin(), at.end(), [](const auto& a, const auto& b) { return length(a) < length(b); });
        for (const auto& p : at) distance.push_back(length(p));
    }
    static float length(const std::vector<float>& p) {
        return std::inner_product(p.begin(), p.end(), p.begin(), 0.0f);
    }
    float pair(size_t i, size_t j) const {
        float sum = 0;
        for (size_t k = 0; k < at[i].size(); ++k) sum += (at[i][k] - at[j][k]) * (at[i][k] - at[j][k]);
        return sum;
    }
};

// Algorithm 4, word by word, with keepPrunedConnections.
std::vector<uint16_t> naive_order(const Points& points, size_t limit, size_t& kept) {
    std::vector<uint16_t> chosen, discarded;
    for (size_t i = 0; i < points.at.size(); ++i) {
        const bool nearer_to_base = std::all_of(chosen.begin(), chosen.end(), [&](uint16_t c) {
            return points.pair(i, c) >= points.distance[i];
        });
        (chosen.size() < limit && nearer_to_base ? chosen : discarded).push_back(static_cast<uint16_t>(i));
    }
    kept = chosen.size();
    chosen.insert(chosen.end(), discarded.begin(), discarded.end());
    return chosen;
}

TEST(OrderByNeed, IsTheHeuristicOfThePaper) {
    for (const size_t count : {1, 2, 17, 64, 300, 1000}) {
        for (const size_t dims : {2, 8, 64}) {
            for (const size_t limit : {1, 4, 32, 2000}) {
                const Points points(count, dims, static_cast<uint32_t>(count * dims + limit));
                size_t kept;
                const std::vector<uint16_t> expected = naive_order(points, limit, kept);
                std::vector<uint16_t> order;
                EXPECT_EQ(
                    order_by_need(
                        points.distance, limit, [&](size_t i, size_t j) { return points.pair(i, j); }, order),
                    kept);
                EXPECT_EQ(order, expected) << count << " points, " << dims << " dims, limit " << limit;
            }
        }
    }
}

// Where many nodes die at once, vacuum finds more candidates than anybody selects from.
TEST(OrderByNeed, LooksAtTheNearestOfVeryMany) {
    for (const size_t count : {max_candidates, max_candidates + 1, 3 * max_candidates, size_t{70000}}) {
        std::vector<float> distance(count);
        std::iota(distance.begin(), distance.end(), 1.0f);
        std::vector<uint16_t> order;
        // All but the first are nearer to the first one than to the base.
        EXPECT_EQ(order_by_need(
                      distance, count, [](size_t, size_t) { return 0.0f; }, order),
                  1u);
        std::vector<uint16_t> expected(max_candidates);
        std::iota(expected.begin(), expected.end(), uint16_t{0});
        EXPECT_EQ(order, expected) << count;
    }
}

TEST(OrderByNeed, TakesNothingFromNothing) {
    std::vector<uint16_t> order{1, 2};
    EXPECT_EQ(order_by_need(
                  {}, 5, [](size_t, size_t) { return 0.0f; }, order),
              0u);
    EXPECT_TRUE(order.empty());
    const std::vector<float> one{1.0f};
    EXPECT_EQ(order_by_need(
                  one, 0, [](size_t, size_t) { return 0.0f; }, order),
              0u);
    EXPECT_EQ(order, std::vector<uint16_t>{0});
}

}  // namespace
}  // namespace vecstore::core
