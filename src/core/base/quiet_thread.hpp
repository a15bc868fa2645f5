// Threads inside a backend: no signal is delivered to them, all are for the thread that Postgres knows.
#pragma once

#include <pthread.h>
#include <signal.h>

#include <thread>
#include <utility>

namespace vecstore::core {

// Throws std::system_error where no thread is to be had.
template <class F>
std::thread quiet_thread(F&& f) {
    struct Blocked {
        Blocked() {
            sigset_t all;
            sigfillset(&all);
            pthread_sigmask(SIG_SETMASK, &all, &before);
        }
        ~Blocked() { pthread_sigmask(SIG_SETMASK, &before, nullptr); }
        sigset_t before;
    };
    const Blocked blocked;  // a new thread has the mask of the one that made it
    return std::thread(std::forward<F>(f));
}

}  // namespace vecstore::core
