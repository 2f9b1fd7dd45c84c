// The receiving half of a stream: takes what the collector says to the queue.
#pragma once

#include <cstdint>
#include <map>

#include "agent/spool/run_queue.h"
#include "agent/stream/stream_session.h"
#include "common/base/clock.h"

namespace ronda::v1 {
class Reject;
}

namespace ronda::agent {

// For all streams of a client, one after the other; used by one thread at a time. All arguments
// must outlive it.
class StreamReceiver {
 public:
  StreamReceiver(RunQueue& queue, StreamSession& session, const Clock& clock);

  // Reads until the stream ends or the collector orders new numbers; sets `stream_over`.
  void Run(ReaderWriter& stream);
  void Handle(const v1::CollectorMessage& message);

 private:
  // The first of a reason at once, then one line a minute with their number.
  void LogRejection(const v1::Reject& reject);

  struct Rejections {
    int64_t logged_mono_ms = 0;  // 0: never
    int64_t since_log = 0;
  };

  RunQueue& queue_;
  StreamSession& session_;
  const Clock& clock_;
  std::map<int, Rejections> rejections_;  // by reason
};

}  // namespace ronda::agent
