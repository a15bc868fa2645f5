// The bytes of a pickle, read from the first to the last; and the errors that name the opcode at fault.
#pragma once

#include "core/io/source/byte_source.hpp"

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <string>
#include <vector>

namespace vecstore::core::io {

class PickleBytes {
  public:
    explicit PickleBytes(ByteSource& source) : source_(source) {}

    // Reads an opcode. Errors name its place until the next one.
    uint8_t next_opcode() {
        at_ = position_;
        if (position_ >= source_.size()) fail("the pickle ends without its end mark");
        return next_byte();
    }

    uint8_t next_byte() {
        uint8_t byte;
        take(&byte, 1);
        return byte;
    }

    void take(void* out, size_t length) {
        if (!source_.holds(position_, length)) {
            fail("the pickle ends here, in the middle of a value of " + std::to_string(length) + " bytes");
        }
        auto* to = static_cast<uint8_t*>(out);
        while (length > 0) {
            if (position_ < window_start_ || position_ >= window_start_ + window_.size()) fill_window();
            const size_t inside = static_cast<size_t>(position_ - window_start_);
            const size_t piece = std::min(length, window_.size() - inside);
            std::memcpy(to, window_.data() + inside, piece);
            to += piece;
            length -= piece;
            position_ += piece;
        }
    }

    template <class T>
    T number() {
        uint8_t bytes[sizeof(T)];
        take(bytes, sizeof(T));
        return load_little_endian<T>(bytes);
    }

    // Up to the end of the line, without it.
    std::string line(size_t longest);

    // Passes over a value of this length, which stays in the file, and returns its place.
    uint64_t skip(uint64_t length);

    uint64_t left() const { return source_.size() - position_; }

    // For a pickle that is damaged.
    [[noreturn]] void fail(const std::string& reason) const { throw_bad_file(source_, at_, reason); }
    // For one that asks for more than plain data.
    [[noreturn]] void refuse(const std::string& what) const;

  private:
    void fill_window();

    ByteSource& source_;
    uint64_t position_ = 0;
    uint64_t at_ = 0;  // of the opcode
    std::vector<uint8_t> window_;
    uint64_t window_start_ = 0;
};

}  // namespace vecstore::core::io
