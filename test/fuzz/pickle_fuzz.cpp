// libFuzzer harness of the pickle reader: whatever the bytes, reading them and showing them as JSON ends with
// a value or with a core::Error, within the memory that the limits allow.
//
//     clang++ -std=c++17 -g -O1 -fsanitize=fuzzer,address,undefined -fno-sanitize-recover=undefined -Isrc
//         src/core/io/pickle/*.cpp src/core/io/json/{json_writer,utf8}.cpp src/core/io/source/byte_source.cpp
//         test/fuzz/pickle_fuzz.cpp -o pickle_fuzz
//     ./pickle_fuzz -max_len=4096 -timeout=5 -rss_limit_mb=1024 CORPUS
#include "core/io/pickle/pickle.hpp"
#include "core/io/pickle/pickle_json.hpp"

#include <cstdint>
#include <cstdlib>

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
    using namespace vecstore::core;
    io::MemorySource source("fuzzed pickle", data, size);
    const io::PickleLimits limits{size_t{16} << 20, size_t{1} << 20};
    try {
        const io::PickleData pickle = io::read_pickle(source, limits);
        if (pickle.memory_used() > limits.memory) std::abort();
        io::json_text(pickle, pickle.root());
    } catch (const Error& error) {
        if (error.message().empty() || error.code() == ErrorCode::internal) std::abort();
    }
    return 0;
}
