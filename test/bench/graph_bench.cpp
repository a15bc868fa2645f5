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
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <random>
#include <string>
#include <vector>

#include "core/hnsw/beside/long_rows.hpp"
#include "core/hnsw/build/builder.hpp"
#include "core/hnsw/build/page_order.hpp"
#include "core/hnsw/scan/ordered_scan.hpp"
#include "core/hnsw/space/row_sample.hpp"
#include "core/storage/mem_store.hpp"

using namespace vecstore::core;

namespace {

constexpr uint16_t m = 16, ef_construction = 64;
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

struct Vectors {
    size_t rows = 0, dims = 0;
    std::vector<float> values;
    const float* row(size_t i) const { return &values[i * dims]; }
};

// Of a C-ordered float32 array of two dimensions (format 1.0 of NumPy).
Vectors read_npy(const char* path, size_t most) {
    std::FILE* const file = std::fopen(path, "rb");
    if (file == nullptr) give_up(std::string("cannot open ") + path);
    unsigned char begin[10];
    if (std::fread(begin, 1, sizeof(begin), file) != sizeof(begin) || std::memcmp(begin, "\x93NUMPY", 6) != 0)
        give_up(std::string(path) + " is no .npy file");
    std::string header(begin[8] + 256 * begin[9], ' ');
    if (std::fread(header.data(), 1, header.size(), file) != header.size() ||
        header.find("'<f4'") == std::string::npos || header.find("False") == std::string::npos)
        give_up(std::string(path) + " is not of float32 in C order");
    Vectors v;
    const size_t shape = header.find("'shape': (");
    if (std::sscanf(&header[shape], "'shape': (%zu, %zu", &v.rows, &v.dims) != 2)
        give_up(std::string(path) + " has not two dimensions");
    if (most > 0) v.rows = std::min(v.rows, most);
    v.values.resize(v.rows * v.dims);
    if (std::fread(v.values.data(), sizeof(float), v.values.size(), file) != v.values.size())
        give_up(std::string(path) + " ends early");
    std::fclose(file);
    return v;
}

HeapTid tid_of(size_t row) {
    return {static_cast<uint32_t>(row / 100), static_cast<uint16_t>(row % 100 + 1)};
}
size_t row_of(const HeapTid& tid) { return tid.block * size_t{100} + tid.offset - 1; }

// As the operator has it.
double distance_of(Metric metric, const float* a, const float* b, size_t dims) {
    double l2 = 0, dot = 0, aa = 0, bb = 0;
    for (size_t i = 0; i < dims; ++i) {
        l2 += (static_cast<double>(a[i]) - b[i]) * (static_cast<double>(a[i]) - b[i]);
        dot += static_cast<double>(a[i]) * b[i];
        aa += static_cast<double>(a[i]) * a[i];
        bb += static_cast<double>(b[i]) * b[i];
    }
    if (metric == Metric::l2) return std::sqrt(l2);
    return metric == Metric::cosine ? 1 - dot / std::sqrt(aa * bb) : -dot;
}

class Bench {
  public:
    Bench(const Vectors& base, Metric metric, uint32_t bits) : base_(base), metric_(metric) {
        RowSample sample(VectorKind::vector, static_cast<uint32_t>(base.dims));
        for (size_t i = 0; i < base.rows && !sample.enough(); ++i)
            sample.add(RawVector(base.row(i)), tid_of(i));
        DataProfile profile = sample.profile(metric);
        const bool products = metric == Metric::inner_product && !profile.equal_norms;
        if (products) profile.mean.clear();
        mean_ = profile.mean;
        GeometryRequest request{static_cast<uint32_t>(base.dims), metric,
                                products ? StorageMode::coded_products : StorageMode::coded, false, m};
        request.code_bits = bits;
        encoder_ = std::make_unique<VectorEncoder>(choose_geometry(request), 42, mean_);
        long_from_ = long_from(profile.high_length, encoder_->geometry());
    }

    void build() {
        double began = cpu_seconds();
        const NodeLayout& layout = encoder_->layout();
        RowBuffer rows(layout);
        LongBuffer beside(layout, long_from_);
        std::mt19937_64 random(1);
        for (size_t i = 0; i < base_.rows; ++i) {
            RowMemory encoded;
            const OwnVector own = encoder_->encode_row(RawVector(base_.row(i)), encoded);
            const double drawn = std::uniform_real_distribution<double>(0.0, 1.0)(random);
            const NewRow row{nullptr,   encoded.own_bytes.data(), own,
                             tid_of(i), draw_level(1 - drawn, m), nullptr};
            if (!beside.take(row)) rows.add(row);
        }
        const double encoding = cpu_seconds() - began;
        began = cpu_seconds();
        MemStore built(most_pages);
        create_index_pages(built, encoder_->geometry(), 42, ef_construction, mean_, long_from_);
        GraphBuilder(*encoder_, {ef_construction, 1}).build(rows, built, [](size_t) {});
        beside.write(built, layout);
        const double building = cpu_seconds() - began;
        began = cpu_seconds();
        const PageOrder order(built, *encoder_, [] {});
        store_ = std::make_unique<MemStore>(most_pages);
        create_index_pages(*store_, encoder_->geometry(), 42, ef_construction, mean_, long_from_);
        for (uint32_t block = 0; block < built.page_count(); ++block) {
            auto page = block < store_->page_count() ? store_->write(block)
                                                     : store_->append(PageKind::unused);
            page.commit(order.copy_page(block, page.modify()));
        }
        const double rows_built = static_cast<double>(base_.rows);
        std::printf(
            "encoding %.2f s, building %.2f s (%.1f us a row), ordering %.2f s; %u pages, %.0f bytes a row, "
            "%u bits, %zu neighbors\n",
            encoding, building, 1e6 * building / rows_built, cpu_seconds() - began, built.page_count(),
            8192.0 * built.page_count() / rows_built, encoder_->geometry().code_bits(),
            layout.max_neighbors());
        std::fflush(stdout);
    }

    void ask(const Vectors& queries, size_t ef_search) {
        if (truth_.empty()) find_truth(queries);
        ScanMemory memory;
        size_t found = 0;
        uint64_t visits = 0;
        double best = 1e30;
        for (int round = 0; round < 3; ++round) {
            found = visits = 0;
            double spent = 0;
            for (size_t q = 0; q < queries.rows; ++q) {
                const double began = cpu_seconds();
                const std::vector<size_t> rows = scan(queries.row(q), ef_search, memory, visits);
                spent += cpu_seconds() - began;
                for (const size_t row : rows)
                    found += std::count(truth_[q].begin(), truth_[q].end(), row) > 0;
            }
            best = std::min(best, spent);
        }
        const double asked = static_cast<double>(queries.rows);
        std::printf("ef_search %4zu: recall %.4f, %6.1f visits, %7.1f us\n", ef_search,
                    static_cast<double>(found) / (asked * nearest), static_cast<double>(visits) / asked,
                    1e6 * best / asked);
        std::fflush(stdout);
    }

  private:
    std::vector<size_t> scan(const float* vector, size_t ef_search, ScanMemory& memory, uint64_t& visits) {
        const RawVector query(vector);
        ScanOptions options;
        options.ef_search = ef_search;
        Query prepared;
        options.strict_order &= prepared.prepare_scan(*encoder_, &query, typical_length(*store_, *encoder_));
        OrderedScan<MemStore> scan(*store_, *encoder_, prepared, memory, options);
        std::vector<size_t> rows;
        const auto rerank = [&](const HeapTid& tid) {
            return Reranked{true, distance_of(metric_, vector, base_.row(row_of(tid)), base_.dims)};
        };
        HeapTid tid;
        while (rows.size() < nearest && scan.next(rerank, tid)) rows.push_back(row_of(tid));
        visits += scan.visits();
        return rows;
    }

    void find_truth(const Vectors& queries) {
        std::vector<std::pair<double, size_t>> all(base_.rows);
        for (size_t q = 0; q < queries.rows; ++q) {
            for (size_t i = 0; i < base_.rows; ++i)
                all[i] = {distance_of(metric_, queries.row(q), base_.row(i), base_.dims), i};
            std::partial_sort(all.begin(), all.begin() + nearest, all.end());
            auto& truth = truth_.emplace_back();
            for (size_t i = 0; i < nearest; ++i) truth.push_back(all[i].second);
        }
    }

    const Vectors& base_;
    Metric metric_;
    std::vector<float> mean_;
    std::unique_ptr<VectorEncoder> encoder_;
    float long_from_ = 0;
    std::unique_ptr<MemStore> store_;
    std::vector<std::vector<size_t>> truth_;
};

}  // namespace

int main(int argc, char** argv) {
    if (argc < 3) give_up("arguments: BASE.npy QUERY.npy [rows [l2|cosine|ip [bits]]]");
    const Vectors base = read_npy(argv[1], argc > 3 ? std::strtoul(argv[3], nullptr, 10) : 0);
    const Vectors queries = read_npy(argv[2], 1000);
    if (base.dims != queries.dims || base.rows < nearest) give_up("the arrays do not go together");
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
