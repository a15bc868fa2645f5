// Exceptions of libraries reach users in words of ours.
#include "core/base/library_error.hpp"

#include <gtest/gtest.h>

#include <system_error>
#include <vector>

namespace vecstore::core {
namespace {

template <class F>
Error caught(F&& f) {
    try {
        f();
    } catch (const std::exception& exception) {
        return error_of_library(exception);
    }
    return {ErrorCode::internal, "nothing was thrown"};
}

TEST(LibraryError, WhatNoMemoryHoldsIsOutOfMemory) {
    std::vector<float> values;
    for (const Error& error :
         {caught([&] { values.resize(SIZE_MAX / 2); }), caught([] { throw std::bad_alloc(); }),
          caught([] { throw std::bad_array_new_length(); }),
          caught([] { std::string().append(SIZE_MAX / 2 + 1, 'x'); }), caught([] {
              throw std::runtime_error("Not enough memory: loadIndex failed to allocate level0");
          })}) {
        EXPECT_EQ(error.code(), ErrorCode::out_of_memory);
        EXPECT_EQ(error.message(), "out of memory");
        EXPECT_EQ(error.detail(), "");
    }
}

TEST(LibraryError, OthersAreInternalWithTheirWordsAsADetail) {
    const Error error = caught([] { throw std::runtime_error("Label not found"); });
    EXPECT_EQ(error.code(), ErrorCode::internal);
    EXPECT_EQ(error.message(), "unexpected error of a library that vecstore is built with");
    EXPECT_EQ(error.detail(), "It says \"Label not found\".");
    EXPECT_EQ(caught([] { static_cast<void>(std::vector<int>().at(1)); }).code(), ErrorCode::internal);
    EXPECT_EQ(caught([] { throw std::system_error(EAGAIN, std::generic_category()); }).code(),
              ErrorCode::internal);
}

}  // namespace
}  // namespace vecstore::core
