#include "core/io/formats/faiss_index.hpp"

#include "core/base/checked.hpp"
#include "core/io/formats/faiss_codecs.hpp"
#include "core/io/formats/faiss_kinds.hpp"
#include "core/io/formats/faiss_lists.hpp"
#include "core/io/formats/faiss_transform.hpp"

#include <algorithm>

namespace vecstore::core::io {

namespace {

constexpr int max_depth = 8;

// The fields that every index begins with.
struct Header {
    uint64_t offset;  // of the index
    uint64_t dims;
    uint64_t rows;
    int32_t metric;
};

// Parses an index and, recursively, those inside of it. One method for each kind; they are called behind the
// code, which `index.code` holds already.
class FaissParser {
  public:
    FaissParser(Cursor& cursor, const ReadOptions& options) : cursor_(cursor), options_(options) {}

    FaissIndex parse() {
        FaissIndex index;
        const uint64_t start = cursor_.offset();
        index.code.resize(4);
        cursor_.read_bytes(index.code.data(), 4, "the index's code");
        const FaissKind kind = faiss_code(index.code).kind;
        if (++depth_ > max_depth) {
            throw_not_supported(cursor_.source(),
                                "its indexes are nested more than " + std::to_string(max_depth) + " deep");
        }
        parse_kind(index, kind, start);
        depth_--;
        return index;
    }

  private:
    void parse_kind(FaissIndex& index, FaissKind kind, uint64_t start) {
        switch (kind) {
            case FaissKind::flat: return parse_flat(index, start);
            case FaissKind::id_map: return parse_id_map(index, read_header(start));
            case FaissKind::hnsw:
            case FaissKind::hnsw_cagra:
            case FaissKind::hnsw_cagra2: return parse_hnsw(index, kind, read_header(start));
            case FaissKind::ivf_flat:
            case FaissKind::ivf_scalar:
            case FaissKind::ivf_scalar_old:
            case FaissKind::ivf_product: return parse_ivf(index, kind, read_header(start));
            case FaissKind::scalar:
            case FaissKind::product:
            case FaissKind::product_old: return parse_codes(index, kind, read_header(start));
            case FaissKind::two_level: return parse_two_level(index, read_header(start));
            case FaissKind::product_centers: return parse_product_centers(index, read_header(start));
            case FaissKind::pre_transform: return parse_pre_transform(index, read_header(start));
            case FaissKind::refine: return parse_refine(index, read_header(start));
            case FaissKind::binary_flat: return parse_binary_flat(index, start);
            case FaissKind::binary_id_map: return parse_id_map(index, read_binary_header(start, false));
            case FaissKind::binary_hnsw:
            case FaissKind::binary_hnsw_cagra: return parse_hnsw(index, kind, read_binary_header(start));
            case FaissKind::binary_ivf: return parse_ivf(index, kind, read_binary_header(start));
            case FaissKind::unknown:
            case FaissKind::missing:
            case FaissKind::not_read:
            case FaissKind::no_vectors: break;
        }
        refuse_faiss_kind(cursor_, index.code);
    }

    // --- headers ------------------------------------------------------------------------------------------

    uint64_t read_dims() {
        const auto dims = cursor_.read<int32_t>("the number of dimensions");
        if (dims < 0) cursor_.fail(std::to_string(dims) + " dimensions", 4);
        return static_cast<uint64_t>(dims);
    }

    uint64_t read_row_count() {
        const auto rows = cursor_.read<int64_t>("the number of vectors");
        if (rows < 0) cursor_.fail(std::to_string(rows) + " vectors", 8);
        return static_cast<uint64_t>(rows);
    }

    Header read_header(uint64_t start) {
        Header header = {start, read_dims(), read_row_count(), 0};
        cursor_.skip(17, "the index's header");  // two unused numbers, and whether it is trained
        header.metric = cursor_.read<int32_t>("the metric");
        // Only metrics beyond L2 have an argument.
        if (header.metric > 1) cursor_.skip(4, "the metric's argument");
        return header;
    }

    // The code size of an id map says nothing: FAISS leaves it 0.
    Header read_binary_header(uint64_t start, bool has_codes = true) {
        Header header = {start, read_dims(), 0, 0};
        const auto code_size = cursor_.read<int32_t>("the code size");
        if (has_codes && (header.dims % 8 != 0 || static_cast<uint64_t>(code_size) != header.dims / 8)) {
            cursor_.fail("vectors of " + std::to_string(header.dims) + " bits in codes of " +
                             std::to_string(code_size) + " bytes",
                         8);
        }
        header.rows = read_row_count();
        cursor_.skip(1, "the index's header");
        header.metric = cursor_.read<int32_t>("the metric");
        return header;
    }

    void require_dims(const Header& header) const {
        if (header.rows > 0 && header.dims == 0) {
            throw_bad_file(cursor_.source(), header.offset + 4, "an index with vectors of 0 dimensions");
        }
    }

    void add_detail(FaissIndex& index, const char* key, int64_t value) const {
        index.details.push_back({key, std::to_string(value), true});
    }

    // An index inside of this one, which holds the vectors: what it is, this is.
    FaissIndex parse_inner(FaissIndex& outer, bool binary) {
        FaissIndex inner = parse();
        if (inner.binary != binary) refuse_faiss_kind(cursor_, inner.code.substr(0, 4));
        outer.code += "(" + inner.code + ")";
        return inner;
    }

    void take_over(FaissIndex& outer, FaissIndex&& inner) {
        inner.code = std::move(outer.code);
        inner.details.insert(inner.details.end(), outer.details.begin(), outer.details.end());
        inner.warnings.insert(inner.warnings.end(), outer.warnings.begin(), outer.warnings.end());
        if (outer.graph) inner.graph = std::move(outer.graph);
        outer = std::move(inner);
    }

    void warn_of_counts(FaissIndex& outer, const char* what, uint64_t announced, const FaissIndex& inner) {
        if (announced == inner.rows->rows()) return;
        outer.warnings.push_back(std::string(what) + " announces " + std::to_string(announced) +
                                 " vectors, the index in it " + std::to_string(inner.rows->rows()) +
                                 "; the latter are read");
    }

    // --- vectors one after the other ---------------------------------------------------------------------

    // count bytes of codes for the header's vectors.
    void add_code_rows(FaissIndex& index, const Header& header, const CodecInfo& codec) {
        require_dims(header);
        const Extent codes = read_extent(cursor_, 1, "the codes");
        const auto expected = checked_mul(header.rows, codec.codec->code_size());
        if (!expected || codes.count != *expected) {
            throw_bad_file(cursor_.source(), codes.offset - 8,
                           std::to_string(codes.count) + " bytes of codes for " +
                               std::to_string(header.rows) + " vectors of " +
                               std::to_string(codec.codec->code_size()) + " bytes each");
        }
        index.metric = header.metric;
        index.element = codec.element;
        index.rows = std::make_unique<CodeRows>(cursor_.source(), codes.offset, header.rows, codec.codec);
    }

    void parse_flat(FaissIndex& index, uint64_t start) {
        const Header header = read_header(start);
        require_dims(header);
        const auto floats = cursor_.read<uint64_t>("the number of values");
        const auto expected = checked_mul(header.rows, header.dims);
        if (!expected || floats != *expected) {
            cursor_.fail("the index announces " + std::to_string(header.rows) + " vectors of " +
                             std::to_string(header.dims) + " dimensions, but holds " +
                             std::to_string(floats) + " values",
                         8);
        }
        const auto bytes = checked_mul(floats, sizeof(float));
        if (!bytes) cursor_.fail("the number of values overflows", 8);
        index.metric = header.metric;
        index.data_offset = cursor_.offset();
        cursor_.skip(*bytes, "the vectors");
        index.rows = std::make_unique<CodeRows>(cursor_.source(), index.data_offset, header.rows,
                                                float_codec(header.dims).codec);
    }

    void parse_codes(FaissIndex& index, FaissKind kind, const Header& header) {
        const CodecInfo codec = kind == FaissKind::scalar ? read_scalar_quantizer(cursor_, header.dims)
                                                          : read_product_quantizer(cursor_, header.dims);
        add_code_rows(index, header, codec);
        if (kind == FaissKind::product) cursor_.skip(9, "the search parameters");
        index.lossy = true;
        index.details.push_back({"storage", codec.name, false});
    }

    void parse_binary_flat(FaissIndex& index, uint64_t start) {
        const Header header = read_binary_header(start);
        add_code_rows(index, header, bit_codec(header.dims));
        index.binary = true;
    }

    // --- indexes around others ----------------------------------------------------------------------------

    // The ids follow the inner index: u64 count, then int64 each. The map's own dimensions are not to be
    // relied on: real files have 0 there.
    void parse_id_map(FaissIndex& index, const Header& header) {
        const bool binary = index.code[1] == 'B';
        if (in_id_map_) throw_not_supported(cursor_.source(), "it holds an id map inside an id map");
        in_id_map_ = true;
        FaissIndex inner = parse_inner(index, binary);
        in_id_map_ = false;
        const auto ids = cursor_.read<uint64_t>("the number of ids");
        if (ids != inner.rows->rows()) {
            cursor_.fail("there are " + std::to_string(ids) + " ids for " +
                             std::to_string(inner.rows->rows()) + " vectors",
                         8);
        }
        const auto bytes = checked_mul(ids, sizeof(int64_t));
        if (!bytes) cursor_.fail("the number of ids overflows", 8);
        const uint64_t offset = cursor_.offset();
        cursor_.skip(*bytes, "the ids");
        if (inner.ids != nullptr) {
            inner.ids = std::make_unique<MappedIds>(cursor_.source(), offset, ids, std::move(inner.ids));
        } else {
            inner.ids = std::make_unique<PlainIds>(cursor_.source(), offset);
        }
        warn_of_counts(index, "the id map", header.rows, inner);
        take_over(index, std::move(inner));
    }

    void parse_hnsw(FaissIndex& index, FaissKind kind, const Header& header) {
        if (kind != FaissKind::hnsw && kind != FaissKind::binary_hnsw) cursor_.skip(6, "the graph's options");
        if (kind == FaissKind::hnsw_cagra2) cursor_.skip(4, "the graph's options");
        index.graph = read_graph();
        add_detail(index, "ef_construction", index.graph->ef_construction);
        add_detail(index, "ef_search", index.graph->ef_search);
        add_detail(index, "max_level", index.graph->max_level);
        add_detail(index, "entry_point", index.graph->entry_point);
        if (index.graph->cumulative_neighbors.size() > 1) {
            add_detail(index, "max_neighbors0", index.graph->cumulative_neighbors[1]);
        }
        FaissIndex storage = parse_inner(index, index.code[1] == 'B');
        storage.metric = header.metric;
        storage.data_offset = 0;
        if (index.graph->nodes != storage.rows->rows()) {
            throw_bad_file(cursor_.source(), header.offset,
                           "a graph of " + std::to_string(index.graph->nodes) + " nodes for " +
                               std::to_string(storage.rows->rows()) + " vectors");
        }
        warn_of_counts(index, "the HNSW index", header.rows, storage);
        take_over(index, std::move(storage));
    }

    FaissGraph read_graph() {
        FaissGraph graph;
        read_extent(cursor_, sizeof(double), "the levels' probabilities");
        const Extent cumulative = read_extent(cursor_, sizeof(int32_t), "the numbers of neighbors");
        const Extent levels = read_extent(cursor_, sizeof(int32_t), "the levels");
        const Extent offsets = read_extent(cursor_, sizeof(uint64_t), "the places of neighbors");
        const Extent neighbors = read_extent(cursor_, sizeof(int32_t), "the neighbors");
        constexpr uint64_t most_levels = 256;
        if (cumulative.count > most_levels) {
            throw_bad_file(cursor_.source(), cumulative.offset - 8,
                           std::to_string(cumulative.count) + " levels");
        }
        if (offsets.count != levels.count + 1) {
            throw_bad_file(
                cursor_.source(), offsets.offset - 8,
                std::to_string(offsets.count) + " places for " + std::to_string(levels.count) + " nodes");
        }
        Cursor entry(cursor_.source(), cumulative.offset);
        for (uint64_t i = 0; i < cumulative.count; i++) {
            graph.cumulative_neighbors.push_back(entry.read<int32_t>("the numbers of neighbors"));
            const bool ascending = i == 0
                                       ? graph.cumulative_neighbors[0] == 0
                                       : graph.cumulative_neighbors[i] >= graph.cumulative_neighbors[i - 1];
            if (!ascending) entry.fail("the numbers of neighbors do not ascend", 4);
        }
        graph.nodes = levels.count;
        graph.levels_offset = levels.offset;
        graph.offsets_offset = offsets.offset;
        graph.neighbors_offset = neighbors.offset;
        graph.neighbors = neighbors.count;
        graph.entry_point = cursor_.read<int32_t>("the entry point");
        graph.max_level = cursor_.read<int32_t>("the highest level");
        graph.ef_construction = cursor_.read<int32_t>("efConstruction");
        graph.ef_search = cursor_.read<int32_t>("efSearch");
        cursor_.skip(4, "the graph's last field");
        return graph;
    }

    void parse_pre_transform(FaissIndex& index, const Header& header) {
        const auto count = cursor_.read<int32_t>("the number of transforms");
        constexpr int32_t most = 16;
        if (count < 0 || count > most) cursor_.fail(std::to_string(count) + " transforms", 4);
        std::vector<TransformInfo> chain;
        std::string names;
        uint64_t dims = header.dims;
        for (int32_t i = 0; i < count; i++) {
            chain.push_back(read_transform(cursor_));
            const VectorTransform& transform = *chain.back().transform;
            if (transform.dims_in() != dims) {
                cursor_.fail("a transform of " + std::to_string(transform.dims_in()) +
                                 " dimensions follows on " + std::to_string(dims),
                             9);
            }
            dims = transform.dims_out();
            names += (i > 0 ? ", " : "") + chain.back().code;
        }
        FaissIndex inner = parse_inner(index, false);
        if (inner.rows->dims() != dims) {
            throw_bad_file(cursor_.source(), header.offset + 4,
                           "transforms to " + std::to_string(dims) + " dimensions before an index of " +
                               std::to_string(inner.rows->dims()));
        }
        warn_of_counts(index, "the index behind transforms", header.rows, inner);
        if (!chain.empty()) {
            inner.rows = reverse_transforms(std::move(inner.rows), std::move(chain));
            inner.lossy = true;
            inner.element = ElementType::float32;
            inner.data_offset = 0;
        }
        index.details.push_back({"transforms", names, false});
        take_over(index, std::move(inner));
    }

    // The refinement has the better vectors, in the order of their positions.
    void parse_refine(FaissIndex& index, const Header& header) {
        FaissIndex base = parse();
        FaissIndex refinement = parse();
        if (base.binary || refinement.binary)
            refuse_faiss_kind(cursor_, (base.binary ? base : refinement).code.substr(0, 4));
        cursor_.skip(4, "the refinement's factor");
        index.code += "(" + base.code + ", " + refinement.code + ")";
        refinement.data_offset = 0;
        warn_of_counts(index, "the refined index", header.rows, refinement);
        take_over(index, std::move(refinement));
        index.metric = header.metric;
    }

    // --- inverted files ------------------------------------------------------------------------------------

    void skip_direct_map() {
        const auto type = cursor_.read<uint8_t>("the direct map");
        read_extent(cursor_, sizeof(int64_t), "the direct map");
        constexpr uint8_t hash_table = 2;
        if (type == hash_table) read_extent(cursor_, 2 * sizeof(int64_t), "the direct map");
    }

    void parse_ivf(FaissIndex& index, FaissKind kind, const Header& header) {
        const bool binary = kind == FaissKind::binary_ivf;
        const auto list_count = cursor_.read<uint64_t>("the number of lists");
        const auto probes = cursor_.read<uint64_t>("the number of probes");
        FaissIndex quantizer = parse();
        if (quantizer.binary != binary) refuse_faiss_kind(cursor_, quantizer.code.substr(0, 4));
        skip_direct_map();
        bool residual = false;
        const CodecInfo codec = read_ivf_codec(kind, header, residual);
        auto lists = std::make_shared<InvertedLists>(read_inverted_lists(cursor_, options_));
        if (lists->count != list_count || lists->code_size != codec.codec->code_size()) {
            throw_bad_file(cursor_.source(), header.offset,
                           "an index of " + std::to_string(list_count) + " lists with codes of " +
                               std::to_string(codec.codec->code_size()) + " bytes has " +
                               std::to_string(lists->count) + " lists with codes of " +
                               std::to_string(lists->code_size));
        }
        require_dims({header.offset, header.dims, lists->rows, 0});
        if (residual && lists->rows > 0 &&
            (quantizer.rows->dims() != header.dims || quantizer.rows->rows() < list_count)) {
            throw_bad_file(cursor_.source(), header.offset,
                           "a quantizer of " + std::to_string(quantizer.rows->rows()) + " centroids of " +
                               std::to_string(quantizer.rows->dims()) + " dimensions for " +
                               std::to_string(list_count) + " lists of " + std::to_string(header.dims));
        }
        index.binary = binary;
        index.by_list = true;
        index.metric = header.metric;
        index.element = residual ? ElementType::float32 : codec.element;
        index.lossy = kind != FaissKind::ivf_flat && !binary;
        index.rows = list_rows(lists, codec.codec, residual ? std::move(quantizer.rows) : nullptr);
        index.ids = list_ids(lists);
        add_detail(index, "lists", static_cast<int64_t>(list_count));
        add_detail(index, "probes", static_cast<int64_t>(std::min<uint64_t>(probes, INT64_MAX)));
        if (index.lossy) index.details.push_back({"storage", codec.name, false});
        warn_of_counts(index, "the inverted file", header.rows, index);
    }

    CodecInfo read_ivf_codec(FaissKind kind, const Header& header, bool& residual) {
        if (kind == FaissKind::ivf_flat) return float_codec(header.dims);
        if (kind == FaissKind::binary_ivf) return bit_codec(header.dims);
        if (kind == FaissKind::ivf_product) {
            residual = cursor_.read<uint8_t>("whether codes are of residuals") != 0;
            cursor_.skip(8, "the code size");
            return read_product_quantizer(cursor_, header.dims);
        }
        CodecInfo codec = read_scalar_quantizer(cursor_, header.dims);
        cursor_.skip(8, "the code size");
        residual = kind == FaissKind::ivf_scalar_old ||
                   cursor_.read<uint8_t>("whether codes are of residuals") != 0;
        return codec;
    }

    // --- the storage of IHN2 -------------------------------------------------------------------------------

    void parse_two_level(FaissIndex& index, const Header& header);
    void parse_product_centers(FaissIndex& index, const Header& header);

    Cursor& cursor_;
    const ReadOptions& options_;
    int depth_ = 0;
    bool in_id_map_ = false;
};

// Each code is the number of a centroid, in code_size_1 bytes, and the packed residual.
class TwoLevelRows : public RowSource {
  public:
    TwoLevelRows(ByteSource& source, uint64_t offset, uint64_t rows, std::shared_ptr<const Codec> codec,
                 std::unique_ptr<RowSource> centroids, size_t number_bytes)
        : RowSource(rows, codec->dims()),
          source_(source),
          offset_(offset),
          codec_(std::move(codec)),
          centroids_(std::move(centroids)),
          number_bytes_(number_bytes),
          centroid_(static_cast<size_t>(codec_->dims())) {}

    void read(uint64_t first, size_t count, float* out) override {
        const size_t row_bytes = number_bytes_ + static_cast<size_t>(codec_->code_size());
        code_.resize(row_bytes);
        for (size_t i = 0; i < count; i++) {
            const uint64_t at = offset_ + (first + i) * row_bytes;
            source_.read(at, code_.data(), row_bytes);
            uint64_t number = 0;
            for (size_t byte = number_bytes_; byte > 0; byte--) number = number << 8 | code_[byte - 1];
            if (number >= centroids_->rows())
                throw_bad_file(
                    source_, at,
                    "centroid " + std::to_string(number) + " of " + std::to_string(centroids_->rows()));
            codec_->decode(code_.data() + number_bytes_, out + i * dims());
            centroids_->read(number, 1, centroid_.data());
            for (size_t k = 0; k < centroid_.size(); k++) out[i * dims() + k] += centroid_[k];
        }
    }

  private:
    CachedSource source_;
    uint64_t offset_;
    std::shared_ptr<const Codec> codec_;
    std::unique_ptr<RowSource> centroids_;
    size_t number_bytes_;
    std::vector<float> centroid_;
    std::vector<uint8_t> code_;
};

void FaissParser::parse_two_level(FaissIndex& index, const Header& header) {
    FaissIndex quantizer = parse();
    cursor_.skip(9, "the number of lists");  // and how the quantizer is trained
    const CodecInfo codec = read_product_quantizer(cursor_, header.dims);
    const auto number_bytes = cursor_.read<uint64_t>("the size of a list's number");
    const auto code_bytes = cursor_.read<uint64_t>("the code size");
    cursor_.skip(8, "the code size");
    if (number_bytes > 8 || code_bytes != codec.codec->code_size()) {
        cursor_.fail(
            "codes of " + std::to_string(number_bytes) + " and " + std::to_string(code_bytes) + " bytes", 24);
    }
    const Extent codes = read_extent(cursor_, 1, "the codes");
    const auto expected = checked_mul(header.rows, number_bytes + code_bytes);
    require_dims(header);
    if (quantizer.binary || quantizer.rows->dims() != header.dims || !expected || codes.count != *expected) {
        throw_bad_file(cursor_.source(), codes.offset - 8,
                       std::to_string(codes.count) + " bytes of codes for " + std::to_string(header.rows) +
                           " vectors of " + std::to_string(number_bytes + code_bytes) + " bytes");
    }
    index.metric = header.metric;
    index.lossy = true;
    index.rows = std::make_unique<TwoLevelRows>(cursor_.source(), codes.offset, header.rows, codec.codec,
                                                std::move(quantizer.rows), static_cast<size_t>(number_bytes));
    index.details.push_back({"storage", codec.name + " of residuals", false});
}

// Centroids that are not stored: each number is the code of its own vector.
class ProductCenters : public RowSource {
  public:
    ProductCenters(uint64_t rows, std::shared_ptr<const Codec> codec)
        : RowSource(rows, codec->dims()), codec_(std::move(codec)) {}
    void read(uint64_t first, size_t count, float* out) override {
        for (size_t i = 0; i < count; i++) {
            uint8_t code[sizeof(uint64_t)];
            store_little_endian(code, first + i);
            codec_->decode(code, out + i * dims());
        }
    }

  private:
    std::shared_ptr<const Codec> codec_;
};

void FaissParser::parse_product_centers(FaissIndex& index, const Header& header) {
    const CodecInfo codec = read_product_quantizer(cursor_, header.dims);
    if (codec.codec->code_size() > 4) cursor_.fail("centroids with numbers of more than 32 bits");
    index.metric = header.metric;
    index.rows = std::make_unique<ProductCenters>(header.rows, codec.codec);
}

// Those that are none of ours (MetricInfo::faiss).
struct OtherMetric {
    int32_t code;
    const char* name;
};
constexpr OtherMetric other_metrics[] = {
    {3, "Linf"}, {4, "Lp"}, {20, "Canberra"}, {21, "Bray-Curtis"}, {22, "Jensen-Shannon"}, {23, "Jaccard"},
};

}  // namespace

FaissMetric faiss_metric(int32_t code) {
    // (A file does not say that its vectors are of unit length.)
    for (const MetricInfo& info : metrics)
        if (info.faiss == code && code >= 0 && !info.of_units) return {info.metric, info.title};
    for (const OtherMetric& other : other_metrics)
        if (other.code == code) return {FileMetric::other(), other.name};
    return {FileMetric::other(), "unknown"};
}

FaissIndex parse_faiss(ByteSource& source, const ReadOptions& options) {
    Cursor cursor(source);
    FaissIndex index = FaissParser(cursor, options).parse();
    if (faiss_code(index.code.substr(0, 4)).kind == FaissKind::product_centers) {
        throw_not_supported(source, "it holds a quantizer, not vectors");
    }
    if (cursor.remaining() > 0) {
        index.warnings.push_back(std::to_string(cursor.remaining()) + " bytes after the index are ignored");
    }
    return index;
}

}  // namespace vecstore::core::io
