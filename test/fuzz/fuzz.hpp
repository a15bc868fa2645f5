// Shared by the harnesses.
#pragma once

#include "core/base/error.hpp"

#include <cstdlib>

namespace vecstore::fuzz {

// Something is wrong with the reader itself.
inline void require(bool condition) {
    if (!condition) std::abort();
}

template <class F>
void expect_core_errors_only(F&& f) {
    try {
        f();
    } catch (const core::Error& error) {
        require(!error.message().empty() && error.code() != core::ErrorCode::internal);
    }
}

}  // namespace vecstore::fuzz
