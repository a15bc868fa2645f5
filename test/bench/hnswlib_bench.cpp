// hnswlib, the in-memory library, on the bench's data: the figure to beat. One thread for queries.
//
//   g++ -O3 -march=native -std=c++17 test/bench/hnswlib_bench.cpp -o /tmp/hnswlib_bench -lpthread
//   /tmp/hnswlib_bench BASE.npy QUERY.npy NEIGHBORS.npy [l2|ip] [M] [EF_CONSTRUCTION] [THREADS to build]
//
// Files: float32, float32, int32 (queries x at least 10 exact neighbors), C order. Prints one JSON object.
#include <hnswlib/hnswlib.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>
#include <thread>
#include <vector>

namespace {

struct Matrix {
    size_t rows = 0, columns = 0;
    std::vector<char> bytes;
    const float* row(size_t i) const { return reinterpret_cast<const float*>(bytes.data()) + i * columns; }
    const int32_t* ids(size_t i) const {
        return reinterpret_cast<const int32_t*>(bytes.data()) + i * columns;
    }
};

Matrix load(const char* path) {
    FILE* file = std::fopen(path, "rb");
    unsigned char head[10];
    if (file == nullptr || std::fread(head, 1, 10, file) != 10) {
        std::fprintf(stderr, "cannot read %s\n", path);
        std::exit(1);
    }
    std::string text(head[8] + 256 * head[9], ' ');
    Matrix m;
    const size_t shape = std::fread(&text[0], 1, text.size(), file) == text.size() ? text.find("'shape': (")
                                                                                   : std::string::npos;
    if (shape == std::string::npos ||
        std::sscanf(text.c_str() + shape, "'shape': (%zu, %zu", &m.rows, &m.columns) != 2) {
        std::fprintf(stderr, "%s is no two-dimensional .npy file\n", path);
        std::exit(1);
    }
    m.bytes.resize(m.rows * m.columns * 4);
    if (std::fread(m.bytes.data(), 1, m.bytes.size(), file) != m.bytes.size()) {
        std::fprintf(stderr, "%s is cut short\n", path);
        std::exit(1);
    }
    std::fclose(file);
    return m;
}

double now() {
    return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

double build(hnswlib::HierarchicalNSW<float>& index, const Matrix& base, size_t threads) {
    const double began = now();
    std::atomic<size_t> next{0};
    auto work = [&] {
        for (size_t i; (i = next.fetch_add(1)) < base.rows;) index.addPoint(base.row(i), i);
    };
    index.addPoint(base.row(next.fetch_add(1)), 0);
    std::vector<std::thread> others;
    for (size_t t = 1; t < threads; ++t) others.emplace_back(work);
    work();
    for (std::thread& t : others) t.join();
    return now() - began;
}

// Vectors and links. (indexFileSize() is not in Debian's release.)
size_t memory(const hnswlib::HierarchicalNSW<float>& index, size_t rows) {
    size_t bytes = rows * index.size_data_per_element_;
    for (size_t i = 0; i < rows; ++i) bytes += index.element_levels_[i] * index.size_links_per_element_;
    return bytes;
}

}  // namespace

int main(int argc, char** argv) {
    if (argc < 4) {
        std::fprintf(stderr,
                     "usage: hnswlib_bench BASE QUERY NEIGHBORS [l2|ip] [M] [EF_CONSTRUCTION] [THREADS]\n");
        return 1;
    }
    const Matrix base = load(argv[1]), query = load(argv[2]), truth = load(argv[3]);
    const bool ip = argc > 4 && std::strcmp(argv[4], "ip") == 0;
    const size_t m = argc > 5 ? std::atoi(argv[5]) : 16;
    const size_t ef_construction = argc > 6 ? std::atoi(argv[6]) : 64;
    const size_t threads = argc > 7 ? std::atoi(argv[7]) : 2;
    hnswlib::L2Space l2(base.columns);
    hnswlib::InnerProductSpace product(base.columns);
    hnswlib::HierarchicalNSW<float> index(ip ? static_cast<hnswlib::SpaceInterface<float>*>(&product) : &l2,
                                          base.rows, m, ef_construction);
    const double seconds = build(index, base, threads);
    const size_t bytes = memory(index, base.rows);
    std::printf(
        "{\"extension\": \"hnswlib\", \"rows\": %zu, \"dims\": %zu, \"build_seconds\": %.3f, "
        "\"index_bytes\": %zu, "
        "\"index_bytes_per_row\": %.1f, \"queries\": [",
        base.rows, base.columns, seconds, bytes, bytes / double(base.rows));
    const char* separator = "";
    for (const size_t ef : {10, 20, 40, 60, 80, 120, 200, 400, 800}) {
        index.setEf(ef);
        double best = 1e30;
        size_t hits = 0;
        for (int round = 0; round < 5; ++round) {
            hits = 0;
            const double began = now();
            std::vector<std::vector<size_t>> found(query.rows);
            for (size_t q = 0; q < query.rows; ++q) {
                auto answer = index.searchKnn(query.row(q), 10);
                for (; !answer.empty(); answer.pop()) found[q].push_back(answer.top().second);
            }
            best = std::min(best, now() - began);
            for (size_t q = 0; q < query.rows; ++q)
                for (const size_t id : found[q])
                    hits += std::count(truth.ids(q), truth.ids(q) + 10, static_cast<int32_t>(id));
        }
        std::printf("%s\n {\"ef_search\": %zu, \"recall\": %.4f, \"clients_1\": {\"per_second\": %.1f}}",
                    separator, ef, hits / (10.0 * query.rows), query.rows / best);
        separator = ",";
    }
    std::printf("]}\n");
}
