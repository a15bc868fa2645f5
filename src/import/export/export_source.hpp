// The rows that an export writes: of a table, or of a query.
#pragma once

#include "pg/postgres.hpp"

extern "C" {
#include "executor/spi.h"
}

#include <string>
#include <vector>

namespace vecstore::import {

struct ExportTypes {
    Oid vector;
    Oid halfvec;
};

// The types of this extension, beside one of its functions. May raise.
ExportTypes export_types_beside(Oid function);

struct ExportRequest {
    std::string source;         // a table's name, or a query
    std::string vector_column;  // empty: the only one
    std::string id_column;      // empty: rows have their numbers as ids
    bool skip_nulls;
};

// Where `source` is the name of a table, its OID. May raise.
Oid table_of_source(const char* source);

class ExportSource {
  public:
    // Connects to SPI and opens the query's cursor.
    ExportSource(const ExportRequest& request, const ExportTypes& types);
    ~ExportSource() = default;  // at the end of the transaction, or in close()
    ExportSource(const ExportSource&) = delete;
    ExportSource& operator=(const ExportSource&) = delete;

    // Of the column's type where it says so, or of the first row; 0: neither.
    size_t dims() const { return dims_; }
    bool is_half() const { return is_half_; }
    // The next row; false at the end. All rows have the same dimensions.
    bool next();
    int64_t id() const { return id_; }
    // dims() of them, which the caller may change.
    float* values() { return values_.data(); }
    uint64_t skipped() const { return skipped_; }
    void close();

  private:
    void open(const char* sql);
    void find_columns(const char* vector_column, const char* id_column);
    bool fetch();
    bool take_row(HeapTuple tuple);
    void take_vector(Datum datum);
    [[noreturn]] void raise_null(const char* what) const;

    const ExportRequest request_;
    const ExportTypes types_;
    Portal portal_ = nullptr;
    MemoryContext context_ = nullptr;  // of a batch's values
    int vector_at_ = 0;
    int id_at_ = 0;  // 0: none
    Oid id_type_ = InvalidOid;
    bool is_half_ = false;
    size_t dims_ = 0;
    uint64 next_ = 0;  // in the batch
    uint64 batch_ = 0;
    uint64_t rows_ = 0;
    uint64_t skipped_ = 0;
    int64_t id_ = 0;
    std::vector<float> values_;
};

}  // namespace vecstore::import
