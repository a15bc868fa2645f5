#include "am/graph_source.hpp"

extern "C" {
#include "catalog/pg_type.h"
}

namespace vecstore::am {

namespace {

// Of the function that is at work in this backend. An error on its way passes the source's destructor.
GraphSource* waiting = nullptr;

// A row without an id; no file has it.
constexpr int64_t no_id = INT64_MIN;

}  // namespace

GraphSource::GraphSource(Oid relation, std::string name, core::io::VectorReader& vectors,
                         core::io::GraphReader& graph)
    : relation_(relation), name_(std::move(name)), vectors_(vectors), graph_(graph) {
    waiting = this;
}

GraphSource::~GraphSource() { waiting = nullptr; }

GraphSource* GraphSource::take(Relation heap, Relation index) {
    GraphSource* const source = waiting;
    if (source == nullptr) return nullptr;
    if (source->relation_ != RelationGetRelid(heap) && source->relation_ != RelationGetRelid(index))
        return nullptr;
    waiting = nullptr;
    source->built_index_ = RelationGetRelid(index);
    return source;
}

void GraphSource::use_ids(AttrNumber column, Oid type) {
    id_column_ = column;
    id_type_ = type;
}

size_t GraphSource::bytes_per_row() const {
    constexpr size_t keys = 184;  // two maps of keys, what they are made from, and those of the file
    return core::RowGraph::bytes_per_row(graph_.info().max_neighbors0) + keys +
           sizeof(core::VectorFingerprint);
}

size_t GraphSource::file_bytes() const {
    return static_cast<size_t>(graph_.info().nodes) *
           core::FileNodes::bytes_per_node(graph_.info().max_neighbors0);
}

void GraphSource::add_id_column(IndexInfo* info) {
    if (id_column_ == InvalidAttrNumber || info->ii_NumIndexAttrs >= INDEX_MAX_KEYS) return;
    id_at_ = info->ii_NumIndexAttrs++;
    info->ii_IndexAttrNumbers[id_at_] = id_column_;
}

void GraphSource::remove_id_column(IndexInfo* info) {
    if (has_ids()) info->ii_NumIndexAttrs = id_at_;
}

int64_t GraphSource::id_of(const Datum* values, const bool* isnull) const {
    if (!has_ids() || isnull[id_at_]) return no_id;
    switch (id_type_) {
        case INT2OID: return DatumGetInt16(values[id_at_]);
        case INT4OID: return DatumGetInt32(values[id_at_]);
        default: return DatumGetInt64(values[id_at_]);
    }
}

void GraphSource::refuse(const std::string& reason, const std::string& hint) {
    pg::pg_call([&] {
        ereport(NOTICE, (errmsg("the graph in %s is not imported: %s", name_.c_str(), reason.c_str()),
                         errdetail("The index is built from the vectors of the table."),
                         hint.empty() ? 0 : errhint("%s", hint.c_str())));
    });
}

void GraphSource::imported(const GraphImported& result) {
    pg::pg_call([&] {
        ereport(NOTICE,
                (errmsg("imported the graph in %s for " UINT64_FORMAT " rows", name_.c_str(), result.rows),
                 result.inserted + result.without_row == 0
                     ? 0
                     : errdetail(UINT64_FORMAT " rows that are not in the file were inserted; " UINT64_FORMAT
                                               " vectors in the file are of no row of the table.",
                                 result.inserted, result.without_row)));
    });
}

}  // namespace vecstore::am
