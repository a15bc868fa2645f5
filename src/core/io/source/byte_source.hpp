// Sources of bytes for the readers of files: of known size, read by position. Every read is checked against
// that size. So a reader that trusts a length found in the file gets an error, never bytes that are not
// there.
#pragma once

#include "core/base/byte_order.hpp"
#include "core/base/error.hpp"

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

namespace vecstore::core::io {

class ByteSource {
  public:
    ByteSource(std::string name, uint64_t size) : name_(std::move(name)), size_(size) {}
    virtual ~ByteSource() = default;
    ByteSource(const ByteSource&) = delete;
    ByteSource& operator=(const ByteSource&) = delete;

    // Its name in messages: file "x.npy", or the bytea value.
    const std::string& name() const { return name_; }
    uint64_t size() const { return size_; }
    bool holds(uint64_t offset, uint64_t length) const { return offset <= size_ && length <= size_ - offset; }

    // Fills out with the length bytes at offset. Throws bad_file when they are not all there, io when
    // reading fails.
    void read(uint64_t offset, void* out, size_t length);

  protected:
    // Reads at least one and at most length bytes; 0 at the end. Called only inside [0, size).
    virtual size_t read_some(uint64_t offset, void* out, size_t length) = 0;

  private:
    std::string name_;
    uint64_t size_;
};

// Bytes that someone else keeps in memory.
class MemorySource : public ByteSource {
  public:
    MemorySource(std::string name, const void* data, size_t size)
        : ByteSource(std::move(name), size), data_(static_cast<const uint8_t*>(data)) {}

  protected:
    size_t read_some(uint64_t offset, void* out, size_t length) override;

  private:
    const uint8_t* data_;
};

// A part of another source, which must outlive it.
class SubSource : public ByteSource {
  public:
    // The part must lie inside the whole.
    SubSource(std::string name, ByteSource& whole, uint64_t offset, uint64_t size)
        : ByteSource(std::move(name), size), whole_(whole), offset_(offset) {}

  protected:
    size_t read_some(uint64_t offset, void* out, size_t length) override;

  private:
    ByteSource& whole_;
    uint64_t offset_;
};

// Another source, read through a few blocks that are kept: for many small reads that lie near each other.
// The other must outlive it.
class CachedSource : public ByteSource {
  public:
    explicit CachedSource(ByteSource& whole) : ByteSource(whole.name(), whole.size()), whole_(whole) {}

  protected:
    size_t read_some(uint64_t offset, void* out, size_t length) override;

  private:
    static constexpr size_t block_bytes = 64 * 1024;
    static constexpr size_t block_count = 16;
    struct Block {
        uint64_t number = UINT64_MAX;
        std::vector<uint8_t> bytes;
    };

    ByteSource& whole_;
    Block blocks_[block_count];  // a block's place follows from its number
};

// An error in the file at `offset`: names file, place and reason.
[[noreturn]] void throw_bad_file(const ByteSource& source, uint64_t offset, const std::string& reason,
                                 const std::string& hint = {});
// A file that is well formed as far as it was read, but of a kind that cannot be read.
[[noreturn]] void throw_not_supported(const ByteSource& source, const std::string& reason,
                                      const std::string& hint = {});

// Throws for a file that only stands for another: Git LFS leaves such pointers where content was not fetched.
void require_content(ByteSource& source);

// Bytes from a file as they may appear in an error message: printable ASCII as it is, the rest as \xNN.
std::string printable(const void* bytes, size_t length);

// Reads fixed-size little-endian fields one after the other.
class Cursor {
  public:
    explicit Cursor(ByteSource& source, uint64_t offset = 0) : source_(&source), offset_(offset) {}

    uint64_t offset() const { return offset_; }
    uint64_t remaining() const { return source_->size() - offset_; }
    ByteSource& source() const { return *source_; }

    // `what` names the field in the error that is thrown when the file ends before it.
    template <class T>
    T read(const char* what) {
        uint8_t bytes[sizeof(T)];
        read_bytes(bytes, sizeof(T), what);
        return load_little_endian<T>(bytes);
    }
    void read_bytes(void* out, size_t length, const char* what);
    void skip(uint64_t length, const char* what);

    // An error at `back` bytes before the current position.
    [[noreturn]] void fail(const std::string& reason, uint64_t back = 0) const {
        throw_bad_file(*source_, offset_ - back, reason);
    }

  private:
    void require(uint64_t length, const char* what) const;

    ByteSource* source_;
    uint64_t offset_;  // never beyond the source's size
};

}  // namespace vecstore::core::io
