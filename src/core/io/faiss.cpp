#include "core/io/faiss.hpp"

#include "core/base/checked.hpp"
#include "core/io/matrix_reader.hpp"

#include <array>

namespace vecstore::core::io {

namespace {

using FourCc = std::array<char, 4>;

// What can be read as it is.
struct ReadableKind {
    const char* code;
    bool id_map;
};

constexpr ReadableKind readable_kinds[] = {
    {"IxF2", false}, {"IxFI", false}, {"IxFl", false}, {"IxMp", true}, {"IxM2", true},
};

// FAISS's other kinds: recognised, so that the error can say what the file is.
struct OtherKind {
    const char* code;
    const char* description;
    bool holds_vectors;
};

constexpr OtherKind other_kinds[] = {
    {"IHNf", "an HNSW index with flat storage", true},
    {"IHNs", "an HNSW index with scalar-quantized storage", true},
    {"IHNp", "an HNSW index with product-quantized storage", true},
    {"IHN2", "an HNSW index with two-level storage", true},
    {"IHNc", "an HNSW index built by CAGRA", true},
    {"IHc2", "an HNSW index built by CAGRA", true},
    {"INSf", "an NSG index with flat storage", true},
    {"INSp", "an NSG index with product-quantized storage", true},
    {"INSs", "an NSG index with scalar-quantized storage", true},
    {"IwFl", "an inverted-file index of flat vectors (IVFFlat)", true},
    {"IvFl", "an inverted-file index of flat vectors (IVFFlat, old)", true},
    {"IvFL", "an inverted-file index of flat vectors (IVFFlat, old)", true},
    {"IwFd", "an inverted-file index of flat vectors without duplicates", true},
    {"IwSq", "an inverted-file index with a scalar quantizer", true},
    {"IwSQ", "an inverted-file index with a scalar quantizer (old)", true},
    {"IvSQ", "an inverted-file index with a scalar quantizer (old)", true},
    {"IwPQ", "an inverted-file index with a product quantizer (IVFPQ)", true},
    {"IvPQ", "an inverted-file index with a product quantizer (IVFPQ, old)", true},
    {"IwQR", "an inverted-file index with two product quantizers (IVFPQR)", true},
    {"IvQR", "an inverted-file index with two product quantizers (IVFPQR, old)", true},
    {"IwPf", "an inverted-file index with a fast-scan product quantizer", true},
    {"IxSQ", "a scalar-quantized index", true},
    {"IxPq", "a product-quantized index", true},
    {"IxPQ", "a product-quantized index (old)", true},
    {"IxPo", "a product-quantized index (old)", true},
    {"IPfs", "a fast-scan product-quantized index", true},
    {"IxRq", "a residual-quantized index", true},
    {"IxLS", "a local-search-quantized index", true},
    {"IxPT", "an index behind vector transforms", true},
    {"IxRF", "a refined index", true},
    {"IBxF", "a flat index of binary vectors", true},
    {"IBMp", "an id-mapped index of binary vectors", true},
    {"IBM2", "an id-mapped index of binary vectors", true},
    {"IBHf", "an HNSW index of binary vectors", true},
    {"IBHc", "an HNSW index of binary vectors built by CAGRA", true},
    {"IBwF", "an inverted-file index of binary vectors", true},
    {"IBHh", "a hash index of binary vectors", false},
    {"IBHm", "a multi-hash index of binary vectors", false},
    {"IxHe", "a locality-sensitive hash", false},
    {"IxHE", "a locality-sensitive hash", false},
    {"null", "an empty placeholder whose storage was not saved", false},
};

template <class Kind, size_t N>
const Kind* find_kind(const Kind (&kinds)[N], const FourCc& code) {
    for (const Kind& kind : kinds) {
        if (std::memcmp(kind.code, code.data(), 4) == 0) return &kind;
    }
    return nullptr;
}

// The fields that every index of float vectors begins with.
struct IndexHeader {
    FourCc code;
    uint64_t code_offset;
    int32_t dims;
    uint64_t rows;
    int32_t metric;
};

[[noreturn]] void refuse_kind(const Cursor& cursor, const FourCc& code) {
    const std::string shown = printable(code.data(), code.size());
    const OtherKind* other = find_kind(other_kinds, code);
    if (other == nullptr) {
        cursor.fail("\"" + shown + "\" is not the code of any FAISS index that is known here", code.size());
    }
    const std::string what =
        std::string("it holds ") + other->description + " (FAISS \"" + shown + "\"), which ";
    if (!other->holds_vectors) {
        throw_not_supported(cursor.source(), what + "keeps no vectors",
                            "Import the vectors that the index was made of.");
    }
    throw_not_supported(cursor.source(), what + "is not supported yet",
                        "In Python, index.reconstruct_n(0, index.ntotal) gives its vectors; save them with "
                        "numpy.save and import the .npy file.");
}

IndexHeader read_header(Cursor& cursor) {
    IndexHeader header;
    header.code_offset = cursor.offset();
    cursor.read_bytes(header.code.data(), header.code.size(), "the index's code");
    if (find_kind(readable_kinds, header.code) == nullptr) refuse_kind(cursor, header.code);
    header.dims = cursor.read<int32_t>("the number of dimensions");
    if (header.dims < 0) cursor.fail(std::to_string(header.dims) + " dimensions", 4);
    const int64_t rows = cursor.read<int64_t>("the number of vectors");
    if (rows < 0) cursor.fail(std::to_string(rows) + " vectors", 8);
    header.rows = static_cast<uint64_t>(rows);
    cursor.skip(17, "the index's header");  // two unused numbers, and whether it is trained
    header.metric = cursor.read<int32_t>("the metric");
    // Only metrics beyond L2 have an argument.
    if (header.metric > 1) cursor.skip(4, "the metric's argument");
    return header;
}

struct MetricName {
    int32_t code;
    Metric metric;
    const char* name;
};

constexpr MetricName metric_names[] = {
    {0, Metric::inner_product, "inner product"},
    {1, Metric::l2, "L2"},
    {2, Metric::l1, "L1"},
    {3, Metric::other, "Linf"},
    {4, Metric::other, "Lp"},
    {20, Metric::other, "Canberra"},
    {21, Metric::other, "Bray-Curtis"},
    {22, Metric::other, "Jensen-Shannon"},
    {23, Metric::other, "Jaccard"},
};

MetricName name_of_metric(int32_t code) {
    for (const MetricName& entry : metric_names) {
        if (entry.code == code) return entry;
    }
    return {code, Metric::other, "unknown"};
}

// The vectors of a flat index, which follow its header: u64 count of floats, then the floats.
void read_flat(Cursor& cursor, const IndexHeader& header, VectorFileInfo& info, MatrixLayout& layout) {
    info.rows = header.rows;
    info.dims = static_cast<uint64_t>(header.dims);
    info.metric = name_of_metric(header.metric).metric;
    if (info.rows > 0 && info.dims == 0) {
        throw_bad_file(cursor.source(), header.code_offset + 4, "an index with vectors of 0 dimensions");
    }
    const uint64_t floats = cursor.read<uint64_t>("the number of values");
    const auto expected = checked_mul(info.rows, info.dims);
    if (!expected || floats != *expected) {
        cursor.fail("the index announces " + std::to_string(info.rows) + " vectors of " +
                        std::to_string(info.dims) + " dimensions, but holds " + std::to_string(floats) +
                        " values",
                    8);
    }
    const auto bytes = checked_mul(floats, sizeof(float));
    if (!bytes) cursor.fail("the number of values overflows", 8);
    layout.data_offset = cursor.offset();
    cursor.skip(*bytes, "the vectors");
}

// The ids of an id map, which follow its inner index: u64 count, then int64 each.
void read_id_map(Cursor& cursor, VectorFileInfo& info, MatrixLayout& layout) {
    const uint64_t ids = cursor.read<uint64_t>("the number of ids");
    if (ids != info.rows) {
        cursor.fail("there are " + std::to_string(ids) + " ids for " + std::to_string(info.rows) + " vectors",
                    8);
    }
    const auto bytes = checked_mul(ids, sizeof(int64_t));
    if (!bytes) cursor.fail("the number of ids overflows", 8);
    layout.ids_offset = cursor.offset();
    cursor.skip(*bytes, "the ids");
    info.has_ids = true;
}

std::unique_ptr<VectorReader> open_faiss(ByteSource& source) {
    VectorFileInfo info;
    info.format = "faiss";
    MatrixLayout layout;
    Cursor cursor(source);
    const IndexHeader outer = read_header(cursor);
    const bool id_map = find_kind(readable_kinds, outer.code)->id_map;
    IndexHeader inner = outer;
    if (id_map) {
        inner = read_header(cursor);
        if (find_kind(readable_kinds, inner.code)->id_map) {
            throw_not_supported(source, "it holds an id map inside an id map");
        }
    }
    // An id map's own dimensions are not to be relied on: real files have 0 there.
    read_flat(cursor, inner, info, layout);
    if (id_map) {
        read_id_map(cursor, info, layout);
        if (outer.rows != inner.rows) {
            info.warnings.push_back("the id map announces " + std::to_string(outer.rows) +
                                    " vectors, the index in it " + std::to_string(inner.rows) +
                                    "; the latter are read");
        }
    }
    if (cursor.remaining() > 0) {
        info.warnings.push_back(std::to_string(cursor.remaining()) + " bytes after the index are ignored");
    }
    const std::string inner_code(inner.code.data(), 4);
    info.details = {
        {"index", id_map ? std::string(outer.code.data(), 4) + "(" + inner_code + ")" : inner_code, false},
        {"metric", name_of_metric(inner.metric).name, false},
        {"metric_code", std::to_string(inner.metric), true},
        {"data_offset", std::to_string(layout.data_offset), true}};
    return std::make_unique<MatrixReader>(source, std::move(info), layout);
}

bool recognises_faiss(const uint8_t* head, size_t length) {
    if (length < 4) return false;
    FourCc code;
    std::memcpy(code.data(), head, 4);
    return find_kind(readable_kinds, code) != nullptr || find_kind(other_kinds, code) != nullptr;
}

}  // namespace

const VectorFormat faiss_format = {"faiss", recognises_faiss, open_faiss};

}  // namespace vecstore::core::io
