// What the agent knows to be missing, told as records of the kind "gap".
#pragma once

#include <cstdint>
#include <string>

#include "agent/samplers/frame_sink.h"
#include "common/base/clock.h"
#include "common/base/mutex.h"
#include "common/codec/record_run.h"

namespace ronda::agent {

// Thread-safe.
class GapLog {
 public:
  // `group` is the group number of the records. The references must outlive the log.
  GapLog(uint32_t group, FrameSink& sink, const Clock& clock);

  // `source`: the name of the sampler group, "" for all of the node. Causes: model/record.h.
  void Report(int64_t from_ms, int64_t to_ms, const std::string& source, const std::string& cause,
              const std::string& detail) ABSL_LOCKS_EXCLUDED(mu_);

 private:
  const uint32_t group_;
  FrameSink& sink_;
  const Clock& clock_;
  Mutex mu_;
  codec::RecordRunEncoder encoder_ ABSL_GUARDED_BY(mu_);
};

}  // namespace ronda::agent
