// Levels of new nodes: random, and different in every backend.
#pragma once

#include "pg/postgres.hpp"

#include "core/hnsw/build/builder.hpp"

#include <random>

namespace vecstore::am {

inline uint8_t random_level(uint16_t m) {
    static std::mt19937_64 generator = [] {
        uint64_t seed;
        if (!pg_strong_random(&seed, sizeof(seed)))
            seed = static_cast<uint64_t>(MyProcPid) * 0x9E3779B97F4A7C15ull;
        return std::mt19937_64(seed);
    }();
    return core::draw_level(std::uniform_real_distribution<double>(0.0, 1.0)(generator), m);
}

}  // namespace vecstore::am
