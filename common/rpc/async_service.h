// A service that takes its calls from completion queues of its own, by threads of its own.
#pragma once

namespace grpc {
class ServerBuilder;
}

namespace ronda::rpc {

// Called by whoever owns the server, in this order, from one thread.
class AsyncService {
 public:
  virtual ~AsyncService() = default;
  // Before the server is built.
  virtual void Register(grpc::ServerBuilder* builder) = 0;
  // Once the server serves.
  virtual void Start() = 0;
  // Ends all calls, so that the server's shutdown has none to wait for. Does not wait.
  virtual void EndCalls() = 0;
  // After the server's shutdown: ends the threads.
  virtual void Stop() = 0;
};

}  // namespace ronda::rpc
