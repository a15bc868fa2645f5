// The part of vacuum that gives live nodes new neighbors in the place of dead ones.
//
// New neighbors are chosen among the dead nodes' own neighbors, which are near: the codes there rank them
// without reading them. The graph is searched only where that gives too few.
#pragma once

#include <algorithm>
#include <cmath>
#include <unordered_set>
#include <vector>

#include "core/hnsw/node/node_edit.hpp"
#include "core/hnsw/node/slot_map.hpp"
#include "core/hnsw/write/insert.hpp"

namespace vecstore::core {

template <class Store>
class NeighborRepair {
  public:
    // slots: which nodes are dead. It may grow until begin().
    NeighborRepair(Store& store, const VectorEncoder& encoder, NodeEditor<Store>& editor,
                   Inserter<Store>& inserter, InsertMemory& memory, const SlotMap& slots)
        : store_(store),
          encoder_(encoder),
          layout_(encoder.layout()),
          editor_(editor),
          inserter_(inserter),
          memory_(memory),
          slots_(slots) {}

    void begin(const Scratch& scratch) { lost_.reset((slots_.size() + 7) / 8, scratch); }

    // Gives the nodes of a page that link to dead ones other neighbors. meet_newcomer(link, node): of live
    // nodes that vacuum did not know; it makes them live in the map.
    template <class MeetNewcomer>
    void repair_page(uint32_t block, MeetNewcomer&& meet_newcomer) {
        std::vector<uint8_t> copy;
        {
            auto page = store_.read_once(block);
            if (page_head(page.payload()).kind != PageKind::nodes) return;
            copy.assign(page.payload(), page.payload() + page_payload_size);
        }
        copy.resize(page_payload_size + 64);
        const NodePage nodes(layout_, copy.data(), block);
        for (size_t s = 0; s < nodes.size(); ++s) {
            const ConstNode node = nodes[s];
            if (node.used() && node.dead()) note_lost(node);
            if (!node.live()) continue;
            const Link link = nodes.link(s);
            if (!slots_.is_live(id(link), link)) meet_newcomer(link, node);
            if (has_unwanted(node)) repair_node(link);
        }
    }

    // Did a dead node link to the one in that slot?
    bool has_lost_link(uint64_t slot) const {
        return slot < slots_.size() && (lost_[slot / 8] >> slot % 8 & 1) != 0;
    }
    uint64_t nodes_repaired() const { return nodes_repaired_; }

  private:
    struct Replacement {
        float estimate;
        Link link;
    };

    uint64_t id(const Link& link) const { return layout_.slot_id(link); }
    bool dead(const Link& link) const { return slots_.is_dead(id(link), link); }
    bool unwanted(const Link& link) const { return slots_.is_unwanted(id(link), link); }
    bool has_unwanted(const ConstNode& node) const {
        return std::any_of(node.links(), node.links() + node.degree(),
                           [this](const Link& link) { return unwanted(link); });
    }

    // Whom a dead node links to is led to by one less.
    void note_lost(const ConstNode& node) {
        if (node.head().level > 0) return;
        for (size_t i = 0; i < node.degree(); ++i) {
            const uint64_t slot = id(node.links()[i]);
            if (slot < slots_.size()) lost_[slot / 8] |= static_cast<uint8_t>(1u << slot % 8);
        }
    }

    void repair_node(const Link& link) {
        std::vector<uint8_t> copy(layout_.slot_size() + 64);
        for (int attempt = 0; attempt < 3; ++attempt) {
            {
                auto page = store_.read(link.block);
                const ConstNode found = find_node(layout_, page.payload(), link);
                if (!found) return;
                std::memcpy(copy.data(), found.data(), layout_.slot_size());
            }
            const ConstNode node(layout_, static_cast<const uint8_t*>(copy.data()));
            if (!node.live()) return;
            choose_replacements(node, link);
            if (write_repaired(node, link)) {
                ++nodes_repaired_;
                // The dead nodes' links to this one are gone too: without new ones it would be hard to find.
                for (size_t i = 0; i < chosen_.links.size(); ++i)
                    if (chosen_.wanted[i])
                        editor_.add_neighbor(chosen_.links[i], node.head().level, link, base_.data(), 0);
                return;
            }
        }
        // Inserts keep changing the list: drop what must go and let them fill it.
        chosen_.clear();
        auto page = store_.write(link.block);
        if (!find_node(layout_, page.peek(), link)) return;
        replace_links(same_node(layout_, page.modify(), link));
        page.commit();
    }

    // Fills chosen_ with new neighbors for the node, at most as many as links are lost.
    void choose_replacements(const ConstNode& node, const Link& self) {
        base_.resize(encoder_.geometry().stored_dims);
        encoder_.decode(node, base_.data());
        memory_.query.prepare_internal(encoder_, base_.data(), node.head().norm2);
        gather(node, self);
        const size_t wanted = layout_.max_neighbors() - kept_.size();
        // By inner products those that are near to the dead node need not be nearby.
        const size_t most = encoder_.space().is_product() ? max_candidates : 4 * wanted + 32;
        load_found(node.head().level, std::min(candidates_.size(), most));
        if (memory_.found.size() + kept_.size() < std::min<size_t>(layout_.max_neighbors(), 6))
            inserter_.find_neighbors(node.head().level);
        auto& found = memory_.found;
        found.erase(std::remove_if(found.begin(), found.end(),
                                   [&](const FoundNode& f) {
                                       return f.dead || f.link == self || kept_.count(id(f.link)) ||
                                              dead(f.link);
                                   }),
                    found.end());
        if (layout_.angle_codes())
            choose_beside_kept(node, wanted);
        else
            inserter_.choice().choose(wanted, self, chosen_);
    }

    // Selects among memory_.found those that the node needs beside the neighbors it keeps: the heuristic
    // runs over both together.
    void choose_beside_kept(const ConstNode& node, size_t wanted) {
        struct Entry {
            float squared;
            const uint8_t* code;
            int found;  // index into memory_.found; -1: a neighbor that is kept
        };
        const auto& found = memory_.found;
        const size_t code_bytes = layout_.code_bytes();
        std::vector<Entry> pool;
        for (size_t i = 0; i < found.size(); ++i)
            pool.push_back(
                {found[i].distance, &memory_.codes[found[i].index * code_bytes], static_cast<int>(i)});
        SearchMemory& search = memory_.search;
        const size_t degree = node.degree();
        // The node is the query, at distance 0 from itself: the estimates are its neighbors' distances.
        memory_.query.estimate(node, degree, 0, search.sums.data(), search.estimates.data());
        for (size_t i = 0; i < degree; ++i)
            if (!unwanted(node.links()[i])) pool.push_back({search.estimates[i], node.code(i), -1});
        std::sort(pool.begin(), pool.end(),
                  [](const Entry& a, const Entry& b) { return nearer(a.squared, b.squared); });
        std::vector<float> reach;
        for (const Entry& e : pool) reach.push_back(std::sqrt(std::max(0.0f, e.squared)));
        CodeAngles::From from(encoder_.angles(), memory_.query.kernel_table());
        chosen_.clear();
        const size_t kept = encoder_.angles().order_by_need(
            from, reach, pool.size(), [&](size_t i) { return pool[i].code; }, memory_.kept_codes,
            memory_.order);
        chosen_.codes.resize(wanted * code_bytes + 64);
        chosen_.factors.resize(wanted * factor_bytes);
        chosen_.wanted.clear();
        for (size_t i = 0; i < memory_.order.size(); ++i) {
            const Entry& e = pool[memory_.order[i]];
            const size_t n = chosen_.links.size();
            if (e.found < 0 || n == wanted) continue;
            chosen_.links.push_back(found[e.found].link);
            chosen_.wanted.push_back(i < kept);
            chosen_.kept.nearest |= uint64_t{i < kept} << n;
            std::memcpy(&chosen_.codes[n * code_bytes], e.code, code_bytes);
            store_link_factors(layout_, memory_.sums[found[e.found].index], 0,
                               &chosen_.factors[n * factor_bytes]);
        }
    }

    // Candidates: the neighbors of the dead neighbors, ranked from the codes there without reading them.
    void gather(const ConstNode& node, const Link& self) {
        kept_.clear();
        candidates_.clear();
        std::unordered_set<uint64_t> seen;
        for (size_t i = 0; i < node.degree(); ++i)
            if (!unwanted(node.links()[i])) kept_.insert(id(node.links()[i]));
        for (size_t i = 0; i < node.degree(); ++i) {
            const Link& gone = node.links()[i];
            if (!dead(gone)) continue;
            auto page = store_.read(gone.block);
            const ConstNode dead_node = find_node(layout_, page.payload(), gone);
            if (!dead_node || dead_node.head().level != node.head().level) continue;
            const size_t degree = dead_node.degree();
            SearchMemory& search = memory_.search;
            if (layout_.coded()) {
                memory_.query.estimate(dead_node, degree, memory_.query.distance(dead_node),
                                       search.sums.data(), search.estimates.data());
            } else {
                for (size_t k = 0; k < degree; ++k) search.estimates[k] = dead_node.distance(k);
            }
            for (size_t k = 0; k < degree; ++k) {
                const Link& link = dead_node.links()[k];
                if (link == self || unwanted(link) || kept_.count(id(link)) || !seen.insert(id(link)).second)
                    continue;
                candidates_.push_back({search.estimates[k], link});
            }
        }
        std::sort(candidates_.begin(), candidates_.end(),
                  [](const Replacement& a, const Replacement& b) { return nearer(a.estimate, b.estimate); });
    }

    // Reads the best candidates into memory_.found.
    void load_found(uint8_t level, size_t count) {
        memory_.found.clear();
        for (size_t i = 0; i < count; ++i) {
            const Link& link = candidates_[i].link;
            auto page = store_.read(link.block);
            const ConstNode node = find_node(layout_, page.payload(), link);
            if (!node || !node.live() || node.head().level != level) continue;
            inserter_.choice().meet(node, link);
        }
        inserter_.choice().sort_found();
    }

    // False when the node's links are no longer those of the copy.
    bool write_repaired(const ConstNode& copy, const Link& link) {
        auto page = store_.write(link.block);
        const ConstNode node = find_node(layout_, page.peek(), link);
        if (!node || !node.live()) return true;
        const size_t degree = node.degree();
        if (degree != copy.degree() || !std::equal(node.links(), node.links() + degree, copy.links()))
            return false;
        replace_links(same_node(layout_, page.modify(), link));
        page.commit();
        return true;
    }

    // Unwanted links are overwritten by chosen_ ones; gaps that remain are closed from the end.
    void replace_links(const Node& node) {
        const size_t code_bytes = layout_.code_bytes();
        size_t next = 0;
        for (size_t i = 0; i < node.degree();) {
            if (!unwanted(node.links()[i]))
                ++i;
            else if (next < chosen_.links.size())
                chosen_.write(next++, code_bytes, node, i++);
            else
                node.remove_neighbor(i);
        }
        while (next < chosen_.links.size() && !node.is_full())
            chosen_.write(next++, code_bytes, node, node.degree());
    }

    Store& store_;
    const VectorEncoder& encoder_;
    const NodeLayout& layout_;
    NodeEditor<Store>& editor_;
    Inserter<Store>& inserter_;
    InsertMemory& memory_;
    const SlotMap& slots_;
    ScratchArray<uint8_t> lost_;  // a bit for each slot: a dead node linked to its node
    uint64_t nodes_repaired_ = 0;

    // Of the node being repaired:
    std::vector<float> base_;            // its vector
    std::unordered_set<uint64_t> kept_;  // neighbors that stay
    std::vector<Replacement> candidates_;
    ChosenNeighbors chosen_;
};

}  // namespace vecstore::core
