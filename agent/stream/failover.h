// With several collectors: when to leave the one that a stream is with.
#pragma once

#include <cstdint>
#include <string>

#include "agent/spool/run_queue.h"
#include "agent/stream/stream_options.h"
#include "agent/stream/stream_session.h"
#include "common/base/clock.h"

namespace ronda::agent {

// Thread-safe. All arguments must outlive it.
class Failover {
 public:
  Failover(const StreamOptions& options, RunQueue& queue, StreamSession& session,
           const Clock& clock);

  // Watches a stream until it is over: ends one that is not served, and one that is not with the
  // first of the collectors (`index` 0) once that can be reached again for some time.
  void Watch(size_t index);

  // Which collector comes after a stream with `index`: the first, if its stream was ended to go
  // back there (`*at_once` then), else the next of the list.
  size_t NextAfter(size_t index, bool* at_once);

 private:
  void EndStream(const std::string& why) ABSL_EXCLUSIVE_LOCKS_REQUIRED(session_.mu);
  // Whether somebody answers there at all; the stream that goes on meanwhile is not touched.
  bool CanReach(const std::string& collector);

  const StreamOptions& options_;
  RunQueue& queue_;
  StreamSession& session_;
  const Clock& clock_;
  int64_t return_after_ms_
      ABSL_GUARDED_BY(session_.mu);  // doubled after a return that did not last
  int64_t returned_mono_ms_ ABSL_GUARDED_BY(session_.mu) = 0;  // when the first was gone back to
  bool go_back_ ABSL_GUARDED_BY(session_.mu) = false;
};

}  // namespace ronda::agent
