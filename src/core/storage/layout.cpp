#include "core/storage/layout.hpp"

#include <algorithm>
#include <string>

#include "core/base/error.hpp"

namespace vecstore::core {

namespace {

size_t own_bytes_of(OwnFormat format, uint32_t stored_dims) {
    switch (format) {
        case OwnFormat::f32: return stored_dims * sizeof(float);
        case OwnFormat::f16: return stored_dims * sizeof(uint16_t);
        case OwnFormat::i8: return stored_dims;
    }
    return 0;
}

uint32_t round_up(uint32_t value, uint32_t to) { return (value + to - 1) / to * to; }

size_t neighbor_bytes(const Geometry& g) { return sizeof(Link) + factor_bytes + g.code_dims / 8; }

// Room for neighbors in a slot when `slots` of them share a page.
size_t neighbors_that_fit(const Geometry& g, size_t slots) {
    const size_t fixed = sizeof(NodeHead) + own_bytes_of(g.own_format, g.stored_dims) + g.filter_bytes;
    const size_t slot = page_room / slots;
    if (slot <= fixed) return 0;
    return std::min((slot - fixed) / neighbor_bytes(g), max_degree);
}

// The most slots a page can hold so that each has room for at least `wanted` neighbors; 0 if none.
size_t slots_with(const Geometry& g, size_t wanted) {
    size_t slots = 0;
    while (slots < 255 && neighbors_that_fit(g, slots + 1) >= wanted) ++slots;
    return slots;
}

void settle(Geometry& g, size_t slots, size_t target) {
    // A bit more than 2m is taken where the page has room for it anyway; much more would only make every
    // hop and every WAL record longer.
    const size_t fits = neighbors_that_fit(g, slots);
    g.max_neighbors = static_cast<uint16_t>(std::min(fits, target + target / 4));
    g.slots_per_page = static_cast<uint8_t>(slots);
    g.slot_size = static_cast<uint16_t>(page_room / slots);
}

}  // namespace

Geometry choose_geometry(const GeometryRequest& request) {
    Geometry g{};
    g.dims = request.dims;
    g.metric = request.metric;
    g.mode = request.mode;
    g.m = request.m;
    const bool coded = request.mode == StorageMode::coded;
    g.stored_dims = coded ? round_up(request.dims, 16) : request.dims;
    g.code_dims = coded ? g.stored_dims : 0;
    g.own_format = coded ? (request.compact ? OwnFormat::i8 : OwnFormat::f16) : OwnFormat::f32;

    // Level 0 aims at 2m links; two thirds of that lose nothing measurable (DESIGN, section 4), and an
    // index of half the size is read twice as fast.
    const size_t target = std::min<size_t>(2 * request.m, max_degree);
    // (In plain mode a link costs ten bytes: there is nothing to save.)
    const size_t enough = coded ? std::max<size_t>(4, (target * 2 + 2) / 3) : target;
    if (size_t slots = slots_with(g, enough)) {
        settle(g, slots, target);
        return g;
    }
    if (!coded) {
        g.own_format = OwnFormat::f16;
        if (size_t slots = slots_with(g, enough)) {
            settle(g, slots, target);
            return g;
        }
    }
    // One node does not fit a page: cut the codes to no less than half, then make the own vector int8,
    // then cut further.
    for (OwnFormat own : {g.own_format, OwnFormat::i8}) {
        if (!coded) break;
        g.own_format = own;
        const uint32_t least = own == OwnFormat::i8 ? 128 : std::max(512u, round_up(g.stored_dims / 2, 16));
        for (g.code_dims = g.stored_dims; g.code_dims >= least; g.code_dims -= 16) {
            if (neighbors_that_fit(g, 1) >= enough) {
                settle(g, 1, target);
                return g;
            }
        }
    }
    throw Error(ErrorCode::limit_exceeded,
                "vectors of " + std::to_string(request.dims) + " dimensions with m = " +
                    std::to_string(request.m) + " are too large for an hnsw index",
                "A node with its neighbors must fit an index page of 8 kB.",
                "Use a smaller m, or index fewer dimensions with subvector().");
}

NodeLayout::NodeLayout(const Geometry& geometry) : geometry_(geometry) {
    code_bytes_ = geometry.code_dims / 8;
    own_bytes_ = own_bytes_of(geometry.own_format, geometry.stored_dims);
    links_offset_ = sizeof(NodeHead) + geometry.max_neighbors * code_bytes_;
    factors_offset_ = links_offset_ + geometry.max_neighbors * sizeof(Link);
    own_offset_ = factors_offset_ + geometry.max_neighbors * factor_bytes + geometry.filter_bytes;
}

}  // namespace vecstore::core
