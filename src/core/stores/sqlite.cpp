#include "core/stores/sqlite.hpp"

#include <sqlite3.h>

namespace vecstore::core::stores {

namespace {

// A path as part of a URI.
std::string escape_path(const std::string& path) {
    static constexpr char hex[] = "0123456789ABCDEF";
    std::string out;
    for (const char c : path) {
        if (c == '%' || c == '?' || c == '#') {
            out += '%';
            out += hex[static_cast<unsigned char>(c) >> 4];
            out += hex[static_cast<unsigned char>(c) & 15];
        } else {
            out += c;
        }
    }
    return out;
}

// No document is longer, and no honest schema needs more.
void set_limits(sqlite3* database) {
    sqlite3_limit(database, SQLITE_LIMIT_LENGTH, 256 << 20);
    sqlite3_limit(database, SQLITE_LIMIT_SQL_LENGTH, 100000);
    sqlite3_limit(database, SQLITE_LIMIT_COLUMN, 200);
    sqlite3_limit(database, SQLITE_LIMIT_EXPR_DEPTH, 50);
    sqlite3_limit(database, SQLITE_LIMIT_ATTACHED, 0);
    sqlite3_limit(database, SQLITE_LIMIT_WORKER_THREADS, 0);
    sqlite3_db_config(database, SQLITE_DBCONFIG_DEFENSIVE, 1, nullptr);
    sqlite3_db_config(database, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, nullptr);
    sqlite3_db_config(database, SQLITE_DBCONFIG_ENABLE_LOAD_EXTENSION, 0, nullptr);
    sqlite3_db_config(database, SQLITE_DBCONFIG_ENABLE_TRIGGER, 0, nullptr);
    sqlite3_db_config(database, SQLITE_DBCONFIG_ENABLE_VIEW, 0, nullptr);
}

constexpr int steps_between_checks = 10000;

}  // namespace

SqliteFile::SqliteFile(const Folder& folder, const std::string& name) : folder_(folder) {
    shown_ = folder.open(name)->name();  // it is there, and a regular file
    // Without these it is not what its last writer meant; immutable, SQLite would not look at them.
    for (const char* const suffix : {"-wal", "-journal"}) {
        if (!folder.holds(name + suffix) || folder.open(name + suffix)->size() == 0) continue;
        throw Error(ErrorCode::invalid_parameter,
                    shown_ + " has changes that are only in its \"" + suffix + "\" file",
                    "Another program is using the database, or was stopped while it did.",
                    "Stop it, open and close the store once, and read the folder (or a copy of it) then.");
    }
    const std::string uri = "file:" + escape_path(folder.path_of(name)) + "?mode=ro&immutable=1";
    const int flags = SQLITE_OPEN_READONLY | SQLITE_OPEN_URI | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_PRIVATECACHE;
    try {
        if (sqlite3_open_v2(uri.c_str(), &database_, flags, nullptr) != SQLITE_OK) fail("open it");
        set_limits(database_);
        sqlite3_progress_handler(database_, steps_between_checks, on_progress, this);
        for (const char* const pragma :
             {"PRAGMA cell_size_check = ON", "PRAGMA mmap_size = 0", "PRAGMA query_only = ON"}) {
            if (sqlite3_exec(database_, pragma, nullptr, nullptr, nullptr) != SQLITE_OK) fail("open it");
        }
        SqliteQuery(*this, "SELECT count(*) FROM sqlite_master").step();
    } catch (...) {
        sqlite3_close_v2(database_);
        throw;
    }
}

SqliteFile::~SqliteFile() { sqlite3_close_v2(database_); }

// Most interrupts are only work to be done, and SQLite goes on afterwards. No exception passes its frames.
int SqliteFile::on_progress(void* self) noexcept {
    auto* const file = static_cast<SqliteFile*>(self);
    try {
        file->folder_.check_interrupts();
        return 0;
    } catch (...) {
        file->interrupt_ = std::current_exception();
        return 1;
    }
}

void SqliteFile::fail(const std::string& what) const {
    if (interrupt_ != nullptr) std::rethrow_exception(interrupt_);
    const int code = database_ != nullptr ? sqlite3_errcode(database_) & 0xff : SQLITE_NOMEM;
    const std::string reason = database_ != nullptr ? sqlite3_errmsg(database_) : "out of memory";
    const ErrorCode kind = code == SQLITE_NOMEM                              ? ErrorCode::out_of_memory
                           : code == SQLITE_IOERR || code == SQLITE_CANTOPEN ? ErrorCode::io
                                                                             : ErrorCode::bad_file;
    throw Error(kind, "cannot read " + shown_ + ": SQLite could not " + what + ": " + reason);
}

bool SqliteFile::has_table(const std::string& table) const {
    SqliteQuery query(*this, "SELECT sql FROM sqlite_master WHERE type = 'table' AND name = ?");
    if (!query.bind(0, table).step()) return false;
    const std::string sql = query.text(0);
    return sql.find("VIRTUAL") == std::string::npos && sql.find("virtual") == std::string::npos;
}

bool SqliteFile::has_column(const std::string& table, const std::string& column) const {
    SqliteQuery query(*this, "SELECT 1 FROM pragma_table_info(?) WHERE name = ?");
    return query.bind(0, table).bind(1, column).step();
}

SqliteQuery::SqliteQuery(const SqliteFile& file, const std::string& sql) : file_(file) {
    if (sqlite3_prepare_v2(file.database_, sql.c_str(), -1, &statement_, nullptr) != SQLITE_OK)
        file.fail("prepare a query");
}

SqliteQuery::~SqliteQuery() { sqlite3_finalize(statement_); }

SqliteQuery& SqliteQuery::bind(int parameter, const std::string& text) {
    sqlite3_bind_text(statement_, parameter + 1, text.data(), static_cast<int>(text.size()),
                      SQLITE_TRANSIENT);
    return *this;
}

SqliteQuery& SqliteQuery::bind(int parameter, int64_t number) {
    sqlite3_bind_int64(statement_, parameter + 1, number);
    return *this;
}

bool SqliteQuery::step() {
    const int result = sqlite3_step(statement_);
    if (result == SQLITE_ROW) return true;
    if (result != SQLITE_DONE) file_.fail("read a table");
    return false;
}

void SqliteQuery::reset() { sqlite3_reset(statement_); }

bool SqliteQuery::is_null(int column) const { return sqlite3_column_type(statement_, column) == SQLITE_NULL; }

int64_t SqliteQuery::integer(int column) const { return sqlite3_column_int64(statement_, column); }

double SqliteQuery::real(int column) const { return sqlite3_column_double(statement_, column); }

std::string_view SqliteQuery::bytes(int column) const {
    const bool is_blob = sqlite3_column_type(statement_, column) == SQLITE_BLOB;
    const void* const data = is_blob ? sqlite3_column_blob(statement_, column)
                                     : static_cast<const void*>(sqlite3_column_text(statement_, column));
    const auto length = static_cast<size_t>(sqlite3_column_bytes(statement_, column));
    if (data == nullptr) return {};
    return {static_cast<const char*>(data), length};
}

}  // namespace vecstore::core::stores
