#include "client/feed.hpp"

#include "client/local_files.hpp"
#include "core/io/copy/vector_field.hpp"
#include "core/io/source/content_hash.hpp"

#include <optional>

namespace vecstore::client {

namespace {

using core::Error;
using core::ErrorCode;

using core::io::append_field;
using core::io::append_number;
using core::io::IdEncoding;
using core::io::null_length;
using core::io::VectorEncoding;

// Is it a type of this name, in any schema?
bool is_type(const std::string& type, const std::string& name) {
    if (type.size() <= name.size()) return type == name;
    const size_t rest = type.size() - name.size();
    return type[rest - 1] == '.' && type.compare(rest, name.size(), name) == 0;
}

VectorEncoding vector_encoding(const std::string& type) {
    if (type == "real[]") return VectorEncoding::float4_array;
    if (type == "double precision[]") return VectorEncoding::float8_array;
    if (type == "bit" || type == "bit varying") return VectorEncoding::bits;
    if (is_type(type, "vector")) return VectorEncoding::vector;
    if (is_type(type, "halfvec")) return VectorEncoding::halfvec;
    throw Error(ErrorCode::invalid_parameter, "the column for the vectors is of type " + type, {},
                "It must be vector, halfvec, bit, real[] or double precision[].");
}

IdEncoding id_encoding(const std::string& type) {
    if (type == "bigint") return IdEncoding::int8;
    if (type == "integer") return IdEncoding::int4;
    if (type == "smallint") return IdEncoding::int2;
    return IdEncoding::text;
}

// --- files of vectors ----------------------------------------------------------------------------------

class VectorFeed final : public Feed {
  public:
    explicit VectorFeed(const FeedOptions& options)
        : source_(open_local_file(options.path)),
          reader_(core::io::open_vectors(*source_, read_options(options))),
          id_column_(options.id_column),
          fingerprint_(core::io::fingerprint(*source_)),
          rows_(count_rows(options.skip_not_finite)) {}

    std::string format() const override { return reader_->info().format; }
    uint64_t rows() const override { return rows_; }
    uint64_t dims() const override { return reader_->info().dims; }
    uint64_t bytes() const override { return source_->size(); }
    uint64_t fingerprint() const override { return fingerprint_; }
    std::vector<std::string> warnings() const override {
        std::vector<std::string> warnings = reader_->info().warnings;
        if (reader_->info().lossy)
            warnings.push_back(source_->name() + " holds approximations of the vectors it was made of");
        return warnings;
    }
    std::string other_columns_definition() const override { return "{} pg_catalog.int8 PRIMARY KEY"; }
    std::vector<std::string> other_columns() const override {
        return id_column_.empty() ? std::vector<std::string>() : std::vector<std::string>{id_column_};
    }
    bool has_number_ids() const override { return !id_column_.empty(); }
    // The type that holds the file's values exactly.
    std::string vector_type(const std::string& schema) const override {
        switch (reader_->info().element) {
            case core::io::ElementType::bit: return "pg_catalog.bit";
            case core::io::ElementType::float16: return schema + ".halfvec";
            default: return schema + ".vector";
        }
    }
    const char* verified() const override { return "count and content verified"; }

    void set_types(const TargetTypes& types) override {
        vectors_.emplace(vector_encoding(types.vector));
        if (!id_column_.empty()) ids_ = id_encoding(types.id);
    }

    bool append_row(std::string& out, uint64_t& hash) override {
        if (next_ == batch_.rows) {
            next_ = 0;
            if (!reader_->read(batch_, SIZE_MAX)) return false;
        }
        const size_t at = next_++;
        const auto dims = static_cast<size_t>(reader_->info().dims);
        const float* const values = batch_.values.data() + at * dims;
        append_number(out, static_cast<int16_t>(id_column_.empty() ? 1 : 2));
        hash = vectors_->append(
            out, {values, dims, id_column_.empty() ? 0 : batch_.ids[at], batch_.positions[at]});
        core::io::append_id_field(out, ids_, batch_.ids[at], id_column_);
        return true;
    }

  private:
    static core::io::ReadOptions read_options(const FeedOptions& options) {
        core::io::ReadOptions read;
        read.format = options.format;
        read.file_name = options.path;
        read.member = options.member;
        read.flatten = options.flatten;
        read.skip_not_finite = options.skip_not_finite;
        read.open_sibling = local_siblings(options.path);
        return read;
    }

    // Those that will be read: not the deleted ones, nor those that are left out.
    uint64_t count_rows(bool skip_not_finite) {
        if (!skip_not_finite) return reader_->info().rows - reader_->count_deleted();
        uint64_t rows = 0;
        while (reader_->read(batch_, SIZE_MAX)) rows += batch_.rows;
        reader_->seek(0);
        batch_.rows = 0;
        return rows;
    }

    const std::unique_ptr<core::io::ByteSource> source_;
    const std::unique_ptr<core::io::VectorReader> reader_;
    const std::string id_column_;
    core::io::VectorBatch batch_;
    const uint64_t fingerprint_;
    const uint64_t rows_;
    std::optional<core::io::VectorField> vectors_;
    IdEncoding ids_ = IdEncoding::none;
    size_t next_ = 0;
};

// --- stores --------------------------------------------------------------------------------------------

class StoreFeed final : public Feed {
  public:
    explicit StoreFeed(const FeedOptions& options)
        : folder_(open_local_folder(options.path)),
          reader_(core::stores::open_store(*folder_, options.store)),
          id_column_(options.id_column.empty() ? "id" : options.id_column) {}

    std::string format() const override { return reader_->info().kind; }
    uint64_t rows() const override { return reader_->info().rows; }
    uint64_t dims() const override { return reader_->info().dims; }
    uint64_t bytes() const override { return reader_->info().bytes; }
    uint64_t fingerprint() const override { return reader_->info().fingerprint; }
    std::vector<std::string> warnings() const override { return reader_->info().warnings; }
    std::string other_columns_definition() const override {
        return "{} pg_catalog.text PRIMARY KEY, document pg_catalog.text, metadata pg_catalog.jsonb";
    }
    std::vector<std::string> other_columns() const override { return {id_column_, "document", "metadata"}; }
    bool has_number_ids() const override { return false; }
    std::string vector_type(const std::string& schema) const override { return schema + ".vector"; }
    const char* verified() const override {
        return "count and vectors verified, but not documents and metadata";
    }
    void set_types(const TargetTypes& types) override { vectors_.emplace(vector_encoding(types.vector)); }

    bool append_row(std::string& out, uint64_t& hash) override {
        if (!reader_->read(row_)) return false;
        append_number(out, int16_t{4});
        if (row_.vector.empty()) {
            append_number(out, null_length);
            hash = 0;
        } else {
            hash = vectors_->append(out, {row_.vector.data(), row_.vector.size(), 0, rows_read_});
        }
        rows_read_++;
        append_text(out, row_.id);
        append_text(out, row_.document);
        // After the version of jsonb's binary format.
        append_text(out, row_.metadata ? std::optional<std::string>('\x01' + *row_.metadata) : std::nullopt);
        return true;
    }

  private:
    static void append_text(std::string& out, const std::optional<std::string>& text) {
        if (text)
            append_field(out, text->data(), text->size());
        else
            append_number(out, null_length);
    }

    const std::unique_ptr<core::stores::Folder> folder_;
    const std::unique_ptr<core::stores::StoreReader> reader_;
    const std::string id_column_;
    std::optional<core::io::VectorField> vectors_;
    core::stores::StoreRow row_;
    uint64_t rows_read_ = 0;
};

}  // namespace

std::unique_ptr<Feed> open_feed(const FeedOptions& options) {
    if (is_folder(options.path)) return std::make_unique<StoreFeed>(options);
    return std::make_unique<VectorFeed>(options);
}

}  // namespace vecstore::client
