// hnswlib's files: the library itself builds its graph in memory.
#pragma once

#include "core/export/vector_writer.hpp"

#include <functional>

namespace vecstore::core::exports {

struct HnswlibOptions {
    Metric metric;  // that hnswlib knows (MetricInfo::space)
    size_t m;
    size_t ef_construction;
    size_t threads;
    size_t memory;  // that the index may take; beyond, limit_exceeded
};

// Of the caller's thread. check() throws where one ends the work; are_pending() may be called while other
// threads run.
struct Interrupts {
    std::function<void()> check;
    std::function<bool()> are_pending;
};

class HnswlibWriter {
  public:
    virtual ~HnswlibWriter() = default;
    // ids must be unique and not negative: they become labels.
    virtual void add(int64_t id, const float* values) = 0;
    virtual void save(ByteSink& file) = 0;
};

std::unique_ptr<HnswlibWriter> write_hnswlib(size_t dims, const HnswlibOptions& options,
                                             Interrupts interrupts);

}  // namespace vecstore::core::exports
