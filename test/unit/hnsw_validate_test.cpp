// The check finds what it is there to find: every kind of damage, done to a sound index, is reported where it
// is; and what is legal is not.
#include <gtest/gtest.h>

#include "core/storage/mean_pages.hpp"
#include "hnsw_graph.hpp"

namespace vecstore::core {
namespace {

struct Damage {
    const char* name;
    std::function<void(TestIndex&)> inflict;
    const char* reported;  // part of a problem's text
    bool deep = false;     // only a deep check finds it
};

Link a_node(TestIndex& index, int level = 0) { return index.nodes(level).at(level == 0 ? 5 : 1); }

NodeHead& head_of(TestIndex& index, int level = 0) { return index.node(a_node(index, level)).head(); }

// A live node elsewhere, on a page of its own.
Link another_node(TestIndex& index) { return index.nodes().at(100); }

// A node that is not the entry point's, so that taking it away harms no other.
uint8_t* page_of(TestIndex& index, uint32_t block) {
    return const_cast<uint8_t*>(index.store().payload(block));
}

uint32_t page_of_kind(TestIndex& index, PageKind kind) {
    for (uint32_t block = 0; block < index.store().page_count(); ++block)
        if (page_head(index.store().payload(block)).kind == kind) return block;
    return invalid_block;
}

// First node with a chain of chunks.
Link chained_node(TestIndex& index) {
    for (const Link& link : index.nodes())
        if (index.node(link).head().overflow.valid()) return link;
    throw std::logic_error("no chain");
}

TidChunk& first_chunk(TestIndex& index, const Link& node) {
    const Link link = index.node(node).head().overflow;
    return chunk_at(page_of(index, link.block), link.slot);
}

void for_all_links_to(TestIndex& index, const Link& target,
                      const std::function<void(const OpenNode&, size_t)>& visit) {
    for (int level = 0; level < 8; ++level)
        for (const Link& link : index.nodes(level)) {
            const OpenNode node = index.node(link);
            for (size_t i = 0; i < node.head().degree; ++i)
                if (node.links()[i] == target) visit(node, i);
        }
}

// Takes every link to the node away, so that nothing leads there.
void isolate(TestIndex& index, const Link& target) {
    const Link elsewhere{target.block, target.slot, static_cast<uint8_t>(target.generation + 1)};
    for_all_links_to(index, target, [&](const OpenNode& node, size_t i) {
        node.links()[i] = elsewhere;
        node.head().tree_edges_or_epoch &= ~(uint64_t{1} << i);
    });
    index.node(target).head().tree_edges_or_epoch = 0;
}

size_t tree_edge_of(const OpenNode& node) { return __builtin_ctzll(node.head().tree_edges_or_epoch); }

const Damage damages[] = {
    // --- pages
    {"UnknownPageKind", [](TestIndex& x) { page_head(page_of(x, a_node(x).block)).kind = PageKind(99); },
     "unknown kind of page 99"},
    {"ClustersOfNoMap",
     [](TestIndex& x) { page_head(page_of(x, a_node(x).block)).kind = PageKind::clusters; },
     "holds clusters that the metapage does not know"},
    {"SecondMetapage",
     [](TestIndex& x) { page_head(page_of(x, page_of_kind(x, PageKind::tids))).kind = PageKind::meta; },
     "second metapage"},
    {"MisplacedMeanPage",
     [](TestIndex& x) { page_head(page_of(x, page_of_kind(x, PageKind::tids))).kind = PageKind::mean; },
     "mean that the metapage does not know"},
    {"LostMeanPage", [](TestIndex& x) { page_head(page_of(x, 1)).kind = PageKind::unused; },
     "does not hold the mean"},
    {"LostNodePage", [](TestIndex& x) { std::memset(page_of(x, a_node(x).block), 0, page_payload_size); },
     "is not on a page of nodes"},

    // --- a node by itself
    {"UnknownFlags", [](TestIndex& x) { head_of(x).flags |= 64; }, "unknown flags 65"},
    {"DeadButUnused", [](TestIndex& x) { head_of(x).flags = node_dead; }, "marked dead, and holds no node"},
    {"ImpossibleLevel", [](TestIndex& x) { head_of(x).level = 77; }, "impossible level 77"},
    {"TooManyNeighbors", [](TestIndex& x) { head_of(x).degree = 60; }, "has 60 neighbors, and room for"},
    {"TooManyInlineRows", [](TestIndex& x) { head_of(x).tid_count = 9; }, "impossible number of rows 9"},
    {"RowsAboveLevel0", [](TestIndex& x) { head_of(x, 1).tid_count = 1; }, "has rows, on level 1"},
    {"RowsInADeadNode", [](TestIndex& x) { head_of(x).flags |= node_dead; }, "has rows, and is marked dead"},
    {"NoLinkDown", [](TestIndex& x) { head_of(x, 1).down = Link{}; }, "has no link to the level below"},
    {"ScaleOfZero", [](TestIndex& x) { head_of(x).scale = 0; }, "impossible scale 0"},
    {"ScaleThatIsNoNumber", [](TestIndex& x) { head_of(x).scale = NAN; }, "impossible scale nan"},
    {"NegativeError", [](TestIndex& x) { head_of(x).error = -1; }, "impossible error bound -1"},
    {"NegativeNorm", [](TestIndex& x) { head_of(x).norm2 = -4; }, "impossible squared norm -4"},
    {"TreeEdgeBeyondTheList", [](TestIndex& x) { head_of(x).tree_edges_or_epoch |= uint64_t{1} << 60; },
     "tree edges beyond its neighbors"},
    {"TreeEdgeAboveLevel0", [](TestIndex& x) { head_of(x, 1).tree_edges_or_epoch |= 1; },
     "tree edges on level 1"},
    {"SelfLink", [](TestIndex& x) { x.node(a_node(x)).links()[2] = a_node(x); }, "is the node itself"},
    {"DuplicateLink",
     [](TestIndex& x) {
         Link* l = x.node(a_node(x)).links();
         l[2] = l[4];
     },
     "is neighbor 2 as well"},

    // --- links
    {"LinkBeyondTheEnd",
     [](TestIndex& x) {
         x.node(a_node(x)).links()[3] = {1000000, 0, 0};
     },
     "(1000000,0) lies beyond the end"},
    {"LinkToNothing", [](TestIndex& x) { x.node(a_node(x)).links()[3] = Link{}; }, "lies beyond the end"},
    {"LinkToTheMetapage",
     [](TestIndex& x) {
         x.node(a_node(x)).links()[3] = {0, 0, 0};
     },
     "(0,0) is not on a page of nodes"},
    {"LinkToNoSlot",
     [](TestIndex& x) {
         x.node(a_node(x)).links()[3] = {5, 200, 0};
     },
     "(5,200) is no slot of a page"},
    {"LinkToAFreeSlot", [](TestIndex& x) { x.node(another_node(x)).head().flags = 0; }, "is a free slot"},
    {"LinkToAnotherLevel", [](TestIndex& x) { x.node(a_node(x)).links()[3] = a_node(x, 1); },
     "is of level 1, not 0"},
    {"LinkDownToAnother", [](TestIndex& x) { head_of(x, 1).down = another_node(x); }, "has another vector"},
    {"LinkDownToTheSameLevel", [](TestIndex& x) { head_of(x, 1).down = x.nodes(1).at(2); }, "is of level 1"},
    {"LinkDownToNothing", [](TestIndex& x) { ++head_of(x, 1).down.generation; }, "the node below"},

    // --- the graph
    {"OneSidedTreeEdge",
     [](TestIndex& x) {
         const OpenNode n = x.node(a_node(x));
         n.head().tree_edges_or_epoch &= ~(uint64_t{1} << tree_edge_of(n));
     },
     "is unknown there"},
    {"TreeEdgeThatWasPruned",
     [](TestIndex& x) {
         const OpenNode n = x.node(a_node(x));
         const size_t i = tree_edge_of(n);
         n.head().tree_edges_or_epoch &= ~(uint64_t{1} << i);
         n.links()[i] = {n.links()[i].block, n.links()[i].slot,
                         static_cast<uint8_t>(n.links()[i].generation + 1)};
     },
     "is unknown there"},
    {"UnreachableNode", [](TestIndex& x) { isolate(x, another_node(x)); },
     "cannot be reached from the entry point"},
    {"NoEntryPoint", [](TestIndex& x) { x.meta_in_place().entry_point = Link{}; },
     "has rows, but no entry point"},
    {"EntryPointThatIsGone", [](TestIndex& x) { ++x.meta_in_place().entry_point.generation; },
     "the entry point"},
    {"EntryPointOfAnotherLevel", [](TestIndex& x) { ++x.meta_in_place().entry_level; }, "the entry point"},
    {"EntryPointBelowTheTop",
     [](TestIndex& x) {
         x.meta_in_place().entry_point = a_node(x);
         x.meta_in_place().entry_level = 0;
     },
     "above the entry point's, 0"},

    // --- rows
    {"LostRow",
     [](TestIndex& x) {
         head_of(x).tids[0] = {99999, 1};
     },
     "of the table is not in the index"},
    {"RowTwice", [](TestIndex& x) { head_of(x).tids[0] = x.node(another_node(x)).head().tids[0]; },
     "is in the index twice"},
    {"ImpossibleRow", [](TestIndex& x) { head_of(x).tids[0].offset = 0; }, "impossible row"},
    {"FreeChunk", [](TestIndex& x) { first_chunk(x, chained_node(x)).used = 0; }, "is free"},
    {"ChunkOfAnother", [](TestIndex& x) { first_chunk(x, chained_node(x)).owner = a_node(x); }, "belongs to"},
    {"OverfullChunk", [](TestIndex& x) { first_chunk(x, chained_node(x)).count = 15; },
     "holds an impossible number, 15"},
    {"ChunkInACircle",
     [](TestIndex& x) {
         const Link n = chained_node(x);
         first_chunk(x, n).next = x.node(n).head().overflow;
     },
     "follows itself"},
    {"ChainBeyondTheEnd",
     [](TestIndex& x) {
         first_chunk(x, chained_node(x)).next = {1000000, 0, 0};
     },
     "lies beyond the end"},
    {"ChainIntoNodes", [](TestIndex& x) { first_chunk(x, chained_node(x)).next = a_node(x); },
     "is not on a page of rows"},
    {"ChunkInUnknownState",
     [](TestIndex& x) {
         chunk_at(page_of(x, page_of_kind(x, PageKind::tids)), chunks_per_page - 1).used = 7;
     },
     "unknown state of a chunk 7"},

    // --- codes and vectors
    {"WrongCode",
     [](TestIndex& x) {
         const OpenNode n = x.node(a_node(x));
         for (int i = 0; i < 8; ++i) n.code(4)[i] ^= 0xFF;
     },
     "components of its code are wrong", true},
    {"WrongRescale",
     [](TestIndex& x) {
         const OpenNode n = x.node(a_node(x));
         std::swap(n.factor(4)[0], n.factor(4)[2]);
         std::swap(n.factor(4)[1], n.factor(4)[3]);
     },
     "its factor f_rescale", true},
    {"WrongAdd",
     [](TestIndex& x) {  // (Of a single neighbor it may be next to 0.)
         for (size_t i = 0; i < 8; ++i) x.node(a_node(x)).factor(i)[1] ^= 1;
     },
     "its factor f_add", true},
    {"InfiniteFactor",
     [](TestIndex& x) {
         const OpenNode n = x.node(a_node(x));
         n.factor(4)[3] = 0x7F;
         n.factor(4)[2] = 0x80;
     },
     "its factors are not finite", true},
    {"WrongVector",
     [](TestIndex& x) {
         uint8_t* own = x.node(a_node(x)).own();
         for (int i = 1; i < 64; i += 2) own[i] ^= 0x80;
     },
     "components of its code are wrong", true},
    {"InfiniteVector",
     [](TestIndex& x) {
         uint8_t* own = x.node(a_node(x)).own();
         own[0] = 0;
         own[1] = 0x7C;
     },
     "its vector is not finite", true},
    {"WrongNorm", [](TestIndex& x) { head_of(x).norm2 *= 1.1f; }, "its squared norm is", true},
};

void PrintTo(const Damage& damage, std::ostream* out) { *out << damage.name; }

class Validate : public testing::TestWithParam<Damage> {};

IndexOptions options_with_mean() {
    IndexOptions options;
    options.mean.assign(200, 0.25f);
    return options;
}

// 1500 rows, some with many copies, several levels.
std::unique_ptr<TestIndex> sound_index() {
    auto index = std::make_unique<TestIndex>(200, options_with_mean());
    Data data = normal_data(1500, 200, 17, 10);
    for (size_t i = 1000; i < 1100; ++i) std::copy_n(data.row(1000), 200, &data.values[i * 200]);
    index->insert(data);
    return index;
}

TEST_P(Validate, FindsTheDamage) {
    const auto index = sound_index();
    GetParam().inflict(*index);
    const auto require_all = [&](GraphCheck<MemStore>& check) {
        for (size_t i = 0; i < 1500; ++i) check.require_row(TestIndex::tid_of(i));
    };
    const auto checked = index->check(GetParam().deep, require_all);
    EXPECT_TRUE(checked.has(GetParam().reported)) << checked.all();
    // A page that is lost is missed by all its neighbors; nothing else should be reported all over the index.
    EXPECT_LT(checked.problems.size(), 500u);
    if (GetParam().deep) {
        const auto shallow = index->check(false, require_all);
        EXPECT_FALSE(shallow.has(GetParam().reported)) << shallow.all();
    }
}

INSTANTIATE_TEST_SUITE_P(Damages, Validate, testing::ValuesIn(damages),
                         [](const auto& info) { return info.param.name; });

TEST(ValidateSound, ReportsNothingAndCounts) {
    const auto index = sound_index();
    const auto checked = index->check();
    EXPECT_TRUE(checked.problems.empty()) << checked.all();
    EXPECT_EQ(checked.counts.rows, 1500u);
    EXPECT_EQ(checked.counts.pages.nodes, 1401u);
    EXPECT_EQ(checked.counts.pages.inline_rows + checked.counts.pages.chunk_rows, 1500u);
    EXPECT_EQ(checked.counts.pages.mean_pages, 1u);
    EXPECT_EQ(checked.counts.pages.dead_nodes, 0u);
    EXPECT_GT(checked.counts.pages.upper_nodes, 50u);
    EXPECT_GE(checked.counts.links, checked.counts.pages.links);
    EXPECT_LT(checked.counts.sweeps, 15u);
}

TEST(ValidateSound, ComparesRowsWithTheirVectors) {
    const auto index = sound_index();
    const Data other = normal_data(1, 200, 99);
    const auto checked = index->check(
        true, [&](GraphCheck<MemStore>& check) { check.require_row(TestIndex::tid_of(3), other.row(0)); });
    EXPECT_TRUE(checked.has("row (0,4): its vector is")) << checked.all();
    EXPECT_EQ(checked.problems.size(), 1u);
}

TEST(ValidateSound, PlainDistancesAreCheckedToo) {
    for (const Metric metric : {Metric::l2, Metric::inner_product}) {
        IndexOptions options;
        options.mode = StorageMode::plain;
        options.metric = metric;
        TestIndex index(50, options);
        index.insert(normal_data(300, 50, 3));
        EXPECT_TRUE(index.check().problems.empty()) << index.check().all();
        float distance;
        uint8_t* const factor = index.node(a_node(index)).factor(3);
        std::memcpy(&distance, factor, sizeof(distance));
        distance += 0.5f;
        std::memcpy(factor, &distance, sizeof(distance));
        EXPECT_TRUE(index.check().has(": its distance is")) << index.check().all();
    }
}

TEST(ValidateSound, CodesOfProductsAreCheckedToo) {
    IndexOptions options;
    options.mode = StorageMode::coded_products;
    options.metric = Metric::inner_product;
    const auto damage = [&](size_t byte, uint8_t bits, const char* problem) {
        TestIndex index(50, options);
        index.insert(normal_data(300, 50, 3));
        EXPECT_TRUE(index.check().problems.empty()) << index.check().all();
        index.node(a_node(index)).factor(3)[byte] ^= bits;
        EXPECT_TRUE(index.check().has(problem)) << problem << "\n" << index.check().all();
    };
    damage(0, 0x40, ": its squared length is");
    damage(2, 0x40, ": its factor f_rescale is");
    damage(3, 0x40, ": its factor f_rescale is");
}

// --- what is legal

TEST(ValidateLegal, DanglingLinks) {
    const auto index = sound_index();
    const Link gone = another_node(*index);
    // As vacuum leaves it: freed, the next generation, and old links to it here and there.
    isolate(*index, gone);
    const OpenNode node = index->node(gone);
    node.head() = NodeHead{};
    node.head().generation = static_cast<uint8_t>(gone.generation + 2);
    const auto checked = index->check(true);
    EXPECT_TRUE(checked.problems.empty()) << checked.all();
    EXPECT_GT(checked.counts.dangling_links, 5u);
    EXPECT_EQ(checked.counts.pages.free_slots, sound_index()->check(false).counts.pages.free_slots + 1);
}

TEST(ValidateLegal, LinksToTheDead) {
    const auto index = sound_index();
    for (const Link& link : index->nodes())
        if (link.block % 5 == 0 && !index->node(link).head().overflow.valid()) {
            index->node(link).head().flags |= node_dead;
            index->node(link).head().tid_count = 0;
        }
    const auto checked = index->check(true);
    EXPECT_TRUE(checked.problems.empty()) << checked.all();
    EXPECT_GT(checked.counts.pages.dead_nodes, 100u);
}

// An interrupted insert leaves a node that nothing links to, whose row nobody can see.
TEST(ValidateLegal, UnreachableNodesOfRowsThatNeedNotBeFound) {
    const auto index = sound_index();
    const Link isolated = another_node(*index);
    isolate(*index, isolated);
    const HeapTid tid = index->node(isolated).head().tids[0];
    const auto all_but = [&](GraphCheck<MemStore>& check) {
        for (size_t i = 0; i < 1500; ++i)
            if (!(TestIndex::tid_of(i) == tid)) check.require_row(TestIndex::tid_of(i));
    };
    const auto checked = index->check(true, all_but);
    EXPECT_TRUE(checked.problems.empty()) << checked.all();
    EXPECT_EQ(checked.counts.unattached, 1u);
    // Its links must be good all the same.
    index->node(isolated).links()[1] = {0, 0, 0};
    EXPECT_TRUE(index->check(false, all_but).has("is not on a page of nodes"));
}

TEST(ValidateLegal, RowsCutOffUntilAVacuumIsFinished) {
    const auto index = sound_index();
    isolate(*index, another_node(*index));
    index->meta_in_place().vacuum_pending = 1;
    const auto checked = index->check();
    EXPECT_TRUE(checked.problems.empty()) << checked.all();
    EXPECT_EQ(checked.counts.cut_off, 1u);
}

TEST(ValidateLegal, ChunksThatAnInterruptedInsertTook) {
    const auto index = sound_index();
    TidChunk& chunk = chunk_at(page_of(*index, page_of_kind(*index, PageKind::tids)), chunks_per_page - 1);
    chunk.used = 1;
    chunk.count = 1;
    const auto checked = index->check();
    EXPECT_TRUE(checked.problems.empty()) << checked.all();
    EXPECT_EQ(checked.counts.lost_chunks, 1u);
}

TEST(ValidateLegal, PagesThatWereNeverWritten) {
    const auto index = sound_index();
    auto page = index->store().append(PageKind::unused);
    page.commit();
    const auto checked = index->check();
    EXPECT_TRUE(checked.problems.empty()) << checked.all();
    EXPECT_EQ(checked.counts.pages.unused_pages, 1u);
}

TEST(ValidateReport, EndsWithAWordOnTheRest) {
    const auto index = sound_index();
    for (const Link& link : index->nodes()) index->node(link).head().scale = 0;
    std::vector<Problem> problems;
    CheckOptions options;
    options.max_problems = 10;
    GraphCheck<MemStore> check(index->store(), index->meta(), index->encoder(), options,
                               [&](const Problem& p) { problems.push_back(p); });
    check.read_pages();
    check.require_all_rows();
    check.check_graph();
    ASSERT_EQ(problems.size(), 11u);
    EXPECT_EQ(problems.back().text, "there are further problems");
    EXPECT_EQ(problems.back().block, invalid_block);
}

// --- the metapage

TEST(MetaProblem, IsNoneForEveryIndexThatCanBeMade) {
    for (const size_t dims : {1, 3, 100, 200, 768, 3072, 7000}) {
        for (const StorageMode mode : {StorageMode::plain, StorageMode::coded}) {
            if (dims == 7000 && mode == StorageMode::plain) continue;
            IndexOptions options;
            options.mode = mode;
            options.mean.assign(dims, 1.0f);
            TestIndex index(dims, options);
            EXPECT_EQ(meta_problem(index.meta()), "");
            EXPECT_EQ(read_mean(index.store(), index.meta()), options.mean);
        }
    }
}

TEST(MetaProblem, IsFound) {
    struct Case {
        std::function<void(MetaData&)> break_it;
        const char* expected;
    };
    const Case cases[] = {
        {[](MetaData& m) { m.magic = 1; }, "not that of an hnsw index"},
        {[](MetaData& m) { m.version = 99; }, "format version 99, this vecstore reads versions 1 to 2"},
        {[](MetaData& m) { m.geometry.metric = Metric(9); }, "unknown metric 9"},
        {[](MetaData& m) { m.geometry.mode = StorageMode(0); }, "unknown storage mode 0"},
        {[](MetaData& m) { m.geometry.own_format = OwnFormat(7); }, "unknown vector format 7"},
        {[](MetaData& m) { m.geometry.dims = 0; }, "impossible dimensions 0"},
        {[](MetaData& m) { m.geometry.stored_dims += 1; }, "impossible dimensions 200 and 209"},
        {[](MetaData& m) { m.geometry.code_dims = 99; }, "impossible code length 99"},
        {[](MetaData& m) { m.geometry.max_neighbors = 65; }, "impossible number of neighbors 65"},
        {[](MetaData& m) { m.geometry.slots_per_page = 0; }, "impossible number of slots 0"},
        {[](MetaData& m) { m.geometry.slots_per_page = 100; }, "impossible number of slots 100"},
        {[](MetaData& m) { m.geometry.slot_size = 200; }, "does not fit into 200 bytes"},
        {[](MetaData& m) { m.entry_level = 200; }, "impossible entry level 200"},
        {[](MetaData& m) { m.mean_pages = 3; }, "the mean has 3 pages"},
    };
    TestIndex index(200, options_with_mean());
    for (const Case& c : cases) {
        MetaData meta = index.meta();
        c.break_it(meta);
        EXPECT_NE(meta_problem(meta).find(c.expected), std::string::npos) << meta_problem(meta);
    }
}

TEST(MetaProblem, AMeanThatIsNotThereIsAnError) {
    TestIndex index(200, options_with_mean());
    page_head(page_of(index, 1)).kind = PageKind::unused;
    EXPECT_THROW(read_mean(index.store(), index.meta()), Error);
    MetaData meta = index.meta();
    meta.mean_block = 1000;
    EXPECT_THROW(read_mean(index.store(), meta), Error);
}

// --- the parts

TEST(EdgeSums, FindsOneSidedEdgesAmongMany) {
    std::mt19937 random(1);
    EdgeSums sums;
    std::vector<std::pair<Link, Link>> edges;
    for (int i = 0; i < 100000; ++i) {
        const Link a{static_cast<uint32_t>(random()), static_cast<uint8_t>(random()),
                     static_cast<uint8_t>(random())};
        const Link b{static_cast<uint32_t>(random()), static_cast<uint8_t>(random()),
                     static_cast<uint8_t>(random())};
        edges.emplace_back(a, b);
        sums.add(a, b);
        if (i % 10000 != 0) sums.add(b, a);
    }
    size_t doubtful = 0;
    for (size_t i = 0; i < edges.size(); ++i) {
        EXPECT_EQ(sums.doubtful(edges[i].first, edges[i].second),
                  sums.doubtful(edges[i].second, edges[i].first));
        doubtful += sums.doubtful(edges[i].first, edges[i].second);
        if (i % 10000 == 0) {
            EXPECT_TRUE(sums.doubtful(edges[i].first, edges[i].second));
        }
    }
    EXPECT_LT(doubtful, 200u);
}

}  // namespace
}  // namespace vecstore::core
