// The content of index pages, byte for byte. These structs are the on-disk format: every field is
// little-endian in native layout, unaligned (packed), and a change of any of them is a new
// format_version in the metapage.
//
// A page's payload follows PostgreSQL's page header. It starts with a PageHead; the rest depends on the kind:
//   meta   block 0: one MetaData
//   mean   floats of the mean that was subtracted from all vectors (MetaData::mean_*)
//   nodes  `slots_per_page` slots of `slot_size` bytes, each a NodeHead and its sections (layout.hpp)
//   tids   TidChunks: heap TIDs of nodes that have more than fit into the node
//   filters  keys of the filter columns, for all slots of the pages that follow (filter_layout.hpp)
//   origin_codes codes of own vectors, for the same slots
//   cluster_map, clusters, unclustered  which of those are near each other (cluster_layout.hpp)
//   unplaced  rows that have no place in the graph (unplaced_layout.hpp)
//   long_rows  rows that are kept beside the graph, because they are much longer than the others
//              (unplaced_layout.hpp)
//   entry_map, entry_groups, entries  the table of entry points into level 0 (entry_table_layout.hpp)
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>

#include "core/distance/metric.hpp"

namespace vecstore::core {

constexpr uint32_t invalid_block = 0xFFFFFFFFu;
constexpr uint32_t meta_block = 0;
// A page of PostgreSQL's, of which its header takes the beginning.
constexpr size_t page_bytes = 8192, page_header_bytes = 24;
constexpr size_t page_payload_size = page_bytes - page_header_bytes;

constexpr size_t factor_bytes = 4;  // of a link; coded: bf16 f_add, bf16 f_rescale; plain: float distance

constexpr uint32_t format_magic = 0x56454353;  // "VECS"
// The version that a library must know to read the index. 2: the metapage has bits for what a library must
// know besides (features.hpp), so that there need not be a version 3. An index of version 1 is read as it is,
// and becomes one of 2 with the first thing that a bit stands for.
constexpr uint32_t format_version = 2, oldest_format_version = 1;

#pragma pack(push, 1)

// Where a node is. The generation is that of the slot when the link was made: a link whose generation
// differs from the slot's points to a node that is gone, and is skipped.
struct Link {
    uint32_t block = invalid_block;
    uint8_t slot = 0;
    uint8_t generation = 0;

    bool valid() const { return block != invalid_block; }
    bool operator==(const Link& o) const {
        return block == o.block && slot == o.slot && generation == o.generation;
    }
    bool operator!=(const Link& o) const { return !(*this == o); }
};
static_assert(sizeof(Link) == 6);

// A heap tuple's address: ItemPointer without PostgreSQL.
struct HeapTid {
    uint32_t block = invalid_block;
    uint16_t offset = 0;

    bool operator==(const HeapTid& o) const { return block == o.block && offset == o.offset; }
    uint64_t key() const { return (static_cast<uint64_t>(block) << 16) | offset; }
};
static_assert(sizeof(HeapTid) == 6);

enum class PageKind : uint16_t {
    unused = 0,
    meta = 1,
    mean = 2,
    nodes = 3,
    tids = 4,
    filters = 5,
    origin_codes = 6,
    cluster_map = 7,
    clusters = 8,
    unclustered = 9,
    entry_map = 10,
    entry_groups = 11,
    entries = 12,
    unplaced = 13,
    long_rows = 14,
};
constexpr PageKind last_page_kind = PageKind::long_rows;

struct PageHead {
    PageKind kind;
    uint16_t reserved;   // of entry points: how many there are
    uint32_t reserved2;  // of unclustered slots: whether there are any; of tids: the next page with free
                         // chunks, 0: none
};
static_assert(sizeof(PageHead) == 8);
constexpr size_t page_room = page_payload_size - sizeof(PageHead);  // for what comes after it

enum NodeFlags : uint8_t {
    node_used = 1,  // the slot holds a node
    node_dead = 2,  // all its rows are gone: still a way for searches, never a result, never a new neighbor
};

constexpr size_t inline_tids = 4;

// Of a vector as the table has it: 48 bits of a hash. As a Link it would be none if it stands for no vector.
struct Fingerprint {
    uint32_t low = invalid_block;
    uint16_t high = 0;

    bool known() const { return low != invalid_block; }
    bool operator==(const Fingerprint& o) const { return low == o.low && high == o.high; }
    bool operator!=(const Fingerprint& o) const { return !(*this == o); }
};
static_assert(sizeof(Fingerprint) == sizeof(Link));

struct NodeHead {
    uint8_t flags;
    uint8_t generation;
    uint8_t level;      // this slot's level; a node of level 2 has one slot on each of levels 0, 1, 2
    uint8_t degree;     // neighbors in use
    uint8_t tid_count;  // inline heap TIDs in use (level 0 only)
    uint8_t reserved[3];
    float scale;  // own vector = scale * stored components
    float error;  // |x - stored x| at most, over all rows of this node
    float norm2;  // |x|^2 of the vector before centring and rotation
    union {
        Link down = {};  // levels above 0: the same node one level down
        Fingerprint
            all_rows;  // level 0: of the vector that all rows of this node have; not known: they may differ
                       // in what is lost in storing them (as those of nodes written by 0.1.0 may)
    };
    Link overflow;  // first TidChunk with further heap TIDs
    // Bit i: neighbor i is an edge of the spanning tree that keeps level 0 connected (see insert.hpp):
    // never dropped by pruning. In a free slot: the epoch it was freed at (a FullTransactionId).
    uint64_t tree_edges_or_epoch;
    HeapTid tids[inline_tids];
};
static_assert(sizeof(NodeHead) == 64);

constexpr size_t max_degree = 64;  // width of tree_edges
constexpr int highest_level = 24;  // of draw_level()

constexpr size_t chunk_tids = 14;

enum ChunkState : uint8_t {
    chunk_free = 0,
    chunk_used = 1,
    chunk_leaving =
        2,  // vacuum found no row in it: takes none any more, and will be free; still leads on to `next`
};

struct TidChunk {
    Link next;
    uint8_t used;  // ChunkState
    uint8_t count;
    Link owner;
    HeapTid tids[chunk_tids];
};
static_assert(sizeof(TidChunk) == 98);

// The SQL type of the column.
enum class VectorKind : uint8_t { vector = 1, halfvec = 2, bit = 3, sparsevec = 4 };

// How a node's neighbors are ranked: from codes beside the links, or by reading each neighbor's page.
// coded_products: codes from which inner products are estimated, of vectors that are not equally long; those
// of coded estimate L2 distances.
// coded_bits: of bit strings; the codes are bits of the neighbors themselves.
enum class StorageMode : uint8_t { coded = 1, plain = 2, coded_products = 3, coded_bits = 4 };

// How a node holds its own vector:
//   f32, f16, i8  numbers times the node's scale
//   planes        integers of own_bits bits times the scale, as bit planes (Kernels, BitPlanes)
//   bits          the bits of a bit string, as many as fit
//   sparse        number of elements, their indices, their values (distance/sparse.hpp): the largest, as many
//                 as fit
enum class OwnFormat : uint8_t { f32 = 1, f16 = 2, i8 = 3, planes = 4, bits = 5, sparse = 6 };

// Sizes of one index, fixed when it is created.
struct Geometry {
    uint32_t dims;         // of the column
    uint32_t stored_dims;  // components of an own vector (rounded up to 16 where that is rotated or has
                           // planes); of a bit string or sparse vector: words of four bytes
    uint32_t code_dims;    // rotated components that have a code bit; 0 in plain mode
    Metric metric;
    StorageMode mode;
    OwnFormat own_format;
    VectorKind kind;
    uint8_t own_bits;  // of OwnFormat::planes
    uint8_t form;      // bit 0: own vectors are rotated (always in coded mode); bits 1 to 3: bits of a
                       // component's code, less one (0, 1, 3 or 6)
    uint8_t slots_per_page;
    uint16_t m;              // the option: upper levels aim at m links, level 0 at 2m
    uint16_t max_neighbors;  // links a slot has room for
    uint16_t slot_size;
    uint16_t filter_columns;  // columns of the index beside the vector

    // Is there a code of each neighbor beside its link?
    bool coded() const { return mode != StorageMode::plain; }
    // Of its residual, with two factors; else with the distance, as in plain mode.
    bool residual_codes() const { return mode == StorageMode::coded || mode == StorageMode::coded_products; }
    bool rotated() const { return (form & 1) != 0; }
    uint32_t code_bits() const { return (form >> 1 & 7u) + 1; }
    void set_rotated(bool rotated) { form = static_cast<uint8_t>((form & ~1u) | (rotated ? 1u : 0u)); }
    void set_code_bits(uint32_t bits) { form = static_cast<uint8_t>((form & 1u) | ((bits - 1) & 7u) << 1); }
};
static_assert(sizeof(Geometry) == 27);

// How far searches of some widths go, as multiples of the distance of the tenth nearest
// (beam_calibration.hpp).
constexpr size_t calibration_points = 3;
constexpr float highest_log_factor = 2;
struct BeamCalibration {
    float log_factor[calibration_points];  // 0: not known
    float length;    // of a typical vector, before centring; negative: they differ, of the longest one
    uint32_t pages;  // of the index when that was measured; 0: it was not
};

struct MetaData {
    uint32_t magic;
    uint32_t version;
    Geometry geometry;
    uint16_t ef_construction;
    uint64_t seed;  // of the rotation
    Link entry_point;
    uint8_t entry_level;
    uint8_t vacuum_pending;  // a vacuum has marked nodes dead and not yet repaired their neighbors
    uint32_t mean_block;     // first page of the mean; invalid_block: none was subtracted
    uint32_t mean_pages;
    uint32_t tid_page;          // first of the pages that have free TidChunks (PageHead::reserved2)
    uint32_t cluster_map;       // page of the map of clusters; 0: there are none
    uint32_t clustered_blocks;  // a slot of those below that gets a new node is unclustered
    BeamCalibration calibration;
    uint32_t entry_map;      // page of the map of entry points; 0: there are none
    uint32_t unplaced;       // first page of rows that have no place in the graph; 0: there are none
    uint32_t unplaced_room;  // first page of those that may have room; 0: none has
    uint8_t keeps_unplaced;  // there are all such rows; 0: none, in an index that is older than the list
    uint32_t removed_nodes;  // by vacuums since all nodes were last linked from nearby
    // Of inner products (long_rows.hpp):
    float long_from;     // rows longer than that are kept beside the graph; 0: none are
    uint32_t long_rows;  // first page of those that are; 0: there are none
    uint32_t long_room;  // first page of those that may have room; 0: none has
    uint8_t long_pages;  // how many there are
    uint8_t misfits;     // 1: so many vectors are stored so roughly that scans look at all rows
                         // (beam_calibration.hpp)
    // Of format 2 (features.hpp):
    uint16_t read_features;   // a library must know them to read the index
    uint16_t write_features;  // and these to change it
    uint8_t reserved;
};

#pragma pack(pop)

}  // namespace vecstore::core
