// The arguments of CALL vecstore_import_store.
#pragma once

#include "core/stores/store_reader.hpp"
#include "import/options.hpp"
#include "import/stores/store_rows.hpp"

namespace vecstore::import {

struct StoreImportOptions {
    std::string target;
    std::string path;
    core::stores::StoreOptions store;
    std::string columns[store_columns];  // id, document, metadata, embedding; empty: left out
    uint64_t batch_size;
    OnConflict on_conflict;
    bool resume;
    bool verify;
};

// Raises 22004 and 22023.
StoreImportOptions parse_store_arguments(FunctionCallInfo fcinfo);

}  // namespace vecstore::import
