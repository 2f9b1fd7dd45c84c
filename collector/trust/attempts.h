// How often somebody may be wrong.
#pragma once

#include <cstdint>
#include <map>
#include <string>

#include "common/base/clock.h"
#include "common/base/mutex.h"

namespace ronda::trust {

// Counts failures by address, in windows of a minute. Thread-safe, and bounded: when too many
// addresses fail at once, all wait.
class Attempts {
 public:
  struct Options {
    int per_address = 10;
    int in_all = 300;
    int64_t window_ms = 60'000;
  };

  Attempts(const Options& options, const Clock& clock) : options_(options), clock_(clock) {}

  // False: the address, or everybody, has failed too often in this minute.
  bool May(const std::string& address);
  void Failed(const std::string& address);

 private:
  void TurnLocked() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);

  const Options options_;
  const Clock& clock_;
  Mutex mu_;
  int64_t window_ ABSL_GUARDED_BY(mu_) = -1;
  int all_ ABSL_GUARDED_BY(mu_) = 0;
  std::map<std::string, int> failed_ ABSL_GUARDED_BY(mu_);
};

// "ipv4:10.0.0.1:4711" to "ipv4:10.0.0.1": the address of a peer without its port.
std::string AddressOfPeer(const std::string& peer);

}  // namespace ronda::trust
