// Node codec: where the sections of a node lie inside its slot, and typed access to them.
//
//   NodeHead | codes | links | factors | own vector
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
};

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
    bool coded() const { return geometry_.mode == StorageMode::coded; }

    size_t slot_offset(size_t slot) const { return sizeof(PageHead) + slot * geometry_.slot_size; }
    // Whatever lies there. What is on pages that may be damaged is to be had from find_node() and NodePage
    // (node_page.hpp).
    const uint8_t* raw_slot(const uint8_t* payload, size_t i) const { return payload + slot_offset(i); }
    uint8_t* raw_slot(uint8_t* payload, size_t i) const { return payload + slot_offset(i); }

    size_t codes_offset() const { return sizeof(NodeHead); }
    size_t links_offset() const { return links_offset_; }
    size_t factors_offset() const { return factors_offset_; }
    size_t own_offset() const { return own_offset_; }

    // A number for every node there ever was: visited sets must not take a link that dangles for the node
    // that has its slot now.
    uint64_t node_id(const Link& link) const { return slot_id(link) << 8 | link.generation; }

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

// A node in place. Byte is uint8_t or const uint8_t.
template <class Byte>
class BasicNode {
  public:
    BasicNode(const NodeLayout& layout, Byte* slot) : layout_(&layout), slot_(slot) {}

    template <class T>
    using Like = std::conditional_t<std::is_const_v<Byte>, const T, T>;

    Like<NodeHead>& head() const { return *reinterpret_cast<Like<NodeHead>*>(slot_); }
    Like<Link>* links() const { return reinterpret_cast<Like<Link>*>(slot_ + layout_->links_offset()); }
    Byte* codes() const { return slot_ + layout_->codes_offset(); }
    Byte* code(size_t i) const { return codes() + i * layout_->code_bytes(); }
    Byte* factors() const { return slot_ + layout_->factors_offset(); }
    Byte* factor(size_t i) const { return factors() + i * factor_bytes; }
    Byte* own() const { return slot_ + layout_->own_offset(); }
    Byte* data() const { return slot_; }

    // Is there one? (See find_node().)
    explicit operator bool() const { return slot_ != nullptr; }

    bool used() const { return (head().flags & node_used) != 0; }
    bool dead() const { return (head().flags & node_dead) != 0; }
    bool live() const { return (head().flags & (node_used | node_dead)) == node_used; }
    bool is(const Link& link) const { return used() && head().generation == link.generation; }

  private:
    const NodeLayout* layout_;
    Byte* slot_;  // null: there is none
};

using Node = BasicNode<uint8_t>;
using ConstNode = BasicNode<const uint8_t>;

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
