// A deflated part of a file as a source of its inflated bytes. Deflate can only be read forwards: a read
// before the last one starts at the beginning again, so it is for readers that go forwards, or nearly so.
#pragma once

#include "core/io/source/byte_source.hpp"

#include <memory>

namespace vecstore::core::io {

struct DeflatedPart {
    uint64_t offset;  // in the file; the part lies inside it
    uint64_t deflated_size;
    uint64_t inflated_size;
    uint32_t crc32;  // of the inflated bytes
};

class InflateSource : public ByteSource {
  public:
    // Throws bad_file when no deflated part of this size could become so large. The file must outlive this.
    InflateSource(std::string name, ByteSource& file, const DeflatedPart& part);
    ~InflateSource() override;

  protected:
    // Throws bad_file unless the part is deflated data of this size, and at the end for a wrong checksum.
    size_t read_some(uint64_t offset, void* out, size_t length) override;

  private:
    struct Stream;

    void restart();
    size_t inflate_next(uint8_t* out, size_t length);

    ByteSource& file_;
    const DeflatedPart part_;
    std::unique_ptr<Stream> stream_;
};

}  // namespace vecstore::core::io
