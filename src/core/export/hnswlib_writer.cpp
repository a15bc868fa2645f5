#include "core/export/hnswlib_writer.hpp"

#include <algorithm>
#include <atomic>
#include <exception>
#include <fstream>
#include <vector>

#include <hnswlib/hnswlib.h>

#include "core/base/quiet_thread.hpp"

namespace vecstore::core::exports {

namespace {

using Index = hnswlib::HierarchicalNSW<float>;

// Memory of an element beside its links and vector: its lists' pointer, level, lock, place among the labels.
constexpr size_t bytes_beside_element = 160;
// Rows added between two looks at interrupts, by each thread.
constexpr size_t rows_per_thread = 64;

// Runs work(i) for all i < count on several threads, this one among them. The others take no signals: those
// are this thread's, and it takes them when all have ended.
template <class Work>
void run_parallel(size_t threads, size_t count, Work&& work) {
    std::atomic<size_t> next{0};
    std::exception_ptr failure;
    std::atomic<bool> failed{false};
    const auto run = [&] {
        for (size_t i = next++; i < count && !failed; i = next++) {
            try {
                work(i);
            } catch (...) {
                if (!failed.exchange(true)) failure = std::current_exception();
            }
        }
    };
    std::vector<std::thread> others;
    try {
        for (size_t t = 1; t < threads && t < count; t++) others.push_back(quiet_thread(run));
    } catch (const std::system_error&) {
        // Fewer threads, then.
    }
    run();
    for (std::thread& other : others) other.join();
    if (failure) std::rethrow_exception(failure);
}

class Writer final : public HnswlibWriter {
  public:
    Writer(size_t dims, const HnswlibOptions& options, std::function<void()> check_interrupts)
        : dims_(dims), options_(options), check_interrupts_(std::move(check_interrupts)) {
        const MetricInfo& metric = metric_info(options.metric);
        if (metric.is_product() || metric.of_units) {
            space_ = std::make_unique<hnswlib::InnerProductSpace>(dims);
        } else {
            space_ = std::make_unique<hnswlib::L2Space>(dims);
        }
        require_memory(room_);
        index_ = std::make_unique<Index>(space_.get(), room_, options.m, options.ef_construction);
    }

    void add(int64_t id, const float* values) override {
        if (id < 0) {
            throw Error(ErrorCode::data_exception,
                        "id " + std::to_string(id) + " cannot be a label of hnswlib, which is not negative");
        }
        ids_.push_back(static_cast<hnswlib::labeltype>(id));
        values_.insert(values_.end(), values, values + dims_);
        if (ids_.size() == rows_per_thread * options_.threads) flush();
    }

    void save(const std::string& path) override {
        flush();
        // Not more room than it has rows.
        index_->resizeIndex(std::max<size_t>(rows_, 1));
        index_->saveIndex(path);
        // (The library does not tell whether it could write.)
        const uint64_t expected = expected_size();
        std::ifstream file(path, std::ios::binary | std::ios::ate);
        if (!file || static_cast<uint64_t>(file.tellg()) != expected) {
            throw Error(ErrorCode::io,
                        "hnswlib could not write all " + std::to_string(expected) + " bytes of its index", {},
                        "Perhaps there is no space left on the disk.");
        }
    }

  private:
    size_t bytes_of(size_t rows) const {
        const size_t links = (2 * options_.m + 1) * sizeof(uint32_t) +
                             (options_.m + 1) * sizeof(uint32_t) / options_.m;
        return rows * (links + dims_ * sizeof(float) + sizeof(hnswlib::labeltype) + bytes_beside_element);
    }

    void require_memory(size_t rows) const {
        if (bytes_of(rows) <= options_.memory) return;
        throw Error(ErrorCode::limit_exceeded,
                    "hnswlib would need more than the " + std::to_string(options_.memory >> 20) +
                        " MB that it may take, for more than " + std::to_string(rows_) + " rows",
                    "The library builds its index in memory.", "Raise maintenance_work_mem.");
    }

    void make_room(size_t rows) {
        if (rows <= room_) return;
        const size_t wanted = std::max(rows, room_ + room_ / 2);
        room_ = bytes_of(wanted) <= options_.memory ? wanted : rows;
        require_memory(room_);
        index_->resizeIndex(room_);
    }

    void flush() {
        if (ids_.empty()) return;
        check_interrupts_();
        make_room(rows_ + ids_.size());
        size_t first = 0;
        // The first row alone: it is the others' entry point.
        if (rows_ == 0) index_->addPoint(values_.data(), ids_[first++]);
        run_parallel(options_.threads, ids_.size() - first, [&](size_t i) {
            index_->addPoint(values_.data() + (first + i) * dims_, ids_[first + i]);
        });
        rows_ += ids_.size();
        if (index_->cur_element_count != rows_) {
            throw Error(ErrorCode::data_exception, "an id is there twice, but hnswlib's labels are unique",
                        {}, "Name a column with unique values as id_column.");
        }
        ids_.clear();
        values_.clear();
    }

    uint64_t expected_size() const {
        constexpr uint64_t header = 96;
        uint64_t size = header + rows_ * (index_->size_data_per_element_ + sizeof(uint32_t));
        for (size_t i = 0; i < rows_; i++)
            size += static_cast<uint64_t>(index_->element_levels_[i]) * index_->size_links_per_element_;
        return size;
    }

    const size_t dims_;
    const HnswlibOptions options_;
    const std::function<void()> check_interrupts_;
    std::unique_ptr<hnswlib::SpaceInterface<float>> space_;
    std::unique_ptr<Index> index_;
    size_t room_ = 1000;
    size_t rows_ = 0;
    std::vector<hnswlib::labeltype> ids_;  // of rows not added yet
    std::vector<float> values_;
};

}  // namespace

std::unique_ptr<HnswlibWriter> write_hnswlib(size_t dims, const HnswlibOptions& options,
                                             std::function<void()> check_interrupts) {
    return std::make_unique<Writer>(dims, options, std::move(check_interrupts));
}

}  // namespace vecstore::core::exports
