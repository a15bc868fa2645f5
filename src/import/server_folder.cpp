#include "import/server_folder.hpp"

#include "import/server_file.hpp"
#include "pg/guard.hpp"

extern "C" {
#include <sys/stat.h>

#include "storage/fd.h"
}

namespace vecstore::import {

namespace {

// The name of the folder in messages.
std::string displayed_folder(const std::string& path) {
    std::string shown = displayed_path(path);
    shown.replace(0, strlen("file"), "folder");
    return shown;
}

class ServerFolder final : public core::stores::PathFolder {
  public:
    explicit ServerFolder(const std::string& path) : PathFolder(path, displayed_folder(path)) {}

    std::unique_ptr<core::io::ByteSource> open(const std::string& name) const override {
        return open_server_file(path_of(name));
    }
    void check_interrupts() const override { pg::check_interrupts(); }

    void check() const {
        if (!is_absolute_path(path_.c_str())) {
            ereport(
                ERROR,
                (errcode(ERRCODE_INVALID_NAME), errmsg("%s is not an absolute path", shown_.c_str()),
                 errhint("Give the whole path of the folder, from the root of the server's file system.")));
        }
        struct stat status;
        if (stat(path_.c_str(), &status) != 0) {
            ereport(ERROR,
                    (errcode_for_file_access(), errmsg("could not open %s: %m", shown_.c_str()),
                     errhint("The path is looked up where the server runs, by the server's operating-system "
                             "user, who must be allowed to enter every folder above it.")));
        }
        if (!S_ISDIR(status.st_mode)) {
            ereport(ERROR, (errcode(ERRCODE_WRONG_OBJECT_TYPE), errmsg("%s is not a folder", shown_.c_str()),
                            errhint("Name the folder that holds the store's files.")));
        }
    }
};

}  // namespace

std::unique_ptr<core::stores::Folder> open_server_folder(const std::string& path) {
    auto folder = std::make_unique<ServerFolder>(path);
    pg::pg_call([&] { folder->check(); });
    return folder;
}

}  // namespace vecstore::import
