// When a search through clusters has looked at enough of them.
#include <gtest/gtest.h>

#include <random>

#include "core/hnsw/filter/stopping_rule.hpp"

namespace vecstore::core {
namespace {

constexpr size_t rows_of_one = 50;

// Clusters 0.01 farther from one to the next, whose rows are `beyond` farther, give or take `spread`. Returns
// how many were looked at.
struct World {
    size_t clusters = 400;
    float step = 0.01f;
    float beyond = 0.4f;
    float spread = 0.1f;
    double share = 1;         // of the slots that pass
    float lost_distance = 0;  // instead of a row's, of every fifth row

    size_t looked_at(StoppingRule& enough, size_t width) {
        enough.clear(width);
        left.clear();
        for (size_t i = 0; i < clusters; ++i)
            left.push_back({1 + step * static_cast<float>(clusters - i), 0, 1});
        return go_on(enough);
    }
    size_t go_on(StoppingRule& enough) {
        std::normal_distribution<float> noise(beyond, spread);
        while (!left.empty() &&
               !enough.is_enough(left, share, [](const NearCluster&) { return rows_of_one; })) {
            const NearCluster nearest = left.back();
            left.pop_back();
            enough.enter(nearest, rows_of_one);
            for (size_t i = 0; i < share * rows_of_one; ++i)
                enough.add(lost_distance != 0 && i % 5 == 0 ? lost_distance
                                                            : nearest.distance + noise(random));
        }
        return enough.looked_at();
    }

    std::vector<NearCluster> left;
    std::mt19937 random{7};
};

// The farthest of the ten nearest, and how many of them clusters behind the last one that was looked at have,
// on average.
double missed(const World& world, size_t looked_at) {
    std::mt19937 random(8);
    std::normal_distribution<float> noise(world.beyond, world.spread);
    size_t behind = 0;
    constexpr size_t rounds = 40;
    for (size_t round = 0; round < rounds; ++round) {
        std::vector<std::pair<float, size_t>> rows;
        for (size_t c = 0; c < world.clusters; ++c)
            for (size_t i = 0; i < world.share * rows_of_one; ++i)
                rows.emplace_back(world.step * static_cast<float>(c) + noise(random), c);
        std::partial_sort(rows.begin(), rows.begin() + 10, rows.end());
        for (size_t i = 0; i < 10; ++i) behind += rows[i].second >= looked_at;
    }
    return static_cast<double>(behind) / (10.0 * rounds);
}

TEST(StoppingRule, StopsWhereNearClustersHaveTheNearestRows) {
    StoppingRule enough;
    for (const double share : {1.0, 0.1, 0.02}) {
        World world;
        world.share = share;
        const size_t looked_at = world.looked_at(enough, 40);
        EXPECT_LT(looked_at, 200u) << share;
        EXPECT_LE(missed(world, looked_at), 0.03) << share << ", " << looked_at << " looked at";
    }
}

// The fewer pass, the farther it has to go.
TEST(StoppingRule, GoesFartherWhereFewerPass) {
    StoppingRule enough;
    World all, some;
    some.share = 0.02;
    EXPECT_GT(some.looked_at(enough, 40), 1.5 * static_cast<double>(all.looked_at(enough, 40)));
}

// All clusters are about as far, as for a query that is like no row.
TEST(StoppingRule, LooksAtAllThatMakeNoDifference) {
    StoppingRule enough;
    World flat;
    flat.step = 1e-5f;
    EXPECT_EQ(flat.looked_at(enough, 40), flat.clusters);
}

// The nearest rows so far came early. That those left have none as near depends on how far they are, how
// large, and on how many of their rows pass: at least as many as of all.
TEST(StoppingRule, ExpectsRowsInWhatIsLeft) {
    StoppingRule enough;
    std::mt19937 random(9);
    std::normal_distribution<float> noise(0.4f, 0.1f);
    const auto is_enough = [&](float distance_left, double share, size_t slots) {
        enough.clear(40);
        for (size_t i = 0; i < 60; ++i) {
            enough.enter({i < 3 ? 1.0f : 1.5f, 0, 1}, rows_of_one);
            for (size_t row = 0; row < (i < 3 ? 20 : 1); ++row)
                enough.add((i < 3 ? 1.0f : 1.5f) + noise(random));
        }
        const std::vector<NearCluster> left(100, NearCluster{distance_left, 0, 1});
        return enough.is_enough(left, share, [&](const NearCluster&) { return slots; });
    };
    EXPECT_TRUE(is_enough(1.2f, 0.05, rows_of_one));
    EXPECT_FALSE(is_enough(1.05f, 0.05, rows_of_one));
    EXPECT_FALSE(is_enough(1.2f, 1, rows_of_one));
    EXPECT_FALSE(is_enough(1.2f, 0.05, 40 * rows_of_one));
}

TEST(StoppingRule, WiderMeansFarther) {
    StoppingRule enough, at_once;
    World world, other;
    const size_t narrow = world.looked_at(enough, 40);
    enough.widen(400);
    const size_t wider = world.go_on(enough);
    EXPECT_GT(wider, narrow);
    // Nodes that were met before count as if that width had been asked for from the start.
    EXPECT_NEAR(static_cast<double>(wider), static_cast<double>(other.looked_at(at_once, 400)),
                0.2 * static_cast<double>(wider));
    enough.widen(1 << 20);
    EXPECT_EQ(world.go_on(enough), world.clusters) << "more than there are";
}

// Rows of damaged pages, which have to be looked at in any case, tell nothing.
TEST(StoppingRule, RowsOfNoDistanceDoNotCount) {
    StoppingRule enough;
    World sound;
    const size_t looked_at = sound.looked_at(enough, 40);
    for (const float lost :
         {-std::numeric_limits<float>::infinity(), std::numeric_limits<float>::quiet_NaN()}) {
        World damaged;
        damaged.lost_distance = lost;
        EXPECT_NEAR(static_cast<double>(damaged.looked_at(enough, 40)), static_cast<double>(looked_at),
                    0.4 * static_cast<double>(looked_at));
    }
}

}  // namespace
}  // namespace vecstore::core
