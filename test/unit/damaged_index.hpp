// Sound indexes with pages of every kind, and the damage that hnsw_damage_test.cpp does to them.
#pragma once

#include <cmath>
#include <ostream>
#include <random>

#include <gtest/gtest.h>

#include "core/hnsw/beside/long_rows.hpp"
#include "core/hnsw/beside/unplaced.hpp"
#include "damaged_store.hpp"
#include "hnsw_graph.hpp"

namespace vecstore::core {

using Random = std::mt19937_64;

struct Case {
    const char* name;
    size_t dims, rows;
    IndexOptions options;
};
inline void PrintTo(const Case& c, std::ostream* out) { *out << c.name; }

// ----------------------------------------------------------------------- what is made

// A vector of any kind, made from floats.
struct AnyVector {
    std::vector<float> values;
    std::vector<int32_t> indices;
    std::vector<uint8_t> bits;

    AnyVector(VectorKind kind, const float* x, size_t dims) {
        if (kind == VectorKind::bit) {
            bits.resize((dims + 7) / 8);
            for (size_t i = 0; i < dims; ++i) bits[i / 8] |= static_cast<uint8_t>((x[i] > 0) << (7 - i % 8));
        } else if (kind == VectorKind::sparsevec) {
            for (size_t i = 0; i < dims; ++i) {
                if (x[i] < 1) continue;
                indices.push_back(static_cast<int32_t>(i));
                values.push_back(x[i]);
            }
        } else {
            values.assign(x, x + dims);
        }
    }
    RawVector raw() const {
        if (!bits.empty()) return RawVector::of_bits(bits.data());
        if (!indices.empty())
            return RawVector::of_sparse(indices.data(), values.data(), static_cast<uint32_t>(indices.size()));
        return values.data();
    }
};

// An index with rows of its own, rows of equal vectors, and rows without a vector.
class Sound {
  public:
    explicit Sound(const Case& c) : case_(c), data_(normal_data(c.rows + queries, c.dims, 7, 5)) {
        if (c.options.metric == Metric::cosine) normalize(data_);
        TestIndex index(c.dims, c.options);
        for (size_t row = 0; row < c.rows; ++row)
            vectors_.emplace_back(c.options.kind, data_.row(row), c.dims);
        struct {
            const std::vector<AnyVector>& all;
            size_t rows() const { return all.size(); }
            RawVector row(size_t i) const { return all[i].raw(); }
        } rows{vectors_};
        InsertMemory memory;
        if (c.options.mode == StorageMode::coded) {
            TestIndex built(c.dims, c.options);
            built.build(rows, 1);
            write_in_order(built, PageOrder(built.store(), built.encoder(), [] {}), index);
        } else {
            index.insert(rows);
        }
        for (size_t i = 0; i < equal_rows; ++i) index.insert(vectors_[i % 3].raw(), c.rows + i, memory, 0);
        const std::vector<FilterKey> keys(c.options.filter_columns, 3);
        for (uint32_t i = 0; i < 1500; ++i)
            add_unplaced(index.store(), index.layout(),
                         {{i, 9}, i % 2 ? UnplacedKind::no_vector : UnplacedKind::no_direction, 0},
                         keys.data());
        for (size_t i = 0; i < long_rows && c.options.high_length > 0; ++i)
            index.insert(long_vector(i).raw(), c.rows + equal_rows + i, memory);
        if (c.options.filter_columns > 0 && c.options.mode == StorageMode::coded) make_clusters(index);
        EXPECT_TRUE(index.check().problems.empty()) << index.check().all();
        for (uint32_t block = 0; block < index.store().page_count(); ++block)
            store_.add_page(index.store().payload(block));
        meta_ = index.meta();
    }

    static constexpr size_t queries = 40, equal_rows = 60, long_rows = 300;

    DamagedStore& store() { return store_; }
    const Case& of() const { return case_; }
    const MetaData& meta() const { return meta_; }
    AnyVector vector(size_t i) const {
        return AnyVector(case_.options.kind, data_.row(i % data_.rows()), case_.dims);
    }
    // Much longer than the others.
    AnyVector long_vector(size_t i) const {
        AnyVector vector = this->vector(i);
        for (float& x : vector.values) x *= 1000;
        return vector;
    }

  private:
    // As a build of more rows would.
    void make_clusters(TestIndex& index) {
        const uint32_t end = index.store().page_count();
        std::vector<Cluster> clusters;
        std::vector<float> origin(index.encoder().geometry().stored_dims, 0.5f);
        for (uint32_t block = first_free_block(index.layout()); block < end; block += 5)
            clusters.push_back({block, origin.data()});
        write_clusters(index.store(), index.layout(), clusters, end);
    }

    Case case_;
    Data data_;
    std::vector<AnyVector> vectors_;
    DamagedStore store_;
    MetaData meta_;
};

// ----------------------------------------------------------------------- the damage

enum class DamagedPages { all, metapage };

class Damage {
  public:
    Damage(Sound& index, Random& random, DamagedPages pages)
        : store_(index.store()), layout_(index.meta().geometry), random_(random), pages_(pages) {}

    // Some damage, of one kind.
    void add() {
        const bool of_meta = pages_ == DamagedPages::metapage || random_() % 8 == 0;
        const uint32_t block = of_meta ? 0 : any_page();
        uint8_t* const payload = store_.damage(block);
        if (random_() % 2 == 0) {
            bytes(payload);
        } else if (random_() % 6 == 0) {
            whole(payload);
        } else {
            meant(payload, block);
        }
    }

  private:
    size_t below(size_t n) { return random_() % n; }
    uint32_t any_page() { return static_cast<uint32_t>(below(store_.page_count())); }

    uint32_t any_block() {
        switch (below(8)) {
            case 0: return invalid_block;
            case 1: return 0;
            case 2: return invalid_block - 1 - static_cast<uint32_t>(below(3));
            case 3: return store_.page_count() + static_cast<uint32_t>(below(3));
            case 4: return static_cast<uint32_t>(random_());
            default: return any_page();
        }
    }
    Link any_link(uint32_t self) {
        Link link{below(4) == 0 ? self : any_block(),
                  static_cast<uint8_t>(below(3) > 0 ? below(layout_.slots_per_page()) : below(256)), 0};
        // One that leads to a node, mostly.
        if (link.block < store_.page_count() && link.slot < layout_.slots_per_page() && below(4) > 0)
            link.generation =
                ConstNode(layout_, layout_.raw_slot(store_.payload(link.block), link.slot)).head().generation;
        return link;
    }
    float any_float() {
        constexpr float special[] = {NAN, -NAN, INFINITY, -INFINITY, 3e38f, -3e38f, 0, -0.0f, 1e-40f, -1, 1};
        if (below(8) > 0) return special[below(std::size(special))];
        const auto bits = static_cast<uint32_t>(random_());
        float value;
        std::memcpy(&value, &bits, sizeof(value));
        return value;
    }
    template <class T>
    void put(uint8_t* at, T value) {
        std::memcpy(at, &value, sizeof(value));
    }

    void bytes(uint8_t* payload) {
        // Near the beginning of a page there is more that matters.
        const size_t within = below(2) == 0 ? 256 : page_payload_size;
        for (size_t n = 1 + below(8); n > 0; --n) payload[below(within)] = static_cast<uint8_t>(random_());
    }

    void whole(uint8_t* payload) {
        switch (below(4)) {
            case 0: std::memset(payload, below(2) == 0 ? 0 : 0xFF, page_payload_size); break;
            case 1: std::memcpy(payload, store_.payload(any_page()), page_payload_size); break;
            case 2: std::memcpy(store_.damage(any_page()), payload, page_payload_size); break;
            default: page_head(payload).kind = static_cast<PageKind>(below(15)); break;
        }
    }

    void meant(uint8_t* payload, uint32_t block) {
        uint8_t* const body = payload + sizeof(PageHead);
        switch (page_head(payload).kind) {
            case PageKind::meta: return meta(payload);
            case PageKind::nodes: return nodes(payload, block);
            case PageKind::tids:
                return chunk(chunk_at(payload, below(3) > 0 ? below(3) : below(chunks_per_page)), block);
            case PageKind::cluster_map:
            case PageKind::entry_map:
                return put(body + 4 * below(12),
                           below(2) == 0 ? any_block() : static_cast<uint32_t>(below(3000)));
            case PageKind::entries:
                if (below(2) == 0) page_head(payload).reserved = static_cast<uint16_t>(random_());
                return origin_codes<Link>(payload, [&] { return any_link(block); });
            case PageKind::clusters:
            case PageKind::entry_groups: return origin_codes<uint32_t>(payload, [&] { return any_block(); });
            case PageKind::unclustered:
                page_head(payload).reserved2 = static_cast<uint32_t>(below(2));
                return put(body + 8 * below(page_room / 8), random_());
            case PageKind::unplaced: return listed(payload, UnplacedLayout(layout_));
            case PageKind::long_rows: return listed(payload, LongLayout(layout_));
            case PageKind::mean: return put(body + 4 * below(8), any_float());
            default: return put(body + 4 * below(page_room / 4), any_float());
        }
    }

    template <class More, class Make>
    void origin_codes(uint8_t* payload, Make&& make) {
        const OriginCodePage<More> place(layout_.code_bytes());
        for (size_t n = below(3) == 0 ? place.capacity() : 1; n > 0; --n) {
            const size_t i = n > 1 ? n - 1 : below(8);
            if (below(2) == 0)
                place.set_more(payload, i, make());
            else
                put(place.factor(payload, i), static_cast<uint32_t>(below(2) == 0 ? 0x7FC07FC0u : random_()));
        }
    }

    void meta(uint8_t* payload) {
        MetaData& m = meta_of(payload);
        switch (below(18)) {
            case 0: m.entry_point = any_link(1); break;
            case 1: m.entry_level = static_cast<uint8_t>(below(30)); break;
            case 2: m.tid_page = any_block(); break;
            case 3: m.cluster_map = any_block(); break;
            case 4: m.clustered_blocks = any_block(); break;
            case 5: m.entry_map = any_block(); break;
            case 6: m.unplaced = any_block(); break;
            case 7: m.unplaced_room = any_block(); break;
            case 8: m.vacuum_pending = 1; break;
            case 9: m.calibration.length = any_float(); break;
            case 10: m.calibration.log_factor[below(calibration_points)] = any_float(); break;
            case 11: m.removed_nodes = static_cast<uint32_t>(random_()); break;
            case 12: m.mean_block = any_block(); break;
            case 13: m.long_rows = any_block(); break;
            case 14: m.long_room = any_block(); break;
            case 15: m.long_from = any_float(); break;
            case 16: m.misfits = static_cast<uint8_t>(below(4)); break;
            default:
                payload[sizeof(PageHead) + below(sizeof(MetaData))] = static_cast<uint8_t>(random_());
                break;
        }
    }

    // The same of one node, or of all on the page.
    void nodes(uint8_t* payload, uint32_t block) {
        const size_t what = below(19);
        const bool all = below(3) == 0;
        for (size_t s = 0; s < layout_.slots_per_page(); ++s)
            if (all || s == below(layout_.slots_per_page()))
                node(OpenNode(layout_, payload + layout_.slot_offset(s)), block, what);
    }
    void node(const OpenNode& node, uint32_t block, size_t what) {
        NodeHead& head = node.head();
        const size_t i = below(layout_.max_neighbors());
        switch (what) {
            case 0: head.flags = static_cast<uint8_t>(below(5)); break;
            case 1: head.generation = static_cast<uint8_t>(random_()); break;
            case 2: head.level = static_cast<uint8_t>(below(3) > 0 ? below(3) : random_()); break;
            case 3:
                head.degree = static_cast<uint8_t>(below(2) > 0 ? below(layout_.max_neighbors() + 1)
                                                                : random_());
                break;
            case 4: head.tid_count = static_cast<uint8_t>(below(2) > 0 ? below(5) : random_()); break;
            case 5: head.scale = any_float(); break;
            case 6: head.error = any_float(); break;
            case 7: head.norm2 = any_float(); break;
            case 8: head.down = any_link(block); break;
            case 9: head.overflow = any_link(block); break;
            case 10: head.overflow = {any_chunk_page(), static_cast<uint8_t>(below(4)), 0}; break;
            case 11: head.tree_edges_or_epoch = below(2) == 0 ? ~uint64_t{0} : random_(); break;
            case 12: head.tids[below(inline_tids)] = {any_block(), static_cast<uint16_t>(random_())}; break;
            case 13: node.links()[i] = any_link(block); break;
            case 14:
                for (size_t k = 0; k < layout_.max_neighbors(); ++k) node.links()[k] = any_link(block);
                break;
            case 15: factors(node); break;
            case 16: own(node); break;
            case 17: put(node.own(), any_block()); break;  // the number of a sparse vector's elements
            default:
                std::memset(node.codes(), static_cast<int>(random_()),
                            layout_.max_neighbors() * layout_.code_bytes());
                break;
        }
    }
    uint32_t any_chunk_page() {
        for (int tries = 0; tries < 200; ++tries) {
            const uint32_t block = any_page();
            if (page_head(store_.payload(block)).kind == PageKind::tids) return block;
        }
        return any_page();
    }
    void factors(const OpenNode& node) {
        const bool all = below(2) == 0;
        for (size_t k = 0; k < layout_.max_neighbors(); ++k) {
            if (!all && below(4) > 0) continue;
            // Of codes two halves of floats.
            if (layout_.coded())
                put(node.factor(k), static_cast<uint32_t>(below(2) == 0 ? 0x7FC0FF80u : random_()));
            else
                put(node.factor(k), any_float());
        }
    }
    void own(const OpenNode& node) {
        const size_t words = layout_.own_bytes() / 4;
        for (size_t n = 1 + below(8); n > 0 && words > 0; --n)
            put(node.own() + 4 * below(words), below(2) == 0 ? any_float() : static_cast<float>(0));
        if (below(3) == 0) std::memset(node.own(), 0xFF, layout_.own_bytes());
    }

    void chunk(TidChunk& chunk, uint32_t block) {
        switch (below(6)) {
            case 0: chunk.next = {any_chunk_page(), static_cast<uint8_t>(below(4)), 0}; break;
            case 1: chunk.next = any_link(block); break;
            case 2: chunk.used = static_cast<uint8_t>(below(5)); break;
            case 3:
                chunk.count = static_cast<uint8_t>(below(2) == 0 ? below(chunk_tids + 1) : random_());
                break;
            case 4: chunk.owner = any_link(block); break;
            default: chunk.tids[below(chunk_tids)] = {any_block(), static_cast<uint16_t>(random_())}; break;
        }
        if (below(4) == 0) page_head(store_.damage(block)).reserved2 = any_block();
    }

    template <class Layout>
    void listed(uint8_t* payload, const Layout& layout) {
        UnplacedHead& head = Layout::head(payload);
        switch (below(4)) {
            case 0: head.next = any_block(); break;
            case 1: head.next_room = any_block(); break;
            case 2: head.count = static_cast<uint16_t>(random_()); break;
            default:
                put(layout.entry(payload, below(layout.capacity())) + 4 * below(layout.entry_bytes() / 8),
                    random_());
                break;
        }
    }

    DamagedStore& store_;
    NodeLayout layout_;
    Random& random_;
    DamagedPages pages_;
};

}  // namespace vecstore::core
