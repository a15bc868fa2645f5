// Temporary files of scans, as Postgres's own sorts have them: within temp_file_limit, in temp_tablespaces,
// gone with the query.
#pragma once

#include "pg/guard.hpp"

#include "core/base/spill_file.hpp"

extern "C" {
#include "storage/buffile.h"
}

namespace vecstore::pg {

// BufFileClose() for destructors: it writes what is left in the file's buffer, and there may be no room for
// that. The file is then closed with the transaction.
void close_quietly(BufFile* file) noexcept;

// Those of one scan. It may die after the transaction: then the files are gone already, and so is their
// memory.
class TemporaryFiles {
  public:
    // memory: holds Postgres's own records of the files.
    explicit TemporaryFiles(MemoryContext memory) : memory_(memory) {}
    TemporaryFiles(const TemporaryFiles&) = delete;
    TemporaryFiles& operator=(const TemporaryFiles&) = delete;

    std::unique_ptr<core::SpillFile> make();
    // Postgres has closed them, or is about to.
    void forget() { are_gone_ = true; }
    bool are_gone() const { return are_gone_; }

  private:
    MemoryContext memory_;
    bool are_gone_ = false;
};

}  // namespace vecstore::pg
