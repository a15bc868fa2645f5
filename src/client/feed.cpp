#include "client/feed.hpp"

#include "client/local_files.hpp"
#include "core/base/byte_order.hpp"
#include "core/io/content_hash.hpp"

#include <limits>

namespace vecstore::client {

namespace {

using core::Error;
using core::ErrorCode;

template <class T>
void append(std::string& out, T value) {
    char bytes[sizeof(T)];
    core::store_big_endian(bytes, value);
    out.append(bytes, sizeof(T));
}

// --- vectors -------------------------------------------------------------------------------------------

enum class VectorEncoding { vector, float4_array, float8_array };

// OIDs of pg_type that never change.
constexpr uint32_t float4_oid = 700;
constexpr uint32_t float8_oid = 701;

class VectorEncoder {
  public:
    void set_type(const std::string& type) {
        if (type == "real[]") {
            encoding_ = VectorEncoding::float4_array;
        } else if (type == "double precision[]") {
            encoding_ = VectorEncoding::float8_array;
        } else if (type == "vector" ||
                   (type.size() > 7 && type.compare(type.size() - 7, 7, ".vector") == 0)) {
            encoding_ = VectorEncoding::vector;
        } else {
            throw Error(ErrorCode::invalid_parameter, "the column for the vectors is of type " + type, {},
                        "It must be vector, real[] or double precision[].");
        }
    }

    void append_vector(std::string& out, const float* values, size_t dims) const {
        switch (encoding_) {
            case VectorEncoding::vector:
                append(out, static_cast<int32_t>(2 * sizeof(int16_t) + dims * sizeof(float)));
                append(out, static_cast<int16_t>(dims));
                append(out, int16_t{0});
                append_numbers<float>(out, values, dims, false);
                break;
            case VectorEncoding::float4_array: append_array<float>(out, values, dims, float4_oid); break;
            case VectorEncoding::float8_array: append_array<double>(out, values, dims, float8_oid); break;
        }
    }

  private:
    template <class Number>
    static void append_array(std::string& out, const float* values, size_t dims, uint32_t element_type) {
        append(out, static_cast<int32_t>(5 * sizeof(int32_t) + dims * (sizeof(int32_t) + sizeof(Number))));
        append(out, int32_t{1});  // array dimensions
        append(out, int32_t{0});  // no nulls
        append(out, element_type);
        append(out, static_cast<int32_t>(dims));
        append(out, int32_t{1});  // lower bound
        append_numbers<Number>(out, values, dims, true);
    }

    template <class Number>
    static void append_numbers(std::string& out, const float* values, size_t dims, bool with_lengths) {
        const size_t step = sizeof(Number) + (with_lengths ? sizeof(int32_t) : 0);
        const size_t at = out.size();
        out.resize(at + dims * step);
        char* to = out.data() + at;
        for (size_t i = 0; i < dims; i++, to += step) {
            if (with_lengths) core::store_big_endian(to, static_cast<int32_t>(sizeof(Number)));
            core::store_big_endian(to + step - sizeof(Number), static_cast<Number>(values[i]));
        }
    }

    VectorEncoding encoding_ = VectorEncoding::vector;
};

// --- files of vectors ----------------------------------------------------------------------------------

template <class T>
void append_integer_id(std::string& out, int64_t id) {
    if (id < std::numeric_limits<T>::min() || id > std::numeric_limits<T>::max()) {
        throw Error(ErrorCode::out_of_range,
                    "id " + std::to_string(id) + " does not fit into the column of ids", {},
                    "Make it a bigint.");
    }
    append(out, static_cast<int32_t>(sizeof(T)));
    append(out, static_cast<T>(id));
}

void append_text(std::string& out, const std::string& text) {
    append(out, static_cast<int32_t>(text.size()));
    out += text;
}

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
    std::string other_columns_definition() const override { return "{} bigint PRIMARY KEY"; }
    std::vector<std::string> other_columns() const override {
        return id_column_.empty() ? std::vector<std::string>() : std::vector<std::string>{id_column_};
    }
    bool has_number_ids() const override { return !id_column_.empty(); }

    void set_types(const TargetTypes& types) override {
        encoder_.set_type(types.vector);
        id_type_ = types.id;
    }

    bool append_row(std::string& out, uint64_t& hash) override {
        if (next_ == batch_.rows) {
            next_ = 0;
            if (!reader_->read(batch_, SIZE_MAX)) return false;
        }
        const size_t at = next_++;
        const auto dims = static_cast<size_t>(reader_->info().dims);
        const float* const values = batch_.values.data() + at * dims;
        hash = core::io::hash_row(id_column_.empty() ? 0 : batch_.ids[at], values, dims);
        append(out, static_cast<int16_t>(id_column_.empty() ? 1 : 2));
        encoder_.append_vector(out, values, dims);
        if (!id_column_.empty()) append_id(out, batch_.ids[at]);
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

    void append_id(std::string& out, int64_t id) const {
        if (id_type_ == "bigint") {
            append_integer_id<int64_t>(out, id);
        } else if (id_type_ == "integer") {
            append_integer_id<int32_t>(out, id);
        } else if (id_type_ == "smallint") {
            append_integer_id<int16_t>(out, id);
        } else {
            append_text(out, std::to_string(id));
        }
    }

    const std::unique_ptr<core::io::ByteSource> source_;
    const std::unique_ptr<core::io::VectorReader> reader_;
    const std::string id_column_;
    core::io::VectorBatch batch_;
    const uint64_t fingerprint_;
    const uint64_t rows_;
    VectorEncoder encoder_;
    std::string id_type_;
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
        return "{} text PRIMARY KEY, document text, metadata jsonb";
    }
    std::vector<std::string> other_columns() const override { return {id_column_, "document", "metadata"}; }
    bool has_number_ids() const override { return false; }
    void set_types(const TargetTypes& types) override { encoder_.set_type(types.vector); }

    bool append_row(std::string& out, uint64_t& hash) override {
        if (!reader_->read(row_)) return false;
        hash = row_.vector.empty() ? 0 : core::io::hash_row(0, row_.vector.data(), row_.vector.size());
        append(out, int16_t{4});
        if (row_.vector.empty()) {
            append(out, null_length);
        } else {
            encoder_.append_vector(out, row_.vector.data(), row_.vector.size());
        }
        append_text(out, row_.id);
        if (row_.document) {
            append_text(out, *row_.document);
        } else {
            append(out, null_length);
        }
        if (row_.metadata) {
            append_text(out, '\x01' + *row_.metadata);  // the version of jsonb's binary format
        } else {
            append(out, null_length);
        }
        return true;
    }

  private:
    static constexpr int32_t null_length = -1;

    const std::unique_ptr<core::stores::Folder> folder_;
    const std::unique_ptr<core::stores::StoreReader> reader_;
    const std::string id_column_;
    VectorEncoder encoder_;
    core::stores::StoreRow row_;
};

}  // namespace

std::unique_ptr<Feed> open_feed(const FeedOptions& options) {
    if (is_folder(options.path)) return std::make_unique<StoreFeed>(options);
    return std::make_unique<VectorFeed>(options);
}

}  // namespace vecstore::client
