// Errors of the pure core. They carry what PostgreSQL's users expect of an error (a class that maps
// to an SQLSTATE, a message with the value and the limit, a detail, a hint) without knowing Postgres.
#pragma once

#include <exception>
#include <string>
#include <utility>

namespace vecstore::core {

enum class ErrorCode {
    invalid_parameter,   // 22023: an argument or option is out of its range
    data_exception,      // 22000: a value cannot be used (wrong dimensions, NaN, infinity)
    out_of_range,        // 22003: a number overflows its type
    limit_exceeded,      // 54000: larger than this program supports
    bad_file,            // 22P04: a file is malformed
    file_not_supported,  // 0A000: a well-formed file of a kind that cannot be read
    io,                  // 58030: reading or writing failed
    out_of_memory,       // 53200
    corrupted_index,     // XX002
    newer_format,        // 0A000: a later version wrote an index
    not_now,             // 55000: something else is to be done or to end first, which the hint names
    internal,            // XX000
};

class Error : public std::exception {
  public:
    Error(ErrorCode code, std::string message, std::string detail = {}, std::string hint = {})
        : code_(code), message_(std::move(message)), detail_(std::move(detail)), hint_(std::move(hint)) {}

    const char* what() const noexcept override { return message_.c_str(); }
    ErrorCode code() const noexcept { return code_; }
    const std::string& message() const noexcept { return message_; }
    const std::string& detail() const noexcept { return detail_; }
    const std::string& hint() const noexcept { return hint_; }

  private:
    ErrorCode code_;
    std::string message_;
    std::string detail_;
    std::string hint_;
};

}  // namespace vecstore::core
