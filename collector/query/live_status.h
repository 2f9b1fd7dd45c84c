// What only a running collector knows, as a seam: ingest and the collector's wiring implement it.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace ronda::query {

// What was not taken of what an agent sent, by cause, since the collector's start.
struct Refused {
  std::string cause;    // "new_series", ...
  int64_t count = 0;    // frames, or streams
  int64_t last_ms = 0;  // the collector's wall clock at the last of them
  std::string detail;   // of that one
  bool operator==(const Refused&) const = default;
};

struct LiveNode {
  std::string name;
  bool connected = false;     // a stream is open
  int64_t last_frame_ms = 0;  // collector's wall clock at the newest frame; 0: none since its start
  int64_t clock_offset_ms = 0;     // the agent's clock minus the collector's, at the last message
  bool silent = false;             // should send and does not (by the collector's monotonic clock)
  int64_t machine_changed_ms = 0;  // since when it is another machine than before; 0: it is not
  std::vector<Refused> refused = {};  // the latest first
};

struct ProcessFacts {
  int64_t started_ms = 0;         // the collector's wall clock at its start
  double samples_per_second = 0;  // received, over the last seconds
};

// Thread-safe; cheap enough to be called for each query.
class LiveStatus {
 public:
  virtual ~LiveStatus() = default;

  // Every node heard of since the start, and those known before that are silent; in any order.
  virtual std::vector<LiveNode> LiveNodes() const = 0;
  virtual ProcessFacts Process() const = 0;
};

}  // namespace ronda::query
