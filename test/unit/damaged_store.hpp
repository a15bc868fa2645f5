// A page store whose pages are damaged: what a server does with it must end, with an answer or with an error
// that says so.
//
// Beside the contract (storage/mem_store.hpp) it holds its users to what a server cannot mend: nobody waits
// for a lock that he has himself, nor for one that another may have who waits for his (second_page.hpp), and
// nothing reads or appends without end. Each page is memory of its own, so that a sanitizer finds what leaves
// it.
#pragma once

#include <cstring>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "core/base/error.hpp"
#include "core/storage/layout.hpp"

namespace vecstore::core {

// Something that must not be, whatever is on the pages.
struct Fault {
    std::string what;
};

class DamagedStore {
    struct Page {
        std::unique_ptr<uint8_t[]> bytes;  // kernels may read a little beyond the end
        bool changed = false;
        int readers = 0;
        bool writer = false;
    };
    static constexpr size_t read_beyond = 64;

  public:
    // Steps of others, one at a time: no more than so much between two calls of begin().
    struct Limits {
        uint64_t pages_read = 0, pages_added = 0;
    };

    void add_page(const uint8_t* payload) {
        sound_.push_back(std::vector<uint8_t>(payload, payload + page_payload_size));
        pages_.push_back(new_page());
        std::memcpy(pages_.back().bytes.get(), payload, page_payload_size);
    }

    // Everything as it was when it was added.
    void restore() {
        while (pages_.size() > sound_.size()) pages_.pop_back();
        for (size_t block = 0; block < pages_.size(); ++block) {
            if (!pages_[block].changed) continue;
            std::memcpy(pages_[block].bytes.get(), sound_[block].data(), page_payload_size);
            pages_[block].changed = false;
        }
        free_.clear();
    }
    void begin(const Limits& limits) { left_ = limits; }
    uint64_t pages_read_left() const { return left_.pages_read; }
    // As a disk does.
    uint8_t* damage(uint32_t block) {
        pages_[block].changed = true;
        return pages_[block].bytes.get();
    }
    const uint8_t* payload(uint32_t block) const { return pages_[block].bytes.get(); }

    class ReadPage {
      public:
        ReadPage(DamagedStore& store, uint32_t block) : store_(&store), block_(block) {
            store.lock(block, false);
        }
        ~ReadPage() {
            if (store_ != nullptr) store_->unlock(block_, false);
        }
        ReadPage(ReadPage&& o) noexcept : store_(o.store_), block_(o.block_) { o.store_ = nullptr; }
        ReadPage& operator=(ReadPage&&) = delete;
        const uint8_t* payload() const { return store_->payload(block_); }

      private:
        DamagedStore* store_;
        uint32_t block_;
    };

    class WritePage {
      public:
        WritePage(DamagedStore& store, uint32_t block, bool is_new = false) : store_(&store), block_(block) {
            store.lock(block, true, is_new);
        }
        ~WritePage() {
            if (store_ != nullptr) store_->unlock(block_, true);
        }
        WritePage(WritePage&& o) noexcept : store_(o.store_), block_(o.block_), image_(std::move(o.image_)) {
            o.store_ = nullptr;
        }
        WritePage& operator=(WritePage&&) = delete;
        uint32_t block() const { return block_; }
        const uint8_t* peek() const { return image_ ? image_.get() : store_->payload(block_); }
        uint8_t* modify() {
            if (!image_) {
                image_ = DamagedStore::new_bytes();
                std::memcpy(image_.get(), store_->payload(block_), page_payload_size);
            }
            return image_.get();
        }
        void commit(size_t used = 0) {
            if (used > page_payload_size) throw Fault{"more of a page is in use than there is"};
            if (image_) std::memcpy(store_->damage(block_), image_.get(), page_payload_size);
            store_->unlock(block_, true);
            store_ = nullptr;
        }

      private:
        DamagedStore* store_;
        uint32_t block_;
        std::unique_ptr<uint8_t[]> image_;
    };

    ReadPage read(uint32_t block) { return ReadPage(*this, block); }
    ReadPage read_once(uint32_t block) { return read(block); }
    WritePage write(uint32_t block) { return WritePage(*this, block); }
    WritePage append(PageKind kind) {
        if (left_.pages_added-- == 0) throw Fault{"pages are added without end"};
        pages_.push_back(new_page());
        pages_.back().changed = true;
        WritePage page(*this, page_count() - 1, true);
        page_head(page.modify()) = PageHead{kind, 0, 0};
        return page;
    }
    PageKind kind_of(uint32_t block) {
        expect_page(block);
        return page_head(payload(block)).kind;
    }
    uint32_t page_count() const { return static_cast<uint32_t>(pages_.size()); }

    void expect(uint32_t, size_t) {}
    void prefetch(uint32_t, size_t, size_t) {}
    void check_interrupts() {}
    void pause_point() { expect_no_locks(); }
    uint32_t find_free_page(int) {
        if (free_.empty()) return invalid_block;
        const uint32_t block = free_.back();
        free_.pop_back();
        return block;
    }
    void note_free_page(uint32_t block) { free_.push_back(block); }
    void put_back_free_page(uint32_t block) { note_free_page(block); }
    uint64_t free_epoch() const { return 1; }
    bool reusable(uint64_t) const { return true; }

    void expect_no_locks() const {
        if (!held_.empty()) throw Fault{"a page is locked during a pause, or after the end"};
    }
    // After a fault.
    void forget_locks() {
        for (Page& page : pages_) page.readers = 0, page.writer = false;
        held_.clear();
    }

  private:
    static std::unique_ptr<uint8_t[]> new_bytes() {
        auto bytes = std::make_unique<uint8_t[]>(page_payload_size + read_beyond);
        return bytes;
    }
    static Page new_page() { return {new_bytes()}; }

    void expect_page(uint32_t block) {
        if (block >= page_count())
            throw Error(ErrorCode::corrupted_index, "page " + std::to_string(block) + " does not exist");
        if (left_.pages_read-- == 0) throw Fault{"pages are read without end"};
    }

    // Who has a page locked may wait for one of a higher rank.
    int rank(uint32_t block) const {
        switch (page_head(payload(block)).kind) {
            case PageKind::nodes:
            case PageKind::entry_map: return 1;
            case PageKind::meta: return 3;
            default: return 2;
        }
    }

    void lock(uint32_t block, bool exclusive, bool is_new = false) {
        expect_page(block);
        Page& page = pages_[block];
        if (page.writer || (exclusive && page.readers > 0))
            throw Fault{"waits for its own lock of page " + std::to_string(block)};
        for (const uint32_t other : held_)
            if (!is_new && rank(block) <= rank(other))
                throw Fault{"waits for page " + std::to_string(block) + " while it has page " +
                            std::to_string(other) + " locked, of no lower rank"};
        page.writer = exclusive;
        page.readers += !exclusive;
        held_.push_back(block);
    }
    void unlock(uint32_t block, bool exclusive) {
        pages_[block].writer &= !exclusive;
        pages_[block].readers -= !exclusive;
        for (size_t i = held_.size(); i-- > 0;) {
            if (held_[i] != block) continue;
            held_.erase(held_.begin() + static_cast<std::ptrdiff_t>(i));
            return;
        }
    }

    std::vector<std::vector<uint8_t>> sound_;
    std::vector<Page> pages_;
    std::vector<uint32_t> free_;
    std::vector<uint32_t> held_;
    Limits left_;
};

}  // namespace vecstore::core
