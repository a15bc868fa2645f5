#include "am/build.hpp"

#include "am/callbacks.hpp"
#include "am/index_state.hpp"
#include "am/level.hpp"
#include "am/opclass.hpp"
#include "core/hnsw/beside/unplaced.hpp"
#include "core/hnsw/build/insert_batch.hpp"
#include "core/hnsw/build/page_order.hpp"
#include "core/io/source/content_hash.hpp"

#include <thread>

extern "C" {
#include "access/tableam.h"
#include "access/xloginsert.h"
#include "catalog/index.h"
#include "catalog/storage.h"
#include "commands/progress.h"
#include "optimizer/optimizer.h"
#include "optimizer/plancat.h"
#include "pgstat.h"
#include "utils/backend_progress.h"
}

namespace vecstore::am {

namespace {

// Of the rotation, where there is nothing to rotate or no random number.
constexpr uint64_t default_seed = 0x76656373746f7265;  // "vecstore"

// Rows of a batch have no entry points among themselves.
constexpr size_t most_batch_rows = 16384;

void progress_param(int index, int64 value) { pgstat_progress_update_param(index, value); }

// An error on the leader joins the threads on its way; what ends the process does not come back here.
class StoppableBuilder final : public core::GraphBuilder, private pg::StoppedAtExit {
  public:
    using core::GraphBuilder::GraphBuilder;

  private:
    void stop_threads() override { stop(); }
};

// While threads are running, no Postgres function may end the process.
class HeldInterrupts {
  public:
    HeldInterrupts() { HOLD_INTERRUPTS(); }
    ~HeldInterrupts() { RESUME_INTERRUPTS(); }
    HeldInterrupts(const HeldInterrupts&) = delete;
    HeldInterrupts& operator=(const HeldInterrupts&) = delete;
};

pg::BufmgrStore::WritePage append_page(pg::BufmgrStore& target, core::PageKind kind, BlockNumber expected) {
    auto page = target.append(kind);
    if (page.block() == expected) return page;
    throw core::Error(core::ErrorCode::internal, "new index has block " + std::to_string(page.block()) +
                                                     " where " + std::to_string(expected) + " was expected");
}

// May raise.
Indexed indexed_by(Relation index) {
    const core::Metric metric = metric_of(index);
    check_filter_columns(index);
    return {metric, column_type(index).kind, static_cast<uint32_t>(dims_of(index)),
            static_cast<uint16_t>(filter_columns(index))};
}

core::StorageMode mode_for(const GraphOptions& options, const Indexed& indexed,
                           const core::DataProfile& profile) {
    using core::StorageMode;
    if (options.storage == storage_plain) return StorageMode::plain;
    const bool of_bits = indexed.kind == core::VectorKind::bit;
    if (of_bits && options.storage != storage_compact) return StorageMode::coded_bits;
    const core::CodesServe codes = core::metric_info(indexed.metric).codes;
    if (indexed.kind == core::VectorKind::sparsevec || codes == core::CodesServe::never) {
        if (options.storage == storage_auto) return StorageMode::plain;
        throw core::Error(
            core::ErrorCode::invalid_parameter,
            std::string("option \"storage\" cannot be \"") +
                (options.storage == storage_default ? "default" : "compact") + "\" for this operator class",
            of_bits ? "Bits have no shorter form." : "Its distances cannot be estimated from codes.",
            "Use \"auto\" or \"plain\".");
    }
    // Inner products of vectors whose norms differ do not follow from L2 distances: they have codes of their
    // own. So do those of an empty table, whose rows may be of any length.
    const bool by_distances = codes != core::CodesServe::of_equal_lengths || profile.equal_norms;
    return by_distances ? StorageMode::coded : StorageMode::coded_products;
}

}  // namespace

core::Geometry geometry_for(const GraphOptions& options, const Indexed& indexed,
                            const core::DataProfile& profile) {
    const core::StorageMode mode = mode_for(options, indexed, profile);
    const bool compact = options.storage == storage_compact;
    return core::choose_geometry({indexed.dims, indexed.metric, mode, compact,
                                  static_cast<uint16_t>(options.m_for(mode, indexed.dims)), indexed.kind,
                                  profile.sparse_elements, indexed.filter_columns,
                                  options.code_bits_for(mode, indexed.dims, compact)});
}

ScanPreload::ScanPreload(GraphSource* source, bool threaded)
    : Preload(source == nullptr ? nullptr : &source->vectors(),
              source == nullptr ? nullptr : &source->graph(), threaded) {}

IndexBuild::IndexBuild(Relation heap, Relation index, IndexInfo* info)
    : heap_(heap), index_(index), info_(info), options_(method_of(index).graph_options(index)) {
    if (options_.ef_construction < 2 * options_.m)
        throw core::Error(core::ErrorCode::invalid_parameter,
                          "ef_construction must be greater than or equal to 2 * m",
                          "ef_construction is " + std::to_string(options_.ef_construction) + ", m is " +
                              std::to_string(options_.m) + ".");
    type_ = pg::pg_call([&] { return &column_type(index); });
    indexed_ = pg::pg_call([&] { return indexed_by(index); });
    if (!pg_strong_random(&seed_, sizeof(seed_))) seed_ = default_seed;
    sample_ = std::make_unique<core::RowSample>(indexed_.kind, indexed_.dims);
    source_ = GraphSource::take(heap, index);
    if (source_ != nullptr) fingerprint_of_ = core::VectorFingerprinter(indexed_.dims);
}

void IndexBuild::run() {
    report(BuildPhase::reading, expected_rows());
    start_preload();
    scan();
    if (!encoder_) begin_encoding();
    if (!store_) {
        build_in_memory(true);
    } else {
        insert_batch();
        core::note_calibration(*store_, *encoder_, insert_memory_->search);
    }
    log_pages(pg::pg_call([&] { return RelationGetNumberOfBlocks(index_); }));
    write_long();
    write_unplaced();
}

void IndexBuild::start_preload() {
    if (source_ != nullptr && source_->file_bytes() > static_cast<size_t>(maintenance_work_mem) * 1024)
        refuse_graph_for_memory();
    preload_ = std::make_unique<ScanPreload>(source_, threads() > 1);
}

void IndexBuild::scan() {
    pg::pg_call([&] {
        auto callback = [](Relation, ItemPointer tid, Datum* values, bool* isnull, bool, void* state) {
            auto* self = static_cast<IndexBuild*>(state);
            const MemoryContext old = MemoryContextSwitchTo(self->row_context_);
            const ColumnValue value = isnull[0] ? ColumnValue{nullptr, 0} : self->type_->read(values[0]);
            core::FilterKey keys[INDEX_MAX_KEYS];
            filter_keys(self->index_, values, isnull, keys);
            const int64_t id = self->source_ != nullptr && !isnull[0] ? self->source_->id_of(values, isnull)
                                                                      : 0;
            const core::HeapTid heap_tid{ItemPointerGetBlockNumber(tid), ItemPointerGetOffsetNumber(tid)};
            pg::guarded([&] {
                if (isnull[0])
                    self->keep_unplaced({heap_tid, core::UnplacedKind::no_vector, 0}, keys);
                else
                    self->add(value, heap_tid, keys, id);
            });
            MemoryContextSwitchTo(old);
            MemoryContextReset(self->row_context_);
        };
        row_context_ = AllocSetContextCreate(CurrentMemoryContext, "vecstore build row",
                                             ALLOCSET_DEFAULT_SIZES);
        // The order of the table may be what tells which row is which: no scan that begins somewhere in the
        // middle.
        const bool any_order = source_ == nullptr;
        if (source_ != nullptr) source_->add_id_column(info_);
        heap_tuples_ = table_index_build_scan(heap_, index_, info_, any_order, true, callback, this, nullptr);
        if (source_ != nullptr) source_->remove_id_column(info_);
        MemoryContextDelete(row_context_);
    });
}

void IndexBuild::add(const ColumnValue& value, const core::HeapTid& tid, const core::FilterKey* keys,
                     int64_t id) {
    check_dims(indexed_.dims, value.dims);
    RowIdentity identity{id, rows_seen_++, 0, {}};
    const bool of_floats = indexed_.kind == core::VectorKind::vector ||
                           indexed_.kind == core::VectorKind::halfvec;
    if (source_ != nullptr && of_floats) {
        identity.content = core::io::hash_row(0, value.raw.values, indexed_.dims);
        identity.fingerprint = fingerprint_of_(value.raw.values);
    }
    if (encoder_) {
        encode(value.raw, tid, keys, identity);
        return;
    }
    sample_->add(value.raw, tid);
    sample_keys_.insert(sample_keys_.end(), keys, keys + indexed_.filter_columns);
    sample_identities_.push_back(identity);
    if (sample_->enough()) begin_encoding();
}

void IndexBuild::begin_encoding() {
    core::DataProfile profile = sample_->profile(indexed_.metric);
    // Are there more long rows than are kept beside the graph? Then codes would have to serve for those, too.
    // (The table may have more of them than the sample, unless that is all of it.)
    const double of_sample = sample_->enough() ? std::max(1.0, static_cast<double>(expected_rows()) /
                                                                   static_cast<double>(profile.rows))
                                               : 1;
    core::Geometry geometry = geometry_for(options_, indexed_, profile);
    const size_t room = core::LongLayout(core::NodeLayout(geometry)).most_rows();
    if (static_cast<double>(profile.long_rows) * of_sample > static_cast<double>(room) / 2) {
        profile.equal_norms = false;
        geometry = geometry_for(options_, indexed_, profile);
    }
    options_.ef_construction = options_.ef_construction_for(geometry.mode, geometry.dims);
    // Inner products would not survive a shift, and an index in plain mode has no use for it.
    if (geometry.mode != core::StorageMode::coded) profile.mean.clear();
    encoder_ = std::make_unique<core::VectorEncoder>(geometry, seed_, std::move(profile.mean));
    rows_ = std::make_unique<core::RowBuffer>(encoder_->layout());
    long_ = std::make_unique<core::LongBuffer>(encoder_->layout(),
                                               core::long_from(profile.high_length, geometry));
    for (size_t i = 0; i < sample_->size(); ++i)
        encode(sample_->raw(i), sample_->tid(i), sample_keys_.data() + i * indexed_.filter_columns,
               sample_identities_[i]);
    sample_.reset();
    sample_keys_ = {};
    sample_identities_ = {};
}

void IndexBuild::encode(const core::RawVector& raw, const core::HeapTid& tid, const core::FilterKey* keys,
                        const RowIdentity& identity) {
    if (!encoder_->indexable(raw)) {
        keep_unplaced({tid, core::UnplacedKind::no_direction, 0}, keys);
        return;
    }
    const core::OwnVector own = encoder_->encode_row(raw, row_);
    const core::NewRow row{
        row_.internal.data(), row_.own_bytes.data(), own, tid, random_level(encoder_->geometry().m), keys};
    ++index_tuples_;
    if (long_->take(row)) return;
    pg::pg_call([&] {
        // There may be more rows than the table is known to have.
        if (index_tuples_ > reported_total_) {
            reported_total_ = index_tuples_;
            progress_param(PROGRESS_CREATEIDX_TUPLES_TOTAL, static_cast<int64>(reported_total_));
        }
        progress_param(PROGRESS_CREATEIDX_TUPLES_DONE, static_cast<int64>(index_tuples_));
    });
    rows_->add(row);
    if (!store_)
        collect(identity);
    else if (rows_->size() >= batch_rows_)
        insert_batch();
}

// A row has been added, of those that may all fit into memory.
void IndexBuild::collect(const RowIdentity& identity) {
    if (source_ != nullptr) identities_.push_back(identity);
    if (source_ != nullptr && exceeds_memory(rows_->size() + 1)) refuse_graph_for_memory();
    if (rows_->size() % 4096 == 0)
        preload_->expect_pages(core::GraphBuilder::pages_for(encoder_->geometry(), rows_->size()));
    if (exceeds_memory(rows_->size() + 1)) begin_inserting();
}

void IndexBuild::begin_inserting() {
    build_in_memory(false);
    rows_ = std::make_unique<core::RowBuffer>(encoder_->layout());
    preload_.reset();
    pg::pg_call([&] {
        ereport(NOTICE,
                (errmsg("%s graph no longer fits into maintenance_work_mem after %zu rows",
                        method_of(index_).name, index_tuples_),
                 errdetail("The other rows of index \"%s\" are inserted page by page, which takes longer.",
                           RelationGetRelationName(index_)),
                 errhint("Increase maintenance_work_mem to speed up builds.")));
    });
    report(BuildPhase::inserting, std::max(expected_rows(), index_tuples_));
    recent_ = std::make_unique<pg::RecentBuffers>(1 << 16);
    store_ = std::make_unique<pg::BufmgrStore>(
        index_, RelationUsesLocalBuffers(index_) ? nullptr : recent_.get(), pg::BufmgrStore::Wal::skip);
    insert_memory_ = std::make_unique<core::InsertMemory>();
    // A quarter of the memory; a half has what the nodes want (write_pages).
    const size_t row_bytes = rows_->bytes_per_row() + sizeof(core::OrderedRow);
    batch_rows_ = std::clamp<size_t>(static_cast<size_t>(maintenance_work_mem) * 1024 / 4 / row_bytes, 1,
                                     most_batch_rows);
}

void IndexBuild::insert_batch() {
    core::BatchInserter<pg::BufmgrStore> inserter(*store_, *encoder_, options_.ef_construction,
                                                  *insert_memory_, needs_.get());
    inserter.insert(*rows_);
    rows_->clear();
}

bool IndexBuild::exceeds_memory(size_t rows) const {
    const size_t pages = core::GraphBuilder::pages_for(encoder_->geometry(), rows);
    const size_t imported = source_ == nullptr ? 0
                                               : rows * (source_->bytes_per_row() + 2 * sizeof(RowIdentity));
    const size_t file = source_ == nullptr ? 0 : source_->file_bytes();
    const size_t order = core::PageOrder::memory(encoder_->layout(),
                                                 pages * encoder_->layout().slots_per_page());
    const size_t waiting = rows_->memory() + rows * sizeof(core::OrderedRow);
    return waiting + pages * BLCKSZ + order + imported + file >
           static_cast<size_t>(maintenance_work_mem) * 1024;
}

// In a file, until the graph's pages are written: there may be any number of them.
void IndexBuild::keep_unplaced(const core::UnplacedRow& row, const core::FilterKey* keys) {
    uint8_t entry[sizeof(row) + INDEX_MAX_KEYS * sizeof(core::FilterKey)];
    const size_t keys_bytes = indexed_.filter_columns * sizeof(core::FilterKey);
    std::memcpy(entry, &row, sizeof(row));
    std::memcpy(entry + sizeof(row), keys, keys_bytes);
    pg::pg_call([&] {
        const MemoryContext old = MemoryContextSwitchTo(context_);
        if (unplaced_ == nullptr) unplaced_ = BufFileCreateTemp(false);
        BufFileWrite(unplaced_, entry, sizeof(row) + keys_bytes);
        MemoryContextSwitchTo(old);
    });
    ++unplaced_rows_;
    ++index_tuples_;
}

// When all other pages are logged: these log themselves, one by one.
void IndexBuild::write_unplaced() {
    if (unplaced_ == nullptr) return;
    pg::BufmgrStore store(index_, nullptr);
    core::UnplacedWriter<pg::BufmgrStore> writer(store, encoder_->layout());
    std::vector<uint8_t> entry(core::UnplacedLayout(encoder_->layout()).entry_bytes());
    pg::pg_call([&] {
        if (BufFileSeek(unplaced_, 0, 0, SEEK_SET) != 0) elog(ERROR, "could not rewind a temporary file");
    });
    for (uint64_t i = 0; i < unplaced_rows_; ++i) {
        if (i % 1024 == 0) pg::check_interrupts();
        pg::pg_call([&] {
            if (BufFileRead(unplaced_, entry.data(), entry.size()) != entry.size())
                elog(ERROR, "could not read a temporary file");
        });
        writer.add(entry.data());
    }
    writer.finish();
    pg::pg_call([&] { BufFileClose(unplaced_); });
    unplaced_ = nullptr;
}

void IndexBuild::write_long() {
    pg::BufmgrStore store(index_, nullptr);
    long_->write(store, encoder_->layout());
}

std::unique_ptr<core::MemStore> IndexBuild::new_store() {
    const core::Geometry& geometry = encoder_->geometry();
    auto store = std::make_unique<core::MemStore>(core::GraphBuilder::pages_for(geometry, rows_->size()),
                                                  &preload_->memory());
    core::create_index_pages(*store, geometry, seed_, static_cast<uint16_t>(options_.ef_construction),
                             encoder_->mean(), long_->from());
    return store;
}

size_t IndexBuild::threads() const {
    const size_t cores = std::max(1u, std::thread::hardware_concurrency());
    return std::min<size_t>(cores, max_parallel_maintenance_workers + 1);
}

// f(builder, progress)
template <class F>
void IndexBuild::with_builder(core::MemStore& store, F&& f) {
    preload_->stop();  // its core is needed
    StoppableBuilder builder(*encoder_, {static_cast<size_t>(options_.ef_construction), threads()});
    pg::pg_call([&] {
        ereport(DEBUG1, (errmsg_internal("using %d parallel workers", static_cast<int>(threads()) - 1)));
    });
    f(builder, [&](size_t done) {
        pg::check_interrupts();
        extend_index(store);
        progress_param(PROGRESS_CREATEIDX_TUPLES_DONE, static_cast<int64>(done));
    });
}

// is_all: no row comes after those.
void IndexBuild::build_in_memory(bool is_all) {
    auto store = new_store();
    const bool refused = source_ != nullptr && !import_graph(*store);
    if (refused) store = new_store();
    core::NeedMap needs(0);
    if (source_ == nullptr) {
        report(BuildPhase::graph, rows_->size());
        with_builder(*store, [&](core::GraphBuilder& builder, auto progress) {
            builder.build(*rows_, *store, progress);
            needs = builder.take_needs();
        });
    }
    write_pages(*store, needs, is_all);
}

// The graph of source_, where it is one of the table's rows. False: the store is to be thrown away.
bool IndexBuild::import_graph(core::MemStore& store) {
    report(BuildPhase::importing, rows_->size());
    std::vector<uint64_t> content;
    for (const RowIdentity& identity : identities_) content.push_back(identity.content);
    core::GraphMatch match = match_graph(content);
    if (match.misfit.empty() && rows_->size() > 0) {
        const core::RowGraph graph(match.graph, *rows_, content, [] { pg::check_interrupts(); });
        match.graph = {};
        bool imported = graph.cut_off() <= rows_->size() / 10;
        if (imported)
            with_builder(store, [&](core::GraphBuilder& builder, auto progress) {
                imported = builder.import_graph(*rows_, graph, store, progress);
            });
        if (!imported) match.misfit = "it is not connected";
    }
    if (!match.misfit.empty()) {
        refuse_graph(match.misfit, match.hint);
        return false;
    }
    source_->imported({match.matched, rows_->size() - match.matched, match.without_row});
    return true;
}

core::GraphMatch IndexBuild::match_graph(const std::vector<uint64_t>& content) {
    std::vector<core::RowIds> ids;
    if (source_->has_ids()) ids.push_back({"ids", {}, false});
    ids.push_back({"the order of the rows", {}, true});
    for (core::RowIds& one : ids)
        for (const RowIdentity& identity : identities_)
            one.ids.push_back(one.by_position ? identity.number : identity.id);
    std::vector<core::VectorFingerprint> fingerprints;
    fingerprints.reserve(identities_.size());
    for (const RowIdentity& identity : identities_) fingerprints.push_back(identity.fingerprint);
    try {
        const auto nodes = [&] { return preload_->take_nodes([] { pg::check_interrupts(); }); };
        return core::match_graph({source_->vectors(), source_->graph().info(), nodes, *rows_, *encoder_,
                                  std::move(ids), content, fingerprints, [] { pg::check_interrupts(); }});
    } catch (const core::Error& error) {
        core::GraphMatch match;
        match.misfit = error.message();
        return match;
    }
}

void IndexBuild::refuse_graph(const std::string& reason, const std::string& hint) {
    source_->refuse(reason, hint);
    source_ = nullptr;
    identities_ = {};
    if (preload_) preload_->forget_file();
}

void IndexBuild::refuse_graph_for_memory() {
    refuse_graph("index and graph need more memory than maintenance_work_mem allows",
                 "Increase maintenance_work_mem.");
}

// Appends some of the pages that the store has by now, still empty. Called while threads build: finding a
// buffer and a place in the file for a page takes longer than copying it.
void IndexBuild::extend_index(core::MemStore& store) {
    constexpr BlockNumber at_once = 128;
    // A page that would have to leave shared buffers again, to be read once more, is no gain.
    const auto most = static_cast<BlockNumber>(NBuffers / 4);
    const BlockNumber end = std::min({store.page_count(), extended_to_ + at_once, most});
    if (extended_to_ >= end || RelationUsesLocalBuffers(index_)) return;
    pg::BufmgrStore target(index_, nullptr, pg::BufmgrStore::Wal::skip);
    const HeldInterrupts held;
    for (; extended_to_ < end; ++extended_to_)
        append_page(target, core::PageKind::unused, extended_to_).commit();
}

// needs: of the store's nodes, where rows are to follow.
void IndexBuild::write_pages(core::MemStore& store, core::NeedMap& needs, bool is_all) {
    report(BuildPhase::writing, store.page_count());
    pg::BufmgrStore target(index_, nullptr, pg::BufmgrStore::Wal::skip);
    const core::PageOrder order(store, *encoder_, [] { pg::check_interrupts(); });
    // With them a row is inserted in four fifths of the time. Half of the memory that the build may take
    // holds those of all nodes but of the smallest.
    if (!is_all) {
        const size_t most = static_cast<size_t>(maintenance_work_mem) * 1024 / 2 /
                            (sizeof(uint64_t) * needs.words());
        needs_ = std::make_unique<core::NeedMap>(order.moved(needs, most));
    }
    if (extended_to_ > store.page_count()) pg::pg_call([&] { RelationTruncate(index_, store.page_count()); });
    for (uint32_t block = 0; block < store.page_count(); ++block) {
        pg::check_interrupts();
        auto page = block < extended_to_
                        ? target.write(block)
                        : append_page(target, core::page_head(store.payload(block)).kind, block);
        const size_t used = order.copy_page(block, page.modify());
        page.commit(used);
        // As long as the pages are in the CPU's cache.
        if (is_all && (block + 1) % XLR_MAX_BLOCK_ID == 0) log_pages(block + 1);
    }
}

// Pages that were not logged yet, up to this block: a record for each once it is what it will be, instead of
// one for each change.
void IndexBuild::log_pages(BlockNumber end) {
    pg::pg_call([&] {
        if (RelationNeedsWAL(index_) && logged_to_ < end)
            log_newpage_range(index_, MAIN_FORKNUM, logged_to_, end, true);
    });
    logged_to_ = end;
}

// As the planner estimates them.
size_t IndexBuild::expected_rows() const {
    return pg::pg_call([&] {
        BlockNumber pages;
        double rows, all_visible;
        estimate_rel_size(heap_, nullptr, &pages, &rows, &all_visible);
        return static_cast<size_t>(Max(rows, 0));
    });
}

void IndexBuild::report(BuildPhase phase, size_t total) {
    pg::pg_call([&] {
        progress_param(PROGRESS_CREATEIDX_SUBPHASE, static_cast<int64>(phase));
        if (total > 0) {
            reported_total_ = total;
            progress_param(PROGRESS_CREATEIDX_TUPLES_TOTAL, static_cast<int64>(total));
        }
        progress_param(PROGRESS_CREATEIDX_TUPLES_DONE, 0);
    });
}

IndexBuildResult* build(Relation heap, Relation index, IndexInfo* info) {
    double heap_tuples, index_tuples;
    forget_index_state(index);
    {
        IndexBuild work(heap, index, info);
        work.run();
        heap_tuples = work.heap_tuples();
        index_tuples = work.index_tuples();
    }
    auto* result = static_cast<IndexBuildResult*>(palloc(sizeof(IndexBuildResult)));
    result->heap_tuples = heap_tuples;
    result->index_tuples = index_tuples;
    return result;
}

void build_empty(Relation index) {
    const GraphOptions options = method_of(index).graph_options(index);
    const Indexed indexed = indexed_by(index);
    pg::BufmgrStore store(index, nullptr, pg::BufmgrStore::Wal::skip, INIT_FORKNUM);
    const core::DataProfile unknown = core::RowSample(indexed.kind, indexed.dims).profile(indexed.metric);
    const core::Geometry geometry = geometry_for(options, indexed, unknown);
    core::create_index_pages(store, geometry, default_seed,
                             static_cast<uint16_t>(options.ef_construction_for(geometry.mode, geometry.dims)),
                             {});
    pg::pg_call([&] {
        log_newpage_range(index, INIT_FORKNUM, 0, RelationGetNumberOfBlocksInFork(index, INIT_FORKNUM), true);
    });
}

}  // namespace vecstore::am
