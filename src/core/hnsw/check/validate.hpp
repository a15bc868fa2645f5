// Checking an index: pages, nodes, links, the spanning tree, reachability, rows, and (deep) codes.
//
// Two readings of the index. The first (PageCheck, validate_pages.hpp and validate_rows.hpp) goes through all
// pages in physical order, judges what one page tells, and keeps three bytes for each slot and twelve for
// each row. The second follows the links from the entry point; not node by node, which would jump over the
// disk, but in sweeps: each goes through the slots in physical order and reads the pages of those that were
// reached and not yet expanded.
//
// Inserts may go on meanwhile, and on a standby vacuum too. Nothing that a page shows is reported because
// another page, read earlier, disagrees: both are read again first. The rows that must be reachable are named
// by the caller (require_row): rows that were committed before the check began. Nodes of other rows may be in
// the making, or left behind by an insert that was interrupted; they may be unreachable, and have tree edges
// that only one side knows of.
//
// Legal, and only counted: links to freed slots (dangling) and to dead nodes, chunks in no chain (an
// interrupted insert or vacuum left them), nodes without rows. And rows that are cut off while a vacuum that
// was interrupted waits to be finished by the next one.
#pragma once

#include "core/hnsw/check/validate_pages.hpp"

namespace vecstore::core {

template <class Store>
class GraphCheck : public PageCheck<Store> {
  public:
    using PageCheck<Store>::PageCheck;
    using PageCheck<Store>::report;

    // After read_pages() and require_row() for all rows that must be found.
    void check_graph();

  private:
    using Base = PageCheck<Store>;
    using Base::above_entry_, Base::chunks_, Base::counts_, Base::inspector_, Base::layout_, Base::meta_,
        Base::node_pages_, Base::options_, Base::page_, Base::rows_, Base::slots_, Base::store_,
        Base::tree_edges_;
    using Base::dead, Base::expanded, Base::incomplete, Base::reached, Base::required, Base::used;
    using Base::look, Base::read_page, Base::slot_state, Base::target_problem;
    using typename Base::RowPlace;
    using typename Base::Slot;
    using typename Base::Target;

    void enter();
    void reach(const Link& link, const ConstNode& node);
    void sweep(bool first_time);
    void expand(const Link& link, bool first_time);
    void follow(const ConstNode& node, const Link& link, size_t i, bool first_time);
    void follow_down(const ConstNode& node, const Link& link, bool first_time);
    void check_tree_edge(const Link& link, const Link& neighbor);
    void check_unreached();
    void check_levels();
    bool has_tree_edge(const Link& from, const Link& to);
    bool is_cut_off(const Slot& slot) const;
    bool anything_cut_off() const;
    Link link_of(uint64_t id) const {
        Link link = layout_.slot_link(id);
        link.generation = slots_[id].generation;
        return link;
    }

    bool any_required_ = false;
    bool entry_reported_ = false;
};

template <class Store>
void GraphCheck<Store>::check_graph() {
    this->confirm_missing();
    for (const RowPlace& row : rows_) {
        Slot& slot = *slot_state({row.block, row.slot, 0});
        slot.bits |= row.required ? required : incomplete;
        any_required_ |= row.required != 0;
    }
    enter();
    sweep(true);
    // A second and a third look, since the graph may have been changed while it was followed.
    for (int again = 0; again < 2 && anything_cut_off(); ++again) {
        for (Slot& slot : slots_) slot.bits &= ~expanded;
        enter();
        sweep(false);
    }
    check_unreached();
    check_levels();
    counts_.lost_chunks = counts_.pages.chunks - std::min<uint64_t>(counts_.pages.chunks, chunks_.size());
}

// Marks the entry point as reached.
template <class Store>
void GraphCheck<Store>::enter() {
    std::string problem;
    for (int attempt = 0; attempt < 3; ++attempt) {
        read_page(meta_block, page_);
        const MetaData& meta = meta_of(static_cast<const uint8_t*>(page_.data()));
        const Link link = meta.entry_point;
        counts_.vacuum_pending = meta.vacuum_pending != 0;
        meta_.entry_level = meta.entry_level;
        if (!link.valid()) {
            if (any_required_) problem = "the index has rows, but no entry point";
            continue;
        }
        ConstNode node(layout_, nullptr);
        problem = target_problem(look(link, node));
        if (problem.empty() && node.head().generation != link.generation) problem = "is gone";
        if (problem.empty() && node.head().level != meta.entry_level)
            problem = "is of level " + std::to_string(node.head().level) + ", not " +
                      std::to_string(meta.entry_level);
        if (problem.empty()) {
            reach(link, node);
            return;
        }
        problem = "the entry point " + to_text(link) + " " + problem;
    }
    if (!problem.empty() && !entry_reported_) report(meta_block, -1, problem);
    entry_reported_ = true;
}

// A node just read from its page.
template <class Store>
void GraphCheck<Store>::reach(const Link& link, const ConstNode& node) {
    Slot* const slot = slot_state(link);
    if (slot == nullptr) return;  // newer than the check: nothing that must be reached depends on it
    if (slot->generation != link.generation || !(slot->bits & used)) {
        slot->generation = link.generation;
        slot->level = node.head().level;
        slot->bits = node.head().flags & (used | dead);
    }
    slot->bits |= reached;
}

template <class Store>
void GraphCheck<Store>::sweep(bool first_time) {
    const auto pending = [&](uint64_t id) {
        return (slots_[id].bits & (used | reached | expanded)) == (used | reached);
    };
    const size_t per_page = layout_.slots_per_page();
    for (bool progress = true; progress;) {
        progress = false;
        ++counts_.sweeps;
        for (uint64_t id = 0; id < slots_.size(); ++id) {
            if (!pending(id)) continue;
            progress = true;
            const uint64_t first = id / per_page * per_page;
            read_page(static_cast<uint32_t>(id / per_page), page_);
            for (bool more = true; more;) {
                more = false;
                for (uint64_t i = first; i < first + per_page; ++i) {
                    if (!pending(i)) continue;
                    more = true;
                    slots_[i].bits |= expanded;
                    expand(link_of(i), first_time);
                }
            }
            id = first + per_page - 1;
        }
    }
}

// Follows the links of a node on page_.
template <class Store>
void GraphCheck<Store>::expand(const Link& link, bool first_time) {
    if (page_head(page_.data()).kind != PageKind::nodes) return;
    const ConstNode node = raw_node(layout_, page_.data(), link.slot);
    if (!node || !node.is(link)) return;
    if (first_time && options_.deep) inspector_.set_center(node);
    for (size_t i = 0; i < node.degree(); ++i) follow(node, link, i, first_time);
    if (node.head().level > 0) follow_down(node, link, first_time);
}

template <class Store>
void GraphCheck<Store>::follow(const ConstNode& node, const Link& link, size_t i, bool first_time) {
    const Link neighbor = node.links()[i];
    const uint8_t level = node.head().level;
    counts_.links += first_time;
    Slot* const slot = neighbor.slot < layout_.slots_per_page() ? slot_state(neighbor) : nullptr;
    const bool deep = first_time && options_.deep;
    if (slot != nullptr && (slot->bits & used) && slot->generation == neighbor.generation &&
        slot->level == level) {
        slot->bits |= reached;
        if (first_time && level == 0 && node.tree_edge(i)) check_tree_edge(link, neighbor);
        if (!deep) return;
    } else if (first_time && slot != nullptr && node_pages_[neighbor.block] &&
               slot->generation != neighbor.generation) {
        ++counts_.dangling_links;
        return;
    }
    const auto complain = [&](const std::string& text) {
        if (first_time)
            report(link.block, link.slot,
                   "neighbor " + std::to_string(i) + " " + to_text(neighbor) + " " + text);
    };
    ConstNode target(layout_, nullptr);
    const Target found = look(neighbor, target);
    const std::string problem = target_problem(found);
    if (!problem.empty()) {
        complain(problem);
    } else if (found == Target::other_generation) {
        counts_.dangling_links += first_time;
    } else if (target.head().level != level) {
        complain("is of level " + std::to_string(target.head().level) + ", not " + std::to_string(level));
    } else {
        reach(neighbor, target);
        const std::string wrong = deep ? inspector_.link_problem(i, target) : std::string();
        if (!wrong.empty()) complain(": " + wrong);
    }
}

// The node below: the same one, so with the same vector. That of a dead node may be gone.
template <class Store>
void GraphCheck<Store>::follow_down(const ConstNode& node, const Link& link, bool first_time) {
    const Link down = node.head().down;
    if (!down.valid()) return;
    std::string problem;
    for (int attempt = 0; attempt < 2; ++attempt) {
        ConstNode below(layout_, nullptr);
        const Target found = look(down, below);
        problem = target_problem(found);
        if (problem.empty() && found == Target::other_generation) problem = "is gone";
        if (problem.empty() && below.head().level + 1 != node.head().level)
            problem = "is of level " + std::to_string(below.head().level);
        if (problem.empty() && (below.head().scale != node.head().scale ||
                                std::memcmp(below.own(), node.own(), layout_.own_bytes()) != 0))
            problem = "has another vector";
        if (problem.empty()) {
            reach(down, below);
            return;
        }
        ConstNode self(layout_, nullptr);
        if (look(link, self) != Target::there || !self.live() || self.head().down != down) return;
    }
    if (first_time) report(link.block, link.slot, "the node below, " + to_text(down) + ", " + problem);
}

template <class Store>
bool GraphCheck<Store>::has_tree_edge(const Link& from, const Link& to) {
    ConstNode node(layout_, nullptr);
    if (look(from, node) != Target::there || !node.live()) return true;  // died meanwhile
    const int index = node.index_of(to);
    return index >= 0 && node.tree_edge(static_cast<size_t>(index));
}

// Vacuum, and pruning, trust both ends of an edge to know that it is one of the tree's.
template <class Store>
void GraphCheck<Store>::check_tree_edge(const Link& link, const Link& neighbor) {
    if (counts_.vacuum_pending || !tree_edges_.doubtful(link, neighbor)) return;
    const auto complete = [&](const Link& l) {
        return (slot_state(l)->bits & (used | dead | required | incomplete)) == (used | required);
    };
    if (!complete(link) || !complete(neighbor) || has_tree_edge(neighbor, link)) return;
    if (!has_tree_edge(link, neighbor) || has_tree_edge(neighbor, link)) return;
    report(link.block, link.slot, "its tree edge to " + to_text(neighbor) + " is unknown there");
}

template <class Store>
bool GraphCheck<Store>::is_cut_off(const Slot& slot) const {
    return (slot.bits & (used | dead | reached | required)) == (used | required) && slot.level == 0;
}

template <class Store>
bool GraphCheck<Store>::anything_cut_off() const {
    return std::any_of(slots_.begin(), slots_.end(), [&](const Slot& slot) { return is_cut_off(slot); });
}

template <class Store>
void GraphCheck<Store>::check_unreached() {
    for (uint64_t id = 0; id < slots_.size(); ++id) {
        const Slot& slot = slots_[id];
        if (!(slot.bits & used) || (slot.bits & (dead | reached)) != 0) continue;
        if (slot.level > 0) {
            ++counts_.upper_unreached;
        } else if (!is_cut_off(slot)) {
            ++counts_.unattached;
        } else if (counts_.vacuum_pending) {
            ++counts_.cut_off;
        } else if (!entry_reported_) {  // else there is one reason for all of them
            ConstNode node(layout_, nullptr);
            if (look(link_of(id), node) == Target::there && node.live())
                report(link_of(id).block, link_of(id).slot, "cannot be reached from the entry point");
        }
    }
    // Their links must be good all the same.
    for (uint64_t id = 0; id < slots_.size(); ++id)
        if (slots_[id].bits & used) slots_[id].bits |= reached;
    sweep(true);
}

// Searches begin at the entry point's level: nodes above are lost to them. One without neighbors there may be
// of an insert that ended before it made the node the entry point, with a row of a later insert, or of an
// invalid index; one with neighbors had an entry point of its level. The next vacuum raises it.
template <class Store>
void GraphCheck<Store>::check_levels() {
    if (counts_.vacuum_pending) return;
    for (const Link& upper : above_entry_) {
        ConstNode node(layout_, nullptr);
        if (look(upper, node) != Target::there || !node.live() || node.head().level <= meta_.entry_level ||
            node.degree() == 0)
            continue;
        const int level = node.head().level;
        Link at = upper;
        for (int guard = 0; guard < 64 && node.head().level > 0; ++guard) {
            at = node.head().down;
            if (look(at, node) != Target::there) break;
        }
        const Slot* const bottom = at.slot < layout_.slots_per_page() ? slot_state(at) : nullptr;
        if (bottom == nullptr || (bottom->bits & (required | incomplete)) != required) continue;
        report(upper.block, upper.slot,
               "is on level " + std::to_string(level) + ", above the entry point's, " +
                   std::to_string(meta_.entry_level));
    }
}

}  // namespace vecstore::core
