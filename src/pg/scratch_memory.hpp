// Large arrays within a limit of memory. Arrays beyond it lie in a temporary file that is mapped: the system
// writes their pages out when it needs the room, and reads them again.
#pragma once

#include "pg/guard.hpp"

#include <memory>

namespace vecstore::pg {

class ScratchMemory {
  public:
    explicit ScratchMemory(size_t limit) : left_(limit) {}
    ScratchMemory(const ScratchMemory&) = delete;
    ScratchMemory& operator=(const ScratchMemory&) = delete;

    // So many bytes, all zeros. This must outlive them.
    std::shared_ptr<void> take(size_t bytes);

  private:
    size_t left_;
};

// Bytes that a vacuum may take.
inline size_t vacuum_memory() { return static_cast<size_t>(vacuum_work_mem()) * 1024; }

}  // namespace vecstore::pg
