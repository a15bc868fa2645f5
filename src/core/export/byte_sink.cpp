#include "core/export/byte_sink.hpp"

#include <algorithm>

namespace vecstore::core::exports {

void ByteSink::put_floats(const float* values, size_t count) {
    if (!native_is_big_endian) return write(values, count * sizeof(float));
    for (size_t i = 0; i < count; i++) put(values[i]);
}

void copy(Scratch& from, ByteSink& to, uint64_t length) {
    std::vector<char> piece(static_cast<size_t>(std::min<uint64_t>(length, 1 << 18)));
    while (length > 0) {
        const auto bytes = static_cast<size_t>(std::min<uint64_t>(length, piece.size()));
        from.read(piece.data(), bytes);
        to.write(piece.data(), bytes);
        length -= bytes;
    }
}

}  // namespace vecstore::core::exports
