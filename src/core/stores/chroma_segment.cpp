#include "core/stores/chroma_segment.hpp"

#include "core/base/checked.hpp"
#include "core/io/pickle/pickle.hpp"
#include "core/io/pickle/pickle_json.hpp"
#include "core/io/source/content_hash.hpp"

#include <unordered_map>

namespace vecstore::core::stores {

namespace {

constexpr uint64_t header_bytes = 100;
constexpr int32_t known_version = 1;
constexpr char deleted_mark = 1;  // in byte 2 of a row, whose first 4 bytes are the number of its links

std::string inside(const std::string& folder_name, const char* name) { return folder_name + "/" + name; }

}  // namespace

std::string ChromaSegment::missing_file(const Folder& folder, const std::string& folder_name) {
    for (const char* const name : {"data_level0.bin", "index_metadata.pickle"}) {
        std::string path = inside(folder_name, name);
        if (!folder.holds(path)) return path;
    }
    return {};
}

ChromaSegment::ChromaSegment(const Folder& folder, const std::string& folder_name, bool cosine)
    : data_(folder.open(inside(folder_name, "data_level0.bin"))),
      ids_(folder.open(inside(folder_name, "index_metadata.pickle"))) {
    const std::string header = inside(folder_name, "header.bin");
    if (folder.holds(header)) {
        read_header(*folder.open(header));
    } else {
        if (io::Cursor(*data_).read<int32_t>("the version") != known_version)
            fail_header(*data_, "it does not begin with a header, and there is no \"header.bin\" beside it");
        read_header(*data_);
        data_offset_ = header_bytes;
    }
    const auto needed = checked_mul(rows_, row_bytes_);
    if (!needed || !data_->holds(data_offset_, *needed)) {
        fail_header(*data_, std::to_string(rows_) + " rows of " + std::to_string(row_bytes_) +
                                " bytes are announced, but the file ends before");
    }
    if (!cosine || rows_ == 0) return;
    lengths_ = folder.open(inside(folder_name, "length.bin"));
    if (!lengths_->holds(0, rows_ * sizeof(float))) {
        fail_header(*lengths_, "it holds the lengths of fewer than " + std::to_string(rows_) + " vectors");
    }
}

void ChromaSegment::fail_header(const io::ByteSource& source, const std::string& reason) const {
    io::throw_bad_file(source, 0, reason);
}

void ChromaSegment::read_header(io::ByteSource& source) {
    io::Cursor cursor(source);
    const auto version = cursor.read<int32_t>("the version");
    if (version != known_version) cursor.fail("version " + std::to_string(version) + " is not known", 4);
    const auto first = cursor.read<uint64_t>("the offset of level 0");
    const auto most = cursor.read<uint64_t>("the room for elements");
    rows_ = cursor.read<uint64_t>("the number of elements");
    row_bytes_ = cursor.read<uint64_t>("the size of an element");
    label_offset_ = cursor.read<uint64_t>("the offset of labels");
    vector_offset_ = cursor.read<uint64_t>("the offset of vectors");
    if (first != 0 || rows_ > most || rows_ > INT64_MAX)
        cursor.fail("it is no header of an HNSW index of Chroma");
    if (vector_offset_ < 4 || label_offset_ < vector_offset_ || row_bytes_ < label_offset_ ||
        row_bytes_ - label_offset_ != sizeof(uint64_t) ||
        (label_offset_ - vector_offset_) % sizeof(float) != 0) {
        cursor.fail("the sizes in it do not fit together");
    }
    dims_ = (label_offset_ - vector_offset_) / sizeof(float);
    if (dims_ > io::VectorReader::max_dims) cursor.fail(std::to_string(dims_) + " dimensions");
}

uint64_t ChromaSegment::fingerprint() const { return io::fingerprint(*data_) + io::fingerprint(*ids_); }

bool ChromaSegment::is_deleted(uint64_t row) const {
    char links[4];
    data_->read(data_offset_ + row * row_bytes_, links, sizeof(links));
    return (links[2] & deleted_mark) != 0;
}

void ChromaSegment::for_each_id(const std::function<void(const std::string&, uint64_t)>& tell) const {
    std::unordered_map<uint64_t, uint64_t> row_of_label;
    for (uint64_t row = 0; row < rows_; row++) {
        if (is_deleted(row)) continue;
        uint8_t label[sizeof(uint64_t)];
        data_->read(data_offset_ + row * row_bytes_ + label_offset_, label, sizeof(label));
        row_of_label[load_little_endian<uint64_t>(label)] = row;
    }
    const io::PickleData pickle = io::read_pickle(*ids_);
    // A PersistentData, or, from newer releases, the dict that one would have.
    const auto root = pickle.root();
    const auto labels = pickle.is(root, io::PickleKind::record) ? pickle.attribute(root, "id_to_label")
                                                                : pickle.find(root, "id_to_label");
    if (!pickle.is(labels, io::PickleKind::dict)) io::throw_bad_file(*ids_, 0, "it has no \"id_to_label\"");
    const auto& pairs = pickle.items(labels);
    for (size_t i = 0; i < pairs.size(); i += 2) {
        if (!pickle.is(pairs[i + 1], io::PickleKind::integer))
            io::throw_bad_file(*ids_, 0, "a label is no integer");
        const auto found = row_of_label.find(static_cast<uint64_t>(pickle.integer(pairs[i + 1])));
        if (found == row_of_label.end()) continue;
        tell(pickle.is(pairs[i], io::PickleKind::text) ? pickle.bytes(pairs[i])
                                                       : io::plain_text(pickle, pairs[i]).json,
             found->second);
    }
}

void ChromaSegment::read(uint64_t row, std::vector<float>& vector) const {
    std::vector<uint8_t> bytes(static_cast<size_t>(dims_) * sizeof(float));
    data_->read(data_offset_ + row * row_bytes_ + vector_offset_, bytes.data(), bytes.size());
    vector.resize(static_cast<size_t>(dims_));
    io::to_float32(io::ElementType::float32, false, bytes.data(), vector.size(), vector.data());
    if (lengths_ == nullptr) return;
    uint8_t length[sizeof(float)];
    lengths_->read(row * sizeof(float), length, sizeof(length));
    const auto factor = load_little_endian<float>(length);
    for (float& x : vector) x *= factor;
}

}  // namespace vecstore::core::stores
