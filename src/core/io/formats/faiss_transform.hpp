// The vector transforms before a FAISS index (IxPT), and the way back through them.
#pragma once

#include "core/io/formats/row_source.hpp"

#include <string>

namespace vecstore::core::io {

class VectorTransform {
  public:
    VectorTransform(uint64_t dims_in, uint64_t dims_out) : dims_in_(dims_in), dims_out_(dims_out) {}
    virtual ~VectorTransform() = default;
    uint64_t dims_in() const { return dims_in_; }
    uint64_t dims_out() const { return dims_out_; }
    // From dims_out to dims_in values.
    virtual void reverse(const float* from, float* to) const = 0;

  private:
    uint64_t dims_in_;
    uint64_t dims_out_;
};

struct TransformInfo {
    std::unique_ptr<VectorTransform> transform;
    std::string code;  // "LTra"
};

// Throws file_not_supported for one that cannot be reversed, bad_file, limit_exceeded.
TransformInfo read_transform(Cursor& cursor);

// The rows of an index behind transforms, as they were before. There is at least one transform, and each
// takes what the one before it gives.
std::unique_ptr<RowSource> reverse_transforms(std::unique_ptr<RowSource> rows,
                                              std::vector<TransformInfo> chain);

}  // namespace vecstore::core::io
