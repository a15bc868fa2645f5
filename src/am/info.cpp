// vecstore_index_info: how an index is laid out, and what is in it.
#include "am/index_meta.hpp"
#include "am/index_reader.hpp"

#include "core/hnsw/check/validate_node.hpp"

extern "C" {
#include "funcapi.h"
}

namespace vecstore::am {

namespace {

struct IndexFacts {
    core::MetaData meta;
    core::PageCounts counts;
    uint32_t pages;
};

IndexFacts read_facts(Relation index, BufferAccessStrategy strategy) {
    IndexReader reader(index, strategy);
    IndexFacts facts{};
    facts.pages = reader.page_count();
    facts.meta = read_index_meta(index, reader);
    const core::NodeLayout layout(facts.meta.geometry);
    for (uint32_t block = 0; block < facts.pages; ++block) {
        reader.check_interrupts();
        auto page = reader.read(block);
        core::count_page(page.payload(), layout, facts.counts);
    }
    return facts;
}

const char* format_name(const core::Geometry& g) {
    switch (g.own_format) {
        case core::OwnFormat::f32: return "float32";
        case core::OwnFormat::f16: return "float16";
        case core::OwnFormat::i8: return "int8";
        case core::OwnFormat::planes: return psprintf("int%d", g.own_bits);
        case core::OwnFormat::bits: return "bit";
        case core::OwnFormat::sparse: return psprintf("sparse %zu", core::sparse_elements(g.stored_dims));
    }
    return "unknown";
}

const char* storage_name(const core::Geometry& g) {
    if (g.mode == core::StorageMode::plain) return "plain";
    const bool rough = g.own_format == core::OwnFormat::i8 || g.own_format == core::OwnFormat::planes;
    return rough ? "compact" : "default";
}

Datum make_row(FunctionCallInfo fcinfo, const IndexFacts& facts) {
    TupleDesc descriptor;
    if (get_call_result_type(fcinfo, nullptr, &descriptor) != TYPEFUNC_COMPOSITE)
        elog(ERROR, "vecstore_index_info must return a row");
    const core::Geometry& g = facts.meta.geometry;
    const core::PageCounts& c = facts.counts;
    const auto rows = static_cast<int64>(c.inline_rows + c.chunk_rows + c.long_rows);
    const auto nodes = static_cast<double>(c.nodes);
    Datum values[] = {
        CStringGetTextDatum(core::metric_info(g.metric).name),
        Int32GetDatum(static_cast<int32>(g.dims)),
        Int32GetDatum(g.m),
        Int32GetDatum(facts.meta.ef_construction),
        CStringGetTextDatum(storage_name(g)),
        CStringGetTextDatum(format_name(g)),
        Int32GetDatum(static_cast<int32>(g.code_dims)),
        Int32GetDatum(g.max_neighbors),
        Int32GetDatum(g.slots_per_page),
        BoolGetDatum(facts.meta.mean_block != core::invalid_block),
        Int32GetDatum(facts.meta.entry_point.valid() ? facts.meta.entry_level + 1 : 0),
        Int64GetDatum(facts.pages),
        Int64GetDatum(rows),
        Int64GetDatum(static_cast<int64>(c.nodes)),
        Int64GetDatum(static_cast<int64>(c.upper_nodes)),
        Int64GetDatum(static_cast<int64>(c.dead_nodes)),
        Int64GetDatum(static_cast<int64>(c.free_slots)),
        Float8GetDatum(c.nodes > 0 ? static_cast<double>(c.links) / nodes : 0),
        Float8GetDatum(rows > 0 ? static_cast<double>(facts.pages) * BLCKSZ / static_cast<double>(rows) : 0),
        Int32GetDatum(static_cast<int32>(facts.meta.version)),
        BoolGetDatum(facts.meta.vacuum_pending != 0),
        Int32GetDatum(g.filter_columns),
        Int32GetDatum(g.mode == core::StorageMode::plain ? 0 : static_cast<int32>(g.code_bits())),
    };
    bool nulls[lengthof(values)] = {};
    nulls[18] = rows == 0;
    // In a database whose extension is still that of 0.1.0 the last one is missing.
    if (descriptor->natts != lengthof(values) && descriptor->natts != lengthof(values) - 1)
        elog(ERROR, "vecstore_index_info has unexpected columns");
    return HeapTupleGetDatum(heap_form_tuple(BlessTupleDesc(descriptor), values, nulls));
}

}  // namespace
}  // namespace vecstore::am

using namespace vecstore;

VECSTORE_FUNCTION(index_info) {
    const am::OpenIndex open = am::open_index(PG_GETARG_OID(0), AccessShareLock);
    const am::IndexFacts facts = am::read_facts(open.index, GetAccessStrategy(BAS_BULKREAD));
    am::close_index(open);
    return am::make_row(fcinfo, facts);
}
