// Objects with threads of their own in a backend.
#pragma once

#include "pg/guard.hpp"

extern "C" {
#include "storage/ipc.h"
}

namespace vecstore::pg {

// A FATAL error passes no destructor, and exit() must find no thread. So the objects that live then are told
// to stop their threads, the newest first. Objects of such classes end in the reverse order of their
// beginning.
class StoppedAtExit {
  public:
    StoppedAtExit(const StoppedAtExit&) = delete;
    StoppedAtExit& operator=(const StoppedAtExit&) = delete;

  protected:
    StoppedAtExit() : outer_(newest_) {
        static bool registered = false;
        if (!registered) pg_call([] { before_shmem_exit(stop_all, Datum{0}); });
        registered = true;
        newest_ = this;
    }
    ~StoppedAtExit() { newest_ = outer_; }

  private:
    virtual void stop_threads() = 0;

    static void stop_all(int, Datum) {
        for (; newest_ != nullptr; newest_ = newest_->outer_) newest_->stop_threads();
    }

    inline static StoppedAtExit* newest_ = nullptr;
    StoppedAtExit* const outer_;
};

}  // namespace vecstore::pg
