// An insert measures everything once: nodes that it has met, and pairs of candidates.
#include <gtest/gtest.h>

#include "core/hnsw/node/met_nodes.hpp"
#include "hnsw_graph.hpp"
#include "vacuum_stores.hpp"

namespace vecstore::core {
namespace {

TEST(MetNodes, KnowsThoseOfTheQueryAlone) {
    MetNodes met;
    met.keep_only(1);
    EXPECT_EQ(met.find(7), nullptr);
    EXPECT_EQ(met.find(0), nullptr);
    met.add(7, 1.5f, 4);
    met.add(0, 2.5f, 5);
    met.keep_only(1);
    ASSERT_NE(met.find(7), nullptr);
    EXPECT_EQ(met.find(7)->distance, 1.5f);
    EXPECT_EQ(met.find(0)->norm2, 5);
    for (uint64_t query = 2; query < 140000; ++query) {  // more than there are epochs
        met.keep_only(query);
        ASSERT_EQ(met.find(7), nullptr) << query;
        if (query % 40000 == 0) met.add(7, 1, 1);
    }
}

TEST(MetNodes, ThatHashAlikeTakeOneAnothersPlace) {
    MetNodes met;
    met.keep_only(1);
    for (uint64_t id = 1; id <= 100000; ++id) {
        met.add(id, static_cast<float>(id), 0);
        ASSERT_NE(met.find(id), nullptr);
    }
    for (uint64_t id = 1; id <= 100000; ++id) {
        const auto* const known = met.find(id);
        if (known == nullptr) continue;
        EXPECT_EQ(known->distance, static_cast<float>(id));
    }
}

// Pages read for each row of a build's later part.
double reads_per_row(Metric metric) {
    IndexOptions options;
    options.metric = metric;
    options.mode = StorageMode::plain;
    const Data rows = normal_data(3000, 24, 5);
    TestIndex index(rows.dims, options);
    NeedMap needs(size_t{1} << 16, 0, metric == Metric::inner_product ? 2 : 1);
    InsertMemory memory;
    CountingStore store(index.store());
    Inserter<CountingStore> inserter(store, index.encoder(), options.ef_construction, memory, &needs);
    uint64_t before = 0;
    for (size_t row = 0; row < rows.rows(); ++row) {
        if (row == rows.rows() / 2) before = store.reads();
        RowMemory encoded;
        const OwnVector own = index.encoder().encode_row(rows.row(row), encoded);
        inserter.insert({encoded.internal.data(), encoded.own_bytes.data(), own, TestIndex::tid_of(row),
                         static_cast<uint8_t>(row % 16 == 0)});
    }
    EXPECT_TRUE(index.check().problems.empty());
    const double reads = static_cast<double>(store.reads() - before) /
                         static_cast<double>(rows.rows() - rows.rows() / 2);
    std::printf("%.0f pages read for a row\n", reads);
    return reads;
}

// Before, 1,450 were read, and 3,100 for inner products.
TEST(MetNodes, AreReadOnce) {
    EXPECT_LE(reads_per_row(Metric::l2), 1275);
    EXPECT_LE(reads_per_row(Metric::inner_product), 2200);
}

}  // namespace
}  // namespace vecstore::core
