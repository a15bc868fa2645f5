// Work that a build does while its table is scanned, on a thread of its own: read the file whose graph is to
// be imported, and make memory ready for the pages to come.
#pragma once

#include <atomic>
#include <condition_variable>
#include <exception>
#include <functional>
#include <mutex>
#include <thread>

#include "core/hnsw/graph_import/graph_match.hpp"
#include "core/storage/page_blocks.hpp"

namespace vecstore::core {

class Preload {
  public:
    // vectors, graph: of the file, or null; nobody else may read them before take_nodes(). They must outlive
    // this. threaded: or everything is done when it is asked for. The thread starts with the object where
    // there is a file to read, else when the build turns out to be a large one.
    Preload(io::VectorReader* vectors, io::GraphReader* graph, bool threaded);
    ~Preload() { stop(); }
    Preload(const Preload&) = delete;
    Preload& operator=(const Preload&) = delete;

    // By now it is certain that so many pages will be needed.
    void expect_pages(size_t pages);
    PageBlocks& memory() { return memory_; }

    // The nodes that were read of the file. Waits for it, calling progress(), which may throw; throws what
    // reading threw.
    FileNodes take_nodes(const std::function<void()>& progress);

    // Nobody will take them.
    void forget_file();

    // Ends the thread; what it has made ready remains.
    void stop();

  private:
    void start();
    void run();
    void read_file();

    io::VectorReader* vectors_;
    io::GraphReader* graph_;
    bool may_start_;
    PageBlocks memory_;
    std::atomic<size_t> wanted_{0};  // blocks
    std::atomic<bool> stopped_{false};
    std::atomic<bool> file_is_wanted_{true};
    std::mutex mutex_;
    std::condition_variable file_was_read_;
    bool file_is_read_ = false;  // and what follows is set
    FileNodes nodes_;
    std::exception_ptr failure_;
    std::thread thread_;
};

}  // namespace vecstore::core
