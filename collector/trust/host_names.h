// What this machine is called by others, for the collector's own certificate.
#pragma once

#include <string>
#include <vector>

namespace ronda::trust {

struct HostNames {
  std::vector<std::string> dns_names;
  std::vector<std::string> ip_addresses;
};

// "localhost", the host's name, and the addresses of its interfaces (without link-local ones); then
// `more`, which may be names and addresses. No look-up in the network.
HostNames NamesOfThisHost(const std::vector<std::string>& more);

}  // namespace ronda::trust
