#include "core/io/formats/faiss_lists.hpp"

#include "core/base/checked.hpp"
#include "core/io/formats/faiss_codecs.hpp"

#include <algorithm>
#include <limits>

namespace vecstore::core::io {

namespace {

std::string read_code(Cursor& cursor, const char* what) {
    std::string code(4, '\0');
    cursor.read_bytes(code.data(), 4, what);
    return code;
}

// Adds a list of `room` places, of which `rows` are used, whose codes begin at `offset`. Returns where it
// ends.
uint64_t add_list(const Cursor& cursor, InvertedLists& lists, uint64_t number, uint64_t rows, uint64_t room,
                  uint64_t offset) {
    constexpr uint64_t most = max_resident_bytes / sizeof(InvertedLists::List);
    if (lists.lists.size() == most) {
        throw Error(ErrorCode::limit_exceeded, "the index in " + cursor.source().name() + " has more than " +
                                                   std::to_string(most) + " lists");
    }
    const auto row_bytes = checked_add(lists.code_size, sizeof(int64_t));
    const auto bytes = row_bytes ? checked_mul(room, *row_bytes) : std::nullopt;
    if (!bytes || !lists.data->holds(offset, *bytes)) {
        throw_bad_file(
            *lists.data, std::min(offset, lists.data->size()),
            "list " + std::to_string(number) + ", of " + std::to_string(room) + " rows, is not all there");
    }
    lists.lists.push_back({number, lists.rows, offset, offset + room * lists.code_size});
    lists.rows += rows;
    return offset + *bytes;
}

void read_counts(Cursor& cursor, InvertedLists& lists) {
    lists.count = cursor.read<uint64_t>("the number of lists");
    lists.code_size = cursor.read<uint64_t>("the code size");
    if (lists.code_size < 1) cursor.fail("codes of 0 bytes", 8);
}

// Sizes of all lists, or of those that are not empty with their numbers; then the lists themselves.
void read_array_lists(Cursor& cursor, InvertedLists& lists) {
    read_counts(cursor, lists);
    const std::string kind = read_code(cursor, "the kind of lists");
    const bool sparse = kind == "sprs";
    if (!sparse && kind != "full") {
        cursor.fail("\"" + printable(kind.data(), 4) + "\" is not a kind of lists that is known here", 4);
    }
    const Extent sizes = read_extent(cursor, sizeof(uint64_t), "the sizes of the lists");
    if (sparse ? sizes.count % 2 != 0 : sizes.count != lists.count) {
        throw_bad_file(cursor.source(), sizes.offset - 8,
                       std::to_string(sizes.count) + " numbers for the sizes of " +
                           std::to_string(lists.count) + " lists");
    }
    CachedSource cached(cursor.source());
    Cursor entries(cached, sizes.offset);
    uint64_t offset = cursor.offset();
    uint64_t next = 0;  // list that may come
    for (uint64_t i = 0; i < (sparse ? sizes.count / 2 : sizes.count); i++) {
        const uint64_t number = sparse ? entries.read<uint64_t>("a list's number") : i;
        const auto rows = entries.read<uint64_t>("a list's size");
        if (number < next || number >= lists.count)
            entries.fail("list " + std::to_string(number) + " is out of order", 16);
        next = number + 1;
        if (rows > 0) offset = add_list(cursor, lists, number, rows, rows, offset);
    }
    cursor.skip(offset - cursor.offset(), "the lists");
}

// Where a stored path has a separator, only what is behind it counts: files are looked for beside the index
// only.
std::string bare_name(const std::string& path) {
    const size_t separator = path.find_last_of("/\\");
    return separator == std::string::npos ? path : path.substr(separator + 1);
}

std::unique_ptr<ByteSource> open_list_file(const ByteSource& index, const std::string& stored_path,
                                           const ReadOptions& options) {
    const std::string extension = ".ivfdata";
    const std::string own = bare_name(options.file_name);
    std::string tried;
    for (const std::string& name :
         {bare_name(stored_path), own + extension, own.substr(0, own.rfind('.')) + extension}) {
        if (name.empty() || name == "." || name == ".." || name.find('\0') != std::string::npos) continue;
        if (auto source = options.open_sibling ? options.open_sibling(name) : nullptr) return source;
        tried += (tried.empty() ? "\"" : ", \"") +
                 printable(name.data(), std::min<size_t>(name.size(), 100)) + "\"";
    }
    throw Error(ErrorCode::invalid_parameter,
                "the lists of the index in " + index.name() + " are in another file",
                tried.empty() ? "" : "Looked for beside it: " + tried + ".",
                "Put the file with the lists (*.ivfdata) into the same folder.");
}

// For each list its size, its room and its place in the other file; then the free places, that file's path
// and its size.
void read_disk_lists(Cursor& cursor, InvertedLists& lists, const ReadOptions& options) {
    read_counts(cursor, lists);
    constexpr size_t entry_bytes = 3 * sizeof(uint64_t);
    const Extent entries = read_extent(cursor, entry_bytes, "the places of the lists");
    if (entries.count != lists.count) {
        throw_bad_file(
            cursor.source(), entries.offset - 8,
            std::to_string(entries.count) + " places for " + std::to_string(lists.count) + " lists");
    }
    read_extent(cursor, 2 * sizeof(uint64_t), "the free places");
    const Extent path = read_extent(cursor, 1, "the path of the lists' file");
    constexpr uint64_t longest = 65536;
    if (path.count > longest)
        throw_bad_file(cursor.source(), path.offset - 8,
                       "a path of " + std::to_string(path.count) + " bytes");
    std::string stored_path(static_cast<size_t>(path.count), '\0');
    cursor.source().read(path.offset, stored_path.data(), stored_path.size());
    cursor.skip(8, "the size of the lists' file");
    lists.sibling = open_list_file(cursor.source(), stored_path, options);
    lists.data = lists.sibling.get();

    CachedSource cached(cursor.source());
    Cursor entry(cached, entries.offset);
    for (uint64_t number = 0; number < entries.count; number++) {
        const auto rows = entry.read<uint64_t>("a list's size");
        const auto room = entry.read<uint64_t>("a list's room");
        const auto offset = entry.read<uint64_t>("a list's place");
        if (rows > room)
            entry.fail(std::to_string(rows) + " rows where there is room for " + std::to_string(room), 24);
        if (rows > 0) add_list(cursor, lists, number, rows, room, offset);
        constexpr uint64_t most = std::numeric_limits<int64_t>::max();
        if (lists.rows > most) entry.fail("the sizes of the lists overflow", 24);
    }
}

class ListRows : public RowSource {
  public:
    ListRows(std::shared_ptr<const InvertedLists> lists, std::shared_ptr<const Codec> codec,
             std::unique_ptr<RowSource> centroids)
        : RowSource(lists->rows, codec->dims()),
          lists_(std::move(lists)),
          codec_(std::move(codec)),
          centroids_(std::move(centroids)) {}

    void read(uint64_t first, size_t count, float* out) override {
        const auto code_size = static_cast<size_t>(codec_->code_size());
        const size_t piece = std::max<size_t>(1, scratch_bytes / code_size);
        for (size_t done = 0; done < count;) {
            const size_t number = lists_->list_of(first + done);
            const InvertedLists::List& list = lists_->lists[number];
            const auto rows = static_cast<size_t>(
                std::min<uint64_t>(std::min(piece, count - done), lists_->rows_from(number, first + done)));
            codes_.resize(rows * code_size);
            lists_->data->read(list.codes_offset + (first + done - list.first_row) * code_size, codes_.data(),
                               codes_.size());
            for (size_t i = 0; i < rows; i++, done++) {
                codec_->decode(codes_.data() + i * code_size, out + done * dims());
                if (centroids_ != nullptr) add_centroid(list.number, out + done * dims());
            }
        }
    }

  private:
    void add_centroid(uint64_t list, float* row) {
        if (centroid_.empty() || centroid_list_ != list) {
            centroid_.resize(static_cast<size_t>(dims()));
            centroids_->read(list, 1, centroid_.data());
            centroid_list_ = list;
        }
        for (size_t i = 0; i < centroid_.size(); i++) row[i] += centroid_[i];
    }

    std::shared_ptr<const InvertedLists> lists_;
    std::shared_ptr<const Codec> codec_;
    std::unique_ptr<RowSource> centroids_;  // null: codes are of the vectors themselves
    std::vector<uint8_t> codes_;
    std::vector<float> centroid_;  // of the list that was read last
    uint64_t centroid_list_ = 0;
};

class ListIds : public IdSource {
  public:
    explicit ListIds(std::shared_ptr<const InvertedLists> lists) : lists_(std::move(lists)) {}
    void read(uint64_t first, size_t count, int64_t* out) override {
        for (size_t done = 0; done < count;) {
            const size_t number = lists_->list_of(first + done);
            const InvertedLists::List& list = lists_->lists[number];
            const auto rows = static_cast<size_t>(
                std::min<uint64_t>(count - done, lists_->rows_from(number, first + done)));
            PlainIds(*lists_->data, list.ids_offset).read(first + done - list.first_row, rows, out + done);
            done += rows;
        }
    }

  private:
    std::shared_ptr<const InvertedLists> lists_;
};

}  // namespace

size_t InvertedLists::list_of(uint64_t row) const {
    const auto behind = std::upper_bound(
        lists.begin(), lists.end(), row,
        [](uint64_t value, const List& list) { return value < list.first_row; });
    return static_cast<size_t>(behind - lists.begin()) - 1;
}

uint64_t InvertedLists::rows_from(size_t list, uint64_t row) const {
    return (list + 1 < lists.size() ? lists[list + 1].first_row : rows) - row;
}

InvertedLists read_inverted_lists(Cursor& cursor, const ReadOptions& options) {
    InvertedLists lists;
    lists.data = &cursor.source();
    const std::string code = read_code(cursor, "the lists' code");
    if (code == "ilar") {
        read_array_lists(cursor, lists);
    } else if (code == "ilod") {
        read_disk_lists(cursor, lists, options);
    } else if (code == "il00") {
        throw_not_supported(cursor.source(), "it is an inverted file that was saved without its lists",
                            "Import the vectors that the index was made of.");
    } else {
        cursor.fail("\"" + printable(code.data(), 4) + "\" is not the code of any lists that are known here",
                    4);
    }
    return lists;
}

std::unique_ptr<RowSource> list_rows(std::shared_ptr<const InvertedLists> lists,
                                     std::shared_ptr<const Codec> codec,
                                     std::unique_ptr<RowSource> centroids) {
    return std::make_unique<ListRows>(std::move(lists), std::move(codec), std::move(centroids));
}

std::unique_ptr<IdSource> list_ids(std::shared_ptr<const InvertedLists> lists) {
    return std::make_unique<ListIds>(std::move(lists));
}

}  // namespace vecstore::core::io
