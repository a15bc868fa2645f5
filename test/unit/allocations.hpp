// Memory that runs out: operator new of the unit tests (hnsw_damage_test.cpp) asks here.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <limits>

namespace vecstore::testing_memory {

// Allocations of all threads that still succeed. While `once`, only the one after them fails.
inline std::atomic<int64_t> left{std::numeric_limits<int64_t>::max()};
inline std::atomic<bool> once{false};

inline bool fails() {
    const int64_t before = left.fetch_sub(1, std::memory_order_relaxed);
    return once ? before == 0 : before <= 0;
}

inline void stop() { left = std::numeric_limits<int64_t>::max(); }

}  // namespace vecstore::testing_memory
