#include "pg/bufmgr_store.hpp"

#include "pg/index_end.hpp"

extern "C" {
#include "access/transam.h"
#include "storage/freespace.h"
#include "storage/indexfsm.h"
#include "storage/lmgr.h"
#include "utils/snapmgr.h"
}

namespace vecstore::pg {

static_assert(BLCKSZ == core::page_bytes, "the page format is made for pages of 8 kB");
static_assert(MAXALIGN(SizeOfPageHeaderData) == BufmgrStore::page_header_size);
static_assert(BLCKSZ - BufmgrStore::page_header_size == core::page_payload_size);

void RecentBuffers::resize_for(BlockNumber blocks) {
    updates_ = 0;
    size_t entries = 1024;
    while (entries < blocks && entries < max_entries) entries *= 2;
    if (entries <= table_.size()) return;
    table_.assign(entries, InvalidBuffer);
    mask_ = entries - 1;
}

namespace {

// Of the index that was read last. (After a truncation the number is too large. PostgreSQL then says that the
// block cannot be read.)
IndexEnd& end_of(Relation index, ForkNumber fork) {
    static Oid storage = InvalidOid;
    static ForkNumber of_fork = InvalidForkNumber;
    static IndexEnd end;
    const Oid now = storage_number(index);
    if (storage != now || of_fork != fork) {
        storage = now;
        of_fork = fork;
        end = IndexEnd{};
    }
    return end;
}

}  // namespace

// Pins the block. May raise (called within pg_call), as it does where there is no such block.
//
// ReadRecentBuffer leaves the buffer's usage count as it is. So it is for pages whose count cannot rise:
// others go through ReadBuffer, which counts, as each page does again whenever clock sweep has passed it.
Buffer BufmgrStore::pin(uint32_t block, BufferAccessStrategy strategy) {
    if (recent_ != nullptr) {
        const Buffer guess = recent_->guess(block);
        if (guess > 0 && (is_hot(guess) || strategy != nullptr) &&
            read_recent_buffer(index_, fork_, block, guess)) {
            count_hit(index_);
            if (unlikely(strategy_ != nullptr)) count_vacuum_hit();
            return guess;
        }
    }
    end_of(index_, fork_).expect_before(index_, fork_, block);
    const Buffer buffer = ReadBufferExtended(index_, fork_, block, RBM_NORMAL, strategy);
    if (recent_ != nullptr) recent_->saw(block, buffer);
    return buffer;
}

// Generic WAL makes zeros of the bytes between a page's bounds. Raises where some of these bytes are in use.
static void expect_sound_bounds(Relation index, Buffer buffer) {
    const auto* const header = reinterpret_cast<PageHeader>(BufferGetPage(buffer));
    if (likely(header->pd_lower >= BufmgrStore::page_header_size + sizeof(core::PageHead) &&
               header->pd_upper == BLCKSZ))
        return;
    ereport(
        ERROR,
        (errcode(ERRCODE_INDEX_CORRUPTED),
         errmsg("index \"%s\" is damaged at block %u: its page is in use up to byte %d, and from byte %d on",
                RelationGetRelationName(index), BufferGetBlockNumber(buffer), header->pd_lower,
                header->pd_upper),
         errhint("REINDEX makes the index anew from its table.")));
}

BufmgrStore::ReadPage BufmgrStore::read(uint32_t block, BufferAccessStrategy strategy) {
    return ReadPage(pg_call([&] {
        const Buffer buffer = pin(block, strategy);
        LockBuffer(buffer, BUFFER_LOCK_SHARE);
        return buffer;
    }));
}

BufmgrStore::WritePage BufmgrStore::write(uint32_t block) {
    const Buffer buffer = pg_call([&] {
        const Buffer pinned = pin(block, nullptr);
        LockBuffer(pinned, BUFFER_LOCK_EXCLUSIVE);
        return pinned;
    });
    return WritePage(*this, buffer, false);
}

BufmgrStore::WritePage BufmgrStore::append(core::PageKind kind) {
    const Buffer buffer = pg_call([&] {
        const bool lock = !RELATION_IS_LOCAL(index_);
        if (lock) LockRelationForExtension(index_, ExclusiveLock);
        const Buffer fresh = ReadBufferExtended(index_, fork_, P_NEW, RBM_NORMAL, nullptr);
        LockBuffer(fresh, BUFFER_LOCK_EXCLUSIVE);
        if (lock) UnlockRelationForExtension(index_, ExclusiveLock);
        return fresh;
    });
    WritePage page(*this, buffer, true);
    core::page_head(page.modify()) = core::PageHead{kind, 0, 0};
    return page;
}

// (Two bytes that were written before anybody could know of the page.)
core::PageKind BufmgrStore::kind_of(uint32_t block) {
    return pg_call([&] {
        const Buffer buffer = pin(block, nullptr);
        const core::PageKind kind = core::page_head(page_payload(buffer)).kind;
        ReleaseBuffer(buffer);
        return kind;
    });
}

uint32_t BufmgrStore::page_count() {
    return pg_call([&] { return RelationGetNumberOfBlocksInFork(index_, fork_); });
}

uint8_t* BufmgrStore::WritePage::modify() {
    if (image_ != nullptr) return image_;
    // A page that was added just before a crash, and never written, is all zeros. Without its bounds a change
    // to it has no end, and the notes of generic WAL would overrun their buffer.
    is_new_ = is_new_ || PageIsNew(BufferGetPage(buffer_));
    Page page = pg_call([&]() -> Page {
        // Nor is anything kept between bounds that are not as PageInit() and commit() set them.
        if (!is_new_) expect_sound_bounds(store_.index_, buffer_);
        if (store_.wal_ == Wal::skip) return BufferGetPage(buffer_);
        state_ = GenericXLogStart(store_.index_);
        return GenericXLogRegisterBuffer(state_, buffer_, is_new_ ? GENERIC_XLOG_FULL_IMAGE : 0);
    });
    if (is_new_) {
        PageInit(page, BLCKSZ, 0);
        // Bytes between pd_lower and pd_upper are not logged and read as zero after replay. So pd_lower
        // always covers the last byte in use (commit).
        auto* header = reinterpret_cast<PageHeader>(page);
        header->pd_lower = page_header_size + sizeof(core::PageHead);
        is_new_ = false;
    }
    image_ = reinterpret_cast<uint8_t*>(page) + page_header_size;
    return image_;
}

void BufmgrStore::WritePage::commit(size_t used) {
    if (image_ == nullptr) {
        abandon();
        return;
    }
    auto* header = reinterpret_cast<PageHeader>(image_ - page_header_size);
    const size_t lower = page_header_size + used;
    if (lower > header->pd_lower) header->pd_lower = static_cast<LocationIndex>(Min(lower, BLCKSZ));
    pg_call([&] {
        if (state_ != nullptr) {
            GenericXLogState* const state = state_;
            state_ = nullptr;
            GenericXLogFinish(state);
        } else {
            MarkBufferDirty(buffer_);
        }
    });
    UnlockReleaseBuffer(buffer_);
    buffer_ = InvalidBuffer;
}

void BufmgrStore::WritePage::abandon() {
    if (state_ != nullptr) GenericXLogAbort(state_);
    state_ = nullptr;
    if (buffer_ != InvalidBuffer) UnlockReleaseBuffer(buffer_);
    buffer_ = InvalidBuffer;
}

uint32_t BufmgrStore::find_free_page(int attempt) {
    return pg_call([&]() -> uint32_t {
        if (attempt == 0) {
            const BlockNumber block = RelationGetTargetBlock(index_);
            RelationSetTargetBlock(index_, InvalidBlockNumber);
            return block;
        }
        // During a build only pages that the build itself left are free.
        if (wal_ == Wal::skip) return core::invalid_block;
        const BlockNumber blocks = RelationGetNumberOfBlocks(index_);
        if (attempt == 1) {
            // The map is not crash-safe: it may know of pages that never came to be.
            const BlockNumber block = GetFreeIndexPage(index_);
            return block < blocks ? block : core::invalid_block;
        }
        return blocks > 1 ? blocks - 1 : core::invalid_block;
    });
}

void BufmgrStore::note_free_page(uint32_t block) { RelationSetTargetBlock(index_, block); }

void BufmgrStore::put_back_free_page(uint32_t block) {
    if (wal_ == Wal::skip) return;
    pg_call([&] { RecordFreeIndexPage(index_, block); });
}

void BufmgrStore::pause_point() {
    pg_call([] { vacuum_delay(); });
}

uint64_t BufmgrStore::free_epoch() {
    // The newest transaction there is: its successor, the next insert, may have the slot at once. A scan that
    // runs now and meets the slot then still knows it by its generation for another stranger; this stamp only
    // keeps a slot from going through all 256 generations while one old scan is running.
    return pg_call([] {
        FullTransactionId newest = ReadNextFullTransactionId();
        FullTransactionIdRetreat(&newest);
        return U64FromFullTransactionId(newest);
    });
}

bool BufmgrStore::reusable(uint64_t epoch) {
    if (epoch == 0) return true;
    return pg_call([&] { return GlobalVisCheckRemovableFullXid(nullptr, FullTransactionIdFromU64(epoch)); });
}

}  // namespace vecstore::pg
