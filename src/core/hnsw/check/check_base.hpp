// The base of a check (validate.hpp): pages read as copies, the state of each slot, and the reports.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "core/hnsw/check/check_report.hpp"
#include "core/hnsw/space/encoder.hpp"
#include "core/storage/node_page.hpp"

namespace vecstore::core {

template <class Store>
class CheckBase {
  public:
    using Report = std::function<void(const Problem&)>;

    // meta: the metapage's content, for which meta_problem() found nothing; encoder: made from it.
    CheckBase(Store& store, const MetaData& meta, const VectorEncoder& encoder, const CheckOptions& options,
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

    const CheckCounts& counts() const { return counts_; }
    void report(uint32_t block, int slot, std::string text);

  protected:
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

    // Where a link leads.
    enum class Target { there, free, other_generation, not_nodes, no_slot, beyond_end };

    void read_page(uint32_t block, std::vector<uint8_t>& into, size_t* used_bytes = nullptr);
    Target look(const Link& link, ConstNode& node);
    static std::string target_problem(Target target);
    bool exists(uint32_t block) {
        if (block >= known_pages_) known_pages_ = store_.page_count();
        return block < known_pages_;
    }
    bool has_told_all() const { return problems_ > options_.max_problems; }
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
    CheckCounts counts_;
    std::vector<uint8_t> page_, other_;  // copies of pages: no lock is held while anything is judged
    std::vector<Slot> slots_;

  private:
    Report report_;
    uint64_t problems_ = 0;
    uint32_t known_pages_ = 0;  // there may be more by now
};

template <class Store>
void CheckBase<Store>::report(uint32_t block, int slot, std::string text) {
    if (++problems_ <= options_.max_problems) report_({block, slot, std::move(text)});
    if (problems_ == options_.max_problems + 1) report_({invalid_block, -1, "there are further problems"});
}

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
void CheckBase<Store>::read_page(uint32_t block, std::vector<uint8_t>& into, size_t* used_bytes) {
    store_.check_interrupts();
    auto page = store_.read(block);
    std::memcpy(into.data(), page.payload(), page_payload_size);
    if (used_bytes != nullptr) *used_bytes = used_bytes_of(page, 0);
}

// Reads the node that a link leads to into other_.
template <class Store>
typename CheckBase<Store>::Target CheckBase<Store>::look(const Link& link, ConstNode& node) {
    if (link.slot >= layout_.slots_per_page()) return Target::no_slot;
    if (!exists(link.block)) return Target::beyond_end;
    read_page(link.block, other_);
    if (page_head(other_.data()).kind != PageKind::nodes) return Target::not_nodes;
    node = raw_node(layout_, other_.data(), link.slot);
    if (node.head().generation != link.generation) return Target::other_generation;
    return node.used() ? Target::there : Target::free;
}

template <class Store>
std::string CheckBase<Store>::target_problem(Target target) {
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

}  // namespace vecstore::core
