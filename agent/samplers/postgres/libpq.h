// libpq, loaded when the first server is to be watched.
#pragma once

#include "absl/status/status.h"

namespace ronda::agent {

// Loads libpq.so.5 if it is not there yet. Before it returned OK no function of libpq-fe.h may be
// called. kFailedPrecondition: it cannot be loaded; the message says which package brings it.
// Thread-safe.
//
// Not linked, because most nodes have no PostgreSQL: with Kerberos, LDAP and GnuTLS it brings 20
// shared libraries along, which cost an agent 1.1 MiB for nothing.
absl::Status LoadLibpq();

}  // namespace ronda::agent
