// One connection to a PostgreSQL server on which no call waits longer than its deadline.
//
// It stands on libpq, not on libpqxx, for two reasons. libpqxx has only calls that block: with
// statement_timeout=2 s, connect_timeout, keep-alives and tcp_user_timeout all set, exec() of
// "SELECT 1" by libpqxx 6.4 on a server stopped with SIGSTOP had not returned after 60 s (the
// kernel goes on acknowledging for a stopped process); here it returns at the deadline. And when
// connecting fails, libpqxx has the message only, which servers write in their own language; libpq
// can be asked for the SQLSTATE (pg_error.h).
#pragma once

#include <chrono>
#include <cstddef>
#include <memory>
#include <string_view>

#include "agent/samplers/postgres/pg_error.h"
#include "agent/samplers/postgres/pg_target.h"

struct pg_conn;
struct pg_result;

namespace ronda::agent {

// The rows of a query, as text.
class PgResult {
 public:
  PgResult() = default;
  explicit PgResult(pg_result* result) : result_(result) {}

  int rows() const;
  bool IsNull(int row, int column) const;
  // "" for NULL; valid as long as the PgResult.
  std::string_view Text(int row, int column) const;
  // 0 for NULL and for what is no number.
  double Number(int row, int column) const;

 private:
  struct Clear {
    void operator()(pg_result* result) const;
  };
  std::unique_ptr<pg_result, Clear> result_;
};

// Not thread-safe. After a failure other than kHanging, kStatementLimit and kPermission it is of no
// further use. The destructor does not wait for the server.
class PgConnection {
 public:
  using Deadline = std::chrono::steady_clock::time_point;

  // Begins to connect. Blocks only where the system's resolver does, for a host given by name.
  // While `interrupt_fd` is readable all waits end at once, as if their deadline had come; it must
  // outlive the connection. -1: none.
  explicit PgConnection(const PgTarget& target, int interrupt_fd = -1);
  ~PgConnection();
  PgConnection(const PgConnection&) = delete;
  PgConnection& operator=(const PgConnection&) = delete;

  // Waits until the session is there. After kHanging it may be called again and goes on waiting
  // for the same attempt.
  PgFailure Connect(Deadline deadline);
  bool connected() const { return connected_; }

  // Runs one statement and takes its rows. After kHanging, `owes_answer()` is true and Drain()
  // must return OK before the next Query().
  PgFailure Query(const char* sql, Deadline deadline, PgResult* result);
  bool owes_answer() const { return owes_answer_; }
  // Waits for the answer that a query left behind and throws it away. kHanging if it still does
  // not come; an error that the server answered with is an answer.
  PgFailure Drain(Deadline deadline);

  // 150018 is 15.18.
  int server_version() const;
  bool is_superuser() const;

 private:
  PgFailure TakeAnswer(Deadline deadline, PgResult* result);
  PgFailure ConnectFailure() const;
  // False when the deadline has passed or by interrupt. `events` as for poll(2).
  bool WaitForSocket(short events, Deadline deadline) const;

  pg_conn* const conn_;
  const int interrupt_fd_;
  int poll_state_;  // PostgresPollingStatusType
  bool connected_ = false;
  bool owes_answer_ = false;
};

}  // namespace ronda::agent
