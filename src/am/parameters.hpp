// The parameters of an index and of a search, and their limits: those of pgvector, but for a higher limit of
// ef_search.
#pragma once

namespace vecstore::am {

constexpr int default_m = 16;
constexpr int min_m = 2;
constexpr int max_m = 100;
constexpr int default_ef_construction = 64;
constexpr int min_ef_construction = 4;
constexpr int max_ef_construction = 1000;
constexpr int default_ef_search = 40;
constexpr int max_ef_search = 1000000;

enum IterativeScan { iterative_off, iterative_relaxed, iterative_strict };

}  // namespace vecstore::am
