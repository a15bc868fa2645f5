#include "core/stores/store_reader.hpp"

#include "core/base/option_text.hpp"
#include "core/stores/chroma.hpp"
#include "core/stores/langchain.hpp"

#include <filesystem>

namespace vecstore::core::stores {

bool PathFolder::holds(const std::string& name) const {
    std::error_code none;
    return std::filesystem::is_regular_file(path_of(name), none);
}

std::string store_kind(const Folder& folder, const StoreOptions& options) {
    if (folder.holds(chroma_database)) return "chroma";
    if (folder.holds(options.index_name + ".faiss") && folder.holds(options.index_name + ".pkl"))
        return "langchain";
    return {};
}

namespace {

[[noreturn]] void throw_no_store(const Folder& folder, const StoreOptions& options) {
    const std::string index = options.index_name + ".faiss", documents = options.index_name + ".pkl";
    if (folder.holds(index))
        throw Error(ErrorCode::file_not_supported,
                    folder.shown() + " has " + index + ", but not " + documents + " with its documents",
                    "LangChain writes both.",
                    "The vectors alone come in as those of any FAISS index: import the file \"" +
                        folder.path_of(index) + "\"" +
                        (option_style == OptionStyle::sql ? " with vecstore_import instead of the folder."
                                                          : " instead of the folder."));
    if (folder.holds(documents))
        throw Error(ErrorCode::file_not_supported,
                    folder.shown() + " has " + documents + ", but not " + index + " with its vectors",
                    "LangChain writes both.", "Copy the whole folder.");
    throw Error(ErrorCode::file_not_supported, folder.shown() + " is no store that can be read",
                "There are neither " + options.index_name + ".faiss and " + options.index_name +
                    ".pkl of LangChain in it, nor Chroma's " + chroma_database + ".",
                "Where LangChain's files have another name, say " + option_text("index_name", "...") + ".");
}

}  // namespace

std::unique_ptr<StoreReader> open_store(const Folder& folder, const StoreOptions& options,
                                        const std::string& kind) {
    const std::string found = kind.empty() ? store_kind(folder, options) : kind;
    if (found == "chroma") return open_chroma(folder, options);
    if (found == "langchain") return open_langchain(folder, options);
    throw_no_store(folder, options);
}

std::vector<StoreInfo> list_collections(const Folder& folder, const StoreOptions& options) {
    const std::string kind = store_kind(folder, options);
    if (kind == "chroma") return list_chroma_collections(folder);
    if (kind == "langchain") return {open_store(folder, options, kind)->info()};
    throw_no_store(folder, options);
}

}  // namespace vecstore::core::stores
