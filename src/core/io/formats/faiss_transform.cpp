#include "core/io/formats/faiss_transform.hpp"

#include "core/base/checked.hpp"
#include "core/io/formats/faiss_codecs.hpp"

#include <algorithm>
#include <cmath>

namespace vecstore::core::io {

namespace {

// y = A x + b, with A orthonormal: the way back is its transpose.
class LinearTransform : public VectorTransform {
  public:
    LinearTransform(uint64_t dims_in, uint64_t dims_out, std::vector<float> matrix, std::vector<float> bias)
        : VectorTransform(dims_in, dims_out), matrix_(std::move(matrix)), bias_(std::move(bias)) {}

    void reverse(const float* from, float* to) const override {
        const auto columns = static_cast<size_t>(dims_in());
        std::fill_n(to, columns, 0.0f);
        for (size_t row = 0; row < dims_out(); row++) {
            const float factor = from[row] - (bias_.empty() ? 0.0f : bias_[row]);
            const float* const entries = matrix_.data() + row * columns;
            for (size_t i = 0; i < columns; i++) to[i] += factor * entries[i];
        }
    }

    // Whether A A' z = z, for a few z without structure: it does for all, then, but for rounding.
    bool is_orthonormal() const {
        const auto rows = static_cast<size_t>(dims_out()), columns = static_cast<size_t>(dims_in());
        if (rows > columns) return false;
        std::vector<float> z(rows), x(columns);
        uint32_t random = 1;
        for (int probe = 0; probe < 3; probe++) {
            for (float& value : z) {
                random = random * 1664525u + 1013904223u;
                value = (random >> 31) != 0 ? 1.0f : -1.0f;
            }
            std::fill(x.begin(), x.end(), 0.0f);
            for (size_t row = 0; row < rows; row++) {
                for (size_t i = 0; i < columns; i++) x[i] += z[row] * matrix_[row * columns + i];
            }
            for (size_t row = 0; row < rows; row++) {
                float sum = 0;
                for (size_t i = 0; i < columns; i++) sum += matrix_[row * columns + i] * x[i];
                if (!(std::fabs(sum - z[row]) < 1e-2f)) return false;
            }
        }
        return true;
    }

  private:
    std::vector<float> matrix_;  // dims_out x dims_in
    std::vector<float> bias_;    // dims_out, or none
};

// Components in another order, some of them left out or new.
class RemapTransform : public VectorTransform {
  public:
    RemapTransform(uint64_t dims_in, uint64_t dims_out, std::vector<int32_t> map)
        : VectorTransform(dims_in, dims_out), map_(std::move(map)) {}
    void reverse(const float* from, float* to) const override {
        std::fill_n(to, static_cast<size_t>(dims_in()), 0.0f);
        for (size_t i = 0; i < map_.size(); i++) {
            if (map_[i] >= 0) to[map_[i]] = from[i];
        }
    }

  private:
    std::vector<int32_t> map_;  // of each component that comes out, the one it was, or -1
};

// Lengths are lost: the way back leaves vectors as they are, as FAISS does.
class NormalizationTransform : public VectorTransform {
  public:
    using VectorTransform::VectorTransform;
    void reverse(const float* from, float* to) const override {
        std::copy_n(from, static_cast<size_t>(dims_in()), to);
    }
};

class CenteringTransform : public VectorTransform {
  public:
    CenteringTransform(uint64_t dims_in, uint64_t dims_out, std::vector<float> mean)
        : VectorTransform(dims_in, dims_out), mean_(std::move(mean)) {}
    void reverse(const float* from, float* to) const override {
        for (size_t i = 0; i < dims_in(); i++) to[i] = from[i] + mean_[i];
    }

  private:
    std::vector<float> mean_;
};

struct Shape {
    uint64_t in;
    uint64_t out;
};

// The end of every transform.
Shape read_shape(Cursor& cursor) {
    const auto in = cursor.read<int32_t>("a transform's dimensions");
    const auto out = cursor.read<int32_t>("a transform's dimensions");
    cursor.skip(1, "a transform");
    constexpr int32_t most = 65535;
    if (in < 1 || in > most || out < 1 || out > most) {
        cursor.fail("a transform from " + std::to_string(in) + " to " + std::to_string(out) + " dimensions",
                    9);
    }
    return {static_cast<uint64_t>(in), static_cast<uint64_t>(out)};
}

using TransformPointer = std::unique_ptr<VectorTransform>;

TransformPointer read_linear(Cursor& cursor, const std::string& code) {
    if (code == "PCAm" || code == "PcAm" || code == "Pcam") {
        cursor.skip(4, "a PCA transform");  // the power of eigenvalues
        if (code == "Pcam") cursor.skip(4, "a PCA transform");
        cursor.skip(1, "a PCA transform");
        if (code != "PCAm") cursor.skip(4, "a PCA transform");
        for (int i = 0; i < 3; i++) read_extent(cursor, sizeof(float), "a PCA transform's matrices");
    } else if (code == "Viqm") {
        cursor.skip(8, "an ITQ transform");
    }
    const bool has_bias = cursor.read<uint8_t>("a linear transform") != 0;
    const uint64_t place = cursor.offset();
    std::vector<float> matrix = read_floats(cursor, "a linear transform's matrix");
    std::vector<float> bias = read_floats(cursor, "a linear transform's bias");
    const Shape shape = read_shape(cursor);
    const uint64_t entries = shape.in * shape.out;
    if (matrix.size() < entries || (has_bias && bias.size() < shape.out)) {
        throw_bad_file(cursor.source(), place,
                       "a linear transform from " + std::to_string(shape.in) + " to " +
                           std::to_string(shape.out) + " dimensions has a matrix of " +
                           std::to_string(matrix.size()) + " numbers and a bias of " +
                           std::to_string(bias.size()));
    }
    if (!has_bias) bias.clear();
    auto transform = std::make_unique<LinearTransform>(shape.in, shape.out, std::move(matrix),
                                                       std::move(bias));
    if (!transform->is_orthonormal()) {
        throw_not_supported(cursor.source(),
                            "its vectors went through a linear transform (\"" + code +
                                "\") that is not a rotation, which cannot be reversed",
                            "Import the vectors that the index was made of.");
    }
    return transform;
}

TransformPointer read_remap(Cursor& cursor) {
    const Extent extent = read_extent(cursor, sizeof(int32_t), "a remapping's components");
    const Shape shape = read_shape(cursor);
    if (extent.count != shape.out) {
        cursor.fail(
            "a remapping of " + std::to_string(extent.count) + " components to " + std::to_string(shape.out),
            9);
    }
    Cursor entries(cursor.source(), extent.offset);
    std::vector<int32_t> map(static_cast<size_t>(extent.count));
    for (int32_t& component : map) {
        component = entries.read<int32_t>("a remapping's components");
        if (component >= static_cast<int64_t>(shape.in)) {
            entries.fail("component " + std::to_string(component) + " of " + std::to_string(shape.in), 4);
        }
    }
    return std::make_unique<RemapTransform>(shape.in, shape.out, std::move(map));
}

Shape read_square_shape(Cursor& cursor) {
    const Shape shape = read_shape(cursor);
    if (shape.in != shape.out) cursor.fail("a transform that keeps dimensions changes them", 9);
    return shape;
}

class ReversedRows : public RowSource {
  public:
    ReversedRows(std::unique_ptr<RowSource> rows, std::vector<TransformInfo> chain)
        : RowSource(rows->rows(), chain.front().transform->dims_in()),
          rows_(std::move(rows)),
          chain_(std::move(chain)) {
        for (const TransformInfo& step : chain_)
            widest_ = std::max({widest_, step.transform->dims_in(), step.transform->dims_out()});
    }

    void read(uint64_t first, size_t count, float* out) override {
        const auto inner_dims = static_cast<size_t>(rows_->dims());
        const size_t piece = std::max<size_t>(1, scratch_bytes / sizeof(float) / inner_dims);
        std::vector<float> from(static_cast<size_t>(widest_)), to(static_cast<size_t>(widest_));
        for (size_t done = 0; done < count;) {
            const size_t rows = std::min(piece, count - done);
            inner_.resize(rows * inner_dims);
            rows_->read(first + done, rows, inner_.data());
            for (size_t i = 0; i < rows; i++, done++) {
                std::copy_n(inner_.data() + i * inner_dims, inner_dims, from.data());
                for (size_t step = chain_.size(); step > 0; step--) {
                    chain_[step - 1].transform->reverse(from.data(), to.data());
                    from.swap(to);
                }
                std::copy_n(from.data(), static_cast<size_t>(dims()), out + done * dims());
            }
        }
    }

  private:
    std::unique_ptr<RowSource> rows_;
    std::vector<TransformInfo> chain_;
    uint64_t widest_ = 0;
    std::vector<float> inner_;
};

}  // namespace

TransformInfo read_transform(Cursor& cursor) {
    TransformInfo info;
    info.code.resize(4);
    cursor.read_bytes(info.code.data(), 4, "a transform's code");
    if (info.code == "LTra" || info.code == "rrot" || info.code == "PCAm" || info.code == "PcAm" ||
        info.code == "Pcam" || info.code == "Viqm") {
        info.transform = read_linear(cursor, info.code);
    } else if (info.code == "RmDT") {
        info.transform = read_remap(cursor);
    } else if (info.code == "VNrm") {
        cursor.skip(4, "a normalization");
        const Shape shape = read_square_shape(cursor);
        info.transform = std::make_unique<NormalizationTransform>(shape.in, shape.out);
    } else if (info.code == "VCnt") {
        std::vector<float> mean = read_floats(cursor, "a centering's mean");
        const Shape shape = read_square_shape(cursor);
        if (mean.size() != shape.in)
            cursor.fail("a mean of " + std::to_string(mean.size()) + " dimensions", 9);
        info.transform = std::make_unique<CenteringTransform>(shape.in, shape.out, std::move(mean));
    } else if (info.code == "Viqt") {
        throw_not_supported(cursor.source(),
                            "its vectors went through an ITQ transform, which cannot be reversed",
                            "Import the vectors that the index was made of.");
    } else {
        cursor.fail(
            "\"" + printable(info.code.data(), 4) + "\" is not the code of any transform that is known here",
            4);
    }
    return info;
}

std::unique_ptr<RowSource> reverse_transforms(std::unique_ptr<RowSource> rows,
                                              std::vector<TransformInfo> chain) {
    return std::make_unique<ReversedRows>(std::move(rows), std::move(chain));
}

}  // namespace vecstore::core::io
