// Tested by tests/unit/agent/stream/stream_client_test.cc.
#include "agent/stream/connect.h"

#include <grpcpp/grpcpp.h>

#include <algorithm>
#include <chrono>
#include <thread>

#include "common/base/thread.h"
#include "common/rpc/credentials.h"
#include "ronda/v1/ingest.grpc.pb.h"

namespace ronda::agent {
namespace {

grpc::ChannelArguments ChannelArguments(const std::string& collector) {
  grpc::ChannelArguments args;
  rpc::SetProxy(collector, &args);
  args.SetInt(GRPC_ARG_KEEPALIVE_TIME_MS, 15'000);
  args.SetInt(GRPC_ARG_KEEPALIVE_TIMEOUT_MS, 10'000);
  args.SetInt(GRPC_ARG_KEEPALIVE_PERMIT_WITHOUT_CALLS, 1);
  args.SetInt(GRPC_ARG_HTTP2_BDP_PROBE, 0);
  args.SetInt(GRPC_ARG_MINIMAL_STACK, 1);
  // The back-off is ours (common/rpc/backoff.h): a new channel each time, no second one below it.
  args.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);
  return args;
}

int64_t HelloTimeoutMs(const StreamOptions& options) {
  // Somebody else waits.
  return options.collectors.size() > 1 ? std::min(options.hello_timeout_ms, int64_t{3000})
                                       : options.hello_timeout_ms;
}

}  // namespace

absl::StatusOr<std::shared_ptr<grpc::Channel>> NewChannel(const StreamOptions& options,
                                                          const std::string& collector) {
  absl::StatusOr<std::shared_ptr<grpc::ChannelCredentials>> credentials =
      grpc::InsecureChannelCredentials();
  if (options.credentials != nullptr) {
    credentials = options.credentials();
  }
  if (!credentials.ok()) {
    return credentials.status();
  }
  return grpc::CreateCustomChannel(collector, *credentials, ChannelArguments(collector));
}

bool WaitForConnection(const StreamOptions& options, grpc::Channel& channel, StreamSession& session,
                       const Clock& clock) {
  const int64_t until = clock.MonotonicMs() + HelloTimeoutMs(options);
  while (clock.MonotonicMs() < until) {
    if (channel.WaitForConnected(std::chrono::system_clock::now() +
                                 std::chrono::milliseconds(200))) {
      return true;
    }
    if (session.IsStopping() || channel.GetState(false) == GRPC_CHANNEL_TRANSIENT_FAILURE) {
      return false;
    }
  }
  return false;
}

bool SayHello(const StreamOptions& options, ReaderWriter& stream, const v1::AgentMessage& hello,
              StreamSession& session, const Clock& clock, v1::CollectorMessage* answer) {
  grpc::ClientContext* call = nullptr;
  {
    MutexLock lock(&session.mu);
    session.answered = false;
    call = session.context;
  }
  std::thread guard = StartThread("ronda-hello", [&] {
    const int64_t until = clock.MonotonicMs() + HelloTimeoutMs(options);
    MutexLock lock(&session.mu);
    while (!session.answered && clock.MonotonicMs() < until) {
      session.cv.WaitFor(&session.mu, std::chrono::milliseconds(100));
    }
    if (!session.answered) {
      call->TryCancel();
    }
  });
  const bool got = stream.Write(hello) && stream.Read(answer);
  {
    MutexLock lock(&session.mu);
    session.answered = true;
    session.cv.SignalAll();
  }
  guard.join();
  if (got && !answer->has_welcome()) {
    call->TryCancel();
  }
  return got && answer->has_welcome();
}

}  // namespace ronda::agent
