// Nanoseconds per call of each kernel, for every table this CPU can run: kernels_bench [dims] [codes].
// The best of several rounds is printed, which is what a busy machine disturbs least.
#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <random>
#include <set>
#include <string>
#include <vector>

#include "core/distance/kernels.hpp"
#include "core/quantize/rotation.hpp"

using vecstore::core::Kernels;

namespace {

volatile float sink;

template <class Call>
double nanoseconds(Call call) {
    using clock = std::chrono::steady_clock;
    size_t repeats = 16;
    double best = 1e30;
    for (int round = 0; round < 15; ++round) {
        const auto start = clock::now();
        for (size_t i = 0; i < repeats; ++i) call();
        const double took = std::chrono::duration<double, std::nano>(clock::now() - start).count();
        if (took < 2e6 && round == 0) {
            repeats *= 4;
            round = -1;
            continue;
        }
        best = std::min(best, took / static_cast<double>(repeats));
    }
    return best;
}

// About 120 elements of 30,000 dimensions, as learned sparse encoders give.
struct Sparse {
    explicit Sparse(unsigned seed) {
        std::mt19937 random(seed);
        std::set<int32_t> chosen;
        while (chosen.size() < 120) chosen.insert(static_cast<int32_t>(random() % 30000));
        indices.assign(chosen.begin(), chosen.end());
        values.assign(indices.size(), 0.5f);
    }
    vecstore::core::SparseView view() const { return {indices.data(), values.data(), indices.size()}; }

    std::vector<int32_t> indices;
    std::vector<float> values;
};

struct Data {
    Data(size_t dims, size_t codes) : n(dims), count(codes), sparse_a(1), sparse_b(2) {
        std::mt19937 random(7);
        std::normal_distribution<float> normal;
        for (auto* v : {&a, &b, &work}) {
            v->resize(n);
            for (float& x : *v) x = normal(random);
        }
        half.resize(n);
        half2.resize(n);
        int8.resize(n);
        vecstore::core::available_kernels()[0]->f32_to_f16(b.data(), half.data(), n);
        vecstore::core::available_kernels()[0]->f32_to_f16(a.data(), half2.data(), n);
        for (size_t i = 0; i < n; ++i) int8[i] = static_cast<int8_t>(std::lrint(20 * b[i]));
        code_bytes = n / 8;
        plane_bytes = (code_bytes + 63) / 64 * 64;
        plane_room.resize(4 * plane_bytes + 64);
        planes = plane_room.data() + (64 - reinterpret_cast<uintptr_t>(plane_room.data()) % 64) % 64;
        code_room.resize(count * code_bytes + 128);
        for (uint8_t& x : code_room) x = static_cast<uint8_t>(random());
        codes_at = code_room.data() + 7;
        sums.resize(count);
        estimates.resize(count);
        factors.resize(4 * count, 0x3f);
    }

    size_t n, count, code_bytes, plane_bytes;
    std::vector<float> a, b, work, estimates;
    std::vector<uint16_t> half, half2;
    Sparse sparse_a, sparse_b;
    std::vector<int8_t> int8;
    std::vector<uint8_t> plane_room, code_room, factors;
    uint8_t* planes;
    uint8_t* codes_at;
    std::vector<int32_t> sums;
};

void bench(const Kernels& k, Data& d) {
    const size_t n = d.n;
    float* a = d.a.data();
    float* b = d.b.data();
    auto print = [&](const char* what, double ns) {
        std::printf("%-16s %-20s %9.1f ns\n", k.name, what, ns);
    };
    print("l2_squared", nanoseconds([&] { sink = k.l2_squared(a, b, n); }));
    print("inner_product", nanoseconds([&] { sink = k.inner_product(a, b, n); }));
    print("l1", nanoseconds([&] { sink = k.l1(a, b, n); }));
    print("cosine_sums", nanoseconds([&] {
              float out[3];
              k.cosine_sums(a, b, n, out);
              sink = out[0];
          }));
    print("f32_to_f16", nanoseconds([&] { k.f32_to_f16(b, d.half.data(), n); }));
    print("f16_to_f32", nanoseconds([&] { k.f16_to_f32(d.half.data(), d.work.data(), n); }));
    print("l2_squared_f16", nanoseconds([&] { sink = k.l2_squared_f16(a, d.half.data(), 1.5f, n); }));
    print("inner_product_f16", nanoseconds([&] { sink = k.inner_product_f16(a, d.half.data(), 1.5f, n); }));
    print("l1_f16", nanoseconds([&] { sink = k.l1_f16(a, d.half.data(), 1.5f, n); }));
    print("l2_squared_halves",
          nanoseconds([&] { sink = k.l2_squared_halves(d.half.data(), d.half2.data(), n); }));
    print("inner_prod_halves",
          nanoseconds([&] { sink = k.inner_product_halves(d.half.data(), d.half2.data(), n); }));
    print("l1_halves", nanoseconds([&] { sink = k.l1_halves(d.half.data(), d.half2.data(), n); }));
    print("cosine_sums_halves", nanoseconds([&] {
              float out[3];
              k.cosine_sums_halves(d.half.data(), d.half2.data(), n, out);
              sink = out[0];
          }));
    print("l2_squared_i8", nanoseconds([&] { sink = k.l2_squared_i8(a, d.int8.data(), 0.05f, n); }));
    print("inner_product_i8", nanoseconds([&] { sink = k.inner_product_i8(a, d.int8.data(), 0.05f, n); }));
    print("max_abs", nanoseconds([&] { sink = k.max_abs(a, n); }));
    print("make_planes", nanoseconds([&] {
              sink = static_cast<float>(k.make_planes(a, n, 0.33f, d.planes, d.plane_bytes));
          }));
    print(("score_codes x" + std::to_string(d.count)).c_str(), nanoseconds([&] {
              k.score_codes(d.planes, d.codes_at, d.code_bytes, d.count, d.sums.data());
              sink = static_cast<float>(d.sums[0]);
          }));
    print(("finish x" + std::to_string(d.count)).c_str(), nanoseconds([&] {
              k.finish_estimates(d.sums.data(), d.factors.data(), d.count, 1, 0.1f, 3, d.estimates.data());
              sink = d.estimates[0];
          }));
    print("hamming", nanoseconds([&] {
              sink = static_cast<float>(k.hamming(d.codes_at, d.codes_at + d.code_bytes, d.code_bytes));
          }));
    print("bit_overlap", nanoseconds([&] {
              sink = static_cast<float>(
                  k.bit_overlap(d.codes_at, d.codes_at + d.code_bytes, d.code_bytes).both);
          }));
    print("sparse_product 120",
          nanoseconds([&] { sink = k.sparse_product(d.sparse_a.view(), d.sparse_b.view()); }));
    std::vector<uint8_t> code(d.code_bytes);
    print("encode_residual", nanoseconds([&] { sink = k.encode_residual(a, b, n, code.data()).abs_sum; }));
    print("encode_resid_f16",
          nanoseconds([&] { sink = k.encode_residual_f16(d.half.data(), 1.5f, b, n, code.data()).abs_sum; }));
    print("encode_resid_i8",
          nanoseconds([&] { sink = k.encode_residual_i8(d.int8.data(), 0.05f, b, n, code.data()).abs_sum; }));
    print("smallest x100", nanoseconds([&] { sink = static_cast<float>(k.smallest(a, 100)); }));
    print("signed_sum", nanoseconds([&] { sink = k.signed_sum(a, d.codes_at, n); }));
    size_t power = 1;
    while (power * 2 <= n) power *= 2;
    std::fill(d.work.begin(), d.work.end(), 0.5f);
    print(("hadamard " + std::to_string(power)).c_str(),
          nanoseconds([&] { k.hadamard(d.work.data(), power); }));
    print("flip_signs", nanoseconds([&] { k.flip_signs(d.work.data(), d.codes_at, n); }));
    print("kac_step", nanoseconds([&] { k.kac_step(d.work.data(), d.work.data() + n / 2, n / 2); }));
    vecstore::core::force_kernels(k.name);
    const vecstore::core::Rotation rotation(static_cast<uint32_t>(n), 42);
    print("rotation", nanoseconds([&] { rotation.apply(a, d.work.data()); }));
}

}  // namespace

int main(int argc, char** argv) {
    const size_t dims = argc > 1 ? std::strtoul(argv[1], nullptr, 10) : 768;
    const size_t codes = argc > 2 ? std::strtoul(argv[2], nullptr, 10) : 32;
    if (dims == 0 || dims % 16 != 0 || codes == 0) {
        std::fprintf(stderr, "usage: kernels_bench [dims, a multiple of 16] [codes]\n");
        return 2;
    }
    Data data(dims, codes);
    for (const Kernels* table : vecstore::core::available_kernels()) bench(*table, data);
}
