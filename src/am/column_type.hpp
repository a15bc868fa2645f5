// The types of column that can be indexed, and how their values become what core works with.
#pragma once

#include "pg/guard.hpp"

#include "core/hnsw/space/vector_space.hpp"

extern "C" {
#include "utils/rel.h"
}

namespace vecstore::am {

struct ColumnValue {
    core::RawVector raw;
    uint32_t dims;
};

struct ColumnType {
    core::VectorKind kind;
    const char* name;
    int max_dims;  // that can be indexed
    // A value of the type. Copies that it needs are in the current memory context. May raise.
    ColumnValue (*read)(Datum datum);
};

const ColumnType& column_type(core::VectorKind kind);

// Of an index that may have no storage yet: from its operator class, whose support function knows it
// (AccessMethod::type_proc). May raise.
const ColumnType& column_type(Relation index);

// Throws core::Error (data_exception) when a value has not as many dimensions as the index.
void check_dims(uint32_t expected, uint32_t found);

}  // namespace vecstore::am
