// The table that an import makes where there is none.
#pragma once

#include "core/io/formats/vector_reader.hpp"
#include "import/metadata.hpp"
#include "import/options.hpp"

namespace vecstore::import {

// Fills in the names of the vector and id columns where none are given, and executes CREATE TABLE. `function`
// is one of this extension. Returns the statement.
std::string create_import_table(ImportOptions& options, Oid function, const core::io::VectorFileInfo& info,
                                const Metadata* metadata);

// The table of this name, or InvalidOid.
Oid find_table(const std::string& name);

}  // namespace vecstore::import
