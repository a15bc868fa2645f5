#include "client/progress.hpp"

#include <algorithm>
#include <cmath>
#include <cstdio>

#include <sys/ioctl.h>
#include <unistd.h>

namespace vecstore::client {

namespace {

constexpr std::chrono::milliseconds between_bars{100};
constexpr std::chrono::seconds between_lines{10};

std::string duration(double seconds) {
    const auto total = std::lround(seconds);
    char text[40];
    if (total >= 3600) {
        std::snprintf(text, sizeof(text), "%ld:%02ld:%02ld h", total / 3600, total / 60 % 60, total % 60);
    } else if (total >= 60) {
        std::snprintf(text, sizeof(text), "%ld:%02ld min", total / 60, total % 60);
    } else {
        std::snprintf(text, sizeof(text), "%ld s", total);
    }
    return text;
}

size_t terminal_width() {
    winsize size{};
    return ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0 ? size.ws_col : 80;
}

}  // namespace

Progress::Progress(uint64_t rows, uint64_t before, bool quiet)
    : rows_(rows), before_(before), quiet_(quiet), terminal_(isatty(STDERR_FILENO) != 0) {}

Progress::~Progress() {
    if (bar_shown_) std::fputc('\n', stderr);
}

double Progress::seconds() const {
    return std::max(std::chrono::duration<double>(Clock::now() - started_).count(), 1e-6);
}

double Progress::rate(uint64_t done) const { return static_cast<double>(done - before_) / seconds(); }

std::string Progress::status(uint64_t done) const {
    const double percent = rows_ == 0 ? 100 : 100.0 * static_cast<double>(done) / static_cast<double>(rows_);
    char text[160];
    std::snprintf(text, sizeof(text), "%llu of %llu rows (%.0f%%), %.0f rows/s",
                  static_cast<unsigned long long>(done), static_cast<unsigned long long>(rows_), percent,
                  rate(done));
    std::string out = text;
    if (done > before_ && done < rows_)
        out += ", about " + duration(static_cast<double>(rows_ - done) / rate(done)) + " left";
    return out;
}

void Progress::show_bar(uint64_t done) {
    const std::string text = status(done);
    const size_t width = terminal_width();
    std::string line = "\r";
    if (width > text.size() + 15) {
        const size_t room = std::min<size_t>(width - text.size() - 5, 40);
        const size_t filled = rows_ == 0 ? room
                                         : static_cast<size_t>(static_cast<double>(room) *
                                                               static_cast<double>(done) /
                                                               static_cast<double>(rows_));
        line += '[' + std::string(filled, '#') + std::string(room - filled, ' ') + "] ";
    }
    line += text + "\x1b[K";  // and nothing of a longer line before
    std::fputs(line.c_str(), stderr);
    std::fflush(stderr);
    bar_shown_ = true;
}

void Progress::show(uint64_t done) {
    if (quiet_) return;
    const auto now = Clock::now();
    const bool end = done == rows_;
    if (terminal_) {
        if (!end && now - last_ < between_bars) return;
        show_bar(done);
    } else {
        if (end || now - last_ < between_lines) return;
        std::fprintf(stderr, "vecstore-load: %s\n", status(done).c_str());
    }
    last_ = now;
}

}  // namespace vecstore::client
