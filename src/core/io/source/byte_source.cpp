#include "core/io/source/byte_source.hpp"

#include <algorithm>

namespace vecstore::core::io {

void ByteSource::read(uint64_t offset, void* out, size_t length) {
    if (!holds(offset, length)) {
        throw_bad_file(*this, offset,
                       std::to_string(length) + " bytes are needed here, but there are only " +
                           std::to_string(offset < size_ ? size_ - offset : 0));
    }
    auto* to = static_cast<uint8_t*>(out);
    while (length > 0) {
        const size_t got = read_some(offset, to, length);
        if (got == 0) {
            throw Error(ErrorCode::io, "unexpected end of " + name_,
                        "It held " + std::to_string(size_) +
                            " bytes when it was opened and ends now at byte " + std::to_string(offset) + ".",
                        "Something else is changing the file; wait until it is finished.");
        }
        offset += got;
        to += got;
        length -= got;
    }
}

size_t MemorySource::read_some(uint64_t offset, void* out, size_t length) {
    std::memcpy(out, data_ + offset, length);
    return length;
}

size_t SubSource::read_some(uint64_t offset, void* out, size_t length) {
    whole_.read(offset_ + offset, out, length);
    return length;
}

size_t CachedSource::read_some(uint64_t offset, void* out, size_t length) {
    const uint64_t number = offset / block_bytes;
    const uint64_t start = number * block_bytes;
    Block& block = blocks_[number % block_count];
    if (block.number != number) {
        block.number = UINT64_MAX;  // should reading fail
        block.bytes.resize(static_cast<size_t>(std::min<uint64_t>(block_bytes, size() - start)));
        whole_.read(start, block.bytes.data(), block.bytes.size());
        block.number = number;
    }
    const auto at = static_cast<size_t>(offset - start);
    const size_t given = std::min(length, block.bytes.size() - at);
    std::memcpy(out, block.bytes.data() + at, given);
    return given;
}

void throw_bad_file(const ByteSource& source, uint64_t offset, const std::string& reason,
                    const std::string& hint) {
    throw Error(ErrorCode::bad_file,
                "invalid data in " + source.name() + " at byte " + std::to_string(offset) + ": " + reason, {},
                hint);
}

void throw_not_supported(const ByteSource& source, const std::string& reason, const std::string& hint) {
    throw Error(ErrorCode::file_not_supported, "cannot read vectors from " + source.name() + ": " + reason,
                {}, hint);
}

void require_content(ByteSource& source) {
    constexpr char beginning[] = "version https://git-lfs";
    constexpr size_t length = sizeof(beginning) - 1;
    constexpr uint64_t longest_pointer = 1024;
    if (source.size() < length || source.size() > longest_pointer) return;
    char head[length];
    source.read(0, head, length);
    if (std::memcmp(head, beginning, length) != 0) return;
    throw_bad_file(source, 0, "this is a Git LFS pointer, not the file itself",
                   "Run \"git lfs pull\" in its repository to get the file.");
}

std::string printable(const void* bytes, size_t length) {
    static const char hex[] = "0123456789abcdef";
    std::string out;
    for (size_t i = 0; i < length; i++) {
        const auto byte = static_cast<const uint8_t*>(bytes)[i];
        if (byte >= 0x20 && byte < 0x7f && byte != '\\') {
            out += static_cast<char>(byte);
        } else {
            out += "\\x";
            out += hex[byte >> 4];
            out += hex[byte & 15];
        }
    }
    return out;
}

void Cursor::require(uint64_t length, const char* what) const {
    if (length > remaining()) {
        fail(std::string("the file ends in ") + what + ": " + std::to_string(length) +
             " bytes are needed here, there are " + std::to_string(remaining()));
    }
}

void Cursor::read_bytes(void* out, size_t length, const char* what) {
    require(length, what);
    source_->read(offset_, out, length);
    offset_ += length;
}

void Cursor::skip(uint64_t length, const char* what) {
    require(length, what);
    offset_ += length;
}

}  // namespace vecstore::core::io
