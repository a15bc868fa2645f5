// Geometry and node layout: whatever is asked for fits its page, or is refused with a reason.
#include <gtest/gtest.h>

#include <algorithm>

#include "core/base/error.hpp"
#include "core/storage/node.hpp"

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
    EXPECT_EQ(+g.dims, request.dims);
    EXPECT_EQ(+g.m, request.m);
    EXPECT_EQ(g.metric, request.metric);
    EXPECT_EQ(g.mode, request.mode);
    const bool planes = g.own_format == OwnFormat::planes;
    EXPECT_TRUE(!coded || g.rotated());
    EXPECT_FALSE(g.rotated() && request.metric == Metric::l1);
    EXPECT_EQ(+g.stored_dims, g.rotated() || planes ? (request.dims + 15) / 16 * 16 : request.dims);
    if (request.compact) {
        EXPECT_GE(g.own_format, OwnFormat::i8);
    }
    EXPECT_EQ(planes, g.own_bits != 0);

    // A page holds its slots, a slot its sections, one after the other.
    ASSERT_GE(+g.slots_per_page, 1);
    EXPECT_LE(layout.slot_offset(g.slots_per_page), page_payload_size);
    EXPECT_EQ(layout.codes_offset(), sizeof(NodeHead));
    EXPECT_EQ(layout.links_offset(), layout.codes_offset() + g.max_neighbors * layout.code_bytes());
    EXPECT_EQ(layout.factors_offset(), layout.links_offset() + g.max_neighbors * sizeof(Link));
    EXPECT_GE(layout.own_offset(), layout.factors_offset() + g.max_neighbors * factor_bytes);
    EXPECT_LE(layout.own_offset() + layout.own_bytes(), layout.slot_size());

    // Enough neighbors: never below two thirds of 2m (in a compact index, half of it), never more than the
    // tree edges' bits can tell apart.
    const size_t target = std::min<size_t>(2 * request.m, max_degree);
    const size_t enough = request.compact ? target / 2 : (2 * target + 2) / 3;
    EXPECT_GE(+g.max_neighbors, std::max<size_t>(4, coded ? enough : target));
    EXPECT_LE(+g.max_neighbors, max_degree);
    EXPECT_LE(+g.max_neighbors, target + target / 4);

    if (coded) {
        EXPECT_EQ(g.code_dims % 16, 0u);
        EXPECT_GE(+g.code_dims, std::min(g.stored_dims, 512u));
        EXPECT_LE(+g.code_dims, g.stored_dims);
        // Kernels may read 63 bytes beyond the last code, of the page's last slot too.
        EXPECT_GE(page_payload_size - layout.slot_offset(g.slots_per_page - 1) - layout.links_offset(), 63u);
    } else {
        EXPECT_EQ(+g.code_dims, 0u);
    }
}

TEST(Geometry, FitsThePageForEveryRequestThatIsAccepted) {
    for (uint32_t dims = 1; dims <= 16000; dims += dims < 300 ? 7 : dims < 15900 ? 97 : 1) {
        for (const uint16_t m : {2, 3, 5, 16, 24, 48, 64, 100}) {
            for (const StorageMode mode : {StorageMode::coded, StorageMode::plain}) {
                for (const Metric metric : {Metric::cosine, Metric::inner_product, Metric::l1}) {
                    if (metric == Metric::l1 && mode == StorageMode::coded) continue;
                    for (const VectorKind kind : {VectorKind::vector, VectorKind::halfvec}) {
                        for (const bool compact : {false, true}) {
                            const GeometryRequest request{dims, metric, mode, compact, m, kind};
                            expect_consistent(request, choose_geometry(request));
                        }
                    }
                }
            }
        }
    }
}

TEST(Geometry, GivesLongVectorsFewerBits) {
    const struct {
        uint32_t dims;
        StorageMode mode;
        OwnFormat own;
        uint32_t bits, code_dims;
    } expected[] = {
        {6400, StorageMode::coded, OwnFormat::i8, 0, 528},
        {7600, StorageMode::coded, OwnFormat::planes, 6, 784},
        {12000, StorageMode::coded, OwnFormat::planes, 4, 672},
        {16000, StorageMode::coded, OwnFormat::planes, 3, 672},
        {4000, StorageMode::plain, OwnFormat::i8, 0, 0},
        {16000, StorageMode::plain, OwnFormat::planes, 3, 0},
    };
    for (const auto& e : expected) {
        const Geometry g = geometry(e.dims, e.mode);
        EXPECT_EQ(g.own_format, e.own) << e.dims;
        EXPECT_EQ(+g.own_bits, e.bits) << e.dims;
        EXPECT_EQ(+g.code_dims, e.code_dims) << e.dims;
    }
}

TEST(Geometry, HoldsBitStringsWholeOrNearlySo) {
    for (const uint16_t m : {2, 16, 100}) {
        for (uint32_t dims = 1; dims <= 64000; dims += dims < 300 ? 1 : 977) {
            const GeometryRequest request{dims, Metric::jaccard, StorageMode::plain, false,
                                          m,    VectorKind::bit};
            const Geometry g = choose_geometry(request);
            const NodeLayout layout(g);
            ASSERT_LE(layout.slot_offset(g.slots_per_page), page_payload_size);
            ASSERT_LE(layout.own_offset() + layout.own_bytes(), layout.slot_size());
            EXPECT_GE(+g.max_neighbors, std::min<size_t>(2 * m, max_degree));
            if (m == 16 && dims <= 62000) {
                EXPECT_EQ(+g.stored_dims, (dims + 31) / 32);
            }
            EXPECT_GE(g.stored_dims * 32, std::min(dims, 59000u));
        }
    }
}

TEST(Geometry, GivesSparseVectorsTheRoomThereIs) {
    for (const uint16_t m : {2, 16, 100}) {
        for (const uint32_t elements : {0u, 1u, 20u, 120u, 290u, 700u, 16000u}) {
            const GeometryRequest request{
                1000000000, Metric::l2, StorageMode::plain, false, m, VectorKind::sparsevec, elements};
            const Geometry g = choose_geometry(request);
            const NodeLayout layout(g);
            ASSERT_LE(layout.slot_offset(g.slots_per_page), page_payload_size);
            ASSERT_LE(layout.own_offset() + layout.own_bytes(), layout.slot_size());
            ASSERT_EQ(g.stored_dims % 2, 1u);
            EXPECT_GE((g.stored_dims - 1) / 2, std::min(elements, 900u));
            EXPECT_GE(+g.max_neighbors, std::min<size_t>(2 * m, max_degree));
        }
    }
}

TEST(Geometry, HasTheSizesThatWereMeasured) {
    const Sizes expected[] = {
        {384, 384, OwnFormat::f16, 3, 32},   {768, 768, OwnFormat::f16, 2, 23},
        {1024, 1024, OwnFormat::f16, 1, 40}, {1536, 1536, OwnFormat::f16, 1, 24},
        {2048, 1360, OwnFormat::f16, 1, 22}, {3072, 1744, OwnFormat::i8, 1, 22},
    };
    for (const Sizes& e : expected) {
        const Geometry g = geometry(e.dims, StorageMode::coded);
        EXPECT_EQ(+g.code_dims, e.code_dims) << e.dims;
        EXPECT_EQ(g.own_format, e.own) << e.dims;
        EXPECT_EQ(+g.slots_per_page, e.slots) << e.dims;
        EXPECT_EQ(+g.max_neighbors, e.neighbors) << e.dims;
    }
}

TEST(Geometry, CompactHoldsNoFewerNodesAndKeepsLongerCodes) {
    for (const uint32_t dims : {200u, 384u, 768u, 1536u, 2048u}) {
        const Geometry compact = geometry(dims, StorageMode::coded, 16, true);
        const Geometry usual = geometry(dims, StorageMode::coded, 16, false);
        EXPECT_GE(compact.slots_per_page, usual.slots_per_page) << dims;
        EXPECT_GE(compact.code_dims, usual.code_dims) << dims;
    }
    // at the default m and the sizes that most embeddings have
    for (const uint32_t dims : {384u, 768u, 1024u}) {
        EXPECT_GT(+geometry(dims, StorageMode::coded, 16, true).slots_per_page,
                  geometry(dims, StorageMode::coded, 16, false).slots_per_page)
            << dims;
        EXPECT_GE(+geometry(dims, StorageMode::coded, 16, true).max_neighbors, 16) << dims;
    }
}

TEST(Geometry, RefusesWhatCannotFitAndSaysWhy) {
    for (const StorageMode mode : {StorageMode::coded, StorageMode::plain}) {
        try {
            geometry(60000, mode);
            ADD_FAILURE() << "60000 dimensions were accepted";
        } catch (const Error& e) {
            EXPECT_EQ(e.code(), ErrorCode::limit_exceeded);
            EXPECT_NE(e.message().find("60000 dimensions"), std::string::npos) << e.message();
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
    const Node first(layout, layout.raw_slot(page.data(), 0));
    std::memset(first.data(), 0xFF, layout.slot_size());
    EXPECT_EQ(page_head(page.data()).kind, PageKind::unused);
    const Node second(layout, layout.raw_slot(page.data(), 1));
    EXPECT_FALSE(second.used());
    EXPECT_EQ(std::count(second.data(), second.data() + layout.slot_size(), 0),
              static_cast<long>(layout.slot_size()));
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

// A node's neighbors, each by what it was made of.
class NodeNeighbors : public testing::TestWithParam<StorageMode> {
  protected:
    // Neighbor i is made of `what`.
    void set(size_t i, uint8_t what) const {
        const std::vector<uint8_t> code(layout_.code_bytes(), what), factor(factor_bytes, what);
        node_.set_neighbor(i, Link{what, what, what}, code.data(), factor.data());
    }
    // Link, code and factor are of the same one.
    uint8_t what(size_t i) const {
        const uint8_t value = node_.links()[i].slot;
        EXPECT_EQ(node_.links()[i], (Link{value, value, value}));
        const auto all = [&](const uint8_t* bytes, size_t count) {
            return std::all_of(bytes, bytes + count, [&](uint8_t byte) { return byte == value; });
        };
        EXPECT_TRUE(all(node_.code(i), layout_.code_bytes()) && all(node_.factor(i), factor_bytes));
        return value;
    }

    const NodeLayout layout_{geometry(384, GetParam())};
    std::vector<uint8_t> slot_ = std::vector<uint8_t>(layout_.slot_size());
    const Node node_{layout_, slot_.data()};
};

INSTANTIATE_TEST_SUITE_P(Modes, NodeNeighbors, testing::Values(StorageMode::coded, StorageMode::plain),
                         [](const auto& info) {
                             return info.param == StorageMode::coded ? "Coded" : "Plain";
                         });

TEST_P(NodeNeighbors, StayTogetherWhenTheyAreWrittenAndMoved) {
    node_.start(0);
    for (uint8_t i = 0; i < 6; ++i) set(i, static_cast<uint8_t>(10 + i));
    ASSERT_EQ(node_.degree(), 6u);
    node_.set_tree_edge(1, true);
    node_.set_tree_edge(5, true);
    set(1, 20);  // in the place of a tree edge: an ordinary link
    EXPECT_EQ(node_.tree_edges(), uint64_t{1} << 5);
    node_.remove_neighbor(2);  // the last one, a tree edge, moves there
    node_.remove_neighbor(node_.degree() - 1);
    ASSERT_EQ(node_.degree(), 4u);
    EXPECT_EQ(what(0), 10);
    EXPECT_EQ(what(1), 20);
    EXPECT_EQ(what(2), 15);
    EXPECT_EQ(what(3), 13);
    EXPECT_EQ(node_.tree_edges(), uint64_t{1} << 2);
    EXPECT_EQ(node_.tree_edge_count(), 1u);
    EXPECT_EQ(node_.index_of({15, 15, 15}), 2);
    EXPECT_EQ(node_.index_of({14, 14, 14}), -1);
}

TEST_P(NodeNeighbors, AreNoMoreThanThereIsRoomFor) {
    node_.start(0);
    node_.head().degree = 255;
    node_.head().tid_count = 255;
    EXPECT_EQ(node_.degree(), layout_.max_neighbors());
    EXPECT_TRUE(node_.is_full());
    EXPECT_EQ(node_.tid_count(), inline_tids);
    EXPECT_EQ(node_.index_of({1, 2, 3}), -1);
}

TEST_P(NodeNeighbors, GoWithTheNode) {
    node_.start(2);
    node_.head().generation = 8;
    set(0, 30);
    node_.free(77);
    EXPECT_FALSE(node_.used());
    EXPECT_EQ(node_.freed_at(), 77u);
    EXPECT_EQ(node_.head().generation, 9);
    node_.start(1);
    EXPECT_TRUE(node_.is({0, 0, 9}));
    EXPECT_EQ(node_.head().level, 1);
    EXPECT_EQ(node_.degree() + node_.tid_count() + node_.tree_edge_count(), 0u);
    EXPECT_FALSE(node_.has_rows());
}

}  // namespace
}  // namespace vecstore::core
