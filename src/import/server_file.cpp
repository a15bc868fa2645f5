#include "import/server_file.hpp"

#include "core/base/read_ahead.hpp"
#include "pg/guard.hpp"

#include <system_error>

extern "C" {
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "catalog/pg_authid.h"
#include "common/username.h"
#include "storage/fd.h"
#include "utils/acl.h"
}

namespace vecstore::import {

namespace {

// Has a descriptor of its own, not a virtual one that Postgres opens and closes as it needs them. So a thread
// can read ahead while the session's own thread does other things.
class ServerFile final : public core::io::ByteSource {
  public:
    ServerFile(std::string name, uint64_t size, int descriptor)
        : ByteSource(std::move(name), size), descriptor_(descriptor) {}
    ~ServerFile() override {
        close(descriptor_);
        ReleaseExternalFD();
    }

  protected:
    size_t read_some(uint64_t offset, void* out, size_t length) override {
        for (;;) {
            if (core::is_reading_ahead()) {
                core::check_abandoned();
            } else {
                pg::check_interrupts();
            }
            const size_t wanted = std::min<size_t>(length, max_read);
            const ssize_t got = pread(descriptor_, out, wanted, static_cast<off_t>(offset));
            if (got >= 0) return static_cast<size_t>(got);
            if (errno == EINTR) continue;
            throw core::Error(core::ErrorCode::io,
                              "could not read " + name() + ": " + std::generic_category().message(errno));
        }
    }

  private:
    static constexpr size_t max_read = size_t{1} << 24;  // between two looks at interrupts

    const int descriptor_;
};

const char* server_user() {
    char* error = nullptr;
    const char* user = get_user_name(&error);
    return user != nullptr ? user : "the server's";
}

[[noreturn]] void raise_cannot_open(const char* shown) {
    const int reason = errno;
    const bool missing = reason == ENOENT || reason == ENOTDIR;
    ereport(
        ERROR,
        (errcode_for_file_access(), errmsg("could not open %s: %m", shown),
         missing ? errhint("The path is looked up where the server runs: not on the client's machine, and in "
                           "a container or a service with its own /tmp not on the host either.")
         : reason == EACCES
             ? errhint(
                   "The server reads files as operating-system user \"%s\", which must be allowed to read "
                   "the file and to enter every folder above it. Home folders usually are closed to it: "
                   "copy the file to a place that is open to it.",
                   server_user())
             : 0));
    pg_unreachable();
}

// A pipe or a device could block for ever, or answer with endless bytes.
void require_regular(const struct stat& status, const char* shown) {
    if (S_ISREG(status.st_mode)) return;
    ereport(ERROR, (errcode(ERRCODE_WRONG_OBJECT_TYPE),
                    S_ISDIR(status.st_mode) ? errmsg("%s is a directory", shown)
                                            : errmsg("%s is not a regular file", shown),
                    S_ISDIR(status.st_mode)
                        ? errhint("Folders of LangChain and Chroma are for vecstore_inspect_store and "
                                  "vecstore_import_store.")
                        : 0));
}

struct OpenedFile {
    int descriptor;
    uint64_t size;
};

OpenedFile open_regular(const char* path, const char* shown) {
    if (!is_absolute_path(path)) {
        ereport(ERROR,
                (errcode(ERRCODE_INVALID_NAME), errmsg("%s is not an absolute path", shown),
                 errhint("Give the whole path of the file, from the root of the server's file system.")));
    }
    struct stat status;
    if (stat(path, &status) != 0) raise_cannot_open(shown);
    require_regular(status, shown);
    if (!AcquireExternalFD()) raise_cannot_open(shown);
    // Should a pipe take the file's place meanwhile, this does not wait for its writer.
    const int descriptor = BasicOpenFile(path, O_RDONLY | O_NONBLOCK | PG_BINARY);
    const bool opened = descriptor >= 0 && fstat(descriptor, &status) == 0;
    if (!opened || !S_ISREG(status.st_mode)) {
        const int reason = errno;
        if (descriptor >= 0) close(descriptor);
        ReleaseExternalFD();
        errno = reason;
        if (!opened) raise_cannot_open(shown);
        require_regular(status, shown);
    }
    return {descriptor, static_cast<uint64_t>(status.st_size)};
}

}  // namespace

void require_server_file_privilege() {
    if (has_privs_of_role(GetUserId(), ROLE_PG_READ_SERVER_FILES)) return;
    ereport(ERROR,
            (errcode(ERRCODE_INSUFFICIENT_PRIVILEGE), errmsg("permission denied to read the server's files"),
             errdetail("Only roles with privileges of the \"%s\" role may read files of the server.",
                       "pg_read_server_files"),
             errhint("The bytea variants of vecstore_inspect and the vecstore_read functions take the "
                     "file's content from the client and need no such privilege.")));
}

std::string displayed_path(const std::string& path) {
    constexpr size_t limit = 300;
    if (path.size() <= limit) return "file \"" + path + "\"";
    size_t start = path.size() - limit;
    // Not in the middle of a character, in UTF-8.
    while (start < path.size() && (static_cast<unsigned char>(path[start]) & 0xc0) == 0x80) start++;
    return "file \"..." + path.substr(start) + "\"";
}

std::unique_ptr<core::io::ByteSource> open_server_file(const std::string& path) {
    std::string shown = displayed_path(path);
    const OpenedFile opened = pg::pg_call(
        [&, name = shown.c_str()] { return open_regular(path.c_str(), name); });
    auto file = std::make_unique<ServerFile>(std::move(shown), opened.size, opened.descriptor);
    core::io::require_content(*file);
    return file;
}

core::io::SiblingOpener siblings_of(const std::string& path) {
    const std::string folder = path.substr(0, path.rfind('/') + 1);
    return [folder](const std::string& name) -> std::unique_ptr<core::io::ByteSource> {
        const std::string sibling = folder + name;
        struct stat status;
        if (stat(sibling.c_str(), &status) != 0 && (errno == ENOENT || errno == ENAMETOOLONG)) return nullptr;
        return open_server_file(sibling);
    };
}

}  // namespace vecstore::import
