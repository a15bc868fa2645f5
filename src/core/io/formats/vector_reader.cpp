#include "core/io/formats/vector_reader.hpp"

#include "core/base/option_text.hpp"

#include <algorithm>
#include <cmath>

namespace vecstore::core::io {

void VectorReader::seek(uint64_t row) {
    if (row > info_.rows) {
        throw Error(ErrorCode::invalid_parameter,
                    "row " + std::to_string(row) + " is beyond the end of " + source_.name(),
                    "It has " + std::to_string(info_.rows) + " rows.");
    }
    position_ = row;
}

bool VectorReader::read(VectorBatch& batch, size_t max_rows) {
    batch.first = position_;
    batch.rows = 0;
    if (max_rows == 0) return false;
    while (position_ < info_.rows) {
        read_block(batch, max_rows);
        if (batch.rows > 0) return true;
    }
    return false;
}

void VectorReader::read_block(VectorBatch& batch, size_t max_rows) {
    if (info_.dims > max_dims) {
        throw Error(ErrorCode::limit_exceeded,
                    "the vectors in " + source_.name() + " have " + std::to_string(info_.dims) +
                        " dimensions, more than the " + std::to_string(max_dims) + " that can be read");
    }
    const size_t dims = static_cast<size_t>(info_.dims);
    const size_t block_rows = std::max<size_t>(1, block_bytes / (dims * sizeof(float)));
    const uint64_t wanted = std::min<uint64_t>(std::min(max_rows, block_rows), info_.rows - position_);
    batch.first = position_;
    batch.rows = static_cast<size_t>(wanted);
    try {
        fill(batch);
    } catch (...) {
        batch.rows = 0;  // and not of which nothing is there
        throw;
    }
    position_ += wanted;
}

// With batch.rows rows, from position_ on, of which some may then be left out.
void VectorReader::fill(VectorBatch& batch) {
    batch.values.resize(batch.rows * static_cast<size_t>(info_.dims));
    batch.ids.resize(batch.rows);
    batch.positions.resize(batch.rows);
    dropped_.assign(batch.rows, 0);
    read_rows(batch, dropped_);
    for (size_t i = 0; i < batch.rows; i++) {
        batch.positions[i] = position_ + i;
        if (!info_.has_ids) batch.ids[i] = static_cast<int64_t>(position_ + i);
        skipped_.deleted += dropped_[i];
    }
    drop_not_finite(batch);
    compact(batch);
}

// Finite values are the rule: they cost one look.
void VectorReader::drop_not_finite(const VectorBatch& batch) {
    const size_t count = batch.values.size();
    const auto dims = static_cast<size_t>(info_.dims);
    size_t at = find_non_finite(batch.values.data(), count);
    while (at < count) {
        const size_t row = at / dims;
        if (dropped_[row] == 0) {
            if (!skip_not_finite_) throw_not_finite(batch, at);
            dropped_[row] = 1;
            skipped_.not_finite++;
        }
        const size_t next = (row + 1) * dims;
        at = next + find_non_finite(batch.values.data() + next, count - next);
    }
}

void VectorReader::compact(VectorBatch& batch) {
    const auto dims = static_cast<size_t>(info_.dims);
    size_t kept = 0;
    for (size_t row = 0; row < batch.rows; row++) {
        if (dropped_[row] != 0) continue;
        if (kept != row) {
            std::copy_n(batch.values.data() + row * dims, dims, batch.values.data() + kept * dims);
            batch.ids[kept] = batch.ids[row];
            batch.positions[kept] = batch.positions[row];
        }
        kept++;
    }
    batch.rows = kept;
    batch.values.resize(kept * dims);
    batch.ids.resize(kept);
    batch.positions.resize(kept);
}

void VectorReader::throw_not_finite(const VectorBatch& batch, size_t at) const {
    const bool nan = std::isnan(batch.values[at]);
    throw Error(
        ErrorCode::data_exception,
        "row " + std::to_string(batch.first + at / info_.dims) + " of " + source_.name() + " has " +
            (nan ? "NaN" : "an infinite value") + " in component " + std::to_string(at % info_.dims),
        info_.element == ElementType::float64 && !nan
            ? "Values beyond 3.4e38 do not fit into float32 and count as infinite."
            : "",
        "Rows and components are counted from 0. Vectors must be finite: correct the file, or leave such "
        "rows out with " +
            option_text("skip_not_finite", "true") + ".");
}

}  // namespace vecstore::core::io
