// Which libraries may read an index, and which may change it.
//
// The metapage names by bits what an index has that some library may not know of. One that knows not all of
// the read features would give wrong answers: it refuses the index. One that knows not all of the write
// features would break what others rely on: it may read the index, and refuses to change it. So an index
// stays open to earlier libraries until it has something that they would get wrong.
//
// Bits are set under the metapage's lock before, or with, the first thing that they stand for. They are never
// taken back. A library of another version may set some at any time: on the primary of a standby, or in a
// backend that was started after an update. So every scan and every change looks at them, on the metapage
// that it reads anyway.
#pragma once

#include <string>

#include "core/storage/layout.hpp"

namespace vecstore::core {

enum ReadFeatures : uint16_t {
    has_unplaced_rows = 1,  // rows on the list from MetaData::unplaced on
    has_long_rows = 2,      // rows on the list from MetaData::long_rows on
    has_wide_codes = 4,     // codes of more than one bit a component
    has_product_codes = 8,  // StorageMode::coded_products
    has_bit_codes = 16,     // StorageMode::coded_bits
};
constexpr uint16_t known_read_features = has_unplaced_rows | has_long_rows | has_wide_codes |
                                         has_product_codes | has_bit_codes;

// Those that follow from the sizes of an index alone.
inline uint16_t read_features_of(const Geometry& g) {
    return static_cast<uint16_t>((g.code_bits() > 1 ? has_wide_codes : 0) |
                                 (g.mode == StorageMode::coded_products ? has_product_codes : 0) |
                                 (g.mode == StorageMode::coded_bits ? has_bit_codes : 0));
}

enum WriteFeatures : uint16_t {
    keeps_all_rows = 1,     // a row without a place in the graph is put onto its list (keeps_unplaced)
    keeps_fingerprints = 2  // NodeHead::all_rows is that of all rows of its node, or is not known
};
constexpr uint16_t known_write_features = keeps_all_rows | keeps_fingerprints;

enum class Access { read, change };

// In how far an index is newer than this library. Empty: it is not. The metapage need not be sound otherwise.
std::string newer_format(const MetaData& meta, Access access);
// Its error (newer_format). name: of the index, or empty where it is not known.
[[noreturn]] void throw_newer_format(const MetaData& meta, Access access, const std::string& name = {});

inline bool knows_features(const MetaData& meta, Access access) {
    return (meta.read_features & ~known_read_features) == 0 &&
           (access == Access::read || (meta.write_features & ~known_write_features) == 0);
}
inline void expect_known_features(const MetaData& meta, Access access) {
    if (!knows_features(meta, access)) throw_newer_format(meta, access);
}

// Notes features that the index has from now on. The metapage is locked for a change, and is written after.
inline void add_features(MetaData& meta, uint16_t read, uint16_t write) {
    meta.version = format_version;
    meta.read_features = static_cast<uint16_t>(meta.read_features | read);
    meta.write_features = static_cast<uint16_t>(meta.write_features | write);
}

// To be called before a row is put into the graph: its node has a fingerprint, also in an index that an
// earlier version has made. write_features: the metapage's, as they were read before.
template <class Store>
void announce_fingerprints(Store& store, uint16_t write_features) {
    if ((write_features & keeps_fingerprints) != 0) return;
    auto page = store.write(meta_block);
    add_features(meta_of(page.modify()), 0, keeps_fingerprints);
    page.commit();
}

}  // namespace vecstore::core
