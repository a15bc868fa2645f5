// Inserting rows a batch at a time, those near each other one after the other: most of what the search of one insert reads is
// in the CPU's cache for the next, and rows begin on the pages of those they are near to. (So does a build in memory of all
// rows at once: builder.hpp.)
#pragma once

#include <algorithm>
#include <vector>

#include "core/hnsw/after_insert.hpp"
#include "core/hnsw/builder.hpp"

namespace vecstore::core {

template <class Store>
class BatchInserter {
  public:
    // needs: see NodeEditor; or null.
    BatchInserter(Store& store, const VectorEncoder& encoder, size_t ef_construction, InsertMemory& memory, NeedMap* needs)
        : store_(store),
          encoder_(encoder),
          memory_(memory),
          inserter_(store, encoder, ef_construction, memory, needs),
          beam_(store, encoder.layout(), memory.query, memory.search),
          internal_(encoder.geometry().stored_dims) {}

    // Inserts them all, and signposts for those of upper levels.
    void insert(const RowBuffer& rows) {
        sort(rows);
        for (const Waiting& waiting : order_) {
            const size_t row = waiting.row;
            const uint8_t level = rows.level(row);
            decode(rows, row);
            inserter_.insert({internal_.data(), rows.own_bytes(row), rows.own(row), rows.tid(row), level, rows.filter_keys(row)},
                             level == 0 ? &waiting.near : nullptr);
            set_signpost(store_, encoder_, memory_, level, inserter_.last_placed());
        }
    }

    // Bytes for each row while a batch is inserted, beside the rows.
    static constexpr size_t bytes_per_row() { return sizeof(Waiting); }

  private:
    struct Waiting {
        uint32_t row;
        uint64_t place = 0;   // of the nearest node that it starts from: pages lie in an order of nearness
        NearWays near;
    };

    void decode(const RowBuffer& rows, size_t row) { encoder_.decode(rows.own_bytes(row), rows.own(row).scale, internal_.data()); }

    void sort(const RowBuffer& rows) {
        order_.clear();
        const EntryPoint entry = read_entry_point(store_);
        for (uint32_t row = 0; row < rows.size(); ++row) {
            Waiting waiting{row, 0, {}};
            decode(rows, row);
            memory_.query.prepare_internal(encoder_, internal_.data(), rows.own(row).norm2);
            if (entry.link.valid()) waiting.near.take(find_ways(store_, encoder_.layout(), memory_.query, beam_, entry));
            if (waiting.near.count > 0) waiting.place = encoder_.layout().slot_id(waiting.near.ways[0].link);
            order_.push_back(waiting);
        }
        std::sort(order_.begin(), order_.end(), [](const Waiting& a, const Waiting& b) {
            return a.place != b.place ? a.place < b.place : a.row < b.row;
        });
    }

    Store& store_;
    const VectorEncoder& encoder_;
    InsertMemory& memory_;
    Inserter<Store> inserter_;
    Beam<Store> beam_;
    std::vector<float> internal_;
    std::vector<Waiting> order_;
};

}  // namespace vecstore::core
