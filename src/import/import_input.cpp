#include "import/import_input.hpp"

#include "core/io/source/content_hash.hpp"
#include "import/create_table.hpp"
#include "import/server_file.hpp"
#include "pg/citus.hpp"
#include "pg/guard.hpp"

extern "C" {
#include "utils/lsyscache.h"
}

namespace vecstore::import {

namespace {

// COPY from inside the server goes past Citus, into the table's shell on the coordinator, which nobody reads.
void refuse_distributed(Oid relation) {
    if (!pg::is_distributed(relation)) return;
    ereport(ERROR, (errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
                    errmsg("vecstore_import cannot fill \"%s\", a table of Citus", get_rel_name(relation)),
                    errhint("Send the rows through Citus: INSERT ... SELECT ... FROM vecstore_read_npy(...) "
                            "or another of the "
                            "vecstore_read functions, or the program vecstore-load.")));
}

}  // namespace

ImportInput::ImportInput(ImportOptions options, const ImportSession& session)
    : options_(std::move(options)), session_(session), shown_path_(displayed_path(options_.path)) {}

void ImportInput::open() {
    pg::pg_call([] { require_server_file_privilege(); });
    find_target_table();
    open_files();
    if (!OidIsValid(options_.relation)) {
        created_ = create_import_table(options_, session_.function(), info(), metadata_.get());
    } else if (options_.create_table && options_.id_column.empty()) {
        options_.id_column = "id";
    }
    choose_ids();
}

void ImportInput::find_target_table() {
    if (!OidIsValid(options_.relation)) options_.relation = find_table(options_.table_name);
    if (!OidIsValid(options_.relation) && !options_.create_table) {
        pg::pg_call([&] {
            ereport(ERROR, (errcode(ERRCODE_UNDEFINED_TABLE),
                            errmsg("relation \"%s\" does not exist", options_.table_name.c_str()),
                            errhint("With create_table => true it is created.")));
        });
    }
    if (OidIsValid(options_.relation)) pg::pg_call([&] { refuse_distributed(options_.relation); });
    if (OidIsValid(options_.relation) && !options_.create_table) {
        pg::pg_call([&] { close_target(open_target(request_without_metadata())); });
    }
}

void ImportInput::open_files() {
    source_ = open_server_file(options_.path);
    options_.read.file_name = options_.path;
    options_.read.open_sibling = siblings_of(options_.path);
    reader_ = core::io::open_vectors(*source_, options_.read);
    fingerprint_ = static_cast<int64>(core::io::fingerprint(*source_));
    if (options_.metadata_path.empty()) return;
    metadata_ = std::make_unique<Metadata>(open_server_file(options_.metadata_path), info().rows);
    for (const std::string& name : metadata_->keys()) keys_.push_back(name.c_str());
    check_metadata_fits();
}

void ImportInput::check_metadata_fits() const {
    const core::io::JsonSurvey& survey = metadata_->survey();
    if (options_.metadata_column.empty() && (survey.kinds & ~core::io::json_object) != 0)
        throw core::Error(
            core::ErrorCode::invalid_parameter,
            "the records in " + metadata_->source().name() + " are not all objects with named fields",
            "There are " + core::io::kind_names(survey.kinds & ~core::io::json_object) + " among them.",
            "Whole records go into one column: metadata_column => '...'.");
    const uint64_t records = survey.records;
    if (survey.layout == core::io::JsonSurvey::Layout::columns && survey.fields.empty() && info().by_id)
        throw core::Error(core::ErrorCode::invalid_parameter,
                          metadata_->source().name() + " has arrays of different lengths",
                          "None is as long as " + shown_path_ + " has vectors.",
                          "Each record has one element in each array.");
    if (info().by_id ? records > 0 || info().rows == 0 : records == info().rows) return;
    throw core::Error(core::ErrorCode::invalid_parameter,
                      metadata_->source().name() + " has metadata of " + std::to_string(records) +
                          " rows, but " + shown_path_ + " has " + std::to_string(info().rows) + " vectors",
                      {}, "Each vector has one record, in the order of the vectors.");
}

// Where ids come from, when that is left open: the file, the metadata, positions.
void ImportInput::choose_ids() {
    if (options_.ids == IdOrigin::file && !info().has_ids) {
        throw core::Error(
            core::ErrorCode::invalid_parameter, shown_path_ + " holds no ids", {},
            "Use ids => 'row' for the positions of the vectors, or take the ids from metadata.");
    }
    if (options_.id_key.empty()) options_.id_key = options_.id_column;
    const auto& keys = metadata_ == nullptr ? std::vector<std::string>() : metadata_->keys();
    const bool in_metadata = std::find(keys.begin(), keys.end(), options_.id_key) != keys.end();
    if (options_.ids == IdOrigin::automatic && !info().has_ids && in_metadata &&
        !options_.id_column.empty()) {
        options_.ids = IdOrigin::metadata;
    }
    if (options_.ids == IdOrigin::metadata && !in_metadata) {
        throw core::Error(
            core::ErrorCode::invalid_parameter,
            metadata_->source().name() + " has no field \"" + options_.id_key + "\" to take ids from");
    }
}

// --- what the target is asked for ----------------------------------------------------------------------

namespace {

const char* name_or_null(const std::string& name) { return name.empty() ? nullptr : name.c_str(); }

}  // namespace

// The id column may be of any type as yet: perhaps it is filled from metadata.
TargetRequest ImportInput::request_without_metadata() const {
    TargetRequest request = {};
    request.relation = options_.relation;
    request.vector_type = session_.vector_type();
    request.halfvec_type = session_.halfvec_type();
    request.vector_column = name_or_null(options_.vector_column);
    request.id_column = name_or_null(options_.id_column);
    request.id_key = options_.metadata_path.empty() ? nullptr : "";
    return request;
}

TargetRequest ImportInput::request() const {
    TargetRequest request = request_without_metadata();
    request.prefer_bits = info().element == core::io::ElementType::bit;
    request.keys = keys_.data();
    request.key_count = static_cast<int>(keys_.size());
    request.id_key = options_.ids == IdOrigin::metadata ? options_.id_key.c_str() : nullptr;
    request.metadata_column = name_or_null(options_.metadata_column);
    return request;
}

FileIdentity ImportInput::identity() const {
    return {info().format.c_str(),
            static_cast<int64>(source_->size()),
            fingerprint_,
            static_cast<int64>(info().rows),
            static_cast<int64>(info().dims),
            options_.metadata_path.c_str(),
            metadata_ == nullptr ? 0 : static_cast<int64>(metadata_->fingerprint())};
}

void ImportInput::check_fits(const Target& target) const {
    if (info().rows == 0) return;
    pg::pg_call([&] { check_target_dims(target, info().dims, shown_path_.c_str()); });
}

void ImportInput::report_unused_fields(const Target& target) const {
    if (metadata_ == nullptr) return;
    std::string names;
    const auto add = [&](const std::string& name) { names += (names.empty() ? "" : ", ") + name; };
    for (size_t key = 0; key < keys_.size() && options_.metadata_column.empty(); key++) {
        const int* const used = target.field_keys;
        const int* const end = used + target.field_count;
        if (std::find(used, end, static_cast<int>(key)) == end) add(std::string("\"") + keys_[key] + "\"");
    }
    for (const std::string& name : metadata_->survey().ignored) add(name);
    if (names.empty()) return;
    pg::pg_call([&, list = names.c_str()] {
        ereport(NOTICE, (errmsg("of the metadata these fields are left out: %s", list),
                         errhint("Fields go into columns of the same names, or all of them into one column: "
                                 "metadata_column => '...'.")));
    });
}

}  // namespace vecstore::import
