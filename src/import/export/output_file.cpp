#include "import/export/output_file.hpp"

#include "import/server_file.hpp"
#include "pg/guard.hpp"
#include "pg/temporary_file.hpp"

#include <algorithm>
#include <list>

extern "C" {
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "catalog/pg_authid.h"
#include "storage/fd.h"
#include "storage/ipc.h"
#include "utils/acl.h"
}

namespace vecstore::import {

namespace {

constexpr size_t buffer_bytes = size_t{1} << 18;

// Temporary files of exports that are running: removed also where the backend ends without coming back
// (pg_terminate_backend).
std::list<std::string>& running_exports() {
    static std::list<std::string> names;
    return names;
}

void remove_running_exports(int, Datum) {
    for (const std::string& name : running_exports()) unlink(name.c_str());
}

void remember_temporary(const std::string& name) {
    static bool registered = false;
    if (!registered) {
        pg::pg_call([] { on_proc_exit(remove_running_exports, Datum{0}); });
        registered = true;
    }
    running_exports().push_back(name);
}

std::string folder_of(const std::string& path) {
    const size_t slash = path.rfind('/');
    return slash == 0 ? "/" : path.substr(0, slash);
}

[[noreturn]] void raise_exists(const char* shown) {
    ereport(ERROR, (errcode(ERRCODE_DUPLICATE_FILE), errmsg("%s already exists", shown),
                    errhint("Say overwrite => true to replace it.")));
    pg_unreachable();
}

// Only a regular file may be at the path.
void check_existing(const char* path, const char* shown, bool overwrite) {
    struct stat status;
    if (stat(path, &status) != 0) return;
    if (!overwrite) raise_exists(shown);
    if (!S_ISREG(status.st_mode))
        ereport(ERROR, (errcode(ERRCODE_WRONG_OBJECT_TYPE), errmsg("%s is not a regular file", shown)));
}

}  // namespace

void require_server_write_privilege() {
    if (has_privs_of_role(GetUserId(), ROLE_PG_WRITE_SERVER_FILES)) return;
    ereport(ERROR, (errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
                    errmsg("permission denied to write files on the server"),
                    errdetail("Only roles with privileges of the \"%s\" role may write files of the server.",
                              "pg_write_server_files"),
                    errhint("COPY ... TO STDOUT (FORMAT binary) gives vectors to the client.")));
}

OutputFile::OutputFile(const std::string& path, bool overwrite)
    : path_(path),
      temporary_(path + ".tmp." + std::to_string(MyProcPid)),
      shown_(displayed_path(path)),
      overwrite_(overwrite) {
    buffer_.reserve(buffer_bytes);
    remember_temporary(temporary_);
    try {
        pg::pg_call([&] { open(overwrite); });
    } catch (...) {
        remove_temporary();
        throw;
    }
}

void OutputFile::open(bool overwrite) {
    if (!is_absolute_path(path_.c_str())) {
        ereport(ERROR,
                (errcode(ERRCODE_INVALID_NAME), errmsg("%s is not an absolute path", shown_.c_str()),
                 errhint("Give the whole path of the file, from the root of the server's file system.")));
    }
    check_existing(path_.c_str(), shown_.c_str(), overwrite);
    fd_ = OpenTransientFile(temporary_.c_str(), O_CREAT | O_EXCL | O_RDWR | PG_BINARY);
    if (fd_ < 0) {
        ereport(ERROR,
                (errcode_for_file_access(), errmsg("could not create %s: %m", shown_.c_str()),
                 errhint("The server writes files as its own operating-system user, into folders that exist "
                         "where it runs and that this user may write into.")));
    }
    exists_ = true;
    // As COPY TO makes its files: readable by others.
    if (fchmod(fd_, S_IRUSR | S_IWUSR | S_IRGRP | S_IROTH) != 0)
        ereport(ERROR, (errcode_for_file_access(),
                        errmsg("could not set the permissions of %s: %m", shown_.c_str())));
}

OutputFile::~OutputFile() { remove_temporary(); }

void OutputFile::remove_temporary() noexcept {
    if (fd_ >= 0) CloseTransientFile(fd_);
    if (exists_) unlink(temporary_.c_str());
    running_exports().remove(temporary_);
}

void OutputFile::write(const void* bytes, size_t length) {
    const auto* from = static_cast<const char*>(bytes);
    while (length > 0) {
        const size_t piece = std::min(length, buffer_bytes - buffer_.size());
        buffer_.insert(buffer_.end(), from, from + piece);
        from += piece;
        length -= piece;
        if (buffer_.size() == buffer_bytes) flush();
    }
}

void OutputFile::flush() {
    write_at(flushed_, buffer_.data(), buffer_.size());
    flushed_ += buffer_.size();
    buffer_.clear();
}

void OutputFile::patch(uint64_t offset, const void* bytes, size_t length) {
    flush();
    write_at(offset, bytes, length);
}

void OutputFile::write_at(uint64_t offset, const void* bytes, size_t length) {
    const auto* from = static_cast<const char*>(bytes);
    pg::pg_call([&] {
        while (length > 0) {
            CHECK_FOR_INTERRUPTS();
            errno = 0;
            const ssize_t written = pwrite(fd_, from, length, static_cast<off_t>(offset));
            if (written <= 0) {
                if (errno == EINTR) continue;
                if (errno == 0) errno = ENOSPC;
                ereport(ERROR, (errcode_for_file_access(), errmsg("could not write %s: %m", shown_.c_str())));
            }
            from += written;
            offset += static_cast<uint64_t>(written);
            length -= static_cast<size_t>(written);
        }
    });
}

void OutputFile::commit() {
    flush();
    pg::pg_call([&] { move_into_place(); });
    exists_ = false;
}

// On disk first, then under its name.
void OutputFile::move_into_place() {
    if (pg_fsync(fd_) != 0)
        ereport(ERROR, (errcode_for_file_access(), errmsg("could not fsync %s: %m", shown_.c_str())));
    const int fd = fd_;
    fd_ = -1;
    if (CloseTransientFile(fd) != 0)
        ereport(ERROR, (errcode_for_file_access(), errmsg("could not close %s: %m", shown_.c_str())));
    check_existing(path_.c_str(), shown_.c_str(), overwrite_);
    if (!overwrite_) {
        // A link does not replace a file that someone else has made meanwhile; not all file systems have
        // them.
        if (link(temporary_.c_str(), path_.c_str()) == 0) {
            unlink(temporary_.c_str());
            fsync_fname(folder_of(path_).c_str(), true);
            return;
        }
        if (errno == EEXIST) raise_exists(shown_.c_str());
    }
    durable_rename(temporary_.c_str(), path_.c_str(), ERROR);
}

ServerScratch::ServerScratch() : file_(pg::pg_call([] { return BufFileCreateTemp(false); })) {}

ServerScratch::~ServerScratch() { pg::close_quietly(file_); }

void ServerScratch::write(const void* bytes, size_t length) {
    pg::pg_call([&] { BufFileWrite(file_, const_cast<void*>(bytes), length); });
}

void ServerScratch::rewind() {
    pg::pg_call([&] {
        if (BufFileSeek(file_, 0, 0, SEEK_SET) != 0)
            ereport(ERROR, (errcode_for_file_access(), errmsg("could not rewind a temporary file: %m")));
    });
}

void ServerScratch::read(void* bytes, size_t length) {
    pg::pg_call([&] {
        CHECK_FOR_INTERRUPTS();
        if (BufFileRead(file_, bytes, length) != length)
            ereport(ERROR, (errcode_for_file_access(), errmsg("could not read a temporary file: %m")));
    });
}

}  // namespace vecstore::import
