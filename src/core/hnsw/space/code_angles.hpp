// Angles between neighbors of one node from their codes alone, so that no neighbor's vector is read.
//
// Of codes of one bit the angle is about pi * (differing bits) / D. Codes of several bits are numbers: with
// the residual of a neighbor r about |r| / (D^(1/2) k) times its code y (code.hpp has k), the cosine of two
// is <y, y'> / (D k^2).
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <vector>

#include "core/distance/kernels.hpp"
#include "core/hnsw/space/select.hpp"
#include "core/quantize/code.hpp"
#include "core/storage/layout.hpp"

namespace vecstore::core {

class CodeAngles {
  public:
    explicit CodeAngles(const NodeLayout& layout)
        : bits_(layout.geometry().code_bits()), code_bytes_(layout.code_bytes()) {
        const size_t dims = layout.geometry().code_dims;
        if (bits_ > 1) {
            const float k = code_constants(bits_).correlation;
            per_product_ = 1 / (static_cast<float>(dims) * k * k);
            return;
        }
        cosine_.resize(dims + 1);
        for (size_t h = 0; h < cosine_.size(); ++h)
            cosine_[h] = static_cast<float>(
                std::cos(M_PI * static_cast<double>(h) / static_cast<double>(dims)));
    }

    // Cosines of the angles of one code and others, which it is compared with one after the other.
    class From {
      public:
        From(const CodeAngles& angles, const Kernels& k) : angles_(angles), k_(k) {}

        // Compare with this one from now on. Up to 63 bytes beyond are not read. It is not kept where it has
        // several bits.
        void set(const uint8_t* code) {
            code_ = code;
            if (angles_.bits_ > 1) numbers_.set(k_, code, angles_.code_bytes_, angles_.bits_);
        }
        // Up to 63 bytes beyond `other` are read where there are several bits.
        float cosine(const uint8_t* other) {
            if (angles_.bits_ == 1) return angles_.cosine_[k_.hamming(code_, other, angles_.code_bytes_)];
            int32_t sum;
            k_.score_levels(numbers_.data(), other, angles_.code_bytes_, angles_.bits_, 1, &sum);
            return of_sum(sum);
        }
        // Of `count` that lie one after the other, at most max_degree.
        void cosines(const uint8_t* codes, size_t count, float* out) {
            int32_t sums[max_degree];
            if (angles_.bits_ > 1) {
                k_.score_levels(numbers_.data(), codes, angles_.code_bytes_, angles_.bits_, count, sums);
                for (size_t i = 0; i < count; ++i) out[i] = of_sum(sums[i]);
                return;
            }
            auto* const differences = reinterpret_cast<uint32_t*>(sums);
            k_.hamming_each(code_, codes, angles_.code_bytes_, count, differences);
            for (size_t i = 0; i < count; ++i) out[i] = angles_.cosine_[differences[i]];
        }

      private:
        float of_sum(int32_t sum) const {
            const float product = static_cast<float>(2 * sum - numbers_.highest_times_sum());
            return std::clamp(product * angles_.per_product_, -1.0f, 1.0f);
        }

        const CodeAngles& angles_;
        const Kernels& k_;
        const uint8_t* code_ = nullptr;
        CodeNumbers numbers_;
    };

    // Inner products of pairs of neighbors of one node, the first of which is the same for many, one after
    // the other.
    template <class CodeOf>
    class Pairs {
      public:
        // code_of(i): the code of neighbor i. roots: their distances from the node.
        Pairs(From& from, const std::vector<float>& roots, CodeOf code_of)
            : from_(from), roots_(roots), code_of_(code_of) {}

        // Of the vectors from the node to the two.
        float product(size_t i, size_t j) {
            if (i != first_) from_.set(code_of_(i));
            first_ = i;
            return roots_[i] * roots_[j] * from_.cosine(code_of_(j));
        }

      private:
        From& from_;
        const std::vector<float>& roots_;
        CodeOf code_of_;
        size_t first_ = SIZE_MAX;  // none
    };

    // Memory of order_by_need().
    struct KeptCodes {
        std::vector<uint8_t> codes;  // one after the other, and 64 bytes more
        std::vector<float> reach;
    };

    // order_by_need (select.hpp) of neighbors of one node, by their codes alone: code_of(i), and reach[i],
    // the distance from the node. Each is compared with several of those that were kept at a time.
    template <class CodeOf>
    size_t order_by_need(From& from, const std::vector<float>& reach, size_t limit, CodeOf&& code_of,
                         KeptCodes& kept_codes, std::vector<uint16_t>& order) const {
        std::vector<uint8_t>& codes = kept_codes.codes;
        std::vector<float>& kept_reach = kept_codes.reach;
        kept_reach.clear();
        const auto keep = [&](size_t i) {
            const size_t end = (kept_reach.size() + 1) * code_bytes_ + 64;
            if (codes.size() < end) codes.resize(2 * end);
            std::memcpy(codes.data() + kept_reach.size() * code_bytes_, code_of(i), code_bytes_);
            kept_reach.push_back(reach[i]);
        };
        return order_by_occlusion(
            reach.size(), limit,
            [&](size_t i, const std::vector<uint16_t>& kept) {
                while (kept_reach.size() < kept.size()) keep(kept[kept_reach.size()]);
                if (kept.empty()) return false;
                from.set(code_of(i));
                float cosines[at_a_time];
                for (size_t k = 0; k < kept.size(); k += at_a_time) {
                    const size_t count = std::min(at_a_time, kept.size() - k);
                    from.cosines(codes.data() + k * code_bytes_, count, cosines);
                    bool occluded = false;
                    // |x - y|^2 < |x|^2  <=>  |y|^2 < 2 |x| |y| cos
                    for (size_t j = 0; j < count; ++j) {
                        const float y = kept_reach[k + j];
                        occluded |= y * y < 2 * reach[i] * y * cosines[j];
                    }
                    if (occluded) return true;
                }
                return false;
            },
            order);
    }

  private:
    static constexpr size_t at_a_time = 4;

    uint32_t bits_;
    size_t code_bytes_;
    float per_product_ = 0;
    std::vector<float> cosine_;  // of one bit, by the number of those that differ
};

}  // namespace vecstore::core
