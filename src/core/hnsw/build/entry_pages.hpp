// EntryTable as a build writes them (entry_table_layout.hpp).
#pragma once

#include <vector>

#include "core/hnsw/space/encoder.hpp"
#include "core/storage/append.hpp"
#include "core/storage/entry_table_layout.hpp"
#include "core/storage/mem_store.hpp"

namespace vecstore::core {

class EntryTableWriter {
  public:
    EntryTableWriter(MemStore& store, const VectorEncoder& encoder)
        : store_(store),
          encoder_(encoder),
          layout_(encoder.layout()),
          places_(layout_),
          vector_(layout_.geometry().stored_dims),
          group_(page_payload_size) {}

    // The next node of level 1, or the first one of the next group, whose centroid is another and stays there
    // until finish(). bottom: the node's slot on level 0.
    void add(const float* centroid, const ConstNode& node, const Link& bottom) {
        // (Some room is left in groups that are too large for one page, too.)
        if (centroid != centroid_ || in_group_ == places_.entries().capacity() * 9 / 10) end_group();
        centroid_ = centroid;
        encoder_.decode(node, vector_.data());
        code_.encode(layout_, vector_.data());
        places_.entries().put(group_.data(), in_group_++, code_.code(), code_.factor(), bottom);
    }

    void finish() {
        end_group();
        const auto& place = places_.groups();
        std::vector<uint32_t> pages;
        for (size_t first = 0; first < groups_.size(); first += place.capacity()) {
            auto page = append_page(store_, layout_, PageKind::entry_groups);
            for (size_t i = 0; i < std::min(place.capacity(), groups_.size() - first); ++i) {
                code_.encode(layout_, groups_[first + i].first);
                place.put(page.modify(), i, code_.code(), code_.factor(), groups_[first + i].second);
            }
            pages.push_back(page.block());
            page.commit(page_payload_size);
        }
        if (pages.empty() || pages.size() > EntryTableLayout::most_pages) return;
        auto page = append_page(store_, layout_, PageKind::entry_map);
        const uint32_t map_block = page.block();
        *EntryTableLayout::map_head(page.modify()) = {static_cast<uint32_t>(groups_.size()),
                                                      static_cast<uint32_t>(pages.size())};
        std::copy(pages.begin(), pages.end(), EntryTableLayout::map_pages(page.modify()));
        page.commit(page_payload_size);
        auto meta = store_.write(meta_block);
        meta_of(meta.modify()).entry_map = map_block;
        meta.commit();
    }

  private:
    void end_group() {
        if (in_group_ == 0) return;
        auto page = append_page(store_, layout_, PageKind::entries);
        std::copy(group_.begin() + sizeof(PageHead), group_.end(), page.modify() + sizeof(PageHead));
        page_head(page.modify()).reserved = static_cast<uint16_t>(in_group_);
        groups_.push_back({centroid_, page.block()});
        page.commit(page_payload_size);
        in_group_ = 0;
    }

    MemStore& store_;
    const VectorEncoder& encoder_;
    const NodeLayout& layout_;
    const EntryTableLayout places_;
    std::vector<float> vector_;
    OriginCode code_;
    const float* centroid_ = nullptr;  // of the group that is being written
    std::vector<uint8_t> group_;       // its page
    size_t in_group_ = 0;
    std::vector<std::pair<const float*, uint32_t>> groups_;  // centroids and pages
};

}  // namespace vecstore::core
