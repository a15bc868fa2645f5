// Shows how far a load is: a bar on a terminal, a line now and then elsewhere.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>

namespace vecstore::client {

class Progress {
  public:
    // before: rows that an earlier load has done.
    Progress(uint64_t rows, uint64_t before, bool quiet);
    ~Progress();
    void show(uint64_t done);
    double seconds() const;
    // Rows of this load for each second.
    double rate(uint64_t done) const;

  private:
    using Clock = std::chrono::steady_clock;
    std::string status(uint64_t done) const;
    void show_bar(uint64_t done);

    const uint64_t rows_;
    const uint64_t before_;
    const bool quiet_;
    const bool terminal_;
    const Clock::time_point started_ = Clock::now();
    Clock::time_point last_ = started_;
    bool bar_shown_ = false;
};

}  // namespace vecstore::client
