// Memory of searches and inserts, kept from one to the next.
#pragma once

#include <cstddef>
#include <memory>
#include <utility>
#include <vector>

namespace vecstore::core {

// A Memory of one's own for as long as this lives, a used one where there is one. Several may be in use at
// once (joins). An object that grew beyond most_kept bytes, as memory_of(memory) counts them, is given back
// to the system: a scan of everything needs some forty bytes a row, and the backend may never see another.
// Not for several threads.
template <class Memory>
class Pooled {
  public:
    static constexpr size_t most_kept = 16 << 20;
    static constexpr size_t most_at_once = 4;

    Pooled() {
        auto& pool = free_list();
        if (pool.empty()) {
            memory_ = std::make_unique<Memory>();
        } else {
            memory_ = std::move(pool.back());
            pool.pop_back();
        }
    }
    ~Pooled() {
        if (free_list().size() < most_at_once && memory_of(*memory_) <= most_kept)
            free_list().push_back(std::move(memory_));
    }
    Pooled(const Pooled&) = delete;
    Pooled& operator=(const Pooled&) = delete;
    Memory& operator*() { return *memory_; }
    Memory* operator->() { return memory_.get(); }

  private:
    static std::vector<std::unique_ptr<Memory>>& free_list() {
        static std::vector<std::unique_ptr<Memory>> list = [] {
            std::vector<std::unique_ptr<Memory>> empty;
            empty.reserve(most_at_once);  // so that the destructor has nothing to throw
            return empty;
        }();
        return list;
    }
    std::unique_ptr<Memory> memory_;
};

}  // namespace vecstore::core
