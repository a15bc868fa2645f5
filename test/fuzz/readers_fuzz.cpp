// libFuzzer harness of the file readers: whatever the bytes, opening and reading them ends with rows that agree with
// what was announced, or with a core::Error. Sanitizers and libFuzzer's limits see to crashes, hangs and memory.
#include "core/io/content_hash.hpp"
#include "core/io/vector_reader.hpp"

#include <cmath>
#include <cstdint>
#include <cstdlib>
#include <string>

namespace {

using namespace vecstore::core;

// Something is wrong with the reader itself.
void require(bool condition) {
    if (!condition) std::abort();
}

void check_batch(const io::VectorBatch& batch, const io::VectorFileInfo& info, uint64_t expected_first) {
    require(batch.rows > 0 && batch.first == expected_first);
    require(batch.values.size() == batch.rows * info.dims && batch.ids.size() == batch.rows);
    require(batch.values.capacity() * sizeof(float) <=
            std::max<size_t>(io::VectorReader::block_bytes, info.dims * sizeof(float)));
    for (const float value : batch.values) require(std::isfinite(value));
}

uint64_t read_everything(io::VectorReader& reader, size_t batch_rows) {
    io::VectorBatch batch;
    uint64_t rows = 0, sum = 0;
    while (reader.read(batch, batch_rows)) {
        check_batch(batch, reader.info(), rows);
        for (size_t i = 0; i < batch.rows; i++) {
            sum += io::hash_row(batch.ids[i], batch.values.data() + i * reader.info().dims, reader.info().dims);
        }
        rows += batch.rows;
    }
    require(rows == reader.info().rows);
    return sum;
}

void read_as(io::ByteSource& source, const std::string& format) {
    try {
        const auto reader = io::open_vectors(source, format);
        const uint64_t sum = read_everything(*reader, SIZE_MAX);
        // Batches of another size give the same rows.
        reader->seek(0);
        require(read_everything(*reader, 3) == sum);
    } catch (const Error& error) {
        require(!error.message().empty() && error.code() != ErrorCode::internal);
    }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
    io::MemorySource source("fuzzed file", data, size);
    read_as(source, "auto");
    for (const io::VectorFormat& format : io::vector_formats()) read_as(source, format.name);
    return 0;
}
