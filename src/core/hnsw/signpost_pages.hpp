// Signposts as a build writes them (signpost_layout.hpp).
#pragma once

#include <vector>

#include "core/hnsw/encoder.hpp"
#include "core/storage/append.hpp"
#include "core/storage/mem_store.hpp"
#include "core/storage/signpost_layout.hpp"

namespace vecstore::core {

class SignpostWriter {
  public:
    SignpostWriter(MemStore& store, const VectorEncoder& encoder)
        : store_(store), encoder_(encoder), layout_(encoder.layout()), places_(layout_), origin_(layout_.geometry().stored_dims),
          vector_(origin_.size()), code_(layout_.code_bytes() + 64) {}

    // The next node of level 1, or the first one of the next group, whose middle is another. bottom: its slot on level 0.
    void add(const float* middle, const ConstNode& node, const Link& bottom) {
        // (Some room is left in groups that are too large for one page, too.)
        if (middle != middle_ || posts_.size() == places_.posts().capacity() * 9 / 10) end_group();
        middle_ = middle;
        encoder_.decode(node, vector_.data());
        posts_.push_back({encoded(vector_.data()), bottom});
    }

    void finish() {
        end_group();
        const auto& place = places_.groups();
        std::vector<uint32_t> pages;
        for (size_t first = 0; first < groups_.size(); first += place.capacity()) {
            auto page = append_page(store_, layout_, PageKind::signpost_groups);
            for (size_t i = 0; i < std::min(place.capacity(), groups_.size() - first); ++i) {
                const auto& [sketch, block] = groups_[first + i];
                place.put(page.modify(), i, sketch.code.data(), sketch.factor, block);
            }
            pages.push_back(page.block());
            page.commit(page_payload_size);
        }
        if (pages.empty() || pages.size() > SignpostLayout::most_pages) return;
        auto page = append_page(store_, layout_, PageKind::signpost_map);
        const uint32_t map_block = page.block();
        *SignpostLayout::map_head(page.modify()) = {static_cast<uint32_t>(groups_.size()), static_cast<uint32_t>(pages.size())};
        std::copy(pages.begin(), pages.end(), SignpostLayout::map_pages(page.modify()));
        page.commit(page_payload_size);
        auto meta = store_.write(meta_block);
        meta_of(meta.modify()).signpost_map = map_block;
        meta.commit();
    }

  private:
    struct Sketch {
        std::vector<uint8_t> code;
        uint8_t factor[factor_bytes];
    };

    Sketch encoded(const float* vector) {
        Sketch sketch;
        encode_link(layout_, vector, origin_.data(), code_.data(), sketch.factor);
        sketch.code.assign(code_.begin(), code_.begin() + static_cast<std::ptrdiff_t>(layout_.code_bytes()));
        return sketch;
    }

    void end_group() {
        if (posts_.empty()) return;
        auto page = append_page(store_, layout_, PageKind::signposts);
        uint8_t* const payload = page.modify();
        for (size_t i = 0; i < posts_.size(); ++i) places_.posts().put(payload, i, posts_[i].first.code.data(), posts_[i].first.factor, posts_[i].second);
        page_head(payload).reserved = static_cast<uint16_t>(posts_.size());
        groups_.push_back({encoded(middle_), page.block()});
        page.commit(page_payload_size);
        posts_.clear();
    }

    MemStore& store_;
    const VectorEncoder& encoder_;
    const NodeLayout& layout_;
    const SignpostLayout places_;
    const std::vector<float> origin_;
    std::vector<float> vector_;
    std::vector<uint8_t> code_;
    const float* middle_ = nullptr;
    std::vector<std::pair<Sketch, Link>> posts_;        // of the group
    std::vector<std::pair<Sketch, uint32_t>> groups_;   // their middles and pages
};

}  // namespace vecstore::core
