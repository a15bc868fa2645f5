// Changes to the neighbors of a node that others know of: links back to a new node, and edges of the spanning
// tree. (place_node.hpp writes new nodes; prune.hpp decides which neighbor leaves a full list.)
//
// Locks: every function here takes the exclusive lock of one page and holds no other meanwhile. A link that
// dangles because its target vanished between two of these steps is harmless (storage/format.hpp).
#pragma once

#include <algorithm>
#include <limits>
#include <vector>

#include "core/hnsw/node/edit_memory.hpp"
#include "core/hnsw/node/prune.hpp"
#include "core/storage/node_page.hpp"

namespace vecstore::core {

template <class Store>
class NodeEditor {
  public:
    // needs: of all slots the store can have, or none.
    NodeEditor(Store& store, const VectorEncoder& encoder, EditMemory& memory, NeedMap* needs = nullptr)
        : store_(store),
          encoder_(encoder),
          layout_(encoder.layout()),
          memory_(memory),
          pruner_(encoder, memory),
          needs_(needs) {
        memory_.center_vector.resize(encoder.geometry().stored_dims);
        memory_.code.resize(layout_.code_bytes() + 64);
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
    // False: there is none, the node is gone, or x is there already. gone(link, reach): called with the
    // link that x takes the place of, if any, under the page's lock.
    template <class MayGo, class Gone>
    bool force_neighbor(const Link& at, const NewNeighbor& x, MayGo&& may_go, Gone&& gone) {
        auto page = store_.write(at.block);
        LinkResult early;
        const ConstNode node = accepting(page.peek(), at, 0, x.link, 0, early);
        if (!node) return false;
        encode(x, node);
        const auto stays = [&](int i) { return !may_go(node.links()[i], link_reach(layout_, node, i)); };
        const int index = place_by_force(node, wanted_by(at), stays);
        if (index < 0) return false;
        if (node.is_full()) gone(node.links()[index], link_reach(layout_, node, index));
        return put(page, at, x.link, index, false) == LinkResult::added;
    }

    // Marks x's own end of the tree edge to `parent`, whatever became of x's list meanwhile; `instead_of`
    // (if valid) was expected to become the parent and did not. False: x is full of tree edges.
    bool set_tree_edge(const Link& x, const Link& parent, const float* parent_vector,
                       const Link& instead_of) {
        auto page = store_.write(x.block);
        const ConstNode node = find_node(layout_, page.peek(), x);
        if (!node) return true;  // gone: nothing to mark
        const int index = node.index_of(parent);
        const int unused = instead_of.valid() ? node.index_of(instead_of) : -1;
        const auto mark = [&](int i, bool is_edge) {
            if (i >= 0 && node.tree_edge(static_cast<size_t>(i)) != is_edge)
                same_node(layout_, page.modify(), x).set_tree_edge(static_cast<size_t>(i), is_edge);
        };
        if (unused != index) mark(unused, false);
        mark(index, true);
        if (index >= 0) {
            page.commit();
            return true;
        }
        const ConstNode now = find_node(layout_, page.peek(), x);
        encode({parent, parent_vector}, now);
        return put(page, x, parent, pruner_.weakest_by_distance(now, Pruner::none_stays), true) ==
               LinkResult::added;
    }

    // Does `from` know of a tree edge to `to`?
    bool has_tree_edge(const Link& from, const Link& to) {
        auto page = store_.read(from.block);
        const ConstNode node = find_node(layout_, page.payload(), from);
        if (!node) return false;
        const int index = node.index_of(to);
        return index >= 0 && node.tree_edge(static_cast<size_t>(index));
    }

    // Makes the tree edge to `to` an ordinary link again: the other end could not take it.
    void clear_tree_edge(const Link& at, const Link& to) {
        auto page = store_.write(at.block);
        const ConstNode node = find_node(layout_, page.peek(), at);
        const int index = node ? node.index_of(to) : -1;
        if (index < 0 || !node.tree_edge(static_cast<size_t>(index))) return;
        same_node(layout_, page.modify(), at).set_tree_edge(static_cast<size_t>(index), false);
        page.commit();
    }

  private:
    using WritePage = decltype(std::declval<Store&>().write(0));

    // The slot's entry of needs_, if there is one. Read and changed under the page's lock.
    uint64_t* wanted_by(const Link& link) const {
        return needs_ == nullptr ? nullptr : needs_->find(layout_.slot_id(link));
    }

    LinkResult add_coded(const Link& at, uint8_t level, const NewNeighbor& x, size_t tree_cap) {
        auto page = store_.write(at.block);
        LinkResult early;
        const ConstNode node = accepting(page.peek(), at, level, x.link, tree_cap, early);
        if (!node) return early;
        encode(x, node);
        const int index = place_by_codes(node, x.vector, wanted_by(at), tree_cap > 0);
        if (index < 0) return tree_cap > 0 ? LinkResult::no_room : LinkResult::pruned;
        return put(page, at, x.link, index, tree_cap > 0);
    }

    // The same for one that must go there, in the place of none that stays.
    template <class Stays>
    int place_by_force(const ConstNode& node, uint64_t* wanted, Stays&& stays) {
        if (layout_.angle_codes() && wanted != nullptr)
            return pruner_.place_by_codes(node, *wanted, true, stays);
        const int index = layout_.angle_codes() && node.is_full()
                              ? pruner_.weakest_by_codes(node, true, stays)
                              : pruner_.weakest_by_distance(node, stays);
        if (wanted != nullptr && index >= 0) *wanted |= uint64_t{1} << index;
        return index;
    }

    // Where x, encoded in memory_, should go in the list; -1: nowhere.
    int place_by_codes(const ConstNode& node, const float* x, uint64_t* wanted, bool keep_x) {
        const size_t degree = node.degree();
        if (wanted == nullptr && !node.is_full()) return static_cast<int>(degree);
        if (!layout_.residual_codes()) {
            encoder_.space().code_distances(kernels(), memory_.code.data(), node.codes(), degree,
                                            memory_.from_x.data());
            return wanted != nullptr ? pruner_.place_by_distances(node, *wanted, keep_x)
                                     : pruner_.weakest_by_bits(node, keep_x);
        }
        if (encoder_.space().is_product()) {
            measure_by_codes(node, x);
            return wanted != nullptr ? pruner_.place_by_products(node, wanted, keep_x, x)
                                     : pruner_.weakest_by_product_codes(node, degree, keep_x);
        }
        return wanted != nullptr ? pruner_.place_by_codes(node, *wanted, keep_x, Pruner::none_stays)
                                 : pruner_.weakest_by_codes(node, keep_x, Pruner::none_stays);
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
            int index = static_cast<int>(node.degree());
            if (node.is_full()) {
                if (attempt >= 3) {
                    index = pruner_.weakest_by_distance(node, Pruner::none_stays);
                } else {
                    if (!has_seen_links(node)) continue;
                    index = weakest;
                }
                if (index < 0) return tree_cap > 0 ? LinkResult::no_room : LinkResult::pruned;
                if (node.tree_edge(static_cast<size_t>(index))) continue;
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
            const bool same = has_seen_links(node);
            if (!same && attempt < 3) continue;
            encode(x, node);
            int index;
            if (!same)
                index = pruner_.weakest_by_distance(node, Pruner::none_stays);
            else if (encoder_.space().is_product()) {
                for (size_t i = 0; i < node.degree(); ++i) memory_.squared[i] = node.distance(i);
                memory_.squared[node.degree()] = load_distance(memory_.factor);
                index = pruner_.place_by_products(node, wanted, tree_cap > 0, x.vector);
            } else
                index = pruner_.place_by_distances(node, *wanted, tree_cap > 0);
            if (index < 0) return tree_cap > 0 ? LinkResult::no_room : LinkResult::pruned;
            return put(page, at, x.link, index, tree_cap > 0);
        }
    }

    // Where distances are inner products: of the node's neighbors, and of x as the last one, the distances
    // from the node, those of the neighbors from x, and their squared norms. From their codes.
    void measure_by_codes(const ConstNode& node, const float* x) {
        const Geometry& g = encoder_.geometry();
        const Kernels& k = kernels();
        const size_t degree = node.degree();
        encoder_.decode(node, memory_.center_vector.data());
        const float* const center = memory_.center_vector.data();
        const float from_node = encoder_.distance(x, center);
        int32_t sums[max_degree];
        const auto measure = [&](const float* from, float base, float* out) {
            memory_.query_code.set(from, g.code_dims, g.code_bits());
            memory_.query_code->score(k, node.codes(), degree, sums);
            memory_.query_code->products(sums, node.factors(), degree, base, 0, out);
        };
        memory_.norm2.resize(degree + 1);
        for (size_t i = 0; i < degree; ++i) memory_.norm2[i] = load_factors(node.factor(i)).f_add;
        memory_.norm2[degree] = -encoder_.distance(x, x);
        measure(center, -node.head().norm2, memory_.squared.data());
        measure(x, from_node, memory_.from_x.data());
        memory_.squared[degree] = from_node;
    }

    // Is its list the one that was read before (seen_links)?
    bool has_seen_links(const ConstNode& node) const {
        const auto& seen = memory_.seen_links;
        return seen.size() == node.degree() && std::equal(seen.begin(), seen.end(), node.links());
    }

    // The node, if it is there, alive, and without x. Else none, and `result` is the answer.
    ConstNode accepting(const uint8_t* payload, const Link& at, uint8_t level, const Link& x, size_t tree_cap,
                        LinkResult& result) const {
        const ConstNode none(layout_, nullptr), node = find_node(layout_, payload, at);
        result = LinkResult::gone;
        if (!node || at == x || !node.live() || node.head().level != level) return none;
        result = LinkResult::added;
        const int there = node.index_of(x);
        if (there >= 0 && (tree_cap == 0 || node.tree_edge(static_cast<size_t>(there)))) return none;
        result = LinkResult::no_room;
        return tree_cap == 0 || node.tree_edge_count() < tree_cap ? node : none;
    }

    // Into memory_: the code and factor that x will have in the list of `node`.
    void encode(const NewNeighbor& x, const ConstNode& node) {
        if (x.factor != nullptr) {
            if (layout_.coded()) std::memcpy(memory_.code.data(), x.code, layout_.code_bytes());
            std::memcpy(memory_.factor, x.factor, factor_bytes);
            return;
        }
        encoder_.decode(node, memory_.center_vector.data());
        if (layout_.residual_codes()) {
            encode_link(layout_, x.vector, memory_.center_vector.data(), memory_.code.data(), memory_.factor);
        } else {
            if (layout_.coded()) encoder_.space().sample_bits(x.vector, memory_.code.data());
            store_distance(encoder_.distance(x.vector, memory_.center_vector.data()), memory_.factor);
        }
    }

    LinkResult put(WritePage& page, const Link& at, const Link& x, int index, bool tree) {
        if (index < 0) return LinkResult::no_room;
        const Node node = same_node(layout_, page.modify(), at);
        // x may be there already as an ordinary neighbor: then it only becomes a tree edge.
        const int there = node.index_of(x);
        const auto place = static_cast<size_t>(there >= 0 ? there : index);
        node.set_neighbor(place, x, memory_.code.data(), memory_.factor);
        if (tree) node.set_tree_edge(place, true);
        page.commit();
        return LinkResult::added;
    }

    // Plain mode's decision, made from copies. Fills seen_links with the list it was made for.
    int plan_plain(const Link& at, const float* x_vector, bool keep_x) {
        const size_t n = encoder_.geometry().stored_dims;
        std::vector<uint8_t> copy;
        {
            auto page = store_.read(at.block);
            const ConstNode node = find_node(layout_, page.payload(), at);
            if (!node || !node.is_full()) return -1;
            copy.assign(node.data(), node.data() + layout_.slot_size());
        }
        const ConstNode node(layout_, copy.data());
        const size_t degree = node.degree();
        memory_.seen_links.assign(node.links(), node.links() + degree);
        memory_.vectors.resize((degree + 1) * n);
        for (size_t i = 0; i < degree; ++i) {
            memory_.squared[i] = node.distance(i);
            if (!read_vector(node.links()[i], &memory_.vectors[i * n])) {
                if (!node.tree_edge(i)) return static_cast<int>(i);
                std::fill_n(&memory_.vectors[i * n], n, 0.0f);
            }
        }
        std::copy_n(x_vector, n, &memory_.vectors[degree * n]);
        encoder_.decode(node, memory_.center_vector.data());
        memory_.squared[degree] = encoder_.distance(x_vector, memory_.center_vector.data());
        if (encoder_.space().is_product()) return pruner_.weakest_by_products(node, degree, keep_x);
        return pruner_.weakest(node, degree, keep_x, Pruner::none_stays, [&](size_t a, size_t b) {
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
            links.assign(node.links(), node.links() + node.degree());
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

    Store& store_;
    const VectorEncoder& encoder_;
    const NodeLayout& layout_;
    EditMemory& memory_;
    Pruner pruner_;
    NeedMap* needs_;
};

}  // namespace vecstore::core
