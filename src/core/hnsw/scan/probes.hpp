// An inverted file's settings, turned into a search of the graph.
//
// An inverted file of `lists` lists answers a query from the rows of the `probes` lists nearest to it,
// exactly among those. The graph finds the same rows by looking at far fewer. Those are chosen such
// that it finds at least as many of the true nearest as the lists would (test/t/008_ivfflat.pl and
// docs/indexing.md have the figures).
#pragma once

#include "core/hnsw/scan/scan_options.hpp"

namespace vecstore::core {

struct Probes {
    uint32_t lists;       // of the index
    uint32_t probes;      // looked into by every scan
    uint32_t max_probes;  // looked into by a scan that iterates, before it ends
    bool iterative;       // go on beyond `probes` until there are as many rows as are asked for
};

// Rows that so many of the lists hold, when all hold the same number; at least 1.
uint64_t rows_in_lists(uint32_t count, uint32_t lists, uint64_t rows);

// The scan of an index of about `rows` rows. Exact when half of the lists are probed, or more.
ScanOptions scan_options(const Probes& settings, uint64_t rows);

}  // namespace vecstore::core
