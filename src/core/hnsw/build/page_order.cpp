#include "core/hnsw/build/page_order.hpp"

#include <algorithm>
#include <optional>

#include "core/hnsw/filter/clusters.hpp"
#include "core/hnsw/filter/filter_pages.hpp"
#include "core/storage/entry_table_layout.hpp"

namespace vecstore::core {

namespace {

constexpr uint32_t progress_step = 1024;

}  // namespace

// Puts nodes together, those first that are nearest to each other: two free nodes neither of which has a
// nearer free neighbor, then again and again the free neighbor that is nearest to any of those that are
// together, until there are as many as share a page.
class PageOrder::Grouping {
  public:
    // clusters: those that nodes are to stay together with, or null.
    Grouping(MemStore& store, const NodeLayout& layout, const Clustering* clusters)
        : store_(store),
          layout_(layout),
          clusters_(clusters),
          place_(store.page_count() * layout.slots_per_page(), nobody) {}

    // Slots of all nodes as they are to follow each other.
    std::vector<uint32_t> run(const std::function<void()>& progress) {
        const std::vector<uint32_t> nodes = clusters_ != nullptr ? clusters_->nodes()
                                                                 : nodes_as_they_are(progress);
        for (uint32_t i = 0; i < nodes.size(); ++i) place_[nodes[i]] = i;
        for (uint32_t i = 0; i < nodes.size(); ++i) {
            if (i % progress_step == 0) progress();
            while (is_free(nodes[i])) gather(nodes[i]);
        }
        return in_order_of_places();
    }

  private:
    struct Near {
        float reach = std::numeric_limits<float>::infinity();
        uint32_t node = nobody;
    };
    struct Group {
        uint32_t place;  // of its first node, in the order that they were looked at
        uint32_t begin;  // among grouped_
        uint32_t size;
    };

    std::vector<uint32_t> nodes_as_they_are(const std::function<void()>& progress) {
        const auto slots = static_cast<uint32_t>(layout_.slots_per_page());
        std::vector<uint32_t> nodes;
        for (uint32_t block = meta_block + 1; block < store_.page_count(); ++block) {
            if (block % progress_step == 0) progress();
            if (!holds_nodes(store_, block)) continue;
            for (uint32_t node = block * slots; node < (block + 1) * slots; ++node)
                if (node_at(store_, layout_, node).used()) nodes.push_back(node);
        }
        return nodes;
    }

    bool is_free(uint32_t slot) const { return slot < place_.size() && place_[slot] != nobody; }

    // Makes one group, of the node or of nodes near it.
    void gather(uint32_t node) {
        Near near = nearest_free(node);
        for (Near next = near; near.node != nobody; near = next) {
            next = nearest_free(near.node);
            if (!(next.reach < near.reach)) break;
            node = near.node;
        }
        Group group{nobody, static_cast<uint32_t>(grouped_.size()), 0};
        nearest_.clear();
        join(node, group);
        while (near.node != nobody && group.size < layout_.slots_per_page()) {
            join(near.node, group);
            near = Near{};
            for (const Near& one : nearest_)
                if (is_free(one.node) && one.reach < near.reach) near = one;
        }
        groups_[node_at(store_, layout_, node).head().level > 0].push_back(group);
    }

    void join(uint32_t node, Group& group) {
        group.place = std::min(group.place, place_[node]);
        place_[node] = nobody;
        grouped_.push_back(node);
        if (++group.size < layout_.slots_per_page())
            for_each_free(node, [&](const Near& near) { nearest_.push_back(near); });
    }

    Near nearest_free(uint32_t node) {
        Near nearest;
        if (layout_.slots_per_page() > 1)
            for_each_free(node, [&](const Near& near) {
                if (near.reach < nearest.reach) nearest = near;
            });
        return nearest;
    }

    template <class Visit>
    void for_each_free(uint32_t slot_id, Visit&& visit) {
        const ConstNode node = node_at(store_, layout_, slot_id);
        for (size_t i = 0; i < node.degree(); ++i) {
            const auto neighbor = static_cast<uint32_t>(layout_.slot_id(node.links()[i]));
            if (is_free(neighbor) && cluster_of(neighbor) == cluster_of(slot_id))
                visit(Near{link_reach(layout_, node, i), neighbor});
        }
    }

    uint32_t cluster_of(uint32_t slot) const {
        return clusters_ != nullptr ? clusters_->cluster_of(slot) : Clustering::none;
    }

    // Groups by the places of their first nodes, those of level 0 before those above. Groups that do not fill
    // a page share some with those that come next.
    std::vector<uint32_t> in_order_of_places() {
        const size_t per_page = layout_.slots_per_page();
        std::vector<uint32_t> nodes, rest;
        nodes.reserve(grouped_.size());
        for (std::vector<Group>& groups : groups_) {
            std::sort(groups.begin(), groups.end(),
                      [](const Group& a, const Group& b) { return a.place < b.place; });
            std::vector<uint32_t> waiting;
            for (const Group& group : groups) {
                auto& list = group.size == per_page ? nodes : waiting;
                list.insert(list.end(), &grouped_[group.begin], &grouped_[group.begin] + group.size);
                if (waiting.size() < per_page) continue;
                nodes.insert(nodes.end(), waiting.begin(), waiting.begin() + per_page);
                waiting.erase(waiting.begin(), waiting.begin() + per_page);
            }
            rest.insert(rest.end(), waiting.begin(), waiting.end());
        }
        nodes.insert(nodes.end(), rest.begin(), rest.end());
        return nodes;
    }

    MemStore& store_;
    const NodeLayout& layout_;
    const Clustering* clusters_;
    std::vector<uint32_t> place_;  // by slot: of a node that is in no group yet
    std::vector<uint32_t> grouped_;
    std::vector<Group> groups_[2];  // of level 0, of those above
    std::vector<Near> nearest_;     // neighbors of the group
};

PageOrder::PageOrder(MemStore& store, const VectorEncoder& encoder, const std::function<void()>& progress)
    : store_(store), layout_(encoder.layout()) {
    std::optional<Clustering> clusters;
    if (layout_.filters().has_origin_codes())
        clusters.emplace(store, encoder, 0, Clustering::clusters_for, progress);
    assign_slots(Grouping(store, layout_, clusters ? &*clusters : nullptr).run(progress));
    if (layout_.filters().columns() > 0) move_filter_entries(progress);
    if (clusters) map_clusters(*clusters);
}

size_t PageOrder::memory(const NodeLayout& layout, size_t slots) {
    const FilterLayout& filters = layout.filters();
    const size_t entry = filters.columns() * sizeof(FilterKey) +
                         (filters.has_origin_codes() ? filters.code_bytes() + factor_bytes : 0);
    // Old and new slots, or, while nodes are put together, their places, clusters and groups, and before that
    // the graph.
    const size_t graph = filters.has_origin_codes() ? layout.max_neighbors() * sizeof(uint32_t) : 0;
    const size_t centroids = filters.has_origin_codes() ? Clustering::clusters_for(slots) *
                                                              layout.geometry().stored_dims * sizeof(float)
                                                        : 0;
    return slots * (8 * sizeof(uint32_t) + std::max(entry, graph)) + 2 * centroids;
}

void PageOrder::assign_slots(const std::vector<uint32_t>& nodes) {
    const size_t slots = store_.page_count() * layout_.slots_per_page();
    old_slot_.assign(slots, nobody);
    new_slot_.assign(slots, nobody);
    auto next = nodes.begin();
    for (uint32_t block = meta_block + 1; next != nodes.end(); ++block) {
        if (!holds_nodes(store_, block)) continue;
        for (size_t s = 0; s < layout_.slots_per_page() && next != nodes.end(); ++s, ++next) {
            const auto slot = static_cast<uint32_t>(block * layout_.slots_per_page() + s);
            old_slot_[slot] = *next;
            new_slot_[*next] = slot;
        }
    }
}

// All are read before any is written. Slots that no node of level 0 comes to get what they would have if none
// had ever been there, so that no search takes them for rows.
void PageOrder::move_filter_entries(const std::function<void()>& progress) {
    const FilterLayout& filters = layout_.filters();
    const size_t columns = filters.columns(), slots = new_slot_.size();
    const size_t code_bytes = filters.has_origin_codes() ? filters.code_bytes() : 0;
    // By old slot; the last entry is that of nobody.
    std::vector<FilterKey> keys((slots + 1) * columns);
    std::vector<uint8_t> codes((slots + 1) * code_bytes), factors((slots + 1) * factor_bytes);
    for (uint32_t slot = 0; slot < slots; ++slot) {
        if (slot % progress_step == 0) progress();
        if (new_slot_[slot] == nobody || node_at(store_, layout_, slot).head().level > 0) continue;
        const Link from = layout_.slot_link(slot);
        read_filter_keys(store_, layout_, from, &keys[slot * columns]);
        if (!filters.has_origin_codes()) continue;
        const size_t index = filters.index_of(from);
        const uint8_t* const codes_page = store_.payload(
            filters.page_of_origin_code(filters.group_of(from.block), index));
        std::memcpy(&codes[slot * code_bytes], filters.code(codes_page, index), code_bytes);
        std::memcpy(&factors[slot * factor_bytes], filters.factor(codes_page, index), factor_bytes);
    }
    for (uint32_t slot = 0; slot < slots; ++slot) {
        if (slot % progress_step == 0) progress();
        const Link to = layout_.slot_link(slot);
        if (to.block == meta_block || !holds_nodes(store_, to.block)) continue;
        const size_t from = old_slot_[slot] != nobody ? old_slot_[slot] : slots;
        write_filter_entry(
            store_, layout_, to,
            {&keys[from * columns], codes.data() + from * code_bytes, &factors[from * factor_bytes]});
    }
}

// A page belongs to the cluster of its first node: those that did not fill a page of theirs share one with
// the next.
void PageOrder::map_clusters(const Clustering& clustering) {
    const size_t per_page = layout_.slots_per_page();
    std::vector<Cluster> clusters;
    uint32_t last = Clustering::none, nodes_end = meta_block + 1;
    const auto blocks = static_cast<uint32_t>(old_slot_.size() / per_page);
    const auto cluster_at = [&](size_t slot) {
        return old_slot_[slot] != nobody ? clustering.cluster_of(old_slot_[slot]) : Clustering::none;
    };
    for (uint32_t block = meta_block + 1; block < blocks; ++block) {
        const uint32_t cluster = cluster_at(block * per_page);
        if (cluster == Clustering::none) continue;
        nodes_end = block + 1;
        if (last != Clustering::none && cluster <= last) continue;
        clusters.push_back({block, clustering.centroid(cluster)});
        last = cluster;
    }
    write_clusters(store_, layout_, clusters, nodes_end);
    // Those that were left when all pages were full are behind the nodes of upper levels.
    for (size_t slot = nodes_end * per_page; slot < old_slot_.size(); ++slot)
        if (cluster_at(slot) != Clustering::none) note_unclustered(store_, layout_, layout_.slot_link(slot));
}

NeedMap PageOrder::moved(NeedMap& needs, size_t most) const {
    NeedMap result(std::min(old_slot_.size(), most), most, needs.words());
    for (uint64_t slot = 0; slot < old_slot_.size(); ++slot) {
        uint64_t* const entry = result.find(slot);
        if (entry == nullptr) break;
        if (old_slot_[slot] != nobody) std::copy_n(needs.find(old_slot_[slot]), needs.words(), entry);
    }
    return result;
}

void PageOrder::relabel(Link& link) const {
    if (!link.valid()) return;
    const uint64_t old = layout_.slot_id(link);
    const uint32_t slot = old < new_slot_.size() ? new_slot_[old] : nobody;
    if (slot == nobody) throw Error(ErrorCode::internal, "a link of a new graph leads nowhere");
    const uint8_t generation = link.generation;
    link = layout_.slot_link(slot);
    link.generation = generation;
}

size_t PageOrder::copy_page(uint32_t block, uint8_t* payload) const {
    if (block != meta_block && holds_nodes(store_, block)) return copy_nodes(block, payload);
    const size_t used = store_.used(block);
    std::memcpy(payload, store_.payload(block), used);
    if (block == meta_block) relabel(meta_of(payload).entry_point);
    if (page_head(payload).kind == PageKind::entries) {
        const OriginCodePage<Link> entries = EntryTableLayout(layout_).entries();
        for (size_t i = 0; i < page_head(payload).reserved; ++i) {
            Link link = entries.more(payload, i);
            relabel(link);
            entries.set_more(payload, i, link);
        }
    }
    if (page_head(payload).kind != PageKind::tids) return used;
    for (size_t i = 0; sizeof(PageHead) + (i + 1) * sizeof(TidChunk) <= used; ++i)
        if (chunk_at(payload, i).used) relabel(chunk_at(payload, i).owner);
    return used;
}

size_t PageOrder::copy_nodes(uint32_t block, uint8_t* payload) const {
    page_head(payload) = page_head(store_.payload(block));
    size_t used = sizeof(PageHead);
    for (size_t s = 0; s < layout_.slots_per_page(); ++s) {
        const uint32_t from = old_slot_[block * layout_.slots_per_page() + s];
        if (from == nobody) break;
        used = layout_.slot_offset(s + 1);
        const Node node(layout_, layout_.raw_slot(payload, s));
        std::memcpy(node.data(), node_at(store_, layout_, from).data(), layout_.slot_size());
        for (size_t i = 0; i < node.degree(); ++i) {
            Link link = node.links()[i];
            relabel(link);
            node.set_link(i, link);
        }
        if (node.head().level > 0) relabel(node.head().down);
    }
    return used;
}

}  // namespace vecstore::core
