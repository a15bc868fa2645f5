// SQLite databases that someone else wrote: read only, not trusted.
#pragma once

#include "core/stores/store_reader.hpp"

#include <cstdint>
#include <exception>
#include <string>
#include <string_view>

struct sqlite3;
struct sqlite3_stmt;

namespace vecstore::core::stores {

class SqliteFile;

// A prepared statement; parameters and columns count from 0.
class SqliteQuery {
  public:
    SqliteQuery(const SqliteFile& file, const std::string& sql);
    ~SqliteQuery();
    SqliteQuery(SqliteQuery&& other) noexcept : file_(other.file_), statement_(other.statement_) {
        other.statement_ = nullptr;
    }
    SqliteQuery(const SqliteQuery&) = delete;
    SqliteQuery& operator=(const SqliteQuery&) = delete;

    SqliteQuery& bind(int parameter, const std::string& text);
    SqliteQuery& bind(int parameter, int64_t number);
    // The next row; false at the end.
    bool step();
    // From the first row again, with new parameters.
    void reset();

    bool is_null(int column) const;
    int64_t integer(int column) const;
    double real(int column) const;
    // Texts and blobs; valid until the next step.
    std::string_view bytes(int column) const;
    std::string text(int column) const { return std::string(bytes(column)); }

  private:
    const SqliteFile& file_;
    sqlite3_stmt* statement_ = nullptr;
};

class SqliteFile {
  public:
    // Throws bad_file when it is no database.
    SqliteFile(const Folder& folder, const std::string& name);
    ~SqliteFile();
    SqliteFile(const SqliteFile&) = delete;
    SqliteFile& operator=(const SqliteFile&) = delete;

    // Whether there is such a table: a plain one. A view or a virtual table would be a program.
    bool has_table(const std::string& table) const;
    bool has_column(const std::string& table, const std::string& column) const;

  private:
    friend class SqliteQuery;
    static int on_progress(void* self) noexcept;
    [[noreturn]] void fail(const std::string& what) const;

    const Folder& folder_;
    std::string shown_;
    std::exception_ptr interrupt_;  // what check_interrupts() has thrown below SQLite's frames
    sqlite3* database_ = nullptr;
};

}  // namespace vecstore::core::stores
