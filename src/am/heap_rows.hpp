// Rows that an index names, and their table may have.
#pragma once

#include "core/storage/format.hpp"
#include "pg/guard.hpp"

extern "C" {
#include "utils/rel.h"
}

namespace vecstore::am {

// TIDs come from the index's pages, which may be damaged. PostgreSQL takes the number of no block for the
// wish to make the table longer, says of a block beyond the end that it could not be read (data_corrupted,
// and names the table's file), and takes a row that a page cannot have for one that is gone. So they are
// looked at before.
class HeapRows {
  public:
    HeapRows(Relation index, Relation heap) : index_(index), heap_(heap) {}

    // Throws core::Error (corrupted_index) for a row that the table cannot have.
    void expect(const core::HeapTid& tid) {
        if (unlikely(tid.block >= blocks_ || tid.offset == 0 || tid.offset > most_on_page_)) look(tid);
    }

  private:
    void look(const core::HeapTid& tid);
    BlockNumber blocks_for(BlockNumber block) const;

    Relation index_, heap_;
    BlockNumber blocks_ = 0;  // known so far: tables grow
    OffsetNumber most_on_page_ = 0;
};

}  // namespace vecstore::am
