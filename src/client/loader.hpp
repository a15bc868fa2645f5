// Loads a file of this machine into a table of the server.
#pragma once

#include "client/feed.hpp"

#include <string>

namespace vecstore::client {

struct LoadOptions {
    FeedOptions feed;
    std::string connection;
    std::string table;          // as in SQL: quoted where it must be, with or without schema
    std::string vector_column;  // empty: the table's only one
    uint64_t batch_rows = 10000;
    bool create = false;
    bool resume = false;
    bool verify = true;
    bool quiet = false;
};

// Throws core::Error and ServerError.
void load_file(const LoadOptions& options);

}  // namespace vecstore::client
