// Writing vectors into files of other programs, row by row, in memory that does not grow with the rows.
#pragma once

#include "core/distance/metric.hpp"
#include "core/export/byte_sink.hpp"

#include <memory>

namespace vecstore::core::exports {

// The form of a row of a matrix in the file.
enum class NumberFormat { float16, float32 };

class VectorWriter {
  public:
    virtual ~VectorWriter() = default;
    // Every row has `dims` components.
    virtual void add(int64_t id, const float* values) = 0;
    // After the last row. Without it the file is not complete.
    virtual void finish() = 0;
};

// numpy's .npy (version 1): a matrix of rows x dims.
std::unique_ptr<VectorWriter> write_npy(ByteSink& sink, size_t dims, NumberFormat format);

std::unique_ptr<VectorWriter> write_fvecs(ByteSink& sink, size_t dims);

// FAISS's IndexFlat by a metric that FAISS knows (MetricInfo::faiss); with `ids` (room for 8 bytes a row)
// under an IndexIDMap.
std::unique_ptr<VectorWriter> write_faiss_flat(ByteSink& sink, size_t dims, const MetricInfo& metric,
                                               Scratch* ids);

// The parts of FAISS's files. A header's number of rows may be filled in later, at the offset that is
// returned.
uint64_t put_faiss_header(ByteSink& sink, const char* code, size_t dims, const MetricInfo& metric,
                          uint64_t rows);

// FAISS and hnswlib compare unit vectors by their inner product where cosine distance is meant
// (MetricInfo::of_units). Vectors that
// are of unit length but for rounding stay as they are. Returns whether this one was changed. A zero vector
// stays.
bool make_unit(float* values, size_t dims);

}  // namespace vecstore::core::exports
