// The access method ivfflat: its options and settings, over the graph that hnsw uses too. docs/indexing.md
// says why there are no lists.
#include "am/access_method.hpp"
#include "am/parameters.hpp"

#include "am/settings.hpp"

#include "core/hnsw/scan/probes.hpp"

extern "C" {
#include "access/reloptions.h"
}

namespace vecstore::am {

namespace {

constexpr int default_lists = 100;
constexpr int max_lists = 32768;

struct IvfflatOptions {
    int32 vl_len_;
    int lists;
};

relopt_kind ivfflat_options;

const config_enum_entry iterative_scan_values[] = {
    {"off", iterative_off, false},
    {"relaxed_order", iterative_relaxed, false},
    {nullptr, 0, false},
};

Setting probes{
    "ivfflat.probes",
    "vecstore.ivfflat_probes",
    "Sets the number of probes",
    "Larger values find more of the true nearest neighbors and take longer; as many as the index has lists "
    "find all.",
    1,
    1,
    max_lists};
Setting iterative_scan{
    "ivfflat.iterative_scan",
    "vecstore.ivfflat_iterative_scan",
    "Sets the mode for iterative scans",
    "Whether a scan goes on beyond the probes until it has as many rows as were asked for.",
    iterative_off,
    0,
    0,
    iterative_scan_values};
Setting max_probes{"ivfflat.max_probes",
                   "vecstore.ivfflat_max_probes",
                   "Sets the max number of probes for iterative scans",
                   nullptr,
                   max_lists,
                   1,
                   max_lists};

bytea* parse(Datum reloptions, bool validate) {
    static const relopt_parse_elt table[] = {{"lists", RELOPT_TYPE_INT, offsetof(IvfflatOptions, lists)}};
    return static_cast<bytea*>(build_reloptions(reloptions, validate, ivfflat_options, sizeof(IvfflatOptions),
                                                table, lengthof(table)));
}

int lists_of(Relation index) {
    return index->rd_options != nullptr ? reinterpret_cast<IvfflatOptions*>(index->rd_options)->lists
                                        : default_lists;
}

// As hnsw by default where vectors are long. Without codes, and of few dimensions, a graph takes many times
// as long as lists do. With fewer links, chosen from fewer candidates, it takes half of that and still finds
// what they find (test/t/008_ivfflat.pl); with 8 and 32 it would take two fifths, but of bits and long
// vectors it finds a few in a thousand less than half of the lists have. Two bits make for small nodes.
constexpr int light_m = 10;
constexpr int light_ef_construction = 40;
constexpr uint32_t light_code_bits = 2;

GraphOptions graph_options(Relation) {
    return {default_m, default_ef_construction, storage_auto,
            light_m,   light_ef_construction,   light_code_bits};
}

core::ScanOptions scan_options(Relation index, const std::function<uint64_t()>& rows) {
    const bool plain = has_plain_name(index);
    return core::scan_options(
        {static_cast<uint32_t>(lists_of(index)), static_cast<uint32_t>(probes.read(plain)),
         static_cast<uint32_t>(max_probes.read(plain)), iterative_scan.read(plain) != iterative_off},
        rows());
}

}  // namespace

void define_ivfflat() {
    ivfflat_options = add_reloption_kind();
    add_int_reloption(ivfflat_options, "lists", "Number of inverted lists", default_lists, 1, max_lists,
                      AccessExclusiveLock);
    define_setting<probes>();
    define_setting<iterative_scan>();
    define_setting<max_probes>();
}

const AccessMethod ivfflat_method{"ivfflat", 5, 5, false, parse, graph_options, scan_options};

}  // namespace vecstore::am
