// vecstore_inspect_store, vecstore_read_langchain, vecstore_read_chroma.
#include "import/functions.hpp"
#include "import/server_file.hpp"
#include "import/server_folder.hpp"
#include "import/stores/store_rows.hpp"
#include "pg/result_set.hpp"
#include "types/vector.hpp"

extern "C" {
#include "catalog/pg_type.h"
#include "mb/pg_wchar.h"
#include "utils/array.h"
#include "utils/json.h"
#include "utils/jsonb.h"
}

namespace vecstore::import {

using core::stores::Folder;
using core::stores::StoreInfo;
using core::stores::StoreOptions;
using core::stores::StoreReader;
using core::stores::StoreRow;

namespace {

// From UTF-8 to the database's encoding.
const char* server_text(const std::string& text) {
    return pg_any_to_server(text.c_str(), static_cast<int>(text.size()), PG_UTF8);
}

Datum text_value(const std::string& text) { return CStringGetTextDatum(server_text(text)); }

Datum jsonb_value(const std::string& json) {
    return DirectFunctionCall1(jsonb_in, CStringGetDatum(server_text(json)));
}

}  // namespace

void make_store_values(const StoreRow& row, StoreValues* out) {
    out->nulls[0] = false;
    out->values[0] = text_value(row.id);
    out->nulls[1] = !row.document.has_value();
    out->values[1] = row.document ? text_value(*row.document) : Datum{0};
    out->nulls[2] = !row.metadata.has_value();
    out->values[2] = row.metadata ? jsonb_value(*row.metadata) : Datum{0};
    out->nulls[3] = row.vector.empty();
    out->values[3] = row.vector.empty()
                         ? Datum{0}
                         : types::make_vector_datum(row.vector.data(), static_cast<int>(row.vector.size()));
}

bool read_store_row(StoreReader& reader, StoreRow& row) {
    pg::check_interrupts();
    try {
        return reader.read(row);
    } catch (const core::Error&) {
        pg::check_interrupts();
        throw;
    }
}

void report_altered_texts(const StoreReader& reader) {
    if (reader.altered_texts() == 0) return;
    pg::pg_call([&] {
        ereport(NOTICE,
                (errmsg(UINT64_FORMAT " texts were changed so that PostgreSQL can store them",
                        reader.altered_texts()),
                 errdetail("Characters U+0000 were left out, and what is no UTF-8 was replaced by U+FFFD.")));
    });
}

namespace {

void check_row_dims(const Folder& folder, const StoreInfo& info) {
    if (info.rows > 0) pg::pg_call([&] { check_vector_limit(folder.shown().c_str(), info.dims); });
}

Datum read_store(FunctionCallInfo fcinfo, const StoreOptions& options, const char* kind) {
    const pg::ResultSet results = pg::pg_call([&] { return pg::ResultSet(fcinfo); });
    if (PG_ARGISNULL(0)) return Datum{0};
    pg::pg_call([] { require_server_file_privilege(); });
    const auto folder = open_server_folder(text_to_string(PG_GETARG_DATUM(0)));
    const auto reader = core::stores::open_store(*folder, options, kind);
    check_row_dims(*folder, reader->info());
    const MemoryContext context = pg::pg_call(
        [] { return AllocSetContextCreate(CurrentMemoryContext, "vecstore row", ALLOCSET_DEFAULT_SIZES); });
    StoreRow row;
    while (read_store_row(*reader, row)) {
        pg::pg_call([&] {
            const MemoryContext old = MemoryContextSwitchTo(context);
            StoreValues values;
            make_store_values(row, &values);
            results.add(values.values, values.nulls);
            MemoryContextSwitchTo(old);
            MemoryContextReset(context);
        });
    }
    report_altered_texts(*reader);
    return Datum{0};
}

// --- vecstore_inspect_store ----------------------------------------------------------------------------

Datum warnings_value(const StoreInfo& info) {
    const int count = static_cast<int>(info.warnings.size());
    auto* const elements = static_cast<Datum*>(
        palloc(sizeof(Datum) * static_cast<size_t>(std::max(count, 1))));
    for (int i = 0; i < count; i++) elements[i] = text_value(info.warnings[static_cast<size_t>(i)]);
    return PointerGetDatum(construct_array(elements, count, TEXTOID, -1, false, TYPALIGN_INT));
}

Datum details_value(const StoreInfo& info) {
    StringInfoData json;
    initStringInfo(&json);
    for (const core::io::FileDetail& detail : info.details) {
        appendStringInfoString(&json, json.len == 0 ? "{" : ", ");
        escape_json(&json, detail.key.c_str());
        appendStringInfoString(&json, ": ");
        if (detail.is_number) {
            appendStringInfoString(&json, detail.value.c_str());
        } else {
            escape_json(&json, server_text(detail.value));
        }
    }
    appendStringInfoString(&json, json.len == 0 ? "{}" : "}");
    return DirectFunctionCall1(jsonb_in, CStringGetDatum(json.data));
}

void add_info(const pg::ResultSet& results, const StoreInfo& info) {
    const Datum warnings = warnings_value(info);
    Datum values[] = {text_value(info.kind),
                      info.collection.empty() ? Datum{0} : text_value(info.collection),
                      Int64GetDatum(static_cast<int64>(info.rows)),
                      Int64GetDatum(static_cast<int64>(info.dims)),
                      text_value(info.metric.name()),
                      warnings,
                      details_value(info)};
    bool nulls[] = {false, info.collection.empty(), false, info.dims == 0, false, false, false};
    results.add(values, nulls);
}

}  // namespace
}  // namespace vecstore::import

using namespace vecstore;
using core::stores::StoreOptions;

namespace {

std::string text_argument(FunctionCallInfo fcinfo, int n, const char* otherwise) {
    return PG_ARGISNULL(n) ? otherwise : import::text_to_string(PG_GETARG_DATUM(n));
}

}  // namespace

VECSTORE_FUNCTION(read_langchain) {
    StoreOptions options;
    options.index_name = text_argument(fcinfo, 1, "index");
    return import::read_store(fcinfo, options, "langchain");
}

VECSTORE_FUNCTION(read_chroma) {
    StoreOptions options;
    options.collection = text_argument(fcinfo, 1, "");
    return import::read_store(fcinfo, options, "chroma");
}

VECSTORE_FUNCTION(inspect_store) {
    const pg::ResultSet results = pg::pg_call([&] { return pg::ResultSet(fcinfo); });
    if (PG_ARGISNULL(0)) return Datum{0};
    pg::pg_call([] { import::require_server_file_privilege(); });
    const auto folder = import::open_server_folder(import::text_to_string(PG_GETARG_DATUM(0)));
    StoreOptions options;
    options.index_name = text_argument(fcinfo, 1, "index");
    for (const auto& info : core::stores::list_collections(*folder, options)) {
        pg::pg_call([&] { import::add_info(results, info); });
    }
    return Datum{0};
}
