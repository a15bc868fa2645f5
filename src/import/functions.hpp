// Helpers that the SQL functions over files and bytea values share.
#pragma once

#include "core/io/formats/vector_reader.hpp"
#include "pg/guard.hpp"

#include <memory>
#include <string>

namespace vecstore::import {

std::string text_to_string(Datum text_datum);
// A name among a function's arguments; empty where it is null.
std::string name_argument(FunctionCallInfo fcinfo, int argument);

// Where a function's bytes come from. The argument is a path (text) or the bytes themselves (bytea).
std::unique_ptr<core::io::ByteSource> source_of_path(Datum path);
std::unique_ptr<core::io::ByteSource> source_of_bytea(Datum bytes);

// Raises 54000 where vectors of these dimensions are too long for type vector. `source` is its name.
void check_vector_limit(const char* source, uint64 dims);

}  // namespace vecstore::import
