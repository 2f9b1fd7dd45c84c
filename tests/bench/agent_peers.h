// What others have on a node, for `ronda-bench agent`: started as Debian packages them, sampling
// the host each second and sending it on.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

namespace ronda::bench {

// Not thread-safe. Its processes end with it.
class AgentPeer {
 public:
  virtual ~AgentPeer() = default;

  virtual std::string name() const = 0;  // in the JSON line
  virtual std::string what() const = 0;  // for people
  // Called once a second.
  virtual void Tick() {}
  // Of the process that samples.
  virtual pid_t pid() = 0;
  // Values of the last second, 0 if it does not work.
  virtual double series() = 0;
  // That went over the wire so far, without TCP's.
  virtual int64_t bytes() = 0;
};

// Those that are installed; what is not is named on standard error. `dir` is for their files, and
// must outlive them.
std::vector<std::unique_ptr<AgentPeer>> StartAgentPeers(const std::string& dir);

}  // namespace ronda::bench
