// The session of one CALL that imports: its SPI connection, the state tables, its memory, its commits.
#pragma once

#include "import/import_state.hpp"

#include <chrono>

namespace vecstore::import {

// When a commit reaches the disk. With `later` a crash may lose the batch, and then its entry in the state
// tables is lost as well.
enum class Flush { now, later };

class ImportSession {
  public:
    // Connects to SPI. `function` is the procedure, one of this extension's.
    explicit ImportSession(Oid function);
    ImportSession(const ImportSession&) = delete;
    ImportSession& operator=(const ImportSession&) = delete;

    // Commits the transaction and begins the next one. Frees the batch's memory.
    void commit(Flush flush = Flush::now) const;
    // Disconnects from SPI. (After an error the abort of the transaction does that.)
    void end() const;

    // Since the session began, and never zero.
    double seconds() const;

    Oid function() const { return function_; }
    const StateTables& tables() const { return tables_; }
    Oid vector_type() const { return vector_type_; }
    Oid halfvec_type() const { return halfvec_type_; }
    MemoryContext batch_memory() const { return batch_memory_; }
    // For one row: its user resets it.
    MemoryContext row_memory() const { return row_memory_; }

  private:
    using Clock = std::chrono::steady_clock;

    const Oid function_;
    StateTables tables_;
    Oid vector_type_;
    Oid halfvec_type_;
    MemoryContext batch_memory_;
    MemoryContext row_memory_;
    const Clock::time_point started_ = Clock::now();
};

}  // namespace vecstore::import
