// Options and results of a check of an index.
#pragma once

#include <string>

#include "core/hnsw/check/validate_node.hpp"

namespace vecstore::core {

// Something that must not be. block: invalid_block where the problem is of no page; slot: -1 where it is of
// the whole page.
struct Problem {
    uint32_t block;
    int slot;
    std::string text;
};

struct CheckOptions {
    bool deep = false;  // decode all vectors, compare codes and factors with them
    size_t max_problems =
        10000;  // after so many one more says that there are others, and the rest is silence
};

struct CheckCounts {
    PageCounts pages;
    uint64_t rows = 0;
    uint64_t links = 0;
    uint64_t dangling_links = 0;
    uint64_t lost_chunks = 0;  // in use, but in no node's chain
    uint64_t unattached = 0;   // live nodes of level 0 that cannot be reached, and need not be
    uint64_t cut_off = 0;      // the same, which need be, while an interrupted vacuum waits to be finished
    uint64_t upper_unreached = 0;  // live nodes above level 0 that searches never meet: harmless
    uint64_t rough = 0;            // nodes of level 0 that is_rough() says so of
    uint64_t sweeps = 0;
    bool vacuum_pending = false;
};

}  // namespace vecstore::core
