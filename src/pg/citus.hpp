// What has to be known of Citus: a table that it distributes looks like any other on the coordinator, and is
// empty there.
#pragma once

#include "pg/postgres.hpp"

namespace vecstore::pg {

// Are the rows of this table kept by Citus, on whatever node? False where Citus is not in the database. May
// raise.
bool is_distributed(Oid relation);

}  // namespace vecstore::pg
