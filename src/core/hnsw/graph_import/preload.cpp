#include "core/hnsw/graph_import/preload.hpp"

#include <chrono>
#include <system_error>

#include "core/base/quiet_thread.hpp"
#include "core/base/read_ahead.hpp"

namespace vecstore::core {

Preload::Preload(io::VectorReader* vectors, io::GraphReader* graph, bool threaded)
    : vectors_(vectors), graph_(graph), may_start_(threaded) {
    if (graph_ != nullptr) start();
}

void Preload::start() {
    if (!may_start_) return;
    may_start_ = false;
    try {
        thread_ = quiet_thread([this] { run(); });
    } catch (const std::system_error&) {
        // None to be had: nothing is done ahead.
    }
}

void Preload::expect_pages(size_t pages) {
    const size_t blocks = pages / PageBlocks::pages_per_block;
    wanted_.store(blocks, std::memory_order_relaxed);
    if (blocks > 0) start();
}

void Preload::run() {
    abandoned_flag = &stopped_;
    if (graph_ != nullptr) read_file();
    try {
        for (size_t ready = 0; !stopped_.load(std::memory_order_relaxed);) {
            if (ready < wanted_.load(std::memory_order_relaxed)) {
                memory_.prepare();
                ++ready;
            } else {
                std::this_thread::sleep_for(std::chrono::milliseconds(1));
            }
        }
    } catch (const std::bad_alloc&) {
        // An allocation that needs the memory will say so.
    }
}

void Preload::read_file() {
    FileNodes nodes;
    std::exception_ptr failure;
    try {
        nodes = read_nodes(*vectors_, *graph_, [this] {
            check_abandoned();
            if (!file_is_wanted_.load(std::memory_order_relaxed)) throw Abandoned{};
        });
    } catch (...) {
        failure = std::current_exception();
    }
    std::lock_guard<std::mutex> guard(mutex_);
    if (file_is_wanted_) nodes_ = std::move(nodes);
    failure_ = failure;
    file_is_read_ = true;
    file_was_read_.notify_all();
}

FileNodes Preload::take_nodes(const std::function<void()>& progress) {
    if (!thread_.joinable()) return read_nodes(*vectors_, *graph_, progress);
    std::unique_lock<std::mutex> lock(mutex_);
    while (!file_is_read_) {
        file_was_read_.wait_for(lock, std::chrono::milliseconds(20));
        lock.unlock();
        progress();
        lock.lock();
    }
    if (failure_) std::rethrow_exception(failure_);
    return std::move(nodes_);
}

void Preload::forget_file() {
    file_is_wanted_ = false;
    std::lock_guard<std::mutex> guard(mutex_);
    nodes_ = {};
}

void Preload::stop() {
    may_start_ = false;
    stopped_ = true;
    if (thread_.joinable()) thread_.join();
}

}  // namespace vecstore::core
