// Clients that mean it ill, for `ronda-bench hostile`.
#pragma once

#include <span>
#include <string>

#include "tests/bench/fleet_trust.h"
#include "tests/bench/scale_set.h"

namespace ronda::bench {

struct HostileTarget {
  int port = 0;
  const FleetTrust* trust = nullptr;  // null: plain text
  const ScaleSet* set = nullptr;
  int agent = 0;     // whose name and certificate it has: none of the fleet's
  std::string bomb;  // see MakeBomb()
};

struct HostileKind {
  const char* name;
  const char* what;
  // Goes on until the process is killed.
  void (*run)(const HostileTarget& target);
};

std::span<const HostileKind> HostileKinds();

// A gzip of 256 MiB of zeros.
std::string MakeBomb();

}  // namespace ronda::bench
