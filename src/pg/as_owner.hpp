// What a table's owner has written (expressions of indexes, conditions of checks) runs with the owner's
// rights, not with those of whoever works on the table, and cannot change the session: as in REINDEX, VACUUM
// and amcheck.
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
