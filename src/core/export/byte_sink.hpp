// Where writers of files put their bytes: one after the other, with places that are filled in at the end.
#pragma once

#include "core/base/byte_order.hpp"
#include "core/base/error.hpp"

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

namespace vecstore::core::exports {

class ByteSink {
  public:
    virtual ~ByteSink() = default;
    virtual void write(const void* bytes, size_t length) = 0;
    // Bytes that were written before.
    virtual void patch(uint64_t offset, const void* bytes, size_t length) = 0;
    virtual uint64_t size() const = 0;

    template <class T>
    void put(T value) {
        uint8_t bytes[sizeof(T)];
        store_little_endian(bytes, value);
        write(bytes, sizeof(T));
    }
    template <class T>
    void patch_number(uint64_t offset, T value) {
        uint8_t bytes[sizeof(T)];
        store_little_endian(bytes, value);
        patch(offset, bytes, sizeof(T));
    }
    void put_floats(const float* values, size_t count);
};

class MemorySink final : public ByteSink {
  public:
    void write(const void* bytes, size_t length) override {
        bytes_.append(static_cast<const char*>(bytes), length);
    }
    void patch(uint64_t offset, const void* bytes, size_t length) override {
        bytes_.replace(static_cast<size_t>(offset), length, static_cast<const char*>(bytes), length);
    }
    uint64_t size() const override { return bytes_.size(); }
    const std::string& bytes() const { return bytes_; }

  private:
    std::string bytes_;
};

// Bytes kept for later, read back once from the start: what comes at the end of a file but is known row by
// row.
class Scratch {
  public:
    virtual ~Scratch() = default;
    virtual void write(const void* bytes, size_t length) = 0;
    virtual void rewind() = 0;
    // Exactly `length` bytes.
    virtual void read(void* bytes, size_t length) = 0;
};

class MemoryScratch final : public Scratch {
  public:
    void write(const void* bytes, size_t length) override {
        bytes_.append(static_cast<const char*>(bytes), length);
    }
    void rewind() override { at_ = 0; }
    void read(void* bytes, size_t length) override {
        std::memcpy(bytes, bytes_.data() + at_, length);
        at_ += length;
    }

  private:
    std::string bytes_;
    size_t at_ = 0;
};

// Numbers in place, as files have them.
template <class T>
void to_little_endian(T* values, size_t count) {
    if (!native_is_big_endian) return;
    for (size_t i = 0; i < count; i++) values[i] = byte_swapped(values[i]);
}

// Copies `length` bytes in pieces.
void copy(Scratch& from, ByteSink& to, uint64_t length);

}  // namespace vecstore::core::exports
