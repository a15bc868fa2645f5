// Files on the server's disk, as byte sources.
#pragma once

#include "core/io/formats/vector_reader.hpp"
#include "pg/postgres.hpp"

#include <memory>
#include <string>

namespace vecstore::import {

// Raises 42501 unless the current user may read the server's files. Comes before anything is opened or
// even looked for.
void require_server_file_privilege();

// The name by which messages call a file: long paths are cut at the front.
std::string displayed_path(const std::string& path);

// Opens a regular file, after require_server_file_privilege(). It stays open across transactions, until the
// source is destroyed. Throws pg::PgError.
std::unique_ptr<core::io::ByteSource> open_server_file(const std::string& path);

// Opens files by their bare names in the folder of this one; null for those that are not there.
core::io::SiblingOpener siblings_of(const std::string& path);

}  // namespace vecstore::import
