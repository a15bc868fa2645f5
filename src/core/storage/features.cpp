#include "core/storage/features.hpp"

#include <cstdio>

#include "core/base/error.hpp"

namespace vecstore::core {

namespace {

std::string hexadecimal(unsigned bits) {
    char text[16];
    std::snprintf(text, sizeof(text), "0x%x", bits);
    return text;
}

std::string unknown_features(const char* purpose, unsigned bits) {
    return "the index has features " + hexadecimal(bits) + ", which a library must know to " + purpose +
           " it";
}

}  // namespace

std::string newer_format(const MetaData& meta, Access access) {
    if (meta.version > format_version)
        return "the index has format version " + std::to_string(meta.version) +
               ", this vecstore reads versions " + std::to_string(oldest_format_version) + " to " +
               std::to_string(format_version);
    if (!knows_features(meta, Access::read))
        return unknown_features("read", meta.read_features & ~known_read_features);
    if (!knows_features(meta, access))
        return unknown_features("change", meta.write_features & ~known_write_features);
    return {};
}

void throw_newer_format(const MetaData& meta, Access access, const std::string& name) {
    const std::string subject = name.empty() ? "vector index" : "index \"" + name + "\"";
    throw Error(ErrorCode::newer_format, subject + " is of a later version of vecstore",
                newer_format(meta, access),
                "Install the version that wrote it, or REINDEX. A session that was open when vecstore was "
                "updated has to be started anew.");
}

}  // namespace vecstore::core
