// LangChain's FAISS folder: NAME.faiss, an index file whose ids are positions, and NAME.pkl, a pickle of
// (InMemoryDocstore, {position: id of a document}).
#pragma once

#include "core/stores/store_reader.hpp"

namespace vecstore::core::stores {

std::unique_ptr<StoreReader> open_langchain(const Folder& folder, const StoreOptions& options);

}  // namespace vecstore::core::stores
