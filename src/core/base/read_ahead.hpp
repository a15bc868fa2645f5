// Work that a thread does ahead of who needs its results: it fills blocks, a few at most, which are taken in
// order. An exception of fill arrives where its block would have. Where no thread can be had, next() fills.
//
// The thread takes no signals, and fill must stay clear of all that belongs to the caller's thread (of
// Postgres, above all). Code that it may wait in for long calls check_abandoned() now and then.
#pragma once

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <exception>
#include <functional>
#include <mutex>
#include <system_error>
#include <thread>
#include <vector>

#include "core/base/quiet_thread.hpp"

namespace vecstore::core {

// Thrown by check_abandoned(); it ends the thread and goes nowhere else.
struct Abandoned {};

// Of the thread that reads ahead, on that thread; null on all others.
inline thread_local const std::atomic<bool>* abandoned_flag = nullptr;

inline bool is_reading_ahead() { return abandoned_flag != nullptr; }

inline void check_abandoned() {
    if (abandoned_flag != nullptr && *abandoned_flag) throw Abandoned{};
}

template <class Block>
class ReadAhead {
  public:
    // Fills a block, whose memory is used again and again; false: there is none any more.
    using Fill = std::function<bool(Block&)>;
    enum class Mode { thread, caller };

    // Starts at once. At most `depth` blocks (2 or more) are filled and not yet given back.
    ReadAhead(Fill fill, size_t depth, Mode mode = Mode::thread) : fill_(std::move(fill)), blocks_(depth) {
        if (mode == Mode::thread) start();
    }
    ~ReadAhead() { stop(); }
    ReadAhead(const ReadAhead&) = delete;
    ReadAhead& operator=(const ReadAhead&) = delete;

    // The next block, which lives until the next call; null at the end. While there is none, patience() is
    // called every so often, and what it throws passes through: waiting can be taken up again.
    template <class Patience>
    const Block* next(Patience&& patience) {
        if (!thread_.joinable()) return fill_here();
        std::unique_lock<std::mutex> lock(mutex_);
        if (taken_ > released_) {
            released_ = taken_;
            room_.notify_one();
        }
        while (filled_ == taken_ && !ended_) {
            lock.unlock();
            patience();
            lock.lock();
            filled_or_ended_.wait_for(lock, patience_interval, [&] { return filled_ > taken_ || ended_; });
        }
        if (filled_ > taken_) return &blocks_[taken_++ % blocks_.size()];
        if (failure_) std::rethrow_exception(failure_);
        return nullptr;
    }

    // Ends the thread, whatever it is at; nothing comes any more.
    void stop() {
        {
            const std::lock_guard<std::mutex> lock(mutex_);
            abandoned_ = true;
        }
        room_.notify_one();
        if (thread_.joinable()) thread_.join();
        ended_ = true;
    }

  private:
    static constexpr std::chrono::milliseconds patience_interval{50};

    void start() {
        try {
            thread_ = quiet_thread([this] { run(); });
        } catch (const std::system_error&) {
            // Without, then.
        }
    }

    void run() {
        abandoned_flag = &abandoned_;
        std::exception_ptr failure;
        try {
            while (wait_for_room() && fill_(blocks_[filled_ % blocks_.size()])) {
                const std::lock_guard<std::mutex> lock(mutex_);
                filled_++;
                filled_or_ended_.notify_one();
            }
        } catch (...) {
            failure = std::current_exception();
        }
        const std::lock_guard<std::mutex> lock(mutex_);
        failure_ = std::move(failure);
        ended_ = true;
        filled_or_ended_.notify_one();
    }

    // False where nobody wants more.
    bool wait_for_room() {
        std::unique_lock<std::mutex> lock(mutex_);
        room_.wait(lock, [&] { return filled_ - released_ < blocks_.size() || abandoned_; });
        return !abandoned_;
    }

    const Block* fill_here() {
        if (!ended_ && fill_(blocks_[0])) return &blocks_[0];
        ended_ = true;
        return nullptr;
    }

    Fill fill_;
    std::vector<Block> blocks_;
    std::mutex mutex_;  // of what follows
    std::condition_variable room_;
    std::condition_variable filled_or_ended_;
    size_t filled_ = 0;    // by the thread, which alone writes it
    size_t taken_ = 0;     // by the caller
    size_t released_ = 0;  // taken, and free for the thread again
    bool ended_ = false;
    std::exception_ptr failure_;
    std::atomic<bool> abandoned_{false};
    std::thread thread_;
};

}  // namespace vecstore::core
