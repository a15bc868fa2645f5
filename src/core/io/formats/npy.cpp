#include "core/io/formats/npy.hpp"

#include "core/io/formats/formats.hpp"

#include "core/base/checked.hpp"
#include "core/base/option_text.hpp"
#include "core/io/formats/matrix_reader.hpp"
#include "core/io/formats/npy_header.hpp"

#include <limits>

namespace vecstore::core::io {

namespace {

struct NumberType {
    ElementType element;
    bool big_endian;
};

// Kinds of numpy types that are not real numbers, by the letter of their descr.
const char* describe_kind(char kind) {
    switch (kind) {
        case 'O': return "Python objects (a pickle, which could run any code when it is read)";
        case 'U':
        case 'S':
        case 'a': return "strings";
        case 'c': return "complex numbers";
        case 'M':
        case 'm': return "dates or times";
        case 'V': return "raw bytes";
        default: return nullptr;
    }
}

std::optional<ElementType> number_type(char kind, const std::string& size) {
    struct Entry {
        const char* code;
        ElementType element;
    };
    static const Entry entries[] = {
        {"b1", ElementType::boolean}, {"i1", ElementType::int8},    {"i2", ElementType::int16},
        {"i4", ElementType::int32},   {"i8", ElementType::int64},   {"u1", ElementType::uint8},
        {"u2", ElementType::uint16},  {"u4", ElementType::uint32},  {"u8", ElementType::uint64},
        {"f2", ElementType::float16}, {"f4", ElementType::float32}, {"f8", ElementType::float64},
    };
    for (const Entry& entry : entries) {
        if (kind + size == entry.code) return entry.element;
    }
    return std::nullopt;
}

// "<f4": byte order (< little, > big, = and none the writer's own, | does not matter), kind, bytes.
NumberType parse_descr(const ByteSource& source, const std::string& descr) {
    const bool has_order = !descr.empty() && std::string("<>|=").find(descr[0]) != std::string::npos;
    const std::string code = has_order ? descr.substr(1) : descr;
    const std::string shown = "\"" + printable(descr.data(), std::min<size_t>(descr.size(), 40)) + "\"";
    if (code.empty()) throw_bad_file(source, 0, "the header's element type " + shown + " is unknown");
    if (const char* kind = describe_kind(code[0])) {
        throw_not_supported(source, "its elements, of type " + shown + ", are " + kind,
                            "Save the vectors as a 2-D array of numbers, such as float32.");
    }
    const auto element = number_type(code[0], code.substr(1));
    if (!element) {
        throw_not_supported(source, "its element type " + shown + " is unknown",
                            "Convert the array first: array.astype(\"float32\").");
    }
    return {*element, has_order && descr[0] == '>'};
}

std::string shape_text(const std::vector<uint64_t>& shape) {
    std::string text = "(";
    for (size_t i = 0; i < shape.size(); i++) text += (i ? ", " : "") + std::to_string(shape[i]);
    return text + (shape.size() == 1 ? ",)" : ")");
}

// rows and dims of the array: 2-D is a row for each vector, 1-D is one vector; others only when flattened.
void apply_shape(const ByteSource& source, const std::vector<uint64_t>& shape, bool flatten,
                 VectorFileInfo& info) {
    if (shape.size() == 1 || (shape.empty() && flatten)) {
        info.dims = shape.empty() ? 1 : shape[0];
        info.rows = info.dims > 0 ? 1 : 0;
    } else if (shape.size() == 2 || (shape.size() > 2 && flatten)) {
        info.rows = shape[0];
        info.dims = 1;
        for (size_t i = 1; i < shape.size(); i++) {
            const auto product = checked_mul(info.dims, shape[i]);
            constexpr uint64_t limit = std::numeric_limits<int64_t>::max();
            if (!product || *product > limit) {
                throw_bad_file(source, 0, "the shape " + shape_text(shape) + " overflows");
            }
            info.dims = *product;
        }
    } else {
        throw_not_supported(source,
                            "its shape is " + shape_text(shape) + ", an array of " +
                                std::to_string(shape.size()) + " dimensions",
                            "Vectors are the rows of a 2-D array: array.reshape(len(array), -1). With " +
                                option_text("flatten", "true") +
                                " each part along the first dimension becomes one.");
    }
    if (info.rows > 0 && info.dims == 0) {
        throw_bad_file(source, 0, "the shape " + shape_text(shape) + " has rows without components");
    }
}

// Checks that rows x dims elements lie between the header and the end.
void check_data(const ByteSource& source, const NpyHeader& header, VectorFileInfo& info) {
    const auto count = checked_mul(info.rows, info.dims);
    const auto bytes = count ? checked_mul(*count, element_size(info.element)) : std::nullopt;
    if (!bytes) {
        throw_bad_file(source, header.data_offset, "the shape " + shape_text(header.shape) + " overflows");
    }
    const uint64_t present = source.size() - header.data_offset;
    if (*bytes > present) {
        throw_bad_file(source, header.data_offset,
                       "an array of shape " + shape_text(header.shape) + " needs " + std::to_string(*bytes) +
                           " bytes; there are " + std::to_string(present));
    }
    if (*bytes < present) {
        info.warnings.push_back(std::to_string(present - *bytes) + " bytes after the array are ignored");
    }
}

// In Fortran order the first index runs fastest, the last slowest, and flattened rows are in C order: so
// component (j, k) of a row lies in column j + k * shape[1], which is component j * shape[2] + k.
std::vector<uint32_t> column_order(const std::vector<uint64_t>& shape, uint64_t dims) {
    std::vector<uint32_t> order;
    if (shape.size() <= 2 || dims > VectorReader::max_dims) return order;
    order.resize(static_cast<size_t>(dims));
    for (uint64_t component = 0; component < dims; component++) {
        uint64_t rest = component, column = 0, stride = dims;
        for (size_t i = shape.size() - 1; i >= 1; i--) {
            stride /= shape[i];
            column += rest % shape[i] * stride;
            rest /= shape[i];
        }
        order[static_cast<size_t>(column)] = static_cast<uint32_t>(component);
    }
    return order;
}

}  // namespace

NpyArray parse_npy(ByteSource& source, bool flatten) {
    const NpyHeader header = read_npy_header(source);
    const NumberType number = parse_descr(source, header.descr);
    NpyArray array;
    array.shape_length = header.shape.size();
    VectorFileInfo& info = array.info;
    info.format = "npy";
    info.element = number.element;
    apply_shape(source, header.shape, flatten, info);
    check_data(source, header, info);
    if (narrows_to_float32(info.element)) {
        info.warnings.push_back(std::string(element_name(info.element)) + " values are rounded to float32");
    }
    info.details = {{"version", std::to_string(header.major) + "." + std::to_string(header.minor), false},
                    {"descr", printable(header.descr.data(), header.descr.size()), false},
                    {"shape", shape_text(header.shape), false},
                    {"order", header.fortran_order ? "fortran" : "c", false},
                    {"data_offset", std::to_string(header.data_offset), true}};
    MatrixLayout& layout = array.layout;
    layout.data_offset = header.data_offset;
    layout.big_endian = number.big_endian;
    // One row or one column is the same in both orders; and column order is the slower one to read.
    layout.column_major = header.fortran_order && info.dims > 1 && (info.rows > 1 || header.shape.size() > 2);
    if (layout.column_major) layout.column_order = column_order(header.shape, info.dims);
    return array;
}

namespace {

std::unique_ptr<VectorReader> open_npy(ByteSource& source, const ReadOptions& options) {
    NpyArray array = parse_npy(source, options.flatten);
    return std::make_unique<MatrixReader>(source, std::move(array.info), std::move(array.layout));
}

bool recognises_npy(ByteSource&, const ReadOptions&, const uint8_t* head, size_t length) {
    return length >= 6 && std::memcmp(head, "\x93NUMPY", 6) == 0;
}

}  // namespace

const VectorFormat npy_format = {"npy", recognises_npy, open_npy};

}  // namespace vecstore::core::io
