#include "import/stores/store_options.hpp"

#include "import/functions.hpp"
#include "pg/guard.hpp"

namespace vecstore::import {

namespace {

// In the order of the SQL procedure.
enum Argument {
    arg_target,
    arg_path,
    arg_collection,
    arg_index_name,
    arg_id_column,
    arg_document_column,
    arg_metadata_column,
    arg_column,
    arg_batch_size,
    arg_on_conflict,
    arg_resume,
    arg_verify
};

void check_arguments(FunctionCallInfo fcinfo) {
    for (const Argument argument :
         {arg_target, arg_path, arg_column, arg_batch_size, arg_on_conflict, arg_resume, arg_verify}) {
        if (!PG_ARGISNULL(argument)) continue;
        ereport(ERROR,
                (errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
                 errmsg("of vecstore_import_store's arguments only collection, index_name and the columns of "
                        "ids, documents and metadata may be null")));
    }
    check_batch_size(PG_GETARG_INT32(arg_batch_size));
}

std::string text_argument(FunctionCallInfo fcinfo, Argument argument, const char* otherwise) {
    return PG_ARGISNULL(argument) ? std::string(otherwise) : text_to_string(PG_GETARG_DATUM(argument));
}

OnConflict parse_on_conflict(const std::string& word, bool has_ids) {
    if (word == "error") return OnConflict::error;
    if (word != "skip" && word != "update") {
        throw core::Error(core::ErrorCode::invalid_parameter, "on_conflict cannot be \"" + word + "\"", {},
                          "It is error, skip or update.");
    }
    if (!has_ids) {
        throw core::Error(core::ErrorCode::invalid_parameter,
                          "on_conflict => " + word + " needs a column of ids", {},
                          "Name one with a unique index: id_column => '...'.");
    }
    return word == "skip" ? OnConflict::skip : OnConflict::update;
}

}  // namespace

StoreImportOptions parse_store_arguments(FunctionCallInfo fcinfo) {
    pg::pg_call([&] { check_arguments(fcinfo); });
    StoreImportOptions options;
    options.target = text_to_string(PG_GETARG_DATUM(arg_target));
    options.path = text_to_string(PG_GETARG_DATUM(arg_path));
    options.store.collection = text_argument(fcinfo, arg_collection, "");
    options.store.index_name = text_argument(fcinfo, arg_index_name, "index");
    const Argument columns[store_columns] = {arg_id_column, arg_document_column, arg_metadata_column,
                                             arg_column};
    for (int i = 0; i < store_columns; i++) options.columns[i] = name_argument(fcinfo, columns[i]);
    options.batch_size = static_cast<uint64_t>(PG_GETARG_INT32(arg_batch_size));
    options.on_conflict = parse_on_conflict(text_argument(fcinfo, arg_on_conflict, ""),
                                            !options.columns[store_id].empty());
    options.resume = PG_GETARG_BOOL(arg_resume);
    options.verify = PG_GETARG_BOOL(arg_verify);
    return options;
}

}  // namespace vecstore::import
