#pragma once

#include <cstddef>
#include <cstdint>

namespace vecstore::core {

// A sparse vector: the dimensions where it is not zero, and their values.
struct SparseView {
    const int32_t* indices;  // ascending, each once
    const float* values;
    size_t count;
};

}  // namespace vecstore::core
