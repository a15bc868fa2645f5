// Files and folders of this machine.
#pragma once

#include "core/stores/store_reader.hpp"

#include <memory>
#include <string>

namespace vecstore::client {

// Throws core::Error (io) unless it is a regular file that can be opened.
std::unique_ptr<core::io::ByteSource> open_local_file(const std::string& path);

// Opens files by their bare names in the folder of this one; null for those that are not there.
core::io::SiblingOpener local_siblings(const std::string& path);

bool is_folder(const std::string& path);
std::unique_ptr<core::stores::Folder> open_local_folder(const std::string& path);

// The path from the root, without links.
std::string absolute_path(const std::string& path);

}  // namespace vecstore::client
