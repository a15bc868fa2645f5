// The first half of checking an index (validate.hpp): what its pages say one by one, and its rows.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "core/base/error.hpp"
#include "core/hnsw/check/validate_node.hpp"
#include "core/hnsw/filter/clusters.hpp"
#include "core/hnsw/search/entry_table.hpp"
#include "core/hnsw/search/frontier.hpp"
#include "core/hnsw/space/encoder.hpp"
#include "core/hnsw/write/edge_sums.hpp"
#include "core/storage/unplaced_layout.hpp"

namespace vecstore::core {

// Something that must not be. block: invalid_block where the problem is of no page; slot: -1 where it is of
// the whole page.
struct Problem {
    uint32_t block;
    int slot;
    std::string text;
};

struct CheckOptions {
    bool deep = false;  // decode all vectors, compare codes and factors with them
    size_t max_problems =
        10000;  // after so many one more says that there are others, and the rest is silence
};

struct CheckCounts {
    PageCounts pages;
    uint64_t rows = 0;
    uint64_t links = 0;
    uint64_t dangling_links = 0;
    uint64_t lost_chunks = 0;  // in use, but in no node's chain
    uint64_t unattached = 0;   // live nodes of level 0 that cannot be reached, and need not be
    uint64_t cut_off = 0;      // the same, which need be, while an interrupted vacuum waits to be finished
    uint64_t upper_unreached = 0;  // live nodes above level 0 that searches never meet: harmless
    uint64_t rough = 0;            // nodes of level 0 that is_rough() says so of
    uint64_t sweeps = 0;
    bool vacuum_pending = false;
};

// The mean that was subtracted from an index's vectors, empty if none was.
// Throws core::Error (corrupted_index) when its pages are not there.
template <class Store>
std::vector<float> read_mean(Store& store, const MetaData& meta) {
    std::vector<float> mean;
    if (meta.mean_block == invalid_block) return mean;
    mean.reserve(meta.geometry.dims);
    for (uint32_t i = 0; mean.size() < meta.geometry.dims; ++i) {
        auto page = store.read(meta.mean_block + i);
        if (i >= meta.mean_pages || page_head(page.payload()).kind != PageKind::mean)
            throw Error(ErrorCode::corrupted_index,
                        "page " + std::to_string(meta.mean_block + i) + " does not hold the index's mean");
        const size_t n = std::min<size_t>(floats_per_mean_page, meta.geometry.dims - mean.size());
        const size_t old = mean.size();
        mean.resize(old + n);
        std::memcpy(&mean[old], page.payload() + sizeof(PageHead), n * sizeof(float));
    }
    return mean;
}

template <class Store>
class PageCheck {
  public:
    using Report = std::function<void(const Problem&)>;

    // meta: the metapage's content, for which meta_problem() found nothing; encoder: made from it.
    PageCheck(Store& store, const MetaData& meta, const VectorEncoder& encoder, const CheckOptions& options,
              Report report)
        : store_(store),
          meta_(meta),
          encoder_(encoder),
          layout_(encoder.layout()),
          inspector_(encoder, options.deep),
          options_(options),
          report_(std::move(report)) {
        page_.resize(page_payload_size + 64);
        other_.resize(page_payload_size + 64);
    }

    void read_pages();

    // Was the row met?
    bool has_row(const HeapTid& tid);
    // Then: this row must be in the index, and found. Ascending order is fastest. With `raw` and a deep
    // check, the node must hold its vector.
    void require_row(const HeapTid& tid) { require(tid, nullptr); }
    void require_row(const HeapTid& tid, const RawVector& raw) { require(tid, &raw); }
    void require_all_rows() {
        for (RowPlace& row : rows_) row.required = 1;
    }
    // Rows of the index that nobody has required, ascending.
    template <class Visit>
    void for_each_other_row(Visit&& visit) {
        for (const RowPlace& row : rows_)
            if (!row.required) visit(HeapTid{row.heap_block, row.heap_offset});
    }
    // Is the row (one that read_pages() found) still in the index? Else vacuum took it meanwhile. If so, says
    // where.
    bool still_has(const HeapTid& tid, Link& at);

    const CheckCounts& counts() const { return counts_; }
    void report(uint32_t block, int slot, std::string text);

  protected:
    // Where a row's TID is. Packed: there is one for each row.
#pragma pack(push, 1)
    struct RowPlace {
        uint32_t heap_block;
        uint16_t heap_offset;
        uint8_t required;
        uint8_t slot;
        uint32_t block;
        uint64_t key() const { return (static_cast<uint64_t>(heap_block) << 16) | heap_offset; }
    };
#pragma pack(pop)
    static_assert(sizeof(RowPlace) == 12);

    enum SlotBits : uint8_t {
        used = node_used,
        dead = node_dead,
        reached = 4,      // a link leads here from the entry point
        expanded = 8,     // its links were followed
        required = 16,    // holds a row that must be found
        incomplete = 32,  // holds a row that need not be found
    };
    struct Slot {
        uint8_t bits = 0;
        uint8_t generation = 0;
        uint8_t level = 0;
    };

    struct RowList {
        std::vector<HeapTid> tids;
        std::vector<Link> chunks;
    };
    // What a link leads to.
    enum class Target { there, free, other_generation, not_nodes, no_slot, beyond_end };

    void read_page(uint32_t block, std::vector<uint8_t>& into, size_t* used_bytes = nullptr);
    void check_page(uint32_t block, size_t used_bytes);
    void check_node_page(uint32_t block, size_t used_bytes);
    void check_tid_page(uint32_t block, size_t used_bytes);
    void check_unplaced_page(uint32_t block, size_t used_bytes);
    void check_long_page(uint32_t block, size_t used_bytes);
    template <class Layout, class Visit>
    void check_list_page(const Layout& list, uint32_t block, size_t used_bytes, Visit&& visit);
    void check_long_vector(const HeapTid& tid, const RawVector& raw);
    void record_rows(const Link& link, const NodeHead& head);
    std::string confirmed_rows(const Link& link, NodeHead head, RowList& rows);
    std::string read_rows(const Link& link, const NodeHead& head, RowList& rows);
    size_t times_held(const RowPlace& place, const HeapTid& tid);
    void check_duplicate_rows();
    void check_clusters();
    void check_entries();
    void check_entries_on(uint32_t block);
    void require(const HeapTid& tid, const RawVector* raw);
    bool find_in_graph(const HeapTid& tid);  // cursor_: where
    void check_row_vector(const RowPlace& place, const HeapTid& tid, const RawVector& raw);

    void confirm_missing();
    Target look(const Link& link, ConstNode& node);
    bool exists(uint32_t block) {
        if (block >= known_pages_) known_pages_ = store_.page_count();
        return block < known_pages_;
    }
    static std::string target_problem(Target target);
    bool self_above_entry(const ConstNode& node) const { return node.head().level > meta_.entry_level; }
    static uint64_t chunk_id(const Link& chunk) {
        return static_cast<uint64_t>(chunk.block) * chunks_per_page + chunk.slot;
    }
    // link.slot must be one of a page's.
    Slot* slot_state(const Link& link) {
        const uint64_t id = layout_.slot_id(link);
        return id < slots_.size() ? &slots_[id] : nullptr;
    }

    Store& store_;
    MetaData meta_;
    const VectorEncoder& encoder_;
    const NodeLayout& layout_;
    NodeInspector inspector_;
    CheckOptions options_;
    Report report_;
    CheckCounts counts_;
    uint64_t problems_ = 0;

    uint32_t pages_ = 0;                 // when the check began
    uint32_t known_pages_ = 0;           // there may be more by now
    std::vector<uint8_t> page_, other_;  // copies of pages: no lock is held while anything is judged
    std::vector<bool> node_pages_;
    std::vector<Slot> slots_;
    std::vector<uint32_t> cluster_blocks_;  // pages of clusters, unclustered slots, and their map
    std::vector<RowPlace> rows_;
    size_t cursor_ = 0;
    std::vector<HeapTid> missing_;
    std::vector<Link> above_entry_;  // live nodes above the entry point's level
    VisitedSet chunks_;              // of all chains
    VisitedSet chain_;               // of the one being read
    EdgeSums tree_edges_;
    std::vector<float> raw_internal_, raw_work_;
    struct LongPlace {
        HeapTid tid;
        Link at;
    };
    const LongPlace* find_long(const HeapTid& tid) const {
        const auto by_key = [](const LongPlace& place, uint64_t key) { return place.tid.key() < key; };
        const auto at = std::lower_bound(long_rows_.begin(), long_rows_.end(), tid.key(), by_key);
        return at != long_rows_.end() && at->tid == tid ? &*at : nullptr;
    }
    std::vector<LongPlace> long_rows_;  // beside the graph, by TID
    RowMemory raw_row_;
};

template <class Store>
void PageCheck<Store>::report(uint32_t block, int slot, std::string text) {
    if (++problems_ <= options_.max_problems) report_({block, slot, std::move(text)});
    if (problems_ == options_.max_problems + 1) report_({invalid_block, -1, "there are further problems"});
}

// ------------------------------------------------------------------------------------- reading pages

// How many bytes of a page are in use, where the store's pages know.
template <class Page>
auto used_bytes_of(const Page& page, int) -> decltype(page.used()) {
    return page.used();
}
template <class Page>
size_t used_bytes_of(const Page&, long) {
    return page_payload_size;
}

template <class Store>
void PageCheck<Store>::read_page(uint32_t block, std::vector<uint8_t>& into, size_t* used_bytes) {
    store_.check_interrupts();
    auto page = store_.read(block);
    std::memcpy(into.data(), page.payload(), page_payload_size);
    if (used_bytes != nullptr) *used_bytes = used_bytes_of(page, 0);
}

template <class Store>
void PageCheck<Store>::read_pages() {
    pages_ = store_.page_count();
    slots_.resize(static_cast<size_t>(pages_) * layout_.slots_per_page());
    node_pages_.resize(pages_);
    counts_.vacuum_pending = meta_.vacuum_pending != 0;
    for (uint32_t block = 0; block < pages_; ++block) {
        size_t used_bytes;
        read_page(block, page_, &used_bytes);
        check_page(block, used_bytes);
    }
    counts_.rows = rows_.size() + long_rows_.size();
    std::sort(rows_.begin(), rows_.end(),
              [](const RowPlace& a, const RowPlace& b) { return a.key() < b.key(); });
    std::sort(long_rows_.begin(), long_rows_.end(),
              [](const LongPlace& a, const LongPlace& b) { return a.tid.key() < b.tid.key(); });
    check_duplicate_rows();
    check_clusters();
    check_entries();
}

template <class Store>
void PageCheck<Store>::check_page(uint32_t block, size_t used_bytes) {
    const PageKind kind = page_head(page_.data()).kind;
    const bool in_mean = meta_.mean_block != invalid_block && block >= meta_.mean_block &&
                         block - meta_.mean_block < meta_.mean_pages;
    // (One whose insert was interrupted is empty until the next one needs it.)
    const PageKind due = kind == PageKind::unused ? kind : layout_.filters().kind_of(block);
    const bool of_filters = kind == PageKind::filters || kind == PageKind::origin_codes;
    if (kind > last_page_kind) {
        report(block, -1, "unknown kind of page " + std::to_string(static_cast<int>(kind)));
    } else if ((kind == PageKind::meta) != (block == meta_block)) {
        report(block, -1, block == meta_block ? "is no metapage" : "is a second metapage");
    } else if ((kind == PageKind::mean) != in_mean) {
        report(block, -1,
               in_mean ? "does not hold the mean" : "holds a mean that the metapage does not know");
    } else if ((of_filters || due != PageKind::unused) && kind != due) {
        report(
            block, -1,
            due == PageKind::unused ? "holds filter keys that are of no pages" : "does not hold filter keys");
    }
    if (kind >= PageKind::cluster_map && kind <= PageKind::unclustered) cluster_blocks_.push_back(block);
    count_page(page_.data(), layout_, counts_.pages);
    if (kind == PageKind::nodes) check_node_page(block, used_bytes);
    if (kind == PageKind::tids) check_tid_page(block, used_bytes);
    if (kind == PageKind::unplaced) check_unplaced_page(block, used_bytes);
    if (kind == PageKind::long_rows) check_long_page(block, used_bytes);
}

// Looks at a page of a list, and calls visit(row, i) for each row on it; for none where it says how many in a
// way that cannot be.
template <class Store>
template <class Layout, class Visit>
void PageCheck<Store>::check_list_page(const Layout& list, uint32_t block, size_t used_bytes, Visit&& visit) {
    const uint8_t* const payload = page_.data();
    const UnplacedHead& head = Layout::head(payload);
    if (head.count > list.capacity() || list.used(head.count) > used_bytes) {
        report(block, -1, "has " + std::to_string(head.count) + " " + Layout::content + ", more than fit");
        return;
    }
    if (head.next >= pages_ || head.next_room >= pages_)
        report(block, -1, "goes on on a page that does not exist");
    for (size_t i = 0; i < head.count; ++i) {
        const auto& row = list.row(list.entry(payload, i));
        if (row.tid.block == invalid_block || row.tid.offset == 0)
            report(block, static_cast<int>(i), "has no row");
        visit(row, i);
    }
}

// Rows without a place in the graph.
template <class Store>
void PageCheck<Store>::check_unplaced_page(uint32_t block, size_t used_bytes) {
    check_list_page(UnplacedLayout(layout_), block, used_bytes, [&](const UnplacedRow& row, size_t i) {
        if (row.kind != UnplacedKind::no_vector && row.kind != UnplacedKind::no_direction)
            report(block, static_cast<int>(i), "is an unknown kind of row without a place in the graph");
    });
}

// Rows beside the graph.
template <class Store>
void PageCheck<Store>::check_long_page(uint32_t block, size_t used_bytes) {
    check_list_page(LongLayout(layout_), block, used_bytes, [&](const LongRow& row, size_t i) {
        if (!std::isfinite(row.scale) || !(row.scale > 0) || !(row.error >= 0) || !(row.norm2 >= 0))
            report(block, static_cast<int>(i), "impossible scale, error bound or squared norm");
        long_rows_.push_back({row.tid, {block, static_cast<uint8_t>(std::min<size_t>(i, UINT8_MAX)), 0}});
    });
}

// The row lies on a page of long rows; with another vector it would be out of its place in scans.
template <class Store>
void PageCheck<Store>::check_long_vector(const HeapTid& tid, const RawVector& raw) {
    const LongPlace* const place = find_long(tid);
    const LongLayout list(layout_);
    const OwnVector own = encoder_.encode_row(raw, raw_row_);
    read_page(place->at.block, other_);
    if (page_head(other_.data()).kind != PageKind::long_rows) return;
    const size_t count = std::min<size_t>(LongLayout::head(other_.data()).count, list.capacity());
    for (size_t i = 0; i < count; ++i) {
        const uint8_t* const entry = list.entry(static_cast<const uint8_t*>(other_.data()), i);
        const LongRow& row = list.row(entry);
        if (!(row.tid == tid)) continue;
        if (row.scale != own.scale ||
            std::memcmp(list.more(entry), raw_row_.own_bytes.data(), layout_.own_bytes()) != 0)
            report(place->at.block, static_cast<int>(i), "row " + to_text(tid) + ": holds another vector");
        return;
    }
}

template <class Store>
void PageCheck<Store>::check_node_page(uint32_t block, size_t used_bytes) {
    node_pages_[block] = true;
    for (size_t s = 0; s < layout_.slots_per_page(); ++s) {
        const ConstNode node(layout_, layout_.raw_slot(static_cast<const uint8_t*>(page_.data()), s));
        const Link self{block, static_cast<uint8_t>(s), node.head().generation};
        Slot& slot = *slot_state(self);
        slot.generation = self.generation;
        slot.level = node.head().level;
        slot.bits = node.head().flags & (used | dead);
        if (!node.used()) {
            if (node.dead()) report(block, static_cast<int>(s), "is marked dead, and holds no node");
            continue;
        }
        for (std::string& text : inspector_.inspect(node, self))
            report(block, static_cast<int>(s), std::move(text));
        if (layout_.slot_offset(s + 1) > used_bytes)
            report(block, static_cast<int>(s), "lies beyond what the page says is in use");
        if (!node.live()) continue;
        if (self_above_entry(node)) above_entry_.push_back(self);
        if (node.head().level == 0) {
            record_rows(self, node.head());
            counts_.rough += inspector_.is_rough(node);
        }
        for (size_t i = 0; i < std::min<size_t>(node.head().degree, layout_.max_neighbors()); ++i)
            if ((node.head().tree_edges_or_epoch >> i) & 1) tree_edges_.add(self, node.links()[i]);
    }
}

template <class Store>
void PageCheck<Store>::check_tid_page(uint32_t block, size_t used_bytes) {
    for (size_t i = 0; i < chunks_per_page; ++i) {
        const TidChunk& chunk = chunk_at(static_cast<const uint8_t*>(page_.data()), i);
        if (chunk.used > chunk_leaving)
            report(block, static_cast<int>(i), "unknown state of a chunk " + std::to_string(chunk.used));
        if (chunk.used && sizeof(PageHead) + (i + 1) * sizeof(TidChunk) > used_bytes)
            report(block, static_cast<int>(i), "lies beyond what the page says is in use");
    }
}

template <class Store>
void PageCheck<Store>::record_rows(const Link& link, const NodeHead& head) {
    RowList rows;
    const std::string problem = confirmed_rows(link, head, rows);
    if (!problem.empty()) report(link.block, link.slot, problem);
    for (const HeapTid& tid : rows.tids) {
        if (tid.block == invalid_block || tid.offset == 0)
            report(link.block, link.slot, "impossible row " + to_text(tid));
        rows_.push_back({tid.block, tid.offset, 0, link.slot, link.block});
    }
    for (const Link& chunk : rows.chunks)
        if (!chunks_.insert(chunk_id(chunk)))
            report(link.block, link.slot, "shares chunk " + to_text(chunk) + " with another node");
}

// The rows of a node. What is wrong with its chain is believed when the node still says the same.
template <class Store>
std::string PageCheck<Store>::confirmed_rows(const Link& link, NodeHead head, RowList& rows) {
    for (int attempt = 0;; ++attempt) {
        const std::string problem = read_rows(link, head, rows);
        if (problem.empty() || attempt == 3) return problem;
        ConstNode node(layout_, nullptr);
        if (look(link, node) != Target::there || !node.live()) {
            rows = RowList{};
            return {};
        }
        head = node.head();
    }
}

template <class Store>
std::string PageCheck<Store>::read_rows(const Link& link, const NodeHead& head, RowList& rows) {
    rows = RowList{};
    rows.tids.assign(head.tids, head.tids + std::min<size_t>(head.tid_count, inline_tids));
    chain_.clear();
    for (Link at = head.overflow; at.valid();) {
        const std::string name = "chunk " + to_text(at) + " of its rows ";
        if (!exists(at.block)) return name + "lies beyond the end of the index";
        if (!chain_.insert(chunk_id(at))) return name + "follows itself";
        store_.check_interrupts();
        auto page = store_.read(at.block);
        if (page_head(page.payload()).kind != PageKind::tids || at.slot >= chunks_per_page)
            return name + "is not on a page of rows";
        const TidChunk& chunk = chunk_at(page.payload(), at.slot);
        if (!chunk.used) return name + "is free";
        if (chunk.owner != link) return name + "belongs to " + to_text(chunk.owner);
        if (chunk.count > chunk_tids)
            return name + "holds an impossible number, " + std::to_string(chunk.count);
        rows.tids.insert(rows.tids.end(), chunk.tids, chunk.tids + chunk.count);
        rows.chunks.push_back(at);
        at = chunk.next;
    }
    return {};
}

// Every node must be where a search through clusters looks: in one of them, among those that came later, or
// unclustered. (Unclustered slots are read after the nodes: what came meanwhile had its bit before.)
template <class Store>
void PageCheck<Store>::check_clusters() {
    ClusterMap map;
    read_cluster_map(store_, layout_, map);
    std::vector<uint32_t> due = map.pages;
    due.push_back(uint32_t{meta_.cluster_map});  // (not a reference to what is packed)
    for (const uint32_t block : cluster_blocks_)
        if (std::find(due.begin(), due.end(), block) == due.end())
            report(block, -1, "holds clusters that the metapage does not know");
    if (meta_.cluster_map == 0) return;
    if (map.empty()) return report(meta_.cluster_map, -1, "is no map of clusters");
    std::vector<uint64_t> unclustered;
    for (size_t i = 0; i < map.head.unclustered_pages; ++i) {
        read_page(map.unclustered_page(i), page_);
        const bool known = page_head(page_.data()).kind == PageKind::unclustered;
        if (!known) report(map.unclustered_page(i), -1, "does not hold unclustered slots");
        const uint64_t* const words = ClusterLayout::words(page_.data());
        for (size_t w = 0; w < ClusterLayout::words_per_page; ++w)
            unclustered.push_back(known ? words[w] : ~uint64_t{0});
    }
    const OriginCodePage<uint32_t> places = ClusterLayout(layout_).clusters();
    uint32_t first = map.head.nodes_end, last = 0;
    for (size_t i = 0; i < map.head.clusters; ++i) {
        const size_t place = i % places.capacity();
        const uint32_t block = map.cluster_page(i / places.capacity());
        if (place == 0) read_page(block, page_);
        if (page_head(page_.data()).kind != PageKind::clusters)
            return report(block, -1, "does not hold clusters");
        const uint32_t begin = places.more(page_.data(), place);
        if (begin <= last || begin >= map.head.nodes_end)
            report(block, -1, "cluster " + std::to_string(i) + " begins with block " + std::to_string(begin));
        first = std::min(first, begin);
        last = begin;
    }
    for (size_t id = 0; id < slots_.size(); ++id) {
        const Link at = layout_.slot_link(id);
        const bool live = (slots_[id].bits & (used | dead)) == used && slots_[id].level == 0;
        if (!live || at.block >= map.head.blocks || (at.block >= first && at.block < map.head.nodes_end) ||
            (unclustered[id / 64] >> (id % 64) & 1))
            continue;
        report(at.block, at.slot, "is in no cluster, and not among the unclustered");
    }
}

template <class Store>
void PageCheck<Store>::check_entries() {
    for_each_entry_page(
        store_, layout_, meta_.entry_map, [this](uint32_t block) { check_entries_on(block); },
        [this](uint32_t block, const std::string& text) { report(block, -1, text); });
}

template <class Store>
void PageCheck<Store>::check_entries_on(uint32_t block) {
    const OriginCodePage<Link> place = EntryTableLayout(layout_).entries();
    read_page(block, page_);
    if (page_head(page_.data()).kind != PageKind::entries)
        return report(block, -1, "does not hold entry points");
    const size_t count = page_head(page_.data()).reserved;
    if (count > place.capacity())
        return report(block, -1, "holds an impossible number of entry points, " + std::to_string(count));
    for (size_t i = 0; i < count; ++i) {
        const Link link = place.more(page_.data(), i);
        ConstNode node(layout_, nullptr);
        const Target found = look(link, node);
        std::string problem = target_problem(found);
        if (found == Target::there && node.head().level != 0)
            problem = "is of level " + std::to_string(node.head().level);
        if (!problem.empty())
            report(block, -1, "entry point " + std::to_string(i) + " to " + to_text(link) + " " + problem);
    }
}

template <class Store>
void PageCheck<Store>::check_duplicate_rows() {
    // (Each is looked for once more, in a chain that may be long: no more of them than are told.)
    for (size_t i = 1; i < rows_.size() && problems_ <= options_.max_problems; ++i) {
        const RowPlace &a = rows_[i - 1], &b = rows_[i];
        if (a.key() != b.key()) continue;
        const HeapTid tid{b.heap_block, b.heap_offset};
        const bool same = a.block == b.block && a.slot == b.slot;
        if (times_held(b, tid) == 0 || times_held(a, tid) < (same ? 2 : 1)) continue;
        report(b.block, b.slot,
               "row " + to_text(tid) + " is in the index twice, here and at " +
                   to_text(Link{a.block, a.slot, 0}));
    }
}

// How often a live node holds this row now.
template <class Store>
size_t PageCheck<Store>::times_held(const RowPlace& place, const HeapTid& tid) {
    Link link{place.block, place.slot, 0};
    link.generation = slot_state(link)->generation;
    ConstNode node(layout_, nullptr);
    if (look(link, node) != Target::there || !node.live()) return 0;
    RowList rows;
    confirmed_rows(link, node.head(), rows);
    return std::count(rows.tids.begin(), rows.tids.end(), tid);
}

// Reads the node that a link leads to into other_.
template <class Store>
typename PageCheck<Store>::Target PageCheck<Store>::look(const Link& link, ConstNode& node) {
    if (link.slot >= layout_.slots_per_page()) return Target::no_slot;
    if (!exists(link.block)) return Target::beyond_end;
    read_page(link.block, other_);
    if (page_head(other_.data()).kind != PageKind::nodes) return Target::not_nodes;
    node = ConstNode(layout_, layout_.raw_slot(static_cast<const uint8_t*>(other_.data()), link.slot));
    if (node.head().generation != link.generation) return Target::other_generation;
    return node.used() ? Target::there : Target::free;
}

template <class Store>
std::string PageCheck<Store>::target_problem(Target target) {
    switch (target) {
        case Target::no_slot: return "is no slot of a page";
        case Target::beyond_end: return "lies beyond the end of the index";
        case Target::not_nodes: return "is not on a page of nodes";
        case Target::free: return "is a free slot";
        case Target::there:
        case Target::other_generation: break;
    }
    return {};
}

// ----------------------------------------------------------------------------------------------- rows

template <class Store>
bool PageCheck<Store>::has_row(const HeapTid& tid) {
    return find_in_graph(tid) || find_long(tid) != nullptr;
}

template <class Store>
bool PageCheck<Store>::find_in_graph(const HeapTid& tid) {
    const auto at_cursor = [&] { return cursor_ < rows_.size() && rows_[cursor_].key() == tid.key(); };
    if (at_cursor()) return true;
    cursor_ = std::lower_bound(rows_.begin(), rows_.end(), tid.key(),
                               [](const RowPlace& row, uint64_t key) { return row.key() < key; }) -
              rows_.begin();
    return at_cursor();
}

template <class Store>
void PageCheck<Store>::require(const HeapTid& tid, const RawVector* raw) {
    if (!find_in_graph(tid)) {
        if (find_long(tid) == nullptr)
            missing_.push_back(tid);
        else if (options_.deep && raw != nullptr)
            check_long_vector(tid, *raw);
        return;
    }
    if (options_.deep && raw != nullptr) check_row_vector(rows_[cursor_], tid, *raw);
    for (; cursor_ < rows_.size() && rows_[cursor_].key() == tid.key(); ++cursor_)
        rows_[cursor_].required = 1;
}

template <class Store>
void PageCheck<Store>::check_row_vector(const RowPlace& place, const HeapTid& tid, const RawVector& raw) {
    raw_internal_.resize(encoder_.internal_size(raw));
    raw_work_.resize(encoder_.space().dense() ? encoder_.geometry().dims : 0);
    encoder_.transform(raw, raw_internal_.data(), raw_work_.data());
    Link link{place.block, place.slot, 0};
    link.generation = slot_state(link)->generation;
    ConstNode node(layout_, nullptr);
    if (look(link, node) != Target::there) return;
    const std::string problem = inspector_.vector_problem(node, raw_internal_.data());
    if (problem.empty() || times_held(place, tid) == 0) return;
    report(link.block, link.slot, "row " + to_text(tid) + ": " + problem);
}

template <class Store>
bool PageCheck<Store>::still_has(const HeapTid& tid, Link& at) {
    const auto row = std::lower_bound(rows_.begin(), rows_.end(), tid.key(),
                                      [](const RowPlace& r, uint64_t key) { return r.key() < key; });
    if (row == rows_.end() || row->key() != tid.key() || times_held(*row, tid) == 0) return false;
    at = Link{row->block, row->slot, 0};
    return true;
}

// Rows that were not met are looked for once more: vacuum, on a standby, may have moved them meanwhile.
template <class Store>
void PageCheck<Store>::confirm_missing() {
    if (missing_.empty()) return;
    const auto by_key = [](const HeapTid& a, const HeapTid& b) { return a.key() < b.key(); };
    std::sort(missing_.begin(), missing_.end(), by_key);
    std::vector<bool> found(missing_.size());
    for (uint32_t block = 0, end = store_.page_count(); block < end; ++block) {
        read_page(block, page_);
        if (page_head(page_.data()).kind != PageKind::nodes) continue;
        for (size_t s = 0; s < layout_.slots_per_page(); ++s) {
            const ConstNode node(layout_, layout_.raw_slot(static_cast<const uint8_t*>(page_.data()), s));
            if (!node.live() || node.head().level > 0) continue;
            RowList rows;
            confirmed_rows({block, static_cast<uint8_t>(s), node.head().generation}, node.head(), rows);
            for (const HeapTid& tid : rows.tids) {
                const auto at = std::lower_bound(missing_.begin(), missing_.end(), tid, by_key);
                if (at != missing_.end() && *at == tid) found[at - missing_.begin()] = true;
            }
        }
    }
    for (size_t i = 0; i < missing_.size(); ++i)
        if (!found[i])
            report(invalid_block, -1, "row " + to_text(missing_[i]) + " of the table is not in the index");
}

}  // namespace vecstore::core
