// libFuzzer harness of the file readers: whatever the bytes, opening and reading them ends with rows that
// agree with what was announced, or with a core::Error. Sanitizers and libFuzzer's limits see to crashes,
// hangs and memory.
#include "fuzz.hpp"

#include "core/io/formats/formats.hpp"
#include "core/io/json/json_records.hpp"
#include "core/io/source/content_hash.hpp"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <vector>

namespace {

using namespace vecstore::core;
using vecstore::fuzz::expect_core_errors_only;
using vecstore::fuzz::require;

// A small file is read in bounded time, no matter what it announces.
constexpr uint64_t most_rows = 200000;

void check_batch(const io::VectorBatch& batch, const io::VectorFileInfo& info, uint64_t expected_first) {
    require(batch.first == expected_first && batch.positions.size() == batch.rows);
    require(batch.values.size() == batch.rows * info.dims && batch.ids.size() == batch.rows);
    require(batch.values.capacity() * sizeof(float) <=
            std::max<size_t>(io::VectorReader::block_bytes, info.dims * sizeof(float)));
    for (const float value : batch.values) require(std::isfinite(value));
}

// Reads at most most_rows positions; the sum of what is there.
uint64_t read_everything(io::VectorReader& reader, size_t batch_rows) {
    io::VectorBatch batch;
    const uint64_t end = std::min(reader.info().rows, most_rows);
    const uint64_t skipped_before = reader.skipped().not_finite + reader.skipped().deleted;
    uint64_t rows = 0, sum = 0;
    while (reader.position() < end) {
        const uint64_t first = reader.position();
        reader.read_block(batch, std::min<size_t>(batch_rows, end - first));
        check_batch(batch, reader.info(), first);
        for (size_t i = 0; i < batch.rows; i++) {
            require(batch.positions[i] >= first && batch.positions[i] < reader.position());
            sum += io::hash_row(batch.ids[i], batch.values.data() + i * reader.info().dims,
                                reader.info().dims);
        }
        rows += batch.rows;
    }
    require(rows + reader.skipped().not_finite + reader.skipped().deleted - skipped_before == end);
    return sum;
}

void walk_graph(io::ByteSource& source, const io::ReadOptions& options) {
    const auto graph = io::open_graph(source, options);
    if (graph == nullptr) return;
    std::vector<uint32_t> links;
    for (uint64_t node = 0; node < std::min<uint64_t>(graph->info().nodes, 5000); node++) {
        const int level = graph->level(node);
        require(level >= 0 && level <= 256);
        for (int l = 0; l <= level; l++) {
            graph->neighbors(node, l, links);
            for (const uint32_t link : links) require(link < graph->info().nodes);
        }
    }
}

void read_as(io::ByteSource& source, const io::ReadOptions& options) {
    expect_core_errors_only([&] {
        const auto reader = io::open_vectors(source, options);
        const uint64_t sum = read_everything(*reader, SIZE_MAX);
        // Batches of another size give the same rows.
        reader->seek(0);
        require(read_everything(*reader, 37) == sum);
        reader->count_deleted();
    });
    expect_core_errors_only([&] { walk_graph(source, options); });
}

void read_json(io::ByteSource& source) {
    expect_core_errors_only([&] {
        const io::JsonSurvey survey = io::survey_json(source, 3);
        io::JsonRecords forwards(source, survey), anywhere(source, survey);
        std::vector<std::string> texts, same;
        for (uint64_t i = 0; i < survey.records; i++) {
            forwards.next(texts);
            anywhere.get(i, same);
            require(texts == same);
        }
    });
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
    io::MemorySource source("fuzzed file", data, size);
    io::ReadOptions options;
    options.file_name = "index.faiss";
    // Inverted lists of another file: of the fuzzed one itself.
    options.open_sibling = [&](const std::string&) {
        return std::make_unique<io::MemorySource>("sibling", data, size);
    };
    read_as(source, options);
    options.flatten = true;
    options.skip_not_finite = true;
    options.member = "a";
    for (const io::VectorFormat* format : io::vector_formats()) {
        options.format = format->name;
        read_as(source, options);
    }
    read_json(source);
    return 0;
}
