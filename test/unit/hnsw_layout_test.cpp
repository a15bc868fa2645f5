// Geometry and node layout: whatever is asked for fits its page, or is refused with a reason.
#include <gtest/gtest.h>

#include "core/base/error.hpp"
#include "core/storage/layout.hpp"

namespace vecstore::core {
namespace {

struct Sizes {
    uint32_t dims, code_dims;
    OwnFormat own;
    size_t slots, neighbors;
};

Geometry geometry(uint32_t dims, StorageMode mode, uint16_t m = 16, bool compact = false) {
    return choose_geometry({dims, Metric::l2, mode, compact, m});
}

void expect_consistent(const GeometryRequest& request, const Geometry& g) {
    SCOPED_TRACE("dims " + std::to_string(request.dims) + ", m " + std::to_string(request.m) + ", mode " +
                 std::to_string(static_cast<int>(request.mode)) + (request.compact ? ", compact" : ""));
    const NodeLayout layout(g);
    const bool coded = request.mode == StorageMode::coded;
    EXPECT_EQ(g.dims, request.dims);
    EXPECT_EQ(g.m, request.m);
    EXPECT_EQ(g.metric, request.metric);
    EXPECT_EQ(g.mode, request.mode);
    EXPECT_EQ(g.stored_dims, coded ? (request.dims + 15) / 16 * 16 : request.dims);
    if (request.compact && coded) {
        EXPECT_EQ(g.own_format, OwnFormat::i8);
    }

    // A page holds its slots, a slot its sections, one after the other.
    ASSERT_GE(g.slots_per_page, 1);
    EXPECT_LE(layout.slot_offset(g.slots_per_page), page_payload_size);
    EXPECT_EQ(layout.codes_offset(), sizeof(NodeHead));
    EXPECT_EQ(layout.links_offset(), layout.codes_offset() + g.max_neighbors * layout.code_bytes());
    EXPECT_EQ(layout.factors_offset(), layout.links_offset() + g.max_neighbors * sizeof(Link));
    EXPECT_GE(layout.own_offset(), layout.factors_offset() + g.max_neighbors * factor_bytes);
    EXPECT_LE(layout.own_offset() + layout.own_bytes(), layout.slot_size());

    // Enough neighbors: never below two thirds of 2m, never more than the tree edges' bits can tell apart.
    const size_t target = std::min<size_t>(2 * request.m, max_degree);
    EXPECT_GE(g.max_neighbors, std::max<size_t>(4, coded ? (2 * target + 2) / 3 : target));
    EXPECT_LE(g.max_neighbors, max_degree);
    EXPECT_LE(g.max_neighbors, target + target / 4);

    if (coded) {
        EXPECT_EQ(g.code_dims % 16, 0u);
        EXPECT_GE(g.code_dims, std::min(g.stored_dims, 128u));
        EXPECT_LE(g.code_dims, g.stored_dims);
        // Kernels may read 63 bytes beyond the last code, of the page's last slot too.
        EXPECT_GE(page_payload_size - layout.slot_offset(g.slots_per_page - 1) - layout.links_offset(), 63u);
    } else {
        EXPECT_EQ(g.code_dims, 0u);
    }
}

TEST(Geometry, FitsThePageForEveryRequestThatIsAccepted) {
    size_t accepted = 0;
    for (uint32_t dims = 1; dims <= 16000; dims += dims < 300 ? 7 : 97) {
        for (const uint16_t m : {2, 3, 5, 16, 24, 48, 64, 100}) {
            for (const StorageMode mode : {StorageMode::coded, StorageMode::plain}) {
                for (const bool compact : {false, true}) {
                    const GeometryRequest request{dims, Metric::cosine, mode, compact, m};
                    try {
                        expect_consistent(request, choose_geometry(request));
                        ++accepted;
                    } catch (const Error& e) {
                        EXPECT_EQ(e.code(), ErrorCode::limit_exceeded);
                        EXPECT_GT(dims, mode == StorageMode::plain ? 3500u : 3000u) << "m = " << m << ": " << e.what();
                    }
                }
            }
        }
    }
    EXPECT_GT(accepted, 3000u);
}

TEST(Geometry, HasTheSizesThatWereMeasured) {
    const Sizes expected[] = {
        {384, 384, OwnFormat::f16, 3, 32},    {768, 768, OwnFormat::f16, 2, 23},   {1024, 1024, OwnFormat::f16, 1, 40},
        {1536, 1536, OwnFormat::f16, 1, 24},  {2048, 1360, OwnFormat::f16, 1, 22}, {3072, 1744, OwnFormat::i8, 1, 22},
    };
    for (const Sizes& e : expected) {
        const Geometry g = geometry(e.dims, StorageMode::coded);
        EXPECT_EQ(g.code_dims, e.code_dims) << e.dims;
        EXPECT_EQ(g.own_format, e.own) << e.dims;
        EXPECT_EQ(g.slots_per_page, e.slots) << e.dims;
        EXPECT_EQ(g.max_neighbors, e.neighbors) << e.dims;
    }
}

TEST(Geometry, CompactHoldsNoFewerNodesAndKeepsLongerCodes) {
    for (const uint32_t dims : {200u, 384u, 768u, 1536u, 2048u}) {
        const Geometry compact = geometry(dims, StorageMode::coded, 16, true);
        const Geometry usual = geometry(dims, StorageMode::coded, 16, false);
        EXPECT_GE(compact.slots_per_page, usual.slots_per_page) << dims;
        EXPECT_GE(compact.code_dims, usual.code_dims) << dims;
    }
    EXPECT_GT(geometry(384, StorageMode::coded, 16, true).slots_per_page,
              geometry(384, StorageMode::coded, 16, false).slots_per_page);
}

TEST(Geometry, RefusesWhatCannotFitAndSaysWhy) {
    for (const StorageMode mode : {StorageMode::coded, StorageMode::plain}) {
        try {
            geometry(16000, mode);
            ADD_FAILURE() << "16000 dimensions were accepted";
        } catch (const Error& e) {
            EXPECT_EQ(e.code(), ErrorCode::limit_exceeded);
            EXPECT_NE(e.message().find("16000 dimensions"), std::string::npos) << e.message();
            EXPECT_NE(e.message().find("m = 16"), std::string::npos) << e.message();
            EXPECT_FALSE(e.hint().empty());
        }
    }
}

TEST(Layout, SlotsOfAnIndexHaveNumbersOfTheirOwn) {
    const NodeLayout layout(geometry(100, StorageMode::plain));
    uint64_t last = layout.slot_id({3, static_cast<uint8_t>(layout.slots_per_page() - 1), 0});
    EXPECT_EQ(layout.slot_id({4, 0, 9}), last + 1);
    EXPECT_EQ(layout.slot_id({0xFFFFFFFEu, 1, 0}), 0xFFFFFFFEull * layout.slots_per_page() + 1);
}

TEST(Layout, SectionsOfNeighboringSlotsDoNotOverlap) {
    const NodeLayout layout(geometry(384, StorageMode::coded));
    std::vector<uint8_t> page(page_payload_size, 0);
    const Node first(layout, layout.slot(page.data(), 0));
    std::memset(first.data(), 0xFF, layout.slot_size());
    EXPECT_EQ(page_head(page.data()).kind, PageKind::unused);
    const Node second(layout, layout.slot(page.data(), 1));
    EXPECT_FALSE(second.used());
    EXPECT_EQ(std::count(second.data(), second.data() + layout.slot_size(), 0), static_cast<long>(layout.slot_size()));
}

TEST(Node, KnowsItsStateAndItsLinks) {
    const NodeLayout layout(geometry(384, StorageMode::coded));
    std::vector<uint8_t> slot(layout.slot_size());
    const Node node(layout, slot.data());
    EXPECT_FALSE(node.used() || node.live() || node.is({0, 0, 0}));
    node.head().flags = node_used;
    node.head().generation = 7;
    EXPECT_TRUE(node.used() && node.live());
    EXPECT_TRUE(node.is({5, 1, 7}));
    EXPECT_FALSE(node.is({5, 1, 6}));
    node.head().flags |= node_dead;
    EXPECT_TRUE(node.used() && node.dead());
    EXPECT_FALSE(node.live());
}

}  // namespace
}  // namespace vecstore::core
