// The costs of the graph itself, without a server: graph_bench BASE.npy QUERY.npy [rows [metric [bits]]].
//
// BASE and QUERY: float32 arrays of vectors. metric: l2, cosine or ip. bits: of a component of a neighbor's
// code (GeometryRequest), 0: as the server chooses. It builds an index of the first `rows` of them (0: all)
// in memory on one thread, with m 16 and ef_construction 64, and prints
//   the CPU time of encoding and of building, pages, bytes a row, bits, neighbors a node;
//   for each ef_search: recall@10, visits and CPU time a query.
// CPU time is what a busy machine disturbs least. VECSTORE_BENCH_BUILD_ONLY=N builds N times and asks
// nothing.
#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <string>
#include <vector>

#include "core/hnsw/space/row_sample.hpp"
#include "hnsw_graph.hpp"

using namespace vecstore::core;

namespace {

constexpr size_t nearest = 10, most_pages = size_t{1} << 22;

double cpu_seconds() {
    timespec now;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
    return static_cast<double>(now.tv_sec) + 1e-9 * static_cast<double>(now.tv_nsec);
}

[[noreturn]] void give_up(const std::string& why) {
    std::fprintf(stderr, "graph_bench: %s\n", why.c_str());
    std::exit(1);
}

// Of a C-ordered float32 array of two dimensions (format 1.0 of NumPy).
Data read_npy(const char* path, size_t most) {
    std::FILE* const file = std::fopen(path, "rb");
    if (file == nullptr) give_up(std::string("cannot open ") + path);
    unsigned char begin[10];
    if (std::fread(begin, 1, sizeof(begin), file) != sizeof(begin) || std::memcmp(begin, "\x93NUMPY", 6) != 0)
        give_up(std::string(path) + " is no .npy file");
    std::string header(begin[8] + 256 * begin[9], ' ');
    if (std::fread(header.data(), 1, header.size(), file) != header.size() ||
        header.find("'<f4'") == std::string::npos || header.find("False") == std::string::npos)
        give_up(std::string(path) + " is not of float32 in C order");
    Data data{};
    size_t rows;
    const size_t shape = header.find("'shape': (");
    if (std::sscanf(&header[shape], "'shape': (%zu, %zu", &rows, &data.dims) != 2)
        give_up(std::string(path) + " has not two dimensions");
    if (most > 0) rows = std::min(rows, most);
    data.values.resize(rows * data.dims);
    if (std::fread(data.values.data(), sizeof(float), data.values.size(), file) != data.values.size())
        give_up(std::string(path) + " ends early");
    std::fclose(file);
    return data;
}

class Bench {
  public:
    Bench(const Data& base, Metric metric, uint32_t bits) : base_(base) {
        RowSample sample(VectorKind::vector, static_cast<uint32_t>(base.dims));
        for (size_t i = 0; i < base.rows() && !sample.enough(); ++i)
            sample.add(RawVector(base.row(i)), TestIndex::tid_of(i));
        const DataProfile profile = sample.profile(metric);
        const bool products = metric == Metric::inner_product && !profile.equal_norms;
        options_.metric = metric;
        options_.mode = products ? StorageMode::coded_products : StorageMode::coded;
        if (!products) options_.mean = profile.mean;
        options_.high_length = profile.high_length;
        options_.code_bits = bits;
    }

    void build() {
        double began = cpu_seconds();
        TestIndex built(base_.dims, options_, most_pages);
        LongBuffer beside(built.layout(), built.meta().long_from);
        const RowBuffer rows = built.encode(base_, &beside);
        const double encoding = cpu_seconds() - began;
        began = cpu_seconds();
        GraphBuilder(built.encoder(), {options_.ef_construction, 1}).build(rows, built.store(), [](size_t) {
        });
        beside.write(built.store(), built.layout());
        const double building = cpu_seconds() - began;
        began = cpu_seconds();
        const PageOrder order(built.store(), built.encoder(), [] {});
        index_ = std::make_unique<TestIndex>(base_.dims, options_, most_pages);
        MemStore& store = index_->store();
        const uint32_t pages = built.store().page_count();
        for (uint32_t block = 0; block < pages; ++block) {
            auto page = block < store.page_count() ? store.write(block) : store.append(PageKind::unused);
            page.commit(order.copy_page(block, page.modify()));
        }
        const double rows_built = static_cast<double>(base_.rows());
        std::printf(
            "encoding %.2f s, building %.2f s (%.1f us a row), ordering %.2f s; %u pages, %.0f bytes a row, "
            "%u bits, %zu neighbors\n",
            encoding, building, 1e6 * building / rows_built, cpu_seconds() - began, pages,
            8192.0 * pages / rows_built, built.encoder().geometry().code_bits(),
            built.layout().max_neighbors());
        std::fflush(stdout);
    }

    void ask(const Data& queries, size_t ef_search) {
        if (truth_.empty()) find_truth(queries);
        ScanMemory memory;
        size_t found = 0;
        uint64_t visits = 0;
        double best = 1e30;
        for (int round = 0; round < 3; ++round) {
            found = visits = 0;
            double spent = 0;
            for (size_t q = 0; q < queries.rows(); ++q) {
                const double began = cpu_seconds();
                const std::vector<size_t> rows = scan(queries.row(q), ef_search, memory, visits);
                spent += cpu_seconds() - began;
                for (const size_t row : rows)
                    found += std::count(truth_[q].begin(), truth_[q].end(), row) > 0;
            }
            best = std::min(best, spent);
        }
        const double asked = static_cast<double>(queries.rows());
        std::printf("ef_search %4zu: recall %.4f, %6.1f visits, %7.1f us\n", ef_search,
                    static_cast<double>(found) / (asked * nearest), static_cast<double>(visits) / asked,
                    1e6 * best / asked);
        std::fflush(stdout);
    }

  private:
    // (As TestIndex::scan, with memory that outlives it, as a server's does.)
    std::vector<size_t> scan(const float* vector, size_t ef_search, ScanMemory& memory, uint64_t& visits) {
        const RawVector query(vector);
        MemStore& store = index_->store();
        const VectorEncoder& encoder = index_->encoder();
        ScanOptions options;
        options.ef_search = ef_search;
        Query prepared;
        options.strict_order &= prepared.prepare_scan(encoder, &query, typical_length(store, encoder));
        OrderedScan<MemStore> scan(store, encoder, prepared, memory, options);
        std::vector<size_t> rows;
        const auto rerank = [&](const HeapTid& tid) {
            return Reranked{true, distance(vector, TestIndex::row_of(tid))};
        };
        HeapTid tid;
        while (rows.size() < nearest && scan.next(rerank, tid)) rows.push_back(TestIndex::row_of(tid));
        visits += scan.visits();
        return rows;
    }

    double distance(const float* query, size_t row) const {
        return true_distance(options_.metric, query, base_.row(row), base_.dims);
    }

    void find_truth(const Data& queries) {
        std::vector<std::pair<double, size_t>> all(base_.rows());
        for (size_t q = 0; q < queries.rows(); ++q) {
            for (size_t i = 0; i < all.size(); ++i) all[i] = {distance(queries.row(q), i), i};
            std::partial_sort(all.begin(), all.begin() + nearest, all.end());
            auto& truth = truth_.emplace_back();
            for (size_t i = 0; i < nearest; ++i) truth.push_back(all[i].second);
        }
    }

    const Data& base_;
    IndexOptions options_;
    std::unique_ptr<TestIndex> index_;
    std::vector<std::vector<size_t>> truth_;
};

}  // namespace

int main(int argc, char** argv) {
    if (argc < 3) give_up("arguments: BASE.npy QUERY.npy [rows [l2|cosine|ip [bits]]]");
    const Data base = read_npy(argv[1], argc > 3 ? std::strtoul(argv[3], nullptr, 10) : 0);
    const Data queries = read_npy(argv[2], 1000);
    if (base.dims != queries.dims || base.rows() < nearest) give_up("the arrays do not go together");
    const std::string name = argc > 4 ? argv[4] : "cosine";
    if (name != "l2" && name != "cosine" && name != "ip") give_up("no metric \"" + name + "\"");
    const Metric metric = name == "l2" ? Metric::l2 : name == "ip" ? Metric::inner_product : Metric::cosine;
    Bench bench(base, metric, argc > 5 ? static_cast<uint32_t>(std::strtoul(argv[5], nullptr, 10)) : 0);
    const char* const only = std::getenv("VECSTORE_BENCH_BUILD_ONLY");
    for (int times = only != nullptr ? std::atoi(only) : 1; times > 0; --times) bench.build();
    if (only != nullptr) return 0;
    for (const size_t ef_search : {20, 40, 80, 160, 320}) bench.ask(queries, ef_search);
    return 0;
}
