// Where a group's frames go: the seam between sampling and sending.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "absl/functional/function_ref.h"
#include "common/model/schema.h"

namespace ronda::agent {

// What the sink must know of a frame without decoding it.
struct FrameInfo {
  uint32_t group = 0;  // the group's number; the same for all of its frames
  int64_t t_ms = 0;
  std::shared_ptr<const Schema> schema;  // null for records
};

// Thread-safe: groups submit from their own threads.
class FrameSink {
 public:
  virtual ~FrameSink() = default;

  // Assigns the next sequence number and calls `encode(seq, start_run, out)`, which must append
  // exactly one frame to *out; with start_run it must be a key frame (the stream started anew).
  // Never blocks on the network; what does not fit in memory pushes out the oldest run.
  virtual void Submit(
      const FrameInfo& info,
      absl::FunctionRef<void(uint64_t seq, bool start_run, std::string* out)> encode) = 0;
};

}  // namespace ronda::agent
