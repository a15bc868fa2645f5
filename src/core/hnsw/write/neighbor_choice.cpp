#include "core/hnsw/write/neighbor_choice.hpp"

#include <cmath>

#include "core/hnsw/space/select.hpp"

namespace vecstore::core {

void NeighborChoice::choose(size_t limit, const Link& self, ChosenNeighbors& chosen) {
    const size_t code_bytes = layout_.code_bytes();
    const uint32_t bits = encoder_.geometry().code_bits();
    auto& found = memory_.found;
    found.erase(std::remove_if(found.begin(), found.end(),
                               [&](const FoundNode& f) { return f.dead || f.link == self; }),
                found.end());
    chosen.clear();
    if (encoder_.space().is_product())
        order_by_products(limit);
    else
        order_found(limit);
    const size_t taken = std::min(limit, memory_.order.size());
    // Nearest first: the first one that can take a tree edge should be the nearest.
    std::sort(memory_.order.begin(), memory_.order.begin() + static_cast<std::ptrdiff_t>(taken));
    chosen.codes.resize(taken * code_bytes + 64);
    chosen.reverse_codes.resize(taken * code_bytes + 64);
    chosen.factors.resize(taken * factor_bytes);
    chosen.reverse_factors.resize(taken * factor_bytes);
    chosen.wanted.resize(taken);
    for (size_t i = 0; i < taken; ++i) {
        const FoundNode& f = found[memory_.order[i]];
        chosen.links.push_back(f.link);
        // A node that is not needed here, because a kept one is nearer to it, would not need us either: for
        // the same reason. Its list takes us if there is room.
        const uint8_t kept = memory_.is_kept[memory_.order[i]];
        chosen.kept.nearest |= static_cast<uint64_t>((kept & kept_as_nearest) != 0) << i;
        chosen.kept.nearby |= static_cast<uint64_t>((kept & kept_as_nearby) != 0) << i;
        chosen.wanted[i] = kept != 0 || !f.full;
        uint8_t* factor = &chosen.factors[i * factor_bytes];
        uint8_t* reverse_factor = &chosen.reverse_factors[i * factor_bytes];
        if (layout_.residual_codes()) {
            uint8_t* const from = &chosen.codes[i * code_bytes];
            ResidualSums sums;
            float norm2 = 0;
            if (encoder_.space().is_product()) {
                const float* const vector =
                    &memory_.vectors[size_t{f.index} * encoder_.geometry().stored_dims];
                sums = encode_code(layout_, vector, memory_.query.internal(), from);
                norm2 = memory_.norm2[memory_.order[i]];
            } else {
                sums = memory_.sums[f.index];
                std::memcpy(from, code(f.index), code_bytes);
            }
            for (size_t b = 0; b < code_bytes; ++b)
                chosen.reverse_codes[i * code_bytes + b] = reversed_code(from[b], bits);
            store_link_factors(layout_, sums, norm2, factor);
            store_link_factors(layout_, reversed(sums), memory_.query.norm2(), reverse_factor);
        } else {
            if (layout_.coded()) {
                const float* const vector =
                    &memory_.vectors[size_t{f.index} * encoder_.geometry().stored_dims];
                encoder_.space().sample_bits(vector, &chosen.codes[i * code_bytes]);
                std::memcpy(&chosen.reverse_codes[i * code_bytes], memory_.query.bit_code(), code_bytes);
            }
            store_distance(f.distance, factor);
            store_distance(f.distance, reverse_factor);
        }
    }
}

void NeighborChoice::order_found(size_t limit) {
    const size_t n = encoder_.geometry().stored_dims;
    const auto& found = memory_.found;
    const size_t count = std::min({found.size(), max_candidates, ef_construction_ + limit});
    size_t kept;
    if (layout_.angle_codes()) {
        memory_.roots.resize(count);
        for (size_t i = 0; i < count; ++i) memory_.roots[i] = std::sqrt(std::max(0.0f, found[i].distance));
        CodeAngles::From from(encoder_.angles(), memory_.query.kernel_table());
        kept = encoder_.angles().order_by_need(
            from, memory_.roots, limit, [&](size_t i) { return code(found[i].index); }, memory_.kept_codes,
            memory_.order);
    } else {
        memory_.squared.resize(count);
        for (size_t i = 0; i < count; ++i) memory_.squared[i] = found[i].distance;
        const auto vector = [&](size_t i) { return &memory_.vectors[found[i].index * n]; };
        kept = order_by_need(
            memory_.squared, limit,
            [&](size_t i, size_t j) { return encoder_.distance(vector(i), vector(j)); }, memory_.order);
    }
    memory_.is_kept.assign(count, 0);
    for (size_t i = 0; i < kept; ++i) memory_.is_kept[memory_.order[i]] = kept_as_nearest;
}

// Neighbors of both kinds (ProductOrder).
void NeighborChoice::order_by_products(size_t limit) {
    const size_t n = encoder_.geometry().stored_dims, most = ef_construction_ + limit;
    const auto& found = memory_.found;
    const size_t count = std::min<size_t>(found.size(), UINT16_MAX);
    const auto vector = [&](size_t i) { return &memory_.vectors[found[i].index * n]; };
    auto& norm2 = memory_.norm2;
    norm2.resize(count);
    for (size_t i = 0; i < count; ++i) norm2[i] = -encoder_.distance(vector(i), vector(i));
    ProductOrder& product = memory_.product;
    const auto pair = [&](size_t a, size_t b) { return encoder_.distance(vector(a), vector(b)); };
    product.distance.resize(count);
    for (size_t i = 0; i < count; ++i) product.distance[i] = found[i].distance;
    const size_t nearest_kept = product.find(count, most, limit, pair, product.nearest);
    for (size_t i = 0; i < count; ++i) product.distance[i] = found[i].nearby;
    const size_t nearby_kept = product.find(
        count, most, limit,
        [&](size_t a, size_t b) { return VectorSpace::nearby(pair(a, b), norm2[a], norm2[b]); },
        product.nearby);
    take_in_turn(product.nearby, product.nearest, limit, product.taken, memory_.order);
    memory_.is_kept.assign(count, 0);
    for (size_t i = 0; i < nearest_kept; ++i) memory_.is_kept[product.nearest[i]] |= kept_as_nearest;
    for (size_t i = 0; i < nearby_kept; ++i) memory_.is_kept[product.nearby[i]] |= kept_as_nearby;
}

}  // namespace vecstore::core
