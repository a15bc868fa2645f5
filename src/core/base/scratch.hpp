// Arrays that may be larger than the memory their user is to take: where they lie is somebody else's
// decision.
#pragma once

#include <cstddef>
#include <cstdlib>
#include <cstring>
#include <functional>
#include <memory>
#include <new>

namespace vecstore::core {

class Scratch {
  public:
    // So many bytes, all zeros.
    using Take = std::function<std::shared_ptr<void>(size_t bytes)>;

    // On the heap.
    Scratch() : take_(on_heap) {}
    explicit Scratch(Take take) : take_(std::move(take)) {}
    std::shared_ptr<void> take(size_t bytes) const { return take_(bytes); }

    static std::shared_ptr<void> on_heap(size_t bytes) {
        void* const memory = std::calloc(bytes > 0 ? bytes : 1, 1);
        if (memory == nullptr) throw std::bad_alloc();
        return {memory, std::free};
    }

  private:
    Take take_;
};

// Of plain numbers: T's zero is all bits zero, and nothing is to be destroyed.
template <class T>
class ScratchArray {
  public:
    void reset(size_t size, const Scratch& scratch) {
        memory_.reset();  // before there is another
        memory_ = scratch.take(size * sizeof(T));
        size_ = size;
    }
    // To more, with zeros behind what there is.
    void grow(size_t size, const Scratch& scratch) {
        const std::shared_ptr<void> more = scratch.take(size * sizeof(T));
        if (size_ > 0) std::memcpy(more.get(), memory_.get(), size_ * sizeof(T));
        memory_ = more;
        size_ = size;
    }
    size_t size() const { return size_; }
    T& operator[](size_t i) { return static_cast<T*>(memory_.get())[i]; }
    const T& operator[](size_t i) const { return static_cast<const T*>(memory_.get())[i]; }

  private:
    std::shared_ptr<void> memory_;
    size_t size_ = 0;
};

}  // namespace vecstore::core
