// Memory kept between searches: used again, unless it grew too large.
#include <gtest/gtest.h>

#include "core/base/pooled.hpp"

#include "hnsw_graph.hpp"

namespace vecstore::core {
namespace {

struct Counted {
    size_t bytes = 0;
    int uses = 0;
};
size_t memory_of(const Counted& memory) { return memory.bytes; }

TEST(Pooled, IsUsedAgain) {
    { ++Pooled<Counted>()->uses; }
    Pooled<Counted> again, another;
    EXPECT_EQ(again->uses, 1);
    EXPECT_EQ(another->uses, 0) << "two at once";
}

TEST(Pooled, LetsGoWhatGrewLarge) {
    {
        Pooled<Counted> memory;
        memory->uses = 7;
        memory->bytes = Pooled<Counted>::most_kept + 1;
    }
    for (int i = 0; i < 10; ++i) {
        Pooled<Counted> memory;
        EXPECT_NE(memory->uses, 7);
    }
}

// A search for a few rows stays below, one that goes on through many grows; and it is the same for those
// under conditions.
TEST(Pooled, KnowsHowMuchASearchTook) {
    const Data data = latent_data(12000, 256, 3);
    IndexOptions options;
    options.filter_columns = 1;
    options.filter_key = [](size_t row, size_t) { return 1 + row % 2; };
    TestIndex index(data.dims, options);
    build_in_order(data, 2, index);
    const RowFilter half = filter_of({range(0, 1, 1)});
    for (const RowFilter* filter : {static_cast<const RowFilter*>(nullptr), &half}) {
        size_t bytes[2] = {0, 0};
        for (const bool all : {false, true}) {
            ScanMemory memory;
            const size_t before = memory_of(memory);
            Query prepared;
            const RawVector raw(data.row(0));
            prepared.prepare_scan(index.encoder(), &raw);
            ScanOptions scan;
            scan.filter = filter;
            scan.strict_order = false;
            OrderedScan<MemStore> rows(index.store(), index.encoder(), prepared, memory, scan);
            HeapTid tid;
            size_t found = 0;
            while (found < (all ? data.rows() : 10) && rows.next(
                                                           [](const HeapTid&) {
                                                               return Reranked{true, 0};
                                                           },
                                                           tid))
                ++found;
            EXPECT_EQ(found, !all ? 10u : filter == nullptr ? data.rows() : data.rows() / 2);
            bytes[all] = memory_of(memory) - before;
        }
        EXPECT_GT(bytes[true], bytes[false] + 20 * data.rows() / 2);
        EXPECT_LT(bytes[false], 1u << 20);
    }
}

}  // namespace
}  // namespace vecstore::core
