// Reading the pages of the mean that was subtracted from an index's vectors.
#pragma once

#include <algorithm>
#include <string>
#include <vector>

#include "core/base/error.hpp"
#include "core/storage/layout.hpp"

namespace vecstore::core {

// The mean that was subtracted from an index's vectors, empty if none was.
// Throws core::Error (corrupted_index) when its pages are not there.
template <class Store>
std::vector<float> read_mean(Store& store, const MetaData& meta) {
    std::vector<float> mean;
    if (meta.mean_block == invalid_block) return mean;
    mean.reserve(meta.geometry.dims);
    for (uint32_t i = 0; mean.size() < meta.geometry.dims; ++i) {
        auto page = store.read(meta.mean_block + i);
        if (i >= meta.mean_pages || page_head(page.payload()).kind != PageKind::mean)
            throw Error(ErrorCode::corrupted_index,
                        "page " + std::to_string(meta.mean_block + i) + " does not hold the index's mean");
        const size_t n = std::min<size_t>(floats_per_mean_page, meta.geometry.dims - mean.size());
        const size_t old = mean.size();
        mean.resize(old + n);
        std::memcpy(&mean[old], page.payload() + sizeof(PageHead), n * sizeof(float));
    }
    return mean;
}

}  // namespace vecstore::core
