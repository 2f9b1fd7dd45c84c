// Which PostgreSQL server to watch, and how it is called.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"

namespace ronda::agent {

// A value type. Holds the password: never print `parameters`.
struct PgTarget {
  // Keywords and values as libpq's PQconnectStartParams() takes them.
  std::vector<std::pair<std::string, std::string>> parameters;
  // "HOST:PORT", the label `instance`: the host as it is written in the connection string, an IPv6
  // address in brackets. A Unix socket, whatever its folder, is "localhost:PORT", as in
  // postgres_exporter's label `server`: it can only be a server of this machine.
  std::string instance;
  std::string user;
  std::string database;
};

// Reads a libpq connection string: "host=... port=..." or "postgresql://user@host:port/dbname"
// (PostgreSQL manual, 34.1.1). What it leaves out comes from libpq's environment variables
// (PGHOST, PGPASSFILE, ...) and defaults; `password`, unless empty, goes before the string's.
// kInvalidArgument if it cannot be read, holds no valid port, or names several hosts (one sampler
// watches one server), kFailedPrecondition if libpq is not installed; the message repeats nothing
// of the string, which may hold a password.
absl::StatusOr<PgTarget> ParsePgTarget(const std::string& connection_string,
                                       std::string_view password);

}  // namespace ronda::agent
