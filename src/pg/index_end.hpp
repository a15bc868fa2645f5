// A check of block numbers: they come from pages, which may be damaged. No block is read that the index does
// not have.
#pragma once

#include "pg/postgres.hpp"

extern "C" {
#include "storage/bufmgr.h"
#include "utils/rel.h"
}

namespace vecstore::pg {

// How many blocks the index has. An index grows, so the system is asked again when a block lies beyond the
// number. Raises (index_corrupted) where there is no such block. (PostgreSQL itself would take one of these
// numbers for the wish to extend the index.)
class IndexEnd {
  public:
    void expect_before(Relation index, ForkNumber fork, BlockNumber block) {
        if (likely(block < blocks_)) return;
        blocks_ = RelationGetNumberOfBlocksInFork(index, fork);
        if (block >= blocks_) raise(index, block);
    }

  private:
    [[noreturn]] void raise(Relation index, BlockNumber block) const {
        ereport(ERROR, (errcode(ERRCODE_INDEX_CORRUPTED),
                        errmsg("index \"%s\" is damaged: one of its pages names block %u, and it has %u",
                               RelationGetRelationName(index), block, blocks_),
                        errhint("vecstore_check() tells what else is damaged. REINDEX makes the index anew "
                                "from its table.")));
    }

    BlockNumber blocks_ = 0;
};

}  // namespace vecstore::pg
