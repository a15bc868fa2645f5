// libFuzzer harness of the readers of stores, Chroma's and LangChain's: reading a folder ends with rows, or
// with a core::Error, no matter what its files hold.
//
// An input is a folder: for each file its number in `files`, the length of its content (32 bits, little
// endian), and that. pack_store.py makes them. A file that the end of the input cuts off is shorter.
#include "fuzz.hpp"

#include "core/stores/store_reader.hpp"

#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <map>
#include <string>

#include <unistd.h>

namespace {

using namespace vecstore::core;
using vecstore::fuzz::expect_core_errors_only;
using vecstore::fuzz::require;

const char* const files[] = {"chroma.sqlite3",        "header.bin",  "data_level0.bin", "length.bin",
                             "index_metadata.pickle", "index.faiss", "index.pkl"};
constexpr size_t file_count = sizeof(files) / sizeof(files[0]);
constexpr uint64_t most_rows = 20000;

// SQLite reads its database from a file system; the others lie in memory.
class FuzzedFolder : public stores::Folder {
  public:
    FuzzedFolder(const uint8_t* data, size_t size) {
        while (size >= 5) {
            const size_t length = std::min<size_t>(load_little_endian<uint32_t>(data + 1), size - 5);
            contents_[files[data[0] % file_count]] = std::string(reinterpret_cast<const char*>(data) + 5,
                                                                 length);
            data += 5 + length;
            size -= 5 + length;
        }
        if (!holds(files[0])) return;
        std::FILE* const out = std::fopen(database().c_str(), "wb");
        require(out != nullptr);
        const std::string& content = contents_[files[0]];
        require(std::fwrite(content.data(), 1, content.size(), out) == content.size() &&
                std::fclose(out) == 0);
    }

    const std::string& shown() const override { return shown_; }
    std::string path_of(const std::string&) const override { return database(); }
    // Segments' files lie in folders of any name.
    bool holds(const std::string& name) const override { return contents_.count(bare(name)) > 0; }
    std::unique_ptr<io::ByteSource> open(const std::string& name) const override {
        const auto found = contents_.find(bare(name));
        if (found == contents_.end()) throw Error(ErrorCode::io, "there is no file \"" + name + "\"");
        return std::make_unique<io::MemorySource>("file \"" + found->first + "\"", found->second.data(),
                                                  found->second.size());
    }
    // A database can hold queries without end.
    void check_interrupts() const override {
        if (++checks_ > 300) throw Error(ErrorCode::limit_exceeded, "that takes too long");
    }

  private:
    static std::string bare(const std::string& name) { return name.substr(name.rfind('/') + 1); }
    static const std::string& database() {
        static const char* const folder = std::getenv("FUZZ_DATABASES");
        static const std::string path = std::string(folder == nullptr ? "/tmp" : folder) + "/fuzzed." +
                                        std::to_string(getpid());
        return path;
    }

    std::map<std::string, std::string> contents_;
    std::string shown_ = "fuzzed folder";
    mutable int checks_ = 0;
};

void read_store(const stores::Folder& folder, const stores::StoreOptions& options) {
    expect_core_errors_only([&] {
        const auto reader = stores::open_store(folder, options);
        const stores::StoreInfo& info = reader->info();
        stores::StoreRow row;
        uint64_t rows = 0;
        while (rows < most_rows && reader->read(row)) {
            ++rows;
            require(row.vector.empty() || row.vector.size() == info.dims);
        }
        // (The indexes of a damaged database may know of more or fewer rows than its tables.)
        require(info.kind == "chroma" || rows == std::min(info.rows, most_rows));
    });
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
    const FuzzedFolder folder(data, size);
    stores::StoreOptions options;
    read_store(folder, options);
    expect_core_errors_only([&] {
        for (const stores::StoreInfo& found : stores::list_collections(folder, options)) {
            if (found.collection.empty()) continue;
            options.collection = found.collection;
            read_store(folder, options);
        }
    });
    return 0;
}
