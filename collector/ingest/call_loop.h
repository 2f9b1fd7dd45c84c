// Streams of agents on gRPC's completion queues, all served by one thread.
//
// Measured with 10,000 streams at 1 Hz (`ronda-bench fleet`), this is why it is as it is:
//
// - Debian's gRPC is built with its checks: each operation that a queue waits for is an entry in a
//   list that is searched from the front when one completes. With all streams on one queue that was
//   18 % of the collector. So streams are spread over queues, filled one after the other.
// - One thread goes round the queues: a second poller would only take turns with it, at a futex
// each
//   time. While there is one queue it waits for that. Else it waits for the first one for a few
//   milliseconds (that is where the kernel's events of all queues are worked off) and goes round.
// - A read that waits for its message makes gRPC open the flow control window at once, in a packet
//   of its own. So the read that follows a live message of a slow stream is asked for together with
//   the acknowledgement, which halves the packets. A stream whose next message was there already
//   when its read was asked for has more to come: it is read on without waiting.
#pragma once

#include <functional>
#include <memory>

#include "collector/ingest/session.h"

namespace grpc {
class ServerBuilder;
class GenericServerContext;
}  // namespace grpc

namespace ronda::ingest {

// See rpc::AsyncService for the order of calls.
class CallLoop {
 public:
  // Makes the session of a new stream; called on the loop's thread.
  using NewSession =
      std::function<std::shared_ptr<Session>(const grpc::GenericServerContext&, Session::Outlet)>;

  explicit CallLoop(NewSession new_session);
  ~CallLoop();

  void Register(grpc::ServerBuilder* builder);
  void Start();
  void EndCalls();
  void Stop();

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace ronda::ingest
