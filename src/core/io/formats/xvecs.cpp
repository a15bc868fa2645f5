#include "core/io/formats/xvecs.hpp"

#include "core/io/formats/formats.hpp"

#include "core/io/formats/matrix_reader.hpp"

#include <algorithm>

namespace vecstore::core::io {

namespace {

constexpr uint64_t header_bytes = sizeof(int32_t);

struct Kind {
    const char* name;
    ElementType element;
};

constexpr Kind fvecs = {"fvecs", ElementType::float32};
constexpr Kind bvecs = {"bvecs", ElementType::uint8};
constexpr Kind ivecs = {"ivecs", ElementType::int32};

// Rows of this kind, or an error with its place.
std::unique_ptr<VectorReader> open_kind(ByteSource& source, const Kind& kind) {
    Cursor cursor(source);
    const auto dims = cursor.read<int32_t>("the number of dimensions");
    if (dims < 1) cursor.fail(std::to_string(dims) + " dimensions", header_bytes);
    const uint64_t row_bytes = header_bytes + static_cast<uint64_t>(dims) * element_size(kind.element);
    if (source.size() % row_bytes != 0) {
        throw_bad_file(source, source.size() - source.size() % row_bytes,
                       "rows of " + std::to_string(dims) + " dimensions have " + std::to_string(row_bytes) +
                           " bytes in " + kind.name + ", but the file ends after " +
                           std::to_string(source.size() % row_bytes) + " bytes of one");
    }
    VectorFileInfo info;
    info.format = kind.name;
    info.element = kind.element;
    info.rows = source.size() / row_bytes;
    info.dims = static_cast<uint64_t>(dims);
    if (narrows_to_float32(info.element)) {
        info.warnings.push_back(std::string(element_name(info.element)) + " values are rounded to float32");
    }
    MatrixLayout layout;
    layout.row_header = header_bytes;
    return std::make_unique<MatrixReader>(source, std::move(info), layout);
}

// How many rows the file has if it is of this kind; 0 when it cannot be: its length is not that of whole
// rows, or the first ones disagree.
uint64_t rows_as(ByteSource& source, const Kind& kind, const uint8_t* head, size_t length) {
    if (length < header_bytes) return 0;
    const auto dims = load_little_endian<int32_t>(head);
    if (dims < 1 || dims > static_cast<int32_t>(VectorReader::max_dims)) return 0;
    const uint64_t row_bytes = header_bytes + static_cast<uint64_t>(dims) * element_size(kind.element);
    if (source.size() % row_bytes != 0) return 0;
    const uint64_t rows = source.size() / row_bytes;
    for (uint64_t row = 1; row < std::min<uint64_t>(rows, 16); row++) {
        uint8_t bytes[header_bytes];
        source.read(row * row_bytes, bytes, header_bytes);
        if (load_little_endian<int32_t>(bytes) != dims) return 0;
    }
    return rows;
}

// fvecs and ivecs are laid out alike. Integers of ordinary size are, read as floats, zero or so small that no
// embedding has them.
bool looks_like_integers(ByteSource& source) {
    uint8_t bytes[4096];
    const auto length = static_cast<size_t>(std::min<uint64_t>(source.size(), sizeof(bytes)));
    source.read(0, bytes, length);
    constexpr int32_t smallest_normal_float = 1 << 23;
    for (size_t at = 0; at + sizeof(int32_t) <= length; at += sizeof(int32_t)) {
        const auto value = load_little_endian<int32_t>(bytes + at);
        if (value <= -smallest_normal_float || value >= smallest_normal_float) return false;
    }
    return true;
}

std::string extension_of(const std::string& file_name) {
    const size_t dot = file_name.rfind('.');
    return dot == std::string::npos ? std::string() : file_name.substr(dot + 1);
}

// By the extension where it is one of these, else by the content.
bool recognizes(ByteSource& source, const ReadOptions& options, const uint8_t* head, size_t length,
                const Kind& kind) {
    const std::string extension = extension_of(options.file_name);
    for (const Kind* named : {&fvecs, &bvecs, &ivecs}) {
        if (extension == named->name) return named->element == kind.element;
    }
    const uint64_t rows = rows_as(source, kind, head, length);
    if (rows == 0) return false;
    // One row of bytes says too little: many a short file would do.
    if (kind.element == ElementType::uint8) return rows > 1 && rows_as(source, ivecs, head, length) == 0;
    return looks_like_integers(source) == (kind.element == ElementType::int32);
}

bool recognizes_fvecs(ByteSource& source, const ReadOptions& options, const uint8_t* head, size_t length) {
    return recognizes(source, options, head, length, fvecs);
}
bool recognizes_bvecs(ByteSource& source, const ReadOptions& options, const uint8_t* head, size_t length) {
    return recognizes(source, options, head, length, bvecs);
}
bool recognizes_ivecs(ByteSource& source, const ReadOptions& options, const uint8_t* head, size_t length) {
    return recognizes(source, options, head, length, ivecs);
}

std::unique_ptr<VectorReader> open_fvecs(ByteSource& source, const ReadOptions&) {
    return open_kind(source, fvecs);
}
std::unique_ptr<VectorReader> open_bvecs(ByteSource& source, const ReadOptions&) {
    return open_kind(source, bvecs);
}
std::unique_ptr<VectorReader> open_ivecs(ByteSource& source, const ReadOptions&) {
    return open_kind(source, ivecs);
}

}  // namespace

const char* guess_xvecs(ByteSource& source, const std::string& file_name) {
    ReadOptions options;
    options.file_name = file_name;
    uint8_t head[header_bytes] = {};
    const auto length = static_cast<size_t>(std::min<uint64_t>(source.size(), sizeof(head)));
    source.read(0, head, length);
    for (const Kind* kind : {&fvecs, &ivecs, &bvecs}) {
        if (recognizes(source, options, head, length, *kind)) return kind->name;
    }
    return fvecs.name;
}

const VectorFormat fvecs_format = {fvecs.name, recognizes_fvecs, open_fvecs};
const VectorFormat bvecs_format = {bvecs.name, recognizes_bvecs, open_bvecs};
const VectorFormat ivecs_format = {ivecs.name, recognizes_ivecs, open_ivecs};

}  // namespace vecstore::core::io
