// What can go wrong between us and a PostgreSQL server, and what the user can do about it.
#pragma once

#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "agent/samplers/postgres/pg_target.h"

namespace ronda::agent {

enum class PgTrouble {
  kNone,
  kHanging,         // no answer within the time-out; the connection still waits for one
  kUnreachable,     // refused, no route, no such host, no such socket
  kLost,            // an established connection broke
  kPassword,        // 28P01, or the server wants one and none is configured
  kRole,            // no such role, or it may not log in
  kHostRules,       // pg_hba.conf lets nobody in this way
  kDatabase,        // no such database
  kNotReady,        // starting up, shutting down, recovering
  kServerFull,      // max_connections is used up, for ordinary roles at least
  kRoleLimit,       // the CONNECTION LIMIT of our role or of our database is used up
  kPermission,      // a grant is missing
  kStatementLimit,  // statement_timeout or lock_timeout ended our query
  kUnsupported,     // a server that is too old
  kOther,
};

struct PgFailure {
  PgTrouble trouble = PgTrouble::kNone;
  std::string sqlstate;  // five characters, or empty if it was not the server who said it
  std::string detail;    // one line, as libpq or the server said it

  bool ok() const { return trouble == PgTrouble::kNone; }
};

// Reads libpq's message about a connection that could not be made. The message must have been
// written with PQERRORS_VERBOSE: then it carries the SQLSTATE and the server's source function,
// which say the same in every language (lc_messages translates all else, "FATAL" included), and
// the function tells apart what shares a SQLSTATE: 53300 is "server full" but also "role's limit".
// If several attempts failed (IPv6, then IPv4), the last that the server answered counts.
PgFailure ClassifyConnectError(std::string_view message);

// The same for a query's SQLSTATE (empty if the connection broke) and primary message.
PgFailure ClassifyQueryError(std::string_view sqlstate, std::string_view message);

// OK for kNone; else what failed, where, why and what to do. Does not change while the trouble
// stays the same, so that it is logged once. kUnavailable and kDeadlineExceeded may pass by
// themselves, the others need the user.
absl::Status ToStatus(const PgFailure& failure, const PgTarget& target);

}  // namespace ronda::agent
