// Where a group's frames go: the seam between sampling and sending.
#pragma once

#include <cstdint>
#include <string>

#include "absl/functional/function_ref.h"

namespace ronda::agent {

// Thread-safe: groups submit from their own threads.
class FrameSink {
 public:
  virtual ~FrameSink() = default;

  // Assigns the next sequence number and calls `encode(seq, start_run, out)`, which must append
  // exactly one frame to *out; with start_run it must be a key frame (the stream started anew).
  // Never blocks on the network; what does not fit in memory pushes out the oldest run.
  virtual void Submit(
      uint32_t group,
      absl::FunctionRef<void(uint64_t seq, bool start_run, std::string* out)> encode) = 0;
};

}  // namespace ronda::agent
