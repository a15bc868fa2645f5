// Rows of stores as values of SQL.
#pragma once

#include "core/stores/store_reader.hpp"
#include "pg/postgres.hpp"

namespace vecstore::import {

// id text, document text, metadata jsonb, embedding vector.
constexpr int store_columns = 4;
constexpr int store_id = 0;
constexpr int store_vector = 3;

struct StoreValues {
    Datum values[store_columns];
    bool nulls[store_columns];
};

// In the current memory context. May raise: to be called in pg_call().
void make_store_values(const core::stores::StoreRow& row, StoreValues* out);

// Reads the next row; false at the end. A canceled query is reported as one, also where the reader noticed
// it first.
bool read_store_row(core::stores::StoreReader& reader, core::stores::StoreRow& row);

// Says how many texts had to be changed, if any.
void report_altered_texts(const core::stores::StoreReader& reader);

}  // namespace vecstore::import
