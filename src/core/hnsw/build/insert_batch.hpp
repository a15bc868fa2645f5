// Inserting rows into pages a batch at a time, as a build does that goes on beyond its memory.
#pragma once

#include <vector>

#include "core/hnsw/build/row_order.hpp"
#include "core/hnsw/write/after_insert.hpp"

namespace vecstore::core {

template <class Store>
class BatchInserter {
  public:
    // needs: see NodeEditor; or null.
    BatchInserter(Store& store, const VectorEncoder& encoder, size_t ef_construction, InsertMemory& memory,
                  NeedMap* needs)
        : store_(store),
          encoder_(encoder),
          memory_(memory),
          inserter_(store, encoder, ef_construction, memory, needs),
          internal_(encoder.geometry().stored_dims) {}

    // Inserts them all, and entry points for those of upper levels. (Whoever is through measures the
    // calibration: nobody searches before.)
    void insert(const RowBuffer& rows) {
        for (const OrderedRow& ordered : in_order(rows)) {
            const size_t row = ordered.row;
            encoder_.decode(rows.own_bytes(row), rows.own(row).scale, internal_.data());
            inserter_.insert(rows.row(row, internal_.data()), ordered.near);
            set_entry(store_, encoder_, memory_, rows.level(row), inserter_.last_placed());
        }
    }

  private:
    std::vector<OrderedRow> in_order(const RowBuffer& rows) {
        std::vector<OrderedRow> order;
        order.reserve(rows.size());
        CandidateFinder<Store> finder(store_, encoder_);
        for (uint32_t row = 0; row < rows.size(); ++row) {
            order.push_back({0, row});
            // Pages lie in an order of nearness.
            if (finder.find(rows, order.back()))
                order.back().place = encoder_.layout().slot_id(order.back().near.entry_candidates[0].link);
        }
        sort_by_place(order);
        return order;
    }

    Store& store_;
    const VectorEncoder& encoder_;
    InsertMemory& memory_;
    Inserter<Store> inserter_;
    std::vector<float> internal_;
};

}  // namespace vecstore::core
