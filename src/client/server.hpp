// A connection to the server.
#pragma once

#include <cstdint>
#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

struct pg_conn;
struct pg_result;

namespace vecstore::client {

// An error of the server or of the connection: the whole message, with detail and hint.
class ServerError : public std::runtime_error {
  public:
    using std::runtime_error::runtime_error;
};

class Answer {
  public:
    explicit Answer(pg_result* result) : result_(result) {}
    ~Answer();
    Answer(Answer&& other) noexcept : result_(other.result_) { other.result_ = nullptr; }
    Answer(const Answer&) = delete;
    Answer& operator=(const Answer&) = delete;
    int rows() const;
    bool is_null(int column) const;
    // Of the first row.
    std::string text(int column) const;
    int64_t number(int column) const;

  private:
    pg_result* result_;
};

class Server {
  public:
    // A connection string or URI of libpq; empty: its environment variables. Throws ServerError.
    explicit Server(const std::string& connection);
    ~Server();
    Server(const Server&) = delete;
    Server& operator=(const Server&) = delete;

    // Parameters are $1 and so on; nullptr is NULL.
    Answer ask(const std::string& sql, const std::vector<const char*>& parameters = {});
    void begin_copy(const std::string& sql);
    void send(const char* bytes, size_t length);
    void end_copy();
    std::string quoted(const std::string& identifier) const;

  private:
    [[noreturn]] void fail() const;
    static void show_notice(void* self, const pg_result* result);

    pg_conn* connection_;
};

}  // namespace vecstore::client
