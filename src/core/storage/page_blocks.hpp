// Memory for pages that are made by the thousand: in blocks of the size of a huge page.
//
// Nodes are read all over an index, and with pages of 4 kB most reads would have to walk the page tables. The
// kernel zeroes a block when it is first touched, which takes longer than filling it: so blocks can be made
// ready beforehand, by a thread that has nothing else to do.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <new>
#include <vector>

#include <sys/mman.h>

#include "core/storage/format.hpp"

namespace vecstore::core {

class PageBlocks {
  public:
    static constexpr size_t page_bytes = core::page_bytes;
    static constexpr size_t pages_per_block = 256;

    struct Unmap {
        void operator()(uint8_t* p) const { munmap(p, block_bytes + read_beyond); }
    };
    using Block = std::unique_ptr<uint8_t[], Unmap>;

    // A block of zeroes: one that is ready, or a new one.
    Block take() {
        {
            std::lock_guard<std::mutex> guard(mutex_);
            if (!ready_.empty()) {
                Block block = std::move(ready_.back());
                ready_.pop_back();
                return block;
            }
        }
        return make();
    }
    void put(Block block) {
        std::lock_guard<std::mutex> guard(mutex_);
        ready_.push_back(std::move(block));
    }
    // Makes one more ready.
    void prepare() { put(make()); }

  private:
    static constexpr size_t block_bytes = pages_per_block * page_bytes;
    static constexpr size_t read_beyond = 4096;  // kernels may read a little beyond the end of the last page

    static Block make() {
        // Aligned to the size of a huge page. The kernel gives zeroes.
        void* const whole = mmap(nullptr, 2 * block_bytes + read_beyond, PROT_READ | PROT_WRITE,
                                 MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        if (whole == MAP_FAILED) throw std::bad_alloc();
        auto* const start = static_cast<uint8_t*>(whole);
        const size_t before = (block_bytes - reinterpret_cast<uintptr_t>(start) % block_bytes) % block_bytes;
        if (before > 0) munmap(start, before);
        if (before < block_bytes) munmap(start + before + block_bytes + read_beyond, block_bytes - before);
        Block block(start + before);
        (void)madvise(block.get(), block_bytes, MADV_HUGEPAGE);
        for (size_t at = 0; at < block_bytes; at += 4096) static_cast<volatile uint8_t*>(block.get())[at] = 0;
        return block;
    }

    std::mutex mutex_;
    std::vector<Block> ready_;
};

}  // namespace vecstore::core
