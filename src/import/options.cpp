#include "import/options.hpp"

#include "import/functions.hpp"
#include "pg/guard.hpp"

extern "C" {
#include "access/xact.h"
#include "nodes/parsenodes.h"
}

namespace vecstore::import {

std::string name_argument(FunctionCallInfo fcinfo, int argument) {
    return PG_ARGISNULL(argument) ? std::string() : std::string(NameStr(*PG_GETARG_NAME(argument)));
}

namespace {

// In the order of the SQL procedures.
enum Argument {
    arg_target,
    arg_path,
    arg_column,
    arg_id_column,
    arg_batch_size,
    arg_format,
    arg_resume,
    arg_verify,
    arg_metadata,
    arg_metadata_column,
    arg_ids,
    arg_on_conflict,
    arg_member,
    arg_flatten,
    arg_skip_not_finite,
    arg_dry_run,
    arg_create_index,
    arg_index_opclass,
    // only where the target is a name
    arg_create_table,
    arg_vector_type,
};

constexpr Argument may_be_null[] = {arg_column,          arg_id_column, arg_metadata,
                                    arg_metadata_column, arg_member,    arg_index_opclass};

void check_arguments(FunctionCallInfo fcinfo) {
    for (int argument = 0; argument < fcinfo->nargs; argument++) {
        if (!PG_ARGISNULL(argument)) continue;
        if (std::find(std::begin(may_be_null), std::end(may_be_null), argument) != std::end(may_be_null))
            continue;
        ereport(ERROR, (errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
                        errmsg("of vecstore_import's arguments only \"column\", id_column, metadata, "
                               "metadata_column, member and index_opclass may be null")));
    }
    check_batch_size(PG_GETARG_INT32(arg_batch_size));
}

std::string text_argument(FunctionCallInfo fcinfo, Argument argument) {
    return PG_ARGISNULL(argument) ? std::string() : text_to_string(PG_GETARG_DATUM(argument));
}

[[noreturn]] void refuse_word(const char* argument, const std::string& word, const char* allowed) {
    throw core::Error(core::ErrorCode::invalid_parameter,
                      std::string(argument) + " cannot be \"" + word + "\"", {},
                      std::string("Choose ") + allowed + ".");
}

OnConflict parse_on_conflict(const std::string& word) {
    for (const OnConflict value : {OnConflict::error, OnConflict::skip, OnConflict::update}) {
        if (word == on_conflict_name(value)) return value;
    }
    refuse_word("on_conflict", word, "error, skip or update");
}

void parse_ids(const std::string& word, ImportOptions& options) {
    const std::string prefix = "metadata.";
    options.ids = IdOrigin::metadata;
    if (word == "auto") {
        options.ids = IdOrigin::automatic;
    } else if (word == "file") {
        options.ids = IdOrigin::file;
    } else if (word == "row") {
        options.ids = IdOrigin::row;
    } else if (word.compare(0, prefix.size(), prefix) == 0) {
        options.id_key = word.substr(prefix.size());
    } else if (word != "metadata") {
        refuse_word("ids", word,
                    "auto, file, row, metadata (the field of id_column's name) or metadata.FIELD");
    }
}

void check_combination(const ImportOptions& options) {
    const char* missing = nullptr;
    if (options.metadata_path.empty() &&
        (!options.metadata_column.empty() || options.ids == IdOrigin::metadata)) {
        missing = "metadata";
    } else if (options.id_column.empty() && !options.create_table &&
               (options.ids != IdOrigin::automatic || options.on_conflict == OnConflict::update)) {
        missing = "id_column";
    }
    if (missing == nullptr) return;
    throw core::Error(
        core::ErrorCode::invalid_parameter, std::string("this needs an argument that is missing: ") + missing,
        {},
        "metadata_column and ids => 'metadata' need metadata; ids and on_conflict => 'update' need "
        "id_column.");
}

}  // namespace

void require_own_transactions(FunctionCallInfo fcinfo, const char* procedure, const char* readers) {
    const bool atomic = fcinfo->context == nullptr || !IsA(fcinfo->context, CallContext) ||
                        reinterpret_cast<CallContext*>(fcinfo->context)->atomic;
    if (!atomic && !IsSubTransaction()) return;
    ereport(ERROR,
            (errcode(ERRCODE_INVALID_TRANSACTION_STATE),
             errmsg("%s cannot run inside a transaction block or a function", procedure),
             errdetail("It commits the rows in batches."),
             errhint("CALL it on its own, or use INSERT ... SELECT FROM %s, which do all in the current "
                     "transaction.",
                     readers)));
}

void check_batch_size(int32 rows) {
    if (rows >= 1) return;
    ereport(ERROR,
            (errcode(ERRCODE_INVALID_PARAMETER_VALUE), errmsg("batch_size must be at least 1, not %d", rows),
             errhint("It is the number of rows that are committed together.")));
}

const char* on_conflict_name(OnConflict on_conflict) {
    return on_conflict == OnConflict::error ? "error" : on_conflict == OnConflict::skip ? "skip" : "update";
}

ImportOptions parse_import_arguments(FunctionCallInfo fcinfo, bool by_name) {
    pg::pg_call([&] { check_arguments(fcinfo); });
    ImportOptions options = {};
    options.relation = by_name ? InvalidOid : PG_GETARG_OID(arg_target);
    if (by_name) options.table_name = text_argument(fcinfo, arg_target);
    options.path = text_argument(fcinfo, arg_path);
    options.vector_column = name_argument(fcinfo, arg_column);
    options.id_column = name_argument(fcinfo, arg_id_column);
    options.batch_size = static_cast<uint64_t>(PG_GETARG_INT32(arg_batch_size));
    options.read.format = text_argument(fcinfo, arg_format);
    options.read.member = text_argument(fcinfo, arg_member);
    options.read.flatten = PG_GETARG_BOOL(arg_flatten);
    options.read.skip_not_finite = PG_GETARG_BOOL(arg_skip_not_finite);
    options.resume = PG_GETARG_BOOL(arg_resume);
    options.verify = PG_GETARG_BOOL(arg_verify);
    options.metadata_path = text_argument(fcinfo, arg_metadata);
    options.metadata_column = name_argument(fcinfo, arg_metadata_column);
    parse_ids(text_argument(fcinfo, arg_ids), options);
    options.on_conflict = parse_on_conflict(text_argument(fcinfo, arg_on_conflict));
    options.dry_run = PG_GETARG_BOOL(arg_dry_run);
    options.create_index = PG_GETARG_BOOL(arg_create_index);
    options.index_opclass = name_argument(fcinfo, arg_index_opclass);
    options.create_table = by_name && PG_GETARG_BOOL(arg_create_table);
    options.vector_type = by_name ? text_argument(fcinfo, arg_vector_type) : "auto";
    check_combination(options);
    return options;
}

}  // namespace vecstore::import
