// Reading ahead: order, the end, errors, abandoning, interruption; with a thread and without.
#include "core/base/read_ahead.hpp"

#include <gtest/gtest.h>

#include <pthread.h>
#include <csignal>
#include <stdexcept>

namespace {

using namespace vecstore;
using Ahead = core::ReadAhead<int>;
using Mode = Ahead::Mode;

const auto patient = [] {};

class ReadAhead : public testing::TestWithParam<Mode> {};

INSTANTIATE_TEST_SUITE_P(Modes, ReadAhead, testing::Values(Mode::thread, Mode::caller));

// Counts up to `last`.
Ahead::Fill count_to(int last) {
    return [last, next = 0](int& block) mutable {
        block = next;
        return next++ < last;
    };
}

TEST_P(ReadAhead, GivesAllBlocksInOrderThenTheEnd) {
    Ahead ahead(count_to(1000), 3, GetParam());
    for (int i = 0; i < 1000; i++) {
        const int* const block = ahead.next(patient);
        ASSERT_NE(block, nullptr);
        ASSERT_EQ(*block, i);
    }
    EXPECT_EQ(ahead.next(patient), nullptr);
    EXPECT_EQ(ahead.next(patient), nullptr);
}

TEST_P(ReadAhead, ThrowsWhatFillThrewBehindTheBlocksBefore) {
    Ahead ahead(
        [next = 0](int& block) mutable {
            if (next == 5) throw std::runtime_error("block five");
            block = next++;
            return true;
        },
        4, GetParam());
    for (int i = 0; i < 5; i++) ASSERT_EQ(*ahead.next(patient), i);
    for (int i = 0; i < 2; i++) {
        try {
            ahead.next(patient);
            FAIL();
        } catch (const std::runtime_error& e) {
            EXPECT_STREQ(e.what(), "block five");
        }
    }
}

TEST_P(ReadAhead, GivesNothingOnceStopped) {
    Ahead ahead(count_to(1000), 2, GetParam());
    ASSERT_EQ(*ahead.next(patient), 0);
    ahead.stop();
    EXPECT_EQ(ahead.next(patient), nullptr);
}

TEST(ReadAheadThread, KeepsToItsDepthAndLeavesABlockAloneWhileItIsUsed) {
    std::atomic<int> filled{0};
    Ahead ahead(
        [&](int& block) {
            block = filled++;
            return true;
        },
        3);
    for (int i = 0; i < 20; i++) {
        const int* const block = ahead.next(patient);
        std::this_thread::sleep_for(std::chrono::milliseconds(2));
        EXPECT_EQ(*block, i);
        EXPECT_LE(filled, i + 3);
    }
    EXPECT_EQ(filled, 22);
}

// A destructor that waited for the whole file would hang here.
TEST(ReadAheadThread, IsAbandonedInTheMiddleOfABlock) {
    std::atomic<bool> waiting{false}, let_go{false};
    {
        Ahead ahead(
            [&](int&) -> bool {
                struct Watch {
                    std::atomic<bool>& gone;
                    ~Watch() { gone = true; }
                } watch{let_go};
                for (;;) {
                    waiting = true;
                    core::check_abandoned();
                }
            },
            2);
        while (!waiting) std::this_thread::yield();
    }
    EXPECT_TRUE(let_go);
}

TEST(ReadAheadThread, IsAbandonedWhileItWaitsForRoom) {
    Ahead ahead(count_to(1000), 2);
    ASSERT_EQ(*ahead.next(patient), 0);
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
}

TEST(ReadAheadThread, CanBeInterruptedWhileNothingComesAndTakenUpAgain) {
    std::atomic<bool> go{false};
    Ahead ahead(
        [&](int& block) {
            while (!go) core::check_abandoned();
            block = 7;
            return true;
        },
        2);
    int asked = 0;
    struct Interrupted {};
    const auto impatient = [&] {
        if (++asked == 3) throw Interrupted{};
    };
    EXPECT_THROW(ahead.next(impatient), Interrupted);
    EXPECT_EQ(asked, 3);
    go = true;
    EXPECT_EQ(*ahead.next(patient), 7);
}

// Signals are for the caller: Postgres's handlers know only its own thread.
TEST(ReadAheadThread, TakesNoSignals) {
    sigset_t mask;
    Ahead ahead(
        [&](int&) {
            pthread_sigmask(SIG_SETMASK, nullptr, &mask);
            return false;
        },
        2);
    EXPECT_EQ(ahead.next(patient), nullptr);
    for (const int signal : {SIGINT, SIGTERM, SIGUSR1, SIGALRM}) EXPECT_EQ(sigismember(&mask, signal), 1);
    pthread_sigmask(SIG_SETMASK, nullptr, &mask);
    EXPECT_EQ(sigismember(&mask, SIGINT), 0);
}

TEST(ReadAheadThread, KnowsWhereItIs) {
    bool there = false;
    Ahead ahead([&](int&) { return there = core::is_reading_ahead(), false; }, 2);
    EXPECT_EQ(ahead.next(patient), nullptr);
    EXPECT_TRUE(there);
    EXPECT_FALSE(core::is_reading_ahead());
    EXPECT_NO_THROW(core::check_abandoned());
}

}  // namespace
