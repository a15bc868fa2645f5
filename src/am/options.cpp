// Options of hnsw (WITH (...)), settings (hnsw.*), and what an index's definition says.
#include "am/access_method.hpp"
#include "am/opclass.hpp"
#include "am/parameters.hpp"
#include "am/planner/planner.hpp"

#include "am/column_type.hpp"
#include "am/settings.hpp"

#include "core/distance/kernels.hpp"

#include <climits>
#include <string_view>

extern "C" {
#include "access/reloptions.h"
#include "catalog/pg_type.h"
#include "utils/guc.h"
#include "utils/lsyscache.h"
}

namespace vecstore::am {

namespace {

struct HnswOptions {
    int32 vl_len_;
    int m;
    int ef_construction;
    int storage;  // StorageOption
};

relopt_kind hnsw_options;
char* simd = nullptr;

const config_enum_entry iterative_scan_values[] = {
    {"off", iterative_off, false},
    {"relaxed_order", iterative_relaxed, false},
    {"strict_order", iterative_strict, false},
    {nullptr, 0, false},
};

Setting ef_search{"hnsw.ef_search",
                  "vecstore.hnsw_ef_search",
                  "Sets the size of the dynamic candidate list for search",
                  "Larger values find more of the true nearest neighbors and take longer.",
                  default_ef_search,
                  1,
                  max_ef_search};
Setting iterative_scan{"hnsw.iterative_scan",
                       "vecstore.hnsw_iterative_scan",
                       "Sets the mode for iterative scans",
                       "Whether a scan goes on beyond ef_search rows until it has as many as were asked for.",
                       iterative_strict,
                       0,
                       0,
                       iterative_scan_values};
Setting max_scan_tuples{"hnsw.max_scan_tuples",
                        "vecstore.hnsw_max_scan_tuples",
                        "Sets the max number of tuples to visit for iterative scans",
                        nullptr,
                        INT_MAX,
                        1,
                        INT_MAX};
Setting scan_mem_multiplier{
    "hnsw.scan_mem_multiplier",
    "vecstore.hnsw_scan_mem_multiplier",
    "Sets the multiple of work_mem to use for iterative scans",
    "An iterative scan ends when what it remembers exceeds that. As long as it is not set there is no "
    "such end.",
    1,
    1,
    1000,
    nullptr,
    true};

relopt_enum_elt_def storage_values[] = {
    {"auto", storage_auto},
    {"default", storage_default},
    {"compact", storage_compact},
    {"plain", storage_plain},
    {nullptr, 0},
};

bool check_simd(char** value, void**, GucSource) {
    const char* const before = core::kernels().name;
    if (core::force_kernels(*value)) {
        core::force_kernels(before);
        return true;
    }
    const auto tables = core::available_kernels();
    std::string names = "auto";
    for (const core::Kernels* k : tables) names += std::string(", ") + k->name;
    GUC_check_errdetail("This CPU can run: %s.", names.c_str());
    return false;
}

void assign_simd(const char* value, void*) { core::force_kernels(value); }

void define_options() {
    hnsw_options = add_reloption_kind();
    add_int_reloption(hnsw_options, "m", "Max number of connections", default_m, min_m, max_m,
                      AccessExclusiveLock);
    add_int_reloption(hnsw_options, "ef_construction", "Size of the dynamic candidate list for construction",
                      default_ef_construction, min_ef_construction, max_ef_construction, AccessExclusiveLock);
    add_enum_reloption(hnsw_options, "storage", "How vectors are kept in the index", storage_values,
                       storage_auto, "Valid values are \"auto\", \"default\", \"compact\" and \"plain\".",
                       AccessExclusiveLock);
}

void define_settings() {
    define_setting<ef_search>();
    define_setting<iterative_scan>();
    define_setting<max_scan_tuples>();
    define_setting<scan_mem_multiplier>();
    DefineCustomStringVariable("vecstore.simd", "Sets the instruction set of the distance kernels",
                               "\"auto\" takes the best this CPU has. For tests.", &simd, "auto", PGC_USERSET,
                               0, check_simd, assign_simd, nullptr);
}

bytea* parse(Datum reloptions, bool validate) {
    static const relopt_parse_elt table[] = {
        {"m", RELOPT_TYPE_INT, offsetof(HnswOptions, m)},
        {"ef_construction", RELOPT_TYPE_INT, offsetof(HnswOptions, ef_construction)},
        {"storage", RELOPT_TYPE_ENUM, offsetof(HnswOptions, storage)},
    };
    return static_cast<bytea*>(
        build_reloptions(reloptions, validate, hnsw_options, sizeof(HnswOptions), table, lengthof(table)));
}

GraphOptions graph_options(Relation index) {
    if (index->rd_options == nullptr) return {default_m, default_ef_construction, storage_auto};
    const auto* const options = reinterpret_cast<HnswOptions*>(index->rd_options);
    return {options->m, options->ef_construction, options->storage};
}

// May raise.
size_t scan_memory(bool plain) {
    const double times = scan_mem_multiplier.read_if_set(plain, 0);
    return times > 0 ? static_cast<size_t>(times * work_mem * 1024) : SIZE_MAX;
}

core::ScanOptions scan_options(Relation index, const std::function<uint64_t()>&) {
    const bool plain = has_plain_name(index);
    const int iterative = iterative_scan.read(plain), most = max_scan_tuples.read(plain);
    core::ScanOptions options;
    options.ef_search = static_cast<size_t>(ef_search.read(plain));
    options.iterative = iterative != iterative_off;
    options.strict_order = iterative != iterative_relaxed;
    if (most != INT_MAX) options.max_visits = static_cast<uint64_t>(most);
    if (options.iterative)
        options.node_memory = [plain] { return pg::pg_call([&] { return scan_memory(plain); }); };
    return options;
}

}  // namespace

void define_hnsw() {
    define_options();
    define_join_filters();
    define_settings();
}

const AccessMethod hnsw_method{"hnsw", 4, 3, true, parse, graph_options, scan_options};

namespace {

// (MetricInfo::function. The names of types end with "vec" or "vector".)
bool is_named(std::string_view name, std::string_view function) {
    if (function.front() != '_') return name == function;
    const auto ends = [&](const std::string& end) {
        return name.size() >= end.size() && name.substr(name.size() - end.size()) == end;
    };
    return ends("vec" + std::string(function)) || ends("vector" + std::string(function));
}

}  // namespace

core::Metric metric_of(Relation index) {
    const Oid distance = index_getprocid(index, 1, distance_proc);
    if (!OidIsValid(distance))
        ereport(ERROR,
                (errcode(ERRCODE_INVALID_OBJECT_DEFINITION),
                 errmsg("the first column of index \"%s\" is no vector", RelationGetRelationName(index)),
                 errhint("Columns to filter by come after it: (embedding vector_cosine_ops, tenant_id).")));
    const char* const found = get_func_name(distance);
    const std::string_view name = found != nullptr ? found : "";
    const bool has_norm = OidIsValid(index_getprocid(index, 1, norm_proc));
    const core::MetricInfo* metric = nullptr;
    for (const core::MetricInfo& info : core::metrics)
        if (is_named(name, info.function) && (metric == nullptr || info.of_units == has_norm)) metric = &info;
    if (metric != nullptr) return metric->metric;
    ereport(ERROR,
            (errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
             errmsg("operator class of index \"%s\" has distance function \"%s\", which %s does not know",
                    RelationGetRelationName(index), found != nullptr ? found : "?", method_of(index).name),
             errhint("Use vector_l2_ops or another of vecstore's operator classes.")));
    pg_unreachable();
}

int dims_of(Relation index) {
    const ColumnType& type = column_type(index);
    const FormData_pg_attribute* const column = TupleDescAttr(RelationGetDescr(index), 0);
    // The operator classes of bit take it as well, but its values need not be as long as the column's limit.
    if (getBaseType(column->atttypid) == VARBITOID)
        ereport(ERROR, (errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
                        errmsg("type not supported for %s index", method_of(index).name),
                        errdetail("Bit strings of type bit varying need not be equally long."),
                        errhint("Declare the column as bit(%d), or cast: ((embedding::bit(%d)) ...).",
                                Max(column->atttypmod, 1), Max(column->atttypmod, 1))));
    const int dims = column->atttypmod;
    if (dims < 1)
        ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE), errmsg("column does not have dimensions"),
                        errhint("Declare them, as in %s(768), or cast: ((embedding::%s(768)) ...).",
                                type.name, type.name)));
    if (dims > type.max_dims)
        ereport(ERROR, (errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
                        errmsg("column cannot have more than %d dimensions for %s index", type.max_dims,
                               method_of(index).name),
                        errdetail("It has %d.", dims)));
    return dims;
}

}  // namespace vecstore::am
