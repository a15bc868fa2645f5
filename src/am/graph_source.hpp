// A graph in an index file, for the next build of an index to import: a function (import/import_graph.cpp)
// opens it, runs CREATE INDEX or REINDEX, and the build finds it here. It is of this backend and that command
// alone: no option of the index names the file, so that dumps and later REINDEXes do without it.
#pragma once

#include "pg/guard.hpp"

#include "core/hnsw/graph_import/graph_match.hpp"

#include <memory>
#include <string>

extern "C" {
#include "nodes/execnodes.h"
#include "utils/rel.h"
}

namespace vecstore::am {

class GraphSource {
  public:
    struct GraphImported {
        uint64_t rows;         // whose neighbors are those of the file
        uint64_t inserted;     // that the file does not have
        uint64_t without_row;  // vectors of the file that the table does not have
    };

    // relation: the index that is built anew, or the table that gets one. name: the file's, in messages.
    GraphSource(Oid relation, std::string name, core::io::VectorReader& vectors,
                core::io::GraphReader& graph);
    // Until then builds find it.
    ~GraphSource();
    GraphSource(const GraphSource&) = delete;
    GraphSource& operator=(const GraphSource&) = delete;

    // A column of the table that may hold the file's ids, of type smallint, integer or bigint.
    void use_ids(AttrNumber column, Oid type);

    // That took it, if any.
    Oid built_index() const { return built_index_; }

    // --- for the build
    // -----------------------------------------------------------------------------------------

    // The source that this build is to import, or null. Only the first build gets it.
    static GraphSource* take(Relation heap, Relation index);

    core::io::VectorReader& vectors() const { return vectors_; }
    core::io::GraphReader& graph() const { return graph_; }
    // Memory that importing takes: for each row of the table, and for what is read of the file.
    size_t bytes_per_row() const;
    size_t file_bytes() const;

    // Has the table scan deliver the id column behind those of the index. May raise.
    void add_id_column(IndexInfo* info);
    void remove_id_column(IndexInfo* info);
    bool has_ids() const { return id_at_ >= 0; }
    // Of the row with these values.
    int64_t id_of(const Datum* values, const bool* isnull) const;

    // Say what became of it.
    void refuse(const std::string& reason, const std::string& hint);
    void imported(const GraphImported& result);

  private:
    Oid relation_;
    std::string name_;
    core::io::VectorReader& vectors_;
    core::io::GraphReader& graph_;
    AttrNumber id_column_ = InvalidAttrNumber;
    Oid id_type_ = InvalidOid;
    int id_at_ = -1;  // where the scan delivers it
    Oid built_index_ = InvalidOid;
};

}  // namespace vecstore::am
