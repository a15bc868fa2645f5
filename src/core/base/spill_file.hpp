// Where to put what there is no memory for, and have it back in the order in which it was written.
#pragma once

#include <cstddef>
#include <functional>
#include <memory>

namespace vecstore::core {

class SpillFile {
  public:
    virtual ~SpillFile() = default;
    virtual void write(const void* bytes, size_t size) = 0;
    // From here on it is read from its beginning.
    virtual void rewind() = 0;
    virtual void read(void* bytes, size_t size) = 0;  // not more than was written
};

// Makes a new one.
using SpillTo = std::function<std::unique_ptr<SpillFile>()>;

}  // namespace vecstore::core
