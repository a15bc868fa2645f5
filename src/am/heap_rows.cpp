#include "am/heap_rows.hpp"

#include "core/base/error.hpp"

extern "C" {
#include "access/heapam.h"
#include "access/htup_details.h"
#include "storage/bufmgr.h"
#include "storage/smgr.h"
}

namespace vecstore::am {

// As known in this backend, where that is enough: then the system need not be asked. May raise.
BlockNumber HeapRows::blocks_for(BlockNumber block) const {
    const BlockNumber known = RelationGetSmgr(heap_)->smgr_cached_nblocks[MAIN_FORKNUM];
    return known != InvalidBlockNumber && block < known ? known : RelationGetNumberOfBlocks(heap_);
}

void HeapRows::look(const core::HeapTid& tid) {
    // Other table access methods number their rows as they like.
    const bool is_heap = heap_->rd_tableam == GetHeapamTableAmRoutine();
    most_on_page_ = is_heap ? MaxHeapTuplesPerPage : PG_UINT16_MAX;
    const bool on_page = tid.offset > 0 && tid.offset <= most_on_page_;
    blocks_ = is_heap ? pg::pg_call([&] { return blocks_for(tid.block); }) : InvalidBlockNumber;
    if (tid.block < blocks_ && on_page) return;
    throw core::Error(core::ErrorCode::corrupted_index,
                      "index \"" + std::string(RelationGetRelationName(index_)) +
                          "\" is damaged: it has a row (" + std::to_string(tid.block) + "," +
                          std::to_string(tid.offset) + "), which table \"" + RelationGetRelationName(heap_) +
                          "\" cannot have",
                      {}, "vecstore_check() tells where. REINDEX makes the index anew from its table.");
}

}  // namespace vecstore::am
