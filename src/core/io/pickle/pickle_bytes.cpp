#include "core/io/pickle/pickle_bytes.hpp"

namespace vecstore::core::io {

void PickleBytes::fill_window() {
    constexpr uint64_t window_bytes = uint64_t{64} * 1024;
    window_start_ = position_;
    window_.resize(static_cast<size_t>(std::min(window_bytes, source_.size() - position_)));
    source_.read(position_, window_.data(), window_.size());
}

std::string PickleBytes::line(size_t longest) {
    std::string out;
    for (;;) {
        const char c = static_cast<char>(next_byte());
        if (c == '\n') break;
        if (out.size() == longest) fail("a line of more than " + std::to_string(longest) + " bytes");
        out += c;
    }
    if (!out.empty() && out.back() == '\r') out.pop_back();
    return out;
}

uint64_t PickleBytes::skip(uint64_t length) {
    if (!source_.holds(position_, length)) {
        fail("a value of " + std::to_string(length) + " bytes is announced, but there are only " +
             std::to_string(left()));
    }
    if (length > UINT32_MAX) fail("a value of " + std::to_string(length) + " bytes");
    const uint64_t start = position_;
    position_ += length;
    return start;
}

void PickleBytes::refuse(const std::string& what) const {
    throw Error(ErrorCode::file_not_supported,
                "the pickle in " + source_.name() + " " + what + ", at byte " + std::to_string(at_), {},
                "Pickles are programs, and are never run here: only plain data is read, and the classes "
                "that LangChain and Chroma write. Do not load a file like this one in Python unless you "
                "know who made it.");
}

}  // namespace vecstore::core::io
