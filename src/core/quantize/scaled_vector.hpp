// The figures of an encoder of own vectors about the vector x' = scale * code that stands for x.
#pragma once

namespace vecstore::core {

struct ScaledVector {
    float scale;  // x'_i = scale * code_i
    float error;  // |x - x'|: no L2 distance to x' differs from that to x by more
};

}  // namespace vecstore::core
