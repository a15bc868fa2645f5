// Whether an import can go on where an earlier call stopped: are the rows that it has written still in the
// table?
#pragma once

#include "import/verify.hpp"

namespace vecstore::import {

// What the rows are compared with: nothing (triggers may have changed them), or what the import has written.
enum class RowCheck { any_rows, same_rows };

// False where the table is empty, for whatever reason: the import starts at the first row then, and a notice
// says so. Raises where rows are missing, where the table is another one, or where nobody can tell. Calls
// Postgres only, inside an SPI connection; the target must be locked. For jobs of the current role.
bool may_go_on(const ImportedRows& rows, RowCheck check);

}  // namespace vecstore::import
