// Which role each call needs. A call that is not in the table is refused, and a test holds the
// table to the .proto files.
#pragma once

#include <span>
#include <string_view>

#include "absl/status/status.h"
#include "collector/access/peer.h"

namespace ronda::access {

enum class Need {
  kNothing,  // no certificate: enrolment, which has tokens
  kAgent,    // a node's certificate
  kIngest,   // an agent, or a person who imports: CheckStream() has the last word
  kRead,
  kOperate,
  kAdmin,
};

struct MethodRule {
  std::string_view method;  // "/ronda.v1.Query/GetTime"
  Need need;
};

std::span<const MethodRule> MethodRules();

// What `method` needs; null if it is not in the table.
const MethodRule* FindRule(std::string_view method);

// kUnauthenticated: nobody is known at the other end; kPermissionDenied: it is known and may not.
// Both say what is needed.
absl::Status Allow(const MethodRule& rule, const Peer& peer);

}  // namespace ronda::access
