#include "agent/samplers/postgres/pg_error.h"

#include <algorithm>
#include <cctype>

#include "common/base/status.h"

namespace ronda::agent {
namespace {

// Longer lines are cut: they come from outside.
constexpr size_t kMaxDetail = 300;

std::string OneLine(std::string_view text) {
  text = text.substr(0, text.find('\n'));
  return std::string(text.substr(0, kMaxDetail));
}

bool IsSqlState(std::string_view text) {
  return text.size() == 5 && std::all_of(text.begin(), text.end(), [](unsigned char c) {
           return std::isdigit(c) != 0 || (c >= 'A' && c <= 'Z');
         });
}

// The position of the last "<severity>:  <SQLSTATE>: ", or npos.
size_t FindSqlState(std::string_view message) {
  for (size_t at = message.rfind(":  "); at != std::string_view::npos && at > 0;
       at = message.rfind(":  ", at - 1)) {
    const std::string_view rest = message.substr(at + 3);
    if (rest.size() > 7 && IsSqlState(rest.substr(0, 5)) && rest.substr(5, 2) == ": ") {
      return at + 3;
    }
  }
  return std::string_view::npos;
}

bool Contains(std::string_view text, std::string_view part) {
  return text.find(part) != std::string_view::npos;
}

// `location` is what follows the SQLSTATE, with the line "LOCATION:  function, file:line".
PgTrouble ConnectTrouble(std::string_view sqlstate, std::string_view location) {
  if (sqlstate == "28P01") {
    return PgTrouble::kPassword;
  }
  if (sqlstate == "28000") {
    return Contains(location, "InitializeSessionUserId") ? PgTrouble::kRole : PgTrouble::kHostRules;
  }
  if (sqlstate == "3D000") {
    return PgTrouble::kDatabase;
  }
  if (sqlstate == "57P03" || sqlstate == "57P01" || sqlstate == "57P02") {
    return PgTrouble::kNotReady;
  }
  if (sqlstate == "53300") {
    // src/backend/utils/init: the role's limit and the database's are checked in these two.
    const bool limit =
        Contains(location, "InitializeSessionUserId") || Contains(location, "CheckMyDatabase");
    return limit ? PgTrouble::kRoleLimit : PgTrouble::kServerFull;
  }
  return sqlstate == "42501" ? PgTrouble::kPermission : PgTrouble::kOther;
}

struct Advice {
  absl::StatusCode code;
  std::string_view what;
  std::string_view remedy;
};

Advice AdviceFor(PgTrouble trouble) {
  using absl::StatusCode;
  switch (trouble) {
    case PgTrouble::kNone:
      break;
    case PgTrouble::kHanging:
      return {StatusCode::kDeadlineExceeded, "no answer within the time-out",
              "is it stopped, overloaded or waiting for its disk? the one connection is kept and "
              "waits, no other is made"};
    case PgTrouble::kUnreachable:
      return {
          StatusCode::kUnavailable, "cannot connect",
          "is the server running, and does it listen there (listen_addresses, port, firewall)?"};
    case PgTrouble::kLost:
      return {StatusCode::kUnavailable, "the connection was lost",
              "did the server stop or restart? connecting again"};
    case PgTrouble::kPassword:
      return {StatusCode::kUnauthenticated, "the password was refused",
              "set the right one in agent.yml, or a new one with ALTER ROLE ... PASSWORD"};
    case PgTrouble::kRole:
      return {StatusCode::kUnauthenticated, "the role does not exist or may not log in",
              "create it with deploy/postgres/setup.sql"};
    case PgTrouble::kHostRules:
      return {StatusCode::kUnauthenticated, "the server's pg_hba.conf refuses this connection",
              "add a line for this user, database and address, then reload the server"};
    case PgTrouble::kDatabase:
      return {StatusCode::kNotFound, "the database does not exist",
              "name an existing one (dbname=postgres) in agent.yml"};
    case PgTrouble::kNotReady:
      return {StatusCode::kUnavailable, "the server is starting up, recovering or shutting down",
              "waiting for it"};
    case PgTrouble::kServerFull:
      return {StatusCode::kResourceExhausted, "all ordinary connection slots are in use",
              "close idle sessions or raise max_connections"};
    case PgTrouble::kRoleLimit:
      return {StatusCode::kResourceExhausted,
              "the connection limit of the role or of the database is used up",
              "does another agent use this role? see ALTER ROLE ... CONNECTION LIMIT"};
    case PgTrouble::kPermission:
      return {StatusCode::kPermissionDenied, "the role lacks a grant",
              "grant pg_monitor and CONNECT, as deploy/postgres/setup.sql does"};
    case PgTrouble::kStatementLimit:
      return {StatusCode::kDeadlineExceeded, "the server ended our query at its time-out",
              "is it overloaded?"};
    case PgTrouble::kUnsupported:
      return {StatusCode::kUnimplemented, "the server is older than PostgreSQL 10",
              "it cannot be watched; remove it from agent.yml or upgrade it"};
    case PgTrouble::kOther:
      break;
  }
  return {StatusCode::kUnknown, "an unexpected error", "see the server's log"};
}

}  // namespace

PgFailure ClassifyConnectError(std::string_view message) {
  const size_t at = FindSqlState(message);
  if (at == std::string_view::npos) {
    return {PgTrouble::kUnreachable, "", OneLine(message)};
  }
  const std::string_view sqlstate = message.substr(at, 5);
  const std::string_view rest = message.substr(at + 7);
  return {ConnectTrouble(sqlstate, rest), std::string(sqlstate), OneLine(rest)};
}

PgFailure ClassifyQueryError(std::string_view sqlstate, std::string_view message) {
  PgTrouble trouble = PgTrouble::kOther;
  if (sqlstate.empty() || sqlstate.substr(0, 2) == "08" || sqlstate == "57P01" ||
      sqlstate == "57P02" || sqlstate == "57P05") {
    trouble = PgTrouble::kLost;
  } else if (sqlstate == "57014" || sqlstate == "55P03") {
    trouble = PgTrouble::kStatementLimit;
  } else if (sqlstate == "42501") {
    trouble = PgTrouble::kPermission;
  }
  return {trouble, std::string(sqlstate), OneLine(message)};
}

absl::Status ToStatus(const PgFailure& failure, const PgTarget& target) {
  if (failure.ok()) {
    return absl::OkStatus();
  }
  const Advice advice = AdviceFor(failure.trouble);
  std::string said = failure.detail;
  if (!failure.sqlstate.empty()) {
    said += fmt::format("{}SQLSTATE {}", said.empty() ? "" : ", ", failure.sqlstate);
  }
  return Fail(advice.code, "PostgreSQL at {} (user {}, database {}): {}{}{}{}; {}", target.instance,
              target.user, target.database, advice.what, said.empty() ? "" : " (", said,
              said.empty() ? "" : ")", advice.remedy);
}

}  // namespace ronda::agent
