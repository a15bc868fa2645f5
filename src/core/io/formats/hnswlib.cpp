#include "core/io/formats/hnswlib.hpp"

#include "core/io/formats/formats.hpp"

#include "core/base/checked.hpp"

#include <algorithm>
#include <limits>
#include <unordered_map>

namespace vecstore::core::io {

namespace {

// An element begins with its number of links (16 bits); bit 0 of the next byte marks it as deleted.
constexpr uint32_t deleted_mark = 1u << 16;
constexpr uint32_t link_count_mask = 0xffff;

// Why a header cannot be hnswlib's, or null.
const char* header_problem(const HnswlibHeader& header, uint64_t level0_offset) {
    if (level0_offset != 0) return "the place of level 0 is not 0";
    if (header.elements > header.max_elements) return "there are more elements than fit";
    if (header.elements > std::numeric_limits<uint32_t>::max()) return "there are too many elements";
    if (header.max_m < 1 || header.max_m > UINT16_MAX || header.max_m0 < 1 || header.max_m0 > UINT16_MAX) {
        return "the numbers of links are out of range";
    }
    if (header.vector_offset != header.max_m0 * sizeof(uint32_t) + sizeof(uint32_t)) {
        return "an element's links do not end where its vector begins";
    }
    if (header.label_offset <= header.vector_offset || header.label_offset > (uint64_t{1} << 32) ||
        (header.label_offset - header.vector_offset) % sizeof(float) != 0) {
        return "an element's vector is not one of floats";
    }
    if (header.element_bytes != header.label_offset + sizeof(uint64_t))
        return "an element does not end with its label";
    if (header.elements > 0 && (header.max_level < 0 || header.entry_point >= header.elements)) {
        return "the entry point is not an element";
    }
    return nullptr;
}

HnswlibHeader parse_header(Cursor& cursor, uint64_t& level0_offset) {
    const char* const what = "the header";
    HnswlibHeader header;
    level0_offset = cursor.read<uint64_t>(what);
    header.max_elements = cursor.read<uint64_t>(what);
    header.elements = cursor.read<uint64_t>(what);
    header.element_bytes = cursor.read<uint64_t>(what);
    header.label_offset = cursor.read<uint64_t>(what);
    header.vector_offset = cursor.read<uint64_t>(what);
    header.max_level = cursor.read<int32_t>(what);
    header.entry_point = cursor.read<uint32_t>(what);
    header.max_m = cursor.read<uint64_t>(what);
    header.max_m0 = cursor.read<uint64_t>(what);
    cursor.skip(16, what);  // M again, and the factor of the level's distribution
    header.ef_construction = cursor.read<uint64_t>(what);
    header.data_offset = cursor.offset();
    return header;
}

// The upper levels' links lie behind the elements: for each a length and then as many bytes. f(element,
// offset, bytes) is called for those that have some. Returns where they end.
template <class F>
uint64_t walk_upper_links(ByteSource& source, const HnswlibHeader& header, F&& f) {
    CachedSource cached(source);
    Cursor cursor(cached, header.links_offset());
    for (uint64_t element = 0; element < header.elements; element++) {
        const auto bytes = cursor.read<uint32_t>("the upper levels' links");
        if (bytes % header.upper_level_bytes() != 0) {
            cursor.fail("an element's upper links take " + std::to_string(bytes) +
                            " bytes, not a multiple of " + std::to_string(header.upper_level_bytes()),
                        sizeof(uint32_t));
        }
        if (bytes > 0) f(element, cursor.offset(), bytes);
        cursor.skip(bytes, "the upper levels' links");
    }
    return cursor.offset();
}

class HnswlibReader : public VectorReader {
  public:
    HnswlibReader(ByteSource& source, VectorFileInfo info, const HnswlibHeader& header)
        : VectorReader(source, std::move(info)), header_(header) {}

    uint64_t count_deleted() override {
        CachedSource cached(source());
        uint64_t count = 0;
        for (uint64_t element = 0; element < header_.elements; element++) {
            uint8_t links[sizeof(uint32_t)];
            cached.read(header_.data_offset + element * header_.element_bytes, links, sizeof(links));
            count += (load_little_endian<uint32_t>(links) & deleted_mark) != 0;
        }
        return count;
    }

  protected:
    void read_rows(VectorBatch& batch, std::vector<uint8_t>& dropped) override {
        const auto element_bytes = static_cast<size_t>(header_.element_bytes);
        const auto dims = static_cast<size_t>(info().dims);
        const size_t piece = std::max<size_t>(1, block_bytes / element_bytes);
        for (size_t done = 0; done < batch.rows;) {
            const size_t rows = std::min(piece, batch.rows - done);
            elements_.resize(rows * element_bytes);
            source().read(header_.data_offset + (batch.first + done) * element_bytes, elements_.data(),
                          elements_.size());
            for (size_t i = 0; i < rows; i++, done++) {
                const uint8_t* const element = elements_.data() + i * element_bytes;
                dropped[done] = (load_little_endian<uint32_t>(element) & deleted_mark) != 0;
                to_float32(ElementType::float32, false, element + header_.vector_offset, dims,
                           batch.values.data() + done * dims);
                batch.ids[done] = load_little_endian<int64_t>(element + header_.label_offset);
            }
        }
    }

  private:
    const HnswlibHeader header_;
    std::vector<uint8_t> elements_;
};

std::unique_ptr<VectorReader> open_hnswlib(ByteSource& source, const ReadOptions&) {
    const HnswlibHeader header = read_hnswlib_header(source);
    VectorFileInfo info;
    info.format = "hnswlib";
    info.rows = header.elements;
    info.dims = header.dims();
    info.has_ids = true;
    info.by_id = true;
    const uint64_t end = walk_upper_links(source, header, [](uint64_t, uint64_t, uint32_t) {});
    if (end < source.size()) {
        info.warnings.push_back(std::to_string(source.size() - end) + " bytes after the index are ignored");
    }
    info.details = {{"max_elements", std::to_string(header.max_elements), true},
                    {"m", std::to_string(header.max_m), true},
                    {"ef_construction", std::to_string(header.ef_construction), true},
                    {"max_level", std::to_string(header.max_level), true},
                    {"entry_point", std::to_string(header.entry_point), true}};
    return std::make_unique<HnswlibReader>(source, std::move(info), header);
}

bool recognises_hnswlib(ByteSource& source, const ReadOptions&, const uint8_t* head, size_t length) {
    if (length < 96) return false;
    MemorySource bytes(source.name(), head, length);
    Cursor cursor(bytes);
    uint64_t level0_offset;
    const HnswlibHeader header = parse_header(cursor, level0_offset);
    return header_problem(header, level0_offset) == nullptr;
}

class HnswlibGraph : public GraphReader {
  public:
    HnswlibGraph(ByteSource& source, const GraphInfo& info, const HnswlibHeader& header)
        : GraphReader(info), source_(source), header_(header) {
        walk_upper_links(source, header, [&](uint64_t element, uint64_t offset, uint32_t bytes) {
            const int levels = static_cast<int>(bytes / header_.upper_level_bytes());
            if (levels > header_.max_level) {
                throw_bad_file(source_, offset, "an element is on more levels than the index has");
            }
            upper_[static_cast<uint32_t>(element)] = {offset, levels};
        });
    }

    int level(uint64_t node) override {
        const auto found = upper_.find(static_cast<uint32_t>(node));
        return found == upper_.end() ? 0 : found->second.levels;
    }

    void neighbors(uint64_t node, int level, std::vector<uint32_t>& out) override {
        out.clear();
        if (node >= info().nodes || level < 0 || level > this->level(node)) return;
        uint64_t offset = header_.data_offset + node * header_.element_bytes;
        uint64_t room = header_.max_m0;
        if (level > 0) {
            offset = upper_[static_cast<uint32_t>(node)].offset +
                     static_cast<uint64_t>(level - 1) * header_.upper_level_bytes();
            room = header_.max_m;
        }
        Cursor cursor(source_, offset);
        const uint32_t count = cursor.read<uint32_t>("an element's links") & link_count_mask;
        if (count > room)
            cursor.fail(std::to_string(count) + " links where there is room for " + std::to_string(room), 4);
        out.resize(count);
        cursor.read_bytes(out.data(), count * sizeof(uint32_t), "an element's links");
        for (uint32_t& link : out) {
            link = load_little_endian<uint32_t>(&link);
            if (link >= info().nodes)
                cursor.fail("a link to element " + std::to_string(link) + ", which does not exist");
        }
    }

  private:
    struct Upper {
        uint64_t offset;
        int levels;
    };
    CachedSource source_;
    const HnswlibHeader header_;
    std::unordered_map<uint32_t, Upper> upper_;  // elements above level 0: about one in M
};

}  // namespace

HnswlibHeader read_hnswlib_header(ByteSource& source, uint64_t offset) {
    Cursor cursor(source, std::min(offset, source.size()));
    uint64_t level0_offset;
    const HnswlibHeader header = parse_header(cursor, level0_offset);
    if (const char* problem = header_problem(header, level0_offset)) {
        throw_bad_file(source, offset, std::string("this is not the header of an hnswlib index: ") + problem);
    }
    const auto bytes = checked_mul(header.elements, header.element_bytes);
    if (!bytes || *bytes > cursor.remaining()) {
        cursor.fail("the file ends in the elements: " + std::to_string(header.elements) + " of " +
                    std::to_string(header.element_bytes) + " bytes are announced, there are " +
                    std::to_string(cursor.remaining()) + " bytes");
    }
    return header;
}

namespace {

std::unique_ptr<GraphReader> open_hnswlib_graph(ByteSource& source, const ReadOptions&) {
    const HnswlibHeader header = read_hnswlib_header(source);
    GraphInfo info;
    info.nodes = header.elements;
    info.max_level = header.elements > 0 ? header.max_level : -1;
    info.has_entry_point = header.elements > 0;
    info.entry_point = header.entry_point;
    info.max_neighbors0 = static_cast<uint32_t>(header.max_m0);
    info.max_neighbors = static_cast<uint32_t>(header.max_m);
    info.ef_construction = static_cast<int>(std::min<uint64_t>(header.ef_construction, INT32_MAX));
    return std::make_unique<HnswlibGraph>(source, info, header);
}

}  // namespace

const VectorFormat hnswlib_format = {"hnswlib", recognises_hnswlib, open_hnswlib, open_hnswlib_graph,
                                     "hnswlib's"};

}  // namespace vecstore::core::io
