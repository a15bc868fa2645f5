// Chroma's folder, of the releases 0.4 to 1.x: chroma.sqlite3, which has collections, documents and metadata
// and a queue of what was written, and a folder for each collection whose vectors have left the queue.
//
// A collection's rows are those of its metadata segment. A row's vector is the one that the queue, replayed
// in its order over what the vector segment holds, leaves for its id. The queue may begin before the
// segment's last write (Chroma cleans it up at its leisure): replaying a write twice, and all after it, ends
// at the same vectors.
#pragma once

#include "core/stores/store_reader.hpp"

namespace vecstore::core::stores {

extern const char* const chroma_database;

std::unique_ptr<StoreReader> open_chroma(const Folder& folder, const StoreOptions& options);
std::vector<StoreInfo> list_chroma_collections(const Folder& folder);

}  // namespace vecstore::core::stores
