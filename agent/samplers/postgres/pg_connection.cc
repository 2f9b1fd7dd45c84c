#include "agent/samplers/postgres/pg_connection.h"

#include <libpq-fe.h>
#include <poll.h>

#include <cerrno>
#include <cstdlib>
#include <iterator>
#include <string>
#include <utility>
#include <vector>

namespace ronda::agent {
namespace {

PGconn* Begin(const PgTarget& target) {
  std::vector<const char*> keywords;
  std::vector<const char*> values;
  for (const auto& [keyword, value] : target.parameters) {
    keywords.push_back(keyword.c_str());
    values.push_back(value.c_str());
  }
  keywords.push_back(nullptr);
  values.push_back(nullptr);
  return PQconnectStartParams(keywords.data(), values.data(), /*expand_dbname=*/0);
}

std::string_view View(const char* text) { return text == nullptr ? "" : text; }

}  // namespace

void PgResult::Clear::operator()(pg_result* result) const { PQclear(result); }

int PgResult::rows() const { return PQntuples(result_.get()); }

bool PgResult::IsNull(int row, int column) const {
  return PQgetisnull(result_.get(), row, column) != 0;
}

std::string_view PgResult::Text(int row, int column) const {
  return View(PQgetvalue(result_.get(), row, column));
}

double PgResult::Number(int row, int column) const {
  const char* text = PQgetvalue(result_.get(), row, column);
  return text == nullptr ? 0 : std::strtod(text, nullptr);
}

PgConnection::PgConnection(const PgTarget& target, int interrupt_fd)
    : conn_(Begin(target)),
      interrupt_fd_(interrupt_fd),
      poll_state_(conn_ == nullptr || PQstatus(conn_) == CONNECTION_BAD ? PGRES_POLLING_FAILED
                                                                        : PGRES_POLLING_WRITING) {
  if (conn_ != nullptr) {
    PQsetErrorVerbosity(conn_, PQERRORS_VERBOSE);  // before the server can say no
    PQsetNoticeProcessor(
        conn_, [](void*, const char*) {}, nullptr);  // else: standard error
  }
}

PgConnection::~PgConnection() { PQfinish(conn_); }

bool PgConnection::WaitForSocket(short events, Deadline deadline) const {
  pollfd fds[] = {{PQsocket(conn_), events, 0}, {interrupt_fd_, POLLIN, 0}};
  while (true) {
    const auto left =
        std::chrono::ceil<std::chrono::milliseconds>(deadline - std::chrono::steady_clock::now());
    const int ready =
        poll(fds, std::size(fds), left.count() > 0 ? static_cast<int>(left.count()) : 0);
    if (ready == 0 || (ready > 0 && fds[1].revents != 0)) {
      return false;
    }
    if (ready > 0 || errno != EINTR) {
      return true;  // also on an error: libpq's next call finds and words it
    }
  }
}

PgFailure PgConnection::ConnectFailure() const {
  if (conn_ == nullptr) {
    return {PgTrouble::kOther, "", "out of memory"};
  }
  PgFailure failure = ClassifyConnectError(View(PQerrorMessage(conn_)));
  if (PQconnectionNeedsPassword(conn_) != 0) {
    failure.trouble = PgTrouble::kPassword;
  }
  return failure;
}

PgFailure PgConnection::Connect(Deadline deadline) {
  while (poll_state_ != PGRES_POLLING_OK) {
    if (poll_state_ == PGRES_POLLING_FAILED) {
      return ConnectFailure();
    }
    const short events = poll_state_ == PGRES_POLLING_READING ? POLLIN : POLLOUT;
    if (!WaitForSocket(events, deadline)) {
      return {PgTrouble::kHanging, "", "connecting"};
    }
    poll_state_ = PQconnectPoll(conn_);
  }
  PQsetnonblocking(conn_, 1);
  connected_ = true;
  return {};
}

PgFailure PgConnection::Query(const char* sql, Deadline deadline, PgResult* result) {
  if (PQsendQuery(conn_, sql) == 0) {
    return ClassifyQueryError("", View(PQerrorMessage(conn_)));
  }
  owes_answer_ = true;
  return TakeAnswer(deadline, result);
}

PgFailure PgConnection::Drain(Deadline deadline) {
  const PgFailure failure = TakeAnswer(deadline, nullptr);
  const bool broken = failure.trouble == PgTrouble::kLost;
  return broken || failure.trouble == PgTrouble::kHanging ? failure : PgFailure{};
}

PgFailure PgConnection::TakeAnswer(Deadline deadline, PgResult* result) {
  PgFailure failure;
  while (owes_answer_) {
    const int flush = PQflush(conn_);  // 1: part of the query is still unsent
    if (flush == 0 && PQisBusy(conn_) == 0) {
      PGresult* raw = PQgetResult(conn_);
      PgResult one(raw);
      owes_answer_ = raw != nullptr;
      const ExecStatusType status = PQresultStatus(raw);
      if (raw != nullptr && status != PGRES_TUPLES_OK && status != PGRES_COMMAND_OK) {
        failure = ClassifyQueryError(View(PQresultErrorField(raw, PG_DIAG_SQLSTATE)),
                                     View(PQresultErrorField(raw, PG_DIAG_MESSAGE_PRIMARY)));
      } else if (raw != nullptr && result != nullptr) {
        *result = std::move(one);
      }
      continue;
    }
    if (flush >= 0 &&
        !WaitForSocket(static_cast<short>(flush > 0 ? POLLIN | POLLOUT : POLLIN), deadline)) {
      return {PgTrouble::kHanging, "", "waiting for an answer"};
    }
    if (flush < 0 || PQconsumeInput(conn_) == 0) {
      owes_answer_ = false;
      return ClassifyQueryError("", View(PQerrorMessage(conn_)));
    }
  }
  if (failure.ok() && PQstatus(conn_) == CONNECTION_BAD) {
    failure = ClassifyQueryError("", View(PQerrorMessage(conn_)));
  }
  return failure;
}

int PgConnection::server_version() const { return PQserverVersion(conn_); }

bool PgConnection::is_superuser() const {
  return View(PQparameterStatus(conn_, "is_superuser")) == "on";
}

}  // namespace ronda::agent
