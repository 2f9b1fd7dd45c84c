// Sockets to listen on.
#pragma once

#include <string>
#include <vector>

#include "absl/status/statusor.h"

namespace ronda::http {

struct Listening {
  std::vector<int> sockets;  // owned by the caller
  std::string address;       // HOST:PORT as bound
};

// A socket for each address that the host of HOST:PORT has ("localhost" has two, "[::]" one that
// takes IPv4 too), all on one port. kUnavailable, with the address and what to do, if one is taken;
// kInvalidArgument if it is no address.
absl::StatusOr<Listening> Listen(const std::string& address);

}  // namespace ronda::http
