// Changes to single nodes: finding a slot, writing a new node, adding a neighbor to a full list.
//
// Locks: every function here takes the exclusive lock of one page and holds no other meanwhile. A link that
// dangles because its target vanished between two of these steps is harmless (storage/format.hpp).
#pragma once

#include <algorithm>
#include <limits>

#include "core/base/float_order.hpp"
#include "core/hnsw/node/met_nodes.hpp"
#include "core/hnsw/node/needs.hpp"
#include "core/hnsw/node/page_walk.hpp"
#include "core/hnsw/space/query.hpp"
#include "core/hnsw/space/select.hpp"
#include "core/storage/append.hpp"

namespace vecstore::core {

// A neighbor as a new list will hold it, code and factor computed.
struct LinkEntry {
    Link link;
    const uint8_t* code;    // code_bytes (coded mode)
    const uint8_t* factor;  // factor_bytes
};

enum class LinkResult {
    added,    // or it was there already
    pruned,   // the list is full of neighbors it needs more
    gone,     // the node is freed, dead, or another one
    no_room,  // a tree edge was asked for and the list is full of tree edges
};

// A node that wants to be another one's neighbor.
struct NewNeighbor {
    Link link;
    const float* vector;  // internal
    // What the other node will note of it, if that is known already.
    const uint8_t* code = nullptr;  // coded mode
    const uint8_t* factor = nullptr;
    const MetNodes* met = nullptr;  // nodes whose distance from it is known
};

// How far a neighbor is from its node, in units that are about the same for all of an index's nodes: with
// residuals of random direction the norm follows from one factor, to within two per cent.
inline float code_reach(const uint8_t* factor) { return -load_factors(factor).f_rescale; }

// The same of the i-th neighbor in either mode: in plain mode its distance.
inline float link_reach(const NodeLayout& layout, const ConstNode& node, size_t i) {
    if (layout.coded()) return code_reach(node.factor(i));
    float d;
    std::memcpy(&d, node.factor(i), sizeof(d));
    return d;
}

struct EditMemory {
    std::vector<float> center_vector;
    std::vector<float> squared = std::vector<float>(max_degree + 1);
    std::vector<uint8_t> code;
    uint8_t factor[factor_bytes];
    std::vector<float> root, sorted_squared;
    std::vector<uint16_t> by_distance, order;
    std::vector<uint32_t> differences = std::vector<uint32_t>(max_degree);
    std::vector<float> vectors;  // plain mode: the neighbors' vectors
    std::vector<Link> seen_links;
    std::vector<float> from_x = std::vector<float>(max_degree);  // plain mode: their distances from a new one
    std::vector<float> norm2;                                    // of inner products
    ProductOrder product;
};

template <class Store>
class NodeEditor {
  public:
    // needs: of all slots the store can have, or none.
    NodeEditor(Store& store, const VectorEncoder& encoder, EditMemory& memory, NeedMap* needs = nullptr)
        : store_(store),
          encoder_(encoder),
          layout_(encoder.layout()),
          kernels_(kernels()),
          memory_(memory),
          needs_(needs) {
        memory_.center_vector.resize(encoder.geometry().stored_dims);
        memory_.code.resize(layout_.code_bytes() + 64);
    }

    struct NewNode {
        uint8_t level;
        Link down;
        HeapTid tid;  // level 0
        OwnVector own;
        const uint8_t* own_bytes;
        const std::vector<LinkEntry>* neighbors;
        uint64_t tree_edges;
        Wanted wanted;  // neighbors that the heuristic kept
    };

    // Writes a node into a free slot or a new page. Nothing links to it yet.
    Link place(const NewNode& node) {
        for (int attempt = 0; attempt < 3; ++attempt) {
            const uint32_t block = store_.find_free_page(attempt);
            if (block == invalid_block) continue;
            auto page = store_.write(block);
            const NodePage nodes(layout_, page.peek(), block);
            if (const int slot = free_slot(nodes); slot >= 0) return fill(std::move(page), slot, node);
            // A slot freed so recently that a running scan may still know it: its time will come.
            if (attempt == 1 && has_unused_slot(nodes)) store_.put_back_free_page(block);
        }
        return fill(append_page(store_, layout_, PageKind::nodes), 0, node);
    }

    // Adds x to the neighbors of the node at `at`. With tree_cap > 0 as a tree edge, provided the node has
    // fewer than tree_cap of them.
    LinkResult add_neighbor(const Link& at, uint8_t level, const NewNeighbor& x, size_t tree_cap) {
        if (layout_.coded()) return add_coded(at, level, x, tree_cap);
        return add_plain(at, level, x, tree_cap);
    }
    LinkResult add_neighbor(const Link& at, uint8_t level, const Link& x, const float* x_vector,
                            size_t tree_cap) {
        return add_neighbor(at, level, NewNeighbor{x, x_vector}, tree_cap);
    }

    // Adds x to the neighbors of the node at `at` although others are needed more there: in the place of the
    // one that is needed least of those that are no tree edges and of which may_go(link, reach) says so.
    // False: there is none, the node is gone, or x is there already. gone(link, reach): called with what x
    // takes the place of, if anything, under the page's lock.
    template <class MayGo, class Gone>
    bool force_neighbor(const Link& at, const NewNeighbor& x, MayGo&& may_go, Gone&& gone) {
        auto page = store_.write(at.block);
        LinkResult early;
        const ConstNode node = accepting(page.peek(), at, 0, x.link, 0, early);
        if (!node) return false;
        int index = node.head().degree;
        encode(x, node);
        if (static_cast<size_t>(index) >= layout_.max_neighbors()) {
            const auto stays = [&](int i) { return !may_go(node.links()[i], link_reach(layout_, node, i)); };
            index = layout_.coded() ? weakest_by_codes(node, true, stays) : weakest_by_distance(node, stays);
            if (index < 0) return false;
            gone(node.links()[index], link_reach(layout_, node, index));
        }
        return put(page, at, x.link, index, false) == LinkResult::added;
    }

    // Marks x's own end of the tree edge to `parent`, whatever became of x's list meanwhile; `instead_of`
    // (if valid) was expected to become the parent and did not. False: x is full of tree edges.
    bool set_tree_edge(const Link& x, const Link& parent, const float* parent_vector,
                       const Link& instead_of) {
        auto page = store_.write(x.block);
        const ConstNode node = find_node(layout_, page.peek(), x);
        if (!node) return true;  // gone: nothing to mark
        const int index = index_of(node, parent);
        const int unused = instead_of.valid() ? index_of(node, instead_of) : -1;
        uint64_t tree = node.head().tree_edges_or_epoch;
        if (unused >= 0) tree &= ~(uint64_t{1} << unused);
        if (index >= 0) tree |= uint64_t{1} << index;
        if (tree != node.head().tree_edges_or_epoch)
            same_node(layout_, page.modify(), x).head().tree_edges_or_epoch = tree;
        if (index >= 0) {
            page.commit();
            return true;
        }
        const ConstNode now = find_node(layout_, page.peek(), x);
        encode({parent, parent_vector}, now);
        return put(page, x, parent, weakest_by_distance(now, any_may_go), true) == LinkResult::added;
    }

    // Does `from` know of a tree edge to `to`?
    bool has_tree_edge(const Link& from, const Link& to) {
        auto page = store_.read(from.block);
        const ConstNode node = find_node(layout_, page.payload(), from);
        if (!node) return false;
        const int index = index_of(node, to);
        return index >= 0 && ((node.head().tree_edges_or_epoch >> index) & 1);
    }

    // Makes the tree edge to `to` an ordinary link again: the other end could not take it.
    void clear_tree_edge(const Link& at, const Link& to) {
        auto page = store_.write(at.block);
        const ConstNode node = find_node(layout_, page.peek(), at);
        const int index = node ? index_of(node, to) : -1;
        if (index < 0 || !((node.head().tree_edges_or_epoch >> index) & 1)) return;
        same_node(layout_, page.modify(), at).head().tree_edges_or_epoch &= ~(uint64_t{1} << index);
        page.commit();
    }

  private:
    using WritePage = decltype(std::declval<Store&>().write(0));

    // The slot's entry of needs_, if there is one. Read and changed under the page's lock.
    uint64_t* wanted_by(const Link& link) const {
        return needs_ == nullptr ? nullptr : needs_->find(layout_.slot_id(link));
    }

    static int index_of(const ConstNode& node, const Link& link) {
        for (size_t i = 0; i < node.head().degree; ++i)
            if (node.links()[i] == link) return static_cast<int>(i);
        return -1;
    }

    int free_slot(const NodePage& nodes) {
        for (size_t i = 0; i < nodes.size(); ++i)
            if (!nodes[i].used() && store_.reusable(nodes[i].head().tree_edges_or_epoch))
                return static_cast<int>(i);
        return -1;
    }

    static bool has_unused_slot(const NodePage& nodes) {
        for (size_t i = 0; i < nodes.size(); ++i)
            if (!nodes[i].used()) return true;
        return false;
    }

    Link fill(WritePage page, size_t slot, const NewNode& from) {
        const Node node(layout_, layout_.raw_slot(page.modify(), slot));
        NodeHead& head = node.head();
        const uint8_t generation = head.generation;
        std::memset(node.data(), 0, layout_.slot_size());
        head.flags = node_used;
        head.generation = generation;
        head.level = from.level;
        head.scale = from.own.scale;
        head.error = from.own.error;
        head.norm2 = from.own.norm2;
        if (from.level == 0)
            head.all_rows = from.own.fingerprint;
        else
            head.down = from.down;
        head.overflow = Link{};
        head.tree_edges_or_epoch = from.tree_edges;
        if (from.level == 0) {
            head.tid_count = 1;
            head.tids[0] = from.tid;
        }
        std::memcpy(node.own(), from.own_bytes, layout_.own_bytes());
        for (const LinkEntry& entry : *from.neighbors) {
            const size_t i = head.degree++;
            node.links()[i] = entry.link;
            if (layout_.coded()) std::memcpy(node.code(i), entry.code, layout_.code_bytes());
            std::memcpy(node.factor(i), entry.factor, factor_bytes);
        }
        const Link link{page.block(), static_cast<uint8_t>(slot), generation};
        if (uint64_t* const wanted = wanted_by(link)) needs_->set(wanted, from.wanted);
        bool more_room = false;
        for (size_t i = 0; i < layout_.slots_per_page(); ++i)
            more_room |= !ConstNode(layout_, layout_.raw_slot(page.peek(), i)).used() && i != slot;
        page.commit(layout_.slot_offset(slot + 1));
        if (more_room) store_.note_free_page(link.block);
        return link;
    }

    LinkResult add_coded(const Link& at, uint8_t level, const NewNeighbor& x, size_t tree_cap) {
        auto page = store_.write(at.block);
        LinkResult early;
        const ConstNode node = accepting(page.peek(), at, level, x.link, tree_cap, early);
        if (!node) return early;
        encode(x, node);
        int index = node.head().degree;
        if (uint64_t* const wanted = wanted_by(at)) {
            index = place_by_codes(node, *wanted, tree_cap > 0);
        } else if (static_cast<size_t>(index) >= layout_.max_neighbors()) {
            index = weakest_by_codes(node, tree_cap > 0, any_may_go);
        }
        if (index < 0) return tree_cap > 0 ? LinkResult::no_room : LinkResult::pruned;
        return put(page, at, x.link, index, tree_cap > 0);
    }

    // Whose turn it is to go from a full plain list is decided from the neighbors' own vectors, which are
    // on other pages: read without this page's lock, then checked to be still the same list.
    LinkResult add_plain(const Link& at, uint8_t level, const NewNeighbor& x, size_t tree_cap) {
        uint64_t* const wanted = wanted_by(at);
        if (wanted != nullptr) return add_plain_by_needs(at, level, x, tree_cap, wanted);
        for (int attempt = 0;; ++attempt) {
            int weakest = -1;
            memory_.seen_links.clear();
            if (attempt < 3) weakest = plan_plain(at, x.vector, tree_cap > 0);
            auto page = store_.write(at.block);
            LinkResult early;
            const ConstNode node = accepting(page.peek(), at, level, x.link, tree_cap, early);
            if (!node) return early;
            encode(x, node);
            int index = node.head().degree;
            if (static_cast<size_t>(index) >= layout_.max_neighbors()) {
                if (attempt >= 3) {
                    index = weakest_by_distance(node, any_may_go);
                } else {
                    const bool same = memory_.seen_links.size() == static_cast<size_t>(index) &&
                                      std::equal(memory_.seen_links.begin(), memory_.seen_links.end(),
                                                 node.links());
                    if (!same) continue;
                    index = weakest;
                }
                if (index < 0) return tree_cap > 0 ? LinkResult::no_room : LinkResult::pruned;
                if ((node.head().tree_edges_or_epoch >> index) & 1) continue;
            }
            return put(page, at, x.link, index, tree_cap > 0);
        }
    }

    // While building: x alone is compared with the neighbors.
    LinkResult add_plain_by_needs(const Link& at, uint8_t level, const NewNeighbor& x, size_t tree_cap,
                                  uint64_t* wanted) {
        for (int attempt = 0;; ++attempt) {
            measure_neighbors(at, x);
            auto page = store_.write(at.block);
            LinkResult early;
            const ConstNode node = accepting(page.peek(), at, level, x.link, tree_cap, early);
            if (!node) return early;
            const bool same = memory_.seen_links.size() == node.head().degree &&
                              std::equal(memory_.seen_links.begin(), memory_.seen_links.end(), node.links());
            if (!same && attempt < 3) continue;
            encode(x, node);
            int index;
            if (!same)
                index = weakest_by_distance(node, any_may_go);
            else if (encoder_.space().is_product())
                index = place_by_products(node, wanted, tree_cap > 0, x.vector);
            else
                index = place_by_distances(node, *wanted, tree_cap > 0);
            if (index < 0) return tree_cap > 0 ? LinkResult::no_room : LinkResult::pruned;
            return put(page, at, x.link, index, tree_cap > 0);
        }
    }

    // The node, if it is there, alive, and without x. Else none, and `result` says what to report.
    ConstNode accepting(const uint8_t* payload, const Link& at, uint8_t level, const Link& x, size_t tree_cap,
                        LinkResult& result) const {
        const ConstNode none(layout_, nullptr), node = find_node(layout_, payload, at);
        result = LinkResult::gone;
        if (!node || at == x || !node.live() || node.head().level != level) return none;
        const size_t degree = node.head().degree;
        const uint64_t tree = node.head().tree_edges_or_epoch;
        result = LinkResult::added;
        for (size_t i = 0; i < degree; ++i)
            if (node.links()[i] == x && (tree_cap == 0 || ((tree >> i) & 1))) return none;
        result = LinkResult::no_room;
        return tree_cap == 0 || static_cast<size_t>(__builtin_popcountll(tree)) < tree_cap ? node : none;
    }

    // Into memory_: what `node` will note of x.
    void encode(const NewNeighbor& x, const ConstNode& node) {
        if (x.factor != nullptr) {
            if (layout_.coded()) std::memcpy(memory_.code.data(), x.code, layout_.code_bytes());
            std::memcpy(memory_.factor, x.factor, factor_bytes);
            return;
        }
        encoder_.decode(node, memory_.center_vector.data());
        if (layout_.coded()) {
            encode_link(layout_, x.vector, memory_.center_vector.data(), memory_.code.data(), memory_.factor);
        } else {
            const float d = encoder_.distance(x.vector, memory_.center_vector.data());
            std::memcpy(memory_.factor, &d, sizeof(d));
        }
    }

    LinkResult put(WritePage& page, const Link& at, const Link& x, int index, bool tree) {
        if (index < 0) return LinkResult::no_room;
        const Node node = same_node(layout_, page.modify(), at);
        NodeHead& head = node.head();
        // x may be there already as an ordinary neighbor: then it only becomes a tree edge.
        for (size_t i = 0; i < head.degree; ++i)
            if (node.links()[i] == x) index = static_cast<int>(i);
        if (index == head.degree) ++head.degree;
        node.links()[index] = x;
        if (layout_.coded()) std::memcpy(node.code(index), memory_.code.data(), layout_.code_bytes());
        std::memcpy(node.factor(index), memory_.factor, factor_bytes);
        const uint64_t bit = uint64_t{1} << index;
        head.tree_edges_or_epoch = tree ? head.tree_edges_or_epoch | bit : head.tree_edges_or_epoch & ~bit;
        page.commit();
        return LinkResult::added;
    }

    static bool any_may_go(int) { return false; }  // as `stays` of what follows

    // Index of the neighbor that a full list needs least once x (encoded in memory_) joins it; -1: x is.
    // stays(index): this neighbor must not go.
    template <class Stays>
    int weakest_by_codes(const ConstNode& node, bool keep_x, Stays&& stays) {
        const size_t degree = node.head().degree;
        auto& root = memory_.root;
        root.resize(degree + 1);
        for (size_t i = 0; i < degree; ++i) root[i] = code_reach(node.factor(i));
        root[degree] = code_reach(memory_.factor);
        for (size_t i = 0; i <= degree; ++i) memory_.squared[i] = root[i] * root[i];
        auto code_of = [&](size_t i) { return i == degree ? memory_.code.data() : node.code(i); };
        return weakest(node, degree, keep_x, stays, [&](size_t a, size_t b) {
            return encoder_.angles().squared(kernels_, root[a], root[b], code_of(a), code_of(b));
        });
    }

    int place_by_codes(const ConstNode& node, uint64_t& wanted, bool keep_x) {
        auto& differences = memory_.differences;
        kernels_.hamming_each(memory_.code.data(), node.codes(), layout_.code_bytes(), node.head().degree,
                              differences.data());
        const CodeAngles& angles = encoder_.angles();
        const float x = code_reach(memory_.factor);
        return place_by_needs(
            node, wanted, keep_x, x, [&](size_t i) { return code_reach(node.factor(i)); },
            [&](size_t i, float other) {
                // |x - other| < farther one  <=>  nearer one < 2 * farther one * cos
                return std::min(x, other) < 2 * std::max(x, other) * angles.cosine(differences[i]);
            });
    }

    // Plain mode, when measure_neighbors() has seen the same list.
    int place_by_distances(const ConstNode& node, uint64_t& wanted, bool keep_x) {
        const auto distance = [](const uint8_t* factor) {
            float d;
            std::memcpy(&d, factor, sizeof(d));
            return d;
        };
        const float x = distance(memory_.factor);
        return place_by_needs(
            node, wanted, keep_x, x, [&](size_t i) { return distance(node.factor(i)); },
            [&](size_t i, float other) { return memory_.from_x[i] < std::max(x, other); });
    }

    // The same where distances are inner products: in the place of the neighbor that comes last in both
    // orders. wanted: two words.
    int place_by_products(const ConstNode& node, uint64_t* wanted, bool keep_x, const float* x_vector) {
        const size_t degree = node.head().degree;
        const float own_norm2 = node.head().norm2, x_norm2 = -encoder_.distance(x_vector, x_vector);
        ProductOrder& product = memory_.product;
        Wanted now{wanted[0], wanted[1]};
        auto& distance = product.distance;
        distance.resize(degree + 1);
        for (size_t i = 0; i < degree; ++i) distance[i] = link_reach(layout_, node, i);
        std::memcpy(&distance[degree], memory_.factor, sizeof(float));
        const bool wanted_as_nearest = want_last(distance, memory_.from_x, now.nearest);
        const bool is_full = degree >= layout_.max_neighbors();
        if (is_full) rank_by_need(distance, now.nearest, wanted_as_nearest, product.nearest);
        for (size_t i = 0; i < degree; ++i) {
            distance[i] = VectorSpace::nearby(distance[i], own_norm2, memory_.norm2[i]);
            memory_.from_x[i] = VectorSpace::nearby(memory_.from_x[i], x_norm2, memory_.norm2[i]);
        }
        distance[degree] = VectorSpace::nearby(distance[degree], own_norm2, x_norm2);
        const bool wanted_as_nearby = want_last(distance, memory_.from_x, now.nearby);
        int index = static_cast<int>(degree);
        if (is_full) {
            rank_by_need(distance, now.nearby, wanted_as_nearby, product.nearby);
            take_in_turn(product.nearby, product.nearest, degree + 1, product.taken, memory_.order);
            index = last_to_go(node, memory_.order, keep_x, any_may_go);
            if (index < 0) return -1;
        }
        const uint64_t bit = uint64_t{1} << index;
        wanted[0] = (now.nearest & ~bit) | (wanted_as_nearest ? bit : 0);
        wanted[1] = (now.nearby & ~bit) | (wanted_as_nearby ? bit : 0);
        return index;
    }

    // Where x (encoded in memory_) should go in the list; -1: nowhere. `wanted` is the node's entry of
    // needs_, brought up to date. x, reach(i): how far x and neighbor i are from the node; occlude(i,
    // reach(i)): x and neighbor i are nearer to each other than the farther of them is to the node. Only x is
    // compared with the others, so that one that another occluded stays what it is when x occludes that
    // other: near enough, for a tenth of the work.
    template <class Reach, class Occlude>
    int place_by_needs(const ConstNode& node, uint64_t& wanted, bool keep_x, float x, Reach&& reach,
                       Occlude&& occlude) {
        const size_t degree = node.head().degree;
        const uint64_t tree = node.head().tree_edges_or_epoch;
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
        if (x_wanted) wanted &= ~occluded_by_x;
        int index = static_cast<int>(degree);
        if (degree >= layout_.max_neighbors()) {
            for (size_t i = 0; i < degree; ++i) {
                if ((tree >> i) & 1) continue;
                const size_t kind = (wanted >> i) & 1;
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
        wanted = x_wanted ? wanted | bit : wanted & ~bit;
        return index;
    }

    template <class Stays, class Pair>
    int weakest(const ConstNode& node, size_t degree, bool keep_x, Stays&& stays, Pair&& pair) {
        auto& by_distance = memory_.by_distance;
        by_distance.resize(degree + 1);
        for (size_t i = 0; i <= degree; ++i) by_distance[i] = static_cast<uint16_t>(i);
        std::sort(by_distance.begin(), by_distance.end(),
                  [&](uint16_t a, uint16_t b) { return nearer(memory_.squared[a], memory_.squared[b]); });
        memory_.sorted_squared.resize(degree + 1);
        for (size_t i = 0; i <= degree; ++i) memory_.sorted_squared[i] = memory_.squared[by_distance[i]];
        order_by_need(
            memory_.sorted_squared, degree,
            [&](size_t i, size_t j) { return pair(by_distance[i], by_distance[j]); }, memory_.order);
        for (uint16_t& i : memory_.order) i = by_distance[i];
        return last_to_go(node, memory_.order, keep_x, stays);
    }

    // Index of the neighbor that a list needs least: the last one that may go.
    template <class Stays>
    static int last_to_go(const ConstNode& node, const std::vector<uint16_t>& order, bool keep_x,
                          Stays&& stays) {
        const size_t degree = node.head().degree;
        const uint64_t tree = node.head().tree_edges_or_epoch;
        for (auto it = order.rbegin(); it != order.rend(); ++it) {
            if (*it == degree) {
                if (!keep_x) return -1;
            } else if (!((tree >> *it) & 1) && !stays(*it)) {
                return *it;
            }
        }
        return -1;
    }

    // The same where distances are inner products: from memory_.squared, vectors and center_vector.
    int weakest_by_products(const ConstNode& node, size_t degree, bool keep_x) {
        const size_t n = encoder_.geometry().stored_dims, all = degree + 1;
        const auto vector = [&](size_t i) { return &memory_.vectors[i * n]; };
        const auto norm2_of = [&](const float* x) { return -encoder_.distance(x, x); };
        auto& norm2 = memory_.norm2;
        norm2.resize(all);
        for (size_t i = 0; i < all; ++i) norm2[i] = norm2_of(vector(i));
        const float own_norm2 = norm2_of(memory_.center_vector.data());
        ProductOrder& product = memory_.product;
        product.distance.assign(memory_.squared.begin(),
                                memory_.squared.begin() + static_cast<std::ptrdiff_t>(all));
        product.pairs.clear(all);
        const auto compute = [&](size_t a, size_t b) { return encoder_.distance(vector(a), vector(b)); };
        const auto pair = [&](size_t a, size_t b) { return product.pairs.get(a, b, compute); };
        product.find(all, all, degree, pair, product.nearest);
        for (size_t i = 0; i < all; ++i)
            product.distance[i] = VectorSpace::nearby(memory_.squared[i], own_norm2, norm2[i]);
        product.find(
            all, all, degree,
            [&](size_t a, size_t b) { return VectorSpace::nearby(pair(a, b), norm2[a], norm2[b]); },
            product.nearby);
        take_in_turn(product.nearby, product.nearest, all, product.taken, memory_.order);
        return last_to_go(node, memory_.order, keep_x, any_may_go);
    }

    // Plain mode's decision, made from copies. Fills seen_links with the list it was made for.
    int plan_plain(const Link& at, const float* x_vector, bool keep_x) {
        const size_t n = encoder_.geometry().stored_dims;
        std::vector<uint8_t> copy;
        {
            auto page = store_.read(at.block);
            const ConstNode node = find_node(layout_, page.payload(), at);
            if (!node || node.head().degree < layout_.max_neighbors()) return -1;
            copy.assign(node.data(), node.data() + layout_.slot_size());
        }
        const ConstNode node(layout_, copy.data());
        const size_t degree = node.head().degree;
        memory_.seen_links.assign(node.links(), node.links() + degree);
        memory_.vectors.resize((degree + 1) * n);
        for (size_t i = 0; i < degree; ++i) {
            float d;
            std::memcpy(&d, node.factor(i), sizeof(d));
            memory_.squared[i] = d;
            if (!read_vector(node.links()[i], &memory_.vectors[i * n])) {
                if (!((node.head().tree_edges_or_epoch >> i) & 1)) return static_cast<int>(i);
                std::fill_n(&memory_.vectors[i * n], n, 0.0f);
            }
        }
        std::copy_n(x_vector, n, &memory_.vectors[degree * n]);
        encoder_.decode(node, memory_.center_vector.data());
        memory_.squared[degree] = encoder_.distance(x_vector, memory_.center_vector.data());
        if (encoder_.space().is_product()) return weakest_by_products(node, degree, keep_x);
        return weakest(node, degree, keep_x, any_may_go, [&](size_t a, size_t b) {
            return encoder_.distance(&memory_.vectors[a * n], &memory_.vectors[b * n]);
        });
    }

    // Fills seen_links, from_x and norm2. A neighbor that is gone is far from everything.
    void measure_neighbors(const Link& at, const NewNeighbor& x) {
        auto& links = memory_.seen_links;
        links.clear();
        {
            auto page = store_.read(at.block);
            const ConstNode node = find_node(layout_, page.payload(), at);
            if (!node) return;
            links.assign(node.links(), node.links() + node.head().degree);
        }
        memory_.norm2.resize(links.size());
        const auto met = [&](const Link& link) {
            return x.met != nullptr ? x.met->find(layout_.node_id(link)) : nullptr;
        };
        for (const Link& link : links)
            if (met(link) == nullptr)
                store_.prefetch(link.block, layout_.slot_offset(link.slot), layout_.slot_size());
        for (size_t i = 0; i < links.size(); ++i) {
            if (const MetNodes::Met* const known = met(links[i])) {
                memory_.from_x[i] = known->distance;
                memory_.norm2[i] = known->norm2;
                continue;
            }
            memory_.from_x[i] = std::numeric_limits<float>::infinity();
            memory_.norm2[i] = 0;
            auto page = store_.read(links[i].block);
            const ConstNode node = find_node(layout_, page.payload(), links[i]);
            if (!node) continue;
            memory_.from_x[i] = encoder_.distance(x.vector, node);
            memory_.norm2[i] = node.head().norm2;
        }
    }

    bool read_vector(const Link& link, float* out) {
        auto page = store_.read(link.block);
        const ConstNode node = find_node(layout_, page.payload(), link);
        if (node) encoder_.decode(node, out);
        return static_cast<bool>(node);
    }

    // The farthest neighbor that may go and is no tree edge, or the next free place; -1: there is none.
    template <class Stays>
    int weakest_by_distance(const ConstNode& node, Stays&& stays) {
        const size_t degree = node.head().degree;
        if (degree < layout_.max_neighbors()) return static_cast<int>(degree);
        for (size_t i = 0; i < degree; ++i) memory_.squared[i] = link_reach(layout_, node, i);
        int worst = -1;
        for (size_t i = 0; i < degree; ++i) {
            if (((node.head().tree_edges_or_epoch >> i) & 1) || stays(static_cast<int>(i))) continue;
            if (worst < 0 || memory_.squared[i] > memory_.squared[worst]) worst = static_cast<int>(i);
        }
        return worst;
    }

    Store& store_;
    const VectorEncoder& encoder_;
    const NodeLayout& layout_;
    const Kernels& kernels_;
    EditMemory& memory_;
    NeedMap* needs_;
};

}  // namespace vecstore::core
