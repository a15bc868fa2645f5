#include "client/server.hpp"

#include <cstdlib>
#include <iostream>

#include <libpq-fe.h>

namespace vecstore::client {

namespace {

std::string without_newline(std::string text) {
    while (!text.empty() && text.back() == '\n') text.pop_back();
    return text;
}

std::string field(const PGresult* result, int code) {
    const char* const text = PQresultErrorField(result, code);
    return text == nullptr ? std::string() : std::string(text);
}

std::string message_of(const PGresult* result) {
    std::string message = field(result, PG_DIAG_MESSAGE_PRIMARY);
    if (message.empty()) message = without_newline(PQresultErrorMessage(result));
    for (const auto& [code, name] :
         {std::pair(PG_DIAG_MESSAGE_DETAIL, "DETAIL"), std::pair(PG_DIAG_MESSAGE_HINT, "HINT"),
          std::pair(PG_DIAG_CONTEXT, "CONTEXT")}) {
        const std::string text = field(result, code);
        if (!text.empty()) message += std::string("\n") + name + ": " + text;
    }
    return message;
}

}  // namespace

Answer::~Answer() { PQclear(result_); }
int Answer::rows() const { return PQntuples(result_); }
bool Answer::is_null(int column) const { return PQgetisnull(result_, 0, column) != 0; }
std::string Answer::text(int column) const { return PQgetvalue(result_, 0, column); }
int64_t Answer::number(int column) const { return std::strtoll(PQgetvalue(result_, 0, column), nullptr, 10); }

Server::Server(const std::string& connection) {
    // The connection string may override the names that stand before it.
    const char* const names[] = {"fallback_application_name", "dbname", "client_encoding", nullptr};
    const char* const values[] = {"vecstore-load", connection.c_str(), "UTF8", nullptr};
    connection_ = PQconnectdbParams(names, values, 1);
    if (PQstatus(connection_) != CONNECTION_OK) {
        const std::string message = without_newline(PQerrorMessage(connection_));
        PQfinish(connection_);
        throw ServerError(message);
    }
    PQsetNoticeReceiver(connection_, show_notice, this);
}

Server::~Server() { PQfinish(connection_); }

void Server::show_notice(void*, const PGresult* result) {
    std::cerr << "vecstore-load: " << message_of(result) << '\n';
}

void Server::fail() const { throw ServerError(without_newline(PQerrorMessage(connection_))); }

Answer Server::ask(const std::string& sql, const std::vector<const char*>& parameters) {
    PGresult* const result = PQexecParams(connection_, sql.c_str(), static_cast<int>(parameters.size()),
                                          nullptr, parameters.data(), nullptr, nullptr, 0);
    Answer answer(result);
    const ExecStatusType status = PQresultStatus(result);
    if (status == PGRES_TUPLES_OK || status == PGRES_COMMAND_OK) return answer;
    throw ServerError(message_of(result));
}

void Server::begin_copy(const std::string& sql) {
    PGresult* const result = PQexec(connection_, sql.c_str());
    const Answer answer(result);
    if (PQresultStatus(result) != PGRES_COPY_IN) throw ServerError(message_of(result));
}

void Server::send(const char* bytes, size_t length) {
    constexpr size_t piece = size_t{1} << 20;
    for (size_t at = 0; at < length; at += piece) {
        if (PQputCopyData(connection_, bytes + at, static_cast<int>(std::min(piece, length - at))) != 1)
            fail();
    }
}

void Server::end_copy() {
    if (PQputCopyEnd(connection_, nullptr) != 1) fail();
    std::string problem;
    while (PGresult* const result = PQgetResult(connection_)) {
        const Answer answer(result);
        if (PQresultStatus(result) != PGRES_COMMAND_OK && problem.empty()) problem = message_of(result);
    }
    if (!problem.empty()) throw ServerError(problem);
}

std::string Server::quoted(const std::string& identifier) const {
    char* const text = PQescapeIdentifier(connection_, identifier.data(), identifier.size());
    if (text == nullptr) fail();
    std::string out = text;
    PQfreemem(text);
    return out;
}

}  // namespace vecstore::client
