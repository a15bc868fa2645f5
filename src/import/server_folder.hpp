// Folders on the server's disk, for stores of several files.
#pragma once

#include "core/stores/store_reader.hpp"

#include <memory>
#include <string>

namespace vecstore::import {

// To be called after require_server_file_privilege(). Throws pg::PgError unless the server can enter the
// folder.
std::unique_ptr<core::stores::Folder> open_server_folder(const std::string& path);

}  // namespace vecstore::import
