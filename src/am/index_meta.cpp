#include "am/index_meta.hpp"

#include "am/access_method.hpp"
#include "am/column_type.hpp"
#include "am/filter_type.hpp"
#include "am/opclass.hpp"
#include "core/hnsw/check/validate_node.hpp"

namespace vecstore::am {

namespace {

std::string different(const char* what, uint64_t found, uint64_t expected) {
    return std::string(what) + " " + std::to_string(found) + ", the index's definition " +
           std::to_string(expected);
}

}  // namespace

void expect_known_format(Relation index, const core::MetaData& meta, core::Access access) {
    if (meta.magic == core::format_magic && !core::newer_format(meta, access).empty())
        core::throw_newer_format(meta, access, RelationGetRelationName(index));
}

std::string definition_problem(Relation index, const core::MetaData& meta) {
    struct Definition {
        core::VectorKind kind;
        core::Metric metric;
        int dims;
        uint16_t filter_columns;
    };
    const Definition definition = pg::pg_call([&] {
        return Definition{column_type(index).kind, metric_of(index),
                          TupleDescAttr(RelationGetDescr(index), 0)->atttypmod,
                          static_cast<uint16_t>(filter_columns(index))};
    });
    const core::Geometry& g = meta.geometry;
    std::string problem;
    if (g.kind != definition.kind)
        problem = different("type", static_cast<uint64_t>(g.kind), static_cast<uint64_t>(definition.kind));
    else if (g.metric != definition.metric)
        problem = different("metric", static_cast<uint64_t>(g.metric),
                            static_cast<uint64_t>(definition.metric));
    else if (definition.dims > 0 && g.dims != static_cast<uint32_t>(definition.dims))
        problem = different("dimensions", g.dims, static_cast<uint64_t>(definition.dims));
    else if (g.filter_columns != definition.filter_columns)
        problem = different("further columns", g.filter_columns, definition.filter_columns);
    return problem.empty() ? problem : "the metapage is that of another index: it has " + problem;
}

void expect_sound_meta(Relation index, const core::MetaData& meta, uint32_t pages) {
    expect_known_format(index, meta, core::Access::read);
    std::string problem = core::meta_problem(meta, pages);
    if (problem.empty()) problem = definition_problem(index, meta);
    if (problem.empty()) return;
    const std::string name = RelationGetRelationName(index);
    throw core::Error(core::ErrorCode::corrupted_index,
                      "index \"" + name + "\" is damaged at block 0: " + problem, {},
                      "REINDEX makes the index anew from its table.");
}

}  // namespace vecstore::am
