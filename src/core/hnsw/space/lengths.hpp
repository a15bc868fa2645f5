// How long a row may be to be one of the others, where distances are inner products (long_rows.hpp).
#pragma once

#include <algorithm>
#include <cmath>
#include <vector>

#include "core/storage/layout.hpp"

namespace vecstore::core {

inline bool keeps_long_rows(const Geometry& g) { return metric_info(g.metric).is_product(); }

// The length that all but a twentieth of the rows do not exceed; 0: there are too few to tell. lengths: of
// some rows; changed.
inline float high_length(std::vector<float>& lengths) {
    constexpr size_t least = 48;
    lengths.erase(std::remove_if(lengths.begin(), lengths.end(), [](float length) { return !(length > 0); }),
                  lengths.end());
    if (lengths.size() < least) return 0;
    const auto high = lengths.begin() + static_cast<std::ptrdiff_t>(lengths.size() * 19 / 20);
    std::nth_element(lengths.begin(), high, lengths.end());
    return std::isfinite(*high) ? *high : 0;
}

// Rows longer than so many times that are kept beside the graph. Lengths of embeddings, which differ by
// factors of 2 to 10, are all below. By codes, which are of rows that are equally long, those of 3 times the
// length do harm already (random rows of 2,000 x 256, 25 of them longer: .77 found instead of .90).
inline float beyond_high_length(StorageMode mode) { return mode == StorageMode::coded ? 2.0f : 4.0f; }
inline float long_from(float high, const Geometry& g) {
    const float from = high * beyond_high_length(g.mode);
    return keeps_long_rows(g) && std::isfinite(from) ? from : 0;
}
inline bool is_long(float from, float norm2) { return from > 0 && std::sqrt(norm2) > from; }

}  // namespace vecstore::core
