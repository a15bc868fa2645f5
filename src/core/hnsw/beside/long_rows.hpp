// Rows that are much longer than all others, where distances are inner products.
//
// Such a row is the nearest to half of all queries, or among the nearest, and the farthest from the others:
// in the graph it is in everybody's list of neighbors, tells nothing of where anything lies, and codes made
// of it, which estimate L2 distances, are of no use. So it has no place there: it lies on a list of a few
// pages (storage/unplaced_layout.hpp), all of which every scan looks at, and takes its place in the order of
// the scan by its distance, as rows of the graph do. Measured on 2,500 x 256 of length 1, 25 of them
// (elements up to 5e5) longer: with codes .01 were found with these in the graph, .96 beside.
//
// The list has room for a few pages. When they are full, rows go into the graph whatever their length: if
// there are so many, they are not the exception.
#pragma once

#include <cmath>
#include <limits>
#include <vector>

#include "core/hnsw/beside/unplaced.hpp"
#include "core/hnsw/space/lengths.hpp"
#include "core/hnsw/space/query.hpp"
#include "core/hnsw/write/insert.hpp"

namespace vecstore::core {

inline void write_long_row(const LongLayout& layout, const NewRow& row, size_t own_bytes, uint8_t* entry) {
    layout.write({row.tid, 0, row.own.scale, row.own.error, row.own.norm2}, row.filter_keys, entry);
    std::memcpy(layout.more(entry), row.own_bytes, own_bytes);
}

// Long rows of an index that is being built, as many as there is room for.
class LongBuffer {
  public:
    // from: MetaData::long_from.
    LongBuffer(const NodeLayout& layout, float from)
        : layout_(layout), from_(from), own_bytes_(layout.own_bytes()) {}

    float from() const { return from_; }
    // False: the row is one for the graph.
    bool take(const NewRow& row) {
        if (!is_long(from_, row.own.norm2) || rows_ >= layout_.most_rows()) return false;
        entries_.resize(++rows_ * layout_.entry_bytes());
        write_long_row(layout_, row, own_bytes_, entries_.data() + (rows_ - 1) * layout_.entry_bytes());
        return true;
    }

    template <class Store>
    void write(Store& store, const NodeLayout& layout) const {
        if (rows_ == 0) return;
        ListWriter<Store, LongLayout> writer(store, layout);
        for (size_t i = 0; i < rows_; ++i) writer.add(entries_.data() + i * layout_.entry_bytes());
        writer.finish();
    }

  private:
    LongLayout layout_;
    float from_;
    size_t own_bytes_;
    size_t rows_ = 0;
    std::vector<uint8_t> entries_;
};

// Puts a row onto the list. False: it is one for the graph.
template <class Store>
bool keep_long(Store& store, const VectorEncoder& encoder, const NewRow& row) {
    if (!keeps_long_rows(encoder.geometry())) return false;
    {
        auto meta = store.read(meta_block);
        if (!is_long(meta_of(meta.payload()).long_from, row.own.norm2)) return false;
    }
    if (LongLayout(encoder.layout()).capacity() == 0) return false;
    return add_listed<LongLayout>(store, encoder.layout(), [&](const LongLayout& layout, uint8_t* entry) {
        write_long_row(layout, row, encoder.layout().own_bytes(), entry);
    });
}

// Visits all rows of the list: visit(layout, entry), under a page's shared lock.
template <class Store, class Visit>
void for_each_long_row(Store& store, const NodeLayout& node_layout, Visit&& visit) {
    uint32_t at;
    {
        auto meta = store.read(meta_block);
        at = LongLayout::first(meta_of(meta.payload()));
    }
    if (at == 0) return;
    const LongLayout layout(node_layout);
    PagesLeft pages(store.page_count());
    while (at != 0) {
        pages.take(at);
        auto page = store.read(at);
        const uint8_t* const payload = page.payload();
        const size_t count = listed_count(layout, payload, at);
        at = LongLayout::head(payload).next;
        for (size_t i = 0; i < count; ++i) visit(layout, layout.entry(payload, i));
    }
}

// A query's inner products with them, whatever the distances are that the graph is searched by.
class LongQuery {
  public:
    LongQuery(const VectorEncoder& encoder, const Query& query)
        : k_(query.kernel_table()),
          query_(query),
          space_(as_plain(encoder.geometry())),
          stored_dims_(encoder.geometry().stored_dims) {
        internal_ = query.internal();
        if (encoder.mean().empty() || encoder.space().is_product()) return;
        // Stored vectors are as seen from the mean; and so is the query.
        std::vector<float> mean(stored_dims_), work(encoder.geometry().dims);
        const std::vector<float> zero(encoder.geometry().dims, 0.0f);
        encoder.transform(zero.data(), mean.data(), work.data());
        moved_.resize(stored_dims_);
        for (size_t i = 0; i < stored_dims_; ++i) moved_[i] = internal_[i] - mean[i];
        internal_ = moved_.data();
        of_mean_ = k_.inner_product(moved_.data(), mean.data(), stored_dims_);
    }

    // Where the row stands: `middle` is the distance of its stored vector.
    struct Bounds : DistanceBounds {
        double middle;
    };
    Bounds bounds(const LongRow& row, const uint8_t* own) const {
        constexpr double infinity = std::numeric_limits<double>::infinity();
        // Of a sum, and of the operator's.
        constexpr double rounding = 8e-6;
        const double product = space_.distance(k_, internal_, own, row.scale) + of_mean_;
        const double length = std::sqrt(double{query_.norm2()}), row_length = std::sqrt(double{row.norm2});
        const double error = length * (query_.error_share() * row.error + rounding * row_length) +
                             query_.lost() * row_length;
        if (!std::isfinite(product)) return {{-infinity, infinity}, 0};
        const double middle = query_.distance_scale() * product, wrong = query_.distance_scale() * error;
        if (!std::isfinite(wrong)) return {{-infinity, infinity}, middle};
        return {{middle - wrong, middle + wrong}, middle};
    }

  private:
    static Geometry as_plain(Geometry g) {
        g.mode = StorageMode::plain;
        return g;
    }

    const Kernels& k_;
    const Query& query_;
    VectorSpace space_;
    size_t stored_dims_;
    const float* internal_;
    std::vector<float> moved_;
    double of_mean_ = 0;
};

}  // namespace vecstore::core
