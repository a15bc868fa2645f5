#include "core/io/source/inflate_source.hpp"

#include <zlib.h>

#include <algorithm>

namespace vecstore::core::io {

struct InflateSource::Stream {
    z_stream zlib = {};
    bool started = false;
    uint64_t taken = 0;  // of the deflated bytes
    uint64_t given = 0;  // of the inflated ones
    uLong checksum = 0;
    uint8_t input[64 * 1024];

    ~Stream() {
        if (started) inflateEnd(&zlib);
    }
};

InflateSource::InflateSource(std::string name, ByteSource& file, const DeflatedPart& part)
    : ByteSource(std::move(name), part.inflated_size),
      file_(file),
      part_(part),
      stream_(std::make_unique<Stream>()) {
    // One bit of deflate stands for at most 258 bytes and there is at least one for each such stretch.
    constexpr uint64_t most_per_byte = 1032;
    if (part.inflated_size / most_per_byte > part.deflated_size) {
        throw_bad_file(file, part.offset,
                       std::to_string(part.deflated_size) + " deflated bytes cannot become the " +
                           std::to_string(part.inflated_size) + " that are announced");
    }
}

InflateSource::~InflateSource() = default;

void InflateSource::restart() {
    Stream& stream = *stream_;
    const int window_bits_without_header = -15;
    const int result = stream.started ? inflateReset(&stream.zlib)
                                      : inflateInit2(&stream.zlib, window_bits_without_header);
    if (result != Z_OK) throw Error(ErrorCode::out_of_memory, "out of memory while inflating " + name());
    stream.started = true;
    stream.taken = 0;
    stream.given = 0;
    stream.checksum = crc32(0, nullptr, 0);
    stream.zlib.avail_in = 0;
}

size_t InflateSource::read_some(uint64_t offset, void* out, size_t length) {
    if (!stream_->started || offset < stream_->given) restart();
    uint8_t skipped[16 * 1024];
    while (stream_->given < offset) {
        inflate_next(skipped,
                     static_cast<size_t>(std::min<uint64_t>(sizeof(skipped), offset - stream_->given)));
    }
    return inflate_next(static_cast<uint8_t*>(out), length);
}

// At least one byte: there are as many as announced, or the file is bad.
size_t InflateSource::inflate_next(uint8_t* out, size_t length) {
    Stream& stream = *stream_;
    const auto wanted = static_cast<uInt>(std::min<size_t>(length, 1 << 24));
    stream.zlib.next_out = out;
    stream.zlib.avail_out = wanted;
    while (stream.zlib.avail_out == wanted) {
        if (stream.zlib.avail_in == 0) {
            const auto next = std::min<uint64_t>(sizeof(stream.input), part_.deflated_size - stream.taken);
            file_.read(part_.offset + stream.taken, stream.input, static_cast<size_t>(next));
            stream.taken += next;
            stream.zlib.next_in = stream.input;
            stream.zlib.avail_in = static_cast<uInt>(next);
        }
        const int result = inflate(&stream.zlib, Z_NO_FLUSH);
        if (result == Z_MEM_ERROR)
            throw Error(ErrorCode::out_of_memory, "out of memory while inflating " + name());
        const bool stuck = stream.zlib.avail_out == wanted && result != Z_OK;
        if (stuck || (result != Z_OK && result != Z_STREAM_END && result != Z_BUF_ERROR)) {
            throw_bad_file(file_, part_.offset + stream.taken - stream.zlib.avail_in,
                           "the deflated data of " + name() + " are damaged or cut off");
        }
    }
    const size_t given = wanted - stream.zlib.avail_out;
    stream.checksum = crc32(stream.checksum, out, static_cast<uInt>(given));
    stream.given += given;
    if (stream.given == size() && stream.checksum != part_.crc32) {
        throw_bad_file(file_, part_.offset, "the checksum of " + name() + " is wrong");
    }
    return given;
}

}  // namespace vecstore::core::io
