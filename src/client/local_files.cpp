#include "client/local_files.hpp"

#include <algorithm>
#include <cerrno>
#include <climits>
#include <cstdlib>
#include <cstring>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

namespace vecstore::client {

namespace {

using core::Error;
using core::ErrorCode;

[[noreturn]] void throw_errno(const std::string& what) {
    throw Error(ErrorCode::io, what + ": " + std::strerror(errno));
}

class LocalFile final : public core::io::ByteSource {
  public:
    LocalFile(std::string name, uint64_t size, int fd) : ByteSource(std::move(name), size), fd_(fd) {}
    ~LocalFile() override { close(fd_); }

  protected:
    size_t read_some(uint64_t offset, void* out, size_t length) override {
        for (;;) {
            const ssize_t got = pread(fd_, out, std::min<size_t>(length, size_t{1} << 24),
                                      static_cast<off_t>(offset));
            if (got >= 0) return static_cast<size_t>(got);
            if (errno != EINTR) throw_errno("could not read " + name());
        }
    }

  private:
    const int fd_;
};

class LocalFolder final : public core::stores::PathFolder {
  public:
    explicit LocalFolder(const std::string& path) : PathFolder(path, "folder \"" + path + "\"") {}
    std::unique_ptr<core::io::ByteSource> open(const std::string& name) const override {
        return open_local_file(path_of(name));
    }
};

}  // namespace

std::unique_ptr<core::io::ByteSource> open_local_file(const std::string& path) {
    const std::string shown = "file \"" + path + "\"";
    const int fd = open(path.c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC);
    if (fd < 0) throw_errno("could not open " + shown);
    struct stat status;
    if (fstat(fd, &status) != 0 || !S_ISREG(status.st_mode)) {
        close(fd);
        throw Error(ErrorCode::io, shown + " is not a regular file");
    }
    auto file = std::make_unique<LocalFile>(shown, static_cast<uint64_t>(status.st_size), fd);
    core::io::require_content(*file);
    return file;
}

core::io::SiblingOpener local_siblings(const std::string& path) {
    const size_t slash = path.rfind('/');
    const std::string folder = slash == std::string::npos ? "" : path.substr(0, slash + 1);
    return [folder](const std::string& name) -> std::unique_ptr<core::io::ByteSource> {
        if (access((folder + name).c_str(), F_OK) != 0) return nullptr;
        return open_local_file(folder + name);
    };
}

bool is_folder(const std::string& path) {
    struct stat status;
    return stat(path.c_str(), &status) == 0 && S_ISDIR(status.st_mode);
}

std::unique_ptr<core::stores::Folder> open_local_folder(const std::string& path) {
    return std::make_unique<LocalFolder>(path);
}

std::string absolute_path(const std::string& path) {
    char resolved[PATH_MAX];
    if (realpath(path.c_str(), resolved) == nullptr) throw_errno("could not open \"" + path + "\"");
    return resolved;
}

}  // namespace vecstore::client
