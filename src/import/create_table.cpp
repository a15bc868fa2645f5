#include "import/create_table.hpp"

#include "import/functions.hpp"
#include "import/import_state.hpp"
#include "pg/guard.hpp"

extern "C" {
#include "access/xact.h"
#include "catalog/namespace.h"
#include "utils/lsyscache.h"
#include "utils/varlena.h"
}

namespace vecstore::import {

namespace {

using core::io::VectorFileInfo;

std::string quoted(const std::string& name) {
    const char* const text = pg::pg_call([&] { return quote_identifier(name.c_str()); });
    return text;
}

// A type that loses nothing of values of these kinds. (Those that are no keywords need their schema.)
const char* column_type(uint8_t kinds) {
    switch (kinds & ~core::io::json_null) {
        case core::io::json_boolean: return "boolean";
        case core::io::json_integer: return "bigint";
        case core::io::json_real:
        case core::io::json_integer | core::io::json_real: return "double precision";
        case core::io::json_string:
        case 0: return "pg_catalog.text";
        default: return "pg_catalog.jsonb";
    }
}

std::string vector_type(const ImportOptions& options, Oid function, const VectorFileInfo& info,
                        const char* file) {
    std::string type = options.vector_type;
    if (type == "auto") {
        type = info.element == core::io::ElementType::bit       ? "bit"
               : info.element == core::io::ElementType::float16 ? "halfvec"
                                                                : "vector";
    }
    if (type != "vector" && type != "halfvec" && type != "bit") {
        throw core::Error(core::ErrorCode::invalid_parameter, "vector_type cannot be \"" + type + "\"", {},
                          "Choose auto, vector, halfvec or bit.");
    }
    if (info.dims == 0) {
        throw core::Error(core::ErrorCode::data_exception,
                          std::string("there are no vectors in ") + file + " to create a table for");
    }
    const std::string dims = "(" + std::to_string(info.dims) + ")";
    if (type == "bit") return "pg_catalog.bit" + dims;
    const char* const schema = pg::pg_call([&] {
        check_vector_limit(file, info.dims);
        return quote_identifier(get_namespace_name(get_func_namespace(function)));
    });
    return std::string(schema) + "." + type + dims;
}

// The field that the ids come from, or null where the reader gives them.
const core::io::JsonField* id_field(const ImportOptions& options, const VectorFileInfo& info,
                                    const Metadata* metadata) {
    if (metadata == nullptr || options.ids == IdOrigin::file || options.ids == IdOrigin::row) return nullptr;
    if (options.ids == IdOrigin::automatic && info.has_ids) return nullptr;
    const std::string& name = options.id_key.empty() ? options.id_column : options.id_key;
    for (size_t i = 0; i < metadata->keys().size(); i++) {
        if (metadata->keys()[i] == name) return &metadata->survey().fields[i];
    }
    return nullptr;
}

std::string field_columns(const ImportOptions& options, const Metadata* metadata) {
    if (metadata == nullptr) return {};
    if (!options.metadata_column.empty()) return ", " + quoted(options.metadata_column) + " pg_catalog.jsonb";
    std::string columns;
    for (size_t i = 0; i < metadata->keys().size(); i++) {
        const std::string& name = metadata->keys()[i];
        if (name == options.id_column || name == options.vector_column || name == options.id_key) continue;
        if (name.empty() || name.size() >= NAMEDATALEN) {
            throw core::Error(core::ErrorCode::invalid_parameter,
                              "the metadata have a field whose name cannot be that of a column: \"" +
                                  name.substr(0, NAMEDATALEN) + "\"",
                              {}, "Put all metadata into one column: metadata_column => 'metadata'.");
        }
        columns += ", " + quoted(name) + " " + column_type(metadata->survey().fields[i].kinds);
    }
    return columns;
}

RangeVar* range_var(const std::string& name) {
    return makeRangeVarFromNameList(textToQualifiedNameList(cstring_to_text(name.c_str())));
}

}  // namespace

Oid find_table(const std::string& name) {
    return pg::pg_call([&] { return RangeVarGetRelid(range_var(name), NoLock, true); });
}

std::string create_import_table(ImportOptions& options, Oid function, const VectorFileInfo& info,
                                const Metadata* metadata) {
    if (options.vector_column.empty()) options.vector_column = "embedding";
    if (options.id_column.empty()) options.id_column = "id";
    const std::string type = vector_type(options, function, info, options.path.c_str());
    const core::io::JsonField* const id = id_field(options, info, metadata);
    const char* const name = pg::pg_call([&] {
        const RangeVar* const table = range_var(options.table_name);
        return table->schemaname != nullptr ? quote_qualified_identifier(table->schemaname, table->relname)
                                            : quote_identifier(table->relname);
    });
    std::string statement = std::string("CREATE TABLE ") + name + " (" + quoted(options.id_column) + " " +
                            (id != nullptr ? column_type(id->kinds) : "bigint") + " PRIMARY KEY, " +
                            quoted(options.vector_column) + " " + type + field_columns(options, metadata) +
                            ")";
    pg::pg_call([&] {
        run_in_session({statement.c_str(), 0, nullptr, nullptr});
        CommandCounterIncrement();
    });
    options.relation = find_table(options.table_name);
    return statement;
}

}  // namespace vecstore::import
