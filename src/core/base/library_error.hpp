// Exceptions of libraries, the standard one's and hnswlib's among them, in words for those who did not write
// them.
#pragma once

#include "core/base/error.hpp"

#include <new>
#include <stdexcept>

namespace vecstore::core {

inline Error error_of_library(const std::exception& exception) {
    const std::string text = exception.what();
    // std::length_error: something larger than any memory. hnswlib has one class for all it throws.
    if (dynamic_cast<const std::bad_alloc*>(&exception) != nullptr ||
        dynamic_cast<const std::length_error*>(&exception) != nullptr ||
        text.compare(0, 17, "Not enough memory") == 0)
        return {ErrorCode::out_of_memory, "out of memory"};
    return {ErrorCode::internal, "unexpected error of a library that vecstore is built with",
            "It says \"" + text + "\"."};
}

}  // namespace vecstore::core
