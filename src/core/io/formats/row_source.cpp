#include "core/io/formats/row_source.hpp"

#include <algorithm>

namespace vecstore::core::io {

void CodeRows::read(uint64_t first, size_t count, float* out) {
    const auto code_size = static_cast<size_t>(codec_->code_size());
    const size_t piece = std::max<size_t>(1, scratch_bytes / code_size);
    for (size_t done = 0; done < count;) {
        const size_t rows = std::min(piece, count - done);
        codes_.resize(rows * code_size);
        source_.read(offset_ + (first + done) * code_size, codes_.data(), codes_.size());
        for (size_t i = 0; i < rows; i++)
            codec_->decode(codes_.data() + i * code_size, out + (done + i) * dims());
        done += rows;
    }
}

void PlainIds::read(uint64_t first, size_t count, int64_t* out) {
    source_.read(offset_ + first * sizeof(int64_t), out, count * sizeof(int64_t));
    for (size_t i = 0; i < count; i++) out[i] = load_little_endian<int64_t>(out + i);
}

void MappedIds::read(uint64_t first, size_t count, int64_t* out) {
    inner_->read(first, count, out);
    for (size_t i = 0; i < count; i++) {
        if (out[i] < 0 || static_cast<uint64_t>(out[i]) >= count_) {
            throw_bad_file(source_, offset_,
                           "the index has a row of number " + std::to_string(out[i]) + ", beyond the " +
                               std::to_string(count_) + " entries of its id map");
        }
        uint8_t bytes[sizeof(int64_t)];
        map_.read(offset_ + static_cast<uint64_t>(out[i]) * sizeof(int64_t), bytes, sizeof(bytes));
        out[i] = load_little_endian<int64_t>(bytes);
    }
}

}  // namespace vecstore::core::io
