// The directory of a zip archive, with or without zip64: which members there are, and where their bytes are.
#pragma once

#include "core/io/source/byte_source.hpp"

#include <memory>
#include <string>
#include <vector>

namespace vecstore::core::io {

struct ZipMember {
    std::string name;
    uint64_t entry_offset;  // of its directory entry, for errors
    uint64_t header_offset;
    uint64_t packed_size;
    uint64_t size;
    uint32_t crc32;
    uint16_t method;
    uint16_t flags;
};

// Throws bad_file for a directory that is damaged, limit_exceeded for one of very many members.
std::vector<ZipMember> read_zip_directory(ByteSource& source);

// The bytes of a member, inflated if need be. Throws file_not_supported where it is encrypted or compressed
// in another way. The archive must outlive it.
std::unique_ptr<ByteSource> open_zip_member(ByteSource& source, const ZipMember& member);

}  // namespace vecstore::core::io
