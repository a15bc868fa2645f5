// hnswlib's files, by the library itself: it builds its graph in memory and saves it.
#pragma once

#include "core/export/vector_writer.hpp"

#include <functional>
#include <string>

namespace vecstore::core::exports {

struct HnswlibOptions {
    Metric metric;  // that hnswlib knows (MetricInfo::space)
    size_t m;
    size_t ef_construction;
    size_t threads;
    size_t memory;  // that the index may take; beyond, limit_exceeded
};

class HnswlibWriter {
  public:
    virtual ~HnswlibWriter() = default;
    // ids must be unique and not negative: they become labels. check_interrupts() runs between batches of
    // rows.
    virtual void add(int64_t id, const float* values) = 0;
    // Into an existing file. Throws io when it is not all there afterwards.
    virtual void save(const std::string& path) = 0;
};

std::unique_ptr<HnswlibWriter> write_hnswlib(size_t dims, const HnswlibOptions& options,
                                             std::function<void()> check_interrupts);

}  // namespace vecstore::core::exports
