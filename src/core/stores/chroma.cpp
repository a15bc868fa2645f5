#include "core/stores/chroma.hpp"

#include "core/base/option_text.hpp"
#include "core/io/json/json_writer.hpp"
#include "core/io/json/utf8.hpp"
#include "core/io/source/content_hash.hpp"
#include "core/stores/chroma_segment.hpp"
#include "core/stores/sqlite.hpp"

#include <unordered_map>

namespace vecstore::core::stores {

const char* const chroma_database = "chroma.sqlite3";

namespace {

// chromadb's Operation
enum QueueOperation { operation_add = 0, operation_update = 1, operation_upsert = 2, operation_delete = 3 };

constexpr const char* document_key = "chroma:document";

// Bytes of ids that are kept in memory, each with where its vector is.
constexpr size_t largest_id_map = size_t{1} << 30;

struct Collection {
    std::string id;
    std::string name;
    std::string topic;
    uint64_t dims = 0;
    std::string space;  // "l2", "cosine", "ip"
    std::string metadata_segment;
    std::string vector_segment;
    bool has_namesake = false;
    bool cosine() const { return space == "cosine"; }
};

// The differences between releases.
struct Schema {
    bool topics;         // collections name their topic in the queue
    bool configuration;  // collections have a configuration, as JSON
    bool schema;         // and a schema
    bool collection_metadata;
    bool booleans;            // metadata can be boolean
    std::string lists;        // the table of metadata that are lists; empty: there is none
    std::string lists_order;  // what their elements are in order by
};

// Tables of metadata that are lists: of 1.4 and later, and of a branch before.
constexpr const char* array_table = "embedding_metadata_array";
constexpr const char* list_table = "embedding_metadata_lists";

void require_table(const SqliteFile& file, const Folder& folder, const char* table) {
    if (file.has_table(table)) return;
    throw Error(ErrorCode::file_not_supported,
                folder.shown() + " is no store of Chroma that can be read: its database has no table \"" +
                    table + "\"",
                {}, "Stores of Chroma 0.4 to 1.x can be read.");
}

Schema read_schema(const SqliteFile& file, const Folder& folder) {
    for (const char* const table :
         {"collections", "segments", "embeddings", "embedding_metadata", "embeddings_queue"}) {
        require_table(file, folder, table);
    }
    Schema schema;
    schema.topics = file.has_column("collections", "topic");
    schema.configuration = file.has_column("collections", "config_json_str");
    schema.schema = file.has_column("collections", "schema_str");
    schema.collection_metadata = file.has_table("collection_metadata");
    schema.booleans = file.has_column("embedding_metadata", "bool_value");
    if (file.has_table(array_table)) {
        schema.lists = array_table;
        schema.lists_order = "rowid";
    } else if (file.has_table(list_table)) {
        schema.lists = list_table;
        schema.lists_order = "list_index";
    }
    return schema;
}

// --- collections ---------------------------------------------------------------------------------------

// The value of "space" anywhere in a JSON text, best inside of an object that concerns the embeddings.
std::string space_in_json(const SqliteFile& file, const std::string& json) {
    SqliteQuery query(
        file,
        "SELECT atom FROM json_tree(CASE WHEN json_valid(?1) THEN ?1 ELSE '{}' END) "
        "WHERE key = 'space' AND type = 'text' ORDER BY fullkey LIKE '%#embedding%' DESC, id LIMIT 1");
    return query.bind(0, json).step() ? query.text(0) : std::string();
}

void find_space(const SqliteFile& file, const Schema& schema, Collection& collection) {
    if (schema.collection_metadata) {
        SqliteQuery query(
            file, "SELECT str_value FROM collection_metadata WHERE collection_id = ? AND key = 'hnsw:space'");
        if (query.bind(0, collection.id).step()) collection.space = query.text(0);
    }
    for (const auto& [has, column] :
         {std::pair(schema.configuration, "config_json_str"), std::pair(schema.schema, "schema_str")}) {
        if (!has || !collection.space.empty()) continue;
        SqliteQuery query(file, std::string("SELECT ") + column + " FROM collections WHERE id = ?");
        if (query.bind(0, collection.id).step() && !query.is_null(0))
            collection.space = space_in_json(file, query.text(0));
    }
    if (collection.space.empty()) collection.space = "l2";  // Chroma's default
}

void find_segments(const SqliteFile& file, Collection& collection) {
    SqliteQuery query(file, "SELECT id, scope FROM segments WHERE collection = ?");
    query.bind(0, collection.id);
    while (query.step()) {
        const std::string scope = query.text(1);
        if (scope == "METADATA") collection.metadata_segment = query.text(0);
        if (scope == "VECTOR") collection.vector_segment = query.text(0);
    }
}

// A segment's folder has its id as name: nothing that leads elsewhere.
bool is_plain_name(const std::string& name) {
    return !name.empty() && name.size() < 100 &&
           name.find_first_not_of("0123456789abcdefABCDEF-") == std::string::npos;
}

std::vector<Collection> read_collections(const SqliteFile& file, const Schema& schema) {
    std::vector<Collection> collections;
    SqliteQuery query(file, std::string("SELECT id, name, dimension") + (schema.topics ? ", topic" : "") +
                                " FROM collections ORDER BY name, id");
    while (query.step()) {
        Collection collection;
        collection.id = query.text(0);
        collection.name = query.text(1);
        io::make_storable(collection.name);
        if (query.integer(2) > 0) collection.dims = static_cast<uint64_t>(query.integer(2));
        if (schema.topics) collection.topic = query.text(3);
        if (collection.topic.empty()) collection.topic = "persistent://default/default/" + collection.id;
        find_space(file, schema, collection);
        find_segments(file, collection);
        // They come in the order of their names.
        if (!collections.empty() && collections.back().name == collection.name)
            collection.has_namesake = collections.back().has_namesake = true;
        collections.push_back(std::move(collection));
    }
    return collections;
}

std::string names_of(const std::vector<Collection>& collections) {
    std::string names;
    for (const Collection& collection : collections) {
        if (names.size() > 500) return names + ", ...";
        names += (names.empty() ? "\"" : ", \"") + collection.name + "\"";
    }
    return names.empty() ? "none" : names;
}

Collection choose_collection(const Folder& folder, const std::vector<Collection>& collections,
                             const std::string& wanted) {
    if (wanted.empty() && collections.size() == 1) return collections[0];
    std::vector<Collection> found;
    for (const Collection& collection : collections) {
        if (collection.id == wanted || collection.name == wanted) found.push_back(collection);
    }
    if (found.size() == 1) return found[0];
    const std::string hint = "It has: " + names_of(collections) + ".";
    if (wanted.empty() && collections.empty()) {
        throw Error(ErrorCode::invalid_parameter, folder.shown() + " has no collection");
    }
    if (wanted.empty()) {
        throw Error(ErrorCode::invalid_parameter,
                    folder.shown() + " has " + std::to_string(collections.size()) + " collections", {},
                    "Say which one, " + option_text("collection", "...") + ". " + hint);
    }
    if (found.empty()) {
        throw Error(ErrorCode::invalid_parameter, folder.shown() + " has no collection \"" + wanted + "\"",
                    {}, hint);
    }
    throw Error(
        ErrorCode::invalid_parameter,
        folder.shown() + " has " + std::to_string(found.size()) + " collections named \"" + wanted + "\"", {},
        "They are in several of its databases. Name one by its id: '" + found[0].id + "' or '" + found[1].id +
            "'.");
}

uint64_t count_rows(const SqliteFile& file, const Collection& collection) {
    SqliteQuery query(file, "SELECT count(*) FROM embeddings WHERE segment_id = ?");
    return query.bind(0, collection.metadata_segment).step() ? static_cast<uint64_t>(query.integer(0)) : 0;
}

io::FileMetric metric_of(const std::string& space) {
    for (const MetricInfo& metric : metrics)
        if (metric.space != nullptr && space == metric.space) return metric.metric;
    return io::FileMetric::other();
}

StoreInfo describe(const SqliteFile& file, const Collection& collection) {
    StoreInfo info;
    info.kind = "chroma";
    info.collection = collection.name;
    info.unique_name = collection.has_namesake ? collection.name + " " + collection.id : collection.name;
    info.rows = count_rows(file, collection);
    info.dims = collection.dims;
    info.metric = metric_of(collection.space);
    info.details.push_back({"collection_id", collection.id, false});
    info.details.push_back({"space", collection.space, false});
    return info;
}

// --- rows ----------------------------------------------------------------------------------------------

class ChromaReader final : public StoreReader {
  public:
    ChromaReader(const Folder& folder, const StoreOptions& options)
        : folder_(folder),
          file_(folder, chroma_database),
          schema_(read_schema(file_, folder)),
          collection_(choose_collection(folder, read_collections(file_, schema_), options.collection)),
          // (In the order of the table: the plus keeps SQLite from sorting what an index finds.)
          rows_(file_, "SELECT id, embedding_id FROM embeddings WHERE +segment_id = ? ORDER BY id"),
          metadata_(file_, "SELECT key, string_value, int_value, float_value" +
                               std::string(schema_.booleans ? ", bool_value" : ", NULL") +
                               " FROM embedding_metadata WHERE id = ? ORDER BY key"),
          lists_(file_, schema_.lists.empty()
                            ? "SELECT 1 WHERE ? IS NULL"
                            : "SELECT key, string_value, int_value, float_value, bool_value FROM " +
                                  schema_.lists + " WHERE id = ? ORDER BY key, " + schema_.lists_order),
          vectors_(file_, "SELECT vector, encoding FROM embeddings_queue WHERE seq_id = ?") {
        info_ = describe(file_, collection_);
        open_segment();
        replay_queue();
        finish_info();
        rows_.bind(0, collection_.metadata_segment);
    }

    bool read(StoreRow& row) override {
        if (!rows_.step()) return false;
        const int64_t number = rows_.integer(0);
        const std::string id = rows_.text(1);
        row.id = storable(id);
        row.vector.clear();
        const auto found = places_.find(id);
        if (found != places_.end()) read_vector(id, found->second, row.vector);
        row.document.reset();
        row.metadata = read_metadata(number, row.document);
        return true;
    }

  private:
    // Where a vector is: a row of the segment, or an entry of the queue.
    struct Place {
        bool in_queue;
        int64_t number;
    };

    void open_segment() {
        const std::string& name = collection_.vector_segment;
        if (!is_plain_name(name)) return;
        missing_file_ = ChromaSegment::missing_file(folder_, name);
        if (!missing_file_.empty()) return;
        segment_.emplace(folder_, name, collection_.cosine());
        info_.bytes += segment_->bytes();
        info_.fingerprint += segment_->fingerprint();
        segment_->for_each_id([&](const std::string& id, uint64_t row) {
            place(id, {false, static_cast<int64_t>(row)});
        });
        // The folder stores the vector divided by its length, rounded.
        info_.lossy = collection_.cosine() && !places_.empty();
        if (info_.dims == 0) info_.dims = segment_->dims();
    }

    void place(const std::string& id, Place where) {
        const auto [entry, is_new] = places_.insert_or_assign(id, where);
        if (!is_new) return;
        places_bytes_ += entry->first.size() + 96;
        if (places_bytes_ > largest_id_map) {
            throw Error(ErrorCode::limit_exceeded, "collection \"" + collection_.name + "\" in " +
                                                       folder_.shown() + " has more ids than fit into " +
                                                       std::to_string(largest_id_map >> 20) + " MB");
        }
    }

    void replay_queue() {
        SqliteQuery queue(file_,
                          "SELECT seq_id, operation, id, vector IS NOT NULL FROM embeddings_queue WHERE "
                          "topic = ? ORDER BY seq_id");
        queue.bind(0, collection_.topic);
        while (queue.step()) {
            const int64_t number = queue.integer(0);
            const std::string id = queue.text(2);
            const bool exists = places_.count(id) != 0;
            const bool has_vector = queue.integer(3) != 0;
            switch (queue.integer(1)) {
                case operation_add:
                    if (has_vector && !exists) place(id, {true, number});
                    break;
                case operation_update:
                    if (has_vector && exists) place(id, {true, number});
                    break;
                case operation_upsert:
                    if (has_vector) place(id, {true, number});
                    break;
                case operation_delete: places_.erase(id); break;
                default:
                    throw Error(ErrorCode::bad_file, "entry " + std::to_string(number) + " of the queue in " +
                                                         folder_.shown() + " has the unknown operation " +
                                                         std::to_string(queue.integer(1)));
            }
            queued_++;
        }
    }

    void finish_info() {
        const auto database = folder_.open(chroma_database);
        info_.bytes += database->size();
        info_.fingerprint += io::fingerprint(*database);
        info_.details.push_back({"vectors", std::to_string(places_.size()), true});
        info_.details.push_back({"queue_entries", std::to_string(queued_), true});
        tell_of_unread_metadata();
        const uint64_t without = count_rows_without_vector();
        const uint64_t with = info_.rows - without;
        if (without > 0) {
            require_whole_folder(without);
            info_.warnings.push_back(std::to_string(without) + " of " + std::to_string(info_.rows) +
                                     " rows have no vector");
        }
        if (places_.size() > with)
            info_.warnings.push_back(std::to_string(places_.size() - with) +
                                     " vectors have no row of documents and metadata, and are not read");
    }

    uint64_t count_rows_without_vector() {
        uint64_t without = 0;
        rows_.bind(0, collection_.metadata_segment);
        while (rows_.step()) without += places_.count(rows_.text(1)) == 0 ? 1 : 0;
        rows_.reset();
        return without;
    }

    // A collection keeps its newest vectors in the queue, and all others in its segment's files. Without
    // these the folder is not what Chroma would read either.
    void require_whole_folder(uint64_t without) const {
        if (missing_file_.empty() && segment_) return;
        const std::string rows = std::to_string(without) + " of the " + std::to_string(info_.rows) +
                                 " rows of collection \"" + collection_.name + "\"";
        throw Error(ErrorCode::bad_file,
                    missing_file_.empty() ? folder_.shown() + " names no segment for the vectors of " + rows
                                          : folder_.shown() + " lacks the file \"" + missing_file_ +
                                                "\" with the vectors of " + rows,
                    {}, "Copy the whole folder, with the folders inside of it.");
    }

    // Where a later release keeps more of the metadata than is known here, nobody shall miss it unawares.
    void tell_of_unread_metadata() {
        SqliteQuery tables(file_,
                           "SELECT name FROM sqlite_master WHERE type = 'table' AND name LIKE "
                           "'embedding\\_metadata\\_%' ESCAPE '\\'");
        while (tables.step()) {
            const std::string table = tables.text(0);
            if (table == schema_.lists || !file_.has_column(table, "id") ||
                table.find('"') != std::string::npos)
                continue;
            SqliteQuery any(file_,
                            "SELECT 1 FROM \"" + table +
                                "\" m JOIN embeddings e ON e.id = m.id WHERE e.segment_id = ? LIMIT 1");
            if (any.bind(0, collection_.metadata_segment).step())
                info_.warnings.push_back("its table \"" +
                                         io::printable(table.data(), std::min<size_t>(table.size(), 60)) +
                                         "\" with metadata is not known, and is not read");
        }
    }

    [[noreturn]] void fail_vector(const std::string& id, const std::string& reason) const {
        throw Error(ErrorCode::bad_file,
                    "the vector of id \"" + io::printable(id.data(), std::min<size_t>(id.size(), 100)) +
                        "\" of collection \"" + collection_.name + "\" in " + folder_.shown() + " " + reason);
    }

    void read_vector(const std::string& id, const Place& place, std::vector<float>& vector) {
        if (!place.in_queue) {
            segment_->read(static_cast<uint64_t>(place.number), vector);
        } else {
            vectors_.reset();
            if (!vectors_.bind(0, place.number).step()) fail_vector(id, "is not in the queue any more");
            const std::string_view blob = vectors_.bytes(0);
            const std::string encoding = vectors_.text(1);
            const bool integers = encoding == "INT32";
            if (!integers && encoding != "FLOAT32")
                fail_vector(id, "has the encoding \"" +
                                    io::printable(encoding.data(), std::min<size_t>(encoding.size(), 20)) +
                                    "\"");
            if (blob.empty() || blob.size() % 4 != 0)
                fail_vector(id, "has " + std::to_string(blob.size()) + " bytes");
            vector.resize(blob.size() / 4);
            io::to_float32(integers ? io::ElementType::int32 : io::ElementType::float32, false,
                           reinterpret_cast<const uint8_t*>(blob.data()), vector.size(), vector.data());
        }
        if (info_.dims == 0) info_.dims = vector.size();
        if (vector.size() != info_.dims) {
            fail_vector(id, "has " + std::to_string(vector.size()) +
                                " dimensions, where the collection has " + std::to_string(info_.dims));
        }
        if (io::find_non_finite(vector.data(), vector.size()) < vector.size())
            fail_vector(id, "has NaN or an infinite value");
    }

    std::string storable(std::string text) {
        altered_texts_ += io::make_storable(text) ? 1 : 0;
        return text;
    }

    // Columns 1 to 4: the one that is not null is the value.
    void append_value(const SqliteQuery& from, std::string& json) {
        if (!from.is_null(1)) {
            io::append_json_text(json, storable(from.text(1)));
        } else if (!from.is_null(4)) {
            json += from.integer(4) != 0 ? "true" : "false";
        } else if (!from.is_null(2)) {
            io::append_json_number(json, from.integer(2));
        } else if (!from.is_null(3)) {
            io::append_json_number(json, from.real(3));
        } else {
            json += "null";
        }
    }

    void append_key(const std::string& key, std::string& json) {
        if (json.size() > 1) json += ", ";
        io::append_json_text(json, storable(key));
        json += ": ";
    }

    std::string read_metadata(int64_t number, std::optional<std::string>& document) {
        std::string json = "{";
        // Keys of lists may stand in the table of single values too, without a value.
        const std::vector<std::pair<std::string, std::string>> lists = read_lists(number);
        metadata_.reset();
        metadata_.bind(0, number);
        while (metadata_.step()) {
            const std::string key = metadata_.text(0);
            if (key == document_key) {
                if (!metadata_.is_null(1)) document = storable(metadata_.text(1));
                continue;
            }
            bool is_list = false;
            for (const auto& list : lists) is_list |= list.first == key;
            if (is_list) continue;
            append_key(key, json);
            append_value(metadata_, json);
        }
        for (const auto& [key, values] : lists) {
            append_key(key, json);
            json += values;
        }
        return json + "}";
    }

    std::vector<std::pair<std::string, std::string>> read_lists(int64_t number) {
        std::vector<std::pair<std::string, std::string>> lists;
        if (schema_.lists.empty()) return lists;
        lists_.reset();
        lists_.bind(0, number);
        while (lists_.step()) {
            const std::string key = lists_.text(0);
            if (lists.empty() || lists.back().first != key) lists.push_back({key, "["});
            if (lists.back().second.size() > 1) lists.back().second += ", ";
            append_value(lists_, lists.back().second);
        }
        for (auto& list : lists) list.second += "]";
        return lists;
    }

    const Folder& folder_;
    SqliteFile file_;
    const Schema schema_;
    const Collection collection_;
    std::optional<ChromaSegment> segment_;
    std::string missing_file_;  // of the segment
    std::unordered_map<std::string, Place> places_;
    size_t places_bytes_ = 0;
    uint64_t queued_ = 0;
    SqliteQuery rows_;
    SqliteQuery metadata_;
    SqliteQuery lists_;
    SqliteQuery vectors_;
};

}  // namespace

std::unique_ptr<StoreReader> open_chroma(const Folder& folder, const StoreOptions& options) {
    return std::make_unique<ChromaReader>(folder, options);
}

std::vector<StoreInfo> list_chroma_collections(const Folder& folder) {
    const SqliteFile file(folder, chroma_database);
    const Schema schema = read_schema(file, folder);
    std::vector<StoreInfo> infos;
    for (const Collection& collection : read_collections(file, schema))
        infos.push_back(describe(file, collection));
    return infos;
}

}  // namespace vecstore::core::stores
