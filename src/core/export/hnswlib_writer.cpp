#include "core/export/hnswlib_writer.hpp"

#include <algorithm>
#include <atomic>
#include <exception>
#include <utility>
#include <vector>

#include <hnswlib/hnswlib.h>

#include "core/base/quiet_thread.hpp"

namespace vecstore::core::exports {

namespace {

using Index = hnswlib::HierarchicalNSW<float>;

// Memory of an element beside its links and vector: its lists' pointer, level, lock, place among the labels.
constexpr size_t bytes_beside_element = 160;
// Rows added at once, by each thread.
constexpr size_t rows_per_thread = 64;

// Runs work(i) for all i from `first` up to `count` on several threads, this one among them, until this one
// is told to stop. Returns the first i that was not run. The others take no signals: those are this thread's,
// and it takes them when all have ended.
template <class Work>
size_t run_parallel(size_t threads, size_t first, size_t count, const std::function<bool()>& is_to_stop,
                    Work&& work) {
    std::atomic<size_t> next{first};
    std::exception_ptr failure;
    std::atomic<bool> failed{false}, stopped{false};
    const auto run = [&](bool leader) {
        while (!failed && !stopped) {
            const size_t i = next++;
            if (i >= count) return;
            try {
                work(i);
            } catch (...) {
                if (!failed.exchange(true)) failure = std::current_exception();
            }
            if (leader && is_to_stop()) stopped = true;
        }
    };
    std::vector<std::thread> others;
    others.reserve(threads);
    try {
        for (size_t t = 1; t < threads && first + t < count; t++)
            others.push_back(quiet_thread([&run] { run(false); }));
    } catch (...) {
        // No memory, or no more threads to be had: those there are do the work.
    }
    run(true);
    for (std::thread& other : others) other.join();
    if (failure) std::rethrow_exception(failure);
    return std::min<size_t>(next, count);
}

// A member of the library's: a pointer up to its version 0.7, then a smart one.
template <class T>
void release(T*& pointer) {
    delete std::exchange(pointer, nullptr);
}
template <class T>
void release(std::unique_ptr<T>& pointer) {
    pointer.reset();
}

class Writer final : public HnswlibWriter {
  public:
    Writer(size_t dims, const HnswlibOptions& options, Interrupts interrupts)
        : dims_(dims), options_(options), interrupts_(std::move(interrupts)) {
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

    // As the library's saveIndex(), which neither tells whether it could write nor looks at interrupts.
    void save(ByteSink& file) override {
        flush();
        const auto put = [&](const auto& value) { file.write(&value, sizeof(value)); };
        put(index_->offsetLevel0_);
        put(std::max<size_t>(rows_, 1));  // not more room than it has rows
        put(rows_);
        put(index_->size_data_per_element_);
        put(index_->label_offset_);
        put(index_->offsetData_);
        put(index_->maxlevel_);
        put(index_->enterpoint_node_);
        put(index_->maxM_);
        put(index_->maxM0_);
        put(index_->M_);
        put(index_->mult_);
        put(index_->ef_construction_);
        for (size_t i = 0; i < rows_; i++) {
            file.write(index_->data_level0_memory_ + i * index_->size_data_per_element_,
                       index_->size_data_per_element_);
        }
        for (size_t i = 0; i < rows_; i++) {
            const auto bytes = static_cast<uint32_t>(index_->size_links_per_element_ *
                                                     static_cast<size_t>(index_->element_levels_[i]));
            put(bytes);
            if (bytes > 0) file.write(index_->linkLists_[i], bytes);
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
        // The library deletes it before it makes another: without memory for that it would be deleted twice.
        release(index_->visited_list_pool_);
        index_->resizeIndex(room_);
    }

    void flush() {
        if (ids_.empty()) return;
        make_room(rows_ + ids_.size());
        size_t done = 0;
        // The first row alone: it is the others' entry point.
        if (rows_ == 0) index_->addPoint(values_.data(), ids_[done++]);
        while (done < ids_.size()) {
            interrupts_.check();
            done = run_parallel(options_.threads, done, ids_.size(), interrupts_.are_pending,
                                [&](size_t i) { index_->addPoint(values_.data() + i * dims_, ids_[i]); });
        }
        rows_ += ids_.size();
        if (index_->cur_element_count != rows_) {
            throw Error(ErrorCode::data_exception, "an id is there twice, but hnswlib's labels are unique",
                        {}, "Name a column with unique values as id_column.");
        }
        ids_.clear();
        values_.clear();
    }

    const size_t dims_;
    const HnswlibOptions options_;
    const Interrupts interrupts_;
    std::unique_ptr<hnswlib::SpaceInterface<float>> space_;
    std::unique_ptr<Index> index_;
    size_t room_ = 1000;
    size_t rows_ = 0;
    std::vector<hnswlib::labeltype> ids_;  // of rows not added yet
    std::vector<float> values_;
};

}  // namespace

std::unique_ptr<HnswlibWriter> write_hnswlib(size_t dims, const HnswlibOptions& options,
                                             Interrupts interrupts) {
    return std::make_unique<Writer>(dims, options, std::move(interrupts));
}

}  // namespace vecstore::core::exports
