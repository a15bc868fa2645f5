#include "core/io/source/content_hash.hpp"

#include <algorithm>
#include <cstring>

namespace vecstore::core::io {

namespace {

// Odd constants with well spread bits (fractional parts of the square roots of 2, 3, 5 and 7).
constexpr uint64_t keys[4] = {0x6a09e667f3bcc909, 0xbb67ae8584caa73b, 0x3c6ef372fe94f82b, 0xa54ff53a5f1d36f1};

// Every bit of the input reaches every bit of the output.
uint64_t mix(uint64_t x) {
    x ^= x >> 32;
    x *= keys[1];
    x ^= x >> 29;
    x *= keys[3];
    return x ^ (x >> 32);
}

uint64_t fold(uint64_t lane, uint64_t word) {
    const unsigned __int128 product = static_cast<unsigned __int128>(lane ^ word) * keys[0];
    return static_cast<uint64_t>(product) ^ static_cast<uint64_t>(product >> 64) ^ (lane << 1 | lane >> 63);
}

uint64_t bits_of(const float* value) {
    uint32_t bits;
    std::memcpy(&bits, value, sizeof(bits));
    return bits;
}

}  // namespace

uint64_t hash_row(int64_t id, const float* values, size_t dims) {
    // Four lanes, so that the multiplications do not wait for each other.
    uint64_t lanes[4] = {keys[0], keys[1], keys[2], keys[3]};
    size_t i = 0;
    for (; i + 8 <= dims; i += 8) {
        for (size_t lane = 0; lane < 4; lane++) {
            const float* pair = values + i + 2 * lane;
            lanes[lane] = fold(lanes[lane], bits_of(pair) | bits_of(pair + 1) << 32);
        }
    }
    for (; i < dims; i++) lanes[i % 4] = fold(lanes[i % 4], bits_of(values + i));
    uint64_t hash = mix(static_cast<uint64_t>(id) ^ keys[2]) + dims;
    for (const uint64_t lane : lanes) hash = fold(hash, mix(lane));
    return mix(hash);
}

uint64_t hash_field(uint64_t row_hash, const void* bytes, size_t length) {
    if (bytes == nullptr) return mix(fold(row_hash, keys[2]));
    const auto* const from = static_cast<const uint8_t*>(bytes);
    uint64_t hash = fold(row_hash, length + 1);
    size_t at = 0;
    for (; at + sizeof(uint64_t) <= length; at += sizeof(uint64_t)) {
        hash = fold(hash, load_little_endian<uint64_t>(from + at));
    }
    uint64_t rest = 0;
    for (size_t i = 0; at + i < length; i++) rest |= static_cast<uint64_t>(from[at + i]) << 8 * i;
    return mix(fold(hash, rest));
}

uint64_t fingerprint(ByteSource& source) {
    constexpr size_t sample = 4096;
    constexpr uint64_t samples = 64;
    uint64_t sum = mix(source.size());
    uint64_t end = 0;  // of what has been hashed
    for (uint64_t i = 0; i < samples && end < source.size(); i++) {
        const uint64_t last = source.size() < sample ? 0 : source.size() - sample;
        const uint64_t spread = last / (samples - 1) * i + last % (samples - 1) * i / (samples - 1);
        const uint64_t offset = source.size() <= sample * samples ? end : spread;
        // As numbers, of the same value on every machine.
        float values[sample / sizeof(float)] = {};
        uint8_t bytes[sample] = {};
        const size_t length = static_cast<size_t>(std::min<uint64_t>(sample, source.size() - offset));
        source.read(offset, bytes, length);
        for (size_t at = 0; at < sample; at += sizeof(float)) {
            const uint32_t bits = load_little_endian<uint32_t>(bytes + at);
            std::memcpy(values + at / sizeof(float), &bits, sizeof(bits));
        }
        sum += hash_row(static_cast<int64_t>(offset), values, sample / sizeof(float));
        end = offset + length;
    }
    return sum;
}

}  // namespace vecstore::core::io
