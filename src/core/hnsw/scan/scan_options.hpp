// The options of one scan.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <functional>
#include <limits>

#include "core/base/spill_file.hpp"
#include "core/hnsw/filter/row_filter.hpp"

namespace vecstore::core {

struct ScanOptions {
    size_t ef_search = 40;
    bool iterative = true;             // go on beyond ef_search rows
    bool strict_order = true;          // a row found too late to be in order waits until all others are out
    uint64_t max_visits = UINT64_MAX;  // stop iterating after so many nodes of level 0 (never before the
                                       // first beam is used up)
    uint64_t max_rows = UINT64_MAX;    // hand out no more
    bool exhaustive = false;  // look at every row before the first is returned: exact, without the graph
    const RowFilter* filter = nullptr;  // only rows that match; must live as long as the scan
    double max_distance = std::numeric_limits<double>::infinity();  // no row that is certainly farther
    // Bytes for rows that wait; those beyond are put into files where that is possible. (A scan of all rows
    // begins with all waiting.)
    size_t row_memory = SIZE_MAX;
    SpillTo spill;
    // A scan that goes on ends when it remembers nodes in more bytes than that; asked for when there is need
    // to. Null: never.
    std::function<size_t()> node_memory;
};

// How wide a beam ef_search stands for. The larger an index, the less a beam of the same width finds: from
// 200,000 x 768 to 1,000,000 x 768 recall@10 of a beam of 40 falls from .98 to .944, of a compact index from
// .973 to .908. With these widths it is .969 and .956. And the less, the rougher the nodes' own vectors are
// by which the beam is told: of 4,000 x 16,000, with three bits for a component, it finds .947 at 40 and .978
// with these widths.
inline size_t beam_width(double nodes, size_t ef_search, OwnFormat format) {
    constexpr size_t least = 10;  // Narrower ones do not find their way.
    constexpr double large = 300000;
    double wider = nodes > large ? 1 + 1.5 * std::log10(nodes / large) : 1;
    if (format == OwnFormat::planes) wider *= 1.5;
    return std::max(least, static_cast<size_t>(wider * static_cast<double>(ef_search)));
}

}  // namespace vecstore::core
