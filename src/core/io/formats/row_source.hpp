// Vectors at known places of a file, read by position: what the parsers of index files put together, each
// layer (codes, lists, rotations) reading from the one below. Everything a layer keeps in memory is small or
// limited; what it reads is read in pieces.
#pragma once

#include "core/io/source/byte_source.hpp"

#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

namespace vecstore::core::io {

class RowSource {
  public:
    // Scratch memory of a layer, about.
    static constexpr size_t scratch_bytes = size_t{1} << 20;

    RowSource(uint64_t rows, uint64_t dims) : rows_(rows), dims_(dims) {}
    virtual ~RowSource() = default;

    uint64_t rows() const { return rows_; }
    uint64_t dims() const { return dims_; }
    // count x dims values of the rows from first on. Called only inside [0, rows), and with at least one
    // dimension.
    virtual void read(uint64_t first, size_t count, float* out) = 0;

  private:
    uint64_t rows_;
    uint64_t dims_;
};

// Ids of rows, by position.
class IdSource {
  public:
    virtual ~IdSource() = default;
    virtual void read(uint64_t first, size_t count, int64_t* out) = 0;
};

// How one vector is packed into code_size bytes.
class Codec {
  public:
    Codec(uint64_t dims, uint64_t code_size) : dims_(dims), code_size_(code_size) {}
    virtual ~Codec() = default;
    uint64_t dims() const { return dims_; }
    uint64_t code_size() const { return code_size_; }
    virtual void decode(const uint8_t* code, float* out) const = 0;

  private:
    uint64_t dims_;
    uint64_t code_size_;
};

// Codes one after the other.
class CodeRows : public RowSource {
  public:
    // The codes lie inside the source.
    CodeRows(ByteSource& source, uint64_t offset, uint64_t rows, std::shared_ptr<const Codec> codec)
        : RowSource(rows, codec->dims()), source_(source), offset_(offset), codec_(std::move(codec)) {}
    void read(uint64_t first, size_t count, float* out) override;

  private:
    ByteSource& source_;
    uint64_t offset_;
    std::shared_ptr<const Codec> codec_;
    std::vector<uint8_t> codes_;
};

// int64 little-endian, one after the other, inside the source.
class PlainIds : public IdSource {
  public:
    PlainIds(ByteSource& source, uint64_t offset) : source_(source), offset_(offset) {}
    void read(uint64_t first, size_t count, int64_t* out) override;

  private:
    ByteSource& source_;
    uint64_t offset_;
};

// An id map over an index that has ids of its own: those are positions in the map.
class MappedIds : public IdSource {
  public:
    MappedIds(ByteSource& source, uint64_t offset, uint64_t count, std::unique_ptr<IdSource> inner)
        : source_(source), map_(source), offset_(offset), count_(count), inner_(std::move(inner)) {}
    void read(uint64_t first, size_t count, int64_t* out) override;

  private:
    ByteSource& source_;
    CachedSource map_;
    uint64_t offset_;
    uint64_t count_;
    std::unique_ptr<IdSource> inner_;
};

}  // namespace vecstore::core::io
