// The error that reports a damaged page.
#pragma once

#include <cstdint>
#include <string>

#include "core/base/error.hpp"

namespace vecstore::core {

[[noreturn]] inline void throw_damaged(uint32_t block, const std::string& problem) {
    throw Error(ErrorCode::corrupted_index,
                "vector index is damaged at block " + std::to_string(block) + ": " + problem, {},
                "vecstore_check() tells what else is damaged. REINDEX makes the index anew from its table.");
}

}  // namespace vecstore::core
