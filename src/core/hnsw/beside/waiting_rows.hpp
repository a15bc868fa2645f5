// Rows that wait for their turn, the one with the least `low` first: in memory, and what exceeds a limit in
// files, each sorted.
#pragma once

#include <algorithm>
#include <type_traits>
#include <vector>

#include "core/base/spill_file.hpp"

namespace vecstore::core {

template <class Row>
class WaitingRows {
    static_assert(std::is_trivially_copyable_v<Row>);

  public:
    // spill: may be none; then all of them are in memory.
    WaitingRows(size_t memory, SpillTo spill)
        : most_(std::max(memory / sizeof(Row), least_rows)), spill_(std::move(spill)) {}

    bool empty() const { return heap_.empty() && runs_.empty(); }
    const Row& front() const { return is_in_memory() ? heap_.front() : runs_.front().front; }
    size_t memory() const { return heap_.capacity() * sizeof(Row); }
    size_t files() const { return runs_.size(); }

    void push(const Row& row) {
        if (heap_.size() >= most_ && spill_) write_run();
        if (heap_.size() == heap_.capacity())
            heap_.reserve(spill_ ? std::min(most_, 2 * heap_.size() + 64) : 2 * heap_.size() + 64);
        heap_.push_back(row);
        std::push_heap(heap_.begin(), heap_.end(), later);
    }

    Row pop() {
        if (is_in_memory()) {
            std::pop_heap(heap_.begin(), heap_.end(), later);
            const Row row = heap_.back();
            heap_.pop_back();
            return row;
        }
        std::pop_heap(runs_.begin(), runs_.end(), later_run);
        Run& run = runs_.back();
        const Row row = run.front;
        if (run.left == 0) {
            runs_.pop_back();
        } else {
            run.take_next();
            std::push_heap(runs_.begin(), runs_.end(), later_run);
        }
        return row;
    }

    void clear() {
        heap_.clear();
        runs_.clear();
    }

  private:
    // Fewer would not be worth a file.
    static constexpr size_t least_rows = 8192;

    struct Run {
        std::unique_ptr<SpillFile> file;
        size_t left;  // in the file
        Row front;

        void take_next() {
            file->read(&front, sizeof(Row));
            --left;
        }
    };

    static bool later(const Row& a, const Row& b) { return a.low > b.low; }
    static bool later_run(const Run& a, const Run& b) { return a.front.low > b.front.low; }

    // Is the first of all not in a file?
    bool is_in_memory() const {
        return runs_.empty() || (!heap_.empty() && !later(heap_.front(), runs_.front().front));
    }

    void write_run() {
        std::sort(heap_.begin(), heap_.end(), [](const Row& a, const Row& b) { return a.low < b.low; });
        Run run{spill_(), heap_.size(), {}};
        run.file->write(heap_.data(), heap_.size() * sizeof(Row));
        run.file->rewind();
        run.take_next();
        heap_.clear();
        runs_.push_back(std::move(run));
        std::push_heap(runs_.begin(), runs_.end(), later_run);
    }

    size_t most_;
    SpillTo spill_;
    std::vector<Row> heap_;
    std::vector<Run> runs_;  // a heap by their first rows
};

}  // namespace vecstore::core
