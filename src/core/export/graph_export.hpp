// An index's graph with rows in the place of nodes: numbered from 0 in the order of the pages, and linked by
// lists of these numbers, level by level, as FAISS keeps its HNSW graphs. Written once, over a page store
// (mem_store.hpp).
//
// Rows and nodes are not the same. A node may have several rows (equal vectors): the first takes the node's
// place, the others follow in a chain, each with the node's own links. A node may have none (its rows are
// gone, or not visible): then who links to it is linked to what it links to, and the rows that the index's
// spanning tree connects through such nodes are connected in a chain, so that every row can still be reached.
//
// Rows that lie beside the graph (hnsw/beside/long_rows.hpp) follow those of the first node, in the same
// chain.
//
// Others go on meanwhile: inserts add nodes and links, which are not in the numbering and so are left out.
// The caller keeps vacuum away, or holds a snapshot that vacuum respects: no node loses a row that is visible
// to it.
#pragma once

#include "core/base/error.hpp"
#include "core/export/byte_sink.hpp"
#include "core/hnsw/beside/long_rows.hpp"
#include "core/hnsw/node/tid_chain.hpp"
#include "core/storage/node_page.hpp"

#include <algorithm>
#include <cmath>
#include <unordered_map>
#include <vector>

namespace vecstore::core::exports {

template <class Store>
class GraphExport {
  public:
    GraphExport(Store& store, const MetaData& meta)
        : store_(store), layout_(meta.geometry), meta_(meta), pages_(store.page_count()) {}

    // Numbers the rows: take_rows(tids) -> how many of a node's rows there are; they get the next numbers. No
    // lock is held while it runs.
    template <class TakeRows>
    void number_rows(TakeRows&& take_rows) {
        row_of_.assign(static_cast<size_t>(pages_) * layout_.slots_per_page(), no_row);
        generation_of_.assign(row_of_.size(), 0);
        std::vector<FoundNode> found;
        std::vector<HeapTid> beside;
        for_each_long_row(store_, layout_, [&](const LongLayout& list, const uint8_t* entry) {
            beside.push_back(list.row(entry).tid);
        });
        for (uint32_t block = meta_block + 1; block < pages_; ++block) {
            store_.check_interrupts();
            found.clear();
            read_page(block, found);
            for (FoundNode& node : found) {
                if (!node.tids.empty()) {
                    node.tids.insert(node.tids.end(), beside.begin(), beside.end());
                    beside.clear();
                }
                number_node(node, node.tids.empty() ? 0 : take_rows(node.tids));
            }
        }
        resolve_upper();
        join_tree();
    }

    uint64_t rows() const { return rows_; }

    // FAISS's HNSW structure. Throws core::Error (internal) where the pages no longer hold what was numbered.
    void write_faiss(ByteSink& sink, int32_t ef_construction) {
        const std::vector<double> shares = level_shares();
        std::vector<int32_t> widths{0};  // links of all levels below
        for (size_t level = 0; level < shares.size(); ++level)
            widths.push_back(widths.back() + static_cast<int32_t>(level == 0 ? width0() : width()));
        put_vector(sink, shares);
        put_vector(sink, widths);
        put_levels(sink);
        put_offsets(sink, widths);
        put_neighbors(sink, widths);
        sink.put(static_cast<int32_t>(entry_row()));
        sink.put(static_cast<int32_t>(top_level_));
        sink.put(ef_construction);
        sink.put(int32_t{40});  // efSearch: as wide as our searches are by default
        sink.put(int32_t{1});   // upper_beam
    }

  private:
    static constexpr uint32_t no_row = UINT32_MAX;
    // Rows are int32 in FAISS.
    static constexpr uint64_t most_rows = INT32_MAX;
    // Nodes without rows that are looked through for one list.
    static constexpr size_t most_detours = 64;

    struct FoundNode {
        Link link;
        std::vector<HeapTid> tids;
    };
    struct UpperNode {
        Link link;
        Link down;
        uint8_t level;
        uint32_t row;
    };

    size_t width() const { return layout_.max_neighbors(); }
    // Two more for the chain of equal rows, and what the joined tree needs.
    size_t width0() const { return layout_.max_neighbors() + (equal_rows_.empty() ? 0 : 2) + most_joins_; }

    // --- numbering ---

    void read_page(uint32_t block, std::vector<FoundNode>& found) {
        std::vector<std::pair<size_t, Link>> chains;  // of which of those found, and the first chunk
        read_nodes(block, found, chains);
        // (With the node's page no longer locked: tid_chain.hpp.)
        for (const auto& [i, first] : chains) {
            HeapTid more[chunk_tids];
            ChainReader<Store> chain(store_, layout_, found[i].link, first);
            while (const size_t count = chain.next(more))
                found[i].tids.insert(found[i].tids.end(), more, more + count);
        }
    }

    void read_nodes(uint32_t block, std::vector<FoundNode>& found,
                    std::vector<std::pair<size_t, Link>>& chains) {
        auto page = store_.read(block);
        const NodePage nodes(layout_, page.payload(), block);
        for (size_t s = 0; s < nodes.size(); ++s) {
            const ConstNode node = nodes[s];
            if (!node.used()) continue;
            const Link link = nodes.link(s);
            if (!node.live()) {
                if (node.head().level == 0) found.push_back({link, {}});
            } else if (node.head().level > 0)
                upper_.push_back({link, node.head().down, node.head().level, no_row});
            else {
                const NodeHead& head = node.head();
                found.push_back({link, {head.tids, head.tids + node.tid_count()}});
                if (head.overflow.valid()) chains.emplace_back(found.size() - 1, head.overflow);
            }
        }
    }

    void number_node(const FoundNode& node, uint64_t rows) {
        if (rows == 0) {
            hidden_.push_back(node.link);
            return;
        }
        if (rows_ + rows > most_rows)
            throw Error(ErrorCode::limit_exceeded,
                        "FAISS's graphs have at most " + std::to_string(most_rows) + " rows");
        place(node.link, static_cast<uint32_t>(rows_));
        if (rows > 1) equal_rows_[static_cast<uint32_t>(rows_)] = static_cast<uint32_t>(rows);
        rows_ += rows;
        levels_.resize(rows_, 0);
    }

    void place(const Link& link, uint32_t row) {
        row_of_[layout_.slot_id(link)] = row;
        generation_of_[layout_.slot_id(link)] = link.generation;
    }

    uint32_t row_at(const Link& link) const {
        if (!link.valid() || link.slot >= layout_.slots_per_page()) return no_row;
        const uint64_t id = layout_.slot_id(link);
        return id < row_of_.size() && generation_of_[id] == link.generation ? row_of_[id] : no_row;
    }

    // The rows of upper nodes, from the level below upwards.
    void resolve_upper() {
        std::sort(upper_.begin(), upper_.end(),
                  [](const UpperNode& a, const UpperNode& b) { return a.level < b.level; });
        for (UpperNode& node : upper_) {
            node.row = row_at(node.down);
            if (node.row == no_row || levels_[node.row] + 1 != node.level) {
                node.row = no_row;
                continue;
            }
            place(node.link, node.row);
            levels_[node.row] = node.level;
            top_level_ = std::max<int>(top_level_, node.level);
        }
        upper_.erase(
            std::remove_if(upper_.begin(), upper_.end(), [](const UpperNode& n) { return n.row == no_row; }),
            upper_.end());
        std::sort(upper_.begin(), upper_.end(), [](const UpperNode& a, const UpperNode& b) {
            return a.row != b.row ? a.row < b.row : a.level < b.level;
        });
    }

    // --- the tree ---

    // Groups of nodes without rows that the tree connects, and the rows at their borders, each group's in a
    // chain.
    void join_tree() {
        std::unordered_map<uint64_t, size_t> number;
        for (const Link& link : hidden_) number.emplace(layout_.node_id(link), number.size());
        std::vector<size_t> group(hidden_.size());
        for (size_t i = 0; i < group.size(); ++i) group[i] = i;
        const auto root = [&](size_t i) {
            while (group[i] != i) i = group[i] = group[group[i]];
            return i;
        };
        std::vector<std::pair<size_t, uint32_t>> borders;  // a node without rows, a row beside it
        std::vector<Link> links;
        for (size_t i = 0; i < hidden_.size(); ++i) {
            read_tree_links(hidden_[i], links);
            for (const Link& link : links) {
                const uint32_t row = row_at(link);
                const auto hidden = number.find(layout_.node_id(link));
                if (row != no_row)
                    borders.push_back({i, row});
                else if (hidden != number.end())
                    group[root(i)] = root(hidden->second);
            }
        }
        for (auto& border : borders) border.first = root(border.first);
        std::sort(borders.begin(), borders.end());
        borders.erase(std::unique(borders.begin(), borders.end()), borders.end());
        for (size_t i = 1; i < borders.size(); ++i) {
            if (borders[i].first != borders[i - 1].first) continue;
            joins_.push_back({borders[i - 1].second, borders[i].second});
            joins_.push_back({borders[i].second, borders[i - 1].second});
        }
        std::sort(joins_.begin(), joins_.end());
        for (size_t i = 0, first = 0; i < joins_.size(); ++i) {
            if (joins_[i].first != joins_[first].first) first = i;
            most_joins_ = std::max(most_joins_, i - first + 1);
        }
    }

    void read_tree_links(const Link& link, std::vector<Link>& links) {
        links.clear();
        auto page = store_.read(link.block);
        const ConstNode node = find_node(layout_, page.payload(), link);
        if (!node || node.head().level != 0) return;
        for (size_t i = 0; i < node.degree(); ++i)
            if (node.tree_edge(i)) links.push_back(node.links()[i]);
    }

    // The index's own, or any row of the highest level.
    uint32_t entry_row() const {
        const uint32_t own = row_at(meta_.entry_point);
        if (own != no_row && levels_[own] == top_level_) return own;
        for (size_t row = 0; row < levels_.size(); ++row)
            if (levels_[row] == top_level_) return static_cast<uint32_t>(row);
        return no_row;  // -1: no rows
    }

    // --- writing ---

    // The share of rows whose highest level is each, by which FAISS draws the levels of rows that are added.
    std::vector<double> level_shares() const {
        const double step = std::log(std::max<double>(meta_.geometry.m, 2));
        std::vector<double> shares;
        for (int level = 0;; ++level) {
            const double share = std::exp(-level * step) * (1 - std::exp(-step));
            if (share < 1e-9 && level > top_level_) return shares;
            shares.push_back(share);
        }
    }

    template <class T>
    static void put_vector(ByteSink& sink, const std::vector<T>& values) {
        sink.put(static_cast<uint64_t>(values.size()));
        for (const T value : values) sink.put(value);
    }

    void put_levels(ByteSink& sink) const {
        sink.put(rows_);
        for (const uint8_t level : levels_) sink.put(static_cast<int32_t>(level) + 1);
    }

    void put_offsets(ByteSink& sink, const std::vector<int32_t>& widths) const {
        sink.put(rows_ + 1);
        uint64_t offset = 0;
        sink.put(offset);
        for (const uint8_t level : levels_) {
            offset += static_cast<uint64_t>(widths[static_cast<size_t>(level) + 1]);
            sink.put(offset);
        }
    }

    void put_neighbors(ByteSink& sink, const std::vector<int32_t>& widths) {
        uint64_t total = 0;
        for (const uint8_t level : levels_)
            total += static_cast<uint64_t>(widths[static_cast<size_t>(level) + 1]);
        sink.put(total);
        uint32_t next_row = 0;
        auto next_upper = upper_.begin();
        for (uint32_t block = meta_block + 1; block < pages_; ++block) {
            store_.check_interrupts();
            for (size_t s = 0; s < layout_.slots_per_page(); ++s) {
                const Link link{block, static_cast<uint8_t>(s), generation_of_[slot_at(block, s)]};
                if (row_at(link) != next_row)
                    continue;  // an upper node's rows were numbered before it, or later
                next_row = put_node(sink, link, next_row, next_upper);
            }
        }
        if (next_row != rows_)
            throw Error(ErrorCode::internal, "the index's pages changed while its graph was written");
    }

    size_t slot_at(uint32_t block, size_t slot) const {
        return static_cast<size_t>(block) * layout_.slots_per_page() + slot;
    }

    // All rows of one node; returns the row after them.
    template <class Upper>
    uint32_t put_node(ByteSink& sink, const Link& link, uint32_t row, Upper& next_upper) {
        std::vector<Link> links;
        if (!read_links(link, 0, links)) return row;
        std::vector<uint32_t> neighbors;
        for (auto join = std::lower_bound(joins_.begin(), joins_.end(), std::pair(row, uint32_t{0}));
             join != joins_.end() && join->first == row; ++join)
            neighbors.push_back(join->second);
        add_rows_of_links(links, 0, row, neighbors);
        const auto equals = equal_rows_.find(row);
        const uint32_t end = row + (equals == equal_rows_.end() ? 1 : equals->second);
        for (uint32_t r = row; r < end; ++r) {
            std::vector<uint32_t> list;
            if (r > row) list.push_back(r - 1);
            if (r + 1 < end) list.push_back(r + 1);
            list.insert(list.end(), neighbors.begin(), neighbors.end());
            put_list(sink, list, width0());
            for (; next_upper != upper_.end() && next_upper->row == r; ++next_upper) {
                read_links(next_upper->link, next_upper->level, links);
                std::vector<uint32_t> upper;
                add_rows_of_links(links, next_upper->level, r, upper);
                put_list(sink, upper, width());
            }
        }
        return end;
    }

    static void put_list(ByteSink& sink, const std::vector<uint32_t>& rows, size_t width) {
        for (size_t i = 0; i < width; ++i)
            sink.put(i < rows.size() ? static_cast<int32_t>(rows[i]) : int32_t{-1});
    }

    // The links of a node on its level, dead or alive; false when it is gone.
    bool read_links(const Link& link, uint8_t level, std::vector<Link>& links) {
        links.clear();
        auto page = store_.read(link.block);
        const ConstNode node = find_node(layout_, page.payload(), link);
        if (!node || node.head().level != level) return false;
        links.assign(node.links(), node.links() + node.degree());
        return true;
    }

    // The rows that links lead to, each once; through nodes without rows, where there is room, to those
    // behind them.
    void add_rows_of_links(const std::vector<Link>& links, uint8_t level, uint32_t self,
                           std::vector<uint32_t>& rows) {
        const size_t most = rows.size() + width();
        std::vector<Link> detours;
        const auto follow = [&](const Link& link) {
            const uint32_t row = row_at(link);
            if (row == no_row) {
                if (detours.size() < most_detours && link.valid() && link.block < pages_ &&
                    link.slot < layout_.slots_per_page() &&
                    std::find(detours.begin(), detours.end(), link) == detours.end())
                    detours.push_back(link);
            } else if (row != self && rows.size() < most &&
                       std::find(rows.begin(), rows.end(), row) == rows.end()) {
                rows.push_back(row);
            }
        };
        for (const Link& link : links) follow(link);
        std::vector<Link> behind;
        for (size_t i = 0; i < detours.size() && rows.size() < most; ++i)
            if (read_links(detours[i], level, behind))
                for (const Link& link : behind) follow(link);
    }

    Store& store_;
    const NodeLayout layout_;
    const MetaData meta_;
    const uint32_t pages_;
    std::vector<uint32_t> row_of_;        // by slot: its first row
    std::vector<uint8_t> generation_of_;  // by slot
    std::vector<uint8_t> levels_;         // by row
    std::unordered_map<uint32_t, uint32_t>
        equal_rows_;                // a node's first row, how many it has, where there are several
    std::vector<UpperNode> upper_;  // by row and level
    std::vector<Link> hidden_;      // nodes of level 0 without rows
    std::vector<std::pair<uint32_t, uint32_t>> joins_;  // links that the tree needs beside those of nodes
    size_t most_joins_ = 0;                             // of one row
    uint64_t rows_ = 0;
    int top_level_ = 0;
};

}  // namespace vecstore::core::exports
