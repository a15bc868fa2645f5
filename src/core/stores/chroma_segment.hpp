// The vectors of a Chroma collection that have left the queue: a folder of its HNSW library's files.
//
//   header.bin             100 bytes: i32 version (1), then hnswlib's header (in front of data_level0.bin
//                          where there is no such file)
//   data_level0.bin        max_elements rows of links, vector, label; those from cur_element_count on never
//                          written
//   length.bin             a float for each row: with cosine distance, the length its vector had
//   index_metadata.pickle  which id has which label
#pragma once

#include "core/stores/store_reader.hpp"

#include <functional>

namespace vecstore::core::stores {

class ChromaSegment {
  public:
    // `folder_name` is the segment's, inside of folder.
    ChromaSegment(const Folder& folder, const std::string& folder_name, bool cosine);

    // The first of the files it takes that is not there, by its path inside of folder; empty: all are there.
    static std::string missing_file(const Folder& folder, const std::string& folder_name);

    uint64_t dims() const { return dims_; }
    uint64_t rows() const { return rows_; }
    uint64_t bytes() const { return data_->size(); }
    uint64_t fingerprint() const;
    // Tells all ids and rows. Deleted elements are left out.
    void for_each_id(const std::function<void(const std::string& id, uint64_t row)>& tell) const;
    void read(uint64_t row, std::vector<float>& vector) const;

  private:
    void read_header(io::ByteSource& source);
    [[noreturn]] void fail_header(const io::ByteSource& source, const std::string& reason) const;
    bool is_deleted(uint64_t row) const;

    std::unique_ptr<io::ByteSource> data_;
    std::unique_ptr<io::ByteSource> lengths_;  // null: vectors are stored as they were
    std::unique_ptr<io::ByteSource> ids_;
    uint64_t data_offset_ = 0;  // of row 0 in data_
    uint64_t rows_ = 0;
    uint64_t row_bytes_ = 0;
    uint64_t vector_offset_ = 0;  // in a row
    uint64_t label_offset_ = 0;
    uint64_t dims_ = 0;
};

}  // namespace vecstore::core::stores
