#include "core/io/source/zip.hpp"

#include "core/io/source/inflate_source.hpp"

#include <algorithm>
#include <optional>

namespace vecstore::core::io {

namespace {

constexpr uint32_t end_signature = 0x06054b50;
constexpr uint32_t zip64_end_signature = 0x06064b50;
constexpr uint32_t zip64_locator_signature = 0x07064b50;
constexpr uint32_t entry_signature = 0x02014b50;
constexpr uint32_t member_signature = 0x04034b50;
constexpr uint64_t end_bytes = 22;
constexpr uint64_t zip64_locator_bytes = 20;
constexpr uint16_t zip64_field = 1;
// A value that stands in the zip64 fields instead.
constexpr uint32_t elsewhere = UINT32_MAX;
constexpr uint64_t max_members = 10000;

struct Directory {
    uint64_t offset;
    uint64_t members;
};

// The end record is the last thing in the file but for a comment of up to 64 KB.
uint64_t find_end(ByteSource& source) {
    const uint64_t longest = end_bytes + UINT16_MAX;
    const auto length = static_cast<size_t>(std::min(source.size(), longest));
    std::vector<uint8_t> tail(length);
    source.read(source.size() - length, tail.data(), length);
    for (size_t at = length >= end_bytes ? length - end_bytes + 1 : 0; at > 0; at--) {
        if (load_little_endian<uint32_t>(tail.data() + at - 1) == end_signature)
            return source.size() - length + at - 1;
    }
    throw_bad_file(source, source.size(), "the zip archive's directory is missing",
                   "The file may be cut off: its directory is at the end.");
}

Directory find_directory(ByteSource& source) {
    const uint64_t end = find_end(source);
    Cursor cursor(source, end + 10);
    Directory directory = {0, cursor.read<uint16_t>("the number of members")};
    cursor.skip(4, "the directory's size");
    directory.offset = cursor.read<uint32_t>("the directory's place");
    if (directory.offset != elsewhere && directory.members != UINT16_MAX) return directory;
    if (end < zip64_locator_bytes) return directory;
    Cursor locator(source, end - zip64_locator_bytes);
    if (locator.read<uint32_t>("the zip64 locator") != zip64_locator_signature) return directory;
    locator.skip(4, "the zip64 locator");
    const auto zip64_end = locator.read<uint64_t>("the zip64 locator");
    if (!source.holds(zip64_end, 56)) locator.fail("the zip64 directory lies outside of the file", 8);
    Cursor record(source, zip64_end);
    if (record.read<uint32_t>("the zip64 directory") != zip64_end_signature) {
        record.fail("this is not the zip64 directory that is announced here", 4);
    }
    record.skip(28, "the zip64 directory");
    directory.members = record.read<uint64_t>("the number of members");
    record.skip(8, "the directory's size");
    directory.offset = record.read<uint64_t>("the directory's place");
    return directory;
}

// Sizes and place of a member that do not fit the entry are in a field of its own, those that are needed
// only.
void read_zip64_fields(Cursor& cursor, uint64_t length, ZipMember& member) {
    const uint64_t end = cursor.offset() + length;
    while (cursor.offset() + 4 <= end) {
        const auto field = cursor.read<uint16_t>("a member's fields");
        const auto field_length = cursor.read<uint16_t>("a member's fields");
        const uint64_t field_end = cursor.offset() + field_length;
        if (field_end > end) cursor.fail("a field is longer than all of the member's fields", 2);
        if (field == zip64_field) {
            for (uint64_t* value : {&member.size, &member.packed_size, &member.header_offset}) {
                if (*value == elsewhere && cursor.offset() + 8 <= field_end) {
                    *value = cursor.read<uint64_t>("a member's size");
                }
            }
        }
        cursor.skip(field_end - cursor.offset(), "a member's fields");
    }
    cursor.skip(end - cursor.offset(), "a member's fields");
}

ZipMember read_entry(Cursor& cursor) {
    ZipMember member;
    member.entry_offset = cursor.offset();
    if (cursor.read<uint32_t>("a directory entry") != entry_signature) {
        cursor.fail("a directory entry does not begin as it should", 4);
    }
    cursor.skip(4, "a directory entry");
    member.flags = cursor.read<uint16_t>("a directory entry");
    member.method = cursor.read<uint16_t>("a directory entry");
    cursor.skip(4, "a directory entry");
    member.crc32 = cursor.read<uint32_t>("a directory entry");
    member.packed_size = cursor.read<uint32_t>("a directory entry");
    member.size = cursor.read<uint32_t>("a directory entry");
    const auto name_length = cursor.read<uint16_t>("a directory entry");
    const auto fields_length = cursor.read<uint16_t>("a directory entry");
    const auto comment_length = cursor.read<uint16_t>("a directory entry");
    cursor.skip(8, "a directory entry");
    member.header_offset = cursor.read<uint32_t>("a directory entry");
    member.name.resize(name_length);
    cursor.read_bytes(member.name.data(), name_length, "a member's name");
    read_zip64_fields(cursor, fields_length, member);
    cursor.skip(comment_length, "a member's comment");
    return member;
}

}  // namespace

std::vector<ZipMember> read_zip_directory(ByteSource& source) {
    const Directory directory = find_directory(source);
    if (directory.members > max_members) {
        throw Error(ErrorCode::limit_exceeded, "the archive in " + source.name() + " has " +
                                                   std::to_string(directory.members) +
                                                   " members, more than " + std::to_string(max_members));
    }
    if (!source.holds(directory.offset, 0)) {
        throw_bad_file(source, source.size(), "the zip archive's directory lies outside of the file");
    }
    Cursor cursor(source, directory.offset);
    std::vector<ZipMember> members;
    for (uint64_t i = 0; i < directory.members; i++) members.push_back(read_entry(cursor));
    return members;
}

std::unique_ptr<ByteSource> open_zip_member(ByteSource& source, const ZipMember& member) {
    const std::string name = "member \"" +
                             printable(member.name.data(), std::min<size_t>(member.name.size(), 100)) +
                             "\" of " + source.name();
    if ((member.flags & 1) != 0) throw_not_supported(source, name + " is encrypted");
    constexpr uint16_t stored = 0, deflated = 8;
    if (member.method != stored && member.method != deflated) {
        throw_not_supported(source, name + " is compressed in a way (" + std::to_string(member.method) +
                                        ") that numpy does not use");
    }
    if (!source.holds(member.header_offset, 30)) {
        throw_bad_file(source, member.entry_offset, "the directory puts " + name + " outside of the file");
    }
    Cursor cursor(source, member.header_offset);
    if (cursor.read<uint32_t>("a member's header") != member_signature) {
        cursor.fail("a member does not begin as it should", 4);
    }
    cursor.skip(22, "a member's header");
    const auto name_length = cursor.read<uint16_t>("a member's header");
    const auto fields_length = cursor.read<uint16_t>("a member's header");
    cursor.skip(uint64_t{name_length} + fields_length, "a member's header");
    if (!source.holds(cursor.offset(), member.packed_size)) {
        cursor.fail("the file ends in " + name + ": " + std::to_string(member.packed_size) +
                    " bytes are needed here, there are " + std::to_string(cursor.remaining()));
    }
    if (member.method == deflated) {
        return std::make_unique<InflateSource>(
            name, source, DeflatedPart{cursor.offset(), member.packed_size, member.size, member.crc32});
    }
    if (member.size != member.packed_size) {
        throw_bad_file(source, member.entry_offset, "the directory gives two sizes for " + name);
    }
    return std::make_unique<SubSource>(name, source, cursor.offset(), member.size);
}

}  // namespace vecstore::core::io
