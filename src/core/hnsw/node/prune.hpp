// Which neighbor a list gives up for a new one.
//
// The decision needs the node, and measurements that are in EditMemory. It takes no lock and reads no page.
// node_edit.hpp measures, asks here for a place, and writes.
//
//   weakest_by_...  the list is selected from anew, with x (select.hpp); the last one goes
//   place_by_...    x alone is compared with each of the list, whose needs are known (needs.hpp)
#pragma once

#include <algorithm>
#include <limits>

#include "core/base/float_order.hpp"
#include "core/hnsw/node/edit_memory.hpp"
#include "core/hnsw/space/query.hpp"

namespace vecstore::core {

// x: the new neighbor. Places are indexes into the node's list; -1: there is none. Edges of the spanning tree
// never go.
class Pruner {
    // Pairs of the neighbors and of x, the last one: memory_.root has their reach, times `scale`. As long as
    // memory_ is not used for another list. (The type is deduced: its users come after it.)
    auto pairs_of(const ConstNode& node, float scale) {
        const size_t degree = node.degree();
        auto& root = memory_.root;
        root.resize(degree + 1);
        for (size_t i = 0; i < degree; ++i) root[i] = scale * code_reach(node.factor(i));
        root[degree] = scale * code_reach(memory_.factor);
        return CodeAngles::Pairs(angles_, root, [this, node, degree](size_t i) -> const uint8_t* {
            return i == degree ? memory_.code.data() : node.code(i);
        });
    }

  public:
    Pruner(const VectorEncoder& encoder, EditMemory& memory)
        : encoder_(encoder),
          layout_(encoder.layout()),
          angles_(encoder.angles(), kernels()),
          memory_(memory) {}

    static bool none_stays(int) { return false; }  // a `stays` of the functions below

    // Index of the neighbor that a full list needs least once x (encoded in memory_) joins it; -1: x is.
    // stays(index): this neighbor must not go.
    template <class Stays>
    int weakest_by_codes(const ConstNode& node, bool keep_x, Stays&& stays) {
        const size_t degree = node.degree();
        for (size_t i = 0; i < degree; ++i) memory_.squared[i] = code_reach(node.factor(i));
        memory_.squared[degree] = code_reach(memory_.factor);
        sort_by_distance(degree);
        const auto& by_distance = memory_.by_distance;
        encoder_.angles().order_by_need(
            angles_, memory_.sorted_squared, degree,
            [&](size_t i) -> const uint8_t* {
                return by_distance[i] == degree ? memory_.code.data() : node.code(by_distance[i]);
            },
            memory_.kept_codes, memory_.order);
        for (uint16_t& i : memory_.order) i = by_distance[i];
        return last_to_go(node, memory_.order, keep_x, stays);
    }

    template <class Stays>
    int place_by_codes(const ConstNode& node, uint64_t& wanted, bool keep_x, Stays&& stays) {
        auto& cosines = memory_.cosines;
        angles_.set(memory_.code.data());
        angles_.cosines(node.codes(), node.degree(), cosines.data());
        const float x = code_reach(memory_.factor);
        return place_by_needs(
            node, wanted, keep_x, x, stays, [&](size_t i) { return code_reach(node.factor(i)); },
            [&](size_t i, float other) {
                // |x - other| < farther one  <=>  nearer one < 2 * farther one * cos
                return std::min(x, other) < 2 * std::max(x, other) * cosines[i];
            });
    }

    // memory_.from_x has the distances of the list's neighbors from x. In plain mode, when
    // measure_neighbors() has seen the same list; else from codes of bits.
    int place_by_distances(const ConstNode& node, uint64_t& wanted, bool keep_x) {
        const float x = load_distance(memory_.factor);
        return place_by_needs(
            node, wanted, keep_x, x, none_stays, [&](size_t i) { return node.distance(i); },
            [&](size_t i, float other) { return memory_.from_x[i] < std::max(x, other); });
    }

    // The same where distances are inner products: in the place of the neighbor that comes last in both
    // orders. wanted: two words. memory_.squared has the distances of the list's neighbors and of x.
    int place_by_products(const ConstNode& node, uint64_t* wanted, bool keep_x, const float* x_vector) {
        const size_t degree = node.degree();
        const float own_norm2 = node.head().norm2, x_norm2 = -encoder_.distance(x_vector, x_vector);
        ProductOrder& product = memory_.product;
        Wanted now{wanted[0], wanted[1]};
        auto& distance = product.distance;
        distance.assign(memory_.squared.begin(),
                        memory_.squared.begin() + static_cast<std::ptrdiff_t>(degree + 1));
        const bool wanted_as_nearest = want_last(distance, memory_.from_x, now.nearest);
        const bool is_full = degree >= layout_.max_neighbors();
        uint8_t as_nearest[max_degree + 1], as_nearby[max_degree + 1];
        if (is_full) rank_by_need(distance, now.nearest, wanted_as_nearest, as_nearest);
        for (size_t i = 0; i < degree; ++i) {
            distance[i] = VectorSpace::nearby(distance[i], own_norm2, memory_.norm2[i]);
            memory_.from_x[i] = VectorSpace::nearby(memory_.from_x[i], x_norm2, memory_.norm2[i]);
        }
        distance[degree] = VectorSpace::nearby(distance[degree], own_norm2, x_norm2);
        const bool wanted_as_nearby = want_last(distance, memory_.from_x, now.nearby);
        int index = static_cast<int>(degree);
        if (is_full) {
            rank_by_need(distance, now.nearby, wanted_as_nearby, as_nearby);
            index = last_of_both(node, as_nearby, as_nearest, keep_x);
            if (index < 0) return -1;
        }
        const uint64_t bit = uint64_t{1} << index;
        wanted[0] = (now.nearest & ~bit) | (wanted_as_nearest ? bit : 0);
        wanted[1] = (now.nearby & ~bit) | (wanted_as_nearby ? bit : 0);
        return index;
    }

    // pair(a, b): the squared distance of neighbors a and b; memory_.squared has theirs from the node.
    template <class Stays, class Pair>
    int weakest(const ConstNode& node, size_t degree, bool keep_x, Stays&& stays, Pair&& pair) {
        sort_by_distance(degree);
        const auto& by_distance = memory_.by_distance;
        order_by_need(
            memory_.sorted_squared, degree,
            [&](size_t i, size_t j) { return pair(by_distance[i], by_distance[j]); }, memory_.order);
        for (uint16_t& i : memory_.order) i = by_distance[i];
        return last_to_go(node, memory_.order, keep_x, stays);
    }

    // The same where distances are inner products: from memory_.squared, vectors and center_vector.
    int weakest_by_products(const ConstNode& node, size_t degree, bool keep_x) {
        const size_t n = encoder_.geometry().stored_dims, all = degree + 1;
        const auto vector = [&](size_t i) { return &memory_.vectors[i * n]; };
        const auto norm2_of = [&](const float* x) { return -encoder_.distance(x, x); };
        memory_.norm2.resize(all);
        for (size_t i = 0; i < all; ++i) memory_.norm2[i] = norm2_of(vector(i));
        return weakest_of_products(
            node, degree, keep_x, norm2_of(memory_.center_vector.data()),
            [&](size_t a, size_t b) { return encoder_.distance(vector(a), vector(b)); });
    }

    // The same from codes: memory_ has the distances, the squared norms, and x's code. The inner product of
    // two neighbors follows from theirs with the node and from that of their residuals.
    int weakest_by_product_codes(const ConstNode& node, size_t degree, bool keep_x) {
        const float own_norm2 = node.head().norm2;
        auto pairs = pairs_of(node, code_constants(encoder_.geometry().code_bits()).correlation);
        return weakest_of_products(node, degree, keep_x, own_norm2, [&](size_t a, size_t b) {
            return memory_.squared[a] + memory_.squared[b] + own_norm2 - pairs.product(a, b);
        });
    }

    // From codes that are bits of the neighbors themselves.
    int weakest_by_bits(const ConstNode& node, bool keep_x) {
        const size_t degree = node.degree();
        for (size_t i = 0; i < degree; ++i) memory_.squared[i] = node.distance(i);
        memory_.squared[degree] = load_distance(memory_.factor);
        return weakest(node, degree, keep_x, none_stays, [&](size_t a, size_t b) {
            if (a == degree) return memory_.from_x[b];
            if (b == degree) return memory_.from_x[a];
            float distance;
            encoder_.space().code_distances(kernels(), node.code(a), node.code(b), 1, &distance);
            return distance;
        });
    }

    // compute(a, b): the distance of two of the list and x.
    template <class Compute>
    int weakest_of_products(const ConstNode& node, size_t degree, bool keep_x, float own_norm2,
                            Compute&& compute) {
        const size_t all = degree + 1;
        auto& norm2 = memory_.norm2;
        ProductOrder& product = memory_.product;
        product.distance.assign(memory_.squared.begin(),
                                memory_.squared.begin() + static_cast<std::ptrdiff_t>(all));
        product.find(all, all, degree, compute, product.nearest);
        for (size_t i = 0; i < all; ++i)
            product.distance[i] = VectorSpace::nearby(memory_.squared[i], own_norm2, norm2[i]);
        product.find(
            all, all, degree,
            [&](size_t a, size_t b) { return VectorSpace::nearby(compute(a, b), norm2[a], norm2[b]); },
            product.nearby);
        take_in_turn(product.nearby, product.nearest, all, product.taken, memory_.order);
        return last_to_go(node, memory_.order, keep_x, none_stays);
    }

    // The farthest neighbor that may go and is no tree edge, or the next free place; -1: there is none.
    template <class Stays>
    int weakest_by_distance(const ConstNode& node, Stays&& stays) {
        const size_t degree = node.degree();
        if (degree < layout_.max_neighbors()) return static_cast<int>(degree);
        for (size_t i = 0; i < degree; ++i) memory_.squared[i] = link_reach(layout_, node, i);
        int worst = -1;
        for (size_t i = 0; i < degree; ++i) {
            if (node.tree_edge(i) || stays(static_cast<int>(i))) continue;
            if (worst < 0 || memory_.squared[i] > memory_.squared[worst]) worst = static_cast<int>(i);
        }
        return worst;
    }

  private:
    // memory_.by_distance: the numbers of the list and x, the nearest first. memory_.squared has the
    // distances, or anything else that has their order.
    void sort_by_distance(size_t degree) {
        auto& by_distance = memory_.by_distance;
        by_distance.resize(degree + 1);
        for (size_t i = 0; i <= degree; ++i) by_distance[i] = static_cast<uint16_t>(i);
        std::sort(by_distance.begin(), by_distance.end(),
                  [&](uint16_t a, uint16_t b) { return nearer(memory_.squared[a], memory_.squared[b]); });
        memory_.sorted_squared.resize(degree + 1);
        for (size_t i = 0; i <= degree; ++i) memory_.sorted_squared[i] = memory_.squared[by_distance[i]];
    }

    // Where x (encoded in memory_) should go in the list; -1: nowhere. `wanted` is the node's entry of
    // needs_, brought up to date. x, reach(i): how far x and neighbor i are from the node; occlude(i,
    // reach(i)): x and neighbor i are nearer to each other than the farther of them is to the node. Only x is
    // compared with the others, so that one that another occluded stays what it is when x occludes that
    // other: near enough, for a tenth of the work.
    template <class Stays, class Reach, class Occlude>
    int place_by_needs(const ConstNode& node, uint64_t& wanted, bool keep_x, float x, Stays&& stays,
                       Reach&& reach, Occlude&& occlude) {
        const size_t degree = node.degree();
        const uint64_t tree = node.tree_edges();
        uint64_t occluding_x = 0, occluded_by_x = 0;
        // The farthest that may go, of those that are not wanted and of those that are.
        int victim[2] = {-1, -1};
        float farthest[2] = {-std::numeric_limits<float>::infinity(),
                             -std::numeric_limits<float>::infinity()};
        for (size_t i = 0; i < degree; ++i) {
            const float other = reach(i);
            const bool occlusion = occlude(i, other);
            occluding_x |= static_cast<uint64_t>(occlusion & (other <= x)) << i;
            occluded_by_x |= static_cast<uint64_t>(occlusion & (other > x)) << i;
        }
        const bool x_wanted = (occluding_x & wanted) == 0;
        const uint64_t now = x_wanted ? wanted & ~occluded_by_x : wanted;
        int index = static_cast<int>(degree);
        if (degree >= layout_.max_neighbors()) {
            for (size_t i = 0; i < degree; ++i) {
                if (((tree >> i) & 1) || stays(static_cast<int>(i))) continue;
                const size_t kind = (now >> i) & 1;
                const float other = reach(i);
                if (other > farthest[kind]) {
                    farthest[kind] = other;
                    victim[kind] = static_cast<int>(i);
                }
            }
            const size_t kind = victim[0] >= 0 || !(x_wanted || keep_x) ? 0 : 1;
            if (victim[kind] < 0 || (!keep_x && x_wanted == (kind == 1) && x > farthest[kind])) return -1;
            index = victim[kind];
        }
        const uint64_t bit = uint64_t{1} << index;
        wanted = x_wanted ? now | bit : now & ~bit;
        return index;
    }

    // The neighbor, or x, that is far back in both orders: where they are taken from in turn, as by
    // take_in_turn, it comes last. -1: x is the one.
    static int last_of_both(const ConstNode& node, const uint8_t* as_nearby, const uint8_t* as_nearest,
                            bool keep_x) {
        const size_t degree = node.degree();
        const uint64_t tree = node.tree_edges();
        const auto turn = [&](size_t i) { return std::min(2 * as_nearby[i], 2 * as_nearest[i] + 1); };
        int last = -1, latest = keep_x ? -1 : turn(degree);
        for (size_t i = 0; i < degree; ++i) {
            const int at = ((tree >> i) & 1) != 0 ? -1 : turn(i);
            if (at > latest) {
                latest = at;
                last = static_cast<int>(i);
            }
        }
        return last;
    }

    // Index of the neighbor that a list needs least: the last one that may go.
    template <class Stays>
    static int last_to_go(const ConstNode& node, const std::vector<uint16_t>& order, bool keep_x,
                          Stays&& stays) {
        const size_t degree = node.degree();
        const uint64_t tree = node.tree_edges();
        for (auto it = order.rbegin(); it != order.rend(); ++it) {
            if (*it == degree) {
                if (!keep_x) return -1;
            } else if (!((tree >> *it) & 1) && !stays(*it)) {
                return *it;
            }
        }
        return -1;
    }

    const VectorEncoder& encoder_;
    const NodeLayout& layout_;
    CodeAngles::From angles_;
    EditMemory& memory_;
};

}  // namespace vecstore::core
