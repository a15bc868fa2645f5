// The facts that an operator class tells of an index: its support functions, its strategies, its metric, and
// the dimensions of the column.
#pragma once

#include "pg/guard.hpp"

#include "core/storage/format.hpp"

extern "C" {
#include "access/stratnum.h"
#include "utils/rel.h"
}

namespace vecstore::am {

// Support functions of an operator class, as in pgvector: 1 the distance, 2 the norm (cosine only). Type
// information is 3 in hnsw and 5 in ivfflat, whose 3 and 4 are distance and norm of a k-means that there is
// no need for.
constexpr int distance_proc = 1;
constexpr int norm_proc = 2;

// Strategies of a vector's operator classes beside the distance, which is 1: vector and limit, made by the
// planner from conditions on the distance (planner/index_paths.cpp).
enum VectorStrategy : StrategyNumber {
    strategy_within = 2,      // the scan may end beyond the limit
    strategy_all_within = 3,  // and must find all rows before that
};

// From the operator class: which metric this index is for.
core::Metric metric_of(Relation index);

// The indexed column's declared dimensions. Raises when it has none, or more than can be indexed.
int dims_of(Relation index);

}  // namespace vecstore::am
