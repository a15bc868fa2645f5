// Pages in memory: the store an index is built in before its pages are written out, and the fake of the
// unit tests. Several threads may use one store; each page has a lock of its own, taken as a backend
// takes a buffer's content lock.
//
// The contract every page store fulfils (there is no base class: algorithms are templates over it):
//
//   ReadPage  read(block)      shared lock; payload() until the object dies
//   ReadPage  read_once(block) the same, of a pass over all pages, which is not to push out of memory what
//                              others need
//   WritePage write(block)     exclusive lock; peek() looks, modify() starts the change, commit(used) makes
//                              it durable and unlocks; dying without commit abandons the change
//                              read() and write() throw core::Error (corrupted_index) where there is no such
//                              block: numbers of blocks come from pages, which may be damaged
//   WritePage append(kind)     a new page at the end, initialized and locked
//   PageKind  kind_of(block)   what the page is for, without its lock: that never changes (second_page.hpp).
//                              Throws as these do
//   uint32_t  page_count()
//   void      expect(block, offset)            a hint: may be read some time soon. Where the page is has to
//                                              be found out (a walk of the page tables), which costs more
//                                              than reading it and goes on for several pages at once
//   void      prefetch(block, offset, bytes)   a hint: will be read next
//   void      check_interrupts()               may throw
//   uint32_t  find_free_page(attempt)          a page that may have a free slot; attempt = 0, 1, 2 looks in
//                                              more and more expensive places
//   void      note_free_page(block)            there is room left on this page, for the next insert
//   void      put_back_free_page(block)        there is, or will be, room on this page
//   void      pause_point()                    between pages of long work, no lock held; may sleep or throw
//   uint64_t  free_epoch()                     stamp for a slot freed now
//   bool      reusable(epoch)                  may a slot freed at that epoch hold a new node?
#pragma once

#include <atomic>
#include <cstdlib>
#include <functional>
#include <memory>
#include <mutex>
#include <thread>
#include <vector>

#include "core/base/error.hpp"
#include "core/storage/node.hpp"
#include "core/storage/page_blocks.hpp"

namespace vecstore::core {

// Readers and one writer; spins, since nothing is held longer than a few microseconds.
class PageLock {
  public:
    void lock_shared() {
        for (;;) {
            uint32_t v = state_.load(std::memory_order_relaxed);
            if (!(v & writer) && state_.compare_exchange_weak(v, v + 1, std::memory_order_acquire)) return;
            pause();
        }
    }
    void unlock_shared() { state_.fetch_sub(1, std::memory_order_release); }
    void lock() {
        for (;;) {
            uint32_t expected = 0;
            if (state_.compare_exchange_weak(expected, writer, std::memory_order_acquire)) return;
            pause();
        }
    }
    void unlock() { state_.store(0, std::memory_order_release); }

  private:
    static constexpr uint32_t writer = 0x80000000u;
    static void pause() { std::this_thread::yield(); }
    std::atomic<uint32_t> state_{0};
};

class MemStore {
    // Before the payload of each page, in the place of PostgreSQL's page header: on the cache line that a
    // reader of the page needs anyway.
    struct Frame {
        PageLock lock;
        uint16_t used;  // bytes of the payload in use, for the page's pd_lower

        uint8_t* payload() { return reinterpret_cast<uint8_t*>(this) + frame_bytes; }
    };
    static constexpr size_t frame_bytes = PageBlocks::page_bytes - page_payload_size;
    static_assert(sizeof(Frame) <= frame_bytes);

  public:
    // max_pages: how many there can be; memory is taken as pages are appended. From `memory`, which must
    // outlive the store, or the store's own.
    explicit MemStore(size_t max_pages, PageBlocks* memory = nullptr)
        : page_limit_(max_pages),
          memory_(memory != nullptr ? *memory : own_memory_),
          blocks_((max_pages + PageBlocks::pages_per_block - 1) / PageBlocks::pages_per_block) {}
    MemStore(const MemStore&) = delete;
    MemStore& operator=(const MemStore&) = delete;

    class ReadPage {
      public:
        explicit ReadPage(Frame* frame) : frame_(frame) { frame_->lock.lock_shared(); }
        ~ReadPage() {
            if (frame_) frame_->lock.unlock_shared();
        }
        ReadPage(ReadPage&& o) noexcept : frame_(o.frame_) { o.frame_ = nullptr; }
        ReadPage& operator=(ReadPage&&) = delete;
        const uint8_t* payload() const { return frame_->payload(); }

      private:
        Frame* frame_;
    };

    class WritePage {
      public:
        WritePage(Frame* frame, uint32_t block) : frame_(frame), block_(block) { frame_->lock.lock(); }
        ~WritePage() {
            if (frame_) frame_->lock.unlock();
        }
        WritePage(WritePage&& o) noexcept : frame_(o.frame_), block_(o.block_) { o.frame_ = nullptr; }
        WritePage& operator=(WritePage&&) = delete;
        uint32_t block() const { return block_; }
        const uint8_t* peek() const { return frame_->payload(); }
        uint8_t* modify() { return frame_->payload(); }
        void commit(size_t used = 0) {
            if (used > frame_->used) frame_->used = static_cast<uint16_t>(used);
            frame_->lock.unlock();
            frame_ = nullptr;
        }

      private:
        Frame* frame_;
        uint32_t block_;
    };

    ReadPage read(uint32_t block) { return ReadPage(&frame(block)); }
    ReadPage read_once(uint32_t block) { return read(block); }
    WritePage write(uint32_t block) { return WritePage(&frame(block), block); }

    WritePage append(PageKind kind) {
        std::unique_lock<std::mutex> guard(mutex_);
        uint32_t block;
        while (!has_memory(block = next_block())) {
            // Not while others wait for the lock.
            guard.unlock();
            PageBlocks::Block fresh = memory_.take();
            guard.lock();
            if (!has_memory(block = next_block()))
                blocks_[block / PageBlocks::pages_per_block] = std::move(fresh);
            else
                memory_.put(std::move(fresh));
        }
        Frame& frame = *new (address(block)) Frame{};
        page_head(frame.payload()) = PageHead{kind, 0, 0};
        frame.used = sizeof(PageHead);
        WritePage page(&frame, block);  // nobody knows the page yet: does not wait
        page_count_.store(block + 1, std::memory_order_release);
        return page;
    }

    PageKind kind_of(uint32_t block) { return page_head(frame(block).payload()).kind; }

    uint32_t page_count() const { return page_count_.load(std::memory_order_acquire); }
    size_t page_limit() const { return page_limit_; }

    void expect(uint32_t block, size_t offset) {
        if (block < page_count()) __builtin_prefetch(address(block) + frame_bytes + offset);
    }
    void prefetch(uint32_t block, size_t offset, size_t bytes) {
        if (block >= page_count()) return;
        const uint8_t* p = address(block) + frame_bytes + offset;
        __builtin_prefetch(address(block));
        for (size_t i = 0; i < bytes; i += 64) __builtin_prefetch(p + i);
    }
    void check_interrupts() {}
    void pause_point() {
        if (on_pause_) on_pause_();
    }
    // Sets what is done at the pause points of long work.
    void on_pause(std::function<void()> action) { on_pause_ = std::move(action); }

    uint32_t find_free_page(int) {
        std::lock_guard<std::mutex> guard(mutex_);
        if (free_.empty()) return invalid_block;
        const uint32_t block = free_.back();
        free_.pop_back();
        return block;
    }
    void note_free_page(uint32_t block) {
        std::lock_guard<std::mutex> guard(mutex_);
        free_.push_back(block);
    }
    void put_back_free_page(uint32_t block) { note_free_page(block); }
    uint64_t free_epoch() const { return 1; }
    bool reusable(uint64_t) const { return true; }

    // Without a lock: for a thread that works alone, or reads bytes that no other thread changes.
    const uint8_t* payload(uint32_t block) { return frame(block).payload(); }
    size_t used(uint32_t block) { return frame(block).used; }

  private:
    // The next page's number, with mutex_ held.
    uint32_t next_block() const {
        const uint32_t block = page_count_.load(std::memory_order_relaxed);
        if (block >= page_limit_) throw Error(ErrorCode::internal, "in-memory page store is full");
        return block;
    }
    bool has_memory(uint32_t block) const { return blocks_[block / PageBlocks::pages_per_block] != nullptr; }

    uint8_t* address(uint32_t block) const {
        return blocks_[block / PageBlocks::pages_per_block].get() +
               (block % PageBlocks::pages_per_block) * PageBlocks::page_bytes;
    }

    Frame& frame(uint32_t block) {
        if (block >= page_count())
            throw Error(ErrorCode::corrupted_index, "page " + std::to_string(block) + " does not exist");
        return *reinterpret_cast<Frame*>(address(block));
    }

    size_t page_limit_;
    PageBlocks own_memory_;
    PageBlocks& memory_;
    std::vector<PageBlocks::Block> blocks_;
    std::atomic<uint32_t> page_count_{0};
    std::vector<uint32_t> free_;
    std::function<void()> on_pause_;
    std::mutex mutex_;
};

inline bool holds_nodes(MemStore& store, uint32_t block) {
    return page_head(store.payload(block)).kind == PageKind::nodes;
}

// The node in a slot, without a lock and unchecked: for a thread that works alone, or reads bytes that no
// other thread changes.
inline ConstNode node_at(MemStore& store, const NodeLayout& layout, const Link& at) {
    return ConstNode(layout, layout.raw_slot(store.payload(at.block), at.slot));
}
inline ConstNode node_at(MemStore& store, const NodeLayout& layout, uint64_t slot_id) {
    return node_at(store, layout, layout.slot_link(slot_id));
}

}  // namespace vecstore::core
