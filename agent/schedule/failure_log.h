// Says a repeating failure once, and then how often, each minute.
#pragma once

#include <cstdint>
#include <string>

#include "absl/status/status.h"

namespace ronda::agent {

// Not thread-safe. One for each source.
class FailureLog {
 public:
  // `what`: "sampler diskstats of host".
  explicit FailureLog(std::string what);

  // Call it after each try; `mono_ns` is now.
  void Report(const absl::Status& status, int64_t mono_ns);

  // Failures since the object was made, and lines written about them.
  uint64_t failures() const { return failures_; }
  uint64_t lines() const { return lines_; }

 private:
  const std::string what_;
  bool failing_ = false;
  int64_t last_line_ns_ = 0;
  uint64_t since_last_line_ = 0;
  uint64_t failures_ = 0;
  uint64_t lines_ = 0;
};

}  // namespace ronda::agent
