// One thread connects, sends (stream_sender.h) and comes back; each stream has another that
// receives (stream_receiver.h), and with several collectors one that watches (failover.h).
//
// Tested by tests/unit/agent/stream/stream_client_test.cc and tests/e2e/reconnect_test.cc.
#include "agent/stream/stream_client.h"

#include <grpcpp/grpcpp.h>

#include <chrono>
#include <thread>
#include <utility>

#include "agent/stream/connect.h"
#include "agent/stream/failover.h"
#include "agent/stream/hello.h"
#include "agent/stream/stream_receiver.h"
#include "agent/stream/stream_sender.h"
#include "common/base/digest.h"
#include "common/base/status.h"
#include "common/base/thread.h"
#include "common/obs/log.h"
#include "common/rpc/backoff.h"
#include "ronda/v1/ingest.grpc.pb.h"

namespace ronda::agent {
namespace {

// Somebody else is there: almost at once, but not all agents of a collector in one instant.
constexpr int64_t kNextCollectorMs = 300;

}  // namespace

struct StreamClient::Impl {
  Impl(StreamOptions o, RunQueue& q, const Clock& c)
      : options(std::move(o)),
        queue(q),
        clock(c),
        receiver(queue, session, clock),
        failover(options, queue, session, clock),
        backoff(options.backoff_initial_ms, options.backoff_max_ms, RandomBits()) {}

  void Run();
  // Connects once and streams until it ends.
  void RunStream(size_t index);
  // Says hello; if that is welcome, streams. True if goodbye was said and heard.
  bool Converse(size_t index, ReaderWriter& stream, grpc::ClientContext& call);
  // Takes up what the collector said of what it holds.
  void Welcomed(const std::string& collector, const v1::Welcome& welcome);
  void NoteFailureLocked(const std::string& collector, std::string error)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(session.mu);

  const StreamOptions options;
  RunQueue& queue;
  const Clock& clock;
  StreamSession session;
  StreamReceiver receiver;
  Failover failover;
  rpc::Backoff backoff;
  bool goodbye_heard ABSL_GUARDED_BY(session.mu) = false;
  std::thread thread;
};

void StreamClient::Impl::Run() {
  size_t next = 0;
  size_t failed = 0;  // in a row, of those in the list
  while (!session.IsStopping()) {
    RunStream(next);
    bool at_once = false;
    next = failover.NextAfter(next, &at_once);
    MutexLock lock(&session.mu);
    if (session.acknowledged) {
      backoff.Reset();  // a stream that was only welcomed may be refused again at once
      failed = 0;
    }
    if (at_once) {
      continue;
    }
    const bool next_soon = ++failed < options.collectors.size();
    const int64_t wait_ms =
        next_soon ? static_cast<int64_t>(RandomBits() % kNextCollectorMs) : backoff.NextMs();
    failed = next_soon ? failed : 0;
    const int64_t until = clock.MonotonicMs() + wait_ms;
    while (!session.stopping && clock.MonotonicMs() < until) {
      session.cv.WaitFor(&session.mu, std::chrono::milliseconds(until - clock.MonotonicMs()));
    }
  }
}

void StreamClient::Impl::RunStream(size_t index) {
  const std::string& collector = options.collectors[index];
  const auto opened = NewChannel(options, collector);
  if (!opened.ok()) {
    MutexLock lock(&session.mu);
    NoteFailureLocked(collector, std::string(Message(opened.status())));
    return;
  }
  const std::shared_ptr<grpc::Channel>& channel = *opened;
  grpc::ClientContext call;
  {
    MutexLock lock(&session.mu);
    if (session.stopping) {
      return;
    }
    session.context = &call;
    session.stream_over = false;
    session.acknowledged = false;
    session.wanted.clear();
  }
  std::unique_ptr<v1::Ingest::Stub> stub = v1::Ingest::NewStub(channel);
  grpc::Status status(grpc::StatusCode::UNAVAILABLE, "nobody answers there");
  bool said_goodbye = false;
  if (WaitForConnection(options, *channel, session, clock)) {
    std::unique_ptr<ReaderWriter> stream = stub->Stream(&call);
    said_goodbye = Converse(index, *stream, call);
    status = stream->Finish();
  } else if (channel->GetState(false) == GRPC_CHANNEL_TRANSIENT_FAILURE) {
    status = stub->Stream(&call)->Finish();  // only a call says why its connection failed
  }
  MutexLock lock(&session.mu);
  session.context = nullptr;
  goodbye_heard = said_goodbye && status.ok();
  session.state.connected = false;
  if (!session.stopping) {
    NoteFailureLocked(collector,
                      status.error_message().empty() ? "the stream ended" : status.error_message());
  }
}

bool StreamClient::Impl::Converse(size_t index, ReaderWriter& stream, grpc::ClientContext& call) {
  const std::string& collector = options.collectors[index];
  v1::AgentMessage first;
  const uint64_t epoch = FillHello(options, queue, clock.NowMs(), first.mutable_hello());
  {
    MutexLock lock(&session.mu);
    if (session.acknowledged_by != collector) {
      first.mutable_hello()->set_elsewhere(session.acknowledged_by);
    }
  }
  v1::CollectorMessage answer;
  if (!SayHello(options, stream, first, session, clock, &answer)) {
    return false;
  }
  Welcomed(collector, answer.welcome());
  std::thread receiving = StartThread("ronda-receive", [&] { receiver.Run(stream); });
  std::thread watching;
  if (options.collectors.size() > 1) {
    watching = StartThread("ronda-watch", [&] { failover.Watch(index); });
  }
  StreamSender sender(stream, epoch, queue, session, clock);
  sender.Run();
  const bool said_goodbye = sender.Drain();
  call.TryCancel();
  receiving.join();  // it sets stream_over
  if (watching.joinable()) {
    watching.join();
  }
  queue.Disconnected();
  return said_goodbye;
}

void StreamClient::Impl::Welcomed(const std::string& collector, const v1::Welcome& welcome) {
  const std::vector<RunQueue::Held> held = HeldBy(welcome);
  {
    MutexLock lock(&session.mu);
    session.state.connected = true;
    session.state.collector = collector;
    session.state.last_error.clear();
    ++session.state.connects;
    session.state.clock_offset_ms = welcome.now_ms() - clock.NowMs();
    session.heard_mono_ms = clock.MonotonicMs();
  }
  queue.Connected(held, TakesKeptEpochs(welcome));
  queue.AddCredit(welcome.credit().samples());
  queue.SetHold(welcome.credit().hold());
  obs::Info("stream", "connected collector={} held_ranges={}", collector,
            held.front().seqs.ranges().size());
}

void StreamClient::Impl::NoteFailureLocked(const std::string& collector, std::string error) {
  if (error != session.state.last_error) {
    obs::Warn("stream", "not connected collector={} error=\"{}\"; sampling goes on, will retry",
              collector, error);
  }
  session.state.last_error = std::move(error);
}

StreamClient::StreamClient(StreamOptions options, RunQueue& queue, const Clock& clock)
    : impl_(std::make_unique<Impl>(std::move(options), queue, clock)) {}

StreamClient::~StreamClient() { Stop("stopped", 0); }

void StreamClient::Start() {
  impl_->thread = StartThread("ronda-send", [impl = impl_.get()] { impl->Run(); });
}

void StreamClient::Stop(const std::string& reason, int64_t drain_ms) {
  if (!impl_->thread.joinable()) {
    return;
  }
  StreamSession& session = impl_->session;
  {
    MutexLock lock(&session.mu);
    session.stopping = true;
    session.stop_reason = reason;
    session.drain_ms = drain_ms;
    if (session.context != nullptr && (drain_ms == 0 || !session.state.connected)) {
      session.context->TryCancel();
    }
    session.cv.SignalAll();
  }
  impl_->queue.Wake();
  // A write that hangs (a stopped collector) must not hold back the stop.
  std::thread watchdog = StartThread("ronda-stop", [&session, &clock = impl_->clock, drain_ms] {
    const int64_t until = clock.MonotonicMs() + drain_ms + 1000;
    MutexLock lock(&session.mu);
    while (session.context != nullptr && clock.MonotonicMs() < until) {
      session.cv.WaitFor(&session.mu, std::chrono::milliseconds(50));
    }
    if (session.context != nullptr) {
      session.context->TryCancel();
    }
  });
  impl_->thread.join();
  watchdog.join();
}

bool StreamClient::said_goodbye() const {
  MutexLock lock(&impl_->session.mu);
  return impl_->goodbye_heard;
}

StreamState StreamClient::state() const {
  MutexLock lock(&impl_->session.mu);
  return impl_->session.state;
}

}  // namespace ronda::agent
