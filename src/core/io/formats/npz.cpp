// numpy's .npz: a zip archive of .npy members, stored or deflated, with or without zip64. One member is read:
// the one that is named, or the only one that holds vectors.
#include "core/io/formats/formats.hpp"

#include "core/base/option_text.hpp"
#include "core/io/formats/npy.hpp"
#include "core/io/source/zip.hpp"

#include <algorithm>

namespace vecstore::core::io {

namespace {

std::string without_extension(const std::string& name) {
    const std::string extension = ".npy";
    const bool has_it = name.size() > extension.size() &&
                        name.compare(name.size() - extension.size(), extension.size(), extension) == 0;
    return has_it ? name.substr(0, name.size() - extension.size()) : name;
}

std::string shown(const std::string& name) {
    return "\"" + printable(name.data(), std::min<size_t>(name.size(), 60)) + "\"";
}

// A member that can be read, with what it says of itself.
struct Candidate {
    const ZipMember* member;
    std::unique_ptr<ByteSource> bytes;
    NpyArray array;
};

Candidate open_member(ByteSource& source, const ZipMember& member, const ReadOptions& options) {
    Candidate candidate = {&member, open_zip_member(source, member), {}};
    candidate.array = parse_npy(*candidate.bytes, options.flatten);
    return candidate;
}

// but: one that is left out of the list, or null.
std::string list_of(const std::vector<ZipMember>& members, const ZipMember* but = nullptr) {
    constexpr size_t most = 12;
    std::string names;
    size_t listed = 0;
    for (const ZipMember& member : members) {
        if (&member == but) continue;
        if (listed++ == most) return names + " and others";
        names += (names.empty() ? "" : ", ") + shown(without_extension(member.name));
    }
    return names;
}

// The one that is named.
const ZipMember& find_named(const ByteSource& source, const std::vector<ZipMember>& members,
                            const std::string& name) {
    for (const ZipMember& member : members) {
        if (member.name == name || without_extension(member.name) == name) return member;
    }
    throw Error(ErrorCode::invalid_parameter, source.name() + " has no member " + shown(name), {},
                "Its members are " + list_of(members) + ".");
}

// Without a name: the only member, or the only one that is a 2-D array of numbers. An archive of several is
// not guessed about.
Candidate find_only(ByteSource& source, const std::vector<ZipMember>& members, const ReadOptions& options) {
    if (members.size() == 1) return open_member(source, members[0], options);
    constexpr size_t most_looked_at = 100;
    Candidate found = {nullptr, nullptr, {}};
    size_t count = 0;
    for (size_t i = 0; i < std::min(members.size(), most_looked_at); i++) {
        try {
            Candidate candidate = open_member(source, members[i], options);
            if (candidate.array.shape_length != 2) continue;
            count++;
            found = std::move(candidate);
        } catch (const Error& error) {
            if (error.code() != ErrorCode::file_not_supported) throw;
        }
    }
    if (count == 1) return found;
    throw Error(ErrorCode::invalid_parameter,
                source.name() + " holds " + std::to_string(members.size()) + " arrays, " +
                    (count == 0 ? "none" : "several") + " of them 2-D and of numbers",
                {},
                "Say which one to read by " + option_text("member", "...") + ": " + list_of(members) + ".");
}

std::unique_ptr<VectorReader> open_npz(ByteSource& source, const ReadOptions& options) {
    const std::vector<ZipMember> members = read_zip_directory(source);
    if (members.empty()) throw_not_supported(source, "it is an archive without members");
    Candidate chosen = options.member.empty()
                           ? find_only(source, members, options)
                           : open_member(source, find_named(source, members, options.member), options);
    VectorFileInfo& info = chosen.array.info;
    info.format = "npz";
    info.details.push_back(
        {"member", printable(chosen.member->name.data(), std::min<size_t>(chosen.member->name.size(), 200)),
         false});
    info.details.push_back({"members", std::to_string(members.size()), true});
    if (members.size() > 1)
        info.warnings.push_back("of its " + std::to_string(members.size()) + " members only " +
                                shown(without_extension(chosen.member->name)) +
                                " is read; left out: " + list_of(members, chosen.member));
    auto reader = std::make_unique<MatrixReader>(*chosen.bytes, std::move(info),
                                                 std::move(chosen.array.layout));
    reader->keep(std::move(chosen.bytes));
    return reader;
}

bool recognises_npz(ByteSource&, const ReadOptions&, const uint8_t* head, size_t length) {
    return length >= 4 &&
           (std::memcmp(head, "PK\x03\x04", 4) == 0 || std::memcmp(head, "PK\x05\x06", 4) == 0);
}

}  // namespace

const VectorFormat npz_format = {"npz", recognises_npz, open_npz};

}  // namespace vecstore::core::io
