// The sending half of a stream.
#pragma once

#include <cstdint>

#include "agent/spool/run_queue.h"
#include "agent/stream/stream_session.h"
#include "common/base/clock.h"

namespace ronda::agent {

// For one stream, and one thread. All arguments must outlive it.
class StreamSender {
 public:
  // `hello_epoch`: the epoch that the stream's hello spoke of.
  StreamSender(ReaderWriter& stream, uint64_t hello_epoch, RunQueue& queue, StreamSession& session,
               const Clock& clock);

  // Sends what the queue has, and the schemas that the collector asks for, until the stream is over
  // or the client stops.
  void Run();
  // On an orderly stop: waits for the last acknowledgements, then says goodbye, and waits until the
  // collector has it. True if goodbye was said and the collector ended the stream upon it.
  bool Drain();

 private:
  // False: the stream takes nothing any more.
  bool SendNext(std::chrono::milliseconds timeout, bool* sent);
  bool SendOne(const Outgoing& out);
  bool SendRequestedSchemas();
  bool WaitAcknowledged(int64_t until_mono_ms);

  ReaderWriter& stream_;
  const uint64_t hello_epoch_;
  RunQueue& queue_;
  StreamSession& session_;
  const Clock& clock_;
};

}  // namespace ronda::agent
