// The settings that a harness makes in server_stubs.cpp.
#pragma once

#include "pg/guard.hpp"

extern "C" {
#include "libpq/pqformat.h"
#include "utils/array.h"
#include "utils/fmgrprotos.h"
#include "utils/jsonb.h"
#include "utils/varbit.h"
}

namespace vecstore::fuzz {

extern int raised_state;   // of the last error
extern bool in_aggregate;  // what AggCheckCallContext() answers
void free_memory();        // all that palloc() has given

}  // namespace vecstore::fuzz
