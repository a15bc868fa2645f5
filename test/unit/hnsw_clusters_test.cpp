// Clusters: made by a build, kept by inserts and vacuum; a search through them finds what it should, and all
// of it.
#include <gtest/gtest.h>

#include <map>
#include <set>

#include "hnsw_graph.hpp"

#include "core/hnsw/filter/clusters.hpp"
#include "core/hnsw/write/vacuum.hpp"

namespace vecstore::core {
namespace {

constexpr size_t built_rows = 6000, all_rows = 7000;
constexpr FilterKey most_key = 20;  // rows have keys of 1 to that

struct Case {
    const char* name;
    size_t dims;
    Metric metric;
    bool compact;
};

void PrintTo(const Case& c, std::ostream* out) { *out << c.name; }

class Clusters : public testing::TestWithParam<Case> {
  protected:
    void SetUp() override {
        data_ = latent_data(all_rows + 40, GetParam().dims, 5);
        if (GetParam().metric != Metric::l2) normalize(data_);
        queries_ = rows_from(data_, all_rows);
        data_ = first_rows(data_, all_rows);
        options_.metric = GetParam().metric;
        options_.compact = GetParam().compact;
        options_.filter_columns = 2;
        options_.filter_key = [](size_t row, size_t column) {
            return column == 0 ? 1 + row * 7919 % most_key : 1 + row;
        };
        index_ = std::make_unique<TestIndex>(data_.dims, options_);
        build_in_order(first_rows(data_, built_rows), 2, *index_);
        for (size_t row = 0; row < built_rows; ++row) there_.insert(row);
    }

    static RowFilter keys_up_to(FilterKey most) { return filter_of({range(0, 1, most)}); }
    bool passes(size_t row, FilterKey most) const {
        return there_.count(row) > 0 && options_.filter_key(row, 0) <= most;
    }

    // Rows in the order that a search through clusters finds them in, with a beam of `width`, made wider
    // until so many came.
    std::vector<std::pair<float, size_t>> found(const float* query, FilterKey most, size_t width,
                                                size_t wanted) {
        ScanMemory memory;
        Query prepared;
        const RawVector raw(query);
        prepared.prepare_scan(index_->encoder(), &raw);
        const RowFilter filter = keys_up_to(most);
        FilterMap<MemStore> map(index_->store(), index_->layout(), filter, memory.filtered.map);
        memory.filtered.shown.clear();
        FilteredSearch search{};
        read_clusters(index_->store(), index_->layout(), memory.filtered, search);
        EXPECT_GT(search.clusters, 50);
        MatchingRows<MemStore> rows(index_->store(), index_->layout(), prepared, memory, map);
        std::vector<std::pair<float, size_t>> list;
        rows.start_near(width);
        const auto collect = [&](const ConstNode& node, const Link&, float distance) {
            list.emplace_back(distance, TestIndex::row_of(node.head().tids[0]));
        };
        for (;;) {
            while (rows.step(collect)) {
            }
            if (list.size() >= wanted || width > 4 * all_rows) break;
            rows.widen({width *= 2});
        }
        looked_at_all_ = !rows.has_more();
        return list;
    }

    double recall_of(FilterKey most, size_t width) {
        size_t hits = 0, looked_at_all = 0;
        for (size_t q = 0; q < queries_.rows(); ++q) {
            std::vector<std::pair<double, size_t>> truth;
            for (const size_t row : there_)
                if (passes(row, most))
                    truth.emplace_back(
                        true_distance(options_.metric, queries_.row(q), data_.row(row), data_.dims), row);
            std::partial_sort(truth.begin(), truth.begin() + 10, truth.end());
            auto list = found(queries_.row(q), most, width, 10);
            looked_at_all += looked_at_all_;
            std::sort(list.begin(), list.end());
            std::set<size_t> nearest;
            for (size_t i = 0; i < std::min<size_t>(10, list.size()); ++i) nearest.insert(list[i].second);
            for (size_t i = 0; i < 10; ++i) hits += nearest.count(truth[i].second);
        }
        if (most == most_key) {
            EXPECT_LT(looked_at_all, queries_.rows() / 4) << "searches that are meant to look at a part";
        }
        return static_cast<double>(hits) / (10.0 * static_cast<double>(queries_.rows()));
    }

    void expect_good() {
        const auto checked = index_->check();
        EXPECT_TRUE(checked.problems.empty()) << checked.all();
        EXPECT_EQ(checked.counts.rows, there_.size());
        for (const FilterKey most : {FilterKey{1}, FilterKey{6}, most_key}) {
            SCOPED_TRACE(most);
            EXPECT_GE(recall_of(most, 40), 0.93);
            const auto all = found(queries_.row(0), most, 40, all_rows);
            std::set<size_t> rows;
            for (const auto& [distance, row] : all) {
                EXPECT_TRUE(passes(row, most)) << row;
                EXPECT_TRUE(rows.insert(row).second) << row << " came twice";
            }
            EXPECT_EQ(rows.size(),
                      static_cast<size_t>(std::count_if(there_.begin(), there_.end(),
                                                        [&](size_t row) { return passes(row, most); })));
        }
    }

    Data data_, queries_;
    IndexOptions options_;
    std::unique_ptr<TestIndex> index_;
    std::set<size_t> there_;
    bool looked_at_all_ = false;
};

TEST_P(Clusters, OfABuild) { expect_good(); }

TEST_P(Clusters, WithRowsThatCameAndWent) {
    InsertMemory memory;
    for (size_t row = built_rows; row < built_rows + 400; ++row) {
        index_->insert(data_.row(row), row, memory);
        there_.insert(row);
    }
    expect_good();
    for (size_t row = 0; row < built_rows; row += 5) there_.erase(row);
    {
        Vacuum<MemStore> vacuum(index_->store(), index_->encoder(), options_.ef_construction, memory);
        vacuum.run([&](const HeapTid& tid) { return there_.count(TestIndex::row_of(tid)) == 0; });
    }
    expect_good();
    // Into the places of others.
    const uint32_t pages = index_->store().page_count();
    for (size_t row = built_rows + 400; row < all_rows; ++row) {
        index_->insert(data_.row(row), row, memory);
        there_.insert(row);
    }
    EXPECT_EQ(index_->store().page_count(), pages) << "no slots were used again";
    expect_good();
}

// Nodes that one page holds are in one cluster, and clusters are what they say: rows near each other.
TEST_P(Clusters, AreOfRowsNearEachOther) {
    ClusterMap map;
    read_cluster_map(index_->store(), index_->layout(), map);
    ASSERT_FALSE(map.empty());
    const OriginCodePage<uint32_t> places = ClusterLayout(index_->layout()).clusters();
    std::vector<uint32_t> begins;
    for (size_t i = 0; i < map.head.clusters; ++i)
        begins.push_back(places.more(index_->store().payload(map.cluster_page(i / places.capacity())),
                                     i % places.capacity()));
    EXPECT_TRUE(std::is_sorted(begins.begin(), begins.end()));
    const auto cluster_of = [&](const Link& link) {
        const uint32_t block = link.block;  // (packed: there are no references to it)
        return std::upper_bound(begins.begin(), begins.end(), block) - begins.begin();
    };
    size_t inside = 0, links = 0;
    std::map<ptrdiff_t, size_t> sizes;
    for (const Link& link : index_->nodes()) {
        ++sizes[cluster_of(link)];
        const Node node = index_->node(link);
        for (size_t i = 0; i < node.head().degree; ++i, ++links)
            inside += cluster_of(node.links()[i]) == cluster_of(link);
    }
    // (Of the nearest 22 neighbors .3 and more, of 28 less.)
    EXPECT_GT(static_cast<double>(inside), 0.28 * static_cast<double>(links));
    size_t largest = 0;
    for (const auto& [cluster, size] : sizes) largest = std::max(largest, size);
    EXPECT_LT(largest, built_rows / 10);
}

TEST_P(Clusters, DamageIsFoundAndHarmless) {
    ClusterMap map;
    read_cluster_map(index_->store(), index_->layout(), map);
    const auto payload = [&](uint32_t block) { return const_cast<uint8_t*>(index_->store().payload(block)); };
    const OriginCodePage<uint32_t> places = ClusterLayout(index_->layout()).clusters();
    const auto expect_found = [&](const char* text, const std::function<void()>& damage) {
        SCOPED_TRACE(text);
        std::vector<uint32_t> pages = map.pages;
        pages.insert(pages.end(), {meta_block, index_->meta().cluster_map});
        const KeptPages kept(*index_, pages);
        damage();
        EXPECT_TRUE(index_->check().has(text)) << index_->check().all();
        const RowFilter filter = keys_up_to(6);
        ScanOptions scan;
        scan.filter = &filter;
        EXPECT_EQ(index_->scan(queries_.row(0), 10, scan, &data_).size(), 10u);
    };
    expect_found("is no map of clusters",
                 [&] { page_head(payload(index_->meta().cluster_map)).kind = PageKind::unused; });
    expect_found("is no map of clusters",
                 [&] { ClusterLayout::map_pages(payload(index_->meta().cluster_map))[0] = 1u << 30; });
    expect_found("does not hold clusters",
                 [&] { page_head(payload(map.cluster_page(0))).kind = PageKind::unused; });
    expect_found("does not hold unclustered slots",
                 [&] { page_head(payload(map.unclustered_page(0))).kind = PageKind::unused; });
    expect_found("begins with block", [&] { places.set_more(payload(map.cluster_page(0)), 1, 0xFFFFFFF0u); });
    expect_found("is in no cluster, and not among the unclustered", [&] {
        places.set_more(payload(map.cluster_page(0)), 0, places.more(payload(map.cluster_page(0)), 0) + 1);
    });
    EXPECT_TRUE(index_->check().problems.empty()) << index_->check().all();
}

TEST(ClusterPages, NoneOfFewRowsOrWithoutOriginCodes) {
    for (const bool plain : {false, true}) {
        IndexOptions options;
        options.filter_columns = 1;
        options.filter_key = [](size_t row, size_t) { return 1 + row; };
        if (plain) options.mode = StorageMode::plain;
        const Data data = normal_data(plain ? 3000 : 500, 64, 3);
        TestIndex index(64, options);
        build_in_order(data, 1, index);
        EXPECT_EQ(+index.meta().cluster_map, 0u);
        InsertMemory memory;
        index.insert(data.row(0), data.rows(), memory);
        EXPECT_TRUE(index.check().problems.empty()) << index.check().all();
    }
}

INSTANTIATE_TEST_SUITE_P(Kinds, Clusters,
                         testing::Values(Case{"l2", 128, Metric::l2, false},
                                         Case{"cosine", 256, Metric::cosine, true},
                                         Case{"product", 128, Metric::inner_product, false}),
                         [](const auto& info) { return info.param.name; });

}  // namespace
}  // namespace vecstore::core
