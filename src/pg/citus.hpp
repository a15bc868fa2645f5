// Tables that Citus distributes. On the coordinator such a table looks like any other, and is empty.
#pragma once

#include "pg/postgres.hpp"

namespace vecstore::pg {

// Does Citus keep the rows of this table, on any node? False where Citus is not in the database. May raise.
bool is_distributed(Oid relation);

}  // namespace vecstore::pg
