// Tested by tests/integration/stream_test.cc against the real ingest.
#include "agent/stream/stream_client.h"

#include <grpcpp/grpcpp.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <map>
#include <thread>
#include <utility>

#include "common/base/digest.h"
#include "common/base/status.h"
#include "common/base/thread.h"
#include "common/codec/schema_codec.h"
#include "common/obs/log.h"
#include "common/rpc/backoff.h"
#include "common/rpc/credentials.h"
#include "ronda/v1/ingest.grpc.pb.h"

namespace ronda::agent {
namespace {

constexpr uint32_t kProtocolVersion = 1;
// The collector takes frames of earlier epochs (proto/ronda/v1/ingest.proto).
constexpr std::string_view kEpochs = "epochs";
// Longer than a frame waits for those of the other groups.
constexpr std::chrono::milliseconds kDrainStep{150};
// How long a collector may take to end the stream after goodbye; less than Stop() allows beyond the
// time to drain.
constexpr int64_t kGoodbyeMs = 800;
constexpr int64_t kRejectionLogMs = 60'000;
using ReaderWriter = grpc::ClientReaderWriter<v1::AgentMessage, v1::CollectorMessage>;

std::vector<codec::SeqRange> FromProto(const google::protobuf::RepeatedPtrField<v1::SeqRange>& in) {
  std::vector<codec::SeqRange> out;
  out.reserve(static_cast<size_t>(in.size()));
  for (const v1::SeqRange& range : in) {
    out.push_back({range.first(), range.last()});
  }
  return out;
}

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

}  // namespace

struct StreamClient::Impl {
  Impl(StreamOptions o, RunQueue& q, const Clock& c)
      : options(std::move(o)),
        queue(q),
        clock(c),
        backoff(options.backoff_initial_ms, options.backoff_max_ms, RandomBits()),
        return_after_ms(options.return_after_ms) {}

  void Run();
  // Connects once and streams until it ends.
  void RunStream(size_t index);
  absl::StatusOr<std::shared_ptr<grpc::Channel>> NewChannel(const std::string& collector) const;
  void FillHello(v1::Hello* hello);
  void NoteFailureLocked(const std::string& collector, std::string error)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu);
  void Send(ReaderWriter& stream);
  bool SendOne(ReaderWriter& stream, const Outgoing& out);
  bool SendRequestedSchemas(ReaderWriter& stream);
  void Receive(ReaderWriter& stream);
  void Handle(const v1::CollectorMessage& message);
  void LogRejection(const v1::Reject& reject);
  // True if goodbye was said and the collector ended the stream upon it.
  bool Drain(ReaderWriter& stream);
  bool WaitForConnection(grpc::Channel& channel);
  // Takes up what the collector said of what it holds.
  void Welcomed(const std::string& collector, const v1::Welcome& welcome);
  // Watches a stream for failover; until it is over.
  void Watch(size_t index);
  void EndStream(const std::string& why) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu);
  bool CanReach(const std::string& collector);
  int64_t HelloTimeoutMs() const {
    // Somebody else waits.
    return options.collectors.size() > 1 ? std::min(options.hello_timeout_ms, int64_t{3000})
                                         : options.hello_timeout_ms;
  }
  bool SayHello(ReaderWriter& stream, grpc::ClientContext& call, const v1::AgentMessage& hello,
                v1::CollectorMessage* answer);

  const StreamOptions options;
  RunQueue& queue;
  const Clock& clock;
  rpc::Backoff backoff;
  uint64_t hello_epoch = 0;  // that the present stream speaks of; the sending thread's
  struct Rejections {
    int64_t logged_mono_ms = 0;  // 0: never
    int64_t since_log = 0;
  };
  std::map<int, Rejections> rejections;  // by reason; the receiving thread's
  std::thread thread;

  Mutex mu;
  CondVar cv;
  // The collector that acknowledged frames of the present epoch last; "" before the first.
  std::string acknowledged_by ABSL_GUARDED_BY(mu);
  int64_t heard_mono_ms ABSL_GUARDED_BY(mu) = 0;     // the last acknowledgement, or the Welcome
  int64_t return_after_ms ABSL_GUARDED_BY(mu);       // doubled after a return that did not last
  int64_t returned_mono_ms ABSL_GUARDED_BY(mu) = 0;  // when the first was gone back to
  bool go_back ABSL_GUARDED_BY(mu) = false;
  bool stopping ABSL_GUARDED_BY(mu) = false;
  bool stream_over ABSL_GUARDED_BY(mu) = false;
  bool acknowledged ABSL_GUARDED_BY(mu) = false;  // anything on the present stream
  bool answered ABSL_GUARDED_BY(mu) = false;      // the hello of the present stream
  bool goodbye_heard ABSL_GUARDED_BY(mu) = false;
  std::string stop_reason ABSL_GUARDED_BY(mu);
  int64_t drain_ms ABSL_GUARDED_BY(mu) = 0;
  grpc::ClientContext* context ABSL_GUARDED_BY(mu) = nullptr;
  std::vector<SchemaHash> wanted ABSL_GUARDED_BY(mu);
  StreamState state ABSL_GUARDED_BY(mu);
};

void StreamClient::Impl::FillHello(v1::Hello* hello) {
  hello->mutable_versions()->set_min(kProtocolVersion);
  hello->mutable_versions()->set_max(kProtocolVersion);
  hello->set_node(options.node);
  for (const Label& label : options.labels.all()) {
    v1::Label* added = hello->add_labels();
    added->set_name(label.name);
    added->set_value(label.value);
  }
  hello->set_boot_id(options.boot_id);
  hello->set_machine_id(options.machine_id);
  hello->set_agent_version(options.version);
  hello->set_now_ms(clock.NowMs());
  const EpochId epoch = queue.epoch();
  hello_epoch = epoch.id;
  hello->set_epoch(epoch.id);
  hello->set_epoch_started_ms(epoch.started_ms);
  for (const KeptEpoch& kept : queue.KeptEpochs()) {
    v1::KeptEpoch* added = hello->add_kept();
    added->set_epoch(kept.epoch.id);
    added->set_started_ms(kept.epoch.started_ms);
    added->set_last_seq(kept.last_seq);
    added->set_newest_ms(kept.newest_ms);
    added->set_stopped(kept.stopped);
  }
}

void StreamClient::Impl::Run() {
  size_t next = 0;
  size_t failed = 0;  // in a row, of those in the list
  for (;;) {
    {
      MutexLock lock(&mu);
      if (stopping) {
        return;
      }
    }
    RunStream(next);
    MutexLock lock(&mu);
    if (acknowledged) {
      backoff.Reset();  // a stream that was only welcomed may be refused again at once
      failed = 0;
    }
    if (go_back) {
      go_back = false;
      returned_mono_ms = clock.MonotonicMs();
      next = 0;
      continue;
    }
    if (next == 0 && returned_mono_ms != 0 &&
        clock.MonotonicMs() - returned_mono_ms < return_after_ms) {
      return_after_ms = std::min(2 * return_after_ms, 32 * options.return_after_ms);
    }
    next = (next + 1) % options.collectors.size();
    // Somebody else is there: almost at once, but not all agents of a collector in one instant.
    const bool next_at_once = ++failed < options.collectors.size();
    const int64_t wait_ms =
        next_at_once ? static_cast<int64_t>(RandomBits() % 300) : backoff.NextMs();
    failed = next_at_once ? failed : 0;
    const int64_t until = clock.MonotonicMs() + wait_ms;
    while (!stopping && clock.MonotonicMs() < until) {
      cv.WaitFor(&mu, std::chrono::milliseconds(until - clock.MonotonicMs()));
    }
  }
}

// With several collectors: ends a stream that is not served, and one that is not with the first of
// them once that can be reached again for some time.
void StreamClient::Impl::Watch(size_t index) {
  int64_t reachable_since = 0;  // monotonic
  int64_t probe_at = clock.MonotonicMs() + options.failover_after_ms;
  const auto jitter = static_cast<int64_t>(RandomBits() % 1000);
  for (;;) {
    {
      MutexLock lock(&mu);
      cv.WaitFor(&mu, std::chrono::milliseconds(200));
      if (stream_over || stopping || context == nullptr) {
        return;
      }
      const int64_t now = clock.MonotonicMs();
      const bool waits = queue.oldest_wait().count() > options.failover_after_ms;
      if (waits && now - heard_mono_ms > options.failover_after_ms) {
        EndStream("it acknowledges nothing");
        return;
      }
      if (index == 0 || now < probe_at) {
        continue;
      }
      probe_at = now + std::max<int64_t>(return_after_ms / 6, 200) + jitter % 200;
    }
    const bool reachable = CanReach(options.collectors.front());
    MutexLock lock(&mu);
    const int64_t now = clock.MonotonicMs();
    reachable_since = !reachable ? 0 : reachable_since == 0 ? now : reachable_since;
    if (reachable && now - reachable_since >= return_after_ms + return_after_ms * jitter / 2000) {
      go_back = true;
      EndStream("the first collector of the list is there again");
      return;
    }
  }
}

void StreamClient::Impl::EndStream(const std::string& why) {
  obs::Warn("stream", "leaves the collector={} because {}", state.collector, why);
  state.last_error = why;
  if (context != nullptr) {
    context->TryCancel();
  }
}

// With the certificate that is there now.
absl::StatusOr<std::shared_ptr<grpc::Channel>> StreamClient::Impl::NewChannel(
    const std::string& collector) const {
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

// Whether somebody answers there at all; the stream that goes on meanwhile is not touched.
bool StreamClient::Impl::CanReach(const std::string& collector) {
  const auto opened = NewChannel(collector);
  if (!opened.ok()) {
    return false;
  }
  grpc::Channel* const channel = opened->get();
  for (int i = 0; i < 20; ++i) {
    if (channel->WaitForConnected(std::chrono::system_clock::now() +
                                  std::chrono::milliseconds(100))) {
      return true;
    }
    MutexLock lock(&mu);
    if (stream_over || stopping || channel->GetState(false) == GRPC_CHANNEL_TRANSIENT_FAILURE) {
      return false;
    }
  }
  return false;
}

// In short steps, so that Stop() does not wait for a host that does not answer.
bool StreamClient::Impl::WaitForConnection(grpc::Channel& channel) {
  const int64_t until = clock.MonotonicMs() + HelloTimeoutMs();
  while (clock.MonotonicMs() < until) {
    if (channel.WaitForConnected(std::chrono::system_clock::now() +
                                 std::chrono::milliseconds(200))) {
      return true;
    }
    MutexLock lock(&mu);
    if (stopping || channel.GetState(false) == GRPC_CHANNEL_TRANSIENT_FAILURE) {
      return false;
    }
  }
  return false;
}

// A collector that takes the connection and then says nothing is given up like one that is not
// there. True if it said Welcome.
bool StreamClient::Impl::SayHello(ReaderWriter& stream, grpc::ClientContext& call,
                                  const v1::AgentMessage& hello, v1::CollectorMessage* answer) {
  {
    MutexLock lock(&mu);
    answered = false;
  }
  std::thread guard = StartThread("ronda-hello", [&] {
    const int64_t until = clock.MonotonicMs() + HelloTimeoutMs();
    MutexLock lock(&mu);
    while (!answered && clock.MonotonicMs() < until) {
      cv.WaitFor(&mu, std::chrono::milliseconds(100));
    }
    if (!answered) {
      call.TryCancel();
    }
  });
  const bool got = stream.Write(hello) && stream.Read(answer);
  {
    MutexLock lock(&mu);
    answered = true;
    cv.SignalAll();
  }
  guard.join();
  if (got && !answer->has_welcome()) {
    call.TryCancel();
  }
  return got && answer->has_welcome();
}

void StreamClient::Impl::RunStream(size_t index) {
  const std::string& collector = options.collectors[index];
  const auto opened = NewChannel(collector);
  if (!opened.ok()) {
    MutexLock lock(&mu);
    NoteFailureLocked(collector, std::string(Message(opened.status())));
    return;
  }
  const std::shared_ptr<grpc::Channel>& channel = *opened;
  grpc::ClientContext call;
  {
    MutexLock lock(&mu);
    if (stopping) {
      return;
    }
    context = &call;
    stream_over = false;
    acknowledged = false;
    wanted.clear();
  }
  std::unique_ptr<v1::Ingest::Stub> stub = v1::Ingest::NewStub(channel);
  grpc::Status status(grpc::StatusCode::UNAVAILABLE, "nobody answers there");
  bool said_goodbye = false;
  if (WaitForConnection(*channel)) {
    std::unique_ptr<ReaderWriter> stream = stub->Stream(&call);
    v1::AgentMessage first;
    FillHello(first.mutable_hello());
    {
      MutexLock lock(&mu);
      if (acknowledged_by != collector) {
        first.mutable_hello()->set_elsewhere(acknowledged_by);
      }
    }
    v1::CollectorMessage answer;
    if (SayHello(*stream, call, first, &answer)) {
      Welcomed(collector, answer.welcome());
      std::thread receiver = StartThread("ronda-receive", [&] { Receive(*stream); });
      std::thread watcher;
      if (options.collectors.size() > 1) {
        watcher = StartThread("ronda-watch", [&] { Watch(index); });
      }
      Send(*stream);
      said_goodbye = Drain(*stream);
      call.TryCancel();
      receiver.join();  // it sets stream_over
      if (watcher.joinable()) {
        watcher.join();
      }
      queue.Disconnected();
    }
    status = stream->Finish();
  } else if (channel->GetState(false) == GRPC_CHANNEL_TRANSIENT_FAILURE) {
    status = stub->Stream(&call)->Finish();  // only a call says why its connection failed
  }
  MutexLock lock(&mu);
  context = nullptr;
  goodbye_heard = said_goodbye && status.ok();
  state.connected = false;
  if (!stopping) {
    NoteFailureLocked(collector,
                      status.error_message().empty() ? "the stream ended" : status.error_message());
  }
}

void StreamClient::Impl::Welcomed(const std::string& collector, const v1::Welcome& welcome) {
  std::vector<RunQueue::Held> held(1);
  for (const codec::SeqRange& range : FromProto(welcome.held())) {
    held.front().seqs.AddRange(range);
  }
  for (const v1::HeldEpoch& kept : welcome.held_kept()) {
    RunQueue::Held& added = held.emplace_back();
    added.epoch = kept.epoch();
    for (const codec::SeqRange& range : FromProto(kept.held())) {
      added.seqs.AddRange(range);
    }
  }
  {
    MutexLock lock(&mu);
    state.connected = true;
    state.collector = collector;
    state.last_error.clear();
    ++state.connects;
    state.clock_offset_ms = welcome.now_ms() - clock.NowMs();
    heard_mono_ms = clock.MonotonicMs();
  }
  const bool takes_kept = std::find(welcome.capabilities().begin(), welcome.capabilities().end(),
                                    kEpochs) != welcome.capabilities().end();
  queue.Connected(held, takes_kept);
  queue.AddCredit(welcome.credit().samples());
  queue.SetHold(welcome.credit().hold());
  obs::Info("stream", "connected collector={} held_ranges={}", collector,
            held.front().seqs.ranges().size());
}

void StreamClient::Impl::NoteFailureLocked(const std::string& collector, std::string error) {
  if (error != state.last_error) {
    obs::Warn("stream", "not connected collector={} error=\"{}\"; sampling goes on, will retry",
              collector, error);
  }
  state.last_error = std::move(error);
}

void StreamClient::Impl::Send(ReaderWriter& stream) {
  for (;;) {
    const std::optional<Outgoing> out = queue.Next(std::chrono::milliseconds(1000));
    if (!SendRequestedSchemas(stream) || (out.has_value() && !SendOne(stream, *out))) {
      return;
    }
    MutexLock lock(&mu);
    if (stream_over || stopping) {
      return;
    }
  }
}

bool StreamClient::Impl::SendOne(ReaderWriter& stream, const Outgoing& out) {
  v1::AgentMessage message;
  if (out.backfilled) {
    message.mutable_backfilled();
    return stream.Write(message);
  }
  v1::Frames* frames = message.mutable_frames();
  frames->set_epoch(out.epoch == hello_epoch ? 0 : out.epoch);
  frames->set_lane(out.lane == Lane::kLive ? v1::LANE_LIVE : v1::LANE_BACKFILL);
  for (const auto& frame : out.frames) {
    frames->add_frame(*frame);
  }
  return stream.Write(message);
}

bool StreamClient::Impl::SendRequestedSchemas(ReaderWriter& stream) {
  std::vector<SchemaHash> hashes;
  {
    MutexLock lock(&mu);
    hashes.swap(wanted);
  }
  for (const SchemaHash& hash : hashes) {
    const std::shared_ptr<const Schema> schema = queue.FindSchema(hash);
    if (schema == nullptr) {
      // Its run was given up meanwhile, and the collector waits for it with all that followed: the
      // next stream begins without that run.
      return false;
    }
    v1::AgentMessage message;
    message.mutable_schema()->set_content(codec::EncodeSchema(*schema));
    if (!stream.Write(message)) {
      return false;
    }
  }
  return true;
}

// On an orderly stop: waits for the last acknowledgements, then says goodbye, and waits until the
// collector has it.
bool StreamClient::Impl::Drain(ReaderWriter& stream) {
  v1::AgentMessage goodbye;
  int64_t until = 0;
  {
    MutexLock lock(&mu);
    if (!stopping || stream_over) {
      return false;
    }
    goodbye.mutable_goodbye()->set_reason(stop_reason);
    until = clock.MonotonicMs() + drain_ms;
  }
  // Twice nothing: one may be a Wake(), and the last frames wait a moment for company.
  for (int quiet = 0; quiet < 2;) {
    const auto out = queue.Next(kDrainStep);
    if (!SendRequestedSchemas(stream) || (out.has_value() && !SendOne(stream, *out))) {
      return false;
    }
    quiet = out.has_value() ? 0 : quiet + 1;
  }
  while (queue.unacknowledged() > 0 && clock.MonotonicMs() < until) {
    if (!SendRequestedSchemas(stream)) {
      return false;
    }
    MutexLock lock(&mu);
    if (stream_over) {
      return false;
    }
    cv.WaitFor(&mu, std::chrono::milliseconds(20));
  }
  if (!stream.Write(goodbye) || !stream.WritesDone()) {
    return false;
  }
  until = std::max(until, clock.MonotonicMs() + kGoodbyeMs);
  MutexLock lock(&mu);
  while (!stream_over && clock.MonotonicMs() < until) {
    cv.WaitFor(&mu, std::chrono::milliseconds(20));
  }
  return stream_over;
}

void StreamClient::Impl::Receive(ReaderWriter& stream) {
  v1::CollectorMessage message;
  while (stream.Read(&message)) {
    Handle(message);
    if (message.message_case() == v1::CollectorMessage::kNewEpoch) {
      break;  // what is still under way speaks of the old numbers
    }
  }
  MutexLock lock(&mu);
  stream_over = true;
  cv.SignalAll();
  queue.Wake();
}

// The first of a reason at once, then one line a minute with their number.
void StreamClient::Impl::LogRejection(const v1::Reject& reject) {
  Rejections& of_reason = rejections[reject.reason()];
  ++of_reason.since_log;
  const int64_t now = clock.MonotonicMs();
  if (of_reason.logged_mono_ms != 0 && now - of_reason.logged_mono_ms < kRejectionLogMs) {
    return;
  }
  obs::Warn("stream", "the collector refused frames reason={} times={} detail=\"{}\"",
            v1::Reject::Reason_Name(reject.reason()), of_reason.since_log, reject.detail());
  of_reason = {now, 0};
}

void StreamClient::Impl::Handle(const v1::CollectorMessage& message) {
  switch (message.message_case()) {
    case v1::CollectorMessage::kAck: {
      queue.Acknowledge(message.ack().epoch(), FromProto(message.ack().range()));
      MutexLock lock(&mu);
      acknowledged = true;
      heard_mono_ms = clock.MonotonicMs();
      acknowledged_by = state.collector;
      state.clock_offset_ms = message.ack().now_ms() - clock.NowMs();
      break;
    }
    case v1::CollectorMessage::kSchemaRequest: {
      SchemaHash hash{};
      if (message.schema_request().hash().size() == hash.size()) {
        std::copy_n(message.schema_request().hash().begin(), hash.size(), hash.begin());
        MutexLock lock(&mu);
        wanted.push_back(hash);
      }
      queue.Wake();
      break;
    }
    case v1::CollectorMessage::kReject:
      LogRejection(message.reject());
      // Of what comes too fast nothing is lost: it is read more slowly.
      if (message.reject().reason() != v1::Reject::RATE) {
        queue.Reject(message.reject().epoch(), FromProto(message.reject().range()),
                     message.reject().detail());
      }
      break;
    case v1::CollectorMessage::kNewEpoch: {
      obs::Warn("stream", "the collector orders new numbers detail=\"{}\"",
                message.new_epoch().detail());
      queue.Renumber(message.new_epoch().detail());
      MutexLock lock(&mu);
      acknowledged_by.clear();
      if (context != nullptr) {
        context->TryCancel();
      }
      break;
    }
    case v1::CollectorMessage::kCredit:
      queue.SetHold(message.credit().hold());
      queue.AddCredit(message.credit().samples());
      break;
    default:
      // A later collector's message: what this agent cannot do it did not offer in Hello.
      break;
  }
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
  {
    MutexLock lock(&impl_->mu);
    impl_->stopping = true;
    impl_->stop_reason = reason;
    impl_->drain_ms = drain_ms;
    if (impl_->context != nullptr && (drain_ms == 0 || !impl_->state.connected)) {
      impl_->context->TryCancel();
    }
    impl_->cv.SignalAll();
  }
  impl_->queue.Wake();
  // A write that hangs (a stopped collector) must not hold back the stop.
  std::thread watchdog = StartThread("ronda-stop", [impl = impl_.get(), drain_ms] {
    const int64_t until = impl->clock.MonotonicMs() + drain_ms + 1000;
    MutexLock lock(&impl->mu);
    while (impl->context != nullptr && impl->clock.MonotonicMs() < until) {
      impl->cv.WaitFor(&impl->mu, std::chrono::milliseconds(50));
    }
    if (impl->context != nullptr) {
      impl->context->TryCancel();
    }
  });
  impl_->thread.join();
  watchdog.join();
}

bool StreamClient::said_goodbye() const {
  MutexLock lock(&impl_->mu);
  return impl_->goodbye_heard;
}

StreamState StreamClient::state() const {
  MutexLock lock(&impl_->mu);
  return impl_->state;
}

}  // namespace ronda::agent
