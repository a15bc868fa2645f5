// Files that exports write on the server's disk, and temporary files for their data until then.
#pragma once

#include "core/export/byte_sink.hpp"
#include "pg/postgres.hpp"

extern "C" {
#include "storage/buffile.h"
}

#include <string>
#include <vector>

namespace vecstore::import {

// Raises 42501 unless the current user may write files of the server. Comes before anything is looked for.
void require_server_write_privilege();

// A file that is there as a whole, on disk, or not at all: it is written under a temporary name beside its
// own and gets that with commit(). Without commit() nothing is left.
class OutputFile final : public core::exports::ByteSink {
  public:
    // Throws pg::PgError: for a path that is not absolute, and for a file that exists unless it may be
    // overwritten.
    OutputFile(const std::string& path, bool overwrite);
    ~OutputFile() override;
    OutputFile(const OutputFile&) = delete;
    OutputFile& operator=(const OutputFile&) = delete;

    void write(const void* bytes, size_t length) override;
    void patch(uint64_t offset, const void* bytes, size_t length) override;
    uint64_t size() const override { return flushed_ + buffer_.size(); }
    void commit();

  private:
    void open(bool overwrite);
    void remove_temporary() noexcept;
    void flush();
    void write_at(uint64_t offset, const void* bytes, size_t length);
    void move_into_place();

    const std::string path_;
    const std::string temporary_;
    const std::string shown_;
    const bool overwrite_;
    int fd_ = -1;
    bool exists_ = false;  // the temporary file
    uint64_t flushed_ = 0;
    std::vector<char> buffer_;
};

// In a temporary file of the server's, within temp_file_limit.
class ServerScratch final : public core::exports::Scratch {
  public:
    ServerScratch();
    ~ServerScratch() override;
    ServerScratch(const ServerScratch&) = delete;
    ServerScratch& operator=(const ServerScratch&) = delete;
    void write(const void* bytes, size_t length) override;
    void rewind() override;
    void read(void* bytes, size_t length) override;

  private:
    BufFile* file_;
};

}  // namespace vecstore::import
