// The rows of a file or store as binary COPY data.
#pragma once

#include "core/stores/store_reader.hpp"

#include <memory>
#include <string>
#include <vector>

namespace vecstore::client {

// The types of the table's columns, by name, as the server tells them.
struct TargetTypes {
    std::string vector;  // "vector", "real[]", "double precision[]"
    std::string id;      // "bigint", "integer", "smallint", "text", ...; empty: ids are not stored
};

class Feed {
  public:
    virtual ~Feed() = default;
    virtual std::string format() const = 0;
    virtual uint64_t rows() const = 0;
    virtual uint64_t dims() const = 0;
    virtual uint64_t bytes() const = 0;
    virtual uint64_t fingerprint() const = 0;
    virtual std::vector<std::string> warnings() const = 0;
    // The columns of a new table beside the vectors, as in CREATE TABLE; and those that COPY fills, in their
    // order.
    virtual std::string other_columns_definition() const = 0;
    virtual std::vector<std::string> other_columns() const = 0;
    // Whether there are ids that are numbers, which the server verifies with the vectors.
    virtual bool has_number_ids() const = 0;
    // Type of the vectors' column in a new table.
    virtual std::string vector_type(const std::string& schema) const = 0;

    // The meaning, in words, of an equal comparison of the table with the hashes.
    virtual const char* verified() const = 0;

    virtual void set_types(const TargetTypes& types) = 0;
    // Appends the next row (its vector, then its other columns) to out; false at the end. The server
    // will compute the same `hash` for it.
    virtual bool append_row(std::string& out, uint64_t& hash) = 0;
};

struct FeedOptions {
    std::string path;
    std::string format = "auto";
    std::string member;            // of an archive; empty: the only one
    bool flatten = false;          // arrays of more than two dimensions
    bool skip_not_finite = false;  // leave out rows with NaN or infinity
    std::string id_column;         // empty: ids are not stored
    core::stores::StoreOptions store;
};

// A folder is a store, anything else a file of vectors. Throws core::Error.
std::unique_ptr<Feed> open_feed(const FeedOptions& options);

}  // namespace vecstore::client
