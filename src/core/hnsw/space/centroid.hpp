// Where most of a table's vectors are, as far as a sample tells: what an index subtracts from all of them.
//
// Not their mean: one row of 1e6 among 2,500 of length 1 puts that four hundred lengths away from all others,
// and then neither what a node stores of its vector nor the code of a query tells them apart (of the ten
// nearest a third was found, by visits of all nodes). It is the mean of the rows that are near the
// coordinates' medians, which up to half of the rows cannot move far, and of data without such rows that of
// all.
#pragma once

#include <cstddef>
#include <functional>
#include <vector>

namespace vecstore::core {

struct Centroid {
    std::vector<float> center;  // empty: there is no telling, or no use in one
    double variance = 0;        // mean squared distance of the rows near it from it
};

// Of `count` vectors of `dims` numbers; row(i, x) writes vector i. Equal ones count as one.
Centroid find_centroid(size_t count, size_t dims, const std::function<void(size_t, float*)>& row);

}  // namespace vecstore::core
