#include "core/export/vector_writer.hpp"

#include "core/base/half.hpp"

#include <cmath>

namespace vecstore::core::exports {

namespace {

class NpyWriter final : public VectorWriter {
  public:
    NpyWriter(ByteSink& sink, size_t dims, NumberFormat format) : sink_(sink), dims_(dims), format_(format) {
        put_header();
    }

    void add(int64_t, const float* values) override {
        if (format_ == NumberFormat::float32) {
            sink_.put_floats(values, dims_);
        } else {
            for (size_t i = 0; i < dims_; i++) sink_.put(f16_from_float(values[i]));
        }
        rows_++;
    }

    void finish() override {
        const std::string text = header();
        sink_.patch(0, text.data(), text.size());
    }

  private:
    // As long for every number of rows.
    static constexpr size_t header_bytes = 128;

    std::string header() const {
        std::string text = std::string("{'descr': '") + (format_ == NumberFormat::float32 ? "<f4" : "<f2") +
                           "', 'fortran_order': False, 'shape': (" + std::to_string(rows_) + ", " +
                           std::to_string(dims_) + "), }";
        constexpr size_t preamble = 10;
        text.resize(header_bytes - preamble - 1, ' ');
        text += '\n';
        return std::string("\x93NUMPY\x01\0", 8) + static_cast<char>(header_bytes - preamble) + '\0' + text;
    }

    void put_header() {
        const std::string text = header();
        sink_.write(text.data(), text.size());
    }

    ByteSink& sink_;
    const size_t dims_;
    const NumberFormat format_;
    uint64_t rows_ = 0;
};

class FvecsWriter final : public VectorWriter {
  public:
    FvecsWriter(ByteSink& sink, size_t dims) : sink_(sink), dims_(dims) {}
    void add(int64_t, const float* values) override {
        sink_.put(static_cast<int32_t>(dims_));
        sink_.put_floats(values, dims_);
    }
    void finish() override {}

  private:
    ByteSink& sink_;
    const size_t dims_;
};

class FaissFlatWriter final : public VectorWriter {
  public:
    FaissFlatWriter(ByteSink& sink, size_t dims, const MetricInfo& metric, Scratch* ids)
        : sink_(sink), dims_(dims), ids_(ids) {
        if (ids_ != nullptr) map_rows_at_ = put_faiss_header(sink_, "IxMp", dims_, metric, 0);
        rows_at_ = put_faiss_header(sink_, metric.faiss_flat, dims_, metric, 0);
        count_at_ = sink_.size();
        sink_.put(uint64_t{0});
    }

    void add(int64_t id, const float* values) override {
        sink_.put_floats(values, dims_);
        if (ids_ != nullptr) {
            uint8_t bytes[sizeof(id)];
            store_little_endian(bytes, id);
            ids_->write(bytes, sizeof(bytes));
        }
        rows_++;
    }

    void finish() override {
        sink_.patch_number(rows_at_, rows_);
        sink_.patch_number(count_at_, rows_ * dims_);
        if (ids_ == nullptr) return;
        sink_.patch_number(map_rows_at_, rows_);
        sink_.put(rows_);
        ids_->rewind();
        copy(*ids_, sink_, rows_ * sizeof(int64_t));
    }

  private:
    ByteSink& sink_;
    const size_t dims_;
    Scratch* const ids_;
    uint64_t rows_ = 0;
    uint64_t map_rows_at_ = 0;
    uint64_t rows_at_ = 0;
    uint64_t count_at_ = 0;
};

}  // namespace

std::unique_ptr<VectorWriter> write_npy(ByteSink& sink, size_t dims, NumberFormat format) {
    return std::make_unique<NpyWriter>(sink, dims, format);
}

std::unique_ptr<VectorWriter> write_fvecs(ByteSink& sink, size_t dims) {
    return std::make_unique<FvecsWriter>(sink, dims);
}

std::unique_ptr<VectorWriter> write_faiss_flat(ByteSink& sink, size_t dims, const MetricInfo& metric,
                                               Scratch* ids) {
    return std::make_unique<FaissFlatWriter>(sink, dims, metric, ids);
}

uint64_t put_faiss_header(ByteSink& sink, const char* code, size_t dims, const MetricInfo& metric,
                          uint64_t rows) {
    sink.write(code, 4);
    sink.put(static_cast<int32_t>(dims));
    const uint64_t rows_at = sink.size();
    sink.put(rows);
    sink.put(int64_t{1} << 20);
    sink.put(int64_t{1} << 20);
    sink.put(uint8_t{1});  // trained
    sink.put(metric.faiss);
    if (metric.faiss > 1) sink.put(0.0f);  // the metric's argument
    return rows_at;
}

bool make_unit(float* values, size_t dims) {
    double sum = 0;
    for (size_t i = 0; i < dims; i++) sum += static_cast<double>(values[i]) * values[i];
    constexpr double rounding = 1e-5;
    if (sum == 0 || std::fabs(sum - 1) <= rounding) return false;
    const double factor = 1 / std::sqrt(sum);
    for (size_t i = 0; i < dims; i++) values[i] = static_cast<float>(values[i] * factor);
    return true;
}

}  // namespace vecstore::core::exports
