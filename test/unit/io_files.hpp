// Files in memory for the tests of the readers, written field by field and independently of the readers.
#pragma once

#include "core/io/formats/vector_reader.hpp"

#include <cstring>
#include <memory>
#include <string>
#include <vector>

namespace vecstore::test {

using Bytes = std::string;

template <class T>
Bytes raw(T value) {
    Bytes out(sizeof(T), '\0');
    std::memcpy(out.data(), &value, sizeof(T));
    return out;
}

template <class T>
Bytes raw_all(const std::vector<T>& values) {
    Bytes out;
    for (const T value : values) out += raw(value);
    return out;
}

inline Bytes reversed(Bytes bytes) { return Bytes(bytes.rbegin(), bytes.rend()); }

inline Bytes npy(const Bytes& dict, const Bytes& data, int major = 1) {
    Bytes out = "\x93NUMPY";
    out += static_cast<char>(major);
    out += '\0';
    out += major == 1 ? raw<uint16_t>(static_cast<uint16_t>(dict.size()))
                      : raw<uint32_t>(static_cast<uint32_t>(dict.size()));
    return out + dict + data;
}

inline Bytes npy_dict(const Bytes& descr, const Bytes& shape, bool fortran = false) {
    return "{'descr': '" + descr + "', 'fortran_order': " + (fortran ? "True" : "False") +
           ", 'shape': " + shape + ", }          \n";
}

inline Bytes faiss_header(const Bytes& code, int32_t dims, int64_t rows, int32_t metric) {
    Bytes out = code + raw(dims) + raw(rows) + raw(int64_t{1 << 20}) + raw(int64_t{1 << 20}) +
                raw(uint8_t{1}) + raw(metric);
    return metric > 1 ? out + raw(0.0f) : out;
}

inline Bytes faiss_flat(const Bytes& code, int32_t dims, const std::vector<float>& values, int32_t metric) {
    return faiss_header(code, dims, static_cast<int64_t>(values.size()) / dims, metric) +
           raw(static_cast<uint64_t>(values.size())) + raw_all(values);
}

inline Bytes faiss_id_map(const Bytes& code, const Bytes& inner, int64_t rows,
                          const std::vector<int64_t>& ids) {
    return faiss_header(code, 0, rows, 1) + inner + raw(static_cast<uint64_t>(ids.size())) + raw_all(ids);
}

// Everything in a file, read in batches of the given size.
struct Contents {
    core::io::VectorFileInfo info;
    std::vector<float> values;
    std::vector<int64_t> ids;
};

inline Contents read_all(const Bytes& file, size_t batch_rows = 1000, const std::string& format = "auto",
                         uint64_t first = 0) {
    core::io::MemorySource source("test file", file.data(), file.size());
    auto reader = core::io::open_vectors(source, format);
    Contents contents;
    contents.info = reader->info();
    reader->seek(first);
    core::io::VectorBatch batch;
    while (reader->read(batch, batch_rows)) {
        contents.values.insert(contents.values.end(), batch.values.begin(), batch.values.end());
        contents.ids.insert(contents.ids.end(), batch.ids.begin(), batch.ids.end());
    }
    return contents;
}

// The error that reading everything gives; fails (by an empty message) when there is none.
inline core::Error error_of(const Bytes& file, const std::string& format = "auto") {
    try {
        read_all(file, 1000, format);
    } catch (const core::Error& error) {
        return error;
    }
    return core::Error(core::ErrorCode::internal, "");
}

}  // namespace vecstore::test
