// Stores that keep documents beside their vectors, each a folder of several files: their rows, one after the
// other.
#pragma once

#include "core/io/formats/vector_reader.hpp"

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace vecstore::core::stores {

// A folder, and what opening files in it takes on this machine.
class Folder {
  public:
    virtual ~Folder() = default;
    // Its name in errors.
    virtual const std::string& shown() const = 0;
    virtual std::string path_of(const std::string& name) const = 0;
    // Whether there is such a regular file.
    virtual bool holds(const std::string& name) const = 0;
    virtual std::unique_ptr<io::ByteSource> open(const std::string& name) const = 0;
    // Called now and then by code that reads without these sources. Throws where whoever waits has lost
    // patience.
    virtual void check_interrupts() const {}
};

// A folder of this machine's file system.
class PathFolder : public Folder {
  public:
    PathFolder(std::string path, std::string shown) : path_(std::move(path)), shown_(std::move(shown)) {}
    const std::string& shown() const override { return shown_; }
    std::string path_of(const std::string& name) const override { return path_ + "/" + name; }
    bool holds(const std::string& name) const override;

  protected:
    const std::string path_;
    const std::string shown_;
};

struct StoreOptions {
    std::string collection;            // Chroma: by name or id; empty: the only one
    std::string index_name = "index";  // LangChain: the name that its files begin with
};

struct StoreInfo {
    std::string kind;         // "langchain", "chroma"
    std::string collection;   // Chroma's
    std::string unique_name;  // of the collection: with its id, where others have its name
    uint64_t rows = 0;
    uint64_t dims = 0;
    io::FileMetric metric = io::FileMetric::unknown();
    bool lossy = false;
    uint64_t bytes = 0;        // of the files
    uint64_t fingerprint = 0;  // of their content
    std::vector<std::string> warnings;
    std::vector<io::FileDetail> details;
};

// Texts are UTF-8 that PostgreSQL can store.
struct StoreRow {
    std::string id;
    std::optional<std::string> document;
    std::optional<std::string> metadata;  // a JSON object
    std::vector<float> vector;            // empty: the store has none for it
};

class StoreReader {
  public:
    virtual ~StoreReader() = default;
    const StoreInfo& info() const { return info_; }
    // The next row, in an order that is always the same; false at the end. Throws core::Error.
    virtual bool read(StoreRow& row) = 0;
    // Texts read so far that were changed to be storable.
    uint64_t altered_texts() const { return altered_texts_; }

  protected:
    StoreInfo info_;
    uint64_t altered_texts_ = 0;
};

// The kind of a folder: "langchain", "chroma"; empty where it is none of these.
std::string store_kind(const Folder& folder, const StoreOptions& options);

// Throws file_not_supported for a folder that is no store, and invalid_parameter for one that has several
// collections, or not the one that is asked for. The folder must outlive the reader.
std::unique_ptr<StoreReader> open_store(const Folder& folder, const StoreOptions& options,
                                        const std::string& kind = {});

// The collections of a store (one, unnamed, for LangChain).
std::vector<StoreInfo> list_collections(const Folder& folder, const StoreOptions& options);

}  // namespace vecstore::core::stores
