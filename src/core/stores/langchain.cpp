#include "core/stores/langchain.hpp"

#include "core/io/pickle/pickle.hpp"
#include "core/io/pickle/pickle_json.hpp"
#include "core/io/source/content_hash.hpp"

#include <unordered_map>

namespace vecstore::core::stores {

namespace {

using io::PickleData;
using Id = PickleData::Id;
using Kind = io::PickleKind;

class LangChainReader final : public StoreReader {
  public:
    LangChainReader(const Folder& folder, const StoreOptions& options)
        : pickle_source_(folder.open(options.index_name + ".pkl")),
          index_source_(folder.open(options.index_name + ".faiss")),
          pickle_(io::read_pickle(*pickle_source_)),
          vectors_(io::open_vectors(*index_source_, "faiss")) {
        find_documents();
        find_positions();
        describe();
    }

    bool read(StoreRow& row) override {
        if (next_ == batch_.rows) {
            next_ = 0;
            if (!vectors_->read(batch_, SIZE_MAX)) return false;
        }
        const size_t at = next_++;
        const auto dims = static_cast<size_t>(info_.dims);
        row.vector.assign(batch_.values.begin() + static_cast<std::ptrdiff_t>(at * dims),
                          batch_.values.begin() + static_cast<std::ptrdiff_t>((at + 1) * dims));
        fill_document(batch_.ids[at], row);
        return true;
    }

  private:
    [[noreturn]] void fail(const std::string& reason) const {
        throw Error(ErrorCode::bad_file, pickle_source_->name() + " is no docstore of LangChain: " + reason,
                    {},
                    "It should be a pair of an InMemoryDocstore and a dict of positions, as "
                    "FAISS.save_local() writes it.");
    }

    void find_documents() {
        const Id root = pickle_.root();
        if (!pickle_.is(root, Kind::tuple) || pickle_.items(root).size() < 2) fail("it is no pair");
        Id documents = pickle_.items(root)[0];
        if (pickle_.is(documents, Kind::record)) documents = pickle_.attribute(documents, "_dict");
        if (!pickle_.is(documents, Kind::dict)) fail("its first part has no documents");
        const std::vector<Id>& pairs = pickle_.items(documents);
        documents_.reserve(pairs.size() / 2);
        for (size_t i = 0; i < pairs.size(); i += 2)
            documents_[io::plain_text(pickle_, pairs[i]).json] = pairs[i + 1];
    }

    void find_positions() {
        const Id positions = pickle_.items(pickle_.root())[1];
        if (pickle_.is(positions, Kind::dict)) {
            const std::vector<Id>& pairs = pickle_.items(positions);
            for (size_t i = 0; i < pairs.size(); i += 2) {
                if (!pickle_.is(pairs[i], Kind::integer)) fail("a position is no integer");
                ids_[pickle_.integer(pairs[i])] = pairs[i + 1];
            }
        } else if (pickle_.is(positions, Kind::list)) {
            int64_t position = 0;
            for (const Id id : pickle_.items(positions)) ids_[position++] = id;
        } else {
            fail("its second part is no dict of positions");
        }
    }

    void describe() {
        const io::VectorFileInfo& vectors = vectors_->info();
        info_.kind = "langchain";
        info_.rows = vectors.rows - vectors_->count_deleted();
        info_.dims = vectors.dims;
        info_.metric = vectors.metric;
        info_.lossy = vectors.lossy;
        info_.bytes = pickle_source_->size() + index_source_->size();
        info_.fingerprint = io::fingerprint(*pickle_source_) + io::fingerprint(*index_source_);
        info_.warnings = vectors.warnings;
        info_.details = vectors.details;
        info_.details.push_back({"documents", std::to_string(documents_.size()), true});
        if (documents_.size() > vectors.rows) {
            info_.warnings.push_back("the docstore has " + std::to_string(documents_.size()) +
                                     " documents for " + std::to_string(vectors.rows) +
                                     " vectors; those without a vector are not read");
        }
    }

    void fill_document(int64_t position, StoreRow& row) {
        const auto id = ids_.find(position);
        if (id == ids_.end()) {
            throw Error(ErrorCode::bad_file,
                        "vector " + std::to_string(position) + " of " + index_source_->name() +
                            " has no document in " + pickle_source_->name(),
                        "The two files are not of one store.",
                        "The index alone can be imported as a file of FAISS, without documents.");
        }
        row.id = keep(io::plain_text(pickle_, id->second));
        row.document.reset();
        row.metadata.reset();
        const auto found = documents_.find(row.id);
        if (found == documents_.end()) return;
        const Id document = found->second;
        if (pickle_.is(document, Kind::text)) {
            row.document = keep(io::plain_text(pickle_, document));
            return;
        }
        const Id text = field(document, "page_content");
        if (text != PickleData::no_value && !pickle_.is(text, Kind::none))
            row.document = keep(io::plain_text(pickle_, text));
        const Id metadata = field(document, "metadata");
        if (pickle_.is(metadata, Kind::dict)) row.metadata = keep(io::json_text(pickle_, metadata));
    }

    // An attribute; in the oldest releases under lc_kwargs, what the document was made of.
    Id field(Id document, std::string_view name) const {
        if (pickle_.is(document, Kind::dict)) return pickle_.find(document, name);
        if (!pickle_.is(document, Kind::record)) fail("a document is no object");
        const Id own = pickle_.attribute(document, name);
        if (own != PickleData::no_value) return own;
        return pickle_.find(pickle_.attribute(document, "lc_kwargs"), name);
    }

    std::string keep(io::JsonText text) {
        altered_texts_ += text.altered ? 1 : 0;
        return std::move(text.json);
    }

    const std::unique_ptr<io::ByteSource> pickle_source_;
    const std::unique_ptr<io::ByteSource> index_source_;
    const PickleData pickle_;
    const std::unique_ptr<io::VectorReader> vectors_;
    std::unordered_map<std::string, Id> documents_;
    std::unordered_map<int64_t, Id> ids_;
    io::VectorBatch batch_;
    size_t next_ = 0;
};

}  // namespace

std::unique_ptr<StoreReader> open_langchain(const Folder& folder, const StoreOptions& options) {
    return std::make_unique<LangChainReader>(folder, options);
}

}  // namespace vecstore::core::stores
