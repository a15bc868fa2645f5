#include "core/hnsw/build/row_order.hpp"

#include <cstring>

namespace vecstore::core {

void RowBuffer::add(const NewRow& row) {
    const size_t i = rows_.size();
    if (i == blocks_.size() * rows_per_block) blocks_.emplace_back(new uint8_t[block_bytes()]);
    rows_.push_back({row.own, row.tid, row.level});
    uint8_t* const at = blocks_[i / rows_per_block].get() + (i % rows_per_block) * row_bytes_;
    const size_t key_bytes = filter_columns_ * sizeof(FilterKey);
    if (key_bytes > 0) std::memcpy(at, row.filter_keys, key_bytes);
    std::memcpy(at + key_bytes, row.own_bytes, own_bytes_);
}

}  // namespace vecstore::core
