// Building a graph in memory from many rows at once.
//
// Rows are collected encoded, then inserted in an order that keeps neighbors in space neighbors in time:
// the nodes of level 1 and above first, of which entry points are made (entry_table_layout.hpp), then every
// other row sorted by the entry point nearest to it, those one after the other that are near each other. The
// search of each insertion starts from the nearest entry points and stays in the CPU's cache, and pages laid
// out in that order are read together later.
#pragma once

#include <atomic>
#include <exception>
#include <functional>
#include <memory>
#include <mutex>
#include <thread>
#include <vector>

#include "core/base/quiet_thread.hpp"
#include "core/hnsw/build/row_order.hpp"
#include "core/storage/features.hpp"
#include "core/storage/mem_store.hpp"

namespace vecstore::core {

// Level of a new node: floor(-ln(u) / ln(m)) for u uniform in (0, 1].
uint8_t draw_level(double u, uint16_t m);

struct BuildOptions {
    size_t ef_construction;
    size_t threads = 1;
};

// Writes the metapage and the mean's pages: what every index starts with. Returns the metapage's content.
template <class Store>
void create_index_pages(Store& store, const Geometry& geometry, uint64_t seed, uint16_t ef_construction,
                        const std::vector<float>& mean, float long_from = 0) {
    const NodeLayout layout(geometry);
    MetaData meta{};
    meta.magic = format_magic;
    add_features(meta, read_features_of(geometry), keeps_all_rows | keeps_fingerprints);
    meta.geometry = geometry;
    meta.seed = seed;
    meta.ef_construction = ef_construction;
    meta.entry_point = Link{};
    meta.mean_block = mean.empty() ? invalid_block : first_free_block(layout);
    meta.mean_pages = static_cast<uint32_t>((mean.size() + floats_per_mean_page - 1) / floats_per_mean_page);
    meta.tid_page = invalid_block;
    meta.keeps_unplaced = 1;
    meta.long_from = long_from;
    auto page = store.append(PageKind::meta);
    meta_of(page.modify()) = meta;
    page.commit(sizeof(PageHead) + sizeof(MetaData));
    for (size_t done = 0; done < mean.size(); done += floats_per_mean_page) {
        const size_t n = std::min(floats_per_mean_page, mean.size() - done);
        auto mean_page = append_page(store, layout, PageKind::mean);
        std::memcpy(mean_page.modify() + sizeof(PageHead), &mean[done], n * sizeof(float));
        mean_page.commit(sizeof(PageHead) + n * sizeof(float));
    }
}

class RowGraph;

class GraphBuilder {
  public:
    GraphBuilder(const VectorEncoder& encoder, const BuildOptions& options)
        : encoder_(encoder), options_(options) {}
    GraphBuilder(const GraphBuilder&) = delete;
    GraphBuilder& operator=(const GraphBuilder&) = delete;
    ~GraphBuilder() { stop(); }

    // Ends the other threads, whatever they are at: from `progress`, when it will not return. Nothing can be
    // built any more.
    void stop() {
        cancelled_ = true;
        join_threads();
    }

    // Pages that `rows` rows may need, the metapage and some slack included.
    static size_t pages_for(const Geometry& geometry, size_t rows);

    // Inserts all rows. May be called from one thread; starts options.threads - 1 others, which run nothing
    // but this library's pure code. `progress(done)` is called on the calling thread, about once a row, and
    // may throw to cancel.
    void build(const RowBuffer& rows, MemStore& store, const std::function<void(size_t)>& progress);

    // Which neighbors the nodes that were built want, for inserts that follow. To be taken once.
    NeedMap take_needs() { return std::move(needs_); }

    // The same, but neighbors on level 0 are chosen among those of `graph` instead of searched for
    // (import_graph.cpp). False: the graph leaves the rows unconnected, and the store is to be thrown away.
    bool import_graph(const RowBuffer& rows, const RowGraph& graph, MemStore& store,
                      const std::function<void(size_t)>& progress);

  private:
    struct GraphImport;

    void begin(MemStore& store, const std::function<void(size_t)>& progress);
    void insert_all(const RowBuffer& rows, MemStore& store, const std::vector<OrderedRow>& order);
    // The same with another `insert(inserter, new_row, ordered_row)`.
    template <class Insert>
    void insert_all(const RowBuffer& rows, MemStore& store, const std::vector<OrderedRow>& order,
                    Insert&& insert);
    void place_bottom(GraphImport& work);
    void link_bottom(GraphImport& work);
    bool join_tree(GraphImport& work);
    void insert_rest(GraphImport& work);
    // The last steps: see in_degree.hpp and beam_calibration.hpp.
    void finish(MemStore& store);
    // Makes entry points of the nodes of level 1. Returns the places of their slots on level 0, by slot_id(),
    // in an order in which those near each other come together.
    std::vector<uint32_t> set_entries(MemStore& store);
    // Finds the nodes of level 1 nearest to each row and sorts the rows by the nearest one's place.
    void sort_by_nearest(const RowBuffer& rows, MemStore& store, std::vector<OrderedRow>& order);

    // Runs work(i) for all i below n on all threads; every thread makes a `work` of its own by make_worker().
    template <class MakeWorker>
    void in_parallel(size_t n, MakeWorker&& make_worker);
    void join_threads() {
        for (std::thread& t : threads_) t.join();
        threads_.clear();
    }

    const VectorEncoder& encoder_;
    BuildOptions options_;
    NeedMap needs_{0};
    std::function<void(size_t)> progress_;
    std::atomic<size_t> done_{0};
    std::atomic<bool> cancelled_{false};
    std::vector<std::thread> threads_;  // all but the calling one, while it is in in_parallel()
};

template <class Insert>
void GraphBuilder::insert_all(const RowBuffer& rows, MemStore& store, const std::vector<OrderedRow>& order,
                              Insert&& insert) {
    struct Worker {
        Worker(const VectorEncoder& encoder, MemStore& store, size_t ef_construction, NeedMap& needs)
            : inserter(store, encoder, ef_construction, memory, &needs),
              internal(encoder.geometry().stored_dims) {}
        InsertMemory memory;
        Inserter<MemStore> inserter;
        std::vector<float> internal;
    };
    in_parallel(order.size(), [&] {
        auto worker = std::make_unique<Worker>(encoder_, store, options_.ef_construction, needs_);
        return [&, w = std::move(worker)](size_t i) {
            const size_t row = order[i].row;
            encoder_.decode(rows.own_bytes(row), rows.own(row).scale, w->internal.data());
            insert(w->inserter, rows.row(row, w->internal.data()), order[i]);
            done_.fetch_add(1, std::memory_order_relaxed);
        };
    });
}

template <class MakeWorker>
void GraphBuilder::in_parallel(size_t n, MakeWorker&& make_worker) {
    constexpr size_t grain = 64;
    std::atomic<size_t> next{0};
    std::exception_ptr failure;
    std::mutex failure_mutex;
    auto run = [&](bool leader) {
        try {
            auto work = make_worker();
            for (;;) {
                const size_t begin = next.fetch_add(grain);
                if (begin >= n) return;
                for (size_t i = begin; i < std::min(n, begin + grain); ++i) {
                    // A row may take milliseconds: nobody waits for more than one of them.
                    if (cancelled_.load(std::memory_order_relaxed)) return;
                    work(i);
                    if (leader) progress_(done_.load(std::memory_order_relaxed));
                }
            }
        } catch (...) {
            std::lock_guard<std::mutex> guard(failure_mutex);
            if (!failure) failure = std::current_exception();
            cancelled_ = true;
        }
    };
    threads_.reserve(options_.threads);
    for (size_t i = 1; i < options_.threads && n > 4 * grain; ++i) {
        try {
            threads_.push_back(quiet_thread([&] { run(false); }));
        } catch (...) {
            break;  // no memory, or no more threads to be had: those there are do the work
        }
    }
    run(true);
    join_threads();
    if (failure) std::rethrow_exception(failure);
}

}  // namespace vecstore::core
