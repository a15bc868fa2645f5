// Where things lie on a page: the slots of nodes and the sections of a slot (node.hpp reads and writes them),
// the metapage, chunks of TIDs.
//
//   a slot: NodeHead | codes | links | factors | own vector
//
// Codes come first after the head because the scoring kernel may read up to 63 bytes beyond the last
// code (kernels.hpp): what follows in the slot must be at least that long, and is.
// In plain mode there are no codes and a factor is the squared distance to the neighbor (float).
#pragma once

#include <type_traits>

#include "core/storage/filter_layout.hpp"

namespace vecstore::core {

struct GeometryRequest {
    uint32_t dims;
    Metric metric;
    StorageMode mode;
    bool compact;  // int8 own vectors
    uint16_t m;
    VectorKind kind = VectorKind::vector;
    uint32_t sparse_elements = 0;  // sparsevec: as many non-zero elements as own vectors should hold
    uint16_t filter_columns = 0;
    uint32_t code_bits = 0;  // of a component of a neighbor's code: 1, 2, 4 or 7; 0: code_bits_for()
};

// How many bits the codes of neighbors should have for each component. The error of an estimate is that of
// one bit by the root of the dimensions: the fewer there are, the more bits it takes to tell neighbors apart.
// Measured in memory, one thread, recall@10 at 40 and queries/s at equal recall (docs/indexing.md has the
// table): of 341,000 word vectors x 100, two bits are 2.2 times as fast as one, and four no faster than two;
// x 25, four are 1.5 times as fast as two; of 60,000 x 256 (gen.py) two are 1.3 times as fast as one. From
// 257 on one bit is enough. An index that is to be small has two up to 64 dimensions, and one beyond.
constexpr uint32_t most_dims_of_wide_codes = 256;
uint32_t code_bits_for(StorageMode mode, uint32_t dims, bool compact);

// Chooses the sizes: as many nodes on a page as leave every node close to 2m neighbors. Where one node does
// not fit a page otherwise, codes are cut, then own vectors get fewer bits a component; bit strings and
// sparse vectors are cut. Throws core::Error (limit_exceeded) when not even that fits.
Geometry choose_geometry(const GeometryRequest& request);

class NodeLayout {
  public:
    explicit NodeLayout(const Geometry& geometry);

    const Geometry& geometry() const { return geometry_; }
    const FilterLayout& filters() const { return filters_; }
    size_t code_bytes() const { return code_bytes_; }
    size_t own_bytes() const { return own_bytes_; }
    size_t max_neighbors() const { return geometry_.max_neighbors; }
    size_t slot_size() const { return geometry_.slot_size; }
    size_t slots_per_page() const { return geometry_.slots_per_page; }
    bool coded() const { return geometry_.coded(); }
    bool residual_codes() const { return geometry_.residual_codes(); }
    // Codes of residuals from which L2 distances are estimated, so that the neighbors of a node can be
    // compared by their angles alone.
    bool angle_codes() const { return geometry_.mode == StorageMode::coded; }

    size_t slot_offset(size_t slot) const { return sizeof(PageHead) + slot * geometry_.slot_size; }
    // The bytes, whatever they are. Pages may be damaged: find_node() and NodePage give checked nodes
    // (node_page.hpp).
    const uint8_t* raw_slot(const uint8_t* payload, size_t i) const { return payload + slot_offset(i); }
    uint8_t* raw_slot(uint8_t* payload, size_t i) const { return payload + slot_offset(i); }

    size_t codes_offset() const { return sizeof(NodeHead); }
    size_t links_offset() const { return links_offset_; }
    size_t factors_offset() const { return factors_offset_; }
    size_t own_offset() const { return own_offset_; }

    // A number for every node there ever was: visited sets must not take a link that dangles for the node
    // that has its slot now.
    static uint64_t node_id(const Link& link) {
        return uint64_t{link.block} << 16 | uint64_t{link.generation} << 8 | link.slot;
    }

    // A number for every slot of the index, dense: for vacuum's arrays.
    uint64_t slot_id(const Link& link) const {
        return static_cast<uint64_t>(link.block) * geometry_.slots_per_page + link.slot;
    }
    // The slot of that number; without generation.
    Link slot_link(uint64_t slot_id) const {
        return {static_cast<uint32_t>(slot_id / geometry_.slots_per_page),
                static_cast<uint8_t>(slot_id % geometry_.slots_per_page), 0};
    }

  private:
    Geometry geometry_;
    FilterLayout filters_;
    size_t code_bytes_;
    size_t own_bytes_;
    size_t links_offset_;
    size_t factors_offset_;
    size_t own_offset_;
};

inline const PageHead& page_head(const uint8_t* payload) {
    return *reinterpret_cast<const PageHead*>(payload);
}
inline PageHead& page_head(uint8_t* payload) { return *reinterpret_cast<PageHead*>(payload); }
inline const MetaData& meta_of(const uint8_t* payload) {
    return *reinterpret_cast<const MetaData*>(payload + sizeof(PageHead));
}
inline MetaData& meta_of(uint8_t* payload) {
    return *reinterpret_cast<MetaData*>(payload + sizeof(PageHead));
}

constexpr size_t chunks_per_page = page_room / sizeof(TidChunk);
inline const TidChunk& chunk_at(const uint8_t* payload, size_t i) {
    return *reinterpret_cast<const TidChunk*>(payload + sizeof(PageHead) + i * sizeof(TidChunk));
}
inline TidChunk& chunk_at(uint8_t* payload, size_t i) {
    return *reinterpret_cast<TidChunk*>(payload + sizeof(PageHead) + i * sizeof(TidChunk));
}
constexpr size_t floats_per_mean_page = page_room / sizeof(float);

}  // namespace vecstore::core
