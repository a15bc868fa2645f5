// Stores for the tests of what happens beside vacuum, and when it or an insert is interrupted.
#pragma once

#include <condition_variable>
#include <functional>
#include <mutex>
#include <thread>

#include "hnsw_graph.hpp"

namespace vecstore::core {

// Into an index that has its metapage alone.
inline void copy_pages(TestIndex& from, TestIndex& to) {
    for (uint32_t block = 0; block < from.store().page_count(); ++block) {
        if (block > 0) to.store().append(PageKind::unused).commit();
        auto page = to.store().write(block);
        std::memcpy(page.modify(), from.store().payload(block), page_payload_size);
        page.commit(from.store().used(block));
    }
}

struct Crash {};

// Common to the stores of these tests: all but access to pages is a store's in memory.
class StoreOverMemory {
  public:
    explicit StoreOverMemory(MemStore& base) : base_(base) {}

    uint32_t page_count() { return base_.page_count(); }
    PageKind kind_of(uint32_t block) { return base_.kind_of(block); }
    void expect(uint32_t, size_t) {}
    void prefetch(uint32_t, size_t, size_t) {}
    void check_interrupts() {}
    void pause_point() {}
    uint32_t find_free_page(int attempt) { return base_.find_free_page(attempt); }
    void note_free_page(uint32_t block) { base_.note_free_page(block); }
    void put_back_free_page(uint32_t block) { base_.put_back_free_page(block); }
    uint64_t free_epoch() { return 1; }
    bool reusable(uint64_t) { return true; }

  protected:
    MemStore& base_;
};

// A store whose server crashes: a page's change becomes durable with its commit, whole or not at all, and
// after a given number of commits there are no more.
class CrashingStore : public StoreOverMemory {
  public:
    CrashingStore(MemStore& base, size_t commits) : StoreOverMemory(base), commits_left_(commits) {}

    using ReadPage = MemStore::ReadPage;

    class WritePage {
      public:
        WritePage(CrashingStore& store, MemStore::WritePage page) : store_(store), page_(std::move(page)) {}
        uint32_t block() const { return page_.block(); }
        const uint8_t* peek() const { return copy_.empty() ? page_.peek() : copy_.data(); }
        uint8_t* modify() {
            if (copy_.empty()) copy_.assign(page_.peek(), page_.peek() + page_payload_size);
            return copy_.data();
        }
        void commit(size_t used = 0) {
            if (copy_.empty()) return page_.commit(used);
            store_.count_commit();
            std::memcpy(page_.modify(), copy_.data(), page_payload_size);
            page_.commit(used);
        }

      private:
        friend class CrashingStore;
        CrashingStore& store_;
        MemStore::WritePage page_;
        std::vector<uint8_t> copy_;
    };

    ReadPage read_once(uint32_t block) { return read(block); }
    ReadPage read(uint32_t block) { return base_.read(block); }
    WritePage write(uint32_t block) { return {*this, base_.write(block)}; }
    // The file is longer at once; what the page holds is not.
    WritePage append(PageKind kind) {
        WritePage page(*this, base_.append(kind));
        page_head(page.page_.modify()).kind = PageKind::unused;
        page_head(page.modify()).kind = kind;
        return page;
    }

  private:
    void count_commit() {
        if (commits_left_ == 0) throw Crash{};
        --commits_left_;
    }
    size_t commits_left_;
};

// Threads that take turns, changing at moments that a seed determines: so that what two of them do to each
// other can be tried out in many orders, and again.
class Turns {
  public:
    // Some seeds change turns often, others let a thread go a long way while the rest stand still.
    explicit Turns(uint32_t seed) : random_(seed), length_(4u << (seed % 8)) {}

    // Runs all of them to their ends.
    void run(const std::vector<std::function<void()>>& bodies) {
        std::vector<std::thread> threads;
        for (size_t i = 0; i < bodies.size(); ++i) waiting_.push_back(i);
        for (size_t i = 0; i < bodies.size(); ++i)
            threads.emplace_back([&, i] {
                me() = i;
                wait_for_turn(i);
                bodies[i]();
                std::lock_guard<std::mutex> guard(mutex_);
                waiting_.erase(std::find(waiting_.begin(), waiting_.end(), i));
                choose();
            });
        for (std::thread& thread : threads) thread.join();
    }

    // Called by a thread that holds no lock: perhaps it is another one's turn.
    void maybe_switch() {
        {
            std::lock_guard<std::mutex> guard(mutex_);
            if (random_() % length_ != 0) return;
            choose();
        }
        wait_for_turn(me());
    }

  private:
    static size_t& me() {
        thread_local size_t number = 0;
        return number;
    }
    void choose() {
        if (!waiting_.empty()) turn_ = waiting_[random_() % waiting_.size()];
        changed_.notify_all();
    }
    void wait_for_turn(size_t i) {
        std::unique_lock<std::mutex> lock(mutex_);
        changed_.wait(lock, [&] { return turn_ == i; });
    }

    std::mt19937 random_;
    uint32_t length_;
    std::mutex mutex_;
    std::condition_variable changed_;
    std::vector<size_t> waiting_;  // that have not ended
    size_t turn_ = 0;
};

// A store whose users do something before every page they lock, unless they hold another.
class PausingStore : public StoreOverMemory {
    static int& pages_held() {
        thread_local int count = 0;
        return count;
    }
    template <class Page>
    class Held : public Page {
      public:
        explicit Held(Page page) : Page(std::move(page)) { ++pages_held(); }
        Held(Held&& other) noexcept : Page(std::move(other)) { ++pages_held(); }
        ~Held() { --pages_held(); }
    };

  public:
    PausingStore(MemStore& base, std::function<void()> pause)
        : StoreOverMemory(base), pause_(std::move(pause)) {}

    using ReadPage = Held<MemStore::ReadPage>;
    using WritePage = Held<MemStore::WritePage>;

    ReadPage read_once(uint32_t block) { return read(block); }
    ReadPage read(uint32_t block) { return ReadPage(paused().read(block)); }
    WritePage write(uint32_t block) { return WritePage(paused().write(block)); }
    WritePage append(PageKind kind) { return WritePage(paused().append(kind)); }

  private:
    MemStore& paused() {
        if (pages_held() == 0) pause_();
        return base_;
    }
    std::function<void()> pause_;
};

// One whose users may lose their turn.
class TurnStore : public PausingStore {
  public:
    TurnStore(MemStore& base, Turns& turns) : PausingStore(base, [&turns] { turns.maybe_switch(); }) {}
};

// Does something once, before the page that has this number among those that a PausingStore is asked for.
class Once {
  public:
    Once(size_t number, std::function<void()> act) : left_(number), act_(std::move(act)) {}
    void operator()() {
        if (left_ == SIZE_MAX || left_-- > 0) return;
        left_ = SIZE_MAX;
        act_();
    }
    bool was_done() const { return left_ == SIZE_MAX; }

  private:
    size_t left_;
    std::function<void()> act_;
};

// Counts pages read.
class CountingStore : public StoreOverMemory {
  public:
    explicit CountingStore(MemStore& base) : StoreOverMemory(base) {}
    using ReadPage = MemStore::ReadPage;
    using WritePage = MemStore::WritePage;
    ReadPage read_once(uint32_t block) { return read(block); }
    ReadPage read(uint32_t block) {
        ++reads_;
        return base_.read(block);
    }
    WritePage write(uint32_t block) { return base_.write(block); }
    WritePage append(PageKind kind) { return base_.append(kind); }
    uint64_t reads() const { return reads_; }

  private:
    uint64_t reads_ = 0;
};

// Tells pages that are passed over from others that are looked at.
class PassCountingStore : public StoreOverMemory {
  public:
    using StoreOverMemory::StoreOverMemory;
    using ReadPage = MemStore::ReadPage;
    using WritePage = MemStore::WritePage;

    ReadPage read(uint32_t block) { return ++others, base_.read(block); }
    ReadPage read_once(uint32_t block) { return ++passing, base_.read(block); }
    WritePage write(uint32_t block) { return ++others, base_.write(block); }
    WritePage append(PageKind kind) { return base_.append(kind); }

    size_t passing = 0, others = 0;
};

}  // namespace vecstore::core
