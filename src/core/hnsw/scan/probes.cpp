#include "core/hnsw/scan/probes.hpp"

#include <cmath>

namespace vecstore::core {

namespace {

// Width of the search: what every search needs, and a share of the rows that the lists hold. Lists miss rows
// across the borders between them, of which there are the more the higher the dimension, and in vectors that
// are random in 64 dimensions the graph needs about this width to miss no more. That is still ten times as
// fast as reading the lists.
constexpr uint64_t rows_per_width = 16;
constexpr uint64_t least_width = 40;

}  // namespace

uint64_t rows_in_lists(uint32_t count, uint32_t lists, uint64_t rows) {
    const double share = std::min(1.0, static_cast<double>(count) / lists);
    return static_cast<uint64_t>(std::max(1.0, std::ceil(share * static_cast<double>(rows))));
}

ScanOptions scan_options(const Probes& settings, uint64_t rows) {
    ScanOptions options;
    const uint64_t probed = rows_in_lists(settings.probes, settings.lists, rows);
    options.ef_search = static_cast<size_t>(least_width + probed / rows_per_width);
    // Half of the lists miss hardly anything; to be as good as they are, and that fast, all rows are looked
    // at.
    options.exhaustive = uint64_t{2} * settings.probes >= settings.lists;
    // Iterating, a scan may return rows out of order, but not when all of them are there from the start.
    options.strict_order = !settings.iterative || options.exhaustive;
    // It returns no more rows than the lists hold, and goes on from ef_search as far as that.
    const uint32_t most = settings.iterative ? std::max(settings.max_probes, settings.probes)
                                             : settings.probes;
    if (!options.exhaustive && most < settings.lists) {
        options.max_visits = rows_in_lists(most, settings.lists, rows);
        // A scan with a limit returns no more than that, although more rows were looked at anyway.
        if (settings.iterative) options.max_rows = options.max_visits;
    }
    return options;
}

}  // namespace vecstore::core
