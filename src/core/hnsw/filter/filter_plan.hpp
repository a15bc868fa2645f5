// How a search under conditions goes about it: through the graph, or through the origin codes of rows that
// match.
//
// Through the graph. The rows looked for lie in a ball around the query that holds some 1/share times as many
// rows that do not match. All of the ball has to be visited, whether nodes match or not: a beam of that
// width, which takes no notice of conditions (the guide), beside one of ef_search nodes that match. Measured
// on 200,000 x 768 with conditions that have nothing to do with the vectors: visiting a share of the ball
// drawn at random instead, or only the neighbors' neighbors of nodes that match (ACORN, SIGMOD 2024), costs
// more recall than it saves visits; and where the query lies outside the region of rows that match no beam
// does well.
//
// Through the origin codes. Every row that matches is ranked by its origin code, and the nearest are visited
// until no other can be near. That costs the same wherever the rows are, and misses next to nothing.
//
// Through clusters. The same, of the rows in the parts of the index that are near the query
// (matching_rows.hpp). Of all three the fastest where between a half and a hundredth of the rows match, as
// long as not many rows came after the build, which are in no cluster.
//
// Which is cheapest follows from the share of rows that match; and whether that share is the same near the
// query, the graph shows after a few visits, and so do the nearest clusters.
//
// The numbers here were set by hand. test/bench/filter_plan_bench measures in memory what they stand for, and
// prints it beside them. Of 10,000 x 768 made-up embeddings it says: a group of keys costs .14 of a visit, a
// code .023, a cluster .09, a row without its neighbors .46; searches look at 8 clusters of 169 where half of
// the rows match, at 29 where a tenth does and at 84 where a twentieth does; and with a guide half as wide,
// as planned and twice as wide, .997, 1.000 and 1.000 of the ten nearest are found where a tenth matches.
// The plan takes ranking by groups and clusters for dearer than that, and codes and rows for cheaper. A
// server spends more on a page than memory does, 1 to 1.5 us on a visit, so that test/bench/filters, which
// asks a server, has the last word.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>

namespace vecstore::core {

struct FilteredSearch {
    double slots;   // of the index
    double groups;  // pages of keys
    double share;   // of the slots that match; above 0
    size_t ef_search;
    bool origin_codes;    // has the index origin codes? Else all rows that match are visited
    double clusters = 0;  // of the index, and slots that are in none
    double loose = 0;
    size_t widened_to = 0;  // the beam, when more rows were asked for

    double width() const { return static_cast<double>(std::max(ef_search, widened_to)); }
};

// Of a beam of this width, first_width at first, so many rows are near enough to be handed out: a quarter at
// first, two thirds of wide ones (ordered_scan.hpp, look_ahead()). Those have to be the nearest.
inline double rows_in_reach(double width, double first_width) {
    return std::max(first_width / 4, std::min(width - 0.75 * first_width, width * 2 / 3));
}

struct FilterPlan {
    bool enumerate = false;    // not through the graph
    bool by_clusters = false;  // then beginning with those near the query
    // So few rows match that all are looked at before the first is returned: none can be found too late to be
    // in order.
    bool all_at_once = false;
    size_t guide_width = 0;
    FilteredSearch search{};   // that it was made for
    uint64_t most_visits = 0;  // after so many it would have been cheaper not to go through the graph
};

// Costs in visits of nodes in the course of a search through the graph.
constexpr double cost_of_group = 0.4;
constexpr double cost_of_origin_code = 0.012;
constexpr double cost_of_cluster = 0.01;       // to compare one with the query
constexpr double cost_of_cluster_read = 0.15;  // to go to one
constexpr double cost_of_row_read = 0.35;
constexpr size_t least_guide_width = 20;

// The share of rows near the query that match, of which so many were seen. That it is the share of all is as
// good as seen on some more: of few rows chance alone makes half as many match, or twice as many.
inline double share_near(double share, uint64_t matching, uint64_t seen) {
    constexpr double prior = 64;
    return (static_cast<double>(matching) + prior * share) / (static_cast<double>(seen) + prior);
}

// Of rows ranked by their origin codes the nearest are visited, without their neighbors.
inline double cost_of_nearest(double rows, double width) {
    return cost_of_row_read * std::min(rows, 1.1 * width + 5);
}

inline double cost_of_enumerating(const FilteredSearch& s) {
    const double rows = s.slots * s.share;
    if (!s.origin_codes) return s.groups * cost_of_group + rows * cost_of_row_read;
    return s.groups * cost_of_group + rows * cost_of_origin_code + cost_of_nearest(rows, s.width());
}

// How many clusters a search looks at (stopping_rule.hpp), where it has nothing to do with the query which
// rows match.
inline double clusters_looked_at(const FilteredSearch& s) {
    return std::min(s.clusters, (20 + 3 / s.share) * std::max(1.0, s.width() / 40));
}

inline double cost_of_clusters(const FilteredSearch& s) {
    if (s.clusters == 0) return std::numeric_limits<double>::infinity();
    const double width = s.width();
    const double slots_of_one = s.slots / s.clusters;
    const double looked_at = clusters_looked_at(s);
    const double slots = slots_of_one * looked_at + s.loose;
    return s.clusters * cost_of_cluster + looked_at * cost_of_cluster_read +
           slots * (cost_of_group * s.groups / s.slots + s.share * cost_of_origin_code) +
           cost_of_nearest(slots * s.share, width);
}

// Not through the graph.
inline double cost_of_ranking(const FilteredSearch& s) {
    return std::min(cost_of_enumerating(s), cost_of_clusters(s));
}

// share: of the rows near the query. As many rows that match as may be handed out are to be in the ball.
inline double guide_width(const FilteredSearch& s, double share) {
    const double rows = std::max(10.0, rows_in_reach(s.width(), static_cast<double>(s.ef_search)));
    double width = rows / share * (1 + 0.05 / share);
    // Near the edge of where rows match, those that do are hard to get to. (Up to half as many again may be
    // chance.)
    const double fewer = s.share / share / 1.5;
    if (fewer > 1) width *= std::min(16.0, std::pow(fewer, 7));
    return std::max<double>(least_guide_width, std::min(width, s.slots));
}

inline double cost_of_traversing(const FilteredSearch& s, double share) {
    return guide_width(s, share) + s.width() + 8;
}

// near_share: as far as it is known, else search.share.
inline FilterPlan plan_filter(const FilteredSearch& search, double near_share) {
    const double enumerating = cost_of_ranking(search);
    FilterPlan plan;
    plan.search = search;
    plan.all_at_once = search.slots * search.share <= 4 * search.width();
    plan.by_clusters = !plan.all_at_once && cost_of_clusters(search) < cost_of_enumerating(search);
    plan.enumerate = plan.all_at_once || enumerating <= cost_of_traversing(search, near_share);
    plan.guide_width = static_cast<size_t>(guide_width(search, near_share));
    plan.most_visits = static_cast<uint64_t>(2 * enumerating) + 100;
    return plan;
}

}  // namespace vecstore::core
