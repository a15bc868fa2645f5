// The inverted lists of a FAISS IVF index: in the index file (ilar), or in a file beside it (ilod). Rows come
// list by list, in the order of the lists.
#pragma once

#include "core/io/formats/row_source.hpp"
#include "core/io/formats/vector_reader.hpp"

namespace vecstore::core::io {

struct InvertedLists {
    // A list that is not empty.
    struct List {
        uint64_t number;
        uint64_t first_row;  // of all rows
        uint64_t codes_offset;
        uint64_t ids_offset;
    };

    ByteSource* data = nullptr;           // where codes and ids are
    std::unique_ptr<ByteSource> sibling;  // owns data where that is not the index file
    std::vector<List> lists;
    uint64_t count = 0;  // of all lists
    uint64_t rows = 0;
    uint64_t code_size = 0;

    // The list of a row, which exists, and how many of its rows there are from that one on.
    size_t list_of(uint64_t row) const;
    uint64_t rows_from(size_t list, uint64_t row) const;
};

// Parses the lists; the cursor is behind them then. Throws bad_file, and invalid_parameter where the file
// with the lists is not there.
InvertedLists read_inverted_lists(Cursor& cursor, const ReadOptions& options);

// The vectors, decoded; where there are centroids (codes are of residuals), those of each row's list are
// added.
std::unique_ptr<RowSource> list_rows(std::shared_ptr<const InvertedLists> lists,
                                     std::shared_ptr<const Codec> codec,
                                     std::unique_ptr<RowSource> centroids);
std::unique_ptr<IdSource> list_ids(std::shared_ptr<const InvertedLists> lists);

}  // namespace vecstore::core::io
