// The parts that maintenance functions share: which index, who may ask, and a page store that only reads,
// through a small ring of buffers, so that looking at a large index does not push everything else out.
#pragma once

#include "pg/guard.hpp"

#include "core/storage/layout.hpp"
#include "pg/index_end.hpp"

extern "C" {
#include "storage/bufmgr.h"
#include "utils/rel.h"
}

namespace vecstore::am {

// An index of ours and its table, open and locked.
struct OpenIndex {
    Relation heap;
    Relation index;
    LOCKMODE heap_lock;
};

// Raises when it is none of ours, cannot be read here, or is not the user's to look at. May raise anything:
// to be called before there is anything to destroy.
OpenIndex open_index(Oid index, LOCKMODE heap_lock);
void close_index(const OpenIndex& open);

// Fulfils the part of the contract in core/storage/mem_store.hpp that a reader needs.
class IndexReader {
  public:
    IndexReader(Relation index, BufferAccessStrategy strategy) : index_(index), strategy_(strategy) {}

    class ReadPage {
      public:
        explicit ReadPage(Buffer buffer) : buffer_(buffer) {}
        ~ReadPage() {
            if (buffer_ != InvalidBuffer) UnlockReleaseBuffer(buffer_);
        }
        ReadPage(ReadPage&& o) noexcept : buffer_(o.buffer_) { o.buffer_ = InvalidBuffer; }
        ReadPage& operator=(ReadPage&&) = delete;

        const uint8_t* payload() const {
            return reinterpret_cast<const uint8_t*>(BufferGetPage(buffer_)) + header_size;
        }
        // Bytes of the payload that the page header says are in use: what lies beyond is not in the WAL.
        size_t used() const {
            const auto lower = reinterpret_cast<PageHeader>(BufferGetPage(buffer_))->pd_lower;
            return lower >= header_size && lower <= BLCKSZ ? lower - header_size : 0;
        }

      private:
        static constexpr size_t header_size = MAXALIGN(SizeOfPageHeaderData);
        Buffer buffer_;
    };

    ReadPage read(uint32_t block) {
        return ReadPage(pg::pg_call([&] {
            end_.expect_before(index_, MAIN_FORKNUM, block);
            const Buffer buffer = ReadBufferExtended(index_, MAIN_FORKNUM, block, RBM_NORMAL, strategy_);
            LockBuffer(buffer, BUFFER_LOCK_SHARE);
            return buffer;
        }));
    }
    uint32_t page_count() {
        return pg::pg_call([&] { return RelationGetNumberOfBlocks(index_); });
    }
    void check_interrupts() { pg::check_interrupts(); }

  private:
    Relation index_;
    BufferAccessStrategy strategy_;
    pg::IndexEnd end_;
};

}  // namespace vecstore::am
