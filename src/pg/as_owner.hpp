// Runs the code of a table's owner (expressions of indexes, conditions of checks) with the owner's rights,
// not with those of the user who works on the table. It cannot change the session. REINDEX, VACUUM and
// amcheck do the same.
#pragma once

#include "pg/postgres.hpp"

extern "C" {
#include "utils/guc.h"
}

namespace vecstore::pg {

class AsOwner {
  public:
    explicit AsOwner(Oid owner) {
        GetUserIdAndSecContext(&user_, &context_);
        SetUserIdAndSecContext(owner, context_ | SECURITY_RESTRICTED_OPERATION);
        guc_level_ = NewGUCNestLevel();
        restrict_search_path();
    }
    // Not a destructor: after an error, the end of the (sub)transaction does this.
    void end() const {
        AtEOXact_GUC(false, guc_level_);
        SetUserIdAndSecContext(user_, context_);
    }

  private:
    Oid user_;
    int context_;
    int guc_level_;
};

}  // namespace vecstore::pg
