// Integers and floats in byte buffers, whatever the machine's own byte order and alignment rules.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <type_traits>

namespace vecstore::core {

inline constexpr bool native_is_big_endian = __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__;

template <size_t Size>
using UnsignedOfSize = std::conditional_t<
    Size == 1, uint8_t,
    std::conditional_t<Size == 2, uint16_t, std::conditional_t<Size == 4, uint32_t, uint64_t>>>;

template <class T>
inline T byte_swapped(T value) {
    static_assert(std::is_arithmetic_v<T> && sizeof(T) <= 8);
    UnsignedOfSize<sizeof(T)> bits;
    std::memcpy(&bits, &value, sizeof(T));
    if constexpr (sizeof(T) == 2) bits = __builtin_bswap16(bits);
    if constexpr (sizeof(T) == 4) bits = __builtin_bswap32(bits);
    if constexpr (sizeof(T) == 8) bits = __builtin_bswap64(bits);
    std::memcpy(&value, &bits, sizeof(T));
    return value;
}

template <class T>
inline T load_little_endian(const void* from) {
    T value;
    std::memcpy(&value, from, sizeof(T));
    return native_is_big_endian ? byte_swapped(value) : value;
}

template <class T>
inline void store_little_endian(void* to, T value) {
    if (native_is_big_endian) value = byte_swapped(value);
    std::memcpy(to, &value, sizeof(T));
}

template <class T>
inline void store_big_endian(void* to, T value) {
    if (!native_is_big_endian) value = byte_swapped(value);
    std::memcpy(to, &value, sizeof(T));
}

}  // namespace vecstore::core
