// Memory runs out at every allocation, or at many of them: each operation throws, and leaves no thread and no
// memory that is freed twice. (Skipped where operator new is not ours: under sanitizers and Valgrind.)
#include <random>
#include <string>

#include <gtest/gtest.h>

#include "allocations.hpp"
#include "core/base/library_error.hpp"
#include "core/export/hnswlib_writer.hpp"
#include "core/io/copy/copy_encoder.hpp"
#include "hnsw_graph.hpp"
#include "io_files.hpp"

namespace vecstore::core {
namespace {

// Runs `work` again and again, each time with one allocation fewer that succeeds: all of the first ones, and
// some of the others. Returns how many runs have failed.
template <class Work>
size_t run_out(Work&& work, bool once) {
    std::mt19937_64 random(1);
    testing_memory::once = once;
    testing_memory::stop();
    const int64_t began = testing_memory::left;
    work();
    const int64_t all = began - testing_memory::left;
    size_t failed = 0;
    for (int64_t allowed = 0; allowed < all;
         allowed += allowed < 100 ? 1 : 1 + static_cast<int64_t>(random() % (1 + all / 40))) {
        testing_memory::left = allowed;
        try {
            work();
            testing_memory::stop();
        } catch (const std::exception& e) {
            testing_memory::stop();
            ++failed;
            const bool is_known = dynamic_cast<const Error*>(&e) != nullptr;
            EXPECT_EQ(is_known ? ErrorCode::out_of_memory : error_of_library(e).code(),
                      ErrorCode::out_of_memory)
                << e.what() << " after " << allowed << " of " << all;
        }
    }
    return failed;
}

class OutOfMemory : public testing::TestWithParam<bool> {
    void SetUp() override {
        const int64_t before = testing_memory::left;
        ::operator delete(::operator new(1));
        if (testing_memory::left == before) GTEST_SKIP() << "operator new is not ours";
    }
};

INSTANTIATE_TEST_SUITE_P(Once, OutOfMemory, testing::Bool());

TEST_P(OutOfMemory, EndsABuildOnSeveralThreads) {
    const Data data = normal_data(700, 16, 1);
    TestIndex index(data.dims, {}, 1 << 12);
    const RowBuffer rows = index.encode(data);
    const auto build = [&] {
        MemStore store(1 << 12);
        create_index_pages(store, index.encoder().geometry(), 1, 64, {});
        GraphBuilder builder(index.encoder(), {32, 4});
        builder.build(rows, store, [](size_t) {});
    };
    EXPECT_GT(run_out(build, GetParam()), 100u);
}

TEST_P(OutOfMemory, EndsAnExportToHnswlib) {
    const Data data = normal_data(2500, 8, 1);
    const auto write = [&] {
        exports::MemorySink file;
        const auto writer = exports::write_hnswlib(8, {Metric::l2, 4, 8, 3, size_t{1} << 30},
                                                   {[] {}, [] { return false; }});
        for (size_t i = 0; i < data.rows(); ++i) writer->add(static_cast<int64_t>(i), data.row(i));
        writer->save(file);
    };
    EXPECT_GT(run_out(write, GetParam()), 100u);
}

// hnswlib's own index grows when its 1000 rows are full.
TEST_P(OutOfMemory, EndsAnExportToHnswlibWhoseIndexHasToGrow) {
    const Data data = normal_data(1024, 2, 1);
    size_t failed = 0;
    for (int64_t allowed = 0; allowed < 12; ++allowed) {
        const auto writer = exports::write_hnswlib(2, {Metric::l2, 2, 4, 1, size_t{1} << 30},
                                                   {[] {}, [] { return false; }});
        for (size_t i = 0; i + 1 < data.rows(); ++i) writer->add(static_cast<int64_t>(i), data.row(i));
        testing_memory::once = GetParam();
        testing_memory::left = allowed;
        try {
            writer->add(1023, data.row(1023));
            testing_memory::stop();
        } catch (const std::exception&) {
            testing_memory::stop();
            ++failed;
        }
    }
    EXPECT_GT(failed, 4u);
}

TEST_P(OutOfMemory, EndsTheReadingOfAFile) {
    const std::vector<float> values(3000 * 4, 1);
    const std::string file = test::npy(test::npy_dict("<f4", "(3000, 4)"), test::raw_all(values));
    const auto read = [&] {
        io::MemorySource source("the file", file.data(), file.size());
        const auto reader = io::open_vectors(source);
        io::CopyEncoder encoder(*reader, {}, {}, {1000, 500, 3000});
        io::CopyBlock block;
        uint64_t rows = 0;
        while (encoder.fill(block)) {
            rows += block.rows;
            EXPECT_EQ(block.end, rows);
        }
    };
    EXPECT_GT(run_out(read, GetParam()), 10u);
}

// Between rows the export looks up: it stops for an interrupt, and goes on where that ends nothing.
TEST(Interrupts, AreLookedAtWithEveryRowOfAnExportToHnswlib) {
#ifdef __SANITIZE_ADDRESS__
    // hnswlib fetches the element after a list's last one ahead: within the room that malloc gives, beyond
    // what it was asked for.
    GTEST_SKIP() << "hnswlib reads beyond a list";
#endif
    const Data data = normal_data(500, 8, 1);
    size_t checks = 0;
    const auto writer = exports::write_hnswlib(8, {Metric::l2, 4, 8, 1, size_t{1} << 30},
                                               {[&] { ++checks; }, [] { return true; }});
    for (size_t i = 0; i < data.rows(); ++i) writer->add(static_cast<int64_t>(i), data.row(i));
    exports::MemorySink file;
    writer->save(file);
    EXPECT_GE(checks, data.rows() - 1);
    EXPECT_GT(file.size(), data.rows() * 8 * sizeof(float));
}

}  // namespace
}  // namespace vecstore::core
