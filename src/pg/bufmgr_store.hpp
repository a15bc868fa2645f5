// The page store of a running server: PostgreSQL's buffer manager, with generic WAL. Fulfils the contract
// in core/storage/mem_store.hpp.
//
// Reads of pages that are in use go through ReadRecentBuffer with a remembered buffer number, a fifth of the
// price of a buffer-table lookup; Postgres itself checks the guess at each use.
#pragma once

#include "pg/guard.hpp"

#include "core/storage/layout.hpp"

extern "C" {
#include "access/generic_xlog.h"
#include "storage/buf_internals.h"
#include "storage/bufmgr.h"
#include "utils/rel.h"
}

namespace vecstore::pg {

// Which buffer each block of one index was last seen in. Guesses only. One table per index and backend.
class RecentBuffers {
  public:
    explicit RecentBuffers(BlockNumber blocks) { resize_for(blocks); }

    Buffer guess(BlockNumber block) const { return table_[block & mask_]; }
    void saw(BlockNumber block, Buffer buffer) {
        if (table_[block & mask_] == buffer) return;
        table_[block & mask_] = buffer;
        ++updates_;
    }
    // After as many misses as there are entries it is time to ask how large the index has become.
    bool used_up() const { return updates_ > 2 * table_.size() && table_.size() < max_entries; }
    void resize_for(BlockNumber blocks);

  private:
    static constexpr size_t max_entries = size_t{1} << 19;
    std::vector<Buffer> table_;
    size_t mask_ = 0;
    size_t updates_ = 0;
};

class BufmgrStore {
  public:
    enum class Wal { log, skip };  // skip: a build, which logs all pages at its end

    BufmgrStore(Relation index, RecentBuffers* recent, Wal wal = Wal::log, ForkNumber fork = MAIN_FORKNUM)
        : index_(index), recent_(recent), wal_(wal), fork_(fork) {}

    // The strategy for reads that pass over all pages (read_once); null: as for any other page.
    void set_strategy(BufferAccessStrategy strategy) { strategy_ = strategy; }

    class ReadPage {
      public:
        explicit ReadPage(Buffer buffer) : buffer_(buffer) {}
        ~ReadPage() {
            if (buffer_ != InvalidBuffer) UnlockReleaseBuffer(buffer_);
        }
        ReadPage(ReadPage&& o) noexcept : buffer_(o.buffer_) { o.buffer_ = InvalidBuffer; }
        ReadPage& operator=(ReadPage&&) = delete;
        const uint8_t* payload() const { return page_payload(buffer_); }

      private:
        Buffer buffer_;
    };

    class WritePage {
      public:
        WritePage(BufmgrStore& store, Buffer buffer, bool is_new)
            : store_(store), buffer_(buffer), is_new_(is_new) {}
        ~WritePage() { abandon(); }
        WritePage(WritePage&& o) noexcept
            : store_(o.store_), buffer_(o.buffer_), state_(o.state_), image_(o.image_), is_new_(o.is_new_) {
            o.buffer_ = InvalidBuffer;
            o.state_ = nullptr;
        }
        WritePage& operator=(WritePage&&) = delete;

        uint32_t block() const { return BufferGetBlockNumber(buffer_); }
        // The page as it is; once modify() was called, as it will be.
        const uint8_t* peek() const { return image_ != nullptr ? image_ : page_payload(buffer_); }
        uint8_t* modify();
        // used: bytes of the payload in use from its start; 0: no more than before.
        void commit(size_t used = 0);

      private:
        void abandon();

        BufmgrStore& store_;
        Buffer buffer_;
        GenericXLogState* state_ = nullptr;
        uint8_t* image_ = nullptr;  // payload of the page being changed
        bool is_new_;
    };

    ReadPage read(uint32_t block) { return read(block, nullptr); }
    ReadPage read_once(uint32_t block) { return read(block, strategy_); }
    WritePage write(uint32_t block);
    WritePage append(core::PageKind kind);
    core::PageKind kind_of(uint32_t block);
    uint32_t page_count();

    void expect(uint32_t block, size_t offset) { prefetch(block, offset, 1); }
    void prefetch(uint32_t block, size_t offset, size_t bytes) {
        if (recent_ == nullptr) return;
        const Buffer guess = recent_->guess(block);
        if (guess <= 0) return;
        // Pinning and locking write to the descriptor.
        __builtin_prefetch(GetBufferDescriptor(guess - 1), 1);
        // The page's first line says what the page is for. It is read for every slot.
        const char* p = static_cast<const char*>(BufferGetBlock(guess));
        __builtin_prefetch(p, 0, 2);
        p += page_header_size + offset;
        for (size_t i = 0; i < bytes; i += 64) __builtin_prefetch(p + i, 0, 2);
    }
    void check_interrupts() { pg::check_interrupts(); }

    // attempt 0: where this backend last left room; 1: the free space map; 2: the last page.
    uint32_t find_free_page(int attempt);
    void note_free_page(uint32_t block);
    void put_back_free_page(uint32_t block);
    // Vacuum's cost-based delay.
    void pause_point();
    uint64_t free_epoch();
    bool reusable(uint64_t epoch);

    Relation index() const { return index_; }

    static constexpr size_t page_header_size = 24;
    static const uint8_t* page_payload(Buffer buffer) {
        return reinterpret_cast<const uint8_t*>(BufferGetPage(buffer)) + page_header_size;
    }

  private:
    friend class WritePage;
    ReadPage read(uint32_t block, BufferAccessStrategy strategy);
    Buffer pin(uint32_t block, BufferAccessStrategy strategy);

    Relation index_;
    RecentBuffers* recent_;
    Wal wal_;
    ForkNumber fork_;
    BufferAccessStrategy strategy_ = nullptr;
};

}  // namespace vecstore::pg
