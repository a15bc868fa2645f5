#include "core/io/formats/formats.hpp"

#include <algorithm>

namespace vecstore::core::io {

namespace {

constexpr size_t head_length = 128;

// Null where there is none.
const VectorFormat* format_named(const std::string& name) {
    for (const VectorFormat* format : vector_formats())
        if (name == format->name) return format;
    return nullptr;
}

// Not a file of any format, whatever was asked for.
void refuse_non_files(ByteSource& source) {
    if (source.size() == 0) throw_bad_file(source, 0, "the file is empty");
    require_content(source);
}

// No format recognized the file: says what it may be.
[[noreturn]] void throw_unrecognized(const ByteSource& source, const uint8_t* head, size_t length) {
    throw_not_supported(source,
                        "its format is not recognized; it starts with \"" +
                            printable(head, std::min<size_t>(length, 8)) + "\"",
                        "Formats that can be read: " + names_of_formats() + ".");
}

const VectorFormat& recognize(ByteSource& source, const ReadOptions& options) {
    uint8_t head[head_length];
    const size_t length = static_cast<size_t>(std::min<uint64_t>(source.size(), head_length));
    source.read(0, head, length);
    const VectorFormat* const named = format_named(options.format);
    if (named == nullptr && options.format != "auto") {
        throw Error(ErrorCode::invalid_parameter, "unknown file format \"" + options.format + "\"", {},
                    "Formats that can be read: auto, " + names_of_formats() + ".");
    }
    refuse_non_files(source);
    if (named != nullptr) return *named;
    for (const VectorFormat* format : vector_formats())
        if (format->recognizes(source, options, head, length)) return *format;
    throw_unrecognized(source, head, length);
}

}  // namespace

const std::vector<const VectorFormat*>& vector_formats() {
#define VECSTORE_LIST_FORMAT(name) &name##_format,
    static const std::vector<const VectorFormat*> formats = {VECSTORE_VECTOR_FORMATS(VECSTORE_LIST_FORMAT)};
#undef VECSTORE_LIST_FORMAT
    return formats;
}

std::string names_of_formats() {
    std::string names;
    for (const VectorFormat* format : vector_formats())
        names += (names.empty() ? "" : ", ") + std::string(format->name);
    return names;
}

std::string names_of_graphs() {
    std::string names;
    for (const VectorFormat* format : vector_formats())
        if (format->graphs != nullptr)
            names += (names.empty() ? "" : " and from ") + std::string(format->graphs);
    return names;
}

std::unique_ptr<VectorReader> open_vectors(ByteSource& source, const ReadOptions& options) {
    auto reader = recognize(source, options).open(source, options);
    reader->skip_not_finite_ = options.skip_not_finite;
    return reader;
}

std::unique_ptr<VectorReader> open_vectors(ByteSource& source, const std::string& format) {
    ReadOptions options;
    options.format = format;
    return open_vectors(source, options);
}

std::unique_ptr<GraphReader> open_graph(ByteSource& source, const ReadOptions& options) {
    // As for vectors: the same files are recognized, and refused.
    const VectorFormat& format = recognize(source, options);
    format.open(source, options);
    return format.open_graph != nullptr ? format.open_graph(source, options) : nullptr;
}

}  // namespace vecstore::core::io
