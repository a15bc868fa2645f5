// Whether an import can go on where an earlier call stopped: the rows that it has written must still be in
// the table.
#pragma once

#include "import/verify.hpp"

namespace vecstore::import {

// any_rows: the rows are not compared (triggers may have changed them). same_rows: they must be those that
// the import has written.
enum class RowCheck { any_rows, same_rows };

// False where the table is empty: the import then starts at the first row, and a notice says so. Raises where
// rows are missing, where the table is another one, or where nobody can tell. Calls Postgres only, inside an
// SPI connection; the target must be locked. For jobs of the current role.
bool may_go_on(const ImportedRows& rows, RowCheck check);

}  // namespace vecstore::import
